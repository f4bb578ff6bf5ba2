//! Every way in which a handler can go wrong, one tool each, to see that the
//! host stays well. `flip`, `sleep`, `ok`, `remember` and `trace` are well-behaved when
//! asked.

use std::hint::black_box;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fusebox_sdk::prelude::*;

/// Answers at once.
#[tool]
fn ok() -> &'static str {
    "ok"
}

/// Never ends.
#[tool]
fn spin() {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Takes memory, a mebibyte at a time, and gives none back.
#[tool]
fn allocate() {
    let mut hoard = Vec::new();
    loop {
        hoard.push(vec![1_u8; 1 << 20]);
        black_box(&mut hoard);
    }
}

/// Calls itself until the stack is full.
#[tool]
fn recurse() -> u64 {
    deeper(0)
}

#[inline(never)]
fn deeper(depth: u64) -> u64 {
    // Something is done with the result, so that this call needs a frame.
    match black_box(depth) {
        u64::MAX => depth,
        _ => black_box(deeper(depth + 1)).wrapping_add(1),
    }
}

/// Executes `unreachable`.
#[tool]
fn trap() {
    crash();
}

#[cfg(target_arch = "wasm32")]
fn crash() {
    core::arch::wasm32::unreachable()
}

#[cfg(not(target_arch = "wasm32"))]
fn crash() {
    std::process::abort()
}

/// Panics.
#[tool]
fn panic() {
    panic!("misbehave was asked to panic");
}

/// Answers with 64 MiB of text.
#[tool]
fn huge() -> String {
    "x".repeat(64 << 20)
}

/// Answers with structured content that is not JSON.
#[tool]
fn bad_json() -> ToolResult {
    ToolResult::new().structured_raw("{not json")
}

/// What `break_schema` answers with.
#[derive(Serialize, JsonSchema)]
struct Total {
    /// ten at most
    #[schemars(range(max = 10))]
    total: u32,
}

/// Answers with a total, which its schema limits to ten.
#[tool]
fn break_schema(total: u32) -> Total {
    Total { total }
}

/// Logs without end.
#[tool]
fn chatter(context: &Context) {
    loop {
        context.log_info("and another thing");
    }
}

/// Traps, or doesn't.
#[tool]
fn flip(
    /** whether to trap */
    fail: bool,
) -> &'static str {
    if fail {
        crash();
    }
    "ok"
}

/// Answers after a while.
#[tool]
fn sleep(
    /** how long, in milliseconds */
    ms: u64,
    context: &Context,
) -> &'static str {
    context.sleep(Duration::from_millis(ms));
    "ok"
}

/// Says that its result may be kept for the session alone.
#[tool(cache(ttl_ms = 60_000))]
fn keep_private(value: String) -> String {
    value
}

/// Says that its result may be kept for all, and does what may not be kept.
#[tool(cache(ttl_ms = 60_000, shared))]
fn keep_wrongly(
    /** `fail`, `log`, `progress` or anything else */
    how: String,
    context: &Context,
) -> Result<String, String> {
    match how.as_str() {
        "fail" => return Err("it failed".to_owned()),
        "log" => context.log_info("it logs"),
        "progress" => context.progress(1.0, None),
        _ => {}
    }
    Ok(how)
}

/// What the last call of `remember` left in this instance.
static LEFT: Mutex<Option<String>> = Mutex::new(None);

/// Leaves a value behind, and answers what an earlier call left in this instance.
#[tool]
fn remember(value: String) -> String {
    // A poisoned lock is no concern of a memory.
    let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
    left.replace(value).unwrap_or_else(|| "nothing".to_owned())
}

/// Spans that `trace` makes, if it is to make many.
const MANY: u64 = 200;

/// Works in two spans, one in the other, and answers where it was in the trace.
#[tool]
fn trace(
    /** `log`, `fail`, `many`, `leave` them open, `trap` within them, or anything else */
    how: String,
    /** an attribute of the inner one */
    value: Option<String>,
    context: &Context,
) -> String {
    let outer = context.span("outer");
    outer.set("step", 1).set("ratio", 0.5).set("good", true);
    let inner = context.span("inner");
    if let Some(value) = value {
        inner.set("value", value);
    }
    let at = context
        .traceparent()
        .unwrap_or_else(|| "nowhere".to_owned());
    match how.as_str() {
        "log" => context.log_info("said within"),
        "fail" => {
            inner.fail("it found nothing");
        }
        "many" => (0..MANY).for_each(|_| context.span("one of many").end()),
        "trap" => crash(),
        "leave" => {
            std::mem::forget(outer);
            std::mem::forget(inner);
            return at;
        }
        _ => {}
    }
    inner.end();
    outer.end();
    at
}

fusebox_sdk::plugin! {
    lists: cache(ttl_ms = 1_000),
    tools: [
        ok,
        spin,
        allocate,
        recurse,
        trap,
        panic,
        huge,
        bad_json,
        break_schema,
        chatter,
        flip,
        sleep,
        keep_private,
        keep_wrongly,
        remember,
        trace,
    ]
}
