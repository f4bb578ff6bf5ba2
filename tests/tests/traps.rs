//! Proves what goes wrong elsewhere: ids, batches, headers, nulls, depth, empty
//! objects, and messages that nobody answers. Each over every way that has it.

use fusebox_tests::{
    Connection, Host, Lines, Response, Setup, Stdio, initialize_line, modern_meta,
};
use serde_json::{Value, json};

fn setup() -> Setup {
    Setup::new().plugin("hello").plugin("everything")
}

fn post(host: &Host, headers: &[(&str, &str)], body: &str) -> Response {
    let mut all = vec![
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
    ];
    all.extend_from_slice(headers);
    Connection::open(host.address()).exchange("POST", "/mcp", &all, body.as_bytes())
}

/// Begins a session of this version, and gives its id.
fn session(host: &Host, version: &str) -> String {
    let initialize = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": version, "capabilities": {},
        "clientInfo": {"name": "traps", "version": "1"},
    }});
    let response = post(host, &[], &initialize.to_string());
    assert_eq!(response.json()["result"]["protocolVersion"], version);
    let id = response.head.header("mcp-session-id");
    id.expect("a session").to_owned()
}

fn modern(method: &str, id: &str, params: &str) -> String {
    let meta = modern_meta();
    let comma = if params.is_empty() { "" } else { "," };
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{params}{comma}"_meta":{meta}}}}}"#
    )
}

/// Posts a modern call of `name`.
fn call(host: &Host, id: &str, name: &str, params: &str) -> Response {
    let headers = [
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", name),
    ];
    post(host, &headers, &modern("tools/call", id, params))
}

/// A client on lines, over TCP and over standard streams.
fn on_lines(check: impl Fn(&mut dyn FnMut(&str) -> bool, &mut dyn FnMut() -> Value)) {
    use std::cell::RefCell;
    let host = setup().tcp().start();
    let tcp = RefCell::new(Lines::open(host.tcp_address()));
    check(
        &mut |line| tcp.borrow_mut().send_raw(format!("{line}\n").as_bytes()),
        &mut || tcp.borrow_mut().receive().expect("a message"),
    );
    let stdio = RefCell::new(Stdio::start(setup()));
    check(
        &mut |line| stdio.borrow_mut().send_raw(format!("{line}\n").as_bytes()),
        &mut || stdio.borrow_mut().receive().expect("a message"),
    );
}

const PING: &str = r#"{"jsonrpc":"2.0","id":99,"method":"ping"}"#;

fn pong() -> Value {
    json!({"jsonrpc": "2.0", "id": 99, "result": {}})
}

/// Ids as they may be written, and as they must come back.
const IDS: [&str; 8] = [
    "0",
    "-7",
    "9007199254740993",
    "18446744073709551615",
    r#""text""#,
    r#""""#,
    r#""18""#,
    r#""\u00e9 \" \\ 🔌""#,
];

#[test]
fn ids_come_back_as_they_were() {
    let host = setup().start();
    let session = session(&host, "2025-11-25");
    let parsed = |text: &str| serde_json::from_str::<Value>(text).expect("an id");
    for id in IDS {
        let ping = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        let headers = [("Mcp-Session-Id", session.as_str())];
        let answer = post(&host, &headers, &ping);
        assert_eq!(answer.json()["id"], parsed(id));
        let answer = call(
            &host,
            id,
            "hello",
            r#""name":"hello","arguments":{"name":"Ada"}"#,
        );
        assert_eq!(answer.json()["id"], parsed(id));
        // Numbers to the digit, for those that a tree of JSON would round.
        if !id.starts_with('"') {
            let written = format!(r#""id":{id},"#);
            assert!(answer.text().contains(&written), "{}", answer.text());
        }
    }
    on_lines(|send, receive| {
        for id in IDS {
            send(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#));
            let expected = json!({"jsonrpc": "2.0", "id": parsed(id), "result": {}});
            assert_eq!(receive(), expected);
        }
    });
}

#[test]
fn empty_capabilities_are_objects() {
    let capabilities = json!({
        "tools": {"listChanged": true},
        "prompts": {"listChanged": true},
        "resources": {"subscribe": true, "listChanged": true},
        "logging": {},
        "completions": {},
    });
    let host = setup().start();
    let initialize = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": {"name": "traps", "version": "1"},
    }});
    let answer = post(&host, &[], &initialize.to_string()).json();
    assert_eq!(answer["result"]["capabilities"], capabilities);
    let headers = [
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", "server/discover"),
    ];
    let answer = post(&host, &headers, &modern("server/discover", "1", "")).json();
    let mut modern = capabilities;
    modern["extensions"] = json!({"io.modelcontextprotocol/tasks": {}});
    assert_eq!(answer["result"]["capabilities"], modern);
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

#[test]
fn batches_are_for_one_version_alone() {
    let host = setup().start();
    let note = r#"{"jsonrpc":"2.0","method":"notifications/x"}"#;
    let batch = format!("[{PING},{note},{{\"jsonrpc\":\"2.0\",\"id\":\"b\",\"method\":\"ping\"}}]");
    for (version, status) in [
        ("2024-11-05", 400),
        ("2025-03-26", 200),
        ("2025-06-18", 400),
        ("2025-11-25", 400),
    ] {
        let session = session(&host, version);
        let headers = [("Mcp-Session-Id", session.as_str())];
        let answer = post(&host, &headers, &batch);
        assert_eq!(answer.head.status, status, "{version}: {}", answer.text());
        if status == 200 {
            let other = json!({"jsonrpc": "2.0", "id": "b", "result": {}});
            assert_eq!(answer.json(), json!([pong(), other]));
            let silent = post(&host, &headers, &format!("[{note},{note}]"));
            assert_eq!((silent.head.status, silent.text()), (202, String::new()));
        }
    }
}

