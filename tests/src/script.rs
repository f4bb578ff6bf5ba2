//! Runs the clients of the SDKs and the conformance suite: programs in Node and
//! Python that `cargo xtask test` installed. Gives what they printed; judges
//! nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

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

/// Runs a script of `tests/clients` in Python and gives the JSON that it printed.
///
/// # Panics
/// If it fails, or prints anything else.
pub fn python(script: &str, arguments: &[&str]) -> Value {
    let mut command = Command::new(place::test_environment().join("python/bin/python"));
    command.arg(clients().join(script)).args(arguments);
    printed(command)
}

/// Runs what a revision of the protocol requires of a server against `url`, and
/// gives the checks of each scenario by the scenario's name.
///
/// # Panics
/// If the suite can't be run at all.
pub fn conformance(url: &str, requirements: &str) -> BTreeMap<String, Vec<Value>> {
    let results = tempfile::tempdir().expect("a temporary folder");
    let suite = modules().join("@modelcontextprotocol/conformance/dist/index.js");
    let mut command = Command::new(node_program());
    command
        .arg(suite)
        .args([
            "server",
            "--url",
            url,
            "--requirements",
            requirements,
            "--output-dir",
        ])
        .arg(results.path());
    // Its exit code says whether everything passed; which scenarios must is up to the test.
    let output = program::output(with_environment(command));
    let mut scenarios = BTreeMap::new();
    for entry in std::fs::read_dir(results.path()).expect("the results") {
        let folder = entry.expect("a result").path();
        let name = scenario(&folder.file_name().unwrap_or_default().to_string_lossy());
        let checks = std::fs::read(folder.join("checks.json")).expect("the checks of a scenario");
        scenarios.insert(
            name,
            serde_json::from_slice(&checks).expect("checks are a list"),
        );
    }
    assert!(
        !scenarios.is_empty(),
        "the suite ran nothing: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    scenarios
}

/// A folder is called `server-<scenario>-2026-11-24T00-47-14-398Z`.
fn scenario(folder: &str) -> String {
    const TIME: usize = "-2026-11-24T00-47-14-398Z".len();
    let name = folder.strip_prefix("server-").unwrap_or(folder);
    name[..name.len().saturating_sub(TIME)].to_owned()
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

fn with_environment(mut command: Command) -> Command {
    command
        .env("FUSEBOX_TEST_ENV", place::test_environment())
        // Programs that a client starts itself.
        .env("XDG_CACHE_HOME", place::cache());
    command
}

fn clients() -> PathBuf {
    place::repository().join("tests/clients")
}

fn modules() -> PathBuf {
    place::test_environment().join("clients/node_modules")
}

fn node_program() -> PathBuf {
    modules().join("node/bin/node")
}
