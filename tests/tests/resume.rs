//! Proves that a legacy client which lost a stream gets what it missed, in order
//! and once, by the id of the last event it saw; or is told that it is gone.

use std::thread::sleep;
use std::time::Duration;

use fusebox_tests::{Connection, Events, Head, Host, Response, Setup};
use serde_json::{Value, json};

/// Asks for a name, and greets.
/// Asks the model, which clients of every version can.
const ASKS: &str = "test_input_required_result_sampling";

/// Says three things, one after the other.
const SPEAKS: &str = "test_tool_with_logging";

/// A session of some version.
struct Session<'a> {
    host: &'a Host,
    id: String,
}

impl<'a> Session<'a> {
    fn open(host: &'a Host, version: &str) -> Self {
        let params = json!({
            "protocolVersion": version,
            "capabilities": {"sampling": {}},
            "clientInfo": {"name": "fusebox-tests", "version": "1"},
        });
        let body = request(0, "initialize", params);
        let mut connection = Connection::open(host.address());
        connection.send("POST", "/mcp", &HEADERS, body.to_string().as_bytes());
        let response = connection.read_response().expect("an answer");
        let id = response.head.header("mcp-session-id").expect("a session");
        Self {
            host,
            id: id.to_owned(),
        }
    }

    fn send(&self, method: &str, more: &[(&str, &str)], body: &[u8]) -> Connection {
        let mut headers = HEADERS.to_vec();
        headers.push(("Mcp-Session-Id", &self.id));
        headers.extend(more);
        let mut connection = Connection::open(self.host.address());
        connection.send(method, "/mcp", &headers, body);
        connection
    }

    fn post(&self, message: &Value) -> Response {
        let mut connection = self.send("POST", &[], message.to_string().as_bytes());
        connection.read_response().expect("an answer")
    }

    /// Calls a tool that answers with a stream.
    fn call(&self, id: u64, tool: &str) -> Events {
        let body = request(id, "tools/call", json!({"name": tool, "arguments": {}}));
        let (head, connection) = head(self.send("POST", &[], body.to_string().as_bytes()));
        assert!(head.is_stream(), "{head:?}");
        connection.into_events()
    }

    /// Opens the stream of changes.
    fn listen(&self) -> Events {
        let (head, connection) = head(self.send("GET", &[], b""));
        assert!(head.is_stream(), "{head:?}");
        connection.into_events()
    }

    /// Comes back after this event.
    fn resume(&self, last: &str) -> Events {
        let (head, connection) = head(self.send("GET", &[("Last-Event-ID", last)], b""));
        assert!(head.is_stream(), "{head:?}");
        connection.into_events()
    }

    #[track_caller]
    fn check_refused(&self, last: &str, words: &str) {
        let mut connection = self.send("GET", &[("Last-Event-ID", last)], b"");
        let response = connection.read_response().expect("an answer");
        assert_eq!(response.head.status, 400, "{}", response.text());
        let error = json!({"code": -32600, "message": words});
        let expected = json!({"jsonrpc": "2.0", "error": error});
        assert_eq!(response.json(), expected);
    }

    /// Answers the question for the capital of France.
    fn answer(&self, question: &Value) {
        let content = json!({"type": "text", "text": "Paris"});
        let result = json!({"role": "assistant", "content": content, "model": "none"});
        let message = json!({"jsonrpc": "2.0", "id": question["id"], "result": result});
        assert_eq!(self.post(&message).head.status, 202);
    }
}

const HEADERS: [(&str, &str); 2] = [
    ("Content-Type", "application/json"),
    ("Accept", "application/json, text/event-stream"),
];

const UNKNOWN: &str = "`Last-Event-ID` names no stream of this session that can be taken up again \
    (`session.event_log_keep_ms` says how long one is kept); send the request again, or a GET \
    without it";

const DROPPED: &str = "events after this `Last-Event-ID` are gone (raise \
    `session.event_log_max_events`, `session.event_log_max_bytes` or \
    `session.event_logs_max_bytes`); send the request again, or a GET without it";

fn host() -> Host {
    Setup::new().plugin("everything").start()
}

