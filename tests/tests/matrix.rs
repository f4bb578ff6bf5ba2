//! Proves that the clients people use, one and more for each version of the
//! protocol, do with the host all that they can do, over HTTP and over standard
//! streams; and keeps the book's table of them.

use std::fs;

use fusebox_tests::{
    Setup, host_binary, node, peer_says, python_of, repository, with_plain_numbers,
};
use serde_json::{Value, json};

/// A client: in which language, which package in which mode, and what it is to
/// agree on.
struct Client {
    language: Language,
    /// the folder of the package among those that the tests install
    package: &'static str,
    mode: &'static str,
    /// of the package, as it says itself
    release: &'static str,
    version: &'static str,
}

#[derive(Clone, Copy, PartialEq)]
enum Language {
    TypeScript,
    Python,
    Rust,
}

const fn node_client(
    package: &'static str,
    mode: &'static str,
    release: &'static str,
    version: &'static str,
) -> Client {
    Client {
        language: Language::TypeScript,
        package,
        mode,
        release,
        version,
    }
}

const fn python_client(
    package: &'static str,
    release: &'static str,
    version: &'static str,
) -> Client {
    Client {
        language: Language::Python,
        package,
        mode: "session",
        release,
        version,
    }
}

const fn rust_client(mode: &'static str, version: &'static str) -> Client {
    Client {
        language: Language::Rust,
        package: "rmcp",
        mode,
        release: "3.11.0",
        version,
    }
}

const fn later_python_client(mode: &'static str, version: &'static str) -> Client {
    Client {
        language: Language::Python,
        package: LATER_PYTHON,
        mode,
        release: "2.3.0",
        version,
    }
}

const LATER: &str = "@modelcontextprotocol/client";

/// The environment of the Python client 2.x.
const LATER_PYTHON: &str = "python";

const CLIENTS: [Client; 16] = [
    node_client("sdk-1.10", "sdk", "1.10.2", "2024-11-05"),
    node_client("sdk-1.12", "sdk", "1.12.3", "2025-03-26"),
    node_client("sdk-1.17", "sdk", "1.17.5", "2025-06-18"),
    node_client("@modelcontextprotocol/sdk", "sdk", "1.32.2", "2025-11-25"),
    node_client(LATER, "default", "2.4.0", "2025-11-25"),
    node_client(LATER, "auto", "2.4.0", "2026-07-28"),
    node_client(LATER, "pin", "2.4.0", "2026-07-28"),
    python_client("python-1.8", "1.8.1", "2024-11-05"),
    python_client("python-1.9", "1.9.4", "2025-03-26"),
    python_client("python-1.12", "1.12.4", "2025-06-18"),
    python_client("python-1.30", "1.30.0", "2025-11-25"),
    later_python_client("legacy", "2025-11-25"),
    later_python_client("auto", "2026-07-28"),
    rust_client("initialize", "2025-11-25"),
    rust_client("auto", "2026-07-28"),
    rust_client("discover", "2026-07-28"),
];

/// What is done, as the table's head names it.
const STEPS: [&str; 14] = [
    "list",
    "call",
    "error",
    "refusal",
    "progress",
    "log",
    "ask",
    "read",
    "blob",
    "get",
    "complete",
    "subscribe",
    "cancel",
    "ping",
];

impl Client {
    fn is_modern(&self) -> bool {
        self.version == "2026-07-28"
    }

    /// Whether it hears log messages: in 2026-07-28 they come to who asks for them.
    fn logs(&self) -> bool {
        !self.is_modern() || self.package == LATER_PYTHON
    }

    fn run(&self, target: &[&str]) -> Value {
        match self.language {
            Language::TypeScript => {
                let arguments = [&[self.package, self.mode], target].concat();
                node("matrix.mjs", &arguments)
            }
            Language::Python if self.package == LATER_PYTHON => {
                let arguments = [&[self.mode], target].concat();
                python_of(self.package, "matrix_later.py", &arguments)
            }
            Language::Python => python_of(self.package, "matrix.py", target),
            Language::Rust => peer_says("rmcp-client", &[&[self.mode], target].concat()),
        }
    }

    /// What it must see.
    fn expected(&self) -> Value {
        // Elicitation came with 2025-06-18; before it, the model was asked.
        let elicits = self.version >= "2025-06-18";
        let answer =
            r#"User response: action=accept, content={"username":"ada","email":"ada@example.org"}"#;
        let modern = self.is_modern();
        json!({
            "package": self.release,
            "version": self.version,
            "list": ["test_simple_text", "test_image_content", "test_audio_content"],
            "call": "This is a simple text response for testing.",
            "error": {
                "isError": true,
                "text": "This tool intentionally returns an error for testing",
            },
            "refusal": -32602,
            "progress": match self.release {
                "1.8.1" => json!("no callback"),
                _ => json!([[0, 100], [50, 100], [100, 100]]),
            },
            "log": match self.logs() {
                false => json!("not asked for"),
                true => json!([
                    "Tool execution started", "Tool processing data", "Tool execution completed",
                ]),
            },
            "ask": if elicits { answer } else { "LLM response: Hello" },
            "read": "This is the content of the static text resource.",
            "blob": "image/png",
            "get": "Prompt with arguments: arg1='a', arg2='b'",
            "complete": ["paris", "park", "party"],
            "subscribe": "test://watched-resource",
            "cancel": "stopped",
            "ping": if modern { "not in this version" } else { "pong" },
        })
    }
}

fn setup() -> Setup {
    Setup::new().plugin("everything")
}

