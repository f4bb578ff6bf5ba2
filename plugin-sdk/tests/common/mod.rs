//! Calls a tool as the host does: through the two functions of the contract, on
//! the machine of the tests.

use fusebox_sdk::__private::{
    CallContext, ClientCapabilities, Failure, Tool, ToolDefinition, ToolOutcome, call_tool,
};
use fusebox_sdk::{Content, ToolResult};

pub(crate) fn context() -> CallContext {
    CallContext {
        caller: None,
        deadline_ms: 1,
        client: ClientCapabilities::empty(),
        input_responses: None,
        request_state: None,
    }
}

pub(crate) fn call(tool: ToolDefinition, arguments: &str) -> Result<ToolResult, Failure> {
    let name = tool.name;
    match call_tool(&[tool], name, arguments, context())? {
        ToolOutcome::Complete(result) => Ok(result),
        ToolOutcome::InputRequired(_) => panic!("nothing was to be asked"),
    }
}

/// The text of the only piece of content.
pub(crate) fn text(result: &ToolResult) -> &str {
    match &result.content[..] {
        [Content::Text(text)] => &text.text,
        other => panic!("not one text: {other:?}"),
    }
}

pub(crate) fn invalid<T: Tool>(arguments: &str) -> String {
    match call(T::DEFINITION, arguments) {
        Err(Failure::InvalidParams(message)) => message,
        other => panic!("not refused: {other:?}"),
    }
}
