//! Proves what `fusebox bridge` does beside carrying messages, over each way to a
//! host: its end, a host that is lost, errors with a name, headers, trust, and what
//! each era of HTTP needs. What real clients do through it is in `matrix`.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use fusebox_tests::{Host, Setup, Stdio, initialize_line, modern_meta};
use serde_json::{Value, json};

fn host() -> Host {
    Setup::new()
        .plugin("hello")
        .plugin("everything")
        .plugin("misbehave")
        .tcp()
        .encrypted("")
        .start()
}

/// Each way to a host.
fn urls(host: &Host) -> [String; 4] {
    [
        format!("tcp://{}", host.tcp_address()),
        format!("quic://{}", host.quic_address()),
        host.url(),
        format!("https://{}/mcp", host.https_address()),
    ]
}

fn bridge(host: &Host, url: &str) -> Stdio {
    Stdio::bridge(&[url, "--ca", &host.certificate().display().to_string()])
}

fn request(id: impl Into<Value>, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id.into(), "method": method, "params": params})
}

fn call(id: impl Into<Value>, tool: &str, arguments: Value) -> Value {
    request(
        id,
        "tools/call",
        json!({"name": tool, "arguments": arguments}),
    )
}

fn modern(mut message: Value) -> Value {
    let token = message["params"]["_meta"]["progressToken"].clone();
    message["params"]["_meta"] = modern_meta();
    if !token.is_null() {
        message["params"]["_meta"]["progressToken"] = token;
    }
    message
}

fn text(answer: &Value) -> &Value {
    &answer["result"]["content"][0]["text"]
}

/// A session of 2025-11-25.
fn begin(bridge: &mut Stdio) {
    let agreed = bridge.exchange(&initialize_line(1));
    assert_eq!(
        agreed["result"]["protocolVersion"], "2025-11-25",
        "{agreed}"
    );
    bridge.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
}

#[test]
fn both_eras_go_each_way_and_what_was_asked_is_answered_before_the_end() {
    let host = host();
    for url in urls(&host) {
        let mut bridge = bridge(&host, &url);
        begin(&mut bridge);
        let answer = bridge.exchange(&call(2, "hello", json!({"name": "Ada"})));
        assert_eq!(text(&answer), "Hello, Ada!", "{url}: {answer}");
        let answer = bridge.exchange(&modern(call("m", "hello", json!({"name": "Bob"}))));
        assert_eq!(text(&answer), "Hello, Bob!", "{url}: {answer}");
        let answer = bridge.exchange(&call(3, "no_such_tool", json!({})));
        assert_eq!(answer["error"]["code"], -32602, "{url}: {answer}");
        let answer = bridge.exchange(&request(4, "no/such/method", json!({})));
        assert_eq!(answer["error"]["code"], -32601, "{url}: {answer}");
        let answer = bridge.exchange(&modern(request(5, "no/such/method", json!({}))));
        assert_eq!(answer["error"]["code"], -32601, "{url}: {answer}");
        bridge.send_raw(b"{not json\n");
        let answer = bridge.receive().expect("an answer");
        assert_eq!(answer["error"]["code"], -32700, "{url}: {answer}");
        assert_eq!(answer.get("id"), None, "{url}: {answer}");
        bridge.send(&call(6, "sleep", json!({"ms": 100})));
        let mut bridge = bridge.close_input();
        let answer = bridge.receive().expect("an answer");
        assert_eq!(
            (&answer["id"], text(&answer)),
            (&json!(6), &json!("ok")),
            "{url}"
        );
        assert_eq!(bridge.receive(), None, "{url}");
        assert_eq!(bridge.end(), (Some(0), String::new()), "{url}");
    }
    host.health_when("no session is left", |health| health["sessions"] == 0);
}

