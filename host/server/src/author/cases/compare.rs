//! What an answer is beside what it must be.
//!
//! Pure: expectation and outcome in, differences out.

use std::fmt;

use fusebox_protocol::error::INVALID_PARAMS as INVALID_PARAMS_CODE;
use serde::Serialize;
use serde_json::Value;

use super::super::Outcome;
use super::file::{ASKS, Expected, INVALID_PARAMS, OTHER, TOOL, Words};

/// Differences of one case that are told: more help nobody.
const MAX: usize = 20;

/// Something is otherwise than it must be.
#[derive(Debug, Serialize, PartialEq)]
pub struct Difference {
    /// what: `outcome`, `text`, or a place in the structured result
    pub at: String,
    /// what it must be
    pub expected: Value,
    /// what it is; null if there is nothing
    pub got: Value,
}

/// All that is otherwise, `MAX` at most.
pub(super) fn differences(expected: &Expected, outcome: &Outcome) -> Vec<Difference> {
    let mut found = Vec::new();
    let (kind, text) = (kind(outcome), text(outcome));
    match (&expected.error, &kind) {
        (None, None) => {
            compare_words(&expected.words, &text, &mut found);
            if let (Some(structured), Outcome::Result(result)) = (&expected.structured, outcome) {
                let got = result.get("structuredContent");
                compare(structured, got, "structured", &mut found);
            }
        }
        (Some(error), Some(kind)) => {
            match &error.kind {
                Some(wanted) if wanted != kind => found.push(Difference {
                    at: "error.kind".to_owned(),
                    expected: wanted.as_str().into(),
                    got: format!("{kind}: {text}").into(),
                }),
                _ => {}
            }
            compare_words(&error.words, &text, &mut found);
        }
        (None, Some(kind)) => found.push(Difference {
            at: "outcome".to_owned(),
            expected: "a result".into(),
            got: format!("{kind}: {text}").into(),
        }),
        (Some(_), None) => found.push(Difference {
            at: "outcome".to_owned(),
            expected: "an error".into(),
            got: text.into(),
        }),
    }
    found.truncate(MAX);
    found
}

/// The kind of an error; none for a result.
fn kind(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Result(result) if result["isError"] == Value::Bool(true) => Some(TOOL.to_owned()),
        Outcome::Result(_) => None,
        Outcome::Asks(_) => Some(ASKS.to_owned()),
        Outcome::Error(error) => Some(match error["data"]["reason"].as_str() {
            Some(reason) => reason.to_owned(),
            None if error["code"] == INVALID_PARAMS_CODE => INVALID_PARAMS.to_owned(),
            None => OTHER.to_owned(),
        }),
    }
}

/// All text of a result, the message of an error, or the questions as JSON.
fn text(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Result(result) => {
            let contents = result["content"].as_array();
            let texts = contents.into_iter().flatten();
            let texts: Vec<&str> = texts.filter_map(|one| one["text"].as_str()).collect();
            texts.join("\n")
        }
        Outcome::Asks(questions) => questions.to_string(),
        Outcome::Error(error) => error["message"].as_str().unwrap_or_default().to_owned(),
    }
}

fn compare_words(expected: &Words, got: &str, found: &mut Vec<Difference>) {
    let mut differ = |at: &str, expected: &str| {
        found.push(Difference {
            at: at.to_owned(),
            expected: expected.into(),
            got: got.into(),
        });
    };
    match &expected.text {
        Some(text) if text != got => differ("text", text),
        _ => {}
    }
    match &expected.contains {
        Some(part) if !got.contains(part.as_str()) => differ("text (a part of it)", part),
        _ => {}
    }
}

