//! From what a function returns to the result, and to the schema of it.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

mod common;

use std::borrow::Cow;
use std::collections::BTreeMap;

use common::{call, context, invalid, text};
use fusebox_sdk::__private::{
    CacheHint, Failure, TaskSupport, Tool, ToolDefinition, call_tool, list_tools,
};
use fusebox_sdk::prelude::*;
use fusebox_sdk::serde_json::{self, Value, json};

#[derive(Deserialize, Serialize, JsonSchema, Clone)]
struct Point {
    /// to the right
    x: f64,
    y: f64,
}

#[derive(Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Shape {
    Dot,
    Circle { radius: f64 },
}

#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Mixed {
    Object { n: u8 },
    Number(u8),
}

/// For a test.
#[tool]
fn add(a: f64, b: f64) -> Result<f64, HandlerError> {
    Ok(a + b)
}

/// Named like a variable of the macro's might be.
#[tool]
fn value(given: u8, context: &Context) -> u8 {
    let _ = context;
    given
}

/// For a test.
#[tool]
fn nothing() {}

/// For a test.
#[tool]
fn fails(how: u8, context: &Context) -> Result<&'static str, HandlerError> {
    context.log_info("failing");
    match how {
        0 => Err("no such city".into()),
        1 => Err("1.5.2".parse::<f64>().map(|_| "").unwrap_err().into()),
        2 => Err(HandlerError::invalid_argument("how", "2 is never right")),
        _ => Ok(context.caller().map_or("nobody", |_| "somebody")),
    }
}

/// For a test.
#[tool]
fn fails_plainly() -> Result<(), String> {
    Err("plainly".into())
}

/// For a test.
#[tool]
fn mixed_content() -> Vec<Content> {
    vec![Content::text("a"), Content::image([1, 2], "image/png")]
}

/// For a test.
#[tool]
fn by_hand() -> Result<ToolResult, HandlerError> {
    ToolResult::new()
        .text("t")
        .error()
        .structured(&json!({"a": 1}))
}

/// Returns of every kind have no arguments.
macro_rules! returns {
    ($($name:ident -> $type:ty { $value:expr })*) => { $(
        /// For a test.
        #[tool]
        fn $name() -> $type { $value }
    )* };
}

returns! {
    a_point -> Point { Point { x: 1.0, y: 2.0 } }
    a_map -> BTreeMap<String, u8> { BTreeMap::from([("k".to_owned(), 1)]) }
    a_list -> Vec<u8> { vec![1, 2] }
    a_number -> u8 { 7 }
    perhaps -> Option<Point> { None }
    a_shape -> Shape { Shape::Circle { radius: 1.0 } }
    a_dot -> Shape { Shape::Dot }
    mixed_object -> Mixed { Mixed::Object { n: 1 } }
    mixed_number -> Mixed { Mixed::Number(1) }
    a_value -> Value { json!([1]) }
    a_bad_map -> BTreeMap<(u8, u8), u8> { BTreeMap::from([((1, 1), 1)]) }
    borrowed -> Cow<'static, str> { Cow::Borrowed("cow") }
}

fusebox_sdk::plugin! { tools: [add, nothing] }

