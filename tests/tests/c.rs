//! Proves that the example in C is built as its `Makefile` says, from its WIT alone, and
//! is served like any plugin: as a component with its doc comments, and as the bare
//! module that the compiler makes.

use std::fs;
use std::path::Path;

use fusebox_tests::{Client, Setup, fusebox, node, repository, test_environment, typed};
use serde_json::{Value, json};

/// The file of the module, and of the component made of it.
fn built(folder: &Path) -> [Vec<u8>; 2] {
    for name in ["Makefile", "words.c", "wit/words.wit"] {
        let to = folder.join(name);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::copy(repository().join("examples/c").join(name), to).expect(name);
    }
    let bindgen = test_environment().join("wit-bindgen-0.63.0/bin/wit-bindgen");
    let ran = typed(folder, &format!("make WIT_BINDGEN={}", bindgen.display()));
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    ["words.wasm", "plugins/words.wasm"].map(|name| fs::read(folder.join(name)).expect(name))
}

#[test]
fn the_example_in_c_is_built_and_served() {
    let folder = tempfile::tempdir().expect("a folder");
    let [module, component] = built(folder.path());
    let checked = fusebox(
        folder.path(),
        &["plugin", "check", "--json", "plugins/words.wasm"],
    );
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let report: Value = serde_json::from_str(&checked.stdout).expect("JSON");
    assert_eq!(report["tools"], json!(["count", "word", "longest"]));
    // Its library reaches for nothing of a system.
    assert_eq!(report["imports"], json!([]));

    for (kind, file) in [("module", module), ("component", component)] {
        let host = Setup::new().file("words", &file).start();
        let mut client = Client::modern(&host);
        let listed = client.request("tools/list", json!({}));
        let listed = listed.outcome().expect("the list").clone();
        let described = listed["tools"][0]["description"]
            == "Counts the characters, words and lines of a text.";
        assert_eq!(described, kind == "component", "{kind}: {listed:#}");
        let mut structured = |tool: &str, arguments: Value| {
            let result = client.call(tool, arguments).expect("a result");
            assert_ne!(result["isError"], true, "{result}");
            result["structuredContent"].clone()
        };
        let text = "Über allen\nGipfeln ist Ruh";
        assert_eq!(
            structured("count", json!({"text": text})),
            json!({"characters": 26, "words": 5, "lines": 2}),
            "{kind}"
        );
        assert_eq!(
            structured("word", json!({"text": text, "number": 1})),
            json!({"result": "Über"})
        );
        assert_eq!(
            structured("longest", json!({"text": text, "limit": 2})),
            json!({"result": ["Gipfeln", "Über"]})
        );
        let all = structured("longest", json!({"text": text}));
        assert_eq!(all["result"].as_array().map(Vec::len), Some(5));
        assert_eq!(
            structured("longest", json!({"text": ""})),
            json!({"result": []})
        );
        let missing = client
            .call("word", json!({"text": text, "number": 9}))
            .expect("a result");
        assert_eq!(missing["isError"], true);
        assert_eq!(
            missing["content"][0]["text"],
            "there is no word 9 in it, only 5"
        );
        // And by a client that somebody else made.
        let called = node(
            "call.mjs",
            &[&host.url(), "word", r#"{"text": "one two", "number": 2}"#],
        );
        assert_eq!(called["content"][0]["text"], "two");
    }
}
