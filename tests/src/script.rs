//! Runs the clients of the SDKs and the conformance suite: programs in Node and
//! Python that `cargo xtask test` installed. Gives what they printed; judges
//! nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use serde_json::Value;

use crate::host::stop;
use crate::place;
use crate::wait::until;

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
    let output = output(command);
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
    let output = output(command);
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

/// Runs a program to its end, which must come.
fn output(mut command: Command) -> Output {
    let child = command
        .env("FUSEBOX_TEST_ENV", place::test_environment())
        // Programs that a client starts itself.
        .env("XDG_CACHE_HOME", place::cache())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child =
        Ended(child.unwrap_or_else(|error| panic!("failed to start {command:?}: {error}")));
    let stdout = read(child.0.stdout.take());
    let stderr = read(child.0.stderr.take());
    let status = until("a client has ended", || {
        child.0.try_wait().expect("a child can be waited for")
    });
    Output {
        status,
        stdout: stdout.join().expect("the output is read"),
        stderr: stderr.join().expect("the output is read"),
    }
}

fn read(source: Option<impl std::io::Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut source) = source {
            // What was read before an error is what there is to show.
            let _ = source.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// A process that ends with the value that stands for it.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        stop(&mut self.0);
    }
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
