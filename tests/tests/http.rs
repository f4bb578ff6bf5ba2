//! Proves what the HTTP side of MCP promises: statuses, headers, one piece for
//! each answer, and an end for the calls of callers that have gone away.

use fusebox_tests::{Client, Connection, Era, Host, Response, Setup, modern_meta};
use serde_json::{Value, json};

const ERAS: [Era; 2] = [Era::Legacy, Era::Modern];

fn host() -> Host {
    Setup::new().plugin("hello").start()
}

/// Posts bytes as they are, with headers that fit them.
fn post(host: &Host, headers: &[(&str, &str)], body: &[u8]) -> Response {
    let mut all = vec![
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
    ];
    all.extend(headers);
    Connection::open(host.address()).exchange("POST", "/mcp", &all, body)
}

fn tools_list() -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": modern_meta()}})
}

/// Posts a modern `tools/list` with these headers beside or instead of the right ones.
fn post_modern(host: &Host, changed: &[(&str, &str)]) -> Response {
    let mut headers = vec![
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", "tools/list"),
    ];
    headers.retain(|(name, _)| !changed.iter().any(|(other, _)| other == name));
    headers.extend(changed.iter().filter(|(_, value)| !value.is_empty()));
    post(host, &headers, tools_list().to_string().as_bytes())
}

#[track_caller]
fn check_error(response: &Response, status: u16, code: i64) {
    assert_eq!(response.head.status, status, "{}", response.text());
    let message = response.json();
    assert_eq!(message["jsonrpc"], "2.0");
    assert_eq!(message["error"]["code"], code, "{message}");
}

#[test]
fn what_is_no_json_is_a_parse_error() {
    let host = host();
    for body in [
        &b"{not json"[..],
        b"",
        b"\xff\xfe",
        b"{\"jsonrpc\":\"2.0\",",
        b"[[[[",
    ] {
        let response = post(&host, &[], body);
        check_error(&response, 400, -32700);
        assert_eq!(response.json().get("id"), None);
        assert_eq!(
            response.head.header("content-type"),
            Some("application/json")
        );
    }
}

#[test]
fn what_is_no_json_rpc_is_an_invalid_request() {
    let host = host();
    for body in [
        "1",
        "null",
        "\"text\"",
        "{}",
        r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
        "[]",
    ] {
        check_error(&post(&host, &[], body.as_bytes()), 400, -32600);
    }
}

#[test]
fn a_notification_is_accepted_without_a_body() {
    let host = host();
    let mut client = Client::legacy(&host);
    assert_eq!(client.notify("notifications/initialized", json!({})), 202);
    assert_eq!(client.notify("notifications/nobody_knows", json!({})), 202);
}

#[test]
fn an_unknown_method_is_not_found() {
    let host = host();
    for (era, status) in [(Era::Legacy, 200), (Era::Modern, 404)] {
        let answer = Client::of(era, &host).request("no/such/method", json!({}));
        assert_eq!(
            (answer.head.status, &answer.message["error"]["code"]),
            (status, &json!(-32601)),
            "{era:?}"
        );
    }
    // What 2026-07-28 removed is unknown to it.
    for method in [
        "ping",
        "logging/setLevel",
        "initialize",
        "resources/subscribe",
    ] {
        let answer = Client::modern(&host).request(method, json!({}));
        assert_eq!(
            (answer.head.status, &answer.message["error"]["code"]),
            (404, &json!(-32601)),
            "{method}"
        );
    }
}

#[test]
fn another_path_is_not_found_and_another_method_not_allowed() {
    let host = host();
    assert_eq!(host.get("/").head.status, 404);
    assert_eq!(host.get("/mcp/more").head.status, 404);
    let response = Connection::open(host.address()).exchange("PUT", "/mcp", &[], b"");
    assert_eq!(response.head.status, 405);
    let response = Connection::open(host.address()).exchange("POST", "/health", &[], b"{}");
    assert_eq!(response.head.status, 405);
}

#[test]
fn a_session_is_needed_and_can_be_ended() {
    let host = host();
    let get = |session: &[(&str, &str)]| {
        let mut headers = vec![("Accept", "text/event-stream")];
        headers.extend(session);
        Connection::open(host.address())
            .exchange("GET", "/mcp", &headers, b"")
            .head
            .status
    };
    assert_eq!(get(&[]), 400);
    assert_eq!(get(&[("Mcp-Session-Id", "nobody-has-this")]), 404);
    let list = br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    assert_eq!(post(&host, &[], list).head.status, 400);
    assert_eq!(
        post(&host, &[("Mcp-Session-Id", "nobody-has-this")], list)
            .head
            .status,
        404
    );

    let mut client = Client::legacy(&host);
    let session = client.session().expect("a session").to_owned();
    assert!(
        session.bytes().all(|byte| byte.is_ascii_graphic()),
        "{session:?}"
    );
    let list = |client: &mut Client| client.request("tools/list", json!({})).head.status;
    assert_eq!(list(&mut client), 200);
    assert_eq!(client.delete(), 204);
    assert_eq!(client.delete(), 404);
    assert_eq!(list(&mut client), 404);
    assert_eq!(get(&[("Mcp-Session-Id", &session)]), 404);
}

