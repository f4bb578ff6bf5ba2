//! Proves that HTTP/3 gives what HTTP/1.1 and HTTP/2 give, to a client that shares
//! no code with the host: lists, calls, errors, progress, questions, changes, and
//! hanging up.

use fusebox_tests::{Host, Setup, python_of, with_plain_numbers};
use serde_json::{Value, json};

fn host() -> Host {
    Setup::new()
        .plugin("hello")
        .plugin("everything")
        .plugin("misbehave")
        .config("[http]\nbody_max_bytes = 4096")
        .encrypted("")
        .start()
}

fn run(host: &Host, steps: &[&str]) -> Value {
    let port = host.quic_address().port().to_string();
    let certificate = host.certificate().display().to_string();
    let arguments = [&[port.as_str(), certificate.as_str()], steps].concat();
    python_of("python-http3", "http3.py", &arguments)
}

#[track_caller]
fn check(steps: &[&str], expected: Value) {
    let seen = run(&host(), steps);
    assert_eq!(with_plain_numbers(seen), with_plain_numbers(expected));
}

#[test]
fn a_call_a_list_and_an_error() {
    check(
        &["basics"],
        json!({"basics": {
            "head": {":status": "200", "content-type": "application/json"},
            "length": true,
            "dated": true,
            "text": "Hello, Ada!",
            "list": ["add", "hello", "sleep"],
            "unknown": {"code": -32602, "message": "unknown tool `no_such_tool`"},
        }}),
    );
}

#[test]
fn requests_are_sorted_and_refused_as_everywhere() {
    check(
        &["statuses"],
        json!({"statuses": {
            "nothing here": 404,
            "wrong method": 405,
            "too large": 413,
            "no json": 400,
            "another name": 403,
            "another page": 403,
            "head": [200, 0],
            "alive": 200,
            "head too large": 431,
        }}),
    );
}

#[test]
fn progress_and_changes_are_streams_of_events() {
    check(
        &["progress", "subscription"],
        json!({
            "progress": {
                "kind": "text/event-stream",
                "updates": [[7, 0], [7, 50], [7, 100]],
                "text": "Progress test completed",
            },
            "subscription": {
                "begun": "notifications/subscriptions/acknowledged",
                "changed": ["notifications/tools/list_changed", "s"],
            },
        }),
    );
}

#[test]
fn an_older_client_has_its_session_and_is_asked() {
    check(
        &["legacy"],
        json!({"legacy": {
            "version": "2025-11-25",
            "ready": [202, ""],
            "question": ["elicitation/create", "Who?"],
            "told": 202,
            "text": "User response: action=accept, content={\"username\":\"ada\",\"email\":\"ada@example.org\"}",
            "changes": ["text/event-stream", []],
            "ended": 204,
            "gone": 404,
        }}),
    );
}

#[test]
fn a_caller_that_hangs_up_ends_its_call_and_a_hundred_run_at_once() {
    check(
        &["cancel", "many"],
        json!({"cancel": "ended", "many": true}),
    );
}

#[test]
fn a_host_that_stops_answers_what_it_has_and_closes_in_order() {
    let mut host = host();
    let seen = std::thread::scope(|scope| {
        let client = scope.spawn(|| run(&host, &["last_call"]));
        host.health_when("the call runs", |health| health["calls_in_flight"] == 1);
        host.terminate();
        client.join().expect("the client has ended")
    });
    let expected = json!({"last_call": {"text": "ok", "no error": true}});
    assert_eq!(seen, expected);
    assert_eq!(host.wait().code(), Some(0), "{}", host.log());
}
