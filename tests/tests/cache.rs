//! Proves that lists and results are kept where they may be and nowhere else:
//! counters of the plugin show whether it was called.

use std::thread;
use std::time::Duration;

use fusebox_tests::{Client, Era, Host, Setup, plugin};
use serde_json::json;

fn counts(host: &Host, cache: &str) -> (u64, u64, u64) {
    let health = host.health();
    let count = |name: &str| {
        health[cache][name]
            .as_u64()
            .unwrap_or_else(|| panic!("no {name}: {health:#}"))
    };
    (count("hits"), count("misses"), count("entries"))
}

fn calls(host: &Host, plugin: &str) -> u64 {
    host.plugin_health(plugin)["calls"]
        .as_u64()
        .expect("a plugin that serves")
}

fn names(client: &mut Client) -> Vec<String> {
    let listed = client.request("tools/list", json!({})).outcome();
    let listed = listed.expect("a list");
    let tools = listed["tools"].as_array().expect("an array").iter();
    tools
        .map(|tool| tool["name"].as_str().expect("a name").to_owned())
        .collect()
}

#[test]
fn a_list_is_rendered_once_until_the_plugins_change() {
    let host = Setup::new()
        .plugin("hello")
        .config("[reload]\npoll_interval_ms = 50\nsettle_ms = 10")
        .start();
    let mut client = Client::modern(&host);
    assert_eq!(names(&mut client), ["add", "hello"]);
    assert_eq!(counts(&host, "capability_cache"), (0, 1, 1));
    assert_eq!(names(&mut client), ["add", "hello"]);
    assert_eq!(names(&mut Client::modern(&host)), ["add", "hello"]);
    assert_eq!(counts(&host, "capability_cache"), (2, 1, 1));
    // Another version is told in its own words.
    let mut older = Client::legacy(&host);
    assert_eq!(names(&mut older), ["add", "hello"]);
    assert_eq!(counts(&host, "capability_cache"), (2, 2, 2));

    host.put("misbehave", &plugin("misbehave"));
    host.health_when("it serves", |health| {
        health["plugins"]["misbehave"]["state"] == "serving"
    });
    assert!(names(&mut client).contains(&"flip".to_owned()));
    assert!(names(&mut older).contains(&"flip".to_owned()));
    assert_eq!(counts(&host, "capability_cache").1, 4);
}

#[test]
fn without_time_each_list_is_rendered_anew() {
    let host = Setup::new()
        .plugin("hello")
        .config("capability_cache_ttl = 0")
        .start();
    let mut client = Client::modern(&host);
    assert_eq!(names(&mut client), names(&mut client));
    assert_eq!(counts(&host, "capability_cache"), (0, 0, 0));
}

fn sum(client: &mut Client, a: u64) -> Option<f64> {
    let result = client.call("add", json!({"a": a, "b": 1}));
    result.expect("a sum")["structuredContent"]["result"].as_f64()
}

#[test]
fn a_shared_result_is_given_to_everybody() {
    let host = Setup::new()
        .plugin("hello")
        .config("plugins.hello.result_cache = true")
        .start();
    let mut client = Client::modern(&host);
    assert_eq!(sum(&mut client, 1), Some(2.0));
    for _ in 0..3 {
        assert_eq!(sum(&mut client, 1), Some(2.0));
        assert_eq!(sum(&mut Client::modern(&host), 1), Some(2.0));
    }
    assert_eq!(calls(&host, "hello"), 1);
    assert_eq!(counts(&host, "result_cache"), (6, 1, 1));
    // Other arguments are another call, and so is another version.
    assert_eq!(sum(&mut client, 2), Some(3.0));
    assert_eq!(sum(&mut Client::legacy(&host), 1), Some(2.0));
    assert_eq!(sum(&mut Client::legacy(&host), 1), Some(2.0));
    assert_eq!(calls(&host, "hello"), 3);
    // Arguments that don't fit are none that were answered before.
    let misfit = client
        .call("add", json!({"a": "x", "b": 1}))
        .expect("a result");
    assert_eq!(misfit["isError"], true, "{misfit}");
    // A tool that doesn't say so is called each time.
    for _ in 0..2 {
        client.text("hello", json!({"name": "Ada"}));
    }
    assert_eq!(calls(&host, "hello"), 5);
}