/// Goes down where both sides have members, so that the place is exact.
fn compare(expected: &Value, got: Option<&Value>, at: &str, found: &mut Vec<Difference>) {
    match (expected, got) {
        (Value::Object(expected), Some(Value::Object(got))) => {
            for (key, value) in expected {
                compare(value, got.get(key), &format!("{at}/{key}"), found);
            }
            let more = got.iter().filter(|(key, _)| !expected.contains_key(*key));
            found.extend(more.map(|(key, value)| Difference {
                at: format!("{at}/{key}"),
                expected: Value::Null,
                got: value.clone(),
            }));
        }
        (Value::Array(expected), Some(Value::Array(got))) if expected.len() == got.len() => {
            for (index, (expected, got)) in expected.iter().zip(got).enumerate() {
                compare(expected, Some(got), &format!("{at}/{index}"), found);
            }
        }
        (Value::Number(expected), Some(Value::Number(got))) if is_same(expected, got) => {}
        (expected, Some(got)) if expected == got => {}
        (expected, got) => found.push(Difference {
            at: at.to_owned(),
            expected: expected.clone(),
            got: got.cloned().unwrap_or_default(),
        }),
    }
}

/// 3 and 3.0 are one number in JSON.
fn is_same(one: &serde_json::Number, other: &serde_json::Number) -> bool {
    one == other || (one.is_f64() != other.is_f64() && one.as_f64() == other.as_f64())
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "     {}", self.at)?;
        for (word, value) in [("expected", &self.expected), ("got     ", &self.got)] {
            match value {
                Value::Null => writeln!(f, "       {word} nothing")?,
                value => writeln!(f, "       {word} {value}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(expected: Value, got: Value) -> Vec<(String, Value, Value)> {
        let expected = Expected {
            structured: Some(expected),
            ..Expected::default()
        };
        let outcome = Outcome::Result(json!({"content": [], "structuredContent": got}));
        let found = differences(&expected, &outcome).into_iter();
        found.map(|one| (one.at, one.expected, one.got)).collect()
    }

    #[test]
    fn numbers_are_compared_by_their_value() {
        assert_eq!(found(json!({"a": 3}), json!({"a": 3.0})), []);
        let big = json!(9_007_199_254_740_993_i64);
        assert_eq!(
            found(big.clone(), json!(9_007_199_254_740_992_i64)).len(),
            1
        );
        assert_eq!(found(big.clone(), big), []);
    }

    #[test]
    fn the_place_of_a_difference_is_exact() {
        let at = |place: &str, expected, got| vec![(place.to_owned(), expected, got)];
        assert_eq!(
            found(json!({"a": [1, {"b": 2}]}), json!({"a": [1, {"b": "2"}]})),
            at("structured/a/1/b", json!(2), json!("2"))
        );
        assert_eq!(
            found(json!({"a": 1}), json!({})),
            at("structured/a", json!(1), Value::Null)
        );
        assert_eq!(
            found(json!({}), json!({"a": 1})),
            at("structured/a", Value::Null, json!(1))
        );
        assert_eq!(
            found(json!([1]), json!([1, 2])),
            at("structured", json!([1]), json!([1, 2]))
        );
    }

    #[test]
    fn kinds_of_errors_are_told_apart() {
        let kind_of = |outcome| kind(&outcome).unwrap_or_default();
        assert_eq!(kind_of(Outcome::Result(json!({"isError": true}))), "tool");
        assert_eq!(kind_of(Outcome::Result(json!({}))), "");
        assert_eq!(kind_of(Outcome::Asks(json!({}))), "asks");
        assert_eq!(
            kind_of(Outcome::Error(json!({"code": -32602}))),
            "invalid_params"
        );
        let trapped = json!({"code": -32007, "data": {"reason": "trapped"}});
        assert_eq!(kind_of(Outcome::Error(trapped)), "trapped");
    }

    #[test]
    fn no_more_differences_are_told_than_help() {
        let numbers: Vec<u32> = (0..100).collect();
        let others: Vec<u32> = (1..101).collect();
        assert_eq!(found(json!(numbers), json!(others)).len(), MAX);
    }
}
