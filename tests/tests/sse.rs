//! Proves that HTTP+SSE, the transport of 2024-11-05, serves what the other
//! transports serve: byte by byte, and with a client that people use.

use std::thread::sleep;
use std::time::Duration;

use fusebox_tests::{Connection, Events, Host, Response, Setup, node};
use serde_json::{Value, json};

/// Asks the model: the version has no forms.
const ASKS: &str = "test_input_required_result_sampling";

fn setup() -> Setup {
    Setup::new()
        .plugin("hello")
        .plugin("everything")
        .config("[http]\nsse_path = \"/sse\"\nmessages_path = \"/post\"")
}

/// A client with its stream.
struct Client<'a> {
    host: &'a Host,
    endpoint: String,
    events: Events,
}

impl<'a> Client<'a> {
    fn open(host: &'a Host) -> Self {
        let mut connection = Connection::open(host.address());
        connection.send("GET", "/sse", &[("Accept", "text/event-stream")], b"");
        let head = connection.read_head().expect("an answer");
        assert_eq!((head.status, head.is_stream()), (200, true), "{head:?}");
        let mut events = connection.into_events();
        let first = events.next_event().expect("an event");
        let endpoint = first.strip_prefix("event: endpoint\ndata: ");
        let endpoint = endpoint.unwrap_or_else(|| panic!("no endpoint: {first}"));
        let id = endpoint.strip_prefix("/post?sessionId=");
        let id = id.unwrap_or_else(|| panic!("no session: {endpoint}"));
        let is_hex = |byte: u8| byte.is_ascii_hexdigit();
        assert!(id.len() == 32 && id.bytes().all(is_hex), "{id}");
        Self {
            host,
            endpoint: endpoint.to_owned(),
            events,
        }
    }

    /// Opens a session of 2024-11-05 whose client can ask its model.
    fn initialized(host: &'a Host) -> Self {
        let mut client = Self::open(host);
        let params = json!({
            "protocolVersion": "2024-11-05",
            "capabilities": {"sampling": {}},
            "clientInfo": {"name": "fusebox-tests", "version": "1"},
        });
        let answer = client.exchange(&request(0, "initialize", params));
        assert_eq!(answer["result"]["protocolVersion"], "2024-11-05");
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        client
    }

    fn post(&self, body: &[u8]) -> Response {
        let headers = [("Content-Type", "application/json")];
        Connection::open(self.host.address()).exchange("POST", &self.endpoint, &headers, body)
    }

    #[track_caller]
    fn send(&self, message: &Value) {
        let response = self.post(message.to_string().as_bytes());
        assert_eq!(
            (response.head.status, response.text()),
            (202, String::new())
        );
    }

    /// The next message on the stream.
    #[track_caller]
    fn next(&mut self) -> Value {
        let event = self.events.next_event().expect("an event");
        let data = event.strip_prefix("event: message\ndata: ");
        let data = data.unwrap_or_else(|| panic!("no message: {event}"));
        serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}"))
    }

    #[track_caller]
    fn exchange(&mut self, message: &Value) -> Value {
        self.send(message);
        self.next()
    }
}

fn request(id: u64, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

fn call(id: u64, tool: &str, arguments: Value) -> Value {
    request(
        id,
        "tools/call",
        json!({"name": tool, "arguments": arguments}),
    )
}

fn text_result(id: u64, text: &str) -> Value {
    let content = json!([{"type": "text", "text": text}]);
    json!({"jsonrpc": "2.0", "id": id, "result": {"content": content}})
}

#[test]
fn a_client_lists_calls_is_asked_and_hears_of_changes() {
    let host = setup().start();
    let mut client = Client::initialized(&host);
    let answer = client.exchange(&request(1, "ping", json!({})));
    assert_eq!(answer, json!({"jsonrpc": "2.0", "id": 1, "result": {}}));
    let answer = client.exchange(&call(2, "hello", json!({"name": "Ada"})));
    assert_eq!(answer, text_result(2, "Hello, Ada!"));

    client.send(&call(3, ASKS, json!({})));
    let question = client.next();
    assert_eq!(question["method"], "sampling/createMessage");
    let content = json!({"type": "text", "text": "Paris"});
    let result = json!({"role": "assistant", "content": content, "model": "none"});
    client.send(&json!({"jsonrpc": "2.0", "id": question["id"], "result": result}));
    assert_eq!(client.next(), text_result(3, "Sampling response: Paris"));

    client.send(&call(4, "test_trigger_prompt_change", json!({})));
    let mut seen = [client.next(), client.next()];
    seen.sort_by_key(|message| message["id"] == 4);
    let changed = json!({
        "jsonrpc": "2.0",
        "method": "notifications/prompts/list_changed",
        "params": {},
    });
    assert_eq!(
        seen,
        [changed, text_result(4, "Prompt list change triggered")]
    );
}

#[test]
fn a_cancelled_call_has_no_answer_and_the_next_one_has() {
    let host = setup().start();
    let mut client = Client::initialized(&host);
    client.send(&call(3, ASKS, json!({})));
    let question = client.next();
    let params = json!({"requestId": 3});
    client.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}));
    let taken_back = client.next();
    assert_eq!(taken_back["method"], "notifications/cancelled");
    assert_eq!(taken_back["params"]["requestId"], question["id"]);
    let answer = client.exchange(&call(4, "hello", json!({"name": "Ada"})));
    assert_eq!(answer, text_result(4, "Hello, Ada!"));
}

