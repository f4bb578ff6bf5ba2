//! Proves that a host that is told to stop finishes what it has begun, takes
//! nothing new, says goodbye, and exits with 0.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use fusebox_tests::{Client, Setup, until};
use serde_json::json;

#[test]
fn a_call_in_flight_is_finished_and_nothing_new_is_taken() {
    let mut host = Setup::new().plugin("misbehave").start();
    let mut stream = Client::legacy(&host).listen();
    let mut connection = Client::modern(&host).send(
        "tools/call",
        json!({"name": "sleep", "arguments": {"ms": 1500}}),
    );
    host.health_when("the call runs", |health| health["calls_in_flight"] == 1);
    host.terminate();
    let address = host.address();
    until("nothing new is taken", || TcpStream::connect(address).err());
    // It sleeps for longer than it takes to get here; if a machine is that slow,
    // the answer has come already, and is read all the same.
    let answer = connection
        .read_response()
        .expect("the call is answered")
        .json();
    assert_eq!(answer["result"]["content"][0]["text"], "ok", "{answer}");
    assert_eq!(stream.next_message(), None, "the stream ends");
    assert_eq!(host.wait().code(), Some(0), "{}", host.log());
}

#[test]
fn an_idle_host_stops_at_once() {
    let mut host = Setup::new().plugin("hello").tcp().start();
    host.terminate();
    assert_eq!(host.wait().code(), Some(0), "{}", host.log());
}

#[test]
fn a_call_that_does_not_end_is_cut_off() {
    let mut host = Setup::new()
        .plugin("misbehave")
        .config(
            "
            shutdown_timeout_ms = 300
            [plugins.misbehave]
            fuel = 1000000000000000
            deadline_ms = 600000
        ",
        )
        .start();
    let _connection =
        Client::modern(&host).send("tools/call", json!({"name": "spin", "arguments": {}}));
    host.health_when("the call runs", |health| health["calls_in_flight"] == 1);
    host.terminate();
    assert_eq!(host.wait().code(), Some(0), "{}", host.log());
}

#[test]
fn a_client_that_does_not_read_does_not_hold_up_the_end() {
    // Half of what the host grants a client that doesn't read.
    const PATIENCE: Duration = Duration::from_secs(15);
    let mut host = Setup::new()
        .plugin("hello")
        .tcp()
        .config("shutdown_timeout_ms = 300")
        .start();
    let mut stream = TcpStream::connect(host.tcp_address()).expect("a connection");
    stream
        .set_write_timeout(Some(Duration::from_secs(2)))
        .expect("a socket takes a timeout");
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "hello", "arguments": {"name": "x".repeat(1 << 20)}}});
    // Until the host takes no more, since nobody takes its answers.
    while stream.write_all(format!("{call}\n").as_bytes()).is_ok() {}
    host.terminate();
    let asked = Instant::now();
    assert_eq!(host.wait().code(), Some(0), "{}", host.log());
    let took = asked.elapsed();
    assert!(took < PATIENCE, "it took {took:?}");
}
