//! The file of cases: TOML in, cases out, or what is wrong with it.
//!
//! It owns the keys. It never calls a tool.

use std::fmt::Display;
use std::fs;
use std::io::Read;
use std::path::Path;

use fusebox_protocol::Reason;
use serde_json::Value as Json;
use toml::{Table, Value};

use super::super::near;

/// Bytes of a file, far more than anybody writes by hand.
const MAX_BYTES: u64 = 16 << 20;

/// Kinds of errors besides the reasons of the host.
pub(super) const TOOL: &str = "tool";
pub(super) const INVALID_PARAMS: &str = "invalid_params";
pub(super) const OTHER: &str = "other";
pub(super) const ASKS: &str = "asks";

const FILE_KEYS: [&str; 1] = ["case"];
const CASE_KEYS: [&str; 7] = [
    "name",
    "tool",
    "arguments",
    "text",
    "contains",
    "structured",
    "error",
];
const ERROR_KEYS: [&str; 3] = ["kind", "text", "contains"];

/// Why a file of cases can't be run.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {reason}")]
pub struct CasesError {
    file: String,
    reason: String,
}

/// Cases, one at least.
#[derive(Debug)]
pub struct Cases(pub(super) Vec<Case>);

/// One call, and what it must come to.
#[derive(Debug, PartialEq)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) tool: String,
    /// a JSON object
    pub(super) arguments: String,
    pub(super) expected: Expected,
}

/// What is asked of an answer; what is `None` may be anything.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Expected {
    /// the call fails, and how
    pub(super) error: Option<ExpectedError>,
    pub(super) words: Words,
    pub(super) structured: Option<Json>,
}

#[derive(Debug, Default, PartialEq)]
pub(super) struct ExpectedError {
    pub(super) kind: Option<String>,
    pub(super) words: Words,
}

/// What is asked of a text.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Words {
    /// all of it
    pub(super) text: Option<String>,
    /// a part of it
    pub(super) contains: Option<String>,
}

impl Cases {
    /// Reads a file whole.
    ///
    /// # Errors
    /// If it can't be read, or has a mistake.
    pub fn read(path: &Path) -> Result<Self, CasesError> {
        let unfit = |reason| CasesError {
            file: path.display().to_string(),
            reason,
        };
        let unreadable = |error: &dyn Display| unfit(format!("the cases can't be read: {error}"));
        let file = fs::File::open(path).map_err(|error| unreadable(&error))?;
        let mut text = String::new();
        let read = file.take(MAX_BYTES + 1).read_to_string(&mut text);
        read.map_err(|error| unreadable(&error))?;
        if text.len() as u64 > MAX_BYTES {
            return Err(unfit(format!("the file is larger than {MAX_BYTES} bytes")));
        }
        parse(&text).map_err(unfit)
    }
}

fn parse(text: &str) -> Result<Cases, String> {
    let file: Table = text
        .parse()
        .map_err(|error: toml::de::Error| error.to_string())?;
    check_keys(&file, &FILE_KEYS, "")?;
    let cases = match file.get("case") {
        Some(Value::Array(cases)) if !cases.is_empty() => cases,
        None | Some(Value::Array(_)) => {
            return Err("there is no case in it; each begins with the line `[[case]]`".to_owned());
        }
        Some(_) => return Err("`case` must be a list; write `[[case]]`".to_owned()),
    };
    let cases = cases.iter().enumerate();
    let cases = cases.map(|(index, value)| {
        let place = format!("case {}", index + 1);
        let table = value.as_table();
        let table = table.ok_or_else(|| format!("{place}: it must be a table"))?;
        case(table, &place).map_err(|what| match text_of(table, "name") {
            Ok(Some(name)) => format!("{place} (\"{name}\"): {what}"),
            _ => format!("{place}: {what}"),
        })
    });
    Ok(Cases(cases.collect::<Result<_, _>>()?))
}

fn case(table: &Table, place: &str) -> Result<Case, String> {
    check_keys(table, &CASE_KEYS, "")?;
    let tool = text_of(table, "tool")?.ok_or("`tool` is missing: the name of a tool")?;
    let name = text_of(table, "name")?.unwrap_or_else(|| format!("{place}, {tool}"));
    let expected = Expected {
        error: table.get("error").map(expected_error).transpose()?,
        words: words(table)?,
        structured: table.get("structured").map(json).transpose()?,
    };
    if expected.error.is_some()
        && (expected.words != Words::default() || expected.structured.is_some())
    {
        return Err(
            "`error` stands alone; what its text must be goes into it, as `text` or `contains`"
                .to_owned(),
        );
    }
    Ok(Case {
        name,
        tool,
        arguments: arguments(table)?,
        expected,
    })
}

