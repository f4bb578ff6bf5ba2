//! From a function's parameters to the schema, and from JSON to the parameters.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

mod common;

use common::{call, invalid, text};
use fusebox_sdk::__private::{Tool, list_tools};
use fusebox_sdk::prelude::*;
use fusebox_sdk::serde_json::{self, Value, json};

/// A colour of the rainbow.
#[derive(Deserialize, Serialize, JsonSchema, Debug, PartialEq, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Colour {
    #[default]
    Red,
    Green,
}

#[derive(Deserialize, Serialize, JsonSchema, Clone)]
struct Point {
    /// to the right
    x: f64,
    y: f64,
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Tree {
    name: String,
    children: Vec<Tree>,
}

/// Adds two numbers.
///
/// As one does.
#[tool]
fn add(
    /// the first one
    a: f64,
    /// the second one
    b: f64,
) -> f64 {
    a + b
}

/// For a test.
#[tool(
    name = "many.kinds",
    title = "Many kinds",
    read_only,
    open_world = false
)]
fn many_kinds(
    count: u8,
    #[arg(name = "colorName", header = "Color")] colour: Colour,
    /// how often
    #[arg(default = 3)]
    times: i32,
    #[arg(default)] flag: bool,
    note: Option<String>,
    r#type: Option<u64>,
) -> String {
    format!(
        "{count} {colour:?} {times} {flag} {note:?} {type:?}",
        r#type = r#type
    )
}

/// For a test.
#[tool]
fn nothing() {}

/// For a test.
#[tool]
fn nested(point: Point, path: Vec<Point>) -> usize {
    let _ = point;
    path.len()
}

/// For a test.
#[tool]
fn with_context(context: &Context, how: u8) -> u8 {
    context.log_info("called");
    how
}

/// For a test.
#[tool]
fn left_out(
    colour: Option<Colour>,
    tree: Option<Tree>,
    anything: Option<Value>,
    #[arg(header = "Region")] region: Option<String>,
) -> bool {
    colour.is_none() && tree.is_none() && anything.is_none() && region.is_none()
}

const SCHEMA: &str = r#"{"type":"object","if":{"required":["a"]}}"#;

/// Ignored.
#[tool(input_schema = SCHEMA, output_schema = r#"{"type":"object"}"#, description = "Raw.", meta = r#"{"k":1}"#)]
fn raw(arguments: Value) -> Value {
    arguments
}

/// For a test.
#[tool]
fn tree(tree: Tree) -> usize {
    tree.children.len()
}

fn input_schema<T: Tool>() -> String {
    list_tools(&[T::DEFINITION], None).unwrap()[0]
        .input_schema
        .clone()
}

