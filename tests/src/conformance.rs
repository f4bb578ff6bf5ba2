//! Runs the protocol's conformance suites, as npm brings them, against a host.
//! Gives what they checked; judges nothing.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::program;
use crate::script::{modules, node_program, with_environment};

/// The suite that knows both eras.
const CURRENT: &str = "@modelcontextprotocol/conformance";

/// The last release of the suite before it, which knows the older era alone.
const BEFORE: &str = "conformance-0.1";

/// Which scenarios to run.
#[derive(Clone, Copy, Debug)]
pub enum Suite {
    /// what this revision of the protocol requires of a server
    Requirements(&'static str),
    /// every scenario there is, extensions and drafts among them
    All,
    /// those that the older release runs if nothing else is said
    OldActive,
}

impl Suite {
    fn package(self) -> &'static str {
        match self {
            Self::Requirements(_) | Self::All => CURRENT,
            Self::OldActive => BEFORE,
        }
    }

    fn arguments(self) -> [&'static str; 2] {
        match self {
            Self::Requirements(revision) => ["--requirements", revision],
            Self::All => ["--suite", "all"],
            Self::OldActive => ["--suite", "active"],
        }
    }
}

/// Runs a suite against `url`, and gives the checks of each scenario by the
/// scenario's name.
///
/// # Panics
/// If the suite can't be run at all.
pub fn conformance(url: &str, suite: Suite) -> BTreeMap<String, Vec<Value>> {
    let results = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(node_program());
    command
        .arg(modules().join(suite.package()).join("dist/index.js"))
        .args(["server", "--url", url])
        .args(suite.arguments())
        .arg("--output-dir")
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
