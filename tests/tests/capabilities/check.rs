//! What `fusebox plugin check` says of what a file asks for, and that a host takes
//! the lines that it prints.

use std::fs;

use fusebox_tests::{fusebox, plugin};
use serde_json::{Value, json};

#[test]
fn the_grants_that_a_file_needs_can_be_pasted() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::write(at("reach.wasm"), plugin("reach")).expect("a file");
    fs::write(at("host.toml"), "").expect("a file");
    let check = || {
        let arguments = [
            "plugin",
            "check",
            "--json",
            "--config",
            "host.toml",
            "reach.wasm",
        ];
        let ran = fusebox(folder.path(), &arguments);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        serde_json::from_str::<Value>(&ran.stdout).expect("JSON")
    };
    let report = check();
    assert_eq!(
        report["denied"],
        json!(["config", "env", "http", "keyvalue", "files"])
    );
    assert_eq!(report["granted"], json!([]));
    let lines = report["grantsNeeded"].as_str().expect("lines");
    for table in ["config", "secrets", "env", "http", "keyvalue", "files"] {
        let table = format!("[plugins.reach.grants.{table}]\n");
        assert!(lines.contains(&table), "{lines}");
    }
    fs::write(at("host.toml"), lines).expect("a file");
    let report = check();
    assert_eq!(report["asksUngranted"], json!([]));
    // The others have to name what is meant.
    assert_eq!(report["granted"], json!(["http", "keyvalue"]));
    assert_eq!(report["denied"], json!(["config", "env", "files"]));
    let shown = fusebox(folder.path(), &["plugin", "check", "reach.wasm"]).stdout;
    assert!(shown.contains(lines), "{shown}");
    assert!(
        shown.contains("denied    config, env, http, keyvalue, files"),
        "{shown}"
    );
}

#[test]
fn a_file_that_asks_for_nothing_needs_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("hello.wasm"), plugin("hello")).expect("a file");
    let ran = fusebox(folder.path(), &["plugin", "check", "--json", "hello.wasm"]);
    let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(report["denied"], json!([]));
    assert_eq!(report["grantsNeeded"], "");
}
