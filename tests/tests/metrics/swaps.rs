//! What only grows never falls while plugins are swapped under load, and no call of
//! any version is lost from it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use fusebox_tests::{Client, Labels, Scrape, until};
use serde_json::json;

use super::*;

/// Every sample that only grows, to compare the next look with.
type Grown = BTreeMap<(String, Labels), f64>;

#[track_caller]
fn check_grown(before: &mut Grown, scrape: &Scrape) {
    for (name, labels, value) in scrape.growing() {
        let key = (name.to_owned(), labels.clone());
        let was = before.insert(key, value).unwrap_or_default();
        assert!(value >= was, "{name} {labels:?} fell from {was} to {value}");
    }
}

fn swap(host: &Host, name: &str, note: u8) {
    let before = host.plugin_health(name)["sha256"].clone();
    host.put(name, &noted(name, note));
    host.health_when("another version serves", |health| {
        health["plugins"][name]["sha256"] != before
    });
}

#[test]
fn a_new_version_goes_on_with_the_old_ones_counts() {
    let host = Setup::new().plugin("misbehave").config(QUICK).start();
    let mut client = Client::modern(&host);
    let mut grown = Grown::new();
    for note in 0..3 {
        client.call("trap", json!({})).expect_err("a fault");
        assert_eq!(client.text("ok", json!({})), "ok");
        check_grown(&mut grown, &Scrape::of(&host));
        swap(&host, "misbehave", note);
        check_grown(&mut grown, &Scrape::of(&host));
    }
    let scrape = Scrape::of(&host);
    let handler = |handler| [("plugin", "misbehave"), ("handler", handler)];
    assert_eq!(
        scrape.value("fusebox_handler_calls_total", &handler("ok")),
        3.0
    );
    assert_eq!(
        scrape.value("fusebox_handler_faults_total", &handler("trap")),
        3.0
    );
    let trapped = [("plugin", "misbehave"), ("reason", "trapped")];
    assert_eq!(scrape.value("fusebox_faults_total", &trapped), 3.0);
    let loads = |outcome| scrape.value("fusebox_plugin_loads_total", &[("outcome", outcome)]);
    assert_eq!(
        (loads("new"), loads("swap"), loads("failed")),
        (1.0, 3.0, 0.0)
    );
    // `/health` tells of the version that serves alone.
    assert_eq!(host.plugin_health("misbehave")["calls"], 0);
}

#[test]
fn no_call_is_lost_while_plugins_are_swapped_under_load() {
    let host = Setup::new().plugin("hello").config(QUICK).start();
    let stop = AtomicBool::new(false);
    let made: u64 = thread::scope(|scope| {
        let callers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = Client::modern(&host);
                    let mut made = 0;
                    while !stop.load(Ordering::Relaxed) {
                        hello(&mut client);
                        made += 1;
                    }
                    made
                })
            })
            .collect();
        let looking = scope.spawn(|| {
            let mut grown = Grown::new();
            while !stop.load(Ordering::Relaxed) {
                check_grown(&mut grown, &Scrape::of(&host));
            }
        });
        for note in 0..8 {
            swap(&host, "hello", note);
        }
        stop.store(true, Ordering::Relaxed);
        looking.join().expect("nothing fell");
        let made = callers.into_iter().map(|one| one.join().expect("calls"));
        made.sum()
    });
    let scrape = Scrape::of(&host);
    let made = made as f64;
    for name in [
        "fusebox_handler_calls_total",
        "fusebox_handler_duration_seconds_count",
        "fusebox_admission_wait_seconds_count",
        "fusebox_request_duration_seconds_count",
    ] {
        assert_eq!(scrape.value(name, &[]), made, "{name}\n{}", scrape.text);
    }
}

#[test]
fn of_a_plugin_that_is_gone_no_series_is_left_and_one_that_fails_is_seen() {
    let host = Setup::new()
        .plugin("hello")
        .plugin("misbehave")
        .config(QUICK)
        .start();
    hello(&mut Client::modern(&host));
    host.put("hello", b"no wasm");
    host.health_when("the update failed", |health| {
        health["plugins"]["hello"]["failed_update"].is_object()
    });
    let scrape = Scrape::of(&host);
    let plugin = [("plugin", "hello")];
    assert_eq!(scrape.value("fusebox_plugin_failed", &plugin), 1.0);
    assert_eq!(scrape.value("fusebox_plugin_serving", &plugin), 1.0);
    assert_eq!(scrape.value("fusebox_handler_calls_total", &plugin), 1.0);
    assert_eq!(
        scrape.value("fusebox_plugin_loads_total", &[("outcome", "failed")]),
        1.0
    );
    host.remove("hello");
    let scrape = until("the plugin is gone", || {
        let scrape = Scrape::of(&host);
        scrape
            .find("fusebox_plugin_serving", &plugin)
            .is_none()
            .then_some(scrape)
    });
    assert!(!scrape.text.contains("plugin=\"hello\""), "{}", scrape.text);
    assert_eq!(
        scrape.value("fusebox_plugin_loads_total", &[("outcome", "removed")]),
        1.0
    );
}

#[test]
fn the_calls_of_a_canary_are_its_plugins() {
    let host = Setup::new()
        .plugin("hello")
        .config(&format!(
            "{QUICK}[canary]\nenabled = true\ninterval_ms = 3600000"
        ))
        .start();
    let mut client = Client::modern(&host);
    let plugin = [("plugin", "hello")];
    hello(&mut client);
    let share = |scrape: &Scrape| scrape.value("fusebox_plugin_canary_ratio", &plugin);
    assert_eq!(share(&Scrape::of(&host)), 0.0);
    host.put("hello", &noted("hello", 1));
    host.health_when("a version is tried", |health| {
        health["plugins"]["hello"]["canary"].is_object()
    });
    for _ in 0..99 {
        hello(&mut client);
    }
    let scrape = Scrape::of(&host);
    assert_eq!(share(&scrape), 0.05);
    assert_eq!(scrape.value("fusebox_handler_calls_total", &plugin), 100.0);
    assert_eq!(
        scrape.value("fusebox_plugin_loads_total", &[("outcome", "canary")]),
        1.0
    );
}
