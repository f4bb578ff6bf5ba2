//! Proves that every scenario of the conformance suite passes with the plugin
//! `everything`, in both eras, but for those that the table names. The suite's
//! own verdict is not enough: a scenario must have checked something.

use fusebox_tests::{Setup, conformance};
use serde_json::Value;

/// How many scenarios the suite runs for each set of requirements; fewer would
/// mean that something was passed over.
const LEGACY_SCENARIOS: usize = 33;
const MODERN_SCENARIOS: usize = 50;

/// Not here yet: long-running tasks (an extension of 2026-07-28).
const NOT_YET: &[&str] = &[
    "tasks-capability-negotiation",
    "tasks-dispatch-and-envelope",
    "tasks-lifecycle",
    "tasks-mrtr-composition",
    "tasks-mrtr-input",
    "tasks-request-headers",
    "tasks-request-state-removal",
    "tasks-required-task-error",
    "tasks-status-notifications",
    "tasks-wire-fields",
];

#[test]
fn the_scenarios_of_2025_11_25_pass() {
    check("2025-11-25", LEGACY_SCENARIOS);
}

#[test]
fn the_scenarios_of_2026_07_28_pass() {
    check("2026-07-28", MODERN_SCENARIOS);
}

fn check(requirements: &str, scenarios_min: usize) {
    let host = Setup::new().plugin("everything").start();
    let scenarios = conformance(&host.url(), requirements);
    eprintln!("{requirements}: {} scenarios", scenarios.len());
    assert!(
        scenarios.len() >= scenarios_min,
        "the suite ran {} scenarios: {:?}",
        scenarios.len(),
        scenarios.keys()
    );
    let failing: Vec<String> = scenarios
        .iter()
        .filter(|(name, checks)| !NOT_YET.contains(&name.as_str()) && !passes(checks))
        .map(|(name, checks)| describe(name, checks))
        .collect();
    assert!(failing.is_empty(), "{}", failing.join("\n"));
}

/// Whether something was checked, and nothing failed.
fn passes(checks: &[Value]) -> bool {
    checks.iter().any(|check| check["status"] == "SUCCESS") && failures(checks).next().is_none()
}

fn failures(checks: &[Value]) -> impl Iterator<Item = &Value> {
    checks.iter().filter(|check| check["status"] == "FAILURE")
}

/// Why a scenario does not pass.
fn describe(name: &str, checks: &[Value]) -> String {
    let lines: Vec<String> = failures(checks)
        .map(|check| format!("  {}: {}", check["id"], check["errorMessage"]))
        .collect();
    match lines.is_empty() {
        true => format!("{name}: it checked nothing"),
        false => format!("{name}:\n{}", lines.join("\n")),
    }
}
