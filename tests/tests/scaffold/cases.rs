//! Proves that `fusebox plugin test` tells a plugin that does what its cases say
//! from one that doesn't, and says where the difference is.

use std::fs;
use std::path::Path;

use fusebox_tests::plugin;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{USAGE, bad, empty, good, parsed, typed};

/// A folder with a plugin that ships, and these cases.
fn folder(name: &str, cases: &str) -> TempDir {
    let folder = empty();
    fs::write(folder.path().join(format!("{name}.wasm")), plugin(name)).expect("a file");
    fs::write(folder.path().join("cases.toml"), cases).expect("a file");
    folder
}

/// Cases that fail: their report for programs.
#[track_caller]
fn failed(folder: &Path, line: &str) -> Value {
    let ran = typed(folder, line);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    parsed(&ran)
}

#[test]
fn cases_that_hold_pass() {
    let cases = r#"
        [[case]]
        tool = "add"
        arguments = { a = 2, b = 1 }
        structured = { result = 3 }
        [[case]]
        name = "greets"
        tool = "hello"
        arguments = '{"name":"Ada"}'
        text = "Hello, Ada!"
        contains = "Ada"
        [[case]]
        name = "a number is no name"
        tool = "hello"
        arguments = { name = 7 }
        error = { kind = "tool", contains = "/name" }
    "#;
    let folder = folder("hello", cases);
    let ran = good(folder.path(), "fusebox plugin test hello.wasm");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    for (line, beginning) in lines.iter().zip([
        "ok   case 1, add (",
        "ok   greets (",
        "ok   a number is no name (",
        "hello.wasm: 3 passed, 0 failed",
    ]) {
        assert!(line.starts_with(beginning), "{ran:?}");
    }
    assert_eq!(lines.len(), 4);
}

#[test]
fn faults_and_questions_are_expected_by_their_kind() {
    let cases = r#"
        [[case]]
        tool = "trap"
        error = { kind = "trapped", contains = "it trapped" }
        [[case]]
        tool = "spin"
        error = { kind = "out_of_fuel", contains = "plugins.misbehave.fuel" }
    "#;
    let folder = folder("misbehave", cases);
    let config = "[plugins.misbehave]\nfuel = 1000000\n";
    fs::write(folder.path().join("limits.toml"), config).expect("a file");
    let line = "fusebox plugin test misbehave.wasm --config limits.toml --json";
    let report = parsed(&good(folder.path(), line));
    assert_eq!(report["passed"], 2, "{report:#}");
    assert!(report["cases"][1]["fuel"].as_u64() >= Some(1_000_000));

    let cases = r#"
        [[case]]
        tool = "test_elicitation"
        arguments = { message = "who?" }
        error = { kind = "asks", contains = "who?" }
    "#;
    let folder = self::folder("everything", cases);
    good(folder.path(), "fusebox plugin test everything.wasm");
}

#[test]
fn a_case_that_fails_shows_what_is_otherwise() {
    let cases = r#"
        [[case]]
        name = "sum"
        tool = "add"
        arguments = { a = 2, b = 1 }
        structured = { result = 4 }
        [[case]]
        name = "greeting"
        tool = "hello"
        arguments = { name = "Ada" }
        text = "Good day, Ada!"
        [[case]]
        name = "no name"
        tool = "hello"
        [[case]]
        name = "too good"
        tool = "hello"
        arguments = { name = "Ada" }
        error = {}
        [[case]]
        name = "other tool"
        tool = "helo"
    "#;
    let folder = folder("hello", cases);
    let line = "fusebox plugin test hello.wasm";
    let ran = typed(folder.path(), line);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let difference = "     structured/result\n       expected 4\n       got      3.0\n";
    assert!(ran.stdout.starts_with("FAIL sum ("), "{ran:?}");
    assert!(ran.stdout.contains(difference), "{}", ran.stdout);
    assert!(
        ran.stdout.ends_with("hello.wasm: 0 passed, 5 failed\n"),
        "{ran:?}"
    );

    let report = failed(folder.path(), &format!("{line} --json"));
    let first = |index: usize| report["cases"][index]["differences"][0].clone();
    assert_eq!(
        first(1),
        json!({"at": "text", "expected": "Good day, Ada!", "got": "Hello, Ada!"})
    );
    assert_eq!(first(2)["at"], "outcome");
    assert_eq!(first(2)["expected"], "a result");
    assert!(
        first(2)["got"]
            .as_str()
            .is_some_and(|got| got.starts_with("tool: "))
    );
    assert_eq!(
        first(3),
        json!({"at": "outcome", "expected": "an error", "got": "Hello, Ada!"})
    );
    assert_eq!(
        first(4)["got"],
        "there is no tool `helo` in it; it has add, hello"
    );
}

#[test]
fn a_mistake_in_a_file_of_cases_is_named_before_anything_is_called() {
    let folder = folder("hello", "[[case]]\ntol = \"add\"\n");
    let folder = folder.path();
    let line = "fusebox plugin test hello.wasm";
    bad(
        folder,
        line,
        USAGE,
        "cases.toml: case 1: unknown key `tol`; did you mean `tool`?",
    );
    let absent = format!("{line} --cases absent.toml");
    bad(
        folder,
        &absent,
        USAGE,
        "absent.toml: the cases can't be read",
    );
}
