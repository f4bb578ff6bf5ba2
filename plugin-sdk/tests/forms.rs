//! From a type to the form that asks for it.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, dead_code)]

mod common;

use std::collections::HashSet;

use common::questions;
use fusebox_sdk::prelude::*;
use fusebox_sdk::serde_json::{Value, json};
use fusebox_sdk::{InputRequest, serde};

/// The text of the schema of a form for `T`, or why there is none.
fn schema_text<T: serde::de::DeserializeOwned + JsonSchema>() -> Result<String, String> {
    match Context::for_test().elicit::<T>("k", "m") {
        Ok(_) => panic!("there was no answer"),
        Err(error) => match error.questions() {
            [(_, InputRequest::Elicit(json))] => {
                let json = json
                    .strip_prefix(r#"{"message":"m","requestedSchema":"#)
                    .unwrap();
                Ok(json.strip_suffix('}').unwrap().to_owned())
            }
            _ => Err(error.message().to_owned()),
        },
    }
}

fn check<T: serde::de::DeserializeOwned + JsonSchema>(properties: Value, required: Value) {
    let error = Context::for_test().elicit::<T>("k", "m").err().unwrap();
    let asked = questions(error.questions());
    let schema = &asked[0].1["requestedSchema"];
    assert_eq!(schema["type"], "object");
    assert_eq!(schema["properties"], properties);
    assert_eq!(schema["required"], required);
    let members = schema.as_object().unwrap().len();
    assert_eq!(members, if required.is_null() { 2 } else { 3 });
}

/// Not for the user to see.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Primitives {
    zip_code: String,
    /// in years
    #[schemars(range(min = 18, max = 120))]
    age: u8,
    #[schemars(title = "Height", description = "in metres")]
    height: f32,
    #[serde(default)]
    agreed: bool,
    #[schemars(email, length(min = 3, max = 50))]
    mail: String,
    #[schemars(regex(pattern = "^a"), extend("x-other" = 1))]
    nickname: Option<String>,
    count: Option<i64>,
}

#[test]
fn primitives() {
    check::<Primitives>(
        json!({
            "zipCode": {"type": "string"},
            "age": {"type": "integer", "minimum": 18, "maximum": 120, "description": "in years"},
            "height": {"type": "number", "title": "Height", "description": "in metres"},
            "agreed": {"type": "boolean", "default": false},
            "mail": {"type": "string", "format": "email", "minLength": 3, "maxLength": 50},
            "nickname": {"type": "string"},
            "count": {"type": "integer"},
        }),
        json!(["zipCode", "age", "height", "mail"]),
    );
}

#[test]
fn fields_are_in_the_order_of_the_declaration() {
    let text = schema_text::<Primitives>().unwrap();
    let place = |name: &str| text.find(&format!("\"{name}\":{{")).unwrap();
    let places = [
        "zipCode", "age", "height", "agreed", "mail", "nickname", "count",
    ]
    .map(place);
    assert!(places.is_sorted(), "{text}");
}

#[derive(Deserialize, Serialize, JsonSchema, Default, PartialEq, Eq, Hash)]
#[serde(rename_all = "lowercase")]
enum Plain {
    #[default]
    Red,
    Green,
}

#[derive(Deserialize, Serialize, JsonSchema, Default)]
#[serde(rename_all = "lowercase")]
enum Titled {
    /// The first
    #[default]
    One,
    #[schemars(title = "The second", description = "and not the last")]
    Two,
    Three,
}

#[derive(Deserialize, JsonSchema)]
struct Choices {
    plain: Plain,
    titled: Titled,
    #[serde(default)]
    plain_default: Plain,
    #[serde(default)]
    titled_default: Titled,
    maybe_plain: Option<Plain>,
    maybe_titled: Option<Titled>,
    #[schemars(length(min = 1, max = 2))]
    several: Vec<Plain>,
    several_titled: Vec<Titled>,
    unique: HashSet<Plain>,
    #[schemars(extend("enum" = ["a", "b"], "enumNames" = ["A", "B"]))]
    legacy: String,
    #[schemars(required)]
    lenient: Option<String>,
}

#[test]
fn choices() {
    let options = json!([
        {"const": "three", "title": "three"},
        {"const": "one", "title": "The first"},
        {"const": "two", "title": "The second"},
    ]);
    let plain = json!({"type": "string", "enum": ["red", "green"]});
    let titled = json!({"type": "string", "oneOf": options});
    check::<Choices>(
        json!({
            "plain": plain,
            "titled": titled,
            "plain_default": {"type": "string", "enum": ["red", "green"], "default": "red"},
            "titled_default": {"type": "string", "oneOf": options, "default": "one"},
            "maybe_plain": plain,
            "maybe_titled": titled,
            "several": {"type": "array", "items": plain, "minItems": 1, "maxItems": 2},
            "several_titled": {"type": "array", "items": {"anyOf": options}},
            "unique": {"type": "array", "items": plain},
            "legacy": {"type": "string", "enum": ["a", "b"], "enumNames": ["A", "B"]},
            "lenient": {"type": "string"},
        }),
        json!([
            "plain",
            "titled",
            "several",
            "several_titled",
            "unique",
            "legacy",
            "lenient"
        ]),
    );
}

#[derive(Deserialize, JsonSchema)]
struct AllOptional {
    a: Option<u8>,
}

#[derive(Deserialize, JsonSchema)]
struct Nested {
    inner: AllOptional,
}

#[derive(Deserialize, JsonSchema)]
struct Numbers {
    list: Vec<u8>,
}

#[derive(Deserialize, JsonSchema)]
struct Flat {
    z: u8,
    #[serde(flatten)]
    rest: AllOptional,
}

#[test]
fn what_need_not_be_given_is_not_required() {
    check::<AllOptional>(
        json!({"a": {"type": "integer", "minimum": 0, "maximum": 255}}),
        Value::Null,
    );
    let byte = json!({"type": "integer", "minimum": 0, "maximum": 255});
    check::<Flat>(json!({"z": byte, "a": byte}), json!(["z"]));
}

#[test]
fn what_a_form_can_not_ask_for_is_named() {
    let check = |found: Result<String, String>, expected: &str| {
        let found = found.unwrap_err();
        assert!(found.starts_with("failed to make a form of `"), "{found}");
        assert!(found.ends_with(expected), "{found}");
    };
    check(schema_text::<u8>(), "`u8`: it has no named fields");
    check(schema_text::<Plain>(), "Plain`: it has no named fields");
    check(
        schema_text::<Nested>(),
        "Nested`: `inner` is neither text, a number, a boolean nor a choice",
    );
    check(
        schema_text::<Numbers>(),
        "Numbers`: `list` is a list of something else than choices",
    );
}
