//! Runs the clients of the SDKs: programs in Node and Python that `cargo xtask test` installed. Gives what they printed; judges
//! nothing.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::place;
use crate::program;

/// Runs a script of `tests/clients` in Node and gives the JSON that it printed.
///
/// # Panics
/// If it fails, or prints anything else.
pub fn node(script: &str, arguments: &[&str]) -> Value {
    let mut command = Command::new(node_program());
    command.arg(clients().join(script)).args(arguments);
    printed(command)
}

/// Runs a script of `tests/clients` in Python, with its newest client, and gives
/// the JSON that it printed.
///
/// # Panics
/// If it fails, or prints anything else.
pub fn python(script: &str, arguments: &[&str]) -> Value {
    python_of("python", script, arguments)
}

/// The same in one of the other environments, such as `python-1.8`.
///
/// # Panics
/// If it fails, or prints anything else.
pub fn python_of(environment: &str, script: &str, arguments: &[&str]) -> Value {
    let program = place::test_environment()
        .join(environment)
        .join("bin/python");
    let mut command = Command::new(program);
    command.arg(clients().join(script)).args(arguments);
    printed(command)
}

/// Runs a program that is written with rmcp and gives the JSON that it printed.
///
/// # Panics
/// If it fails, or prints anything else.
pub fn peer_says(name: &str, arguments: &[&str]) -> Value {
    let mut command = Command::new(place::peer(name));
    command.args(arguments);
    printed(command)
}

/// JSON has one kind of number, but each language prints it in its own way: all
/// as fractions.
#[must_use]
pub fn with_plain_numbers(value: Value) -> Value {
    match value {
        Value::Number(number) => number
            .as_f64()
            .map_or(Value::Number(number), |number| json!(number)),
        Value::Array(items) => items.into_iter().map(with_plain_numbers).collect(),
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| (name, with_plain_numbers(value)))
                .collect(),
        ),
        other => other,
    }
}

fn printed(command: Command) -> Value {
    let output = program::output(with_environment(command));
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "the client failed ({}): {stdout}{stderr}",
        output.status
    );
    serde_json::from_str(&stdout)
        .unwrap_or_else(|error| panic!("not JSON ({error}): {stdout}{stderr}"))
}

/// A program that finds what the tests installed.
pub(crate) fn with_environment(mut command: Command) -> Command {
    command
        .env("FUSEBOX_TEST_ENV", place::test_environment())
        // Programs that a client starts itself.
        .env("XDG_CACHE_HOME", place::cache());
    command
}

fn clients() -> PathBuf {
    place::repository().join("tests/clients")
}

/// Where the node packages are.
pub(crate) fn modules() -> PathBuf {
    place::test_environment().join("clients/node_modules")
}

/// The Node that the tests installed.
pub(crate) fn node_program() -> PathBuf {
    modules().join("node/bin/node")
}
