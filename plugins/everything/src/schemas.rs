//! Tools whose arguments are described by more than the usual keywords.

use fusebox_sdk::prelude::*;
use serde_json::Value;

/// Keywords that a server must pass on as they are.
const SCHEMA: &str = r##"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "$defs": {
    "address": {
      "$anchor": "address",
      "type": "object",
      "properties": {
        "street": { "type": "string" },
        "city": { "type": "string" }
      }
    }
  },
  "properties": {
    "name": { "type": "string" },
    "address": { "$ref": "#/$defs/address" }
  },
  "allOf": [
    { "anyOf": [{ "required": ["name"] }, { "required": ["address"] }] }
  ],
  "if": { "required": ["address"] },
  "then": { "properties": { "address": { "required": ["street"] } } },
  "else": { "required": ["name"] },
  "additionalProperties": false
}"##;

/// Has a schema with the features of JSON Schema 2020-12.
#[tool(input_schema = SCHEMA)]
pub(crate) fn json_schema_2020_12_tool(arguments: Value) -> String {
    let name = arguments["name"].as_str().unwrap_or("world");
    format!("Hello, {name}!")
}

/// Returns its argument, which a header carries too.
#[tool]
pub(crate) fn test_custom_header(#[arg(header = "Value")] value: String) -> String {
    value
}
