//! Who is refused before a handler is looked for is in the audit log, and nobody fills
//! it by being refused often.

use std::fs;

use fusebox_tests::{Connection, Host, Lines, Setup, modern_meta, until};
use serde_json::{Value, json};

use crate::{Place, call};

/// The lines of requests that came to no handler.
fn refusals(lines: &[Value]) -> Vec<&Value> {
    let of_none = |line: &&Value| line["outcome"] == "refused" && line.get("plugin").is_none();
    lines.iter().filter(of_none).collect()
}

/// Who, what, why, by which code.
fn told(line: &Value) -> [Value; 5] {
    ["caller", "tool", "denied", "reason", "code"].map(|name| line[name].clone())
}

#[test]
fn what_is_not_there_or_does_not_fit_is_written_with_who_asked_for_it() {
    let place = Place::new();
    let ada = place.key("ada");
    let mut host = Setup::new()
        .plugin("hello")
        .config(&(place.auth() + &place.config("methods = [\"tools/call\", \"resources/read\"]")))
        .start();
    call(&host, &ada, "no-such-tool", &json!({"password": "x"}));
    call(&host, &ada, &"long".repeat(1000), &json!({}));
    // No arguments are an array.
    call(&host, &ada, "hello", &json!([1]));
    let uri = "nothing://here?api_key=hunter2";
    let params = json!({"uri": uri, "_meta": modern_meta()});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": params});
    let authorization = format!("Bearer {ada}");
    let headers = [
        ("Content-Type", "application/json"),
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", "resources/read"),
        ("Mcp-Name", uri),
        ("Authorization", authorization.as_str()),
    ];
    Connection::open(host.address()).exchange(
        "POST",
        "/mcp",
        &headers,
        body.to_string().as_bytes(),
    );
    // A list is no call, and none of what is written.
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"cursor": 7, "_meta": modern_meta()}});
    let headers = [
        ("Content-Type", "application/json"),
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", "tools/list"),
        ("Authorization", authorization.as_str()),
    ];
    let answer = Connection::open(host.address()).exchange(
        "POST",
        "/mcp",
        &headers,
        body.to_string().as_bytes(),
    );
    assert_eq!(answer.json()["error"]["code"], -32602);
    host.terminate();
    host.wait();
    let lines = place.lines();
    assert_eq!(refusals(&lines).len(), 4, "{lines:#?}");
    assert_eq!(
        told(&lines[0]),
        [
            json!("key:ada"),
            json!("no-such-tool"),
            Value::Null,
            Value::Null,
            json!(-32602)
        ]
    );
    assert_eq!(lines[0]["method"], "tools/call");
    assert_eq!([&lines[0]["request"], &lines[0]["role"]], ["a-7", "all"]);
    assert_eq!(lines[0]["address"], "127.0.0.1");
    let name = lines[1]["tool"].as_str().expect("a name");
    assert_eq!(name.len(), 259, "a client's own text is bounded");
    assert_eq!(lines[2]["tool"], "hello");
    assert_eq!(lines[3]["resource"], "nothing://here?api_key=[redacted]");
    let text = fs::read_to_string(place.file()).expect("the log");
    assert!(
        !text.contains("hunter2") && !text.contains("password"),
        "{text}"
    );
}

#[test]
fn who_is_not_let_in_or_too_fast_is_written_as_far_as_it_is_known() {
    let place = Place::new();
    let (ada, bob) = (place.key("ada"), place.key("bob"));
    let mut host = Setup::new()
        .plugin("hello")
        .tcp()
        .config(&(place.auth() + &place.config("")))
        .config("[rate_limits]\ncaller_per_second = 1\ncaller_burst = 2\n")
        .start();
    let wrong = format!("{ada}x");
    call(&host, &wrong, "hello", &json!({}));

    // On lines: a wrong key, and a call without one.
    let mut lines = Lines::open(host.tcp_address());
    lines.exchange(&json!({"jsonrpc": "2.0", "id": 1, "method": "fusebox/authenticate", "params": {"key": wrong}}));
    let params = json!({"name": "add", "arguments": {}});
    lines.exchange(&json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params}));

    // Somebody else's session.
    let session = open_session(&host, &ada);
    let body = json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params});
    let answer = post_in(&host, &bob, &session, &body);
    assert_eq!(answer, 404);

    // The third within a second, or the one after: a burst is two.
    let fast: Vec<Value> = (0..8)
        .map(|_| call(&host, &ada, "hello", &json!({"name": "Ada"})))
        .collect();
    let refused = fast.iter().filter(|one| one.get("error").is_some()).count();
    assert!(refused > 0, "{fast:?}");
    host.terminate();
    host.wait();

    let lines = place.lines();
    let refusals = refusals(&lines);
    let denied = |what: &str, tool: Value| {
        let code = json!(-32019);
        [
            Value::Null,
            tool,
            json!(what),
            json!("unauthenticated"),
            code,
        ]
    };
    assert_eq!(told(refusals[0]), denied("unknown", json!("hello")));
    assert_eq!(refusals[0]["method"], "tools/call");
    assert_eq!(told(refusals[1]), denied("unknown", Value::Null));
    assert_eq!(refusals[1]["transport"], "tcp");
    assert_eq!(told(refusals[2]), denied("missing", json!("add")));
    let stolen = refusals[3];
    assert_eq!(
        [&stolen["caller"], &stolen["denied"], &stolen["tool"]],
        ["key:bob", "session", "add"]
    );
    assert_eq!(refusals[4..].len(), refused, "{lines:#?}");
    for line in &refusals[4..] {
        assert_eq!(
            [&line["caller"], &line["reason"]],
            ["key:ada", "rate_limited"]
        );
    }
    let text = fs::read_to_string(place.file()).expect("the log");
    assert!(!text.contains(&ada) && !text.contains(&session), "{text}");
}

