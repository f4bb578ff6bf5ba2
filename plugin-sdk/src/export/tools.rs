//! The export `tools`: what is listed of each, and the way of a call.

use super::{marked, report_panics};
use crate::ToolResult;
use crate::arguments::Argument;
use crate::bindings::host::fusebox::plugin::types::{
    CacheHint, CallContext, Failure, TaskSupport, Tool as ToolEntry, ToolOutcome,
};
use crate::context::Context;
use crate::error::{HandlerError, Kind};
use crate::schema;

/// A function with `#[tool]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no tool",
    label = "`tools: [...]` takes functions with `#[tool]`"
)]
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
    /// MCP icons, a JSON array
    pub icons: Option<&'static str>,
    /// MCP `_meta`, a JSON object
    pub meta: Option<&'static str>,
    /// MCP tool annotations, a JSON object
    pub annotations: Option<&'static str>,
    /// whether a call may become a task
    pub task: TaskSupport,
    /// given if the result depends on the arguments alone
    pub cache: Option<CacheHint>,
    /// what it takes
    pub input: Input,
    /// makes the schema of the structured content
    pub output_schema: fn() -> Option<String>,
    /// decodes the arguments, calls the function, encodes the result
    pub call: fn(&str, &Context) -> Result<ToolResult, HandlerError>,
}

impl ToolDefinition {
    /// That of a function which the macro refuses, so that its error is the only one.
    pub const fn refused(name: &'static str) -> Self {
        Self {
            name,
            title: None,
            description: None,
            icons: None,
            meta: None,
            annotations: None,
            task: TaskSupport::Forbidden,
            cache: None,
            input: Input::Schema("{}"),
            output_schema: || None,
            call: |_, _| Ok(ToolResult::new()),
        }
    }

    /// What no other tool of the plugin may have.
    pub const fn identity(&self) -> [&'static str; 2] {
        [self.name, ""]
    }
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
pub fn list_tools(
    tools: &[ToolDefinition],
    lists: Option<CacheHint>,
) -> Result<Vec<ToolEntry>, Failure> {
    report_panics();
    Ok(tools.iter().map(|tool| entry(tool, lists)).collect())
}

fn entry(tool: &ToolDefinition, lists: Option<CacheHint>) -> ToolEntry {
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
        icons: tool.icons.map(Into::into),
        task_support: tool.task,
        cache: tool.cache,
        meta: marked(tool.meta, lists),
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
    let HandlerError { kind, message } = match (tool.call)(arguments, &Context::new(context)) {
        Ok(result) => return Ok(ToolOutcome::Complete(result)),
        Err(error) => error,
    };
    match kind {
        Kind::Asks(questions) => Ok(ToolOutcome::InputRequired(questions.required)),
        Kind::InvalidArguments => Err(Failure::InvalidParams(message)),
        // The tool is there: what it didn't find is for the model to read.
        Kind::Failed | Kind::NotFound => {
            let result = ToolResult::new().text(message).error();
            Ok(ToolOutcome::Complete(result))
        }
    }
}
