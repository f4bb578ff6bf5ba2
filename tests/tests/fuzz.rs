//! Throws random and mutated bytes at each way into the host: the HTTP body,
//! TCP and stdio. Each must get a JSON-RPC message or a clean close, the process
//! must live, and its memory must not grow.
//!
//! FUSEBOX_FUZZ_COUNT says how many for each way (3,000 if it is not set),
//! FUSEBOX_FUZZ_SEED where to begin; a failure names both seed and case.

use fusebox_tests::{Client, Connection, Host, Lines, Random, Setup, Stdio, modern_meta};
use serde_json::{Value, json};

/// How much a host may grow between the first tenth of the cases and the last:
/// caches and buffers, not what a leak would leave of thousands of cases.
const SLACK_KIB: u64 = 32 << 10;

const CONFIG: &str = "
    [session]
    max_sessions = 1000

    [circuit_breaker]
    failure_threshold = 1000000
";

fn setting(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number, not {text}"))
    })
}

fn setup() -> Setup {
    Setup::new().plugin("hello").config(CONFIG)
}

/// Runs all cases of one way in. `throw` sends the bytes and takes what comes
/// back; `resident_kib` says how large the host is.
fn fuzz<W>(
    way: &mut W,
    salt: u64,
    throw: impl Fn(&mut W, &[u8], u64),
    resident_kib: impl Fn(&W) -> u64,
) {
    let count = setting("FUSEBOX_FUZZ_COUNT", 3_000);
    let seed = setting("FUSEBOX_FUZZ_SEED", 20_260_728);
    let corpus = corpus();
    let mut before = None;
    for number in 0..count {
        let mut random = Random::new(seed ^ (salt << 56) ^ (number << 8));
        let bytes = case(&mut random, &corpus);
        let _names_it = NameOnPanic {
            seed,
            number,
            bytes: &bytes,
        };
        throw(way, &bytes, number);
        if number == count / 10 {
            before = Some(resident_kib(way));
        }
    }
    let (before, after) = (before.unwrap_or(u64::MAX), resident_kib(way));
    assert!(
        after <= before.saturating_add(SLACK_KIB),
        "the host grew from {before} to {after} KiB"
    );
}

/// Says which case it was if it fails.
struct NameOnPanic<'a> {
    seed: u64,
    number: u64,
    bytes: &'a [u8],
}

impl Drop for NameOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let shown = String::from_utf8_lossy(&self.bytes[..self.bytes.len().min(500)]);
            eprintln!(
                "FUSEBOX_FUZZ_SEED={} case {}: {shown}",
                self.seed, self.number
            );
        }
    }
}

/// Messages that are right, to be made wrong.
fn corpus() -> Vec<Vec<u8>> {
    let call = json!({"name": "hello", "arguments": {"name": "Ada"}});
    let mut modern = call.clone();
    modern["_meta"] = modern_meta();
    let messages = [
        fusebox_tests::initialize_line(1),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "x", "reason": "y"}}),
        json!({"jsonrpc": "2.0", "id": "a", "method": "ping"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {"cursor": "x"}}),
        json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": call}),
        json!({"jsonrpc": "2.0", "id": 4, "method": "tools/call", "params": modern}),
        json!({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": {"name": "add", "arguments": {"a": -1.5e300, "b": 7}}}),
        json!({"jsonrpc": "2.0", "id": 6, "method": "server/discover", "params": {"_meta": modern_meta()}}),
        json!({"jsonrpc": "2.0", "id": 7, "method": "subscriptions/listen",
            "params": {"_meta": modern_meta(), "notifications": {"toolsListChanged": true}}}),
        json!({"jsonrpc": "2.0", "id": 8, "method": "logging/setLevel", "params": {"level": "debug"}}),
        json!({"jsonrpc": "2.0", "id": 9, "result": {"text": "\u{1f600} \\ \" \u{0}"}}),
        json!([{"jsonrpc": "2.0", "id": 10, "method": "ping"}, {"jsonrpc": "2.0", "method": "x"}]),
    ];
    messages
        .iter()
        .map(|message| message.to_string().into_bytes())
        .collect()
}

/// One case. It holds no line end, so that it is one line.
fn case(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = match random.below(8) {
        0 => (0..random.below(2_000)).map(|_| random.byte()).collect(),
        1 => nested(random),
        2 => tokens(random),
        _ => mutated(random, corpus),
    };
    for byte in &mut bytes {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    bytes
}

/// Brackets deeper than any stack should follow.
fn nested(random: &mut Random) -> Vec<u8> {
    let open = random.pick(&["[", "{\"a\":", "[{\"params\":", "{\"id\":["]);
    let prefix = random.pick(&[
        "",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":",
    ]);
    format!("{prefix}{}", open.repeat(1 + random.below(5_000))).into_bytes()
}

/// JSON's own words in a random order.
fn tokens(random: &mut Random) -> Vec<u8> {
    const TOKENS: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\u",
        "\\ud800",
        "null",
        "true",
        "-",
        "0",
        "1e999",
        "-0.0",
        "18446744073709551616",
        "\"jsonrpc\":\"2.0\"",
        "\"id\":",
        "\"method\":",
        "\"params\":",
        "\"tools/call\"",
        "\"name\":\"hello\"",
        "\"arguments\":",
        " ",
    ];
    (0..random.below(60))
        .flat_map(|_| random.pick(TOKENS).bytes())
        .collect()
}