#[test]
fn the_listing_follows_from_the_function() {
    let tools = list_tools(
        &[add::DEFINITION, many_kinds::DEFINITION, raw::DEFINITION],
        None,
    )
    .unwrap();
    let [add, kinds, raw] = &tools[..] else {
        panic!("three tools")
    };
    assert_eq!(add.name, "add");
    assert_eq!(add.title, None);
    assert_eq!(
        add.description.as_deref(),
        Some("Adds two numbers.\n\nAs one does.")
    );
    assert_eq!(add.annotations, None);
    assert_eq!(
        add.input_schema,
        r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"a":{"description":"the first one","type":"number"},"b":{"description":"the second one","type":"number"}},"required":["a","b"],"additionalProperties":false}"#
    );
    assert_eq!(
        add.output_schema.as_deref(),
        Some(
            r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"result":{"type":"number"}},"required":["result"]}"#
        )
    );
    assert_eq!(kinds.name, "many.kinds");
    assert_eq!(kinds.title.as_deref(), Some("Many kinds"));
    assert_eq!(kinds.description.as_deref(), Some("For a test."));
    assert_eq!(kinds.output_schema, None);
    assert_eq!(
        kinds.annotations.as_deref(),
        Some(r#"{"readOnlyHint":true,"openWorldHint":false}"#)
    );
    assert_eq!(raw.description.as_deref(), Some("Raw."));
    assert_eq!(raw.input_schema, SCHEMA);
    assert_eq!(raw.output_schema.as_deref(), Some(r#"{"type":"object"}"#));
    assert_eq!(raw.meta.as_deref(), Some(r#"{"k":1}"#));
}

#[test]
fn input_schemas() {
    fn check<T: Tool>(properties: Value, required: &[&str]) {
        let schema: Value = serde_json::from_str(&input_schema::<T>()).unwrap();
        assert_eq!(schema["properties"], properties);
        let expected = if required.is_empty() {
            Value::Null
        } else {
            json!(required)
        };
        assert_eq!(schema["required"], expected);
        assert_eq!(schema["additionalProperties"], false);
    }
    check::<nothing>(json!({}), &[]);
    check::<many_kinds>(
        json!({
            "count": {"type": "integer", "minimum": 0, "maximum": 255},
            "colorName": {
                "description": "A colour of the rainbow.", "type": "string",
                "enum": ["red", "green"], "x-mcp-header": "Color"
            },
            "times": {"type": ["integer", "null"], "default": 3, "description": "how often"},
            "flag": {"type": ["boolean", "null"], "default": false},
            "note": {"type": ["string", "null"]},
            "type": {"type": ["integer", "null"], "minimum": 0},
        }),
        &["count", "colorName"],
    );
    let point = json!({
        "type": "object", "required": ["x", "y"],
        "properties": {"x": {"type": "number", "description": "to the right"}, "y": {"type": "number"}}
    });
    check::<nested>(
        json!({"point": point, "path": {"type": "array", "items": point}}),
        &["point", "path"],
    );
    let tree = json!({
        "type": ["object", "null"], "required": ["name", "children"],
        "properties": {
            "name": {"type": "string"},
            "children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}
        }
    });
    // Null stands for what is left out, but not in a header, which has none.
    check::<left_out>(
        json!({
            "colour": {
                "description": "A colour of the rainbow.", "type": ["string", "null"],
                "enum": ["red", "green", null]
            },
            "tree": tree,
            "anything": {},
            "region": {"type": "string", "x-mcp-header": "Region"},
        }),
        &[],
    );
    // A context is no argument.
    check::<with_context>(
        json!({"how": {"type": "integer", "minimum": 0, "maximum": 255}}),
        &["how"],
    );
}

#[test]
fn a_recursive_type_has_its_definition_with_it() {
    let schema: Value = serde_json::from_str(&input_schema::<tree>()).unwrap();
    let children = &schema["properties"]["tree"]["properties"]["children"]["items"]["$ref"];
    assert_eq!(children, "#/$defs/Tree");
    assert_eq!(
        schema["$defs"]["Tree"]["properties"]["name"]["type"],
        "string"
    );
}

#[test]
fn arguments_that_fit() {
    let check = |arguments: &str, expected: &str| {
        let result = call(many_kinds::DEFINITION, arguments).unwrap();
        assert_eq!(text(&result), expected);
        assert_eq!((result.structured, result.is_error), (None, false));
    };
    check(
        r#"{"count":1,"colorName":"green"}"#,
        "1 Green 3 false None None",
    );
    check(
        r#" { "type" : 5, "note":"n\u00e9\n", "flag":true,"times":-1,"colorName":"red","count":255 } "#,
        "255 Red -1 true Some(\"né\\n\") Some(5)",
    );
    check(
        r#"{"count":1,"colorName":"red","note":null,"times":null,"flag":null}"#,
        "1 Red 3 false None None",
    );
    check(
        r#"{"c\u006funt":1,"colorName":"red"}"#,
        "1 Red 3 false None None",
    );
}

#[test]
fn arguments_that_do_not_fit() {
    let check = |refused: String, expected: &str| assert_eq!(refused, expected);
    check(
        invalid::<add>(r#"{"a":1}"#),
        "`b`: missing required argument (a number)",
    );
    check(
        invalid::<add>(r#"{"a":1,"b":"x"}"#),
        "`b`: expected a number, found the string \"x\"",
    );
    check(
        invalid::<add>(r#"{"a":1,"b":null}"#),
        "`b`: expected a number, found null",
    );
    check(
        invalid::<add>(r#"{"a":1,"b":[1]}"#),
        "`b`: expected a number, found an array",
    );
    check(
        invalid::<add>(r#"{"a":1,"b":{}}"#),
        "`b`: expected a number, found an object",
    );
    check(
        invalid::<add>(r#"{"a":1,"b":true}"#),
        "`b`: expected a number, found true",
    );
    check(invalid::<add>(r#"{"a":1,"a":2}"#), "`a`: given twice");
    check(
        invalid::<add>(r#"{"a":1,"bb":2}"#),
        "`bb`: unknown argument; did you mean `b`?",
    );
    check(
        invalid::<add>(r#"{"summand":1}"#),
        "`summand`: unknown argument; this tool takes `a`, `b`",
    );
    check(
        invalid::<nothing>(r#"{"a":1}"#),
        "`a`: unknown argument; this tool takes none",
    );
    check(
        invalid::<many_kinds>(r#"{"count":1,"colourName":"red"}"#),
        "`colourName`: unknown argument; did you mean `colorName`?",
    );
    check(
        invalid::<many_kinds>(r#"{"count":256,"colorName":"red"}"#),
        "`count`: expected an integer from 0 to 255, found the number 256",
    );
    check(
        invalid::<many_kinds>(r#"{"count":1,"colorName":"blue"}"#),
        "`colorName`: expected one of \"red\", \"green\", found the string \"blue\"",
    );
    check(
        invalid::<many_kinds>(r#"{"count":1}"#),
        "`colorName`: missing required argument (one of \"red\", \"green\")",
    );
    check(
        invalid::<nested>(r#"{"point":{"x":1},"path":[]}"#),
        "`point`: missing field `y`",
    );
    check(
        invalid::<nested>(r#"{"point":[],"path":[]}"#),
        "`point`: expected an object, found an array",
    );
    check(
        invalid::<nested>(r#"{"point":{"x":1,"y":2},"path":{}}"#),
        "`path`: expected an array, found an object",
    );
    check(
        invalid::<add>("[1,2]"),
        "invalid type: sequence, expected an object with the arguments by name",
    );
    check(invalid::<add>(r#"{"a":1} x"#), "trailing characters");
    check(invalid::<add>(r#"{"a":1,"#), "EOF while parsing a value");
    check(invalid::<add>(""), "EOF while parsing a value");
    let long = format!("{{\"a\":1,\"b\":\"{}\"}}", "x".repeat(100));
    check(
        invalid::<add>(&long),
        "`b`: expected a number, found a string",
    );
}

#[test]
fn one_value_for_all_arguments() {
    let result = call(raw::DEFINITION, r#"{"z":1,"a":[{}]}"#).unwrap();
    assert_eq!(result.structured.as_deref(), Some(r#"{"a":[{}],"z":1}"#));
}
