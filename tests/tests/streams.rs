//! Proves that the same host speaks JSON-RPC as lines, over TCP and over its
//! standard streams: both eras, batches, errors, cancellation, and an end.

use fusebox_tests::{Host, Lines, Setup, Stdio, initialize_line, modern_meta};
use serde_json::{Value, json};

/// A peer that takes one message on a line.
trait Peer {
    fn exchange(&mut self, message: &Value) -> Value;
    fn send_raw(&mut self, bytes: &[u8]) -> bool;
    fn receive(&mut self) -> Option<Value>;
}

impl Peer for Lines {
    fn exchange(&mut self, message: &Value) -> Value {
        Lines::exchange(self, message)
    }
    fn send_raw(&mut self, bytes: &[u8]) -> bool {
        Lines::send_raw(self, bytes)
    }
    fn receive(&mut self) -> Option<Value> {
        Lines::receive(self)
    }
}

impl Peer for Stdio {
    fn exchange(&mut self, message: &Value) -> Value {
        Stdio::exchange(self, message)
    }
    fn send_raw(&mut self, bytes: &[u8]) -> bool {
        Stdio::send_raw(self, bytes)
    }
    fn receive(&mut self) -> Option<Value> {
        Stdio::receive(self)
    }
}

fn setup() -> Setup {
    Setup::new().plugin("hello").plugin("misbehave")
}

fn tcp() -> (Host, Lines) {
    let host = setup().tcp().start();
    let lines = Lines::open(host.tcp_address());
    (host, lines)
}

