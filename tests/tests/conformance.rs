//! Proves that every scenario of the conformance suites passes with the plugin
//! `everything`, in both eras. The suite's
//! own verdict is not enough: a scenario must have checked something.

use fusebox_tests::{Setup, Suite, conformance};
use serde_json::Value;

/// What the suite itself passes over, because it can't check it yet.
const SKIPPED: &[&str] = &["tasks-status-notifications"];

#[test]
fn the_scenarios_of_2025_11_25_pass() {
    check(Suite::Requirements("2025-11-25"), 33);
}

#[test]
fn the_scenarios_of_2026_07_28_pass() {
    check(Suite::Requirements("2026-07-28"), 50);
}

#[test]
fn every_scenario_there_is_passes() {
    check(Suite::All, 65);
}

#[test]
fn the_scenarios_of_the_older_suite_pass() {
    check(Suite::OldActive, 30);
}

/// `scenarios_min`: how many scenarios the suite runs; fewer would mean that
/// something was passed over.
fn check(suite: Suite, scenarios_min: usize) {
    let host = Setup::new().plugin("everything").start();
    let scenarios = conformance(&host.url(), suite);
    eprintln!("{suite:?}: {} scenarios", scenarios.len());
    assert!(
        scenarios.len() >= scenarios_min,
        "the suite ran {} scenarios: {:?}",
        scenarios.len(),
        scenarios.keys()
    );
    let failing: Vec<String> = scenarios
        .iter()
        .filter(|(name, checks)| !passes(name, checks))
        .map(|(name, checks)| describe(name, checks))
        .collect();
    assert!(failing.is_empty(), "{}", failing.join("\n"));
}

/// Whether something was checked, and nothing failed.
fn passes(name: &str, checks: &[Value]) -> bool {
    let wanted = match SKIPPED.contains(&name) {
        true => "SKIPPED",
        false => "SUCCESS",
    };
    checks.iter().any(|check| check["status"] == wanted) && failures(checks).next().is_none()
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
