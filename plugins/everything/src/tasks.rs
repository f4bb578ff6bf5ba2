//! Tools for the tasks extension (SEP-2663): long ones, failing ones, ones that
//! ask while they are a task.

use std::time::Duration;

use fusebox_sdk::prelude::*;

use crate::rounds::Name;

/// Sync-only greeting fixture (SEP-2663).
#[tool]
pub(crate) fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

/// Task-supporting fixture: sleeps `seconds` then returns a result (SEP-2663).
#[tool(task = "optional")]
pub(crate) fn slow_compute(
    #[arg(default = 1.0)] seconds: f64,
    #[arg(default = "compute".to_owned())] label: String,
    context: &Context,
) -> Result<String, HandlerError> {
    let duration = Duration::try_from_secs_f64(seconds)
        .map_err(|error| HandlerError::invalid_argument("seconds", error))?;
    context.sleep(duration);
    Ok(format!("slow_compute({label}) done after {seconds}s"))
}

/// Task-supporting fixture (task support: required): returns a tool execution
/// error (SEP-2663).
#[tool(task = "required")]
pub(crate) fn failing_job(context: &Context) -> Result<(), HandlerError> {
    context.sleep(Duration::from_millis(1000));
    Err("failing_job: intentional tool execution error".into())
}

/// Task-supporting fixture: fails with a protocol-level error (SEP-2663).
// A panic is the one failure of a handler that is no result.
#[tool(task = "optional")]
pub(crate) fn protocol_error_job(context: &Context) {
    context.sleep(Duration::from_millis(200));
    panic!("protocol_error_job: intentional protocol-level failure");
}

#[derive(Deserialize, JsonSchema)]
struct Confirmation {
    confirm: bool,
}

/// Task-supporting fixture: parks on a single elicitation inputRequest
/// (SEP-2663).
#[tool(task = "required")]
pub(crate) fn confirm_delete(
    #[arg(default = "file.txt".to_owned())] filename: String,
    context: &Context,
) -> Result<String, HandlerError> {
    let form = Form::<Confirmation>::new(format!("Delete {filename}?"));
    let answer = context.ask("confirm", form)?.ok();
    let confirmed = answer.is_some_and(|answer| answer.confirm);
    Ok(format!(
        "confirm_delete({filename}): confirmed = {confirmed}"
    ))
}

/// The suite answers this form with other fields than it asks for.
#[derive(Deserialize, JsonSchema)]
struct Value {
    #[schemars(required)]
    value: Option<String>,
}

/// Task-supporting fixture: parks on two parallel elicitation inputRequests
/// (SEP-2663).
#[tool(task = "required")]
pub(crate) fn multi_input(context: &Context) -> Result<String, HandlerError> {
    let (a, b) = context.ask_all((
        ("input-a", Form::<Value>::new("Provide value A")),
        ("input-b", Form::<Value>::new("Provide value B")),
    ))?;
    let text = |answer: Elicited<Value>| {
        let value = answer.ok().and_then(|answer| answer.value);
        value.unwrap_or_else(|| "(none)".to_owned())
    };
    Ok(format!("multi_input: a = {}, b = {}", text(a), text(b)))
}

/// MRTR round 1 gathers user_name, round 2 escalates to a task (SEP-2663
/// composition).
#[tool(task = "required", ask_before_task)]
pub(crate) fn test_tool_with_task(context: &Context) -> Result<String, HandlerError> {
    let name: Name = context.elicit("user_name", "What is your name?")?;
    context.sleep(Duration::from_millis(200));
    Ok(format!("Hello, {}! (async)", name.name))
}
