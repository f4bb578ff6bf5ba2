//! What a plugin asks of its operator, as bytes of a section of its module.
//!
//! It owns the way from a text to those bytes, which a compiler goes. It never reads
//! the text: the host does.

/// Bytes that a host reads of it.
const MAX_BYTES: usize = 16 << 10;

/// Ends the compilation if a host would refuse the text for its size.
pub const fn assert_short(asks: &str) {
    assert!(
        asks.len() <= MAX_BYTES,
        "what a plugin asks for may have 16384 bytes"
    );
}

/// The bytes of a text, as a value that can stand in a section; `N` is its length.
pub const fn bytes_of<const N: usize>(asks: &str) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(asks.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_of_the_text() {
        const TEXT: &str = "[keyvalue] # \u{e4}";
        const BYTES: [u8; TEXT.len()] = bytes_of(TEXT);
        assert_eq!(BYTES, TEXT.as_bytes());
    }
}