#[test]
fn the_version_of_a_session_holds_whatever_its_header_says() {
    let host = setup().start();
    let session = session(&host, "2025-11-25");
    let ping = |version: &str| {
        let headers = [
            ("Mcp-Session-Id", session.as_str()),
            ("MCP-Protocol-Version", version),
        ];
        post(&host, &headers, PING)
    };
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let answer = ping(version);
        assert_eq!(
            (answer.head.status, answer.json()),
            (200, pong()),
            "{version}"
        );
    }
    for version in ["1999-01-01", "nonsense", ""] {
        assert_eq!(ping(version).head.status, 400, "{version}");
    }
}

#[test]
fn routing_headers_are_one_each_and_may_be_base64() {
    let host = setup().start();
    let body = modern(
        "tools/call",
        "1",
        r#""name":"hello","arguments":{"name":"Ada"}"#,
    );
    let send = |further: &[(&str, &str)]| {
        let mut headers = vec![
            ("MCP-Protocol-Version", "2026-07-28"),
            ("Mcp-Method", "tools/call"),
        ];
        headers.extend_from_slice(further);
        let answer = post(&host, &headers, &body);
        (answer.head.status, answer.json()["error"]["code"].clone())
    };
    assert_eq!(send(&[("Mcp-Name", "hello")]), (200, Value::Null));
    assert_eq!(
        send(&[("Mcp-Name", "=?base64?aGVsbG8=?=")]),
        (200, Value::Null)
    );
    let refused = (400, json!(-32020));
    for name in [
        "=?base64?aGVsbG8?=",
        "=?base64?!?=",
        "=?base64?YWRk?=",
        "add",
        "",
    ] {
        assert_eq!(send(&[("Mcp-Name", name)]), refused, "{name}");
    }
    assert_eq!(send(&[]), refused);
    let twice = [("Mcp-Name", "hello"), ("Mcp-Name", "hello")];
    assert_eq!(send(&twice), refused);
    let twice = [("Mcp-Name", "hello"), ("Mcp-Method", "tools/call")];
    assert_eq!(send(&twice), refused);
}

#[test]
fn missing_arguments_are_none_and_null_params_are_no_params() {
    let simple = r#""name":"test_simple_text""#;
    let host = setup().start();
    let answer = call(&host, "1", "test_simple_text", simple).json();
    let text = "This is a simple text response for testing.";
    assert_eq!(answer["result"]["content"][0]["text"], text, "{answer}");
    on_lines(|send, receive| {
        send(&initialize_line(0).to_string());
        receive();
        send(&format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{{simple}}}}}"#
        ));
        assert_eq!(receive()["result"]["content"][0]["text"], text);
        send(r#"{"jsonrpc":"2.0","id":2,"method":"prompts/list"}"#);
        let without = receive();
        send(r#"{"jsonrpc":"2.0","id":2,"method":"prompts/list","params":null}"#);
        assert_eq!(receive(), without);
        assert!(without["result"]["prompts"].is_array(), "{without}");
    });
}

#[test]
fn escapes_are_the_characters_that_they_stand_for() {
    // "tools/call", "name" and "hello" with escapes, and a pair of surrogates.
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools\/c\u0061ll","params":
        {"n\u0061me":"h\u0065llo","arguments":{"name":"\ud83d\udd0c"}}}"#
        .replace('\n', "");
    on_lines(|send, receive| {
        send(&call);
        let answer = receive();
        assert_eq!(
            answer["result"]["content"][0]["text"], "Hello, 🔌!",
            "{answer}"
        );
    });
}

#[test]
fn depth_is_bounded_by_an_answer() {
    for depth in [100, 1_000, 100_000] {
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let params = format!(r#""name":"hello","arguments":{{"name":{deep}}}"#);
        on_lines(|send, receive| {
            send(&format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{{params}}}}}"#
            ));
            let answer = receive();
            let refused = answer["error"]["code"].is_i64() || answer["result"]["isError"] == true;
            assert!(refused, "{answer}");
            send(PING);
            assert_eq!(receive(), pong());
        });
    }
}

#[test]
fn what_asks_for_nothing_is_answered_with_nothing() {
    let unasked = [
        r#"{"jsonrpc":"2.0","method":"notifications/unknown","params":{"a":1}}"#,
        r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"hello"}}"#,
        r#"{"jsonrpc":"2.0","id":7,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":"x","error":{"code":1,"message":"m"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}"#,
    ];
    on_lines(|send, receive| {
        for message in unasked {
            send(message);
            // What comes next is the answer to this.
            send(PING);
            assert_eq!(receive(), pong(), "{message}");
        }
    });
    let host = setup().start();
    let session = session(&host, "2025-11-25");
    for message in unasked {
        let answer = post(&host, &[("Mcp-Session-Id", &session)], message);
        let silent = (answer.head.status, answer.text());
        assert_eq!(silent, (202, String::new()), "{message}");
    }
}