fn request(id: u64, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

fn head(mut connection: Connection) -> (Head, Connection) {
    let head = connection.read_head().expect("an answer");
    (head, connection)
}

fn text_result(id: u64, text: &str) -> Value {
    let content = json!([{"type": "text", "text": text}]);
    json!({"jsonrpc": "2.0", "id": id, "result": {"content": content}})
}

fn said(text: &str) -> Value {
    let params = json!({"level": "info", "data": text});
    json!({"jsonrpc": "2.0", "method": "notifications/message", "params": params})
}

/// Takes an event apart: its id, and its message.
#[track_caller]
fn event(events: &mut Events) -> (String, Value) {
    let event = events.next_event().expect("an event");
    let mut lines = event.lines();
    let id = lines.next().and_then(|line| line.strip_prefix("id: "));
    let data = lines.next().and_then(|line| line.strip_prefix("data: "));
    assert_eq!(lines.next(), None, "{event}");
    let data = data.unwrap_or_else(|| panic!("no data: {event}"));
    let message = serde_json::from_str(data).unwrap_or_else(|_| panic!("no JSON: {event}"));
    (
        id.unwrap_or_else(|| panic!("no id: {event}")).to_owned(),
        message,
    )
}

/// The id of the event that begins a stream of 2025-11-25.
#[track_caller]
fn priming(events: &mut Events, retry_ms: u64) -> String {
    assert_eq!(events.next_event(), Some(format!("retry: {retry_ms}")));
    let event = events.next_event().expect("a priming event");
    let id = event
        .strip_prefix("id: ")
        .and_then(|rest| rest.strip_suffix("\ndata: "));
    id.unwrap_or_else(|| panic!("no priming event: {event:?}"))
        .to_owned()
}

/// The id of another place in the same stream.
fn place(id: &str, seq: u64) -> String {
    let (stream, _) = id.rsplit_once('-').expect("an id");
    format!("{stream}-{seq}")
}

#[test]
fn a_stream_begins_with_an_id_for_clients_that_know_it() {
    let host = Setup::new()
        .plugin("everything")
        .config("[http]\nsse_retry_ms = 250")
        .start();
    let texts = [
        "Tool execution started",
        "Tool processing data",
        "Tool execution completed",
    ];
    for (version, primed) in [
        ("2025-03-26", false),
        ("2025-06-18", false),
        ("2025-11-25", true),
    ] {
        let session = Session::open(&host, version);
        let mut events = session.call(1, SPEAKS);
        let first = primed.then(|| priming(&mut events, 250));
        let mut ids = Vec::new();
        for text in texts {
            let (id, message) = event(&mut events);
            assert_eq!(message, said(text), "{version}");
            ids.push(id);
        }
        let (id, message) = event(&mut events);
        assert_eq!(
            message,
            text_result(1, "Logging test completed"),
            "{version}"
        );
        ids.push(id);
        assert_eq!(events.next_event(), None);
        let stem = first.unwrap_or_else(|| place(&ids[0], 0));
        let expected: Vec<String> = (1..=4).map(|seq| place(&stem, seq)).collect();
        assert_eq!(ids, expected, "{version}");
    }
}

#[test]
fn a_call_whose_stream_was_lost_is_answered_on_another_one() {
    let host = host();
    for version in ["2025-03-26", "2025-06-18", "2025-11-25"] {
        let session = Session::open(&host, version);
        let mut events = session.call(7, ASKS);
        if version == "2025-11-25" {
            priming(&mut events, 1000);
        }
        let (id, question) = event(&mut events);
        assert_eq!(question["method"], "sampling/createMessage");
        drop(events);

        // The question is asked again of whoever never saw it.
        let mut again = session.resume(&place(&id, 0));
        assert_eq!(event(&mut again), (id.clone(), question.clone()));
        session.answer(&question);
        let answer = (place(&id, 2), text_result(7, "Sampling response: Paris"));
        assert_eq!(event(&mut again), answer);
        assert_eq!(again.next_event(), None);

        // What was seen is not said twice.
        let mut rest = session.resume(&id);
        assert_eq!(event(&mut rest), answer);
        assert_eq!(rest.next_event(), None);
    }
}

#[test]
fn a_reader_that_comes_back_takes_the_place_of_the_one_before() {
    let host = host();
    let session = Session::open(&host, "2025-11-25");
    let mut old = session.call(7, ASKS);
    priming(&mut old, 1000);
    let (id, question) = event(&mut old);
    let mut new = session.resume(&id);
    assert_eq!(old.next_event(), None);
    session.answer(&question);
    let answer = (place(&id, 2), text_result(7, "Sampling response: Paris"));
    assert_eq!(event(&mut new), answer);
    assert_eq!(new.next_event(), None);
}

#[test]
fn a_handler_sends_its_client_away_until_the_answer_is_there() {
    let host = host();
    let session = Session::open(&host, "2025-11-25");
    let mut events = session.call(3, "test_reconnection");
    let id = priming(&mut events, 1000);
    assert_eq!(events.next_event(), None);
    let mut rest = session.resume(&id);
    let answer = (place(&id, 1), text_result(3, "Reconnection test completed"));
    assert_eq!(event(&mut rest), answer);
    assert_eq!(rest.next_event(), None);
}

#[test]
fn a_client_that_would_not_come_back_is_not_sent_away() {
    let host = host();
    let session = Session::open(&host, "2025-06-18");
    let params = json!({"name": "test_reconnection", "arguments": {}});
    let response = session.post(&request(3, "tools/call", params));
    assert_eq!(
        response.json(),
        text_result(3, "Reconnection test completed")
    );
}

#[test]
fn changes_that_were_missed_are_told() {
    let host = host();
    let changed = |what: &str| {
        let method = format!("notifications/{what}/list_changed");
        json!({"jsonrpc": "2.0", "method": method, "params": {}})
    };
    let trigger = |session: &Session<'_>, what: &str| {
        let params = json!({"name": format!("test_trigger_{what}_change"), "arguments": {}});
        let response = session.post(&request(9, "tools/call", params));
        assert_eq!(response.head.status, 200, "{}", response.text());
    };
    let session = Session::open(&host, "2025-11-25");
    let mut events = session.listen();
    let id = priming(&mut events, 1000);
    trigger(&session, "tool");
    assert_eq!(event(&mut events), (place(&id, 1), changed("tools")));
    drop(events);
    trigger(&session, "prompt");
    trigger(&session, "resource");

    let mut events = session.resume(&place(&id, 1));
    let mut next = || loop {
        // A comment says that the stream stands.
        let text = events.next_event().expect("an event");
        if text != ":" {
            return text;
        }
    };
    for (seq, what) in [(2, "prompts"), (3, "resources")] {
        let expected = format!("id: {}\ndata: {}", place(&id, seq), changed(what));
        let (seen, expected) = (next(), expected);
        let data = |text: &str| {
            text.split_once("\ndata: ")
                .map(|(id, data)| (id.to_owned(), serde_json::from_str::<Value>(data).ok()))
        };
        assert_eq!(data(&seen), data(&expected));
    }
    assert_eq!(
        session
            .send("DELETE", &[], b"")
            .read_response()
            .map(|r| r.head.status),
        Some(204)
    );
    assert_eq!(events.next_event(), None);
}

