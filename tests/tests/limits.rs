//! Proves that what an operator bounds stays bounded: calls and their queue,
//! connections, sessions, plugins that are switched off, and what is held for a
//! client that doesn't read.

use std::io::Write as _;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use fusebox_tests::{Client, Connection, Era, Host, Lines, Setup, initialize_line, until};
use serde_json::{Value, json};

#[track_caller]
fn check_hello(client: &mut Client) {
    assert_eq!(client.text("hello", json!({"name": "Ada"})), "Hello, Ada!");
}

#[test]
fn one_call_too_many_is_refused_and_the_waiting_one_is_served() {
    let host = Setup::new()
        .plugin("hello")
        .plugin("misbehave")
        .config(
            "
            [plugins.misbehave]
            deadline_ms = 600000
            concurrent_calls_max = 1
            queue_max = 1
        ",
        )
        .start();
    let count = |name: &'static str, count: u64| {
        move |health: &Value| health["plugins"]["misbehave"][name] == count
    };
    let running = Client::modern(&host).send(
        "tools/call",
        json!({"name": "sleep", "arguments": {"ms": 600_000}}),
    );
    host.health_when("one call runs", count("in_flight", 1));
    let mut waiting =
        Client::modern(&host).send("tools/call", json!({"name": "ok", "arguments": {}}));
    let health = host.health_when("one call waits", count("waiting", 1));
    assert_eq!(health["queue_depth"], 1, "{health:#}");

    for era in [Era::Legacy, Era::Modern] {
        let mut client = Client::of(era, &host);
        let answer = client.request(
            "tools/call",
            json!({"name": "flip", "arguments": {"fail": false}}),
        );
        assert_eq!(
            (answer.head.status, answer.head.header("retry-after")),
            (503, Some("1")),
            "{answer:?}"
        );
        let error = answer.outcome().expect_err("a refusal");
        assert_eq!(error["code"], -32000, "{error}");
        let retry_after_ms = error["data"]["retryAfterMs"].as_u64().expect("a time");
        assert!((1..=1_000).contains(&retry_after_ms), "{error}");
        assert_eq!(
            error["data"],
            json!({
                "reason": "overloaded", "plugin": "misbehave", "tool": "flip", "limit": 1,
                "key": "plugins.misbehave.queue_max", "retryAfterMs": retry_after_ms,
            })
        );
        // Its neighbours have queues of their own.
        check_hello(&mut client);
    }
    let plugin = host.plugin_health("misbehave");
    assert_eq!(
        (&plugin["refused"], &plugin["faults"]),
        (&json!(2), &json!(0)),
        "{plugin:#}"
    );

    drop(running);
    let answer = waiting.read_response().expect("an answer").json();
    assert_eq!(answer["result"]["content"][0]["text"], "ok", "{answer}");
}

