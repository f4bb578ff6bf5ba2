//! The exact values of what happened: calls, faults, refusals, breakers, waits,
//! connections.

use fusebox_tests::{Client, Lines, Scrape, initialize_line, until};
use serde_json::json;

use super::*;

#[track_caller]
fn check(scrape: &Scrape, name: &str, labels: &[(&str, &str)], expected: f64) {
    assert_eq!(
        scrape.value(name, labels),
        expected,
        "{name} {labels:?}\n{}",
        scrape.text
    );
}

#[test]
fn calls_faults_and_an_open_breaker_have_their_exact_counts() {
    let host = busy();
    let mut lines = Lines::open(host.tcp_address());
    let agreed = lines.exchange(&initialize_line(1));
    assert!(agreed["result"].is_object(), "{agreed}");
    for id in 2..4 {
        let answer = lines.exchange(&json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": {"name": "hello", "arguments": {"name": "Ada"}}}));
        assert!(answer["result"].is_object(), "{answer}");
    }
    let mut client = Client::modern(&host);
    let misfit = client.call("hello", json!({"name": 7})).expect("an answer");
    assert_eq!(misfit["isError"], true, "{misfit}");

    let scrape = Scrape::of(&host);
    let hello = [("plugin", "hello"), ("kind", "tool"), ("handler", "hello")];
    let trap = [
        ("plugin", "misbehave"),
        ("kind", "tool"),
        ("handler", "trap"),
    ];
    let trapped = [("plugin", "misbehave"), ("reason", "trapped")];
    let reason = |reason| [("reason", reason)];
    let ok = [("method", "tools/call"), ("outcome", "ok")];
    let error = [("method", "tools/call"), ("outcome", "error")];
    for (name, labels, expected) in [
        ("fusebox_handler_calls_total", &hello[..], 5.0),
        ("fusebox_handler_faults_total", &hello, 0.0),
        ("fusebox_handler_refusals_total", &hello, 1.0),
        ("fusebox_handler_calls_total", &trap, 2.0),
        ("fusebox_handler_faults_total", &trap, 2.0),
        ("fusebox_handler_refusals_total", &trap, 1.0),
        ("fusebox_faults_total", &trapped, 2.0),
        ("fusebox_faults_total", &[("plugin", "misbehave")], 2.0),
        ("fusebox_faults_total", &[("plugin", "hello")], 0.0),
        ("fusebox_breaker_state", &trap, 2.0),
        ("fusebox_breaker_state", &hello, 0.0),
        ("fusebox_breaker_state", &[("plugin", "misbehave")], 2.0),
        ("fusebox_breaker_openings_total", &trap, 1.0),
        ("fusebox_refusals_total", &reason("breaker_open"), 1.0),
        ("fusebox_refusals_total", &reason("invalid_arguments"), 1.0),
        ("fusebox_refusals_total", &[], 2.0),
        ("fusebox_request_duration_seconds_count", &ok, 6.0),
        ("fusebox_request_duration_seconds_count", &error, 3.0),
        ("fusebox_handler_duration_seconds_count", &hello[..1], 5.0),
        ("fusebox_handler_duration_seconds_count", &trap[..1], 2.0),
        ("fusebox_admission_wait_seconds_count", &hello[..1], 5.0),
        ("fusebox_admission_wait_seconds_sum", &hello[..1], 0.0),
        // Three calls and three faults, `initialize` and two calls, and a misfit.
        ("fusebox_requests_total", &[], 10.0),
        ("fusebox_errors_total", &[], 3.0),
        ("fusebox_connections", &[("transport", "tcp")], 1.0),
        ("fusebox_connections", &[("transport", "quic")], 0.0),
        ("fusebox_plugin_loads_total", &[("outcome", "new")], 2.0),
        ("fusebox_plugin_loads_total", &[("outcome", "swap")], 0.0),
        ("fusebox_plugin_serving", &hello[..1], 1.0),
        ("fusebox_plugin_failed", &hello[..1], 0.0),
        ("fusebox_plugin_calls_in_flight", &[], 0.0),
        ("fusebox_queue_depth", &[], 0.0),
        ("fusebox_queue_limit", &[], 10_000.0),
        ("fusebox_connections_limit", &[], 15_000.0),
        ("fusebox_status", &[("status", "degraded")], 1.0),
        ("fusebox_status", &[], 1.0),
    ] {
        check(&scrape, name, labels, expected);
    }
    let at_least = |name: &str, labels: &[(&str, &str)], least: f64| {
        let value = scrape.value(name, labels);
        assert!(value >= least, "{name} {labels:?}: {value} < {least}");
    };
    // Five calls of some hundred instructions, in memory of whole pages.
    at_least("fusebox_plugin_fuel_total", &hello[..1], 500.0);
    at_least("fusebox_plugin_memory_peak_bytes", &hello[..1], 65_536.0);
    at_least("fusebox_memory_resident_bytes", &[], 1e6);
    at_least("fusebox_open_files", &[], 5.0);
    at_least("fusebox_messages_total", &[], 19.0);
    at_least("fusebox_handler_duration_seconds_sum", &hello[..1], 1e-6);
    assert!(
        scrape.value("fusebox_memory_resident_bytes", &[]) <= host.resident_kib() as f64 * 4096.0
    );
}

#[test]
fn a_breaker_that_is_tried_again_is_half_open_and_then_closed() {
    let host = Setup::new()
        .plugin("misbehave")
        .config(
            "[circuit_breaker]\nfailure_threshold = 1\ntimeout_ms = 200\nhalf_open_requests = 1",
        )
        .start();
    let mut client = Client::modern(&host);
    let flip = [
        ("plugin", "misbehave"),
        ("kind", "tool"),
        ("handler", "flip"),
    ];
    client
        .call("flip", json!({"fail": true}))
        .expect_err("a fault");
    until("the breaker is half-open", || {
        (Scrape::of(&host).value("fusebox_breaker_state", &flip) == 1.0).then_some(())
    });
    client
        .call("flip", json!({"fail": false}))
        .expect("a good probe");
    let scrape = Scrape::of(&host);
    check(&scrape, "fusebox_breaker_state", &flip, 0.0);
    check(&scrape, "fusebox_breaker_openings_total", &flip, 1.0);
}

#[test]
fn a_call_that_waits_is_seen_waiting_and_one_that_may_not_is_refused() {
    let host = Setup::new()
        .plugin("misbehave")
        .config(
            "[plugins.misbehave]\ndeadline_ms = 600000\nconcurrent_calls_max = 1\nqueue_max = 1",
        )
        .start();
    let sleep = |ms: u32| json!({"name": "sleep", "arguments": {"ms": ms}});
    let running = Client::modern(&host).send("tools/call", sleep(600_000));
    host.health_when("one call runs", |health| {
        health["plugins"]["misbehave"]["in_flight"] == 1
    });
    let mut waiting = Client::modern(&host).send("tools/call", sleep(1));
    host.health_when("one waits", |health| {
        health["plugins"]["misbehave"]["waiting"] == 1
    });
    let error = Client::modern(&host)
        .call("ok", json!({}))
        .expect_err("no place");
    assert_eq!(error["data"]["reason"], "overloaded", "{error}");

    let scrape = Scrape::of(&host);
    let plugin = [("plugin", "misbehave")];
    check(&scrape, "fusebox_queue_depth", &[], 1.0);
    check(&scrape, "fusebox_host_queue_depth", &[], 0.0);
    check(&scrape, "fusebox_plugin_queue_depth", &plugin, 1.0);
    check(&scrape, "fusebox_plugin_queue_limit", &plugin, 1.0);
    check(&scrape, "fusebox_plugin_calls_in_flight", &plugin, 1.0);
    check(&scrape, "fusebox_instances_alive", &[], 1.0);
    check(
        &scrape,
        "fusebox_refusals_total",
        &[("reason", "plugin_queue")],
        1.0,
    );
    check(
        &scrape,
        "fusebox_admission_wait_seconds_count",
        &plugin,
        1.0,
    );

    drop(running);
    let answer = waiting.read_response().expect("an answer");
    assert_eq!(answer.head.status, 200, "{answer:?}");
    let scrape = Scrape::of(&host);
    check(&scrape, "fusebox_queue_depth", &[], 0.0);
    check(
        &scrape,
        "fusebox_admission_wait_seconds_count",
        &plugin,
        2.0,
    );
    // One waited no time, the other for as long as two requests took.
    let at_once = [("plugin", "misbehave"), ("le", "0.00001")];
    check(
        &scrape,
        "fusebox_admission_wait_seconds_bucket",
        &at_once,
        1.0,
    );
    assert!(scrape.value("fusebox_admission_wait_seconds_sum", &plugin) > 1e-5);
    // The one that was given up has no answer, but it used its handler.
    check(
        &scrape,
        "fusebox_request_duration_seconds_count",
        &[("outcome", "ok")],
        1.0,
    );
}

#[test]
fn sessions_caches_tasks_and_rates_are_counted() {
    let host = Setup::new()
        .plugin("hello")
        .plugin("misbehave")
        .config("[rate_limits]\ntool_per_second = 1\ntool_burst = 2")
        .start();
    let mut legacy = Client::legacy(&host);
    for _ in 0..2 {
        let listed = legacy.request("tools/list", json!({})).outcome();
        assert!(listed.expect("a list")["tools"].is_array());
    }
    let mut refused = 0.0;
    while refused < 1.0 {
        if let Err(error) = legacy.call("hello", json!({"name": "Ada"})) {
            assert_eq!(error["data"]["reason"], "rate_limited", "{error}");
            refused += 1.0;
        }
    }
    let scrape = Scrape::of(&host);
    check(&scrape, "fusebox_sessions", &[], 1.0);
    check(
        &scrape,
        "fusebox_refusals_total",
        &[("reason", "rate_tool")],
        refused,
    );
    check(
        &scrape,
        "fusebox_cache_hits_total",
        &[("cache", "capability")],
        1.0,
    );
    check(
        &scrape,
        "fusebox_cache_misses_total",
        &[("cache", "capability")],
        1.0,
    );
    check(
        &scrape,
        "fusebox_cache_entries",
        &[("cache", "capability")],
        1.0,
    );
    check(&scrape, "fusebox_tasks_running", &[], 0.0);
    assert_eq!(legacy.delete(), 204);
    check(&Scrape::of(&host), "fusebox_sessions", &[], 0.0);
}
