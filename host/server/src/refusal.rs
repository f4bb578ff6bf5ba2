//! How a refused or failed call is worded for its caller.
//!
//! It owns the way from every reason of this crate and the engine to an error
//! on the wire: which limit, its value, the key that raises it. It never puts a
//! backtrace there: that goes to the log.

use std::borrow::Cow;
use std::time::Duration;

use fusebox_engine::{CallError, FaultKind};
use fusebox_protocol::{Reason, RefusalData, RpcError};

use crate::admission::Refused;
use crate::backpressure::Pressed;
use crate::breaker::Open;
use crate::config::{Limit, PluginSettings};
use crate::plugin_entry::{Handler, HandlerKind};

/// When to try again if the host is full: about the time a queue of short calls
/// needs to move.
const RETRY_WHEN_FULL: Duration = Duration::from_millis(250);

/// A client that is told to come back at once only adds to the load.
const RETRY_MIN: Duration = Duration::from_millis(10);

/// And one that is told an hour would miss that the load is over.
const RETRY_MAX: Duration = Duration::from_secs(60);

/// An open breaker.
pub(crate) fn breaker_open(handler: &Handler, open: Open) -> RpcError {
    let message = format!(
        "the circuit breaker of this handler is open after {} faults in a row",
        open.faults
    );
    let mut data = about(handler);
    data.retry_after_ms = Some(millis_up(open.retry_after));
    RpcError::refusal(Reason::BreakerOpen, message, data)
}

/// A call that admission refused.
pub(crate) fn not_admitted(handler: &Handler, refused: Refused) -> RpcError {
    match refused {
        Refused::HostFull {
            limit,
            key,
            retry_after,
        } => overloaded(
            handler,
            format!("the host is overloaded: as many calls wait as may ({limit})"),
            limit as u64,
            key.into(),
            retry_after,
        ),
        Refused::PluginFull {
            limit,
            key,
            retry_after,
        } => overloaded(
            handler,
            format!("the plugin is overloaded: as many calls wait for it as may ({limit})"),
            limit as u64,
            key.into(),
            retry_after,
        ),
        Refused::LongQueue { depth, limit } => overloaded(
            handler,
            format!("the host is overloaded: {depth} calls wait; from {limit} on no more may"),
            limit,
            "backpressure.queue_threshold".into(),
            RETRY_WHEN_FULL,
        ),
        Refused::TooLate { wait } => overloaded(
            handler,
            "the plugin is overloaded: the call's time would be over before its turn comes"
                .to_owned(),
            handler.core.settings.limits.concurrent_calls_max as u64,
            handler.core.settings.key_of(Limit::ConcurrentCalls).into(),
            wait,
        ),
        Refused::Connection { limit } => overloaded(
            handler,
            format!("this connection has as many calls under way as it may ({limit})"),
            limit as u64,
            "message_queue.connection_max".into(),
            RETRY_WHEN_FULL,
        ),
        Refused::Undelivered { limit } => overloaded(
            handler,
            format!("this connection has not taken more than {limit} bytes of its answers"),
            limit as u64,
            "socket.undelivered_max_bytes".into(),
            RETRY_WHEN_FULL,
        ),
        Refused::Pressed(pressed) => under_pressure(handler, pressed),
    }
}

/// A call that is refused because the machine has little left.
fn under_pressure(handler: &Handler, pressed: Pressed) -> RpcError {
    let (what, percent, threshold, key, retry_after) = match pressed {
        Pressed::Memory {
            percent,
            threshold,
            retry_after,
        } => (
            "its memory is",
            percent,
            threshold,
            "backpressure.memory_threshold",
            retry_after,
        ),
        Pressed::Cpu {
            percent,
            threshold,
            retry_after,
        } => (
            "work waits, and its processors are",
            percent,
            threshold,
            "backpressure.cpu_threshold",
            retry_after,
        ),
    };
    let message = format!("the host is overloaded: {what} {percent} % in use, of {threshold}");
    overloaded(handler, message, threshold.into(), key.into(), retry_after)
}

/// A call that the engine didn't finish.
pub(crate) fn call_failed(handler: &Handler, error: &CallError) -> RpcError {
    match error {
        CallError::Fault(fault) => fault_kind(handler, &fault.kind),
        CallError::NoSlot { limit } => overloaded(
            handler,
            "the host is overloaded: every instance slot is in use".to_owned(),
            u64::from(*limit),
            "engine.max_instances".into(),
            RETRY_WHEN_FULL,
        ),
        CallError::NotExported { interface } => RpcError::refusal(
            Reason::PluginUnavailable,
            format!("the plugin does not export `{interface}`"),
            about(handler),
        ),
    }
}

/// An answer of the plugin that breaks the contract.
pub(crate) fn invalid_output(handler: &Handler, what: &str) -> RpcError {
    RpcError::refusal(
        Reason::InvalidPluginOutput,
        format!("the plugin's answer is invalid: {what}"),
        about(handler),
    )
}

