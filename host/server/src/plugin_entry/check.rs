//! Whether what a plugin lists can be shown to clients: names, addresses, JSON.
//!
//! It owns the rules of the contract for lists. It never asks a plugin.

use fusebox_protocol::{JsonKind, RawJson};

/// Characters of a tool's name.
const TOOL_NAME_MAX_CHARS: usize = 128;

/// Bytes of an address, a template or a prompt's name.
const ADDRESS_MAX_BYTES: usize = 2048;

/// A tool's name.
pub(super) fn tool_name(name: &str) -> Result<(), String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    if name.is_empty() || name.len() > TOOL_NAME_MAX_CHARS || !name.chars().all(good) {
        return Err(format!(
            "a tool's name is 1 to {TOOL_NAME_MAX_CHARS} of `A-Z a-z 0-9 _ - . /`"
        ));
    }
    Ok(())
}

/// A prompt's name.
pub(super) fn prompt_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > ADDRESS_MAX_BYTES || name.chars().any(char::is_control) {
        return Err(format!(
            "a prompt's name is 1 to {ADDRESS_MAX_BYTES} bytes without control characters"
        ));
    }
    Ok(())
}

/// A resource's address: it must have a scheme, as every URI has.
pub(super) fn address(uri: &str) -> Result<(), String> {
    let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let starts_well = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
    if uri.len() > ADDRESS_MAX_BYTES || !starts_well || !scheme.chars().all(good) {
        return Err(format!(
            "an address is a URI of at most {ADDRESS_MAX_BYTES} bytes with a scheme, such as `test://name`"
        ));
    }
    Ok(())
}

/// A schema whose top level describes an object.
pub(super) fn object_schema(what: &str, text: String) -> Result<RawJson, String> {
    #[derive(serde::Deserialize)]
    struct Top<'a> {
        #[serde(borrow, rename = "type")]
        kind: Option<std::borrow::Cow<'a, str>>,
    }
    let json = of_kind(what, text, JsonKind::Object)?;
    match serde_json::from_str::<Top<'_>>(json.as_str()) {
        Ok(Top { kind: Some(kind) }) if kind == "object" => Ok(json),
        _ => Err(format!(
            "the top level of {what} must have `\"type\": \"object\"`"
        )),
    }
}

/// JSON of this kind, if it is there.
pub(super) fn optional(
    what: &str,
    text: Option<String>,
    kind: JsonKind,
) -> Result<Option<RawJson>, String> {
    text.map(|text| of_kind(what, text, kind)).transpose()
}

/// JSON of this kind.
pub(super) fn of_kind(what: &str, text: String, kind: JsonKind) -> Result<RawJson, String> {
    let json = RawJson::parse(text).map_err(|error| format!("{what} is not JSON: {error}"))?;
    if json.kind() != kind {
        return Err(format!(
            "{what} is {}, and must be {}",
            json.kind().described(),
            kind.described()
        ));
    }
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_have_a_form() {
        assert!(tool_name("a/b.c-d_e9").is_ok());
        assert!(tool_name("").is_err());
        assert!(tool_name("two words").is_err());
        assert!(tool_name(&"x".repeat(129)).is_err());
        assert!(prompt_name("two words").is_ok());
        assert!(prompt_name("two\nlines").is_err());
        assert!(address("test://a").is_ok());
        assert!(address("urn:isbn:1").is_ok());
        assert!(address("no-scheme").is_err());
        assert!(address("1x://a").is_err());
    }

    #[test]
    fn a_schema_describes_an_object() {
        let check = |text: &str| object_schema("input-schema", text.to_owned()).map(|_| ());
        assert_eq!(check(r#"{"type":"object"}"#), Ok(()));
        assert_eq!(
            check("[]"),
            Err("input-schema is an array, and must be an object".to_owned())
        );
        assert_eq!(
            check(r#"{"type":"string"}"#),
            Err("the top level of input-schema must have `\"type\": \"object\"`".to_owned())
        );
        assert!(check("{").is_err());
    }
}
