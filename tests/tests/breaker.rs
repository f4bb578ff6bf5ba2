//! Proves on the wire that a breaker opens at the fifth fault, refuses without
//! entering wasm, leaves its neighbours alone, and closes after three good
//! probes; and that `/health` shows each state.

use fusebox_tests::{Client, Host, Setup, until};
use serde_json::{Value, json};

fn host(config: &str) -> Host {
    Setup::new().plugin("misbehave").config(config).start()
}

fn flip(client: &mut Client, fail: bool) -> Result<Value, Value> {
    client.call("flip", json!({"fail": fail}))
}

#[track_caller]
fn fault(client: &mut Client) {
    let error = flip(client, true).expect_err("a fault");
    assert_eq!(error["data"]["reason"], "trapped", "{error}");
}

fn breaker(host: &Host) -> Value {
    host.plugin_health("misbehave")["breakers"]["flip"].clone()
}

#[test]
fn five_faults_open_it_for_this_tool_alone() {
    let host = host("");
    let mut client = Client::modern(&host);
    for _ in 0..5 {
        assert_eq!(breaker(&host)["state"], "closed");
        fault(&mut client);
    }
    let answer = client.request(
        "tools/call",
        json!({"name": "flip", "arguments": {"fail": false}}),
    );
    let error = answer.outcome().expect_err("an open breaker");
    assert_eq!(error["code"], -32003, "{error}");
    let data = &error["data"];
    assert_eq!(
        (&data["reason"], &data["plugin"], &data["tool"]),
        (&json!("breaker_open"), &json!("misbehave"), &json!("flip"))
    );
    let retry = data["retryAfterMs"].as_u64().expect("when to try again");
    assert!((1..=30_000).contains(&retry), "{error}");
    // The refused call never was a call of the plugin.
    let health = host.plugin_health("misbehave");
    assert_eq!(
        (&health["calls"], &health["faults"]),
        (&json!(5), &json!(5)),
        "{health:#}"
    );
    assert_eq!(client.text("ok", json!({})), "ok");
    let open = breaker(&host);
    assert_eq!(
        (
            &open["state"],
            &open["consecutive_faults"],
            &open["opened_total"]
        ),
        (&json!("open"), &json!(5), &json!(1))
    );
    assert!(
        (1..=30_000).contains(&open["retry_after_ms"].as_u64().expect("a time")),
        "{open}"
    );
    assert_eq!(
        host.plugin_health("misbehave")["breakers"]["ok"]["state"],
        "closed"
    );
}

#[test]
fn a_success_in_between_keeps_it_closed() {
    let host = host("");
    let mut client = Client::modern(&host);
    for _ in 0..2 {
        for _ in 0..4 {
            fault(&mut client);
        }
        flip(&mut client, false).expect("a success");
    }
    let closed = breaker(&host);
    assert_eq!(
        (&closed["state"], &closed["consecutive_faults"]),
        (&json!("closed"), &json!(0))
    );
}

#[test]
fn errors_that_a_tool_means_do_not_count() {
    let host = host("");
    let mut client = Client::modern(&host);
    for _ in 0..10 {
        // The argument is missing: the caller is to blame.
        let answer = client.call("flip", json!({}));
        let blamed_caller = match &answer {
            Ok(result) => result["isError"] == true,
            Err(error) => error["code"] == -32602,
        };
        assert!(blamed_caller, "{answer:?}");
    }
    assert_eq!(breaker(&host)["consecutive_faults"], 0);
    flip(&mut client, false).expect("a success");
}

#[test]
fn three_good_probes_close_it() {
    let host = host(
        "
        [circuit_breaker]
        timeout_ms = 300
    ",
    );
    let mut client = Client::modern(&host);
    for _ in 0..5 {
        fault(&mut client);
    }
    until("a probe is let through", || flip(&mut client, false).ok());
    assert_eq!(breaker(&host)["state"], "half_open");
    flip(&mut client, false).expect("the second probe");
    assert_eq!(breaker(&host)["state"], "half_open");
    flip(&mut client, false).expect("the third probe");
    let closed = breaker(&host);
    assert_eq!(
        (&closed["state"], &closed["opened_total"]),
        (&json!("closed"), &json!(1)),
        "{closed}"
    );
}

#[test]
fn a_fault_among_the_probes_opens_it_again() {
    let host = host(
        "
        [circuit_breaker]
        timeout_ms = 300
    ",
    );
    let mut client = Client::modern(&host);
    for _ in 0..5 {
        fault(&mut client);
    }
    until("a probe is let through", || flip(&mut client, false).ok());
    fault(&mut client);
    assert_eq!(breaker(&host)["opened_total"], 2);
    for _ in 0..3 {
        until("a probe is let through", || flip(&mut client, false).ok());
    }
    assert_eq!(breaker(&host)["state"], "closed");
}
