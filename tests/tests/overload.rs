//! Proves that a host with too much to do says so early and by cause, that what it
//! let in is finished, and that one client's flood takes nothing from the others.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::thread;

use fusebox_tests::{Client, Era, Host, Lines, Setup, initialize_line};
use serde_json::{Value, json};

/// Occupies the only place of `misbehave`, until the connection is dropped.
fn occupy(host: &Host) -> fusebox_tests::Connection {
    let running = Client::modern(host).send(
        "tools/call",
        json!({"name": "sleep", "arguments": {"ms": 600_000}}),
    );
    host.health_when("one call runs", |health| {
        health["plugins"]["misbehave"]["in_flight"] == 1
    });
    running
}

fn one_at_a_time(further: &str) -> Host {
    Setup::new()
        .plugin("hello")
        .plugin("misbehave")
        .tcp()
        .config(&format!(
            "
            {further}
            [plugins.misbehave]
            deadline_ms = 600000
            concurrent_calls_max = 1
        "
        ))
        .start()
}

fn call_line(id: u64, tool: &str, arguments: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
        "params": {"name": tool, "arguments": arguments}})
}

/// A TCP client of 2025-11-25.
fn lines(host: &Host) -> Lines {
    let mut lines = Lines::open(host.tcp_address());
    let answer = lines.exchange(&initialize_line(1_000_000));
    assert!(answer["result"].is_object(), "{answer}");
    lines
}

fn refusals(health: &Value, by: &str) -> u64 {
    health["admission"]["refused_by"][by]
        .as_u64()
        .unwrap_or_else(|| panic!("no {by}: {health:#}"))
}

#[test]
fn memory_over_its_threshold_refuses_calls_and_nothing_else() {
    let host = Setup::new()
        .plugin("hello")
        .tcp()
        .config("[backpressure]\nmemory_threshold = 1\nsample_interval_ms = 20")
        .start();
    let health = host.health_when("memory is short", |health| {
        health["backpressure"]["refusing_percent"] == 100
    });
    assert_eq!(health["status"], "degraded", "{health:#}");
    let cause = health["causes"][0].as_str().unwrap_or_default();
    assert!(cause.contains("100 % of new calls are refused"), "{cause}");
    let expected = json!({
        "reason": "overloaded", "plugin": "hello", "tool": "hello", "limit": 1,
        "key": "backpressure.memory_threshold", "retryAfterMs": 1000,
    });
    for era in [Era::Legacy, Era::Modern] {
        let mut client = Client::of(era, &host);
        let call = json!({"name": "hello", "arguments": {"name": 7}});
        let answer = client.request("tools/call", call);
        assert_eq!(
            (answer.head.status, answer.head.header("retry-after")),
            (503, Some("1")),
            "{answer:?}"
        );
        // Not the misfit of its arguments: nothing was looked at.
        assert_eq!(answer.outcome().expect_err("a refusal")["data"], expected);
        let listed = client.request("tools/list", json!({})).outcome();
        assert!(listed.expect("a list")["tools"][0].is_object());
    }
    let mut lines = lines(&host);
    let answer = lines.exchange(&call_line(1, "hello", json!({"name": "Ada"})));
    assert_eq!(answer["error"]["data"], expected, "{answer}");
    let pong = lines.exchange(&json!({"jsonrpc": "2.0", "id": 2, "method": "ping"}));
    assert!(pong["result"].is_object(), "{pong}");
    let health = host.health();
    assert_eq!(refusals(&health, "memory"), 3, "{health:#}");
    let hello = &health["plugins"]["hello"];
    assert_eq!((&hello["calls"], &hello["refused"]), (&json!(0), &json!(3)));
}

#[test]
fn busy_processors_refuse_a_part_and_only_if_work_waits() {
    let host = |lag_ms: u32| {
        Setup::new()
            .plugin("hello")
            .config(&format!(
                "[backpressure]\ncpu_threshold = 1\nsample_interval_ms = 20\nlag_threshold_ms = {lag_ms}"
            ))
            .start()
    };
    let late = host(0);
    let mut client = Client::modern(&late);
    let (mut served, mut refused) = (0, 0);
    while served < 20 || refused < 20 {
        match client.call("add", json!({"a": 1, "b": 2})) {
            Ok(_) => served += 1,
            Err(error) => {
                assert_eq!(
                    error["data"]["key"], "backpressure.cpu_threshold",
                    "{error}"
                );
                assert_eq!(error["data"]["retryAfterMs"], 20, "{error}");
                refused += 1;
            }
        }
    }
    assert_eq!(refusals(&late.health(), "cpu"), refused);

    let keeps_up = host(60_000);
    let client = RefCell::new(Client::modern(&keeps_up));
    keeps_up.health_when("its processors are busy", |health| {
        let answer = client.borrow_mut().call("add", json!({"a": 1, "b": 2}));
        answer.expect("no refusal");
        health["backpressure"]["cpu_percent"].as_u64() > Some(1)
    });
}