#[test]
fn progress_comes_in_order_and_a_cancelled_call_ends() {
    let host = host();
    for url in urls(&host) {
        for era in ["2025-11-25", "2026-07-28"] {
            let of_era = |message: Value| match era {
                "2026-07-28" => modern(message),
                _ => message,
            };
            let mut bridge = bridge(&host, &url);
            begin(&mut bridge);
            let mut progress = call(2, "test_tool_with_progress", json!({}));
            progress["params"]["_meta"] = json!({"progressToken": 7});
            bridge.send(&of_era(progress));
            for expected in [0.0, 50.0, 100.0] {
                let update = bridge.receive().expect("progress");
                assert_eq!(
                    update["params"]["progress"], expected,
                    "{url} {era}: {update}"
                );
            }
            let answer = bridge.receive().expect("an answer");
            assert_eq!(
                text(&answer),
                "Progress test completed",
                "{url} {era}: {answer}"
            );

            bridge.send(&of_era(call(3, "sleep", json!({"ms": 60_000}))));
            host.health_when("the call runs", |health| health["calls_in_flight"] == 1);
            bridge.send(&of_era(json!({
                "jsonrpc": "2.0",
                "method": "notifications/cancelled",
                "params": {"requestId": 3},
            })));
            host.health_when("it has ended", |health| health["calls_in_flight"] == 0);
            // A cancelled call has no answer, and nothing else comes in its place.
            let answer = bridge.exchange(&of_era(call(4, "hello", json!({"name": "Ada"}))));
            assert_eq!(text(&answer), "Hello, Ada!", "{url} {era}: {answer}");
            let mut bridge = bridge.close_input();
            assert_eq!(bridge.receive(), None, "{url} {era}");
            assert_eq!(bridge.end(), (Some(0), String::new()), "{url} {era}");
        }
    }
}

#[test]
fn changes_are_told_in_both_eras() {
    let host = host();
    for url in urls(&host) {
        let mut older = bridge(&host, &url);
        begin(&mut older);
        let mut newer = bridge(&host, &url);
        let filter = json!({"notifications": {"toolsListChanged": true}});
        newer.send(&modern(request("s", "subscriptions/listen", filter)));
        let begun = newer.receive().expect("an acknowledgement");
        assert_eq!(
            begun["method"], "notifications/subscriptions/acknowledged",
            "{url}"
        );
        // Its stream stands once it has heard of one change; until then they are
        // repeated.
        let mut heard = None;
        while heard.is_none() {
            newer.send(&modern(call("t", "test_trigger_tool_change", json!({}))));
            for _ in 0..2 {
                let next = newer.receive().expect("a change and an answer");
                if next["method"] == "notifications/tools/list_changed" {
                    let meta = &next["params"]["_meta"];
                    assert_eq!(meta["io.modelcontextprotocol/subscriptionId"], "s", "{url}");
                }
            }
            older.send(&request("ping", "ping", json!({})));
            loop {
                let next = older.receive().expect("an answer");
                if next["method"] == "notifications/tools/list_changed" {
                    heard = Some(next);
                } else if next["id"] == "ping" {
                    break;
                }
            }
        }
        // What never ends by itself ends with its client.
        for mut bridge in [older.close_input(), newer.close_input()] {
            while bridge.receive().is_some() {}
            assert_eq!(bridge.end(), (Some(0), String::new()), "{url}");
        }
    }
}

#[test]
fn a_lost_host_is_said_to_every_request_and_to_people() {
    for way in 0..2 {
        let mut host = host();
        let url = urls(&host)[way].clone();
        let mut bridge = bridge(&host, &url);
        begin(&mut bridge);
        bridge.send(&call("a", "sleep", json!({"ms": 60_000})));
        bridge.send(&call("b", "sleep", json!({"ms": 60_000})));
        host.health_when("both run", |health| health["calls_in_flight"] == 2);
        host.kill();
        let mut answers = [bridge.receive(), bridge.receive()].map(|one| one.expect("an error"));
        answers.sort_by_key(|one| one["id"].to_string());
        for (answer, id) in answers.iter().zip(["a", "b"]) {
            assert_eq!(answer["id"], id, "{url}: {answer}");
            assert_eq!(answer["error"]["code"], -32018, "{url}: {answer}");
            assert_eq!(
                answer["error"]["data"],
                json!({"reason": "connection_lost"}),
                "{url}"
            );
        }
        assert_eq!(bridge.receive(), None, "{url}");
        let (code, words) = bridge.end();
        assert_eq!(code, Some(1), "{url}: {words}");
        let expected = format!("fusebox: the connection to {url} was lost: ");
        assert!(
            words.lines().any(|line| line.starts_with(&expected)),
            "{words}"
        );
    }
}