#[track_caller]
fn check(client: &Client, mut seen: Value) {
    // A client that reads the last progress and the answer in one piece may take
    // the answer first, and then knows nobody any more who waits for progress.
    // That both were sent, and in this order, is shown byte for byte elsewhere.
    let expected = json!([[0, 100], [50, 100]]);
    if with_plain_numbers(seen["progress"].clone()) == with_plain_numbers(expected) {
        seen["progress"] = json!([[0, 100], [50, 100], [100, 100]]);
    }
    let expected = with_plain_numbers(client.expected());
    let name = format!("{} {}", client.package, client.mode);
    assert_eq!(with_plain_numbers(seen), expected, "{name}");
}

fn over_http(language: Language) {
    let host = setup().start();
    for client in CLIENTS.iter().filter(|one| one.language == language) {
        check(client, client.run(&[&host.url()]));
        // What the client cancelled, or left behind, runs no more.
        host.health_when("nothing runs", |health| health["calls_in_flight"] == 0);
    }
}

fn over_stdio(language: Language) {
    for client in CLIENTS.iter().filter(|one| one.language == language) {
        let (arguments, _folder) = setup().into_arguments();
        let host = host_binary().display().to_string();
        let mut target = vec!["--stdio", host.as_str(), "stdio"];
        target.extend(arguments.iter().map(String::as_str));
        check(client, client.run(&target));
    }
}

#[test]
fn the_clients_in_typescript_over_http() {
    over_http(Language::TypeScript);
}

#[test]
fn the_clients_in_typescript_over_stdio() {
    over_stdio(Language::TypeScript);
}

#[test]
fn the_clients_in_python_over_http() {
    over_http(Language::Python);
}

#[test]
fn the_clients_in_python_over_stdio() {
    over_stdio(Language::Python);
}

#[test]
fn the_client_in_rust_over_http() {
    over_http(Language::Rust);
}

#[test]
fn the_client_in_rust_over_stdio() {
    over_stdio(Language::Rust);
}

/// Clients of both eras, each through a bridge, over each way to a host.
fn over_bridges(language: Language) {
    const BRIDGED: [(&str, &str); 6] = [
        ("@modelcontextprotocol/sdk", "sdk"),
        (LATER, "auto"),
        ("python-1.8", "session"),
        ("python-1.30", "session"),
        ("rmcp", "initialize"),
        ("rmcp", "discover"),
    ];
    let host = setup().tcp().encrypted("").start();
    let certificate = host.certificate().display().to_string();
    let program = host_binary().display().to_string();
    let urls = [
        format!("tcp://{}", host.tcp_address()),
        format!("quic://{}", host.quic_address()),
        host.url(),
        format!("https://{}/mcp", host.https_address()),
    ];
    let bridged = |one: &&Client| BRIDGED.contains(&(one.package, one.mode));
    let clients = CLIENTS.iter().filter(|one| one.language == language);
    for client in clients.filter(bridged) {
        for url in &urls {
            let target = ["--stdio", &program, "bridge", url, "--ca", &certificate];
            check(client, client.run(&target));
            // What the client cancelled, or left behind, runs no more.
            host.health_when("nothing runs", |health| health["calls_in_flight"] == 0);
        }
    }
}

#[test]
fn the_clients_in_typescript_over_bridges() {
    over_bridges(Language::TypeScript);
}

#[test]
fn the_clients_in_python_over_bridges() {
    over_bridges(Language::Python);
}

#[test]
fn the_client_in_rust_over_bridges() {
    over_bridges(Language::Rust);
}

/// The table, from the same lines that the tests above go by.
fn table() -> String {
    let mut out = String::from(
        "# Clients\n\nEvery client here does each of these steps with the plugin `everything` at each \
         build, over HTTP and over standard streams, and what it sees is compared exactly. This \
         page is made by that test.\n\n| client | version it speaks |",
    );
    for step in STEPS {
        out += &format!(" {step} |");
    }
    out += "\n|---|---|";
    out += &"---|".repeat(STEPS.len());
    for client in &CLIENTS {
        let package = match (client.language, client.package) {
            (Language::Python, _) => "Python `mcp`",
            (Language::Rust, _) => "Rust `rmcp`",
            (_, LATER) => "`@modelcontextprotocol/client`",
            _ => "`@modelcontextprotocol/sdk`",
        };
        let mode = match client.mode {
            "auto" => ", finds out by itself",
            "pin" | "discover" => ", pinned",
            _ => "",
        };
        out += &format!(
            "\n| {package} {}{mode} | {} |",
            client.release, client.version
        );
        for step in STEPS {
            let there = match step {
                "log" => client.logs(),
                "ping" => !client.is_modern(),
                "progress" => client.release != "1.8.1",
                _ => true,
            };
            out += if there { " ✓ |" } else { " – |" };
        }
    }
    out += "\n\n`refusal` is a call of a tool that isn't there; `ask` is a question to the user, or, before 2025-06-18, to the client's model; `cancel` is a call that the client gives up, after which nothing of it runs. 2026-07-28 has no ping, and its log messages come only to who asks for them in the request, which of these clients Python's does. Python 1.8.1 has no way to hear of progress.\n";
    out
}

#[test]
fn the_book_shows_these_clients() {
    let page = repository().join("docs/src/clients.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&page, table()).expect("the page is written");
    }
    let written = fs::read_to_string(&page).unwrap_or_default();
    assert_eq!(written, table(), "run this test with UPDATE_DOCS=1");
}
