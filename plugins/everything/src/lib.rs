//! What the MCP conformance suite asks of a server: its fixture, tool by tool.
//! Names, texts and waits are the suite's, not ours. It has no use but that.

use std::time::Duration;

use fusebox_sdk::prelude::*;
use serde_json::Value;

/// One red pixel.
const IMAGE: &[u8] = include_bytes!("red.png");

/// A hundredth of a second of silence.
const AUDIO: &[u8] = include_bytes!("silence.wav");

/// Between two notifications, so that a client sees them one by one.
const PAUSE: Duration = Duration::from_millis(50);

/// Returns text.
// The first tool: the suite calls it without arguments.
#[tool]
fn test_simple_text() -> &'static str {
    "This is a simple text response for testing."
}

/// Returns an image.
#[tool]
fn test_image_content() -> Content {
    Content::image(IMAGE, "image/png")
}

/// Returns a sound.
#[tool]
fn test_audio_content() -> Content {
    Content::audio(AUDIO, "audio/wav")
}

/// Returns a resource within the result.
#[tool]
fn test_embedded_resource() -> Content {
    Content::embedded_text(
        "test://embedded-resource",
        "text/plain",
        "This is an embedded resource content.",
    )
}

/// Returns text, an image and a resource.
#[tool]
fn test_multiple_content_types() -> Vec<Content> {
    vec![
        Content::text("Multiple content types test:"),
        Content::image(IMAGE, "image/png"),
        Content::embedded_text(
            "test://mixed-content-resource",
            "application/json",
            r#"{"test":"data","value":123}"#,
        ),
    ]
}

/// Logs three messages while it runs.
#[tool]
fn test_tool_with_logging(context: &Context) -> &'static str {
    context.log_info("Tool execution started");
    context.sleep(PAUSE);
    context.log_info("Tool processing data");
    context.sleep(PAUSE);
    context.log_info("Tool execution completed");
    "Logging test completed"
}

/// Always reports that it failed.
#[tool]
fn test_error_handling() -> Result<(), ToolError> {
    Err("This tool intentionally returns an error for testing".into())
}

/// Reports its progress while it runs.
#[tool]
fn test_tool_with_progress(context: &Context) -> &'static str {
    context.progress_message(0.0, 100.0, "Starting");
    context.sleep(PAUSE);
    context.progress_message(50.0, 100.0, "Halfway");
    context.sleep(PAUSE);
    context.progress_message(100.0, 100.0, "Complete");
    "Progress test completed"
}

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
fn json_schema_2020_12_tool(arguments: Value) -> String {
    let name = arguments["name"].as_str().unwrap_or("world");
    format!("Hello, {name}!")
}

/// Returns its argument, which a header carries too.
#[tool]
fn test_custom_header(#[arg(header = "Value")] value: String) -> String {
    value
}

/// Logs a message, which the client gets only if it asked for that level.
#[tool]
fn test_logging_tool(context: &Context) -> &'static str {
    context.log_info("logLevel was requested");
    "Logging tool completed"
}

/// Says that the list of tools has changed.
#[tool]
fn test_trigger_tool_change(context: &Context) -> &'static str {
    context.tools_changed();
    "Tool list change triggered"
}

/// Says that the list of prompts has changed.
#[tool]
fn test_trigger_prompt_change(context: &Context) -> &'static str {
    context.prompts_changed();
    "Prompt list change triggered"
}

fusebox_sdk::plugin! {
    tools: [
        test_simple_text,
        test_image_content,
        test_audio_content,
        test_embedded_resource,
        test_multiple_content_types,
        test_tool_with_logging,
        test_error_handling,
        test_tool_with_progress,
        json_schema_2020_12_tool,
        test_custom_header,
        test_logging_tool,
        test_trigger_tool_change,
        test_trigger_prompt_change,
    ]
}
