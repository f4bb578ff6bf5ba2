//! JSON Schemas (2020-12) of shapes.
//!
//! It owns how each type looks in JSON, as the book's page on components for other
//! hosts tells it; `arguments` and `results` follow it. It never sees a value.

use std::fmt::Write as _;

use super::shape::{Case, Field, Names, Shape};

/// Floats that JSON has no number for.
pub(crate) const NOT_FINITE: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// The member that holds a result which is no record.
pub(crate) const RESULT: &str = "result";

/// The member that tells `some(none)` from `none`.
pub(crate) const SOME: &str = "some";

/// The schema of an object with these members; what is an option may be left out.
pub(crate) fn object(fields: &[Field]) -> String {
    let mut out = String::from("{");
    members(&mut out, fields);
    out.push('}');
    out
}

/// The schema of what a function gives, which is always an object.
pub(crate) fn result(shape: &Shape) -> String {
    let mut out = String::new();
    match shape {
        Shape::Record(..) => write(&mut out, shape, None),
        shape => {
            let _ = write!(
                out,
                r#"{{"type":"object","required":["{RESULT}"],"additionalProperties":false,"properties":{{"{RESULT}":"#
            );
            write(&mut out, shape, None);
            out += "}}";
        }
    }
    out
}

/// Text as JSON.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn write(out: &mut String, shape: &Shape, about: Option<&str>) {
    out.push('{');
    let about = [about, own_words(shape)];
    let about: Vec<&str> = about.into_iter().flatten().collect();
    if !about.is_empty() {
        let _ = write!(out, r#""description":{},"#, quoted(&about.join("\n")));
    }
    body(out, shape);
    out.push('}');
}

/// What is said of a type wherever it stands.
fn own_words(shape: &Shape) -> Option<&str> {
    match shape {
        Shape::Record(_, about) | Shape::Variant(_, about) => about.as_deref(),
        Shape::Enum(Names { about, .. }) | Shape::Flags(Names { about, .. }) => about.as_deref(),
        _ => None,
    }
}

