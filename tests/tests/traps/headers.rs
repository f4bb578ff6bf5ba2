//! What only HTTP has: headers that are there twice, are encoded or contradict the
//! body or the session; the end of a session; and batches, which lines have too.

use fusebox_tests::{Connection, Host, Lines, Response, Stdio, initialize_line, modern_meta};
use serde_json::{Value, json};

use crate::setup;
use crate::wire::post;

const PING: &str = r#"{"jsonrpc":"2.0","id":99,"method":"ping"}"#;

fn pong() -> Value {
    json!({"jsonrpc": "2.0", "id": 99, "result": {}})
}

fn initialize(version: &str) -> Value {
    let mut line = initialize_line(0);
    line["params"]["protocolVersion"] = json!(version);
    line
}

/// Begins a session of this version, and gives its id.
fn session(host: &Host, version: &str) -> String {
    let response = post(host, &[], &initialize(version).to_string());
    assert_eq!(response.json()["result"]["protocolVersion"], version);
    let id = response.head.header("mcp-session-id");
    id.expect("a session").to_owned()
}

#[test]
fn the_end_of_a_session_is_204_and_then_it_is_gone() {
    let host = setup().start();
    let session = session(&host, "2025-06-18");
    let end = || {
        let headers = [("Mcp-Session-Id", session.as_str())];
        let mut connection = Connection::open(host.address());
        let response = connection.exchange("DELETE", "/mcp", &headers, b"");
        (response.head.status, response.text())
    };
    assert_eq!(end(), (204, String::new()));
    assert_eq!(end().0, 404);
}

const VERSIONS: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
const NOTE: &str = r#"{"jsonrpc":"2.0","method":"notifications/x"}"#;

fn batch() -> String {
    format!("[{PING},{NOTE},{{\"jsonrpc\":\"2.0\",\"id\":\"b\",\"method\":\"ping\"}}]")
}

fn answers() -> Value {
    json!([pong(), {"jsonrpc": "2.0", "id": "b", "result": {}}])
}

/// What a version without batches says, with the id that its schema has for it.
fn no_batch(version: &str, over_http: bool) -> Value {
    let message = format!("version {version} has no batches; send one message at a time");
    let error = json!({"code": -32600, "message": message});
    match over_http || version == "2025-11-25" {
        true => json!({"jsonrpc": "2.0", "error": error}),
        false => json!({"jsonrpc": "2.0", "id": null, "error": error}),
    }
}

#[test]
fn batches_are_for_one_version_alone() {
    let host = setup().start();
    for version in VERSIONS {
        let session = session(&host, version);
        let headers = [("Mcp-Session-Id", session.as_str())];
        let answer = post(&host, &headers, &batch());
        if version == "2025-03-26" {
            assert_eq!((answer.head.status, answer.json()), (200, answers()));
            let silent = post(&host, &headers, &format!("[{NOTE},{NOTE}]"));
            assert_eq!((silent.head.status, silent.text()), (202, String::new()));
        } else {
            let refused = (answer.head.status, answer.json());
            assert_eq!(refused, (400, no_batch(version, true)));
        }
    }
}

#[test]
fn batches_on_lines_are_for_one_version_alone() {
    let host = setup().tcp().start();
    for version in VERSIONS {
        let mut tcp = Lines::open(host.tcp_address());
        check_batch(version, &mut |text| {
            tcp.send_raw(text.as_bytes());
            tcp.receive().expect("an answer")
        });
        let mut stdio = Stdio::start(setup());
        check_batch(version, &mut |text| {
            stdio.send_raw(text.as_bytes());
            stdio.receive().expect("an answer")
        });
    }
}

fn check_batch(version: &str, exchange: &mut dyn FnMut(&str) -> Value) {
    exchange(&format!("{}\n", initialize(version)));
    let answer = exchange(&format!("{}\n", batch()));
    match version {
        "2025-03-26" => {
            assert_eq!(answer, answers());
            // Nothing is said to notifications alone: what comes is the answer to this.
            let silent = format!("[{NOTE},{NOTE}]\n{PING}\n");
            assert_eq!(exchange(&silent), pong());
        }
        _ => assert_eq!(answer, no_batch(version, false)),
    }
}