/// Calls that wait for `misbehave`, each on a connection of its own.
fn wait_in_line(host: &Host, count: usize) -> Vec<fusebox_tests::Connection> {
    let waiting: Vec<_> = (0..count)
        .map(|_| Client::modern(host).send("tools/call", json!({"name": "ok", "arguments": {}})))
        .collect();
    host.health_when("all of them wait", |health| {
        health["plugins"]["misbehave"]["waiting"] == count
    });
    waiting
}

#[test]
fn a_long_queue_lets_nobody_join_and_everybody_finish() {
    const QUEUE: &str = "
        [message_queue]
        max_size = 10
        reject_threshold = 10
        warn_threshold = 5
    ";
    for (enabled, places, key) in [
        (true, 8, "backpressure.queue_threshold"),
        (false, 10, "message_queue.max_size"),
    ] {
        let host = one_at_a_time(&format!("{QUEUE}\n[backpressure]\nenabled = {enabled}"));
        let running = occupy(&host);
        let waiting = wait_in_line(&host, places);
        assert_eq!(host.health()["status"], "degraded");
        let mut client = Client::modern(&host);
        let error = client.call("ok", json!({})).expect_err("a refusal");
        assert_eq!(
            (&error["data"]["key"], &error["data"]["limit"]),
            (&json!(key), &json!(places)),
            "{error}"
        );
        // What need not wait is served.
        assert_eq!(client.text("hello", json!({"name": "Ada"})), "Hello, Ada!");
        drop(running);
        for mut call in waiting {
            let answer = call.read_response().expect("an answer").json();
            assert_eq!(answer["result"]["content"][0]["text"], "ok", "{answer}");
        }
        assert_eq!(client.text("ok", json!({})), "ok");
        let health = host.health();
        assert_eq!(health["admission"]["waits_total"], places, "{health:#}");
    }
}

/// The order in which calls of `remember` ran, from what each of them found.
fn order(found: &BTreeMap<String, String>) -> Vec<String> {
    let mut order = Vec::new();
    let mut last = "nothing".to_owned();
    while let Some((own, _)) = found.iter().find(|(_, before)| **before == last) {
        order.push(own.clone());
        last.clone_from(own);
    }
    order
}

#[test]
fn a_flood_of_one_client_lets_the_others_take_turns() {
    const FLOOD: u64 = 60;
    const QUIET: usize = 5;
    let host = one_at_a_time("limits.isolation = \"pooled\"");
    let running = occupy(&host);
    let mut flooder = lines(&host);
    for id in 0..FLOOD {
        flooder.send(&call_line(
            id,
            "remember",
            json!({"value": format!("flood {id}")}),
        ));
    }
    host.health_when("the flood waits", |health| {
        health["plugins"]["misbehave"]["waiting"] == FLOOD
    });
    let quiet: Vec<_> = (0..QUIET)
        .map(|id| {
            let call = json!({"name": "remember", "arguments": {"value": format!("quiet {id}")}});
            Client::modern(&host).send("tools/call", call)
        })
        .collect();
    host.health_when("all wait", |health| {
        health["plugins"]["misbehave"]["waiting"] == FLOOD + QUIET as u64
    });
    drop(running);

    let mut found = BTreeMap::new();
    let text = |answer: &Value| {
        let text = answer["result"]["content"][0]["text"].as_str();
        text.unwrap_or_else(|| panic!("{answer}")).to_owned()
    };
    for (id, mut call) in quiet.into_iter().enumerate() {
        let answer = call.read_response().expect("an answer").json();
        found.insert(format!("quiet {id}"), text(&answer));
    }
    for _ in 0..FLOOD {
        let answer = flooder.receive().expect("an answer");
        found.insert(format!("flood {}", answer["id"]), text(&answer));
    }
    let order = order(&found);
    assert_eq!(order.len(), FLOOD as usize + QUIET, "{order:?}");
    // One of the flood's calls, one of each of the others.
    let first: Vec<&str> = order[..=QUIET].iter().map(String::as_str).collect();
    for id in 0..QUIET {
        assert!(first.contains(&format!("quiet {id}").as_str()), "{order:?}");
    }
}

