//! Proves what the author's commands say of a file: what it is and offers, what a
//! tool of it answers and uses, and why a host would not serve it.

use std::fs;
use std::path::Path;

use fusebox_tests::{Ran, fusebox, plugin};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with a file of a plugin that ships.
fn folder(name: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(format!("{name}.wasm")), plugin(name)).expect("a file");
    folder
}

fn call(name: &str, arguments: &[&str]) -> (Option<i32>, Value) {
    let folder = folder(name);
    let file = format!("{name}.wasm");
    let ran = run(
        folder.path(),
        &[&["call", "--json", &file], arguments].concat(),
    );
    let report = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    (ran.code, report)
}

fn run(folder: &Path, arguments: &[&str]) -> Ran {
    fusebox(folder, &[&["plugin"], arguments].concat())
}

#[test]
fn a_good_file_is_described() {
    let folder = folder("hello");
    let ran = run(folder.path(), &["check", "--json", "hello.wasm"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(report["plugin"], "hello");
    assert_eq!(report["bytes"], plugin("hello").len());
    assert_eq!(report["exports"], json!(["tools"]));
    assert_eq!(report["tools"], json!(["add", "hello"]));
    assert_eq!(report["prompts"], json!([]));
    assert_eq!(report["emptyImports"], json!([]));
    let imports = report["imports"].as_array().expect("imports");
    assert!(
        imports.contains(&json!("fusebox:plugin/request@0.1.0")),
        "{imports:?}"
    );
    let ran = run(folder.path(), &["check", "hello.wasm"]);
    for words in [
        "hello.wasm: a plugin that a host serves",
        "tools     add, hello",
    ] {
        assert!(ran.stdout.contains(words), "{ran:?}");
    }
}

#[test]
fn a_bad_file_is_refused_with_its_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes, reason) in [
        (
            "text.wasm",
            "hello, world",
            "not WebAssembly: it begins with",
        ),
        ("empty.wasm", "", "the file is empty"),
        ("a name.wasm", "", "rename the file"),
    ] {
        fs::write(folder.path().join(name), bytes).expect("a file");
        let ran = run(folder.path(), &["check", name]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
        assert!(ran.stderr.contains(name), "{ran:?}");
        assert!(ran.stderr.contains(reason), "{ran:?}");
    }
    let ran = run(folder.path(), &["check", "absent.wasm"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("can't be read"), "{ran:?}");
}

#[test]
fn a_tool_is_called_and_what_it_used_is_told() {
    let (code, report) = call("hello", &["hello", r#"{"name":"Ada"}"#]);
    assert_eq!(code, Some(0), "{report:#}");
    let result = &report["outcome"]["result"];
    assert_eq!(result["content"][0]["text"], "Hello, Ada!");
    let used = |what: &str| report[what].as_f64().expect("a number");
    for (what, limit) in [
        ("fuel", "fuelMax"),
        ("elapsedMs", "deadlineMs"),
        ("memoryBytes", "memoryMaxBytes"),
    ] {
        assert!(used(what) > 0.0 && used(what) < used(limit), "{report:#}");
    }
}

#[test]
fn what_a_tool_says_meanwhile_is_shown() {
    let (code, report) = call("everything", &["test_tool_with_progress"]);
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!(
        report["said"],
        json!([
            "progress 0 of 100: Starting",
            "progress 50 of 100: Halfway",
            "progress 100 of 100: Complete"
        ])
    );
    let (_, report) = call("everything", &["test_tool_with_logging"]);
    let said = &report["said"];
    assert_eq!(said[0], "info: \"Tool execution started\"", "{said:#}");
}

#[test]
fn what_goes_wrong_is_what_a_client_would_be_told() {
    let (code, report) = call("hello", &["hello", r#"{"name":7}"#]);
    assert_eq!(code, Some(1));
    let result = &report["outcome"]["result"];
    assert_eq!(result["isError"], true, "{report:#}");
    let text = result["content"][0]["text"].as_str().expect("a text");
    assert!(text.contains("/name"), "{text}");
    let (code, report) = call("misbehave", &["trap"]);
    assert_eq!(code, Some(1));
    assert_eq!(report["outcome"]["error"]["data"]["reason"], "trapped");
    let (code, report) = call("everything", &["test_elicitation", r#"{"message":"who?"}"#]);
    assert_eq!(code, Some(1));
    let asks = &report["outcome"]["asks"];
    assert_eq!(asks["resultType"], "input_required", "{report:#}");
}

#[test]
fn the_limits_are_those_of_the_configuration() {
    let folder = folder("misbehave");
    fs::write(
        folder.path().join("fusebox.toml"),
        "[plugins.misbehave]\nfuel = 1000000\n",
    )
    .expect("a file");
    let arguments = [
        "call",
        "--json",
        "--config",
        "fusebox.toml",
        "misbehave.wasm",
        "spin",
    ];
    let ran = run(folder.path(), &arguments);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let data = &report["outcome"]["error"]["data"];
    assert_eq!(data["reason"], "out_of_fuel", "{report:#}");
    assert_eq!(data["key"], "plugins.misbehave.fuel", "{report:#}");
    assert_eq!(report["fuelMax"], 1_000_000);
}

#[test]
fn a_tool_that_is_not_there_and_arguments_that_are_none_are_named() {
    let folder = folder("hello");
    let ran = run(folder.path(), &["call", "hello.wasm", "helo"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stderr
            .contains("no tool `helo` in it; it has add, hello"),
        "{ran:?}"
    );
    let ran = run(folder.path(), &["call", "hello.wasm", "hello", "Ada"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("must be a JSON object"), "{ran:?}");
}