fn body(out: &mut String, shape: &Shape) {
    // Writing to a string can't fail.
    let _ = match shape {
        Shape::Bool => write!(out, r#""type":"boolean""#),
        Shape::Integer(integer) => {
            let (least, greatest) = integer.range();
            write!(
                out,
                r#""type":"integer","minimum":{least},"maximum":{greatest}"#
            )
        }
        Shape::Float32 => {
            let greatest = serde_json::to_string(&f32::MAX).unwrap_or_default();
            let range = format!(r#","minimum":-{greatest},"maximum":{greatest}"#);
            float(out, &range)
        }
        Shape::Float64 => float(out, ""),
        Shape::Char => write!(out, r#""type":"string","minLength":1,"maxLength":1"#),
        Shape::String => write!(out, r#""type":"string""#),
        Shape::Bytes => write!(out, r#""type":"string","contentEncoding":"base64""#),
        Shape::Record(fields, _) => {
            members(out, fields);
            Ok(())
        }
        Shape::Enum(names) => write!(out, r#""type":"string","enum":{}"#, list(&names.names)),
        Shape::Flags(names) => write!(
            out,
            r#""type":"array","uniqueItems":true,"items":{{"type":"string","enum":{}}}"#,
            list(&names.names)
        ),
        shape => {
            compound(out, shape);
            Ok(())
        }
    };
}

/// The shapes that hold others, but for records.
fn compound(out: &mut String, shape: &Shape) {
    match shape {
        Shape::List { element, length } => {
            *out += r#""type":"array","items":"#;
            write(out, element, None);
            if let Some(length) = length {
                let _ = write!(out, r#","minItems":{length},"maxItems":{length}"#);
            }
        }
        Shape::Map { key, value } if **key == Shape::String => {
            *out += r#""type":"object","additionalProperties":"#;
            write(out, value, None);
        }
        Shape::Map { key, value } => {
            *out += r#""type":"array","items":{"#;
            tuple(out, &[key, value]);
            out.push('}');
        }
        Shape::Tuple(shapes) => tuple(out, &shapes.iter().collect::<Vec<_>>()),
        Shape::Variant(cases, _) => {
            let cases = cases.iter().map(|Case { name, shape, about }| {
                (name.as_str(), shape.as_ref(), about.as_deref())
            });
            variant(out, cases);
        }
        Shape::Result { ok, err } => {
            let cases = [("ok", ok.as_deref(), None), ("err", err.as_deref(), None)];
            variant(out, cases.into_iter());
        }
        Shape::Option(inner) => {
            *out += r#""anyOf":["#;
            if is_nullable(inner) {
                *out += "{";
                tagged(out, SOME, inner);
                *out += "}";
            } else {
                write(out, inner, None);
            }
            *out += r#",{"type":"null"}]"#;
        }
        // Those that hold no others, and records, are written by `body`.
        _ => {}
    }
}

/// Whether `null` is a value of this shape, so that an option of it needs more to
/// say that it is there.
pub(crate) fn is_nullable(shape: &Shape) -> bool {
    matches!(shape, Shape::Option(_))
}

fn members(out: &mut String, fields: &[Field]) {
    *out += r#""type":"object","properties":{"#;
    for (at, field) in fields.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let _ = write!(out, "{comma}{}:", quoted(&field.name));
        write(out, &field.shape, field.about.as_deref());
    }
    *out += "}";
    let required: Vec<&String> = fields
        .iter()
        .filter(|field| !is_nullable(&field.shape))
        .map(|field| &field.name)
        .collect();
    if !required.is_empty() {
        let _ = write!(out, r#","required":{}"#, list(&required));
    }
    *out += r#","additionalProperties":false"#;
}

fn tuple(out: &mut String, shapes: &[&Shape]) {
    *out += r#""type":"array","prefixItems":["#;
    for (at, shape) in shapes.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(out, shape, None);
    }
    let length = shapes.len();
    let _ = write!(
        out,
        r#"],"items":false,"minItems":{length},"maxItems":{length}"#
    );
}

/// A case with something in it is an object with one member, one without is its
/// name.
fn variant<'a>(
    out: &mut String,
    cases: impl Iterator<Item = (&'a str, Option<&'a Shape>, Option<&'a str>)>,
) {
    *out += r#""oneOf":["#;
    for (at, (name, shape, about)) in cases.enumerate() {
        *out += if at == 0 { "{" } else { ",{" };
        if let Some(about) = about {
            let _ = write!(out, r#""description":{},"#, quoted(about));
        }
        match shape {
            Some(shape) => tagged(out, name, shape),
            None => {
                let _ = write!(out, r#""type":"string","const":{}"#, quoted(name));
            }
        }
        out.push('}');
    }
    out.push(']');
}

fn tagged(out: &mut String, name: &str, shape: &Shape) {
    let name = quoted(name);
    let _ = write!(out, r#""type":"object","properties":{{{name}:"#);
    write(out, shape, None);
    let _ = write!(
        out,
        r#"}},"required":[{name}],"additionalProperties":false"#
    );
}

/// Of strings, only those pass for which JSON has no number; only of numbers is
/// the range asked.
fn float(out: &mut String, range: &str) -> std::fmt::Result {
    write!(
        out,
        r#""type":["number","string"],"pattern":"^({})$"{range}"#,
        NOT_FINITE.join("|")
    )
}

fn list<T: AsRef<str>>(names: &[T]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| quoted(name.as_ref())).collect();
    format!("[{}]", quoted.join(","))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::shape::Integer;
    use super::*;

    fn check(shape: &Shape, expected: &Value) {
        let mut out = String::new();
        write(&mut out, shape, None);
        let schema: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}"));
        assert_eq!(&schema, expected, "{shape:?}");
    }

    fn field(name: &str, shape: Shape) -> Field {
        Field {
            name: name.to_owned(),
            shape,
            about: None,
        }
    }

    #[test]
    fn integers_have_their_ranges_to_the_last_digit() {
        check(
            &Shape::Integer(Integer::U64),
            &json!({"type": "integer", "minimum": 0, "maximum": u64::MAX}),
        );
        check(
            &Shape::Integer(Integer::S64),
            &json!({"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX}),
        );
    }

    #[test]
    fn floats_are_numbers_or_what_json_has_no_number_for() {
        let (kinds, pattern) = (["number", "string"], "^(NaN|Infinity|-Infinity)$");
        check(&Shape::Float64, &json!({"type": kinds, "pattern": pattern}));
        check(
            &Shape::Float32,
            &json!({"type": kinds, "pattern": pattern, "minimum": -3.4028235e38,
                "maximum": 3.4028235e38}),
        );
    }

    #[test]
    fn what_is_an_option_is_nullable_and_not_required() {
        let record = Shape::Record(
            vec![
                field("z", Shape::Option(Box::new(Shape::Bool))),
                field("a", Shape::Char),
            ],
            Some("two things".to_owned()),
        );
        check(
            &record,
            &json!({"description": "two things", "type": "object", "required": ["a"],
                "additionalProperties": false, "properties": {
                    "z": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
                    "a": {"type": "string", "minLength": 1, "maxLength": 1}}}),
        );
        let twice = Shape::Option(Box::new(Shape::Option(Box::new(Shape::Bool))));
        check(
            &twice,
            &json!({"anyOf": [
                {"type": "object", "required": ["some"], "additionalProperties": false,
                 "properties": {"some": {"anyOf": [{"type": "boolean"}, {"type": "null"}]}}},
                {"type": "null"}]}),
        );
    }

    #[test]
    fn a_case_with_something_in_it_is_an_object_and_one_without_is_its_name() {
        check(
            &Shape::Result {
                ok: None,
                err: Some(Box::new(Shape::String)),
            },
            &json!({"oneOf": [{"type": "string", "const": "ok"},
                {"type": "object", "required": ["err"], "additionalProperties": false,
                 "properties": {"err": {"type": "string"}}}]}),
        );
    }

    #[test]
    fn a_result_that_is_no_record_is_put_into_one() {
        let schema: Value = serde_json::from_str(&result(&Shape::Bytes)).unwrap();
        assert_eq!(
            schema,
            json!({"type": "object", "required": ["result"], "additionalProperties": false,
                "properties": {"result": {"type": "string", "contentEncoding": "base64"}}})
        );
        let record = Shape::Record(vec![field("a", Shape::Bool)], None);
        assert!(result(&record).starts_with(r#"{"type":"object","properties":{"a":"#));
    }

    #[test]
    fn maps_and_tuples_have_as_many_items_as_they_must() {
        let map = |key| Shape::Map {
            key: Box::new(key),
            value: Box::new(Shape::Bool),
        };
        check(
            &map(Shape::String),
            &json!({"type": "object", "additionalProperties": {"type": "boolean"}}),
        );
        check(
            &map(Shape::Char),
            &json!({"type": "array", "items": {"type": "array", "items": false, "minItems": 2,
                "maxItems": 2, "prefixItems": [
                    {"type": "string", "minLength": 1, "maxLength": 1}, {"type": "boolean"}]}}),
        );
    }
}
