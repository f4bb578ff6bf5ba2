//! Pressure on the memory of this process: the kernel is asked to take back
//! every page that it can.
//!
//! It owns the asking. Where nothing is swapped, written pages stay where they
//! are, and only those that a file can give back are taken.

/// Asks for every readable mapping; what can't be taken is left alone.
pub(crate) fn page_everything_out() {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("the mappings");
    let asked = maps
        .lines()
        .filter_map(range)
        .filter(|range| page_out(range.clone()))
        .count();
    assert!(asked > 0, "nothing could be paged out:\n{maps}");
}

/// The addresses of a mapping that can be read.
fn range(line: &str) -> Option<std::ops::Range<usize>> {
    let (addresses, rest) = line.split_once(' ')?;
    let (start, end) = addresses.split_once('-')?;
    let at = |text| usize::from_str_radix(text, 16).ok();
    rest.starts_with('r').then_some(at(start)?..at(end)?)
}

fn page_out(range: std::ops::Range<usize>) -> bool {
    let start = std::ptr::without_provenance_mut(range.start);
    // SAFETY: `MADV_PAGEOUT` changes no contents: a page that was taken comes
    // back as it was when it is next touched. An address that is no longer
    // mapped is an error of the call and nothing more.
    unsafe { libc::madvise(start, range.len(), libc::MADV_PAGEOUT) == 0 }
}
