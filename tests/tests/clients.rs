//! Proves that the clients people use get exactly the right answers: the Node
//! SDK of the legacy era, the one of 2026-07-28, and the Python client that
//! finds out by itself; over HTTP and over standard streams.

use fusebox_tests::{Host, Setup, host_binary, node, python, with_plain_numbers};
use serde_json::{Value, json};

/// What every client must see of the plugin `hello`.
fn expected(version: &str, unknown: &str) -> Value {
    json!({
        "version": version,
        "server": "fusebox",
        "tools": ["add", "hello"],
        "hello": {
            "content": [{"type": "text", "text": "Hello, Ada!"}],
            "structured": null,
            "isError": false,
        },
        "add": {
            "content": [{"type": "text", "text": "{\"result\":5.0}"}],
            "structured": {"result": 5.0},
            "isError": false,
        },
        "unknown": {"code": -32602, "message": unknown},
    })
}

const UNKNOWN: &str = "unknown tool `no_such_tool`";

#[track_caller]
fn check(seen: Value, expected: Value) {
    assert_eq!(with_plain_numbers(seen), with_plain_numbers(expected));
}

fn host() -> Host {
    Setup::new().plugin("hello").start()
}

/// The arguments with which a client starts a host of its own, and its folder.
fn stdio() -> (Vec<String>, impl Sized) {
    let (setup, folder) = Setup::new().plugin("hello").into_arguments();
    let mut arguments = vec![
        "--stdio".to_owned(),
        host_binary().display().to_string(),
        "stdio".to_owned(),
    ];
    arguments.extend(setup);
    (arguments, folder)
}

fn borrowed(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

#[test]
fn the_legacy_node_sdk_over_http() {
    let host = host();
    let unknown = format!("MCP error -32602: {UNKNOWN}");
    check(
        node("sdk_legacy.mjs", &[&host.url()]),
        expected("2025-11-25", &unknown),
    );
}

#[test]
fn the_modern_node_client_over_http() {
    let host = host();
    check(
        node("client_modern.mjs", &[&host.url()]),
        expected("2026-07-28", UNKNOWN),
    );
}

#[test]
fn the_python_client_over_http() {
    let host = host();
    check(
        python("client.py", &[&host.url()]),
        expected("2026-07-28", UNKNOWN),
    );
}

#[test]
fn the_legacy_node_sdk_over_stdio() {
    let (arguments, _folder) = stdio();
    let unknown = format!("MCP error -32602: {UNKNOWN}");
    check(
        node("sdk_legacy.mjs", &borrowed(&arguments)),
        expected("2025-11-25", &unknown),
    );
}

#[test]
fn the_modern_node_client_over_stdio() {
    let (arguments, _folder) = stdio();
    check(
        node("client_modern.mjs", &borrowed(&arguments)),
        expected("2026-07-28", UNKNOWN),
    );
}

#[test]
fn the_python_client_over_stdio() {
    let (arguments, _folder) = stdio();
    check(
        python("client.py", &borrowed(&arguments)),
        expected("2026-07-28", UNKNOWN),
    );
}

#[test]
fn the_modern_clients_over_bridges() {
    let host = Setup::new().plugin("hello").tcp().encrypted("").start();
    let certificate = host.certificate().display().to_string();
    let program = host_binary().display().to_string();
    for url in [
        format!("tcp://{}", host.tcp_address()),
        format!("quic://{}", host.quic_address()),
        host.url(),
        format!("https://{}/mcp", host.https_address()),
    ] {
        let arguments = ["--stdio", &program, "bridge", &url, "--ca", &certificate];
        check(
            python("client.py", &arguments),
            expected("2026-07-28", UNKNOWN),
        );
        check(
            node("client_modern.mjs", &arguments),
            expected("2026-07-28", UNKNOWN),
        );
    }
}
