//! From the JSON object of a call to the parameters of a function, and what to
//! say if one doesn't fit. A call that fits makes no schema and no message.

use std::fmt;

use schemars::{Schema, SchemaGenerator};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::HandlerError;
use crate::schema;

/// One argument of a tool, as the macro finds it.
pub struct Argument {
    /// its name on the wire
    pub name: &'static str,
    /// what it means
    pub description: Option<&'static str>,
    /// makes the schema of its type
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// whether it must be given
    pub required: bool,
    /// what it is if it isn't given
    pub default: Option<fn() -> Value>,
    /// the header that carries it too (`x-mcp-header`)
    pub header: Option<&'static str>,
}

/// The text of each argument that was given, in the order of the declaration.
type Given<'a, const N: usize> = [Option<&'a RawValue>; N];

/// Cuts a JSON object into the texts of its members.
///
/// # Errors
/// If it is no object, or has a member that is unknown or given twice.
pub fn split<'a, const N: usize>(
    json: &'a str,
    arguments: &[Argument; N],
) -> Result<Given<'a, N>, HandlerError> {
    let mut given = [None; N];
    split_into(json, arguments, &mut given)?;
    Ok(given)
}

fn split_into<'a>(
    json: &'a str,
    arguments: &[Argument],
    given: &mut [Option<&'a RawValue>],
) -> Result<(), HandlerError> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let members = Members { arguments, given };
    deserializer
        .deserialize_map(members)
        .and_then(|()| deserializer.end())
        .map_err(|error| HandlerError::invalid(without_position(&error)))
}

/// Reads a member that must be there.
///
/// # Errors
/// If it isn't, or is of another type.
pub(crate) fn required<T: DeserializeOwned>(
    argument: &Argument,
    given: Option<&RawValue>,
) -> Result<T, HandlerError> {
    match given {
        Some(given) => decode(argument, given),
        None => Err(missing(argument)),
    }
}

/// Reads a member that may be left out, or be null.
///
/// # Errors
/// If it is of another type.
pub(crate) fn optional<T: DeserializeOwned>(
    argument: &Argument,
    given: Option<&RawValue>,
) -> Result<Option<T>, HandlerError> {
    match given {
        Some(given) if given.get() != "null" => decode(argument, given).map(Some),
        _ => Ok(None),
    }
}

/// Reads the whole object as one value.
///
/// # Errors
/// If it is of another type.
pub(crate) fn whole<T: DeserializeOwned>(json: &str) -> Result<T, HandlerError> {
    serde_json::from_str(json).map_err(|error| HandlerError::invalid(without_position(&error)))
}

fn decode<T: DeserializeOwned>(argument: &Argument, given: &RawValue) -> Result<T, HandlerError> {
    serde_json::from_str(given.get()).map_err(|error| mismatch(argument, given.get(), &error))
}

#[cold]
fn missing(argument: &Argument) -> HandlerError {
    let expected = schema::Expected::of(argument.schema);
    HandlerError::invalid(format!(
        "`{}`: missing required argument ({expected})",
        argument.name
    ))
}

#[cold]
fn mismatch(argument: &Argument, given: &str, error: &serde_json::Error) -> HandlerError {
    let name = argument.name;
    let kind = match given.as_bytes().first() {
        Some(b'{') => Some("object"),
        Some(b'[') => Some("array"),
        _ => None,
    };
    let expected = schema::Expected::of(argument.schema);
    // What is wrong inside of a list or an object, only serde knows.
    if kind.is_some_and(|kind| expected.may_be(kind)) {
        let message = without_position(error);
        return HandlerError::invalid(format!("`{name}`: {message}"));
    }
    let found = in_words(given);
    HandlerError::invalid(format!("`{name}`: expected {expected}, found {found}"))
}

/// What a JSON text is, for people.
fn in_words(json: &str) -> String {
    const SHOWN_MAX_CHARS: usize = 40;
    match json.as_bytes().first() {
        Some(b'{') => "an object".into(),
        Some(b'[') => "an array".into(),
        Some(b'"') if json.chars().count() <= SHOWN_MAX_CHARS => format!("the string {json}"),
        Some(b'"') => "a string".into(),
        Some(b't' | b'f' | b'n') => json.into(),
        _ if json.len() <= SHOWN_MAX_CHARS => format!("the number {json}"),
        _ => "a number".into(),
    }
}

/// The arguments are one line for the caller: a line and column say nothing.
fn without_position(error: &serde_json::Error) -> String {
    let mut text = error.to_string();
    if error.line() > 0 {
        let position = format!(" at line {} column {}", error.line(), error.column());
        text.truncate(text.len().saturating_sub(position.len()));
    }
    text
}

struct Members<'s, 'a> {
    arguments: &'s [Argument],
    given: &'s mut [Option<&'a RawValue>],
}

impl<'a> Visitor<'a> for Members<'_, 'a> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with the arguments by name")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(index) = map.next_key_seed(Name(self.arguments))? {
            if self.given[index].is_some() {
                let name = self.arguments[index].name;
                return Err(A::Error::custom(format_args!("`{name}`: given twice")));
            }
            self.given[index] = Some(map.next_value()?);
        }
        Ok(())
    }
}

/// Finds the argument that a key names.
struct Name<'s>(&'s [Argument]);

impl<'a> DeserializeSeed<'a> for Name<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = usize;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of an argument")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<usize, E> {
        let index = self.0.iter().position(|argument| argument.name == name);
        index.ok_or_else(|| {
            let mut names = self.0.iter().map(|argument| argument.name);
            E::custom(unknown(name, &mut names, "tool"))
        })
    }
}

/// What to say to an argument that the handler, a `kind`, doesn't take.
#[cold]
pub(crate) fn unknown(name: &str, names: &mut dyn Iterator<Item = &str>, kind: &str) -> String {
    const SHOWN_MAX_BYTES: usize = 64;
    let name = name
        .get(..name.floor_char_boundary(SHOWN_MAX_BYTES))
        .unwrap_or(name);
    let mut nearest: Option<(usize, &str)> = None;
    let mut list = String::new();
    for known in names {
        let far = distance(name, known);
        if nearest.is_none_or(|(least, _)| far < least) {
            nearest = Some((far, known));
        }
        list.push_str(if list.is_empty() { "`" } else { ", `" });
        list.push_str(known);
        list.push('`');
    }
    match nearest {
        Some((far, nearest)) if far <= 1 + nearest.len() / 4 => {
            format!("`{name}`: unknown argument; did you mean `{nearest}`?")
        }
        _ => {
            let list = if list.is_empty() { "none" } else { &list };
            format!("`{name}`: unknown argument; this {kind} takes {list}")
        }
    }
}

/// How many letters must be put in, taken out or changed.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.bytes().enumerate() {
            let changed = diagonal + usize::from(!a.eq_ignore_ascii_case(&b));
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}
