//! JSON Schemas of tools: compiled once when a plugin is loaded, asked for each
//! call.
//!
//! It owns the bounds of a schema, of what is checked against it and of the words
//! about it. It never fetches anything: a schema that refers to another document
//! is refused. It never decides what a misfit leads to.

use std::fmt::Write as _;

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

/// Bytes of one schema. What describes the arguments of a tool to a model is
/// hundreds of bytes; far beyond that, compiling would hold up a reload.
const SCHEMA_MAX_BYTES: usize = 256 << 10;

/// Steps back that one pattern may take on one string. Patterns with look-ahead
/// (schema generators write them) can't be matched in linear time.
const BACKTRACK_MAX: usize = 100_000;

/// Bytes of one compiled pattern.
const PATTERN_MAX_BYTES: usize = 1 << 20;

/// Bytes of a value that a misfit is described for: the description of an
/// alternative visits every one of its parts, and must not outgrow the value.
const DESCRIBED_MAX_BYTES: usize = 256 << 10;

/// Characters of the words about one misfit.
const WORDS_MAX_CHARS: usize = 300;

/// Keywords that let every object pass: a schema of these alone asks nothing.
const SILENT: [&str; 12] = [
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
];

/// A schema that can fail.
#[derive(Debug)]
pub struct Schema(Validator);

impl Schema {
    /// Compiles a schema; none if every object fits it.
    ///
    /// # Errors
    /// In plain words: it is too large, is no schema, or refers to another
    /// document.
    pub fn compile(text: &str) -> Result<Option<Self>, String> {
        if text.len() > SCHEMA_MAX_BYTES {
            return Err(format!(
                "the schema has {} bytes; at most {SCHEMA_MAX_BYTES} are taken",
                text.len()
            ));
        }
        let schema: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let patterns = PatternOptions::fancy_regex()
            .backtrack_limit(BACKTRACK_MAX)
            .size_limit(PATTERN_MAX_BYTES);
        // Compiled even if it asks nothing: it may still be no schema.
        let validator = jsonschema::options()
            .offline()
            .with_pattern_options(patterns)
            .build(&schema)
            .map_err(|error| {
                let at = error.instance_path().to_string();
                format!("{}: {}", place(&at), bounded(&error.to_string()))
            })?;
        Ok((!asks_nothing(&schema)).then_some(Self(validator)))
    }

    /// Checks JSON text.
    ///
    /// # Errors
    /// The first misfit: the place as a JSON pointer, and what is wrong there. It
    /// never repeats the value that was found.
    pub fn check(&self, text: &str) -> Result<(), String> {
        // Depth is bounded by the parser, to 128 levels.
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if self.0.is_valid(&value) {
            return Ok(());
        }
        if text.len() > DESCRIBED_MAX_BYTES {
            return Err(format!(
                "it doesn't fit the schema (of {} bytes, too large to say where)",
                text.len()
            ));
        }
        self.0.validate(&value).map_err(|error| {
            let at = error.instance_path().to_string();
            let words = error.masked_with("the value").to_string();
            format!("{}: {}", place(&at), bounded(&words))
        })
    }
}

/// A place in a document, in words if it is the whole.
fn place(pointer: &str) -> String {
    match pointer {
        "" => "at the top level".to_owned(),
        pointer => bounded(pointer),
    }
}

fn bounded(words: &str) -> String {
    let mut out: String = words.chars().take(WORDS_MAX_CHARS).collect();
    if out.len() < words.len() {
        let _ = write!(out, " ...");
    }
    out
}