#[test]
fn a_request_over_http_that_is_lost_gets_an_error_and_the_bridge_goes_on() {
    let mut host = host();
    let mut bridge = bridge(&host, &host.url());
    bridge.send(&modern(call("a", "sleep", json!({"ms": 60_000}))));
    host.health_when("it runs", |health| health["calls_in_flight"] == 1);
    host.kill();
    for id in ["a", "b"] {
        if id == "b" {
            bridge.send(&modern(call(id, "hello", json!({"name": "Ada"}))));
        }
        let answer = bridge.receive().expect("an error");
        assert_eq!(answer["id"], id, "{answer}");
        assert_eq!(
            answer["error"]["data"]["reason"], "connection_lost",
            "{answer}"
        );
    }
    assert_eq!(bridge.finish().code(), Some(0));
}

#[test]
fn a_session_that_the_host_has_ended_ends_the_bridge() {
    let host = Setup::new().plugin("hello").start();
    let mut bridge = Stdio::bridge(&[&host.url()]);
    begin(&mut bridge);
    let health = host.health_when("a session", |health| health["sessions"] == 1);
    assert_eq!(health["sessions"], 1);
    let again = Setup::new().plugin("hello");
    let address = host.address();
    drop(host);
    let _host = again.start_at(address);
    let answer = bridge.exchange(&call(2, "hello", json!({"name": "Ada"})));
    assert_eq!(answer["id"], 2);
    assert!(answer["error"].is_object(), "{answer}");
    let (code, words) = bridge.end();
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("the host has ended the session"), "{words}");
}

#[test]
fn what_can_not_be_reached_or_trusted_is_said_at_once() {
    let host = host();
    let nobody = {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a socket");
        socket.local_addr().expect("an address")
    };
    let check = |arguments: &[&str], code: i32, words: &str| {
        let mut bridge = Stdio::bridge(arguments);
        assert_eq!(bridge.receive(), None);
        let (ended, said) = bridge.end();
        assert_eq!(ended, Some(code), "{said}");
        assert!(said.contains(words), "{words}: {said}");
    };
    check(&[&format!("tcp://{nobody}")], 1, "Connection refused");
    check(
        &["udp://127.0.0.1:1"],
        1,
        "`udp://127.0.0.1:1` can't be used: it has another scheme",
    );
    let [tcp, quic, http, https] = urls(&host);
    check(&[&quic], 1, "invalid peer certificate: UnknownIssuer");
    check(
        &[&tcp, "--header", "A: b"],
        1,
        "--header is for http:// and https:// URLs",
    );
    check(
        &[&http, "--header", "nothing"],
        2,
        "it must be `Name: value`",
    );
    check(
        &[&https, "--ca", "no.pem"],
        1,
        "`--ca` = \"no.pem\" can't be used: No such file",
    );
    // Over HTTP each request says so itself.
    let mut strict = Stdio::bridge(&[&https]);
    let answer = strict.exchange(&initialize_line(1));
    assert_eq!(
        answer["error"]["data"]["reason"], "connection_lost",
        "{answer}"
    );
    let message = answer["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("UnknownIssuer"), "{message}");
    // Whoever asks for it is trusted with that, and told.
    for url in [quic, https] {
        let mut bridge = Stdio::bridge(&[&url, "--insecure"]);
        begin(&mut bridge);
        let mut bridge = bridge.close_input();
        assert_eq!(bridge.receive(), None);
        let (code, words) = bridge.end();
        assert_eq!(code, Some(0), "{words}");
        assert!(
            words.contains("--insecure: any certificate is taken"),
            "{words}"
        );
    }
}

/// An HTTP server that answers each request with the next of these bodies, and gives
/// the requests that it got.
fn recorder(bodies: Vec<String>) -> (SocketAddr, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = listener.local_addr().expect("an address");
    let recording = thread::spawn(move || {
        let mut requests = Vec::new();
        for body in bodies {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut bytes = Vec::new();
            let mut piece = [0; 4096];
            // A request here has a body, in JSON, and no other braces at its end.
            while !bytes.ends_with(b"}") {
                let length = stream.read(&mut piece).expect("a request");
                bytes.extend(&piece[..length]);
            }
            requests.push(String::from_utf8(bytes).expect("text"));
            let answer = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).expect("it is sent");
        }
        requests
    });
    (address, recording)
}

