//! Proves that each way in which a handler can fail is cut off alone: the caller
//! gets the right typed error, the host lives, its memory comes back, and its
//! other plugins don't notice.

use std::thread::available_parallelism;

use fusebox_tests::{Client, Connection, Era, Host, Setup, until};
use serde_json::{Value, json};

/// Limits that each fault of `misbehave` runs into quickly; the breaker is out
/// of the way.
const LIMITS: &str = "
    [circuit_breaker]
    failure_threshold = 1000000

    [plugins.misbehave]
    fuel = 200000000
    deadline_ms = 60000
    memory_max_bytes = 100663296
    output_max_bytes = 1048576
    log_max_bytes = 4096
";

/// A fault: the tool, the code, the reason, and the limit with its key.
type Fault = (&'static str, i64, &'static str, Option<(u64, &'static str)>);

const FAULTS: [Fault; 8] = [
    (
        "spin",
        -32004,
        "out_of_fuel",
        Some((200_000_000, "plugins.misbehave.fuel")),
    ),
    (
        "allocate",
        -32006,
        "memory_limit",
        Some((100_663_296, "plugins.misbehave.memory_max_bytes")),
    ),
    ("recurse", -32013, "stack_overflow", None),
    ("trap", -32007, "trapped", None),
    ("panic", -32014, "panicked", None),
    (
        "huge",
        -32011,
        "output_limit",
        Some((1_048_576, "plugins.misbehave.output_max_bytes")),
    ),
    ("bad_json", -32008, "invalid_plugin_output", None),
    (
        "chatter",
        -32012,
        "log_limit",
        Some((4_096, "plugins.misbehave.log_max_bytes")),
    ),
];

fn host(config: &str) -> Host {
    Setup::new()
        .plugin("hello")
        .plugin("misbehave")
        .config(config)
        .start()
}

/// Calls a tool that faults, and checks everything about its error.
#[track_caller]
fn check(client: &mut Client, (tool, code, reason, limit): Fault) {
    let answer = client.request("tools/call", json!({"name": tool, "arguments": {}}));
    let status = answer.head.status;
    let error = answer.outcome().expect_err(tool);
    assert_eq!(error["code"], code, "{tool}: {error}");
    let mut data = json!({"reason": reason, "plugin": "misbehave", "tool": tool});
    if let Some((value, key)) = limit {
        data["limit"] = json!(value);
        data["key"] = json!(key);
    }
    assert_eq!(error["data"], data, "{tool}: {error}");
    // A JSON-RPC error of the handler is no error of HTTP.
    assert_eq!(status, 200, "{tool}: {error}");
    let message = error["message"].as_str().expect("a message");
    for word in ["backtrace", "wasm trap", "0x", "wasm function", "\n"] {
        assert!(
            !message.contains(word),
            "{tool}: {message:?} shows {word:?}"
        );
    }
    if let Some((value, key)) = limit {
        assert!(
            message.contains(key) && message.contains(&value.to_string()),
            "{tool}: {message:?}"
        );
    }
}

#[track_caller]
fn check_hello(client: &mut Client) {
    assert_eq!(client.text("hello", json!({"name": "Ada"})), "Hello, Ada!");
}

#[test]
fn each_fault_has_its_own_error_in_both_eras() {
    let mut host = host(LIMITS);
    for era in [Era::Legacy, Era::Modern] {
        let mut client = Client::of(era, &host);
        for fault in FAULTS {
            check(&mut client, fault);
            check_hello(&mut client);
        }
    }
    host.assert_alive();
    let health = host.plugin_health("misbehave");
    assert_eq!(
        (&health["calls"], &health["faults"]),
        (&json!(16), &json!(16))
    );
    assert_eq!(host.plugin_health("hello")["faults"], 0);
}

#[test]
fn an_endless_loop_meets_its_deadline_if_there_is_fuel_for_it() {
    let mut host = host(
        "
        [plugins.misbehave]
        fuel = 1000000000000000
        deadline_ms = 300
    ",
    );
    let mut client = Client::modern(&host);
    let key = "plugins.misbehave.deadline_ms";
    check(
        &mut client,
        ("spin", -32005, "deadline_exceeded", Some((300, key))),
    );
    check_hello(&mut client);
    host.assert_alive();
}

#[test]
fn the_deadline_holds_while_a_handler_sleeps() {
    let host = host(
        "
        [plugins.misbehave]
        deadline_ms = 300
    ",
    );
    let mut client = Client::modern(&host);
    let error = client
        .call("sleep", json!({"ms": 600_000}))
        .expect_err("the deadline");
    assert_eq!(error["code"], -32005, "{error}");
    assert_eq!(error["data"]["reason"], "deadline_exceeded", "{error}");
}

#[test]
fn a_thousand_faults_leave_no_memory_behind() {
    const FAULTS_IN_ALL: usize = 1_000;
    const SLACK_KIB: u64 = 10 << 10;
    let config = LIMITS.replace("fuel = 200000000", "fuel = 20000000");
    let mut host = host(&config);
    let mut client = Client::modern(&host);
    let mut round = |count: usize| {
        for (tool, code, ..) in FAULTS.iter().cycle().take(count) {
            let error = client.call(tool, json!({})).expect_err(tool);
            // Less fuel: what needs much of it may run out before its own limit.
            assert!(
                error["code"] == *code || error["code"] == -32004,
                "{tool}: {error}"
            );
            check_hello(&mut client);
        }
    };
    round(2 * FAULTS.len());
    let before = host.resident_kib();
    round(FAULTS_IN_ALL);
    // The allocator gives pages back in its own time.
    until("the memory is given back", || {
        (host.resident_kib() <= before + SLACK_KIB).then_some(())
    });
    eprintln!(
        "resident before {before} KiB, after {} KiB",
        host.resident_kib()
    );
    host.assert_alive();
}

#[test]
fn endless_loops_on_every_core_hold_nobody_up() {
    let loops = 2 * available_parallelism().expect("the number of cores").get();
    let host = host(
        "
        [plugins.misbehave]
        fuel = 1000000000000000
        deadline_ms = 600000
    ",
    );
    let spinning: Vec<Connection> = (0..loops)
        .map(|_| Client::modern(&host).send("tools/call", json!({"name": "spin", "arguments": {}})))
        .collect();
    let in_flight = |health: &Value| health["plugins"]["misbehave"]["in_flight"] == loops;
    host.health_when("all of them spin", in_flight);
    for era in [Era::Legacy, Era::Modern] {
        let mut client = Client::of(era, &host);
        for _ in 0..20 {
            check_hello(&mut client);
        }
    }
    let health = host.health();
    assert!(in_flight(&health), "they still spin: {health:#}");
    // Their callers go away, so the calls end, long before their deadline.
    drop(spinning);
    host.health_when("none of them spins", |health| {
        health["plugins"]["misbehave"]["in_flight"] == 0 && health["calls_in_flight"] == 0
    });
}
