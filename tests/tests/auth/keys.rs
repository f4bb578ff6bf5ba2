//! Keys while the host runs: made, revoked, expired, and shown by a bridge.

use std::fs;

use fusebox_tests::{Stdio, initialize_line};

use super::*;

fn status(host: &Host, key: &str) -> u16 {
    call(host, &[("Authorization", &bearer(key))]).head.status
}

#[test]
fn a_new_key_holds_at_once_and_a_revoked_one_no_more() {
    let keys = Keys::new();
    let (ada, bob) = (keys.make("ada", &[]), keys.make("bob", &[]));
    let host = setup(&keys, "").tcp().start();
    let mut lines = Lines::open(host.tcp_address());
    let request = |id: u64, method: &str, params: Value| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    lines.exchange(&request(1, "fusebox/authenticate", json!({"key": ada})));
    lines.exchange(&initialize_line(2));
    assert_eq!(
        lines.exchange(&request(3, "ping", json!({})))["result"],
        json!({})
    );
    // A stream that stands by the same key.
    let params = json!({"notifications": {"toolsListChanged": true}});
    let mut listening = Connection::open(host.address());
    let mut params = params;
    params["_meta"] = modern_meta();
    let body =
        json!({"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": params});
    listening.send(
        "POST",
        "/mcp",
        &[
            ("Content-Type", "application/json"),
            ("Accept", "text/event-stream"),
            ("MCP-Protocol-Version", "2026-07-28"),
            ("Mcp-Method", "subscriptions/listen"),
            ("Authorization", &bearer(&ada)),
        ],
        body.to_string().as_bytes(),
    );
    let head = listening.read_head().expect("a response");
    assert!(head.is_stream(), "{head:?}");
    let mut events = listening.into_events();
    events.wait_for("notifications/subscriptions/acknowledged");

    let eve = keys.make("eve", &[]);
    until("the new key holds", || {
        (status(&host, &eve) == 200).then_some(())
    });
    keys.revoke("ada");
    until("the key is revoked", || {
        (status(&host, &ada) == 401).then_some(())
    });
    let refused = lines.exchange(&request(4, "ping", json!({})));
    assert_eq!(
        refused["error"],
        unauthenticated("the key was revoked or has expired")
    );
    // The stream says its last word and ends.
    let last = events
        .next_message()
        .expect("the answer to the subscription");
    assert_eq!(
        (&last["id"], &last["result"]["resultType"]),
        (&json!(1), &json!("complete"))
    );
    assert!(events.next_message().is_none());
    assert_eq!(status(&host, &bob), 200, "the others hold");
}

#[test]
fn a_key_ends_with_its_time() {
    let keys = Keys::new();
    let brief = keys.make("brief", &["--expires", "1s"]);
    let host = setup(&keys, "").start();
    until("the key has expired", || {
        (status(&host, &brief) == 401).then_some(())
    });
    let refused = call(&host, &[("Authorization", &bearer(&brief))]);
    let words = "the key `brief` has expired; ask the host's operator for another";
    check_refused(&refused, 401, &with_error("invalid_token", words), words);
}

#[test]
fn a_file_that_turns_bad_takes_no_key_away_and_is_told() {
    let keys = Keys::new();
    let ada = keys.make("ada", &[]);
    let good = fs::read_to_string(keys.file()).expect("the keys");
    let host = setup(&keys, "").start();
    let health = |host: &Host| {
        let mut connection = Connection::open(host.address());
        let headers = [("Authorization", &*bearer(&ada))];
        connection.exchange("GET", "/health", &headers, b"").json()
    };
    fs::write(keys.file(), format!("{good}\nnonsense = [")).expect("the keys are written");
    let causes = until("the trouble is told", || {
        let health = health(&host);
        (health["status"] == "degraded").then(|| health["causes"].clone())
    });
    let cause = causes[0].as_str().expect("a cause");
    assert!(
        cause.starts_with("the file of keys can't be used: "),
        "{cause}"
    );
    assert_eq!(status(&host, &ada), 200);
    fs::write(keys.file(), good).expect("the keys are written");
    until("all is well", || {
        (health(&host)["status"] == "healthy").then_some(())
    });
}

#[test]
fn a_bridge_shows_a_key_on_each_way_to_a_host() {
    let keys = Keys::new();
    let key = keys.make("ada", &[]);
    let host = setup(&keys, "").tcp().encrypted("").start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (good, bad) = (folder.path().join("good"), folder.path().join("bad"));
    fs::write(&good, format!("{key}\n")).expect("a key is written");
    fs::write(&bad, "fbx_1_2\n").expect("a key is written");
    let certificate = host.certificate().display().to_string();
    let bridge = |url: &str, file: &std::path::Path| {
        Stdio::bridge(&[
            url,
            "--ca",
            &certificate,
            "--key-file",
            &file.display().to_string(),
        ])
    };
    let lines = [
        format!("tcp://{}", host.tcp_address()),
        format!("quic://{}", host.quic_address()),
    ];
    let http = [host.url(), format!("https://{}/mcp", host.https_address())];
    for url in lines.iter().chain(&http) {
        let mut bridge = bridge(url, &good);
        let agreed = bridge.exchange(&initialize_line(1));
        assert_eq!(
            agreed["result"]["protocolVersion"], "2025-11-25",
            "{url}: {agreed}"
        );
        let (code, words) = bridge.close_input().end();
        assert_eq!(code, Some(0), "{url}: {words}");
    }
    for url in &lines {
        let (code, words) = bridge(url, &bad).end();
        assert_eq!(code, Some(1), "{url}: {words}");
        assert_eq!(
            words,
            format!("fusebox: {url} refuses the key: {UNKNOWN}\n")
        );
    }
    for url in &http {
        let mut bridge = bridge(url, &bad);
        let refused = bridge.exchange(&initialize_line(1));
        assert_eq!(refused["error"]["code"], -32019, "{url}: {refused}");
        bridge.close_input().end();
    }
}
