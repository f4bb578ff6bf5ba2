//! Proves that the scenarios of the conformance suite that need tools, and what
//! tools stand on, pass with the plugin `everything`, in both eras. The suite's
//! own verdict is not enough: a scenario must have checked something.

use std::collections::BTreeMap;

use fusebox_tests::{Setup, conformance};
use serde_json::Value;

/// Required of 2025-11-25. Not here yet: sampling, elicitation, resources,
/// prompts, completion.
const LEGACY: &[&str] = &[
    "dns-rebinding-protection",
    "json-schema-2020-12",
    "logging-set-level",
    "ping",
    "server-initialize",
    "server-session-lifecycle",
    "server-sse-multiple-streams",
    "tools-call-audio",
    "tools-call-embedded-resource",
    "tools-call-error",
    "tools-call-image",
    "tools-call-mixed-content",
    "tools-call-simple-text",
    "tools-call-with-logging",
    "tools-call-with-progress",
    "tools-list",
];

/// Required of 2026-07-28. Not here yet: input-required results, caching of
/// resources and prompts, and those themselves, completion, tasks.
const MODERN: &[&str] = &[
    "dns-rebinding-protection",
    "http-custom-header-server-validation",
    "http-header-validation",
    "json-schema-2020-12",
    "server-sse-multiple-streams",
    "server-stateless",
    "tools-call-audio",
    "tools-call-embedded-resource",
    "tools-call-error",
    "tools-call-image",
    "tools-call-mixed-content",
    "tools-call-simple-text",
    "tools-call-with-progress",
    "tools-list",
];

/// Checks within those scenarios that need what is not here yet: a tool that
/// asks its caller something.
const NOT_YET: &[&str] = &[
    "sep-2575-http-server-no-independent-requests-on-stream",
    "sep-2575-missing-capability-http-400",
    "sep-2575-server-rejects-undeclared-capability",
];

#[test]
fn the_scenarios_of_2025_11_25_pass() {
    check("2025-11-25", LEGACY);
}

#[test]
fn the_scenarios_of_2026_07_28_pass() {
    check("2026-07-28", MODERN);
}

fn check(requirements: &str, must_pass: &[&str]) {
    let host = Setup::new().plugin("everything").start();
    let scenarios = conformance(&host.url(), requirements);
    let passing: Vec<&str> = scenarios
        .iter()
        .filter(|(_, checks)| passes(checks))
        .map(|(name, _)| name.as_str())
        .collect();
    // For whoever widens the table: what else passes, and what does not.
    eprintln!(
        "{requirements}: {} of {} scenarios pass: {passing:?}",
        passing.len(),
        scenarios.len()
    );
    eprintln!("{requirements}: the others: {:?}", others(&scenarios));
    let failing: Vec<String> = must_pass
        .iter()
        .filter(|name| !passing.contains(*name))
        .map(|name| describe(name, scenarios.get(*name)))
        .collect();
    assert!(failing.is_empty(), "{}", failing.join("\n"));
}

/// Whether something was checked, and nothing failed but what is not here yet.
fn passes(checks: &[Value]) -> bool {
    checks.iter().any(|check| check["status"] == "SUCCESS") && failures(checks).next().is_none()
}

fn failures(checks: &[Value]) -> impl Iterator<Item = &Value> {
    checks.iter().filter(|check| {
        let is_known = check["id"].as_str().is_some_and(|id| NOT_YET.contains(&id));
        check["status"] == "FAILURE" && !is_known
    })
}

fn others(scenarios: &BTreeMap<String, Vec<Value>>) -> Vec<&str> {
    scenarios
        .iter()
        .filter(|(_, checks)| !passes(checks))
        .map(|(name, _)| name.as_str())
        .collect()
}

/// Why a scenario does not pass.
fn describe(name: &str, checks: Option<&Vec<Value>>) -> String {
    let Some(checks) = checks else {
        return format!("{name}: the suite did not run it");
    };
    let lines: Vec<String> = failures(checks)
        .map(|check| format!("  {}: {}", check["id"], check["errorMessage"]))
        .collect();
    match lines.is_empty() {
        true => format!("{name}: it checked nothing"),
        false => format!("{name}:\n{}", lines.join("\n")),
    }
}
