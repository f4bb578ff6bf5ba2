//! JSON text that is kept as text: checked once, then passed on verbatim.
//!
//! Owns [`RawJson`] and the few helpers that look one level into a value. It
//! never builds a tree of a document.

use std::borrow::Cow;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// Why a text can't be used as JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text breaks the grammar of JSON.
    #[error("the text is not valid JSON: {0}")]
    Syntax(String),
    /// A `\ud800`-like escape without its other half. The grammar allows it,
    /// but it stands for no character, and many readers refuse the whole frame.
    #[error("the text has half of a UTF-16 surrogate pair at byte {0}; write the character itself")]
    LoneSurrogate(usize),
}

/// What a JSON value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JsonKind {
    /// `{..}`
    Object,
    /// `[..]`
    Array,
    /// `".."`
    String,
    /// `1`, `-2.5e3`
    Number,
    /// `true` or `false`
    Bool,
    /// `null`
    Null,
}

impl JsonKind {
    /// The kind of a value that is known to be valid JSON.
    pub fn of(raw: &RawValue) -> Self {
        match raw.get().as_bytes().first() {
            Some(b'{') => Self::Object,
            Some(b'[') => Self::Array,
            Some(b'"') => Self::String,
            Some(b't' | b'f') => Self::Bool,
            Some(b'n') | None => Self::Null,
            Some(_) => Self::Number,
        }
    }

    /// The kind with its article, for messages: `an object`.
    pub fn described(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::String => "a string",
            Self::Number => "a number",
            Self::Bool => "a boolean",
            Self::Null => "null",
        }
    }
}

/// JSON text that was checked: valid, without spaces around it, and on one
/// line, so that it can stand in a newline-delimited frame. Serialises
/// verbatim: number formats, key order and escapes stay as they were written.
#[derive(Clone)]
pub struct RawJson(Box<RawValue>);

impl RawJson {
    /// Checks a text. Line breaks between tokens become spaces.
    ///
    /// # Errors
    /// [`JsonError`] if the text is not JSON, or has an unpaired surrogate.
    pub fn parse(text: String) -> Result<Self, JsonError> {
        let raw = RawValue::from_string(text).map_err(|e| JsonError::Syntax(e.to_string()))?;
        if let Some(at) = lone_surrogate(raw.get()) {
            return Err(JsonError::LoneSurrogate(at));
        }
        if memchr::memchr2(b'\n', b'\r', raw.get().as_bytes()).is_none() {
            return Ok(Self(raw));
        }
        // Inside a string a raw line break would have failed the check above,
        // so each one that is left stands between tokens.
        let one_line = raw.get().replace(['\n', '\r'], " ");
        let raw = RawValue::from_string(one_line).map_err(|e| JsonError::Syntax(e.to_string()))?;
        Ok(Self(raw))
    }

    /// Writes a value as JSON.
    ///
    /// # Errors
    /// [`JsonError::Syntax`] if the value refuses to be serialised, such as a
    /// map whose keys are no strings.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, JsonError> {
        serde_json::value::to_raw_value(value)
            .map(Self)
            .map_err(|e| JsonError::Syntax(e.to_string()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// The text, as the type that serde_json writes verbatim.
    pub fn as_raw(&self) -> &RawValue {
        &self.0
    }

    /// What the value is.
    pub fn kind(&self) -> JsonKind {
        JsonKind::of(&self.0)
    }
}

impl std::fmt::Debug for RawJson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq for RawJson {
    /// Compares the texts, not what they mean: `1` and `1.0` differ.
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for RawJson {}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// The characters of a JSON string; borrowed if it has no escapes. `None` if
/// the value is no string, or has an escape that stands for no character.
pub fn string_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(raw.get()).ok().map(Cow::Owned)
}

/// The members of an object in the order of the text, duplicates included.
/// `None` if the value is no object, or has a key that is not Unicode.
pub fn members_of(raw: &RawValue) -> Option<Vec<(Cow<'_, str>, &RawValue)>> {
    let mut reader = serde_json::Deserializer::from_str(raw.get());
    reader.deserialize_map(MembersVisitor).ok()
}

/// The first member of this name in an object.
pub fn member_of<'a>(raw: &'a RawValue, name: &str) -> Option<&'a RawValue> {
    let mut reader = serde_json::Deserializer::from_str(raw.get());
    reader
        .deserialize_map(MemberVisitor { name })
        .ok()
        .flatten()
}

/// A key that is borrowed where the text allows it.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((Key(key), value)) = map.next_entry()? {
            members.push((key, value));
        }
        Ok(members)
    }
}

struct MemberVisitor<'n> {
    name: &'n str,
}

impl<'de> Visitor<'de> for MemberVisitor<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(Key(key)) = map.next_key()? {
            if found.is_none() && key == self.name {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Where a valid JSON text first has half of a surrogate pair.
fn lone_surrogate(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(found) = memchr::memchr(b'\\', &bytes[from..]) {
        let at = from + found;
        match escaped_unit(bytes, at) {
            None => from = at + 2,
            Some(0xD800..=0xDBFF)
                if matches!(escaped_unit(bytes, at + 6), Some(0xDC00..=0xDFFF)) =>
            {
                from = at + 12
            }
            Some(0xD800..=0xDFFF) => return Some(at),
            Some(_) => from = at + 6,
        }
    }
    None
}

/// The value of a `\uXXXX` escape that begins at `at`.
fn escaped_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
