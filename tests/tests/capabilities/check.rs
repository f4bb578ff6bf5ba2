//! What `fusebox plugin check` says of what a file asks for, and that a host takes
//! the lines that it prints.

use serde_json::json;

use super::Checked;

#[test]
fn the_grants_that_a_file_needs_can_be_pasted() {
    let file = Checked::new("reach");
    let report = file.says("");
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
    let report = file.says(lines);
    assert_eq!(report["asksUngranted"], json!([]));
    // The others have to name what is meant.
    assert_eq!(report["granted"], json!(["http", "keyvalue"]));
    assert_eq!(report["denied"], json!(["config", "env", "files"]));
    let shown = file.run(&["reach.wasm"]).stdout;
    assert!(shown.contains(lines), "{shown}");
    assert!(
        shown.contains("denied    config, env, http, keyvalue, files"),
        "{shown}"
    );
}

#[test]
fn a_file_that_asks_for_nothing_needs_nothing() {
    let report = Checked::new("hello").says("");
    assert_eq!(report["denied"], json!([]));
    assert_eq!(report["grantsNeeded"], "");
}
