//! The id of a request, kept exactly as its sender wrote it.
//!
//! Owns [`RequestId`]. It never interprets an id: `1`, `1.0` and `"1"` differ,
//! and a number too big for any machine type comes back digit by digit.

use std::hash::{Hash, Hasher};

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::json::{JsonKind, string_of};

/// Ids up to this length, which all clients in use send, need no allocation.
/// With its length an inline id takes the room that a `String` does.
const INLINE_MAX_BYTES: usize = 22;

/// The JSON text of a string or an integer.
#[derive(Clone)]
pub struct RequestId(Text);

#[derive(Clone)]
enum Text {
    Inline {
        length: u8,
        bytes: [u8; INLINE_MAX_BYTES],
    },
    Heap(Box<str>),
}

impl RequestId {
    /// The id that a JSON value is; `None` if it is neither string nor integer: a
    /// request must have one of these (2026-07-28, basic, Requests), and no schema
    /// has an answer to a fraction. A string whose escapes stand for no characters is none either: it would
    /// make each answer a text that many readers refuse.
    pub fn from_raw(raw: &RawValue) -> Option<Self> {
        let fits = match JsonKind::of(raw) {
            JsonKind::String => string_of(raw).is_some(),
            kind => kind == JsonKind::Number && is_integer(raw.get()),
        };
        fits.then(|| Self::from_text(raw.get()))
    }

    /// The JSON text, with the quotes of a string.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // The bytes were cut from a `str` as a whole, so they are UTF-8.
            Text::Inline { length, bytes } => {
                std::str::from_utf8(&bytes[..usize::from(*length)]).unwrap_or_default()
            }
            Text::Heap(text) => text,
        }
    }

    fn from_text(text: &str) -> Self {
        let mut bytes = [0; INLINE_MAX_BYTES];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(room), Ok(length)) => {
                room.copy_from_slice(text.as_bytes());
                Self(Text::Inline { length, bytes })
            }
            _ => Self(Text::Heap(text.into())),
        }
    }
}

/// Whether a JSON number is an integer, however it is written: `1.0` and `1e3` are.
pub(crate) fn is_integer(number: &str) -> bool {
    let plain = !number
        .bytes()
        .any(|byte| matches!(byte, b'.' | b'e' | b'E'));
    plain
        || number
            .parse::<f64>()
            .is_ok_and(|value| value.fract() == 0.0)
}

impl From<u64> for RequestId {
    /// The id of a request that the host itself sends.
    fn from(number: u64) -> Self {
        Self::from_text(&number.to_string())
    }
}

impl PartialEq for RequestId {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for RequestId {}

impl Hash for RequestId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::fmt::Debug for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for RequestId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue =
            serde_json::from_str(self.as_str()).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}