/// Whether every object fits.
fn asks_nothing(schema: &Value) -> bool {
    let Some(members) = schema.as_object() else {
        return *schema == Value::Bool(true);
    };
    members.iter().all(|(keyword, value)| {
        let empty = value.as_object().is_some_and(serde_json::Map::is_empty)
            || value.as_array().is_some_and(Vec::is_empty);
        SILENT.contains(&keyword.as_str())
            || match keyword.as_str() {
                "type" => value == "object",
                "additionalProperties" => *value == Value::Bool(true),
                "properties" | "required" => empty,
                _ => false,
            }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(schema: &Value, value: &str) -> Result<(), String> {
        Schema::compile(&schema.to_string())
            .unwrap()
            .unwrap()
            .check(value)
    }

    fn refused(schema: &Value) -> String {
        Schema::compile(&schema.to_string()).unwrap_err()
    }

    #[test]
    fn a_misfit_names_its_place_and_never_the_value() {
        let schema = json!({"type": "object", "required": ["user"], "additionalProperties": false,
            "properties": {"user": {"$ref": "#/$defs/user"}},
            "$defs": {"user": {"type": "object", "properties": {"age/s": {"type": "integer"}}}}});
        assert_eq!(check(&schema, r#"{"user":{"age/s":3}}"#), Ok(()));
        assert_eq!(
            check(&schema, r#"{"user":{"age/s":"secret"}}"#),
            Err(r#"/user/age~1s: the value is not of type "integer""#.to_owned())
        );
        assert_eq!(
            check(&schema, "{}"),
            Err(r#"at the top level: "user" is a required property"#.to_owned())
        );
        assert_eq!(
            check(&schema, r#"{"user":{},"x":1}"#),
            Err(
                "at the top level: Additional properties are not allowed ('x' was unexpected)"
                    .to_owned()
            )
        );
    }

    #[test]
    fn a_schema_that_lets_every_object_pass_is_none() {
        for schema in [
            json!({"type": "object"}),
            json!({"type": "object", "properties": {}, "required": [], "title": "t"}),
            json!({"type": "object", "additionalProperties": true, "$schema":
                "https://json-schema.org/draft/2020-12/schema"}),
        ] {
            assert!(Schema::compile(&schema.to_string()).unwrap().is_none());
        }
        for schema in [
            json!({"type": "object", "additionalProperties": false}),
            json!({"type": "object", "maxProperties": 1}),
            json!({"type": "object", "properties": {"a": {}}}),
        ] {
            assert!(Schema::compile(&schema.to_string()).unwrap().is_some());
        }
    }

    #[test]
    fn what_is_no_schema_or_lies_elsewhere_is_refused() {
        assert_eq!(
            refused(&json!({"type": "object", "required": "a"})),
            r#"/required: "a" is not of type "array""#
        );
        let elsewhere = json!({"properties": {"a": {"$ref": "https://example.com/schema.json"}}});
        let why = refused(&elsewhere);
        assert!(why.contains("https://example.com/schema.json"), "{why}");
        let why = refused(&json!({"$ref": "file:///etc/passwd"}));
        assert!(why.contains("file:///etc/passwd"), "{why}");
        let long = json!({"description": "x".repeat(SCHEMA_MAX_BYTES)});
        assert!(refused(&long).ends_with("at most 262144 are taken"));
    }

    #[test]
    fn depth_numbers_and_patterns_are_bounded() {
        let schema = json!({"properties": {"a": {"type": "integer"}}});
        let deep = format!("{{\"b\":{}{}}}", "[".repeat(1000), "]".repeat(1000));
        let why = check(&schema, &deep).unwrap_err();
        assert!(why.starts_with("recursion limit exceeded"), "{why}");
        assert_eq!(
            check(&schema, r#"{"a":123456789012345678901234567890}"#),
            Ok(())
        );
        let schema = json!({"properties": {"a": {"pattern": "^(?=a)(a|a)*$"}}});
        assert_eq!(check(&schema, r#"{"a":"aaa"}"#), Ok(()));
        let evil = format!(r#"{{"a":"{}b"}}"#, "a".repeat(64));
        assert!(check(&schema, &evil).is_err());
    }

    #[test]
    fn the_words_are_bounded() {
        let schema = json!({"additionalProperties": false});
        let long = format!(r#"{{"{}":1}}"#, "x".repeat(100_000));
        assert!(check(&schema, &long).unwrap_err().len() < 400);
        let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(DESCRIBED_MAX_BYTES));
        let why = check(&schema, &large).unwrap_err();
        assert!(why.ends_with("too large to say where)"), "{why}");
    }
}
