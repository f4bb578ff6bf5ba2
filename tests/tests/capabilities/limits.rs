//! What a plugin's requests may take: bytes, time, and each other's places.

use std::thread;

use fusebox_tests::{Client, until};
use serde_json::json;

use super::server::Server;
use super::{call, host, refused};

fn granted(server: &Server, lines: &str) -> String {
    let origin = server.url("");
    format!(
        "[plugins.reach.grants.http]\nallow = [\"{origin}\"]\naddresses = [\"127.0.0.1\"]\n{lines}\n"
    )
}

#[test]
fn bodies_are_as_large_as_they_may_be_and_no_larger() {
    let server = Server::start();
    let limits = "request_max_bytes = 10000\nresponse_max_bytes = 20000";
    let host = host(&granted(&server, limits));
    let mut client = Client::modern(&host);
    let fetch = |bytes: usize| json!({"url": server.url(&format!("/bytes/{bytes}"))});
    let fetched = call(&mut client, "fetch", fetch(20_000)).expect("an answer");
    assert_eq!(fetched["bytes"], 20_000);
    assert_eq!(
        refused(&mut client, "fetch", fetch(20_100)),
        "the response has more than 20000 bytes"
    );
    let post =
        |bytes: usize| json!({"url": server.url("/"), "method": "POST", "send_bytes": bytes});
    assert!(call(&mut client, "fetch", post(10_000)).is_ok());
    assert_eq!(
        refused(&mut client, "fetch", post(10_001)),
        "the request has more than 10000 bytes"
    );
}

#[test]
fn a_response_has_to_come_in_time() {
    let server = Server::start();
    let host = host(&granted(&server, "timeout_ms = 300"));
    let mut client = Client::modern(&host);
    for path in ["/silent", "/trickle"] {
        let arguments = json!({"url": server.url(path)});
        assert_eq!(
            refused(&mut client, "fetch", arguments),
            "no response in time",
            "{path}"
        );
    }
}

#[test]
fn a_plugin_may_have_less_patience_than_its_operator() {
    let server = Server::start();
    let host = host(&granted(&server, "timeout_ms = 3600000"));
    let mut client = Client::modern(&host);
    for path in ["/silent", "/trickle"] {
        let arguments = json!({"url": server.url(path), "timeout_ms": 300});
        assert_eq!(
            refused(&mut client, "fetch", arguments),
            "no response in time",
            "{path}"
        );
    }
}

#[test]
fn a_call_ends_at_its_deadline_whatever_a_request_may_take() {
    let server = Server::start();
    let config = format!(
        "[plugins.reach]\ndeadline_ms = 500\n{}",
        granted(&server, "timeout_ms = 3600000")
    );
    let host = host(&config);
    let mut client = Client::modern(&host);
    let error = client.call("fetch", json!({"url": server.url("/silent")}));
    assert_eq!(
        error.expect_err("a fault")["data"]["reason"],
        "deadline_exceeded"
    );
}

#[test]
fn so_many_requests_are_on_their_way_and_no_more() {
    let server = Server::start();
    let host = host(&granted(&server, "concurrent_max = 2"));
    thread::scope(|scope| {
        let held: Vec<_> = (0..2)
            .map(|_| {
                let (mut client, url) = (Client::modern(&host), server.url("/hold"));
                scope.spawn(move || call(&mut client, "fetch", json!({"url": url})))
            })
            .collect();
        until("both requests are there", || {
            (server.requests().len() == 2).then_some(())
        });
        let mut client = Client::modern(&host);
        let url = server.url("/third");
        assert_eq!(
            refused(&mut client, "fetch", json!({"url": url})),
            "2 requests of this plugin are on their way; `concurrent_max` in [plugins.reach.grants.http] raises that"
        );
        server.release();
        for one in held {
            assert!(one.join().expect("no panic").is_ok());
        }
        // Their places are given back.
        for _ in 0..3 {
            assert!(call(&mut client, "fetch", json!({"url": url})).is_ok());
        }
    });
}
