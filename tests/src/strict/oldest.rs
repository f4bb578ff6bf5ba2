//! 2024-11-05, by the types of the crate `rust-mcp-schema`, since no package
//! carries a JSON Schema of it. Its types pass over members that they don't know:
//! what was decoded is written again, and must be what was read.

use rust_mcp_schema::mcp_2024_11_05 as mcp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::script::with_plain_numbers;

/// Checks the result of a definition.
pub(super) fn result(definition: &str, result: &Value) -> Result<(), String> {
    match definition {
        "InitializeResult" => same::<mcp::InitializeResult>(result),
        "ListToolsResult" => same::<mcp::ListToolsResult>(&with_plain_schemas(result)),
        "CallToolResult" => same::<mcp::CallToolResult>(result),
        "ListResourcesResult" => same::<mcp::ListResourcesResult>(result),
        "ListResourceTemplatesResult" => same::<mcp::ListResourceTemplatesResult>(result),
        "ReadResourceResult" => same::<mcp::ReadResourceResult>(result),
        "ListPromptsResult" => same::<mcp::ListPromptsResult>(result),
        "GetPromptResult" => same::<mcp::GetPromptResult>(result),
        "CompleteResult" => same::<mcp::CompleteResult>(result),
        "EmptyResult" => same::<mcp::Result>(result),
        unknown => Err(format!("2024-11-05 has no {unknown}")),
    }
}

/// Checks a request, or a notification.
pub(super) fn call(message: &Value, is_request: bool) -> Result<(), String> {
    let mut inner = message.clone();
    if let Some(members) = inner.as_object_mut() {
        members.remove("jsonrpc");
        members.remove("id");
    }
    match inner["method"].as_str().unwrap_or_default() {
        "ping" if is_request => same::<mcp::PingRequest>(&inner),
        "sampling/createMessage" if is_request => same::<mcp::CreateMessageRequest>(&inner),
        "roots/list" if is_request => same::<mcp::ListRootsRequest>(&inner),
        "notifications/cancelled" => same::<mcp::CancelledNotification>(&inner),
        "notifications/progress" => same::<mcp::ProgressNotification>(&inner),
        "notifications/message" => same::<mcp::LoggingMessageNotification>(&inner),
        "notifications/resources/updated" => same::<mcp::ResourceUpdatedNotification>(&inner),
        "notifications/resources/list_changed" => {
            same::<mcp::ResourceListChangedNotification>(&inner)
        }
        "notifications/tools/list_changed" => same::<mcp::ToolListChangedNotification>(&inner),
        "notifications/prompts/list_changed" => same::<mcp::PromptListChangedNotification>(&inner),
        unknown => Err(format!("2024-11-05 has no {unknown} of a server")),
    }
}

/// Schemas of tools may have any keyword, which the types pass over.
fn with_plain_schemas(result: &Value) -> Value {
    let mut result = result.clone();
    for tool in result["tools"].as_array_mut().into_iter().flatten() {
        if let Some(kind) = tool.pointer("/inputSchema/type").cloned() {
            tool["inputSchema"] = json!({"type": kind});
        }
    }
    result
}

fn same<T: DeserializeOwned + Serialize>(value: &Value) -> Result<(), String> {
    let read: T = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
    let written = serde_json::to_value(read).map_err(|error| error.to_string())?;
    if with_plain_numbers(written.clone()) == with_plain_numbers(value.clone()) {
        return Ok(());
    }
    Err(format!("2024-11-05 knows only this of it: {written}"))
}