#[test]
fn a_modern_request_repeats_in_its_headers_what_gateways_route_by() {
    let schema = json!({"type": "object", "properties": {
        "city": {"type": "string", "x-mcp-header": "City"},
        "count": {"type": "integer", "x-mcp-header": "Count"},
        "sure": {"type": "boolean", "x-mcp-header": "Sure"},
        "other": {"type": "string"},
    }});
    let list = json!({
        "resultType": "complete",
        "tools": [{"name": "wetter für", "inputSchema": schema}],
        "ttlMs": 0,
        "cacheScope": "private",
    });
    // In several lines, as a host may write it.
    let list = format!("{:#}", json!({"jsonrpc": "2.0", "id": 1, "result": list}));
    let done = json!({"jsonrpc": "2.0", "id": 2, "result": {
        "resultType": "complete", "content": [],
    }});
    let (address, recording) = recorder(vec![list, done.to_string()]);
    let url = format!("http://{address}/mcp?key=1");
    let mut bridge = Stdio::bridge(&[&url, "--header", "Authorization: Bearer secret"]);
    let listed = bridge.exchange(&modern(request(1, "tools/list", json!({}))));
    assert_eq!(listed["result"]["tools"][0]["name"], "wetter für");
    let arguments = json!({"city": "Köln", "count": 3, "sure": true, "other": "x"});
    let answer = bridge.exchange(&modern(call(2, "wetter für", arguments)));
    assert_eq!(answer, done);
    assert_eq!(bridge.finish().code(), Some(0));
    let requests = recording.join().expect("both have come");
    let headers = |request: &str| -> Vec<String> {
        let head = request.split("\r\n\r\n").next().unwrap_or_default();
        let mut lines: Vec<_> = head.lines().map(str::to_owned).collect();
        lines.retain(|line| {
            let name = line.split(':').next().unwrap_or_default();
            !["host", "content-length", "content-type", "accept"].contains(&name)
        });
        lines[1..].sort();
        lines
    };
    let first = "POST /mcp?key=1 HTTP/1.1";
    assert_eq!(
        headers(&requests[0]),
        [
            first,
            "authorization: Bearer secret",
            "mcp-method: tools/list",
            "mcp-protocol-version: 2026-07-28",
        ]
    );
    assert_eq!(
        headers(&requests[1]),
        [
            first,
            "authorization: Bearer secret",
            "mcp-method: tools/call",
            "mcp-name: =?base64?d2V0dGVyIGbDvHI=?=",
            "mcp-param-city: =?base64?S8O2bG4=?=",
            "mcp-param-count: 3",
            "mcp-param-sure: true",
            "mcp-protocol-version: 2026-07-28",
        ]
    );
}

#[test]
fn a_legacy_stream_that_breaks_off_is_taken_up_again() {
    let host = host();
    let mut bridge = bridge(&host, &host.url());
    begin(&mut bridge);
    // Its handler sends the client away in the middle of the call.
    let answer = bridge.exchange(&call(2, "test_reconnection", json!({})));
    assert!(
        answer["result"]["content"][0]["text"].is_string(),
        "{answer}"
    );
    assert_eq!(bridge.finish().code(), Some(0));
}