#[test]
fn the_end_of_the_stream_is_the_end_of_the_session() {
    let host = setup().start();
    let client = Client::initialized(&host);
    host.health_when("the session is open", |health| health["sessions"] == 1);
    let endpoint = client.endpoint.clone();
    // Long enough for the host to send the rest of the stream itself.
    sleep(Duration::from_millis(2500));
    host.health_when("the session is still open", |health| {
        health["sessions"] == 1
    });
    drop(client);
    host.health_when("the session has ended", |health| health["sessions"] == 0);
    let headers = [("Content-Type", "application/json")];
    let body = request(1, "ping", json!({})).to_string();
    let mut connection = Connection::open(host.address());
    let response = connection.exchange("POST", &endpoint, &headers, body.as_bytes());
    assert_eq!(response.head.status, 404, "{}", response.text());
    let message = "no such session, or its stream has ended; open a new one";
    let error = json!({"code": -32600, "message": message});
    assert_eq!(response.json(), json!({"jsonrpc": "2.0", "error": error}));
}

#[test]
fn what_is_no_json_is_answered_on_the_stream() {
    let host = setup().start();
    let mut client = Client::initialized(&host);
    assert_eq!(client.post(b"{not json").head.status, 202);
    let answer = client.next();
    assert_eq!(
        (&answer["id"], &answer["error"]["code"]),
        (&Value::Null, &json!(-32700))
    );
}

#[test]
fn a_session_of_one_transport_is_none_of_the_other() {
    let host = setup().start();
    let client = Client::initialized(&host);
    let (_, id) = client.endpoint.split_once('=').expect("an id");
    let headers = [
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
        ("Mcp-Session-Id", id),
    ];
    let body = request(1, "ping", json!({})).to_string();
    let mut connection = Connection::open(host.address());
    let response = connection.exchange("POST", "/mcp", &headers, body.as_bytes());
    assert_eq!(response.head.status, 404, "{}", response.text());
}

#[test]
fn pages_of_other_places_are_refused() {
    let host = setup().start();
    let client = Client::initialized(&host);
    for (method, path) in [("GET", "/sse"), ("POST", &client.endpoint)] {
        let headers = [
            ("Content-Type", "application/json"),
            ("Origin", "https://evil.example"),
        ];
        let mut connection = Connection::open(host.address());
        let response = connection.exchange(method, path, &headers, b"{}");
        assert_eq!(response.head.status, 403, "{}", response.text());
    }
}

#[test]
fn it_is_there_only_if_it_is_switched_on() {
    let host = Setup::new().plugin("hello").start();
    assert_eq!(host.get("/sse").head.status, 404);
    assert_eq!(host.get("/messages").head.status, 404);
}

#[test]
fn the_node_sdk_speaks_it() {
    let host = Setup::new()
        .plugin("hello")
        .config("[http]\nsse_path = \"/sse\"")
        .start();
    let seen = node("sdk_sse.mjs", &[&host.url().replace("/mcp", "/sse")]);
    assert_eq!(seen["version"], "2025-11-25");
    assert_eq!(seen["tools"], json!(["add", "hello"]));
    assert_eq!(seen["hello"]["content"][0]["text"], "Hello, Ada!");
    assert_eq!(seen["add"]["structured"]["result"].as_f64(), Some(5.0));
    assert_eq!(seen["unknown"]["code"], -32602);
}
