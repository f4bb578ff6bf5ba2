//! Proves that components which this version of the project didn't build are served:
//! a plugin from before its last change, byte for byte, and one in the style of
//! another host.

use std::fs;

use fusebox_tests::{Client, Era, Setup, fusebox, plugin, repository};
use serde_json::{Value, json};

#[test]
fn a_plugin_that_was_built_before_is_served_as_it_was_then() {
    let path = repository().join("tests/fixtures/components/hello-0.1.0.wasm");
    let bytes = fs::read(path).expect("the component");
    for isolation in ["call", "pooled"] {
        let host = Setup::new()
            .file("hello", &bytes)
            .config(&format!("[limits]\nisolation = \"{isolation}\""))
            .start();
        for era in [Era::Legacy, Era::Modern] {
            let mut client = Client::of(era, &host);
            assert_eq!(client.text("hello", json!({"name": "Ada"})), "Hello, Ada!");
            let listed = client.request("tools/list", json!({})).outcome();
            let listed = listed.expect("a list");
            assert_eq!(listed["tools"][1]["name"], "hello", "{listed}");
            let misfit = client.call("hello", json!({})).expect("a result");
            assert_eq!(misfit["isError"], true, "{misfit}");
        }
        let health = host.plugin_health("hello");
        assert_eq!(health["state"], "serving", "{health}");
        assert_eq!(health["faults"], 0, "{health}");
        assert!(health.get("asks_ungranted").is_none(), "{health}");
    }
}

/// What a tool of `librarian` answers: its result, or the text of its error.
#[track_caller]
fn ask(client: &mut Client, tool: &str, arguments: Value) -> Result<Value, String> {
    let result = client.call(tool, arguments);
    let result = result.unwrap_or_else(|error| panic!("{tool}: {error}"));
    match result["isError"] == true {
        true => Err(result["content"][0]["text"]
            .as_str()
            .expect("a text")
            .to_owned()),
        false => Ok(result["structuredContent"]["result"].clone()),
    }
}

#[test]
fn plain_functions_with_files_and_errors_of_text_are_tools() {
    let books = tempfile::tempdir().expect("a folder");
    let at = |name: &str| books.path().join(name);
    fs::write(at("poem.txt"), "one swallow\ntwo summers\none more").expect("a file");
    fs::create_dir(at("old")).expect("a folder");
    for isolation in ["call", "pooled"] {
        let folder = books.path();
        let host = Setup::new()
            .plugin("librarian")
            .config(&format!(
                "[limits]\nisolation = \"{isolation}\"\n\
                 [plugins.librarian.grants.files]\n\"/books\" = {{ path = {folder:?} }}"
            ))
            .start();
        for era in [Era::Legacy, Era::Modern] {
            let client = &mut Client::of(era, &host);
            assert_eq!(
                ask(client, "shelf", json!({"folder": "/books"})),
                Ok(json!(["old/", "poem.txt"])),
            );
            assert_eq!(
                ask(
                    client,
                    "search",
                    json!({"path": "/books/poem.txt", "word": "one"})
                ),
                Ok(json!([[1, "one swallow"], [3, "one more"]])),
            );
            for (tool, arguments, error) in [
                (
                    "lend",
                    json!({"path": "/books/none"}),
                    "failed to open /books/none: no-entry",
                ),
                (
                    "lend",
                    json!({"path": "/books/../etc/passwd"}),
                    "failed to open /books/../etc/passwd: not-permitted",
                ),
                (
                    "lend",
                    json!({"path": "/etc/passwd"}),
                    "failed to open /etc/passwd: no folder that is there holds it",
                ),
                (
                    "store",
                    json!({"path": "/books/new.txt", "text": "x"}),
                    "failed to open /books/new.txt: not-permitted",
                ),
            ] {
                assert_eq!(ask(client, tool, arguments), Err(error.to_owned()));
            }
        }
        assert_eq!(host.plugin_health("librarian")["faults"], 0);
    }
    assert!(!at("new.txt").exists(), "nothing is written");
    let host = Setup::new()
        .plugin("librarian")
        .config(&format!(
            "[plugins.librarian.grants.files]\n\"/books\" = {{ path = {:?}, write = true }}",
            books.path()
        ))
        .start();
    let client = &mut Client::modern(&host);
    assert_eq!(
        ask(
            client,
            "store",
            json!({"path": "/books/new.txt", "text": "äx"})
        ),
        Ok("/books/new.txt has 3 bytes now".into()),
    );
    assert_eq!(fs::read_to_string(at("new.txt")).expect("a file"), "äx");
}

#[test]
fn what_it_would_need_is_told_before_it_is_served() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("librarian.wasm"), plugin("librarian")).expect("a file");
    let ran = fusebox(
        folder.path(),
        &["plugin", "check", "--json", "librarian.wasm"],
    );
    let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(report["denied"], json!(["files"]), "{report:#}");
    assert_eq!(report["functions"]["lend"], "lend", "{report:#}");
    assert_eq!(report["notServed"], json!({}), "{report:#}");
    // It is loaded without the grant, and finds no folder.
    let host = Setup::new().plugin("librarian").start();
    assert_eq!(
        ask(
            &mut Client::modern(&host),
            "lend",
            json!({"path": "/books/poem.txt"})
        ),
        Err("failed to open /books/poem.txt: no folder that is there holds it".to_owned()),
    );
}