#[test]
fn every_older_version_is_spoken() {
    let host = host();
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut client = Client::legacy_version(&host, version);
        assert_eq!(
            client.text("hello", json!({"name": version})),
            format!("Hello, {version}!")
        );
        let result = client
            .request("tools/list", json!({}))
            .outcome()
            .expect("the list");
        // What only 2026-07-28 knows is not shown to others.
        for field in ["resultType", "ttlMs", "cacheScope"] {
            assert_eq!(result.get(field), None, "{version}: {field}");
        }
    }
}

#[test]
fn a_modern_result_has_what_the_version_demands() {
    let host = host();
    let mut client = Client::modern(&host);
    let list = client
        .request("tools/list", json!({}))
        .outcome()
        .expect("the list");
    assert_eq!(list["resultType"], "complete");
    assert!(
        list["ttlMs"].is_u64() && list["cacheScope"].is_string(),
        "{list}"
    );
    let discovered = client
        .request("server/discover", json!({}))
        .outcome()
        .expect("the capabilities");
    assert_eq!(discovered["resultType"], "complete");
    let versions = discovered["supportedVersions"]
        .as_array()
        .expect("versions");
    assert!(versions.contains(&json!("2026-07-28")), "{discovered}");
    assert!(
        discovered["capabilities"]["tools"].is_object(),
        "{discovered}"
    );
    let answer = client
        .call("hello", json!({"name": "Ada"}))
        .expect("the answer");
    assert_eq!(answer["resultType"], "complete");
}

#[test]
fn modern_headers_must_say_what_the_body_says() {
    let host = host();
    assert_eq!(post_modern(&host, &[]).head.status, 200);
    let check =
        |changed: &[(&str, &str)], code| check_error(&post_modern(&host, changed), 400, code);
    check(&[("Mcp-Method", "tools/call")], -32020);
    check(&[("Mcp-Method", "")], -32020);
    check(&[("MCP-Protocol-Version", "2025-11-25")], -32020);
    let future = tools_list().to_string().replace("2026-07-28", "2999-01-01");
    let headers = [
        ("MCP-Protocol-Version", "2999-01-01"),
        ("Mcp-Method", "tools/list"),
    ];
    let response = post(&host, &headers, future.as_bytes());
    check_error(&response, 400, -32022);
    let data = &response.json()["error"]["data"];
    assert_eq!(data["requested"], "2999-01-01");
    assert!(
        data["supported"]
            .as_array()
            .is_some_and(|versions| versions.contains(&json!("2026-07-28")))
    );
}

