//! Proves that who is too fast is refused, with the words to slow down by, and that
//! nobody else is.

use fusebox_tests::{Connection, Host, Lines, Setup, fusebox, modern_meta};
use serde_json::{Value, json};

/// More than are let in at once, by far.
const MANY: usize = 60;

fn setup(config: &str) -> Setup {
    Setup::new().plugin("hello").tcp().config(config)
}

/// Calls a tool with a key, or with none: the status, `Retry-After`, and the message.
fn call(host: &Host, tool: &str, key: &str) -> (u16, Option<String>, Value) {
    let arguments = match tool {
        "add" => json!({"a": 1, "b": 2}),
        _ => json!({"name": "Ada"}),
    };
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": tool, "arguments": arguments, "_meta": modern_meta()}});
    let bearer = format!("Bearer {key}");
    let mut headers = vec![
        ("Content-Type", "application/json"),
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", tool),
    ];
    if !key.is_empty() {
        headers.push(("Authorization", &bearer));
    }
    let mut connection = Connection::open(host.address());
    let response = connection.exchange("POST", "/mcp", &headers, body.to_string().as_bytes());
    let retry_after = response.head.header("retry-after").map(str::to_owned);
    (response.head.status, retry_after, response.json())
}

/// Calls until a call is refused: how many were not, and the refusal.
fn until_refused(host: &Host, tool: &str, key: &str) -> (usize, Option<String>, Value) {
    for taken in 0..MANY {
        let (status, retry_after, message) = call(host, tool, key);
        if status == 429 {
            return (taken, retry_after, message["error"].clone());
        }
        assert_eq!(status, 200, "{message}");
    }
    panic!("{MANY} calls were let in");
}

#[track_caller]
fn check(refused: (usize, Option<String>, Value), message: &str, key: &str, more: &Value) {
    let (taken, retry_after, error) = refused;
    assert!(taken >= 3, "a burst is let in: {taken}");
    assert_eq!(retry_after.as_deref(), Some("1"));
    let wait = error["data"]["retryAfterMs"].as_u64().expect("a time");
    assert!((1..=1000).contains(&wait), "{error}");
    let mut data = json!({"reason": "rate_limited", "retryAfterMs": wait, "limit": 1, "key": key});
    for (name, value) in more.as_object().expect("members") {
        data[name] = value.clone();
    }
    assert_eq!(
        error,
        json!({"code": -32001, "message": message, "data": data})
    );
}

#[test]
fn an_address_has_its_rate_over_http_and_on_lines() {
    let host = setup("[rate_limits]\naddress_per_second = 1\naddress_burst = 3").start();
    let message = "too many requests from this address: 1 a second are let in";
    let key = "rate_limits.address_per_second";
    check(until_refused(&host, "hello", ""), message, key, &json!({}));
    // The same address on lines; whoever asks how the host is may.
    let mut lines = Lines::open(host.tcp_address());
    let mut refused = 0;
    for id in 0..MANY {
        let answer = lines.exchange(&json!({"jsonrpc": "2.0", "id": id, "method": "ping"}));
        if answer["error"]["data"]["reason"] == "rate_limited" {
            assert_eq!(answer["error"]["message"], message);
            refused += 1;
        }
    }
    assert!(refused > 0);
    assert_eq!(host.get("/health").head.status, 200);
}

#[test]
fn a_tool_has_its_rate_and_its_neighbour_another() {
    let host = setup("[rate_limits]\ntool_per_second = 1\ntool_burst = 3").start();
    // A refused call has the status of a call; the reason is in its error.
    let mut refusal = Value::Null;
    for _ in 0..MANY {
        let (status, _, message) = call(&host, "hello", "");
        if message["error"]["code"] == -32001 {
            refusal = json!({"status": status, "error": message["error"]});
            break;
        }
    }
    let wait = refusal["error"]["data"]["retryAfterMs"].clone();
    assert_eq!(
        refusal,
        json!({"status": 429, "error": {
            "code": -32001,
            "message": "too many requests to this tool: 1 a second are let in",
            "data": {
                "reason": "rate_limited", "plugin": "hello", "tool": "hello", "limit": 1,
                "key": "rate_limits.tool_per_second", "retryAfterMs": wait,
            },
        }})
    );
    assert_eq!(call(&host, "add", "").0, 200);
}

#[test]
fn a_caller_has_its_rate_and_takes_nothing_of_another() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let make = |name: &str| {
        let ran = fusebox(folder.path(), &["key", "new", name]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stdout.trim_end().to_owned()
    };
    let (ada, bob) = (make("ada"), make("bob"));
    let file = folder.path().join("keys.toml");
    let host = setup(&format!(
        "[auth]\nkeys_file = {file:?}\n[rate_limits]\ncaller_per_second = 1\ncaller_burst = 3"
    ))
    .start();
    let message = "too many requests of this caller: 1 a second are let in";
    let refused = until_refused(&host, "hello", &ada);
    check(
        refused,
        message,
        "rate_limits.caller_per_second",
        &json!({}),
    );
    assert_eq!(call(&host, "hello", &bob).0, 200);
}