/// A table, or a text with JSON in it: TOML has no `null`.
fn arguments(table: &Table) -> Result<String, String> {
    let object = match table.get("arguments") {
        None => return Ok("{}".to_owned()),
        Some(Value::String(text)) => {
            serde_json::from_str(text).map_err(|error| format!("`arguments`: {error}"))?
        }
        Some(value) => json(value)?,
    };
    match object {
        Json::Object(_) => Ok(object.to_string()),
        _ => Err("`arguments` must be a table, or a text with a JSON object".to_owned()),
    }
}

fn expected_error(value: &Value) -> Result<ExpectedError, String> {
    let table = value.as_table();
    let table = table.ok_or("`error` must be a table, such as `{ kind = \"tool\" }`")?;
    check_keys(table, &ERROR_KEYS, "error.")?;
    let kind = text_of(table, "kind")?;
    if let Some(kind) = &kind {
        let mut known = vec![TOOL, INVALID_PARAMS, ASKS, OTHER];
        known.extend(Reason::ALL.map(Reason::name));
        if !known.contains(&kind.as_str()) {
            let hint = near::hint(kind, &known);
            return Err(format!("unknown kind of error `{kind}`; {hint}"));
        }
    }
    Ok(ExpectedError {
        kind,
        words: words(table)?,
    })
}

fn words(table: &Table) -> Result<Words, String> {
    Ok(Words {
        text: text_of(table, "text")?,
        contains: text_of(table, "contains")?,
    })
}

fn text_of(table: &Table, key: &str) -> Result<Option<String>, String> {
    match table.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("`{key}` must be a text")),
    }
}

fn check_keys(table: &Table, known: &[&str], prefix: &str) -> Result<(), String> {
    match table.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(format!(
            "unknown key `{prefix}{key}`; {}",
            near::hint(key, known)
        )),
    }
}

/// Fails for what JSON can't hold: `nan` and `inf`.
fn json(value: &Value) -> Result<Json, String> {
    Ok(match value {
        Value::String(text) => Json::from(text.as_str()),
        Value::Integer(number) => Json::from(*number),
        Value::Float(number) => Json::Number(
            serde_json::Number::from_f64(*number)
                .ok_or_else(|| format!("{number} is no number of JSON"))?,
        ),
        Value::Boolean(truth) => Json::from(*truth),
        // A tool that speaks of dates writes them so.
        Value::Datetime(date) => Json::from(date.to_string()),
        Value::Array(items) => Json::Array(items.iter().map(json).collect::<Result<_, _>>()?),
        Value::Table(table) => {
            let members = table.iter();
            let members = members.map(|(key, value)| Ok((key.clone(), json(value)?)));
            Json::Object(members.collect::<Result<_, String>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_case_is_read_with_all_that_it_may_say() {
        let cases = parse(
            r#"
            [[case]]
            tool = "add"
            arguments = { a = 1, b = 2.5 }
            structured = { result = 3.5 }
            text = "3.5"
            [[case]]
            name = "no sum"
            tool = "add"
            arguments = '{"a": null}'
            error = { kind = "out_of_fuel", contains = "fuel" }
            "#,
        );
        let cases = cases.unwrap().0;
        assert_eq!(cases[0].name, "case 1, add");
        assert_eq!(cases[0].arguments, r#"{"a":1,"b":2.5}"#);
        assert_eq!(cases[0].expected.structured, Some(json!({"result": 3.5})));
        assert_eq!(cases[0].expected.words.text.as_deref(), Some("3.5"));
        assert_eq!(cases[1].name, "no sum");
        assert_eq!(cases[1].arguments, r#"{"a":null}"#);
        let error = cases[1].expected.error.as_ref().unwrap();
        assert_eq!(error.kind.as_deref(), Some("out_of_fuel"));
        assert_eq!(error.words.contains.as_deref(), Some("fuel"));
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        let check = |text: &str, expected: &str| {
            let error = parse(text).unwrap_err();
            assert_eq!(error, expected, "{text}");
        };
        let case = |lines: &str| format!("[[case]]\ntool = \"add\"\n{lines}");
        check("[[cases]]", "unknown key `cases`; did you mean `case`?");
        check(
            "",
            "there is no case in it; each begins with the line `[[case]]`",
        );
        check(
            &case("name = \"sum\"\nargument = {}"),
            "case 1 (\"sum\"): unknown key `argument`; did you mean `arguments`?",
        );
        check(
            &case("error = { kid = \"tool\" }"),
            "case 1: unknown key `error.kid`; did you mean `kind`?",
        );
        check(
            &case("error = { kind = \"out_of_full\" }"),
            "case 1: unknown kind of error `out_of_full`; did you mean `out_of_fuel`?",
        );
        check(
            "[[case]]\nname = \"sum\"",
            "case 1 (\"sum\"): `tool` is missing: the name of a tool",
        );
        check(
            &case("arguments = \"[]\""),
            "case 1: `arguments` must be a table, or a text with a JSON object",
        );
        check(
            &case("error = {}\ntext = \"3\""),
            "case 1: `error` stands alone; what its text must be goes into it, as `text` or `contains`",
        );
    }
}
