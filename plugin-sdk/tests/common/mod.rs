//! Calls handlers as the host does: through the functions of the contract, on
//! the machine of the tests.
#![allow(dead_code, reason = "each test uses some of these")]

use fusebox_sdk::__private::{
    CallContext, ClientCapabilities, Failure, InputRequired, Tool, ToolDefinition, ToolOutcome,
    call_tool,
};
use fusebox_sdk::serde_json::{self, Value};
use fusebox_sdk::{Content, InputRequest, ToolResult};

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

/// The context of the round after `asked`: a client sends what was asked for
/// and gives the state back.
pub(crate) fn answered(asked: &InputRequired, answers: &Value) -> CallContext {
    CallContext {
        client: ClientCapabilities::all(),
        input_responses: Some(answers.to_string()),
        request_state: asked.state.clone(),
        ..context()
    }
}

/// The questions as JSON, each with its key.
pub(crate) fn questions(requests: &[(String, InputRequest)]) -> Vec<(String, Value)> {
    let json = |request: &InputRequest| match request {
        InputRequest::Elicit(json) | InputRequest::Sample(json) => {
            serde_json::from_str(json).unwrap()
        }
        InputRequest::ListRoots => Value::from("roots"),
    };
    let requests = requests.iter();
    requests
        .map(|(key, request)| (key.clone(), json(request)))
        .collect()
}
