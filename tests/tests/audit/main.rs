//! Proves that the audit log has a line for each call of two callers over two
//! transports, with who called what and how it ended, and nothing that a rule leaves
//! out.

mod full;
mod refused;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use fusebox_tests::{
    Client, Connection, Host, Lines, Setup, fusebox, initialize_line, modern_meta, until,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What must never be in a file.
const SECRET: &str = "correct-horse-battery-staple";

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("logs").join("audit.jsonl")
    }

    fn config(&self, more: &str) -> String {
        format!("[audit]\nfile = {:?}\n{more}\n", self.file())
    }

    fn key(&self, name: &str) -> String {
        self.key_with(name, &[])
    }

    fn key_with(&self, name: &str, more: &[&str]) -> String {
        let arguments = [&["key", "new", name], more].concat();
        let ran = fusebox(self.0.path(), &arguments);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stdout.trim_end().to_owned()
    }

    fn auth(&self) -> String {
        format!(
            "[auth]\nkeys_file = {:?}\n",
            self.0.path().join("keys.toml")
        )
    }

    fn lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.file()).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).expect("a line is JSON"))
            .collect()
    }

    /// Waits for so many lines.
    fn wait_for(&self, count: usize) -> Vec<Value> {
        until(&format!("there are {count} lines"), || {
            let lines = self.lines();
            (lines.len() >= count).then_some(lines)
        })
    }
}

/// A call over HTTP with a key.
fn call(host: &Host, key: &str, tool: &str, arguments: &Value) -> Value {
    let params = json!({"name": tool, "arguments": arguments, "_meta": modern_meta()});
    let body = json!({"jsonrpc": "2.0", "id": "a-7", "method": "tools/call", "params": params});
    let authorization = format!("Bearer {key}");
    let headers = [
        ("Content-Type", "application/json"),
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", tool),
        ("Authorization", authorization.as_str()),
    ];
    let mut connection = Connection::open(host.address());
    connection
        .exchange("POST", "/mcp", &headers, body.to_string().as_bytes())
        .json()
}

#[test]
fn each_call_of_each_caller_has_a_line() {
    let place = Place::new();
    let (ada, bob) = (place.key("ada"), place.key("bob"));
    let mut host = Setup::new()
        .plugin("hello")
        .plugin("misbehave")
        .tcp()
        .config(&(place.auth() + &place.config("")))
        .start();
    let arguments = json!({"name": "Ada", "password": SECRET, "deep": [{"api_key": SECRET}]});
    let answer = call(&host, &ada, "hello", &arguments);
    assert!(answer["result"].is_object() || answer["error"].is_object());
    call(&host, &ada, "trap", &json!({}));

    let mut lines = Lines::open(host.tcp_address());
    lines.exchange(&json!({"jsonrpc": "2.0", "id": 1, "method": "fusebox/authenticate", "params": {"key": bob}}));
    lines.exchange(&initialize_line(2));
    let params = json!({"name": "add", "arguments": {"a": "much"}});
    lines.exchange(&json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params}));

    let written = place.wait_for(3);
    let line = |tool: &str| {
        let mut lines = written.iter();
        lines.find(|line| line["tool"] == tool).expect(tool).clone()
    };
    let (hello, add) = (line("hello"), line("add"));
    assert_eq!(
        [
            &hello["caller"],
            &hello["role"],
            &hello["method"],
            &hello["plugin"],
        ],
        ["key:ada", "all", "tools/call", "hello"]
    );
    assert_eq!(hello["address"], "127.0.0.1");
    assert_eq!(
        (&hello["transport"], &add["transport"]),
        (&json!("http/1.1"), &json!("tcp"))
    );
    assert_eq!(hello["request"], "a-7");
    assert_eq!(hello["version"].as_str().map(str::len), Some(64), "{hello}");
    assert_eq!(hello["arguments"]["password"], "[redacted]");
    assert_eq!(hello["arguments"]["deep"][0]["api_key"], "[redacted]");
    assert_eq!(hello["arguments"]["name"], "Ada");
    assert!(
        hello["duration_us"].is_u64() && hello["time"].is_string(),
        "{hello}"
    );
    let trap = line("trap");
    assert_eq!(
        (&trap["outcome"], &trap["reason"]),
        (&json!("fault"), &json!("trapped"))
    );
    assert_eq!([&add["caller"], &add["outcome"]], ["key:bob", "is_error"]);

    host.terminate();
    host.wait();
    let text = fs::read_to_string(place.file()).expect("the log");
    for secret in [SECRET, &ada, &bob] {
        assert!(!text.contains(secret), "{text}");
        assert!(!host.log().contains(secret), "{}", host.log());
    }
    let mode = fs::metadata(place.file())
        .expect("the log")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_is_refused_or_cancelled_is_written_with_its_reason() {
    let place = Place::new();
    let host = Setup::new()
        .plugin("misbehave")
        .config(&place.config("arguments = \"none\""))
        .config("[circuit_breaker]\nfailure_threshold = 1")
        .start();
    let mut client = Client::modern(&host);
    client.call("trap", json!({})).expect_err("a fault");
    client
        .call("trap", json!({}))
        .expect_err("its breaker is open");
    let sleeping = Client::modern(&host).send(
        "tools/call",
        json!({"name": "sleep", "arguments": {"ms": 600_000}}),
    );
    host.health_when("it sleeps", |health| health["calls_in_flight"] == 1);
    drop(sleeping);
    let lines = place.wait_for(3);
    let ends: Vec<(&Value, &Value)> = lines
        .iter()
        .map(|line| (&line["outcome"], &line["reason"]))
        .collect();
    assert_eq!(ends[0], (&json!("fault"), &json!("trapped")));
    assert_eq!(ends[1], (&json!("refused"), &json!("breaker_open")));
    assert_eq!(ends[2].0, &json!("cancelled"), "{lines:?}");
    assert!(lines.iter().all(|line| line.get("arguments").is_none()));
    let report = &host.health()["audit"];
    assert_eq!(
        (&report["written"], &report["dropped"]),
        (&json!(3), &json!(0))
    );
}

