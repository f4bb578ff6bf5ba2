//! Two handlers of one kind never go by the same name: the compiler says so, and
//! which name it is.

/// Stops the compilation if two of `names` are the same. Each has two halves, since
/// a completion has; `words` stand before, between and behind them.
#[track_caller]
pub const fn assert_distinct(words: [&str; 3], names: &[[&str; 2]]) {
    let mut i = 0;
    while i < names.len() {
        let mut j = i + 1;
        while j < names.len() {
            if equal(names[i][0], names[j][0]) && equal(names[i][1], names[j][1]) {
                let text = Text::EMPTY.with(words[0]).with(names[i][0]);
                let text = text.with(words[1]).with(names[i][1]).with(words[2]);
                panic!("{}", text.as_str());
            }
            j += 1;
        }
        i += 1;
    }
}

const fn equal(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// A text that a compiler puts together, which has no other way to name something.
struct Text {
    bytes: [u8; Self::MAX_BYTES],
    len: usize,
}

impl Text {
    const MAX_BYTES: usize = 512;

    const EMPTY: Self = Self {
        bytes: [0; Self::MAX_BYTES],
        len: 0,
    };

    /// With another piece, or without it if it is too long.
    const fn with(mut self, piece: &str) -> Self {
        let piece = piece.as_bytes();
        if piece.len() > Self::MAX_BYTES - self.len {
            return self;
        }
        let mut i = 0;
        while i < piece.len() {
            self.bytes[self.len + i] = piece[i];
            i += 1;
        }
        self.len += i;
        self
    }

    const fn as_str(&self) -> &str {
        match str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "two handlers of this plugin have the same name",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 3] = ["two are called `", "", "`"];

    #[test]
    fn different_names_are_fine() {
        assert_distinct(WORDS, &[["a", ""], ["b", ""], ["a", "b"], ["", "a"]]);
    }

    #[test]
    #[should_panic(expected = "two are called `ä`")]
    fn the_name_that_is_there_twice_is_told() {
        assert_distinct(WORDS, &[["ä", ""], ["b", ""], ["ä", ""]]);
    }

    #[test]
    fn what_has_no_room_is_left_out() {
        let long = "x".repeat(Text::MAX_BYTES);
        let text = Text::EMPTY.with("a").with(&long).with("b");
        assert_eq!(text.as_str(), "ab");
    }
}