#[test]
fn nothing_is_kept_unless_the_operator_wants_it() {
    let host = Setup::new().plugin("hello").start();
    let mut client = Client::modern(&host);
    for _ in 0..3 {
        assert_eq!(sum(&mut client, 1), Some(2.0));
    }
    assert_eq!(calls(&host, "hello"), 3);
    assert_eq!(counts(&host, "result_cache"), (0, 0, 0));
}

#[test]
fn a_private_result_stays_in_its_session() {
    let host = Setup::new()
        .plugin("misbehave")
        .config("limits.result_cache = true")
        .start();
    let ask = |client: &mut Client| {
        assert_eq!(
            client.text("keep_private", json!({"value": "secret"})),
            "secret"
        );
    };
    let mut first = Client::legacy(&host);
    for _ in 0..3 {
        ask(&mut first);
    }
    assert_eq!(calls(&host, "misbehave"), 1);
    let mut second = Client::legacy(&host);
    for _ in 0..3 {
        ask(&mut second);
    }
    assert_eq!(calls(&host, "misbehave"), 2);
    // Whoever has no session has nothing kept.
    let mut modern = Client::modern(&host);
    for _ in 0..3 {
        ask(&mut modern);
    }
    assert_eq!(calls(&host, "misbehave"), 5);
}

#[test]
fn what_does_more_than_answer_is_never_kept() {
    for era in [Era::Legacy, Era::Modern] {
        let host = Setup::new()
            .plugin("misbehave")
            .config("limits.result_cache = true")
            .start();
        let mut client = Client::of(era, &host);
        let mut called = 0;
        for how in ["fail", "log", "progress"] {
            for _ in 0..2 {
                client
                    .call("keep_wrongly", json!({"how": how}))
                    .expect("a result");
                called += 1;
                assert_eq!(calls(&host, "misbehave"), called, "{era:?} {how}");
            }
        }
        for _ in 0..2 {
            assert_eq!(client.text("keep_wrongly", json!({"how": "well"})), "well");
        }
        assert_eq!(calls(&host, "misbehave"), called + 1, "{era:?}");
    }
}

#[test]
fn a_result_is_kept_no_longer_and_no_larger_than_the_operator_says() {
    let host = Setup::new()
        .plugin("hello")
        .plugin("misbehave")
        .config(
            "
            limits.result_cache = true
            result_cache.ttl_max_ms = 1
            result_cache.entry_max_bytes = 1024
        ",
        )
        .start();
    let mut client = Client::modern(&host);
    assert_eq!(sum(&mut client, 1), Some(2.0));
    thread::sleep(Duration::from_millis(20));
    assert_eq!(sum(&mut client, 1), Some(2.0));
    assert_eq!(calls(&host, "hello"), 2);

    let host = Setup::new()
        .plugin("misbehave")
        .config("limits.result_cache = true\nresult_cache.entry_max_bytes = 1024")
        .start();
    let mut client = Client::modern(&host);
    let large = "x".repeat(1024);
    for _ in 0..2 {
        assert_eq!(client.text("keep_wrongly", json!({"how": large})), large);
    }
    assert_eq!(calls(&host, "misbehave"), 2);
    assert_eq!(counts(&host, "result_cache").2, 0);
}

#[test]
fn another_version_of_a_plugin_has_results_of_its_own() {
    let host = Setup::new()
        .plugin("hello")
        .config("limits.result_cache = true\n[reload]\npoll_interval_ms = 50\nsettle_ms = 10")
        .start();
    let mut client = Client::modern(&host);
    assert_eq!(sum(&mut client, 1), Some(2.0));
    let before = host.plugin_health("hello")["sha256"].clone();
    // The same code with a section that means nothing.
    let mut bytes = plugin("hello");
    bytes.extend([0, 3, 1, b'x', 0]);
    host.put("hello", &bytes);
    host.health_when("the new version serves", |health| {
        health["plugins"]["hello"]["sha256"] != before
    });
    assert_eq!(sum(&mut client, 1), Some(2.0));
    // Counters begin again with each version.
    assert_eq!(calls(&host, "hello"), 1);
}
