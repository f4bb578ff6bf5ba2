//! What the interface does when it is told to.

use fusebox_tests::{Client, until};
use serde_json::{Value, json};

use crate::{Administered, check_refused};

fn open_the_breaker(one: &Administered) -> Client {
    let mut client = Client::modern(&one.host);
    for _ in 0..5 {
        let error = client.call("flip", json!({"fail": true}));
        assert_eq!(error.expect_err("a fault")["data"]["reason"], "trapped");
    }
    let refused = client.call("flip", json!({"fail": false}));
    assert_eq!(refused.expect_err("open")["data"]["reason"], "breaker_open");
    client
}

fn fuse(one: &Administered) -> Value {
    one.get("status")["plugins"]["misbehave"]["breakers"]["flip"].clone()
}

#[test]
fn a_breaker_is_closed_by_order() {
    let one = Administered::misbehaving("");
    let mut client = open_the_breaker(&one);
    assert_eq!(fuse(&one)["state"], "open");
    let done = one.done("breakers/misbehave/flip/reset", &Value::Null);
    assert_eq!(done["was"], "open", "{done}");
    let closed = fuse(&one);
    assert_eq!(
        (&closed["state"], &closed["consecutive_faults"]),
        (&json!("closed"), &json!(0))
    );
    client
        .call("flip", json!({"fail": false}))
        .expect("it passes");
    let done = one.done("breakers/misbehave/flip/reset", &Value::Null);
    assert_eq!(done["was"], "closed", "{done}");
    // It is a fuse as before.
    open_the_breaker(&one);
}

#[test]
fn what_is_not_there_can_not_be_reset() {
    let one = Administered::misbehaving("");
    let order = |path: &str| one.order(path, &Value::Null);
    let refused = order("breakers/nobody/flip/reset");
    check_refused(&refused, 404, "no_such_plugin");
    let refused = order("breakers/misbehave/no%20body/reset");
    check_refused(&refused, 404, "no_such_handler");
    let message = refused.json()["error"]["message"].to_string();
    assert!(message.contains("no body"), "{message}");
}

#[test]
fn the_log_says_as_much_as_it_is_told_to() {
    let one = Administered::misbehaving("");
    let told_of_calls = |text: &str| text.contains("fuel=");
    let mut client = Client::modern(&one.host);
    client.text("ok", json!({}));
    assert!(!told_of_calls(&one.host.log()));
    let done = one.done("log-level", &json!({"level": "debug"}));
    assert_eq!(done["was"], "info");
    client.text("ok", json!({}));
    until("the log tells of calls", || {
        told_of_calls(&one.host.log()).then_some(())
    });
    let refused = one.order("log-level", &json!({"level": "a=b=c"}));
    check_refused(&refused, 400, "bad_body");
    let done = one.done("log-level", &json!({"level": "warn"}));
    assert_eq!(done["was"], "debug");
    assert_eq!(one.get("snapshot")["figures"]["log_level"], "warn");
}

#[test]
fn each_order_is_written_down_with_who_gave_it() {
    let one = Administered::misbehaving("");
    one.done("drain", &Value::Null);
    one.done("resume", &Value::Null);
    one.order("breakers/nobody/flip/reset", &Value::Null);
    for line in [
        "who=127.0.0.1 by token",
        "order=\"drain\"",
        "order=\"resume\"",
        "an order was not carried out",
    ] {
        until(&format!("the log says {line}"), || {
            one.host.log().contains(line).then_some(())
        });
    }
    let snapshot = one.get("snapshot");
    let orders: Vec<(&str, &str)> = snapshot["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .filter(|one| one["kind"] == "order")
        .map(|one| {
            let text = |key: &str| one[key].as_str().expect("a text");
            assert_eq!(text("who"), "127.0.0.1 by token");
            (text("order"), text("outcome"))
        })
        .collect();
    assert_eq!(
        orders,
        [
            ("drain", "the host takes nobody new"),
            ("resume", "the host takes everybody again"),
            (
                "reset the breaker of flip of plugin nobody",
                "there is no plugin `nobody`; known are [\"misbehave\"]"
            )
        ]
    );
}