fn fault_kind(handler: &Handler, kind: &FaultKind) -> RpcError {
    if let Some(passed) = passed_limit(&handler.core.settings, kind) {
        return limit(handler, passed);
    }
    let reason = match kind {
        FaultKind::StackOverflow => Reason::StackOverflow,
        FaultKind::Panicked => Reason::Panicked,
        FaultKind::InvalidOutput(what) => return invalid_output(handler, what),
        _ => Reason::Trapped,
    };
    RpcError::refusal(reason, other_words(kind), about(handler))
}

/// A fault in the words of a caller's error, for whoever has no caller: which limit,
/// and the key that raises it.
pub(crate) fn fault_words(settings: &PluginSettings, kind: &FaultKind) -> String {
    match passed_limit(settings, kind) {
        Some(passed) => raise(settings, &passed),
        None => other_words(kind),
    }
}

/// A limit that a call ran into.
struct Passed {
    reason: Reason,
    message: String,
    value: u64,
    limit: Limit,
}

fn passed_limit(settings: &PluginSettings, kind: &FaultKind) -> Option<Passed> {
    let limits = &settings.limits;
    let (memory, table) = (limits.memory_max_bytes, limits.table_elements_max);
    let (output, log) = (limits.output_max_bytes, limits.log_max_bytes);
    let deadline_ms = millis_up(limits.deadline);
    let (reason, message, value, limit) = match kind {
        FaultKind::OutOfFuel => (
            Reason::OutOfFuel,
            format!("the call used all of its {} units of fuel", limits.fuel),
            limits.fuel,
            Limit::Fuel,
        ),
        FaultKind::Deadline => (
            Reason::DeadlineExceeded,
            format!("the deadline of {deadline_ms} ms passed before it answered"),
            deadline_ms,
            Limit::Deadline,
        ),
        FaultKind::Memory => (
            Reason::MemoryLimit,
            format!("the call needs more than its {memory} bytes of memory"),
            memory as u64,
            Limit::Memory,
        ),
        FaultKind::Table => (
            Reason::MemoryLimit,
            format!("the call needs more than its {table} table elements"),
            table as u64,
            Limit::TableElements,
        ),
        FaultKind::Output => (
            Reason::OutputLimit,
            format!("the answer is larger than {output} bytes"),
            output as u64,
            Limit::Output,
        ),
        FaultKind::LogVolume => (
            Reason::LogLimit,
            format!("the call logged more than {log} bytes"),
            log as u64,
            Limit::Log,
        ),
        _ => return None,
    };
    Some(Passed {
        reason,
        message,
        value,
        limit,
    })
}

/// Of a fault that is no limit of the operator's.
fn other_words(kind: &FaultKind) -> String {
    match kind {
        FaultKind::StackOverflow => {
            "it called itself too deeply and exhausted its stack".to_owned()
        }
        FaultKind::Panicked => "it panicked; the host's log has its message".to_owned(),
        FaultKind::Trapped(trap) => format!("it trapped: {trap}"),
        other => other.to_string(),
    }
}

/// A task whose time was over before it answered.
pub(crate) fn task_deadline(handler: &Handler, deadline: Duration) -> RpcError {
    let deadline_ms = millis_up(deadline);
    let mut data = about(handler);
    data.limit = Some(deadline_ms);
    data.key = Some("tasks.deadline_ms".into());
    let message = format!(
        "the deadline of {deadline_ms} ms passed before the task ended (raise `tasks.deadline_ms`)"
    );
    RpcError::refusal(Reason::DeadlineExceeded, message, data)
}

fn limit(handler: &Handler, passed: Passed) -> RpcError {
    let settings = &handler.core.settings;
    let mut data = about(handler);
    data.limit = Some(passed.value);
    data.key = Some(settings.key_of(passed.limit).into());
    RpcError::refusal(passed.reason, raise(settings, &passed), data)
}

fn raise(settings: &PluginSettings, passed: &Passed) -> String {
    let key = settings.key_of(passed.limit);
    format!("{} (raise `{key}`)", passed.message)
}

fn overloaded(
    handler: &Handler,
    message: String,
    limit: u64,
    key: Cow<'static, str>,
    retry_after: Duration,
) -> RpcError {
    let mut data = about(handler);
    data.limit = Some(limit);
    data.retry_after_ms = Some(millis_up(retry_after.clamp(RETRY_MIN, RETRY_MAX)));
    let message = format!("{message} (raise `{key}`)");
    data.key = Some(key);
    RpcError::refusal(Reason::Overloaded, message, data)
}

fn about(handler: &Handler) -> RefusalData {
    RefusalData {
        plugin: Some(handler.core.name.clone()),
        tool: (handler.kind == HandlerKind::Tool).then(|| handler.name.clone()),
        ..RefusalData::default()
    }
}

/// Milliseconds, rounded up: who waits that long is never too early.
pub(crate) fn millis_up(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
