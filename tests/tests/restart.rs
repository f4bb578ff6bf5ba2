//! Proves that a host is replaced by the next one without a gap: under load, over
//! HTTP and lines, no connection is refused and no call that was run is left without
//! its answer; and that a host whose successor doesn't come up goes on as before.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use fusebox_tests::{
    Client, Connection, Host, Lines, Setup, Successors, modern_meta, process_of, signal, until,
};
use serde_json::{Value, json};

const RESTARTS: usize = 5;

/// What a client did.
#[derive(Default)]
struct Tally {
    answered: AtomicUsize,
    /// sent, and the connection was closed
    unanswered: AtomicUsize,
}

/// Clients that call until they are told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    running: Vec<JoinHandle<()>>,
}

impl Load {
    fn new() -> Self {
        Self {
            stop: Arc::default(),
            running: Vec::new(),
        }
    }

    /// Adds a client that does this again and again.
    fn add(&mut self, mut once: impl FnMut() + Send + 'static) {
        let stop = self.stop.clone();
        self.running.push(thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                once();
            }
        }));
    }

    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.running {
            client.join().expect("a client has what it asked for");
        }
    }
}

fn count(id: usize) -> Value {
    let arguments = json!({"key": "calls"});
    let params = json!({"name": "count", "arguments": arguments, "_meta": modern_meta()});
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params})
}

const HEADERS: [(&str, &str); 4] = [
    ("Content-Type", "application/json"),
    ("MCP-Protocol-Version", "2026-07-28"),
    ("Mcp-Method", "tools/call"),
    ("Mcp-Name", "count"),
];

fn check_counted(answer: &Value) {
    let is_good = answer["result"]["isError"] != true && answer["result"].is_object();
    assert!(is_good, "{answer}");
}

/// A client that keeps its connection for as long as the host wants to.
fn keeps_alive(address: SocketAddr, tally: Arc<Tally>) -> impl FnMut() + Send {
    let mut open = None;
    move || {
        let mut connection = open.take().unwrap_or_else(|| Connection::open(address));
        connection.send("POST", "/mcp", &HEADERS, count(1).to_string().as_bytes());
        let Some(response) = connection.read_response() else {
            tally.unanswered.fetch_add(1, Ordering::Relaxed);
            return;
        };
        check_counted(&response.json());
        tally.answered.fetch_add(1, Ordering::Relaxed);
        if response.head.header("connection") != Some("close") {
            open = Some(connection);
        }
    }
}