#[test]
fn what_a_task_did_after_its_request_has_a_line_of_its_own() {
    let place = Place::new();
    let host = Setup::new()
        .plugin("everything")
        .config(&place.config(""))
        .start();
    let mut meta = modern_meta();
    meta["io.modelcontextprotocol/clientCapabilities"] =
        json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    let arguments = json!({"seconds": 0, "label": "x"});
    let params = json!({"name": "slow_compute", "arguments": arguments, "_meta": meta});
    let answer = Client::modern(&host).request("tools/call", params);
    let answer = answer.outcome().expect("a task");
    assert!(answer["taskId"].is_string(), "{answer}");
    let lines = place.wait_for(2);
    let of_task = |line: &&Value| line["task"] == true;
    let task = lines.iter().find(of_task).expect("the task's part");
    let request = lines.iter().find(|line| !of_task(line));
    let request = request.expect("the request's part");
    for line in [task, request] {
        assert_eq!(
            [&line["tool"], &line["outcome"]],
            ["slow_compute", "ok"],
            "{line}"
        );
        assert_eq!(line["arguments"]["label"], "x", "{line}");
    }
    assert_eq!(request["transport"], "http/1.1");
    assert!(
        task.get("transport").is_none(),
        "nobody waits for it: {task}"
    );
}

#[test]
fn the_file_is_rotated_and_so_many_are_kept() {
    let place = Place::new();
    let mut host = Setup::new()
        .plugin("hello")
        .config(&place.config("max_bytes = 65536\nkeep = 2"))
        .start();
    let mut client = Client::modern(&host);
    let name = "x".repeat(8000);
    for _ in 0..60 {
        client.text("hello", json!({"name": name}));
    }
    host.terminate();
    host.wait();
    let folder = place.file().parent().map(Path::to_path_buf);
    let files: Vec<u64> = fs::read_dir(folder.expect("a folder"))
        .expect("the folder")
        .map(|file| file.expect("a file").metadata().expect("its size").len())
        .collect();
    assert_eq!(files.len(), 3, "{files:?}");
    assert!(
        files.iter().all(|bytes| *bytes < 65536 + 10_000),
        "{files:?}"
    );
}

#[test]
fn a_file_that_can_not_be_written_stops_the_start() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = "[audit]\nfile = \"/proc/nothing/audit.jsonl\"\n";
    fs::write(folder.path().join("my.toml"), config).expect("a configuration is written");
    let ran = fusebox(
        folder.path(),
        &[
            "serve",
            "--config",
            "my.toml",
            "--plugins",
            ".",
            "--listen",
            "127.0.0.1:0",
        ],
    );
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("`audit.file`"), "{ran:?}");
}