#[test]
fn the_version_of_a_session_holds_whatever_its_header_says() {
    let host = setup().start();
    for spoken in VERSIONS {
        let session = session(&host, spoken);
        let list = |version: &str| {
            let headers = [
                ("Mcp-Session-Id", session.as_str()),
                ("MCP-Protocol-Version", version),
            ];
            let text = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
            post(&host, &headers, text)
        };
        let expected = list(spoken).text();
        // Annotations came with 2025-03-26, output schemas with 2025-06-18.
        let hints = spoken >= "2025-03-26";
        assert_eq!(expected.contains("\"annotations\""), hints, "{spoken}");
        let schemas = spoken >= "2025-06-18";
        assert_eq!(expected.contains("\"outputSchema\""), schemas, "{spoken}");
        for version in VERSIONS {
            let answer = list(version);
            let same = (answer.head.status, answer.text());
            assert_eq!(same, (200, expected.clone()), "{spoken}, {version}");
        }
        for version in ["1999-01-01", "nonsense", "", "2026-07-28"] {
            assert_eq!(list(version).head.status, 400, "{spoken}, {version}");
        }
    }
}

/// Posts a modern call of `hello` with these headers beside those of every call.
fn call(host: &Host, further: &[(&str, &str)]) -> Response {
    let meta = modern_meta();
    let arguments = json!({"name": "Ada"});
    let params = json!({"name": "hello", "arguments": arguments, "_meta": meta});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    post(host, further, &body.to_string())
}

const ROUTING: [(&str, &str); 3] = [
    ("MCP-Protocol-Version", "2026-07-28"),
    ("Mcp-Method", "tools/call"),
    ("Mcp-Name", "hello"),
];

#[track_caller]
fn check_refused(response: &Response, words: &str) {
    let error = json!({"code": -32020, "message": words});
    let expected = json!({"jsonrpc": "2.0", "id": 1, "error": error});
    assert_eq!((response.head.status, response.json()), (400, expected));
}

#[test]
fn routing_headers_are_there_once() {
    let host = setup().start();
    assert_eq!(call(&host, &ROUTING).head.status, 200);
    for (index, (name, value)) in ROUTING.into_iter().enumerate() {
        let mut twice = ROUTING.to_vec();
        twice.push((name, value));
        let words = format!("header mismatch: {} is given twice", name.to_lowercase());
        check_refused(&call(&host, &twice), &words);
        // A second one that says something else is no better in front.
        twice.rotate_right(1);
        twice[0].1 = "other";
        let response = call(&host, &twice);
        let error = &response.json()["error"]["code"];
        assert_eq!(
            (response.head.status, error),
            (400, &json!(-32020)),
            "{name}"
        );
        let mut without = ROUTING.to_vec();
        without.remove(index);
        let response = call(&host, &without);
        let error = &response.json()["error"]["code"];
        assert_eq!(
            (response.head.status, error),
            (400, &json!(-32020)),
            "{name}"
        );
    }
}

#[test]
fn headers_of_a_session_are_there_once() {
    let host = setup().start();
    let (one, other) = (session(&host, "2025-11-25"), session(&host, "2025-11-25"));
    let version = ("MCP-Protocol-Version", "2025-11-25");
    let own = ("Mcp-Session-Id", one.as_str());
    assert_eq!(post(&host, &[own, version], PING).json(), pong());
    for (name, twice) in [
        ("mcp-session-id", [own, own, version]),
        ("mcp-session-id", [own, ("Mcp-Session-Id", &other), version]),
        ("mcp-protocol-version", [own, version, version]),
    ] {
        let words = format!("the header `{name}` is given twice");
        let error = json!({"code": -32600, "message": words});
        let expected = json!({"jsonrpc": "2.0", "error": error});
        for method in ["POST", "GET", "DELETE"] {
            let mut headers = vec![
                ("Content-Type", "application/json"),
                ("Accept", "application/json, text/event-stream"),
            ];
            headers.extend(twice);
            let body = if method == "POST" { PING } else { "" };
            let mut connection = Connection::open(host.address());
            let response = connection.exchange(method, "/mcp", &headers, body.as_bytes());
            let refused = (response.head.status, response.json());
            assert_eq!(refused, (400, expected.clone()), "{method} {twice:?}");
        }
    }
}

#[test]
fn names_may_be_base64_and_nothing_like_it() {
    let host = setup().start();
    let with = |name: &str| {
        let response = call(&host, &[ROUTING[0], ROUTING[1], ("Mcp-Name", name)]);
        (
            response.head.status,
            response.json()["error"]["code"].clone(),
        )
    };
    assert_eq!(with("hello"), (200, Value::Null));
    assert_eq!(with("=?base64?aGVsbG8=?="), (200, Value::Null));
    for wrong in [
        "=?base64?aGVsbG8?=",
        "=?base64?aGVsbG9=?=",
        "=?base64?!?=",
        "=?base64??=",
        "=?base64?YWRk?=",
        "=?base64?/w==?=",
        "=?BASE64?aGVsbG8=?=",
        "=?base64?aGVsbG8=",
        "aGVsbG8=",
        "add",
        "",
    ] {
        assert_eq!(with(wrong), (400, json!(-32020)), "{wrong}");
    }
}
