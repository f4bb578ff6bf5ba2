//! Proves that `fusebox plugin inspect` shows what is in a file: what a client
//! would be told of its tools, its world, and what it was made with.

use std::fs;

use fusebox_tests::{Client, Setup, plugin};
use serde_json::json;

use crate::{bad, empty, good, parsed};

#[test]
fn a_file_is_shown_with_schemas_and_world_and_producers() {
    let folder = empty();
    fs::write(folder.path().join("hello.wasm"), plugin("hello")).expect("a file");
    let line = "fusebox plugin inspect hello.wasm";
    let report = parsed(&good(folder.path(), &format!("{line} --json")));
    assert_eq!(report["bytes"], plugin("hello").len());
    let host = Setup::new().plugin("hello").start();
    let listed = Client::modern(&host).request("tools/list", json!({}));
    let listed = listed.outcome().expect("the list");
    assert_eq!(report["tools"], listed["tools"]);
    let wit = report["wit"].as_str().expect("a text");
    for words in [
        "export fusebox:plugin/tools@0.1.0;",
        "package fusebox:plugin@0.1.0 {",
        "call-tool: func(",
    ] {
        assert!(wit.contains(words), "{wit}");
    }
    let by = &report["producers"]["processed-by"];
    for program in ["wit-bindgen-rust", "wit-component"] {
        assert!(by[program].is_string(), "{report:#}");
    }

    let shown = good(folder.path(), line).stdout;
    assert!(shown.starts_with("hello.wasm: "), "{shown}");
    assert!(shown.contains("\"inputSchema\": {"), "{shown}");
    assert!(shown.contains(wit.trim_end()), "{shown}");
}

#[test]
fn what_a_host_would_not_serve_is_refused() {
    let folder = empty();
    fs::write(folder.path().join("text.wasm"), "hello, world").expect("a file");
    let words = "text.wasm: not WebAssembly";
    bad(folder.path(), "fusebox plugin inspect text.wasm", 1, words);
}