#[test]
fn a_large_body_is_refused_before_it_is_read() {
    let host = Setup::new()
        .plugin("hello")
        .config("[http]\nbody_max_bytes = 4096")
        .start();
    let fits = json!({"jsonrpc": "2.0", "method": "notifications/x", "params": {"text": "x".repeat(3_000)}});
    assert_ne!(
        post(&host, &[], fits.to_string().as_bytes()).head.status,
        413
    );
    let large = json!({"jsonrpc": "2.0", "method": "notifications/x", "params": {"text": "x".repeat(5_000)}});
    assert_eq!(
        post(&host, &[], large.to_string().as_bytes()).head.status,
        413
    );
    // Only promised, never sent.
    let mut connection = Connection::open(host.address());
    connection.send_raw(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n");
    assert_eq!(connection.read_head().expect("an answer").status, 413);
    // Without a length.
    let mut connection = Connection::open(host.address());
    connection.send_raw(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
    connection.send_raw(format!("2000\r\n{}\r\n", "x".repeat(0x2000)).as_bytes());
    assert_eq!(connection.read_head().expect("an answer").status, 413);
}

#[test]
fn pages_and_names_of_other_places_are_forbidden() {
    let host = host();
    let check = |headers: &[(&str, &str)], status| {
        assert_eq!(
            post_modern(&host, headers).head.status,
            status,
            "{headers:?}"
        );
    };
    check(&[("Origin", "https://evil.example")], 403);
    check(&[("Origin", "null")], 403);
    check(&[("Origin", "http://localhost:3000")], 200);
    check(&[("Host", "evil.example")], 403);
    check(&[("Host", "127.0.0.1.evil.example:9999")], 403);
    check(&[("Host", "localhost:9999")], 200);
}

#[test]
fn each_answer_comes_in_one_piece() {
    let host = host();
    let list = json!({});
    let call = json!({"name": "hello", "arguments": {"name": "Ada"}});
    // A token asks for progress, and may turn the answer into a stream.
    let with_token =
        json!({"name": "hello", "arguments": {"name": "Ada"}, "_meta": {"progressToken": 7}});
    for era in ERAS {
        for (method, params) in [
            ("tools/list", &list),
            ("tools/call", &call),
            ("tools/call", &with_token),
        ] {
            let mut client = Client::of(era, &host);
            let mut connection = client.send(method, params.clone());
            let piece = connection.read_once();
            assert!(
                is_whole(&piece),
                "{era:?} {method}: {}",
                String::from_utf8_lossy(&piece)
            );
        }
    }
}

/// Whether a response is there from its first byte to its last.
fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    match head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
    {
        Some(length) => length.trim().parse() == Ok(body.len()),
        None => body.ends_with("0\r\n\r\n"),
    }
}

/// A host whose calls last for minutes.
fn patient_host() -> Host {
    Setup::new()
        .plugin("misbehave")
        .config(
            "
            [plugins.misbehave]
            fuel = 1000000000000000
            deadline_ms = 3600000
        ",
        )
        .start()
}

fn long_calls() -> [Value; 2] {
    [
        json!({"name": "spin", "arguments": {}}),
        json!({"name": "sleep", "arguments": {"ms": 3_000_000}}),
    ]
}

#[track_caller]
fn check_ended(host: &Host) {
    host.health_when("the call has ended", |health| {
        health["calls_in_flight"] == 0 && health["plugins"]["misbehave"]["in_flight"] == 0
    });
    // The caller went away; the handler is not to blame.
    assert_eq!(host.plugin_health("misbehave")["faults"], 0);
}

#[test]
fn a_modern_caller_that_disconnects_ends_its_call() {
    let host = patient_host();
    for call in long_calls() {
        let connection = Client::modern(&host).send("tools/call", call);
        host.health_when("the call runs", |health| {
            health["plugins"]["misbehave"]["in_flight"] == 1
        });
        drop(connection);
        check_ended(&host);
    }
}

#[test]
fn a_legacy_caller_ends_its_call_by_saying_so() {
    let host = patient_host();
    for call in long_calls() {
        let mut client = Client::legacy(&host);
        let _connection = client.send("tools/call", call);
        let id = client.last_id();
        host.health_when("the call runs", |health| {
            health["plugins"]["misbehave"]["in_flight"] == 1
        });
        assert_eq!(
            client.notify(
                "notifications/cancelled",
                json!({"requestId": id, "reason": "enough"})
            ),
            202
        );
        check_ended(&host);
    }
}

#[test]
fn a_cancellation_reaches_the_calls_of_its_own_session_alone() {
    let host = patient_host();
    let [_, sleep] = long_calls();
    let mut caller = Client::legacy(&host);
    let connection = caller.send("tools/call", sleep);
    let id = caller.last_id();
    host.health_when("the call runs", |health| health["calls_in_flight"] == 1);
    let mut stranger = Client::legacy(&host);
    assert_eq!(
        stranger.notify("notifications/cancelled", json!({"requestId": id})),
        202
    );
    assert_eq!(stranger.text("ok", json!({})), "ok");
    assert_eq!(host.health()["calls_in_flight"], 1);
    caller.notify("notifications/cancelled", json!({"requestId": id}));
    check_ended(&host);
    drop(connection);
}

#[test]
fn health_shows_live_figures() {
    let host = host();
    assert_eq!(host.get("/live").head.status, 200);
    assert_eq!(host.get("/ready").head.status, 200);
    let mut client = Client::modern(&host);
    for _ in 0..3 {
        client.text("hello", json!({"name": "Ada"}));
    }
    client.request("no/such/method", json!({}));
    let response = host.get("/health");
    assert_eq!(
        (response.head.status, response.head.header("content-type")),
        (200, Some("application/json"))
    );
    let health = response.json();
    assert_eq!(health["status"], "healthy", "{health:#}");
    assert!(
        health["version"].is_string() && health["uptime_s"].is_number(),
        "{health:#}"
    );
    // This client and the one that asks; those before it may take a moment to go.
    host.health_when("two are connected", |health| health["connections"] == 2);
    assert!(
        health["memory_mb"]
            .as_f64()
            .is_some_and(|mebibytes| mebibytes > 1.0),
        "{health:#}"
    );
    assert!(
        health["throughput_msg_sec"].is_number() && health["queue_depth"].is_number(),
        "{health:#}"
    );
    assert_eq!(
        (
            &health["errors_1m"],
            &health["sessions"],
            &health["calls_in_flight"]
        ),
        (&json!(1), &json!(0), &json!(0))
    );
    let plugin = &health["plugins"]["hello"];
    assert_eq!(
        (&plugin["state"], &plugin["calls"], &plugin["faults"]),
        (&json!("serving"), &json!(3), &json!(0))
    );
    assert_eq!(plugin["tools"], json!(["add", "hello"]));
    let hash = plugin["sha256"].as_str().expect("a hash");
    assert!(
        hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{hash}"
    );
    assert_eq!(plugin["breakers"]["hello"]["state"], "closed");
}
