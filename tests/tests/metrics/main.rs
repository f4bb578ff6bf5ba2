//! Proves that `/metrics` has the figures of a real host, each with its exact value;
//! that none that only grows falls when a plugin is swapped; that their number is
//! bounded; and who is told them. And that the dashboard, the alerts and the book's
//! page are about the figures that there are.

mod access;
mod bounds;
mod figures;
mod prometheus;
mod published;
mod swaps;

use fusebox_tests::{Client, Host, QUICK, Setup, plugin};
use serde_json::json;

/// Another file that does what a plugin does: `note` is in a section of its own.
fn noted(name: &str, note: u8) -> Vec<u8> {
    let mut bytes = plugin(name);
    // A custom section: its kind, its size, the length of its name, the name.
    bytes.extend([0, 2, 1, note]);
    bytes
}

fn hello(client: &mut Client) {
    assert_eq!(client.text("hello", json!({"name": "Ada"})), "Hello, Ada!");
}

/// A host on which all kinds of things have happened.
fn busy() -> Host {
    let host = Setup::new()
        .plugin("hello")
        .plugin("misbehave")
        .tcp()
        .config("[circuit_breaker]\nfailure_threshold = 2")
        .start();
    let mut client = Client::modern(&host);
    for _ in 0..3 {
        hello(&mut client);
    }
    for _ in 0..3 {
        client
            .call("trap", json!({}))
            .expect_err("a fault, and an open breaker");
    }
    host
}