/// A client with a connection for each call.
fn comes_anew(address: SocketAddr, tally: Arc<Tally>) -> impl FnMut() + Send {
    move || {
        let mut connection = Connection::open(address);
        connection.send("POST", "/mcp", &HEADERS, count(1).to_string().as_bytes());
        let response = connection.read_response().expect("an answer");
        check_counted(&response.json());
        tally.answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// A client of lines, which have no word for "ask elsewhere": what it has sent when
/// the connection is closed was run and answered, or not run.
fn speaks_lines(address: SocketAddr, tally: Arc<Tally>) -> impl FnMut() + Send {
    let mut open = None;
    move || {
        let mut lines = open.take().unwrap_or_else(|| Lines::open(address));
        if !lines.send(&count(1)) {
            tally.unanswered.fetch_add(1, Ordering::Relaxed);
            return;
        }
        match lines.receive() {
            Some(answer) => {
                check_counted(&answer);
                tally.answered.fetch_add(1, Ordering::Relaxed);
                open = Some(lines);
            }
            None => {
                tally.unanswered.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

#[test]
fn five_restarts_under_load_refuse_nobody_and_lose_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("kept.redb");
    let host = Setup::new()
        .plugin("reach")
        .config(&format!(
            "[keyvalue]\nstore = {store:?}\n[plugins.reach.grants.keyvalue]\n"
        ))
        .tcp()
        .start();
    let (http, tcp) = (host.address(), host.tcp_address());
    let tallies: [Arc<Tally>; 3] = Default::default();
    let mut load = Load::new();
    for _ in 0..2 {
        load.add(keeps_alive(http, tallies[0].clone()));
        load.add(comes_anew(http, tallies[1].clone()));
        load.add(speaks_lines(tcp, tallies[2].clone()));
    }
    let mut successors = Successors::of(host);
    let answered = |tally: &Tally| tally.answered.load(Ordering::Relaxed);
    for _ in 0..RESTARTS {
        successors.replace();
        // Each kind of client is served by the one that came.
        for tally in &tallies {
            let before = answered(tally);
            until("it is served", || (answered(tally) > before).then_some(()));
        }
    }
    load.end();
    let unanswered = tallies
        .each_ref()
        .map(|one| one.unanswered.load(Ordering::Relaxed));
    let all: usize = tallies.iter().map(|one| answered(one)).sum();
    eprintln!("{all} calls were answered; sent on connections that were closed: {unanswered:?}");
    assert_eq!(unanswered[..2], [0, 0], "HTTP says when a connection ends");
    // Each call that was run was answered, and none twice.
    let mut client = Client::modern(&successors.host);
    let kept = client.text("kept", json!({"key": "calls"}));
    assert_eq!(kept, all.to_string());
}

#[test]
fn what_runs_is_finished_and_what_waits_is_asked_for_in_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("tasks.redb");
    let host = Setup::new()
        .plugin("everything")
        .plugin("misbehave")
        .config(&format!("tasks.store = {store:?}"))
        .start();
    let mut client = Client::modern(&host);
    let asked = ask(&host, CONFIRMS, json!({}));
    let state = asked["result"]["requestState"].clone();
    assert!(state.is_string(), "{asked}");
    let questions = asked["result"]["inputRequests"].as_object();
    let key = questions
        .and_then(|all| all.keys().next())
        .expect("a question");
    let mut running = client.send(
        "tools/call",
        json!({"name": "sleep", "arguments": {"ms": 3000}}),
    );
    host.health_when("the call runs", |health| health["calls_in_flight"] == 1);
    let mut successors = Successors::of(host);
    successors.replace();
    let response = running.read_response().expect("an answer");
    assert_eq!(response.head.header("connection"), Some("close"));
    assert_eq!(response.json()["result"]["content"][0]["text"], "ok");
    // The host that came opens what the one before has sealed.
    let answers = json!({key: {"action": "accept", "content": {"ok": true}}});
    let more = json!({"inputResponses": answers, "requestState": state});
    let answer = ask(&successors.host, CONFIRMS, more);
    let text = &answer["result"]["content"][0]["text"];
    assert_eq!(text, "Confirmed: state-ok", "{answer}");
}

/// A tool that asks before it answers, and wants a state back.
const CONFIRMS: &str = "test_input_required_result_request_state";

fn ask(host: &Host, tool: &str, more: Value) -> Value {
    let mut params = json!({"name": tool, "arguments": {}});
    for (name, value) in more.as_object().expect("members") {
        params[name] = value.clone();
    }
    params["_meta"] = modern_meta();
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({"elicitation": {}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let mut headers = HEADERS;
    headers[3] = ("Mcp-Name", tool);
    let mut connection = Connection::open(host.address());
    connection
        .exchange("POST", "/mcp", &headers, body.to_string().as_bytes())
        .json()
}

#[test]
fn a_host_whose_successor_does_not_come_up_goes_on() {
    let setup = Setup::new().plugin("hello");
    let mut host = setup.start();
    let before = host.process();
    let plugins = host.path("hello");
    let config = plugins
        .parent()
        .and_then(Path::parent)
        .expect("a folder")
        .join("test.toml");
    fs::write(&config, "no_such_key = 1").expect("a file");
    signal(before, "USR2");
    until("the failure is told", || {
        let log = host.log();
        let told = log.contains("no_such_key") && log.contains("this host goes on as before");
        told.then_some(())
    });
    host.assert_alive();
    assert_eq!(process_of(&host.health()), before);
    let mut client = Client::modern(&host);
    assert_eq!(client.text("hello", json!({"name": "Ada"})), "Hello, Ada!");
    // And can be told again, when the mistake is mended.
    fs::write(&config, "").expect("a file");
    let mut successors = Successors::of(host);
    successors.replace();
}
