//! From the raw text of a member to a value of the kind that it must be.
//!
//! Owns the wording of what is wrong with a member. It knows no method.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::TextPairs;
use crate::error::{RpcError, quoted};
use crate::json::{JsonKind, member_of, members_of, string_of};
use crate::scan::{Member, Params};

/// How a member's raw text becomes a value.
pub(super) type Read<'a, T> = fn(Member, &'a RawValue) -> Result<T, RpcError>;

pub(super) fn optional<'a, T>(
    params: &Params<'a>,
    member: Member,
    read: Read<'a, T>,
) -> Result<Option<T>, RpcError> {
    params.get(member).map(|raw| read(member, raw)).transpose()
}

pub(super) fn required<'a, T>(
    params: &Params<'a>,
    member: Member,
    read: Read<'a, T>,
) -> Result<T, RpcError> {
    let missing = || RpcError::invalid_params(format!("`{}` is missing", member.name()));
    read(member, params.get(member).ok_or_else(missing)?)
}

pub(super) fn string(member: Member, raw: &RawValue) -> Result<Cow<'_, str>, RpcError> {
    string_of(raw).ok_or_else(|| wrong_kind(member, "a string", raw))
}

pub(super) fn object(member: Member, raw: &RawValue) -> Result<&RawValue, RpcError> {
    match JsonKind::of(raw) {
        JsonKind::Object => Ok(raw),
        _ => Err(wrong_kind(member, "an object", raw)),
    }
}

pub(super) fn wrong_kind(member: Member, wanted: &str, raw: &RawValue) -> RpcError {
    wrong_kind_named(member.name(), wanted, raw)
}

pub(super) fn wrong_kind_named(name: &str, wanted: &str, raw: &RawValue) -> RpcError {
    let found = match JsonKind::of(raw) {
        JsonKind::String if wanted.contains("a string") => {
            "one whose escapes are not valid Unicode"
        }
        JsonKind::Number if wanted.contains("an integer") => "a fraction",
        kind => kind.described(),
    };
    RpcError::invalid_params(format!("`{name}` must be {wanted}, not {found}"))
}

pub(super) fn boolean(name: &str, raw: &RawValue) -> Result<bool, RpcError> {
    match raw.get() {
        "true" => Ok(true),
        "false" | "null" => Ok(false),
        _ => Err(wrong_kind_named(name, "true or false", raw)),
    }
}

pub(super) fn strings(name: &str, raw: &RawValue) -> Result<Vec<String>, RpcError> {
    serde_json::from_str::<Option<Vec<String>>>(raw.get())
        .map(Option::unwrap_or_default)
        .map_err(|_| RpcError::invalid_params(format!("`{name}` must be an array of strings")))
}

/// An object whose values are all strings, and whose keys are distinct.
pub(super) fn text_map(member: Member, raw: &RawValue) -> Result<TextPairs<'_>, RpcError> {
    let members =
        members_of(object(member, raw)?).ok_or_else(|| wrong_kind(member, "an object", raw))?;
    let mut map: TextPairs<'_> = Vec::with_capacity(members.len());
    for (key, value) in members {
        let Some(value) = string_of(value) else {
            let message = format!("the value of argument {} must be a string", quoted(&key));
            return Err(RpcError::invalid_params(message));
        };
        map.push((key, value));
    }
    let mut keys: Vec<&str> = map.iter().map(|(key, _)| &**key).collect();
    keys.sort_unstable();
    if let Some(pair) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(RpcError::invalid_params(format!(
            "argument {} stands there twice",
            quoted(pair[0])
        )));
    }
    Ok(map)
}

pub(super) fn text_member<'a>(
    object: &'a RawValue,
    of: &str,
    name: &str,
) -> Result<Cow<'a, str>, RpcError> {
    member_of(object, name)
        .and_then(string_of)
        .ok_or_else(|| RpcError::invalid_params(format!("`{of}.{name}` must be a string")))
}
