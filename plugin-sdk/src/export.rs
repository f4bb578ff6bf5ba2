//! From the contract's two functions to the tools of a plugin. The code here is
//! the same for every plugin: what differs is in the tables that macros make.

use std::sync::Once;

use crate::ToolResult;
use crate::arguments::Argument;
use crate::bindings::host::fusebox::plugin::request;
use crate::bindings::host::fusebox::plugin::types::{
    CallContext, Failure, TaskSupport, Tool as ToolEntry, ToolOutcome,
};
use crate::context::Context;
use crate::error::{Kind, ToolError};
use crate::schema;

/// A function with `#[tool]`.
pub trait Tool {
    /// All that is known about it.
    const DEFINITION: ToolDefinition;
}

/// What `#[tool]` finds out about a function.
pub struct ToolDefinition {
    /// the name it is called by
    pub name: &'static str,
    /// a name for people
    pub title: Option<&'static str>,
    /// what it does
    pub description: Option<&'static str>,
    /// MCP tool annotations, a JSON object
    pub annotations: Option<&'static str>,
    /// MCP `_meta`, a JSON object
    pub meta: Option<&'static str>,
    /// what it takes
    pub input: Input,
    /// makes the schema of the structured content
    pub output_schema: fn() -> Option<String>,
    /// decodes the arguments, calls the function, encodes the result
    pub call: fn(&str, &Context) -> Result<ToolResult, ToolError>,
}

/// What a tool takes.
pub enum Input {
    /// the function's parameters
    Arguments(&'static [Argument]),
    /// one value, described by this JSON Schema
    Schema(&'static str),
}

/// Answers `list-tools`.
///
/// # Errors
/// None.
pub fn list_tools(tools: &[ToolDefinition]) -> Result<Vec<ToolEntry>, Failure> {
    report_panics();
    Ok(tools.iter().map(entry).collect())
}

fn entry(tool: &ToolDefinition) -> ToolEntry {
    ToolEntry {
        name: tool.name.into(),
        title: tool.title.map(Into::into),
        description: tool.description.map(Into::into),
        input_schema: match tool.input {
            Input::Arguments(arguments) => schema::input(arguments),
            Input::Schema(schema) => schema.into(),
        },
        output_schema: (tool.output_schema)(),
        annotations: tool.annotations.map(Into::into),
        icons: None,
        task_support: TaskSupport::Forbidden,
        cache: None,
        meta: tool.meta.map(Into::into),
    }
}

/// Answers `call-tool`.
///
/// # Errors
/// If there is no such tool, or the arguments don't fit.
pub fn call_tool(
    tools: &[ToolDefinition],
    name: &str,
    arguments: &str,
    context: CallContext,
) -> Result<ToolOutcome, Failure> {
    report_panics();
    let Some(tool) = tools.iter().find(|tool| tool.name == name) else {
        return Err(Failure::NotFound(format!("no tool is called `{name}`")));
    };
    match (tool.call)(arguments, &Context::new(context)) {
        Ok(result) => Ok(ToolOutcome::Complete(result)),
        Err(error) if error.kind == Kind::InvalidArguments => {
            Err(Failure::InvalidParams(error.into_message()))
        }
        Err(error) => {
            let result = ToolResult::new().text(error.into_message()).error();
            Ok(ToolOutcome::Complete(result))
        }
    }
}

/// Has the host told what a panic says before it becomes a trap, once for each
/// instance.
fn report_panics() {
    static ONCE: Once = Once::new();
    if cfg!(target_arch = "wasm32") {
        ONCE.call_once(|| {
            std::panic::set_hook(Box::new(|panic| {
                let message = panic.payload_as_str().unwrap_or("a value that is no text");
                match panic.location() {
                    Some(at) => {
                        request::report_panic(&format!("{message} at {}:{}", at.file(), at.line()))
                    }
                    None => request::report_panic(message),
                }
            }));
        });
    }
}

/// Stops the compilation if two tools have one name.
pub const fn assert_distinct(tools: &[ToolDefinition]) {
    let mut i = 0;
    while i < tools.len() {
        let mut j = i + 1;
        while j < tools.len() {
            assert!(
                !equal(tools[i].name.as_bytes(), tools[j].name.as_bytes()),
                "two tools of this plugin have the same name"
            );
            j += 1;
        }
        i += 1;
    }
}

const fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}