/// A connection that the host has accepted; none if it had no room.
fn accepted(address: SocketAddr) -> Option<Connection> {
    let mut connection = Connection::open(address);
    connection.send_raw(b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let response = connection.read_response()?;
    // A full host answers probes too, and closes.
    let stays = response.head.header("connection") != Some("close");
    (response.head.status == 200 && stays).then_some(connection)
}

#[test]
fn one_connection_too_many_is_told_so_and_closed() {
    let host = Setup::new().tcp().config("max_connections = 2").start();
    // Those that asked whether it is ready may take a moment to go.
    let take = || until("a connection is accepted", || accepted(host.address()));
    let first = take();
    let second = take();

    let mut third = Connection::open(host.address());
    let response = third.exchange("POST", "/mcp", &[], b"{}");
    assert_eq!(
        (
            response.head.status,
            response.head.header("retry-after"),
            response.head.header("connection")
        ),
        (503, Some("1"), Some("close")),
        "{response:?}"
    );
    let refusal = json!({"jsonrpc": "2.0", "error": {
        "code": -32000,
        "message": "too many connections",
        "data": {"reason": "overloaded", "retryAfterMs": 1000},
    }});
    assert_eq!(response.json(), refusal);
    assert!(third.read_once().is_empty(), "it is closed");

    // All listeners share the limit.
    let mut third = Lines::open(host.tcp_address());
    assert_eq!(third.receive(), Some(refusal));
    assert_eq!(third.receive(), None);

    drop(first);
    drop(take());
    drop(second);
}

#[test]
fn one_session_too_many_is_refused_until_another_ends() {
    let host = Setup::new()
        .plugin("hello")
        .config("[session]\nmax_sessions = 2")
        .start();
    let mut first = Client::legacy(&host);
    let mut second = Client::legacy(&host);
    let response = Connection::open(host.address()).exchange(
        "POST",
        "/mcp",
        &[
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
        ],
        initialize_line(7).to_string().as_bytes(),
    );
    assert_eq!(
        (
            response.head.status,
            response.head.header("retry-after"),
            response.head.header("mcp-session-id")
        ),
        (503, Some("1"), None),
        "{response:?}"
    );
    let answer = response.json();
    assert_eq!(
        (&answer["id"], &answer["error"]["code"]),
        (&json!(7), &json!(-32000)),
        "{answer}"
    );
    assert_eq!(
        answer["error"]["data"],
        json!({"reason": "overloaded", "limit": 2, "key": "session.max_sessions", "retryAfterMs": 1000})
    );
    // Those that have one, and those that need none, are served.
    check_hello(&mut first);
    check_hello(&mut second);
    check_hello(&mut Client::modern(&host));
    assert_eq!(host.health()["sessions"], 2);
    assert_eq!(first.delete(), 204);
    check_hello(&mut Client::legacy(&host));
}

#[test]
fn a_plugin_that_is_switched_off_is_shown_with_its_reason() {
    let host = Setup::new()
        .plugin("hello")
        .plugin("misbehave")
        .config("[plugins.misbehave]\nenabled = false")
        .start();
    let plugin = host.plugin_health("misbehave");
    assert_eq!(
        (&plugin["state"], &plugin["reason"], &plugin["tools"]),
        (
            &json!("disabled"),
            &json!("switched off by `plugins.misbehave.enabled`"),
            &json!([])
        ),
        "{plugin:#}"
    );
    let mut client = Client::modern(&host);
    let error = client.call("ok", json!({})).expect_err("no such tool");
    assert_eq!(
        (&error["code"], &error["message"]),
        (&json!(-32602), &json!("unknown tool `ok`"))
    );
    check_hello(&mut client);
}

/// Sends as many calls with answers of a mebibyte as the host takes.
fn flood(mut stream: TcpStream, sent: &AtomicUsize) {
    const CALLS: usize = 1_000;
    for id in 0..CALLS {
        let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": {"name": "hello", "arguments": {"name": "x".repeat(1 << 20)}}});
        if stream.write_all(format!("{call}\n").as_bytes()).is_err() {
            return;
        }
        sent.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_client_that_does_not_read_is_not_read_from() {
    // The calls in flight with their instances, and the answers that are queued.
    const BOUND_KIB: u64 = 192 << 10;
    const TAKEN_MAX: usize = 192;
    const CALLS_WITHOUT_PROGRESS: usize = 1_000;
    let host: Host = Setup::new()
        .plugin("hello")
        .tcp()
        .config("[stream]\ncalls_in_flight_max = 8")
        .start();
    let mut other = Client::modern(&host);
    check_hello(&mut other);
    let before = host.resident_kib();
    let stream = TcpStream::connect(host.tcp_address()).expect("a connection");
    let sent = AtomicUsize::new(0);
    let mut most = 0;
    thread::scope(|scope| {
        let writer = stream.try_clone().expect("a socket can be shared");
        let flooding = scope.spawn(|| flood(writer, &sent));
        let mut still = 0;
        let mut last = 0;
        // Until the host takes nothing more, others are served all the while.
        while still < CALLS_WITHOUT_PROGRESS && !flooding.is_finished() {
            check_hello(&mut other);
            most = most.max(host.resident_kib());
            let now = sent.load(Ordering::Relaxed);
            still = if now == last { still + 1 } else { 0 };
            last = now;
        }
        // The flood ends with its connection.
        let _ = stream.shutdown(Shutdown::Both);
    });
    let sent = sent.into_inner();
    eprintln!("{sent} MiB were taken; resident before {before} KiB, at most {most} KiB");
    assert!(
        sent < TAKEN_MAX,
        "the host took {sent} calls that nobody reads answers of"
    );
    assert!(
        most < before + BOUND_KIB,
        "resident before {before} KiB, at most {most} KiB"
    );
}