#[test]
fn a_tool_stays_a_function() {
    assert_eq!(add(1.0, 2.5).unwrap(), 3.5);
    assert_eq!(value(1, &Context::for_test()), 1);
    assert_eq!(
        text(&call(value::DEFINITION, r#"{"given":1}"#).unwrap()),
        r#"{"result":1}"#
    );
    assert_eq!(fails(9, &Context::for_test()).unwrap(), "nobody");
    assert_eq!(
        fails(0, &Context::for_test()).unwrap_err().message(),
        "no such city"
    );
}

#[test]
fn failures_of_a_tool() {
    let check = |result: ToolResult, expected: &str| {
        assert_eq!(text(&result), expected);
        assert_eq!((result.structured, result.is_error), (None, true));
    };
    check(
        call(fails::DEFINITION, r#"{"how":0}"#).unwrap(),
        "no such city",
    );
    check(
        call(fails::DEFINITION, r#"{"how":1}"#).unwrap(),
        "invalid float literal",
    );
    check(call(fails_plainly::DEFINITION, "{}").unwrap(), "plainly");
    assert_eq!(invalid::<fails>(r#"{"how":2}"#), "`how`: 2 is never right");
    let result = call(a_bad_map::DEFINITION, "{}").unwrap();
    check(
        result,
        "failed to write the result as JSON: key must be a string",
    );
    let unknown = call_tool(&[], "x", "{}", context());
    assert!(matches!(unknown, Err(Failure::NotFound(m)) if m == "no tool is called `x`"));
}

#[test]
fn results_and_their_schemas() {
    fn check<T: Tool>(structured: &str, schema: Value) {
        let result = call(T::DEFINITION, "{}").unwrap();
        assert_eq!(result.structured.as_deref(), Some(structured));
        assert_eq!(text(&result), structured);
        assert!(!result.is_error);
        let listed = list_tools(&[T::DEFINITION], None).unwrap();
        let mut found: Value =
            serde_json::from_str(listed[0].output_schema.as_deref().unwrap()).unwrap();
        let members = found.as_object_mut().unwrap();
        assert_eq!(
            members.remove("$schema").unwrap(),
            "https://json-schema.org/draft/2020-12/schema"
        );
        assert_eq!(members.remove("type").unwrap(), "object");
        assert_eq!(found, schema);
    }
    let wrapped = |schema: Value| json!({"properties": {"result": schema}, "required": ["result"]});
    let properties =
        json!({"x": {"type": "number", "description": "to the right"}, "y": {"type": "number"}});
    let byte = json!({"type": "integer", "minimum": 0, "maximum": 255});
    check::<a_point>(
        r#"{"x":1.0,"y":2.0}"#,
        json!({"properties": properties, "required": ["x", "y"]}),
    );
    check::<a_map>(r#"{"k":1}"#, json!({"additionalProperties": byte}));
    check::<a_list>(
        r#"{"result":[1,2]}"#,
        wrapped(json!({"type": "array", "items": byte})),
    );
    check::<a_number>(r#"{"result":7}"#, wrapped(byte.clone()));
    check::<a_value>(r#"{"result":[1]}"#, json!({}));
    let perhaps =
        json!({"type": ["object", "null"], "properties": properties, "required": ["x", "y"]});
    check::<perhaps>(
        r#"{"result":null}"#,
        json!({"anyOf": [perhaps, wrapped(perhaps.clone())]}),
    );
    let shape = json!({"oneOf": [
        {"type": "object", "properties": {"kind": {"type": "string", "const": "dot"}}, "required": ["kind"]},
        {"type": "object", "properties": {"kind": {"type": "string", "const": "circle"}, "radius": {"type": "number"}}, "required": ["kind", "radius"]},
    ]});
    check::<a_shape>(r#"{"kind":"circle","radius":1.0}"#, shape.clone());
    check::<a_dot>(r#"{"kind":"dot"}"#, shape);
    let mixed = json!({"anyOf": [
        {"type": "object", "properties": {"n": byte}, "required": ["n"]}, byte
    ]});
    let either = json!({"anyOf": [mixed, wrapped(mixed.clone())]});
    check::<mixed_object>(r#"{"n":1}"#, either.clone());
    check::<mixed_number>(r#"{"result":1}"#, either);
}

#[test]
fn results_without_a_schema() {
    let check = |tool: ToolDefinition, content: usize, structured: Option<&str>| {
        assert_eq!((tool.output_schema)(), None);
        let result = call(tool, "{}").unwrap();
        assert_eq!(result.content.len(), content);
        assert_eq!(result.structured.as_deref(), structured);
        result
    };
    check(nothing::DEFINITION, 0, None);
    assert_eq!(text(&check(borrowed::DEFINITION, 1, None)), "cow");
    assert!(check(by_hand::DEFINITION, 1, Some(r#"{"a":1}"#)).is_error);
    let mixed = check(mixed_content::DEFINITION, 2, None);
    assert!(matches!(&mixed.content[1],
        Content::Image(image) if image.data == [1, 2] && image.mime_type == "image/png"));
}

/// For a test.
#[tool(task = "optional", cache(ttl_ms = 60_000, shared), icons = "[]")]
fn long() {}

/// For a test.
#[tool(task = "required", ask_before_task)]
fn longer() -> Result<(), HandlerError> {
    Err(HandlerError::not_found("no such file"))
}

#[test]
fn what_a_plugin_says_of_its_lists_goes_along_with_each_item() {}

#[test]
fn tasks_caches_and_icons_are_listed() {
    let listed = list_tools(
        &[long::DEFINITION, longer::DEFINITION, nothing::DEFINITION],
        None,
    )
    .unwrap();
    let supports: Vec<_> = listed.iter().map(|tool| tool.task_support).collect();
    let expected = [
        TaskSupport::Optional,
        TaskSupport::Required,
        TaskSupport::Forbidden,
    ];
    assert_eq!(supports, expected);
    let cache = listed[0].cache.unwrap();
    assert_eq!((cache.ttl_ms, cache.shared), (60_000, true));
    assert_eq!(listed[0].icons.as_deref(), Some("[]"));
    assert_eq!(listed[0].meta, None);
    let meta = listed[1].meta.as_deref();
    assert_eq!(meta, Some(r#"{"fusebox/askBeforeTask":true}"#));
    assert!(listed[1].cache.is_none() && listed[1].icons.is_none());
    // The tool is there, so what it didn't find is a result.
    let result = call(longer::DEFINITION, "{}").unwrap();
    assert_eq!((text(&result), result.is_error), ("no such file", true));
    assert!(listed[1].cache.is_none() && listed[1].icons.is_none());
    // The tool is there, so what it didn't find is a result.
    let result = call(longer::DEFINITION, "{}").unwrap();
    assert_eq!((text(&result), result.is_error), ("no such file", true));
    let hint = CacheHint {
        ttl_ms: 9,
        shared: true,
    };
    let listed = list_tools(&[longer::DEFINITION], Some(hint)).unwrap();
    let meta: Value = serde_json::from_str(listed[0].meta.as_deref().unwrap()).unwrap();
    let kept = json!({"ttlMs": 9, "shared": true});
    assert_eq!(
        meta,
        json!({"fusebox/askBeforeTask": true, "fusebox/listCache": kept})
    );
}
