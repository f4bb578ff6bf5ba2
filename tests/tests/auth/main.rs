//! Proves that a host with keys lets in who has one and nobody else, over HTTP and
//! on lines, and that each is shown what its role has.

mod belongings;
mod certificates;
mod issuer;
mod keys;
mod start;
mod tokens;

use std::path::PathBuf;

use fusebox_tests::{Connection, Host, Lines, Response, Setup, fusebox, modern_meta, until};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Keys of callers, and the file that knows them.
struct Keys(TempDir);

impl Keys {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("keys.toml")
    }

    /// Makes one with the command that makes them.
    fn make(&self, name: &str, more: &[&str]) -> String {
        let arguments = [&["key", "new", name], more].concat();
        let ran = fusebox(self.0.path(), &arguments);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stdout.trim_end().to_owned()
    }

    fn revoke(&self, name: &str) {
        let ran = fusebox(self.0.path(), &["key", "revoke", name]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }

    /// `[auth]` with these keys and further lines.
    fn config(&self, more: &str) -> String {
        format!("[auth]\nkeys_file = {:?}\n{more}", self.file())
    }
}

fn setup(keys: &Keys, more: &str) -> Setup {
    Setup::new()
        .plugin("hello")
        .plugin("everything")
        .config(&keys.config(more))
}

fn bearer(key: &str) -> String {
    format!("Bearer {key}")
}

/// Sends a modern request to `path` with these headers beside those that it needs.
fn post(
    host: &Host,
    path: &str,
    more: &[(&str, &str)],
    method: &str,
    name: &str,
    mut params: Value,
) -> Response {
    params["_meta"] = modern_meta();
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let mut headers = vec![
        ("Content-Type", "application/json"),
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", method),
    ];
    if !name.is_empty() {
        headers.push(("Mcp-Name", name));
    }
    headers.extend(more);
    let mut connection = Connection::open(host.address());
    connection.exchange("POST", path, &headers, body.to_string().as_bytes())
}

fn call(host: &Host, more: &[(&str, &str)]) -> Response {
    let params = json!({"name": "hello", "arguments": {"name": "Ada"}});
    post(host, "/mcp", more, "tools/call", "hello", params)
}

fn unauthenticated(message: &str) -> Value {
    json!({"code": -32019, "message": message, "data": {"reason": "unauthenticated"}})
}

/// A response that lets nobody in: its status, its challenge, its words.
#[track_caller]
fn check_refused(response: &Response, status: u16, challenge: &str, message: &str) {
    assert_eq!(response.head.status, status, "{response:?}");
    let told = response.head.header("www-authenticate");
    assert_eq!(told, Some(challenge), "{response:?}");
    let expected = json!({"jsonrpc": "2.0", "error": unauthenticated(message)});
    let mut body = response.json();
    if body["id"].is_null() {
        body.as_object_mut().expect("an object").remove("id");
    }
    assert_eq!(body, expected);
}

const REALM: &str = "Bearer realm=\"fusebox\"";
const MISSING: &str = "a key is needed: send one header `Authorization: Bearer KEY`";
const UNKNOWN: &str = "the key is none that this host knows; ask its operator for one";

fn with_error(error: &str, words: &str) -> String {
    format!("{REALM}, error=\"{error}\", error_description=\"{words}\"")
}

#[test]
fn over_http_a_key_lets_in_and_nothing_else_does() {
    let keys = Keys::new();
    let key = keys.make("ada", &[]);
    let host = setup(&keys, "").start();
    let answer = call(&host, &[("Authorization", &bearer(&key))]);
    assert_eq!(answer.json()["result"]["content"][0]["text"], "Hello, Ada!");
    let lower = format!("bearer {key}");
    assert_eq!(call(&host, &[("authorization", &lower)]).head.status, 200);

    check_refused(&call(&host, &[]), 401, REALM, MISSING);
    let unknown = with_error("invalid_token", UNKNOWN);
    let other = Keys::new().make("ada", &[]);
    for wrong in ["x", &key[..key.len() - 1], &format!("{key}x"), &other] {
        let refused = call(&host, &[("Authorization", &bearer(wrong))]);
        check_refused(&refused, 401, &unknown, UNKNOWN);
    }
    let words = "a key is needed, and this is none";
    let malformed = with_error("invalid_request", words);
    let message = format!("{words}: send one header `Authorization: Bearer KEY`");
    let twice = [
        ("Authorization", &*bearer(&key)),
        ("Authorization", "Bearer x"),
    ];
    for more in [
        &twice[..],
        &[("Authorization", "Basic YTpi")],
        &[("Authorization", "x")],
    ] {
        check_refused(&call(&host, more), 400, &malformed, &message);
    }
    // Whatever is asked of an endpoint, and before its body is looked at.
    for method in ["GET", "DELETE", "PUT", "POST"] {
        let mut connection = Connection::open(host.address());
        let response = connection.exchange(method, "/mcp", &[], b"{");
        check_refused(&response, 401, REALM, MISSING);
    }
    let log = host.log();
    assert!(!log.contains(&key), "the log has a key");
}