#[test]
fn a_connection_has_its_share_of_calls_and_no_more() {
    let host = one_at_a_time("message_queue.connection_max = 2");
    let running = occupy(&host);
    let mut client = Client::legacy_version(&host, "2025-03-26");
    let batch: Vec<_> = (0..3).map(|id| call_line(id, "ok", json!({}))).collect();
    let mut connection = fusebox_tests::Connection::open(host.address());
    let headers = client.headers("tools/call", &Value::Null);
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    connection.send(
        "POST",
        "/mcp",
        &headers,
        json!(batch).to_string().as_bytes(),
    );
    host.health_when("two of them wait", |health| {
        health["plugins"]["misbehave"]["waiting"] == 2 && refusals(health, "connection_share") == 1
    });
    // Other connections have theirs.
    assert_eq!(client.text("hello", json!({"name": "Ada"})), "Hello, Ada!");
    drop(running);
    let answers = connection.read_response().expect("an answer").json();
    let error = &answers[2]["error"];
    assert_eq!(
        error["data"],
        json!({"reason": "overloaded", "plugin": "misbehave", "tool": "ok", "limit": 2,
            "key": "message_queue.connection_max", "retryAfterMs": 250}),
        "{answers}"
    );
    assert_eq!(answers[0]["result"]["content"][0]["text"], "ok");
    assert_eq!(answers[1]["result"]["content"][0]["text"], "ok");
}

/// Lets the host learn how long calls of `misbehave` take: at least `ms`.
fn teach(host: &Host, ms: u64) {
    let mut client = Client::modern(host);
    for _ in 0..8 {
        assert_eq!(client.text("sleep", json!({"ms": ms})), "ok");
    }
}

#[test]
fn a_refusal_says_when_the_line_will_have_moved() {
    let host = one_at_a_time("limits.queue_max = 1");
    teach(&host, 100);
    let running = occupy(&host);
    let waiting = wait_in_line(&host, 1);
    let error = Client::modern(&host)
        .call("ok", json!({}))
        .expect_err("a refusal");
    assert_eq!(
        error["data"]["key"], "plugins.misbehave.queue_max",
        "{error}"
    );
    // Behind one that runs and one that waits, of a tenth of a second each.
    assert!(
        error["data"]["retryAfterMs"].as_u64() >= Some(200),
        "{error}"
    );
    drop((running, waiting));
}

#[test]
fn who_would_miss_its_deadline_is_refused_and_not_run() {
    let host = Setup::new()
        .plugin("misbehave")
        .config(
            "
            [plugins.misbehave]
            deadline_ms = 60000
            concurrent_calls_max = 1
        ",
        )
        .start();
    // 160 calls of 400 ms take longer than a minute.
    teach(&host, 400);
    let running = Client::modern(&host).send(
        "tools/call",
        json!({"name": "sleep", "arguments": {"ms": 600_000}}),
    );
    host.health_when("one call runs", |health| {
        health["plugins"]["misbehave"]["in_flight"] == 1
    });
    let mut clients: Vec<_> = (0..160).map(|_| Client::modern(&host)).collect();
    let calls: Vec<_> = clients
        .iter_mut()
        .map(|client| client.send("tools/call", json!({"name": "ok", "arguments": {}})))
        .collect();
    let health = host.health_when("all wait or are refused", |health| {
        let waiting = health["plugins"]["misbehave"]["waiting"].as_u64();
        waiting.is_some_and(|waiting| waiting + refusals(health, "too_late") == 160)
    });
    let late = refusals(&health, "too_late");
    assert!(late >= 10, "{late} refused");
    assert_eq!(
        health["plugins"]["misbehave"]["calls"], 9,
        "none of them ran"
    );
    drop(running);
    let mut refused = 0;
    for mut call in calls {
        let response = call.read_response().expect("an answer");
        if response.head.status != 503 {
            continue;
        }
        refused += 1;
        let error = response.json()["error"].clone();
        assert_eq!(error["data"]["reason"], "overloaded", "{error}");
        assert_eq!(
            error["data"]["key"], "plugins.misbehave.concurrent_calls_max",
            "{error}"
        );
        let retry_after_ms = error["data"]["retryAfterMs"].as_u64();
        assert!(retry_after_ms >= Some(30_000), "{error}");
    }
    assert_eq!(refused, late);
}

#[test]
fn the_log_tells_of_the_hosts_health_and_its_figures() {
    let host = Setup::new()
        .plugin("misbehave")
        .config(
            "
            health_check_interval = 100
            metrics_interval = 100
            circuit_breaker.failure_threshold = 1
        ",
        )
        .start();
    Client::modern(&host)
        .call("trap", json!({}))
        .expect_err("a fault");
    let end = std::time::Instant::now() + fusebox_tests::LONG;
    let wanted = [
        "health: degraded",
        "1 breakers of plugin misbehave are not closed",
        "figures",
        "calls_in_flight=0",
    ];
    while let Some(missing) = wanted.iter().find(|words| !host.log().contains(**words)) {
        assert!(
            std::time::Instant::now() < end,
            "no {missing}:\n{}",
            host.log()
        );
        thread::sleep(std::time::Duration::from_millis(10));
    }
}
