//! Tells the log of each call and of what handlers say, for whoever looks on:
//! `fusebox plugin dev`, and `log.level = "debug"`.
//!
//! It owns the names under which these lines can be picked out, and what a line
//! has. It never has a word of a result, which may be a secret, and costs nothing
//! where nobody listens.

use fusebox_engine::Usage;
use fusebox_protocol::RpcError;

use crate::call::Step;
use crate::plugin_entry::Handler;

/// The target of a line about a call.
pub(crate) const CALLS: &str = "fusebox::calls";

/// The target of a line of a handler's own.
pub(crate) const WORDS: &str = "fusebox::words";

/// A handler ran, and this came of it.
pub(crate) fn ran(handler: &Handler, usage: Usage, step: &Result<Step, RpcError>) {
    tracing::debug!(
        target: CALLS,
        plugin = %handler.core.name,
        handler = %handler.name,
        fuel = usage.fuel,
        elapsed_ms = usage.elapsed.as_secs_f64() * 1e3,
        memory_bytes = usage.memory_bytes,
        "{}",
        outcome(step)
    );
}

/// A call was answered without its handler.
pub(crate) fn spared(handler: &Handler, why: &str) {
    tracing::debug!(
        target: CALLS,
        plugin = %handler.core.name,
        handler = %handler.name,
        "{why}"
    );
}

/// What was called isn't there.
pub(crate) fn unknown(what: &str, name: &str) {
    tracing::debug!(target: CALLS, handler = name, "unknown {what}");
}

fn outcome(step: &Result<Step, RpcError>) -> String {
    match step {
        Ok(Step::Answer(answered)) if answered.is_error => "isError".to_owned(),
        Ok(Step::Answer(_)) => "ok".to_owned(),
        Ok(Step::Ask(_)) => "asks".to_owned(),
        Err(error) => error.message.to_string(),
    }
}