#[test]
fn on_lines_a_key_comes_before_everything_else() {
    let keys = Keys::new();
    let key = keys.make("ada", &[]);
    let host = setup(&keys, "").tcp().start();
    let request = |id: u64, method: &str, params: Value| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    let missing = "a key is needed: send {\"method\":\"fusebox/authenticate\",\"params\":{\"key\":\"...\"}} first (`fusebox bridge --key-file` does)";
    let mut lines = Lines::open(host.tcp_address());
    let mut modern = json!({"name": "hello", "arguments": {"name": "Ada"}});
    modern["_meta"] = modern_meta();
    for message in [
        request(1, "ping", json!({})),
        request(
            2,
            "initialize",
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}),
        ),
        request(3, "tools/call", modern.clone()),
        request(4, "server/discover", json!({"_meta": modern_meta()})),
    ] {
        assert_eq!(lines.exchange(&message)["error"], unauthenticated(missing));
    }
    // What asks for nothing gets nothing, and does nothing.
    lines.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    let wrong = request(5, "fusebox/authenticate", json!({"key": "x"}));
    assert_eq!(lines.exchange(&wrong)["error"], unauthenticated(UNKNOWN));
    let none = request(6, "fusebox/authenticate", json!({}));
    assert_eq!(lines.exchange(&none)["error"]["code"], -32602);
    let right = request(7, "fusebox/authenticate", json!({"key": key}));
    assert_eq!(
        lines.exchange(&right),
        json!({"jsonrpc": "2.0", "id": 7, "result": {}})
    );
    let answer = lines.exchange(&request(8, "tools/call", modern));
    assert_eq!(
        answer["result"]["content"][0]["text"], "Hello, Ada!",
        "{answer}"
    );
    // Once is enough: nobody becomes somebody else.
    let again = lines.exchange(&request(9, "fusebox/authenticate", json!({"key": key})));
    assert_eq!(again["error"]["code"], -32601, "{again}");
}

const ROLES: &str = r#"
    anonymous = "guest"
    [roles.guest]
    tools = ["hello"]
    resources = ["none"]
    prompts = ["none"]
    views = ["open"]
    [roles.tester]
    plugins = ["everything"]
    exclude = ["test_error*"]
    health = true
    [views.open]
    [views.inner]
    plugins = ["everything"]
"#;

fn names(answer: &Value, kind: &str) -> Vec<String> {
    let items = answer["result"][kind].as_array().expect("a list").iter();
    items
        .map(|one| one["name"].as_str().expect("a name").to_owned())
        .collect()
}

#[test]
fn each_role_is_shown_its_part_and_the_rest_is_not_there() {
    let keys = Keys::new();
    let all = bearer(&keys.make("all", &[]));
    let tester = bearer(&keys.make("tester", &["--role", "tester"]));
    let host = setup(&keys, ROLES).start();
    let ask = |key: &str, path: &str, method: &str, name: &str, params: Value| {
        let more = [("Authorization", key)];
        let more = if key.is_empty() { &[] } else { &more[..] };
        post(&host, path, more, method, name, params)
    };
    let tools =
        |key: &str, path: &str| names(&ask(key, path, "tools/list", "", json!({})).json(), "tools");
    assert_eq!(tools("", "/mcp/open"), ["hello"]);
    let everything = tools(&all, "/mcp");
    assert!(everything.len() > 10 && everything.contains(&"hello".to_owned()));
    let of_tester = tools(&tester, "/mcp");
    let expected: Vec<String> = tools(&all, "/mcp/inner")
        .into_iter()
        .filter(|name| !name.starts_with("test_error"))
        .collect();
    assert_eq!(of_tester, expected);
    assert!(expected.len() > 5 && everything.contains(&"test_error_handling".to_owned()));
    assert_eq!(tools(&tester, "/mcp/inner"), expected);

    // What isn't shown can't be called, and is told apart from nothing.
    let hidden = ask(
        &tester,
        "/mcp",
        "tools/call",
        "hello",
        json!({"name": "hello", "arguments": {}}),
    );
    let error = json!({"code": -32602, "message": "unknown tool `hello`"});
    assert_eq!(hidden.json()["error"], error);
    let guest = |method: &str, key: &str, name: &str| {
        let params = json!({key: name});
        ask("", "/mcp/open", method, name, params).json()["error"].clone()
    };
    let read = guest("resources/read", "uri", "test://static-text");
    assert_eq!(read["message"], "resource not found", "{read}");
    let got = guest("prompts/get", "name", "test_simple_prompt");
    assert_eq!(
        got["message"], "unknown prompt `test_simple_prompt`",
        "{got}"
    );

    // And endpoints that a role doesn't enter say so.
    let refused = ask("", "/mcp", "tools/list", "", json!({}));
    let words = "the role `guest` may not enter this endpoint";
    check_refused(
        &refused,
        403,
        &with_error("insufficient_scope", words),
        words,
    );
}

#[test]
fn a_stranger_learns_of_the_health_only_how_it_is() {
    let keys = Keys::new();
    let all = bearer(&keys.make("all", &[]));
    let tester = bearer(&keys.make("tester", &["--role", "tester"]));
    let blind = bearer(&keys.make("blind", &["--role", "guest"]));
    let host = setup(&keys, ROLES).start();
    let health = |key: &str| {
        let more = [("Authorization", key)];
        let more = if key.is_empty() { &[] } else { &more[..] };
        let mut connection = Connection::open(host.address());
        connection.exchange("GET", "/health", more, b"").json()
    };
    let brief = json!({"status": "healthy"});
    assert_eq!(health(""), brief);
    assert_eq!(health("Bearer x"), brief);
    assert_eq!(health(&blind), brief);
    for known in [all, tester] {
        assert!(health(&known)["plugins"]["hello"].is_object());
    }
    for probe in ["/live", "/ready"] {
        assert_eq!(host.get(probe).head.status, 200);
    }
}