/// A right message with some of its bytes changed, cut, doubled or exchanged.
fn mutated(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = random.pick(corpus).clone();
    for _ in 0..random.below(5) {
        if bytes.is_empty() {
            break;
        }
        let at = random.below(bytes.len());
        let length = random.below(bytes.len() - at).min(64);
        match random.below(6) {
            0 => bytes[at] = random.byte(),
            1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..at + length)),
            4 => {
                let piece = bytes[at..at + length].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                let other = random.pick(corpus);
                let from = random.below(other.len());
                bytes.splice(at..at + length, other[from..].iter().take(64).copied());
            }
        }
    }
    bytes
}

/// What comes back is JSON-RPC.
#[track_caller]
fn check_message(message: &Value) {
    let all = message
        .as_array()
        .map_or(std::slice::from_ref(message), Vec::as_slice);
    assert!(!all.is_empty(), "an empty array");
    for message in all {
        assert_eq!(message["jsonrpc"], "2.0", "{message}");
        let answered = message.get("result").is_some() || message.get("error").is_some();
        assert!(answered || message.get("method").is_some(), "{message}");
        if let Some(error) = message.get("error") {
            assert!(
                error["code"].is_i64() && error["message"].is_string(),
                "{message}"
            );
            // Nothing that the host does not expect of bytes.
            assert_ne!(error["code"], -32603, "{message}");
        }
    }
}

#[test]
fn http_bodies() {
    struct Way {
        host: Host,
        connection: Option<Connection>,
        session: String,
    }
    let host = setup().start();
    let session = Client::legacy(&host)
        .session()
        .expect("a session")
        .to_owned();
    let mut way = Way {
        host,
        connection: None,
        session,
    };
    let throw = |way: &mut Way, bytes: &[u8], number: u64| {
        let mut headers = vec![
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
        ];
        match number % 3 {
            0 => headers.extend([
                ("MCP-Protocol-Version", "2026-07-28"),
                ("Mcp-Method", "tools/call"),
                ("Mcp-Name", "hello"),
            ]),
            1 => headers.extend([
                ("MCP-Protocol-Version", "2025-11-25"),
                ("Mcp-Session-Id", way.session.as_str()),
            ]),
            _ => {}
        }
        let mut connection = way
            .connection
            .take()
            .unwrap_or_else(|| Connection::open(way.host.address()));
        connection.send("POST", "/mcp", &headers, bytes);
        let head = connection.read_head().expect("an answer");
        assert!((200..500).contains(&head.status), "{head:?}");
        // A stream may have no end; the connection is left with it.
        if !head.is_stream() {
            let body = connection.read_body(&head);
            if !body.is_empty() {
                check_message(&serde_json::from_slice(&body).expect("JSON"));
            }
            if head.header("connection") != Some("close") {
                way.connection = Some(connection);
            }
        }
    };
    fuzz(&mut way, 1, throw, |way| way.host.resident_kib());
    way.host.assert_alive();
    assert_eq!(
        Client::modern(&way.host).text("hello", json!({"name": "Ada"})),
        "Hello, Ada!"
    );
}

/// A request that is answered whatever came before it.
fn probe(number: u64) -> Value {
    json!({"jsonrpc": "2.0", "id": format!("probe {number}"), "method": "ping"})
}

/// Takes what comes until the probe is answered. Says whether it was; if not,
/// the way is closed.
fn settle(number: u64, mut receive: impl FnMut() -> Option<Value>) -> bool {
    let id = &probe(number)["id"];
    while let Some(message) = receive() {
        check_message(&message);
        if message["id"] == *id {
            return true;
        }
    }
    false
}

#[test]
fn tcp_lines() {
    struct Way {
        host: Host,
        lines: Option<Lines>,
    }
    let mut way = Way {
        host: setup().tcp().start(),
        lines: None,
    };
    let throw = |way: &mut Way, bytes: &[u8], number: u64| {
        let mut lines = way
            .lines
            .take()
            .unwrap_or_else(|| Lines::open(way.host.tcp_address()));
        if number % 100 == 99 {
            // Gone in the middle of a line.
            lines.send_raw(bytes);
            return;
        }
        lines.send_raw(&[bytes, b"\n"].concat());
        lines.send(&probe(number));
        if settle(number, || lines.receive()) && number % 50 != 49 {
            way.lines = Some(lines);
        }
    };
    fuzz(&mut way, 2, throw, |way| way.host.resident_kib());
    way.host.assert_alive();
    assert_eq!(
        Client::modern(&way.host).text("hello", json!({"name": "Ada"})),
        "Hello, Ada!"
    );
}

#[test]
fn stdio_lines() {
    let mut stdio = Stdio::start(setup());
    let throw = |stdio: &mut Stdio, bytes: &[u8], number: u64| {
        stdio.send_raw(&[bytes, b"\n"].concat());
        stdio.send_raw(format!("{}\n", probe(number)).as_bytes());
        assert!(
            settle(number, || stdio.receive()),
            "the host closed its output"
        );
    };
    fuzz(&mut stdio, 3, throw, Stdio::resident_kib);
    assert!(stdio.is_alive());
    assert_eq!(stdio.finish().code(), Some(0));
}
