//! Messages that differ in nothing but a number: written and compared without
//! being parsed.
//!
//! It owns where the number stands in a text. It never knows what the text is.

/// Digits of every number: so all messages of one kind have the same length.
pub const DIGITS: usize = 10;

/// The smallest number of [`DIGITS`] digits.
pub const FIRST_ID: u64 = 1_000_000_000;

/// The largest number of [`DIGITS`] digits.
pub const LAST_ID: u64 = 9_999_999_999;

/// The number that stands in a text from which a template is made. Nothing else
/// in a message looks like it.
pub const PROBE_ID: u64 = 9_081_726_354;

/// A number as it stands in a message.
pub fn digits(id: u64) -> [u8; DIGITS] {
    debug_assert!((FIRST_ID..=LAST_ID).contains(&id));
    let mut digits = [b'0'; DIGITS];
    let mut rest = id;
    for digit in digits.iter_mut().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
    }
    digits
}

/// The number that stands at the start of `bytes`, if one does.
pub fn number(bytes: &[u8]) -> Option<u64> {
    let digits = bytes.get(..DIGITS)?;
    digits.iter().try_fold(0_u64, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + u64::from(digit - b'0'))
    })
}

/// A text with holes for a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    bytes: Vec<u8>,
    holes: Vec<usize>,
}

impl Template {
    /// The template of a text in which [`PROBE_ID`] stands for the number.
    pub fn of(text: impl Into<Vec<u8>>) -> Self {
        let bytes = text.into();
        let holes = memchr::memmem::find_iter(&bytes, &digits(PROBE_ID)).collect();
        Self { bytes, holes }
    }

    /// Bytes of each of its messages.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether its messages are empty.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Where the number stands first.
    pub fn first_hole(&self) -> Option<usize> {
        self.holes.first().copied()
    }

    /// Writes the message with this number.
    pub fn write(&self, digits: &[u8; DIGITS], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        for hole in &self.holes {
            out[start + hole..start + hole + DIGITS].copy_from_slice(digits);
        }
    }

    /// Whether `bytes` are the message with this number, to the last byte.
    pub fn matches(&self, bytes: &[u8], digits: &[u8; DIGITS]) -> bool {
        if bytes.len() != self.bytes.len() {
            return false;
        }
        let mut at = 0;
        for &hole in &self.holes {
            if bytes[at..hole] != self.bytes[at..hole] || bytes[hole..hole + DIGITS] != digits[..] {
                return false;
            }
            at = hole + DIGITS;
        }
        bytes[at..] == self.bytes[at..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_length_and_come_back() {
        for id in [FIRST_ID, PROBE_ID, 1_234_567_890, LAST_ID] {
            assert_eq!(digits(id), id.to_string().as_bytes());
            assert_eq!(number(&digits(id)), Some(id));
        }
        assert_eq!(number(b"12345"), None);
        assert_eq!(number(b"12345x7890"), None);
    }

    #[test]
    fn every_hole_is_filled_and_every_byte_compared() {
        let template = Template::of(format!("{{\"id\":{PROBE_ID},\"text\":\"{PROBE_ID}!\"}}"));
        assert_eq!(template.first_hole(), Some(6));
        let mut out = b"before ".to_vec();
        template.write(&digits(FIRST_ID), &mut out);
        assert_eq!(
            out,
            b"before {\"id\":1000000000,\"text\":\"1000000000!\"}".to_vec()
        );
        let message = out.split_off("before ".len());
        assert!(template.matches(&message, &digits(FIRST_ID)));
        assert!(!template.matches(&message, &digits(FIRST_ID + 1)));
        assert!(!template.matches(&message[1..], &digits(FIRST_ID)));
        for at in 0..message.len() {
            let mut wrong = message.clone();
            wrong[at] ^= 1;
            assert!(!template.matches(&wrong, &digits(FIRST_ID)), "byte {at}");
        }
    }
}