#[test]
fn a_key_that_has_expired_is_named() {
    let place = Place::new();
    let brief = place.key_with("brief", &["--expires", "1s"]);
    let host = Setup::new()
        .plugin("hello")
        .config(&(place.auth() + &place.config("")))
        .start();
    until("the key has expired", || {
        let answer = call(&host, &brief, "hello", &json!({"name": "Ada"}));
        answer.get("error").map(drop)
    });
    let line = until("it is written", || {
        let lines = place.lines();
        refusals(&lines).first().map(|line| (*line).clone())
    });
    let expected = ["key:brief", "hello", "expired", "unauthenticated"];
    assert_eq!(told(&line)[..4], expected.map(Value::from));
}

fn post_in(host: &Host, key: &str, session: &str, body: &Value) -> u16 {
    let authorization = format!("Bearer {key}");
    let mut headers = vec![
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
        ("Authorization", authorization.as_str()),
    ];
    if !session.is_empty() {
        headers.push(("Mcp-Session-Id", session));
    }
    let mut connection = Connection::open(host.address());
    connection
        .exchange("POST", "/mcp", &headers, body.to_string().as_bytes())
        .head
        .status
}

/// A legacy session of whoever has this key.
fn open_session(host: &Host, key: &str) -> String {
    let authorization = format!("Bearer {key}");
    let headers = [
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
        ("Authorization", authorization.as_str()),
    ];
    let body = fusebox_tests::initialize_line(1).to_string();
    let mut connection = Connection::open(host.address());
    let answer = connection.exchange("POST", "/mcp", &headers, body.as_bytes());
    let session = answer.head.header("mcp-session-id");
    session.expect("a session").to_owned()
}

#[test]
fn a_flood_of_strangers_has_few_lines_and_takes_none_of_anybody_else() {
    const FLOOD: usize = 500;
    let place = Place::new();
    let ada = place.key("ada");
    let mut host = Setup::new()
        .plugin("hello")
        .config(&(place.auth() + &place.config("refusals_per_minute = 20")))
        .start();
    let begin = std::time::Instant::now();
    let mut connection = Connection::open(host.address());
    for _ in 0..FLOOD {
        let answer = connection.exchange("POST", "/mcp", &[], b"{}");
        assert_eq!(answer.head.status, 401);
    }
    let minutes = 1 + usize::try_from(begin.elapsed().as_secs() / 60).expect("few");
    call(&host, &ada, "no-such-tool", &json!({}));
    call(&host, &ada, "hello", &json!({"name": "Ada"}));
    host.terminate();
    host.wait();
    let lines = place.lines();
    let of_ada = lines.iter().filter(|line| line["caller"] == "key:ada");
    assert_eq!(of_ada.count(), 2, "{lines:#?}");
    let of_strangers: Vec<&Value> = lines
        .iter()
        .filter(|line| line.get("caller").is_none())
        .collect();
    let with_words = of_strangers
        .iter()
        .filter(|line| line["denied"] == "missing");
    let with_words = with_words.count();
    assert!((20..=20 * minutes).contains(&with_words), "{with_words}");
    // None is forgotten: what has no line is in the next one, or the last.
    let unwritten = of_strangers
        .iter()
        .filter_map(|line| line["unwritten"].as_u64());
    let unwritten = usize::try_from(unwritten.sum::<u64>()).expect("few");
    assert_eq!(with_words + unwritten, FLOOD, "{of_strangers:#?}");
}
