//! How many series there are at most, however many plugins and handlers there are.

use std::collections::BTreeSet;

use fusebox_tests::{Client, Scrape};
use serde_json::json;

use super::*;

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn handlers_beyond_the_limit_share_series_and_no_call_is_lost() {
    let host = Setup::new()
        .plugin("misbehave")
        .config("[metrics]\nhandlers_max = 2\n[circuit_breaker]\nfailure_threshold = 1")
        .start();
    let mut client = Client::modern(&host);
    assert_eq!(client.text("ok", json!({})), "ok");
    client.call("trap", json!({})).expect_err("a fault");
    client.call("panic", json!({})).expect_err("a fault");
    let scrape = Scrape::of(&host);
    for name in [
        "fusebox_handler_calls_total",
        "fusebox_handler_faults_total",
        "fusebox_handler_refusals_total",
        "fusebox_breaker_state",
        "fusebox_breaker_openings_total",
    ] {
        // Those that the plugin lists first.
        let seen = scrape.labelled(name, "handler");
        assert_eq!(seen.len(), 3, "{name}: {seen:?}");
        assert!(seen.contains("(other)"), "{name}: {seen:?}");
    }
    assert_eq!(scrape.value("fusebox_handler_calls_total", &[]), 3.0);
    assert_eq!(scrape.value("fusebox_handler_faults_total", &[]), 2.0);
    let others = [("kind", "other"), ("handler", "(other)")];
    assert_eq!(
        scrape.value("fusebox_breaker_state", &others),
        2.0,
        "the worst"
    );
}

#[test]
fn plugins_beyond_the_limit_share_series() {
    let host = Setup::new()
        .file("a", &noted("hello", 1))
        .file("b", &noted("calculator", 2))
        .file("c", &noted("misbehave", 3))
        .config("[metrics]\nplugins_max = 1")
        .start();
    let mut client = Client::modern(&host);
    hello(&mut client);
    assert_eq!(client.text("ok", json!({})), "ok");
    let scrape = Scrape::of(&host);
    for name in [
        "fusebox_plugin_serving",
        "fusebox_handler_duration_seconds_count",
        "fusebox_handler_calls_total",
        "fusebox_faults_total",
        "fusebox_breaker_state",
    ] {
        assert_eq!(
            scrape.labelled(name, "plugin"),
            set(&["(other)", "a"]),
            "{name}"
        );
    }
    let others = [("plugin", "(other)")];
    assert_eq!(scrape.value("fusebox_plugin_serving", &others), 2.0);
    assert_eq!(scrape.value("fusebox_handler_calls_total", &others), 1.0);
    assert_eq!(
        scrape.value("fusebox_handler_duration_seconds_count", &others),
        1.0
    );
}