/// Longer than the host leaves a stream that says nothing to its HTTP library.
const QUIET: Duration = Duration::from_millis(2500);

#[test]
fn a_stream_that_was_quiet_goes_on_and_leaves_its_connection_to_the_next_request() {
    let host = host();
    let session = Session::open(&host, "2025-11-25");
    let (mut changes, mut call) = (session.listen(), session.call(7, ASKS));
    let (changes_id, call_id) = (priming(&mut changes, 1000), priming(&mut call, 1000));
    let (_, question) = event(&mut call);
    sleep(QUIET);

    session.answer(&question);
    let answer = text_result(7, "Sampling response: Paris");
    assert_eq!(event(&mut call), (place(&call_id, 2), answer));
    assert_eq!(call.next_event(), None);
    let mut connection = call.into_connection();
    let response = connection.exchange("GET", "/live", &[], b"");
    assert_eq!(response.head.status, 200);

    // A request may come while the stream still stands, in two pieces.
    let request = b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let (first, rest) = request.split_at(9);
    let mut connection = changes.into_connection();
    assert!(connection.send_raw(first));
    let params = json!({"name": "test_trigger_tool_change", "arguments": {}});
    session.post(&self::request(8, "tools/call", params));
    let mut changes = connection.into_events();
    let loud = loop {
        match changes.next_event() {
            Some(text) if text == ":" => {}
            text => break text.expect("an event"),
        }
    };
    assert!(
        loud.starts_with(&format!("id: {}\n", place(&changes_id, 1)))
            && loud.contains("notifications/tools/list_changed"),
        "{loud}"
    );
    let ended = session.send("DELETE", &[], b"").read_response();
    assert_eq!(ended.map(|response| response.head.status), Some(204));
    assert_eq!(changes.next_event(), None);
    let mut connection = changes.into_connection();
    assert!(connection.send_raw(rest));
    let response = connection.read_response().expect("an answer");
    assert_eq!(response.json(), json!({"status": "ok"}));
}

#[test]
fn what_cannot_be_taken_up_is_refused_with_a_reason() {
    let host = Setup::new()
        .plugin("everything")
        .config("[session]\nevent_log_max_events = 2")
        .start();
    let session = Session::open(&host, "2025-11-25");
    let mut events = session.call(1, SPEAKS);
    let id = priming(&mut events, 1000);
    while events.next_event().is_some() {}

    session.check_refused(&id, DROPPED);
    session.check_refused(&place(&id, 1), DROPPED);
    let mut rest = session.resume(&place(&id, 2));
    assert_eq!(
        event(&mut rest),
        (place(&id, 3), said("Tool execution completed"))
    );
    session.check_refused(&place(&id, 5), UNKNOWN);
    session.check_refused("nonsense", UNKNOWN);

    let other = Session::open(&host, "2025-11-25");
    let mut events = other.call(1, SPEAKS);
    while events.next_event().is_some() {}
    other.check_refused(&place(&id, 2), UNKNOWN);
}

#[test]
fn a_cancelled_call_leaves_nothing_to_come_back_for() {
    let host = host();
    let session = Session::open(&host, "2025-11-25");
    let mut events = session.call(4, ASKS);
    let id = priming(&mut events, 1000);
    event(&mut events);
    let params = json!({"requestId": 4});
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
    assert_eq!(session.post(&cancel).head.status, 202);
    while events.next_event().is_some() {}
    session.check_refused(&id, UNKNOWN);
}
