//! Whether this machine may swap memory out.
//!
//! It owns the one question. It never changes a setting.
//!
//! In wasmtime 48 the page-by-page reset of a slot passes over pages that are
//! swapped out (bytecodealliance/wasmtime#14357): what one caller wrote there
//! would still be there for the next. So it is used only where nothing is swapped.

/// The kernel's list of swap areas: a line of titles, then a line for each.
const SWAPS: &str = "/proc/swaps";

/// Whether there is certainly no swap area now.
pub fn is_off() -> bool {
    std::fs::read_to_string(SWAPS).is_ok_and(|swaps| lists_none(&swaps))
}

fn lists_none(swaps: &str) -> bool {
    let mut lines = swaps.lines();
    lines
        .next()
        .is_some_and(|titles| titles.starts_with("Filename"))
        && lines.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_list_with_titles_alone_says_that_nothing_is_swapped() {
        let titles = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
        assert!(lists_none(titles));
        assert!(!lists_none(&format!(
            "{titles}/dev/vda2 partition 8388604 0 -2\n"
        )));
        assert!(!lists_none(""));
        assert!(!lists_none("what is this?\n"));
    }
}