fn request(id: u64, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

fn hello(id: u64) -> Value {
    request(
        id,
        "tools/call",
        json!({"name": "hello", "arguments": {"name": "Ada"}}),
    )
}

fn sleep(id: u64, ms: u64) -> Value {
    request(
        id,
        "tools/call",
        json!({"name": "sleep", "arguments": {"ms": ms}}),
    )
}

fn check_legacy(peer: &mut impl Peer) {
    let answer = peer.exchange(&initialize_line(1));
    assert_eq!(
        answer["result"]["protocolVersion"], "2025-11-25",
        "{answer}"
    );
    assert!(peer.send_raw(b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n"));
    assert_eq!(
        peer.exchange(&request(2, "ping", json!({})))["result"],
        json!({})
    );
    let answer = peer.exchange(&hello(3));
    let expected = json!({"content": [{"type": "text", "text": "Hello, Ada!"}]});
    assert_eq!(answer["result"]["content"], expected["content"], "{answer}");
    assert_eq!(
        peer.exchange(&request(4, "no/such", json!({})))["error"]["code"],
        -32601
    );
}

fn check_modern(peer: &mut impl Peer) {
    let mut call = hello(11);
    call["params"]["_meta"] = modern_meta();
    let answer = peer.exchange(&call);
    assert_eq!(
        answer["result"]["content"][0]["text"], "Hello, Ada!",
        "{answer}"
    );
    assert_eq!(answer["result"]["resultType"], "complete", "{answer}");
    let answer = peer.exchange(&request(
        12,
        "server/discover",
        json!({"_meta": modern_meta()}),
    ));
    assert!(answer["result"]["supportedVersions"].is_array(), "{answer}");
    let answer = peer.exchange(&request(13, "ping", json!({"_meta": modern_meta()})));
    assert_eq!(answer["error"]["code"], -32601, "{answer}");
}

fn check_errors(peer: &mut impl Peer) {
    for (line, code) in [
        ("{not json", -32700),
        ("[", -32700),
        ("1", -32600),
        ("{}", -32600),
        ("[]", -32600),
    ] {
        assert!(peer.send_raw(format!("{line}\n").as_bytes()));
        let answer = peer.receive().expect("an answer");
        assert_eq!(
            (&answer["error"]["code"], &answer["id"]),
            (&json!(code), &Value::Null),
            "{line}"
        );
    }
    // None of this was the end.
    assert_eq!(
        peer.exchange(&hello(21))["result"]["content"][0]["text"],
        "Hello, Ada!"
    );
}

#[test]
fn tcp_speaks_both_eras_and_survives_errors() {
    let (_host, mut lines) = tcp();
    check_legacy(&mut lines);
    check_modern(&mut lines);
    check_errors(&mut lines);
}

#[test]
fn stdio_speaks_both_eras_and_ends_with_its_input() {
    let mut stdio = Stdio::start(setup());
    check_legacy(&mut stdio);
    check_modern(&mut stdio);
    check_errors(&mut stdio);
    assert_eq!(stdio.finish().code(), Some(0));
}

#[test]
fn stdio_answers_what_was_asked_before_its_input_ended() {
    let mut stdio = Stdio::start(setup());
    stdio.exchange(&initialize_line(1));
    assert!(stdio.send_raw(format!("{}\n", sleep(2, 300)).as_bytes()));
    let mut stdio = stdio.close_input();
    let answer = stdio.receive().expect("an answer");
    assert_eq!(
        (&answer["id"], &answer["result"]["content"][0]["text"]),
        (&json!(2), &json!("ok"))
    );
    assert_eq!(stdio.finish().code(), Some(0));
}

#[test]
fn a_batch_is_taken_where_the_version_has_batches() {
    let (_host, mut lines) = tcp();
    let mut initialize = initialize_line(1);
    initialize["params"]["protocolVersion"] = json!("2025-03-26");
    lines.exchange(&initialize);
    let batch = json!([hello(2), {"jsonrpc": "2.0", "method": "notifications/x"}, request(3, "ping", json!({}))]);
    assert!(lines.send(&batch));
    let answers = lines.receive().expect("an answer");
    let mut ids: Vec<u64> = answers
        .as_array()
        .unwrap_or_else(|| panic!("an array: {answers}"))
        .iter()
        .map(|answer| answer["id"].as_u64().expect("an id"))
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, [2, 3], "{answers}");
}

#[test]
fn a_batch_is_refused_where_the_version_has_none() {
    let (_host, mut lines) = tcp();
    lines.exchange(&initialize_line(1));
    assert!(lines.send(&json!([hello(2)])));
    let answer = lines.receive().expect("an answer");
    assert_eq!(answer["error"]["code"], -32600, "{answer}");
}

#[test]
fn a_call_is_answered_while_another_one_lasts_and_is_cancelled() {
    let host = setup()
        .tcp()
        .config("[plugins.misbehave]\ndeadline_ms = 3600000")
        .start();
    let mut lines = Lines::open(host.tcp_address());
    lines.exchange(&initialize_line(1));
    lines.send(&sleep(2, 3_000_000));
    assert_eq!(
        lines.exchange(&hello(3))["result"]["content"][0]["text"],
        "Hello, Ada!"
    );
    assert_eq!(host.health()["calls_in_flight"], 1);
    let params = json!({"requestId": 2});
    lines.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}));
    host.health_when("the call has ended", |health| {
        health["calls_in_flight"] == 0 && health["plugins"]["misbehave"]["in_flight"] == 0
    });
    assert_eq!(host.plugin_health("misbehave")["faults"], 0);
}

#[test]
fn tcp_answers_what_was_asked_before_its_input_ended() {
    let (_host, mut lines) = tcp();
    lines.send(&sleep(2, 300));
    lines.close_input();
    let answer = lines.receive().expect("an answer");
    assert_eq!(
        (&answer["id"], &answer["result"]["content"][0]["text"]),
        (&json!(2), &json!("ok"))
    );
    assert_eq!(lines.receive(), None);
}

#[test]
fn a_line_that_is_too_long_is_refused_and_the_next_one_served() {
    let host = setup()
        .tcp()
        .config("[stream]\nframe_max_bytes = 4096")
        .start();
    let mut lines = Lines::open(host.tcp_address());
    let mut long = vec![b'x'; 50_000];
    long.push(b'\n');
    lines.send_raw(&long);
    let answer = lines.receive().expect("an answer");
    let message = "the message is longer than 4096 bytes (raise `stream.frame_max_bytes`)";
    let error = json!({"code": -32600, "message": message});
    assert_eq!(answer, json!({"jsonrpc": "2.0", "error": error}));
    assert_eq!(
        lines.exchange(&hello(2))["result"]["content"][0]["text"],
        "Hello, Ada!"
    );
}
