//! A version that answers the same and fails nothing, and only takes longer, is taken
//! back for that.

use fusebox_tests::{Client, QUICK, Setup};
use serde_json::{Value, json};

use crate::{HOUR, events_of};

/// Turns of a loop that a call of the old version makes.
const TURNS: u32 = 20_000;

/// So many times more of the new one: whatever else the machine does, that shows.
const MORE: u32 = 1000;

/// A component with one tool, which goes round so many times before it answers.
fn worker(turns: u32) -> Vec<u8> {
    let text = format!(
        r#"(component
            (core module $m
                (func (export "work") (param $seed i32) (result i32)
                    (local $left i32)
                    (local.set $left (i32.const {turns}))
                    (loop $again
                        (local.set $seed
                            (i32.add (i32.mul (local.get $seed) (i32.const 31)) (local.get $left)))
                        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                        (br_if $again (local.get $left)))
                    (i32.and (local.get $seed) (i32.const 0))))
            (core instance $i (instantiate $m))
            (func (export "work") (param "seed" u32) (result u32)
                (canon lift (core func $i "work"))))"#
    );
    wat::parse_str(text).expect("a component")
}

#[test]
fn a_version_that_is_only_slower_is_taken_back_for_its_times() {
    let config = format!("{QUICK}[canary]\nenabled = true\n{HOUR}steps = [50, 100]");
    let setup = Setup::new().file("worker", &worker(TURNS));
    let host = setup.config(&config).start();
    host.put("worker", &worker(TURNS * MORE));
    let health = host.health_when("it is tried", |health| {
        health["plugins"]["worker"]["canary"].is_object()
    });
    let canary = &health["plugins"]["worker"]["canary"];
    assert_eq!([&canary["handlers"], &canary["handlers_apart"]], [1, 0]);
    let mut client = Client::modern(&host);
    // One after the other: neither version waits for calls of the other.
    let mut taken_back = Value::Null;
    for _ in 0..400 {
        let result = client.call("work", json!({"seed": 7})).expect("no fault");
        assert_ne!(result["isError"], true, "{result}");
        let health = host.plugin_health("worker");
        if health["passed_over"]["rolled_back"] == true {
            taken_back = health;
            break;
        }
    }
    let reason = taken_back["passed_over"]["reason"].as_str();
    let reason = reason.expect("it was rolled back while it was called");
    assert!(reason.starts_with("rolled back: half of its"), "{reason}");
    assert!(reason.contains("with the version before it"), "{reason}");
    assert_eq!(taken_back["faults"], 0, "{taken_back:#}");
    let expected = ["loaded", "canary_started", "rolled_back"];
    assert_eq!(events_of(&host, "worker"), expected);
    // The old one serves on.
    client.call("work", json!({"seed": 7})).expect("an answer");
}
