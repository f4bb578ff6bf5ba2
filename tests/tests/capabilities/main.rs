//! Proves what a plugin may do beside computing: nothing that its operator doesn't
//! grant, exactly what is granted, and never more by a trick; each refusal with
//! its words, over a real host.

mod asks;
mod at_once;
mod check;
mod files;
mod http;
mod limits;
mod scopes;
mod server;
mod settings;
mod sockets;
mod values;

use fusebox_tests::{Client, Host, Setup};
use serde_json::Value;

/// Both kinds of isolation.
const EACH_ISOLATION: [&str; 2] = ["call", "pooled"];

/// A host of the plugin `reach` with these lines of configuration.
fn host(config: &str) -> Host {
    setup(config).start()
}

fn setup(config: &str) -> Setup {
    Setup::new().plugin("reach").config(config)
}

/// The value of a result, or the text of one that says `isError`.
#[track_caller]
fn call(client: &mut Client, tool: &str, arguments: Value) -> Result<Value, String> {
    let result = client.call(tool, arguments);
    let result = result.unwrap_or_else(|error| panic!("{tool}: {error}"));
    let text = result["content"][0]["text"].as_str().unwrap_or_default();
    match (&result["isError"], &result["structuredContent"]) {
        (Value::Bool(true), _) => Err(text.to_owned()),
        (_, Value::Null) => Ok(text.into()),
        (_, structured) => Ok(structured.get("result").unwrap_or(structured).clone()),
    }
}

/// The error of a call that a plugin could answer.
#[track_caller]
fn refused(client: &mut Client, tool: &str, arguments: Value) -> String {
    match call(client, tool, arguments) {
        Err(text) => text,
        Ok(value) => panic!("{tool} answered {value}"),
    }
}
