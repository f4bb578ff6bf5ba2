//! Tools that say something beside their answer: log, progress, failure.

use std::time::Duration;

use fusebox_sdk::prelude::*;

/// Between two notifications, so that a client sees them one by one.
const PAUSE: Duration = Duration::from_millis(50);

/// Logs three messages while it runs.
#[tool]
pub(crate) fn test_tool_with_logging(context: &Context) -> &'static str {
    context.log_info("Tool execution started");
    context.sleep(PAUSE);
    context.log_info("Tool processing data");
    context.sleep(PAUSE);
    context.log_info("Tool execution completed");
    "Logging test completed"
}

/// Always reports that it failed.
#[tool]
pub(crate) fn test_error_handling() -> Result<(), HandlerError> {
    Err("This tool intentionally returns an error for testing".into())
}

/// Reports its progress while it runs.
#[tool]
pub(crate) fn test_tool_with_progress(context: &Context) -> &'static str {
    context.progress_message(0.0, 100.0, "Starting");
    context.sleep(PAUSE);
    context.progress_message(50.0, 100.0, "Halfway");
    context.sleep(PAUSE);
    context.progress_message(100.0, 100.0, "Complete");
    "Progress test completed"
}

/// Sends the client away in the middle of its work; the client comes back for
/// the answer.
#[tool]
pub(crate) fn test_reconnection(context: &Context) -> &'static str {
    context.close_stream();
    context.sleep(2 * PAUSE);
    "Reconnection test completed"
}

/// Logs a message, which the client gets only if it asked for that level.
#[tool]
pub(crate) fn test_logging_tool(context: &Context) -> &'static str {
    context.log_info("logLevel was requested");
    "Logging tool completed"
}
