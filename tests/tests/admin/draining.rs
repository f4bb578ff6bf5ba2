//! What a host does that takes nobody new.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;

use fusebox_tests::{Client, Connection, Setup, until};
use serde_json::{Value, json};

use crate::Administered;

#[test]
fn who_is_there_is_served_on_and_nobody_else_comes_in() {
    let setup = Setup::new().plugin("misbehave").tcp();
    let one = Administered::start(setup);
    let mut running = Client::modern(&one.host).send(
        "tools/call",
        json!({"name": "sleep", "arguments": {"ms": 1000}}),
    );
    one.host
        .health_when("the call runs", |health| health["calls_in_flight"] == 1);
    let mut kept = Connection::open(one.host.address());
    assert_eq!(kept.exchange("GET", "/ready", &[], b"").head.status, 200);

    let done = one.done("drain", &Value::Null);
    assert_eq!(
        (&done["done"], &done["changed"]),
        (&json!("draining"), &json!(true))
    );
    let again = one.done("drain", &Value::Null);
    assert_eq!(
        (&again["done"], &again["changed"]),
        (&json!("draining"), &json!(false))
    );
    let ready = one.host.get("/ready");
    assert_eq!(ready.head.status, 503, "{}", ready.text());
    assert_eq!(one.host.get("/live").head.status, 200);
    assert_eq!(one.host.health()["status"], "draining");
    assert_eq!(one.host.get("/health").head.status, 503);

    // A new connection is told so, over HTTP and on lines.
    let mut client = Client::modern(&one.host);
    let refused = client.call("ok", json!({})).expect_err("nobody new");
    assert_eq!(refused["data"]["reason"], "shutting_down", "{refused}");
    let lines = TcpStream::connect(one.host.tcp_address()).expect("a connection");
    let mut line = String::new();
    BufReader::new(lines).read_line(&mut line).expect("a line");
    assert!(line.contains("shutting_down"), "{line}");

    // One that is there is served, and told to go elsewhere.
    let answer = kept.exchange("GET", "/live", &[], b"");
    assert_eq!(answer.head.header("connection"), Some("close"));
    let answer = running.read_response().expect("the call is answered");
    assert_eq!(answer.json()["result"]["content"][0]["text"], "ok");

    let done = one.done("resume", &Value::Null);
    assert_eq!(
        (&done["done"], &done["changed"]),
        (&json!("resumed"), &json!(true))
    );
    assert_eq!(one.host.get("/ready").head.status, 200);
    assert_eq!(Client::modern(&one.host).text("ok", json!({})), "ok");
}

#[test]
fn no_session_begins_on_a_connection_that_is_there() {
    let one = Administered::misbehaving("");
    let session = Client::legacy(&one.host);
    let mut kept = Connection::open(one.host.address());
    assert_eq!(kept.exchange("GET", "/live", &[], b"").head.status, 200);
    one.done("drain", &Value::Null);
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"}
    }});
    let headers = [
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
    ];
    let answer = kept.exchange("POST", "/mcp", &headers, body.to_string().as_bytes());
    assert_eq!(answer.head.status, 503, "{}", answer.text());
    assert!(session.session().is_some());
    assert_eq!(one.get("sessions")["total"], 1, "the one before lives on");
}

#[test]
fn a_host_that_drains_stops_when_it_is_told_to() {
    let mut one = Administered::misbehaving("");
    one.done("drain", &Value::Null);
    one.host.terminate();
    assert_eq!(one.host.wait().code(), Some(0), "{}", one.host.log());
    until("the interface is gone", || {
        TcpStream::connect(one.address()).err()
    });
}
