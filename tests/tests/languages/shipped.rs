//! The plugins in Python and JavaScript that ship, `tables` and `reshape`: their own
//! tests, their cases, and what a real host serves of them, in both isolation modes, to
//! the client of the SDK. `cargo xtask test` has built them as an author does; each is
//! compiled once.

use std::fs;
use std::path::PathBuf;

use fusebox_tests::{Client, Host, Setup, node, plugin, repository};
use serde_json::{Value, json};

use crate::good;

/// A plugin, in the folder of its sources.
struct Shipped {
    name: &'static str,
    /// its own tests, as its README has them
    tests: &'static str,
    /// what these print in the end if they pass
    passed: &'static str,
}

const TABLES: Shipped = Shipped {
    name: "tables",
    tests: "python3 -B -m unittest 2>&1",
    passed: "\nOK\n",
};

const RESHAPE: Shipped = Shipped {
    name: "reshape",
    tests: "node --test --test-reporter=tap",
    passed: "\n# fail 0\n",
};

impl Shipped {
    fn folder(&self) -> PathBuf {
        repository().join("plugins").join(self.name)
    }

    /// Its own tests, and then the cases against what was built.
    fn is_tested(&self) {
        let ran = good(&self.folder(), self.tests);
        assert!(ran.stdout.contains(self.passed), "{}", ran.stdout);
        let folder = tempfile::tempdir().expect("a folder");
        let file = format!("{}.wasm", self.name);
        fs::write(folder.path().join(&file), plugin(self.name)).expect("the component");
        let cases = self.folder().join("cases.toml");
        let count = fs::read_to_string(&cases).expect("cases");
        let count = count.matches("[[case]]").count();
        // Compiled here, for the hosts below: it takes longer than a host may to start.
        let line = format!("fusebox plugin test {file} --cases {}", cases.display());
        let ran = good(folder.path(), &line);
        let all = format!(": {count} passed, 0 failed");
        assert!(count > 5 && ran.stdout.contains(&all), "{}", ran.stdout);
    }

    fn served(&self, isolation: &str) -> Host {
        let name = self.name;
        Setup::new()
            .plugin(name)
            .config(&format!("[plugins.{name}]\nisolation = \"{isolation}\"\n"))
            .start()
    }
}

/// What the client of the SDK is answered, once it has checked it by the tool's schema.
fn called(host: &Host, tool: &str, arguments: &Value) -> Value {
    let called = node("call.mjs", &[&host.url(), tool, &arguments.to_string()]);
    let text = called["content"][0]["text"].as_str().expect("a text");
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[track_caller]
fn result(client: &mut Client, method: &str, params: Value) -> Value {
    let outcome = client.request(method, params).outcome();
    outcome.unwrap_or_else(|error| panic!("{method}: {error}"))
}

/// The names in a list, and no tool without a description for the model.
fn tools(client: &mut Client) -> Vec<String> {
    let listed = result(client, "tools/list", json!({}));
    let tools = listed["tools"].as_array().expect("a list").iter();
    let named = tools.map(|tool| {
        assert_ne!(
            tool["description"].as_str().unwrap_or_default(),
            "",
            "{tool}"
        );
        assert_eq!(tool["annotations"]["readOnlyHint"], true, "{tool}");
        tool["name"].as_str().expect("a name").to_owned()
    });
    named.collect()
}

#[test]
fn the_one_in_python_is_tested_and_served() {
    TABLES.is_tested();
    for isolation in ["call", "pooled"] {
        let host = TABLES.served(isolation);
        let arguments =
            json!({"csv": "day,sold\n2026-02-27,1\n2026-03-02,2\n", "columns": ["day"]});
        let summed = called(&host, "summarize", &arguments);
        let dates = json!({"first": "2026-02-27", "last": "2026-03-02", "days": 3});
        let column = &summed["columns"][0];
        assert_eq!(column["dates"], dates, "{isolation}: {summed:#}");

        let mut client = Client::modern(&host);
        let names = tools(&mut client);
        let expected = ["summarize", "correlate", "compare_tables", "diff", "days"];
        assert_eq!(names.len(), expected.len(), "{names:?}");
        assert!(
            expected
                .iter()
                .all(|one| names.iter().any(|name| name == one))
        );
        let read = json!({"uri": "tables://terms/median"});
        let read = result(&mut client, "resources/read", read);
        let text = read["contents"][0]["text"].as_str().expect("a text");
        assert!(text.starts_with("Half of the values"), "{text}");
        let asked = json!({
            "ref": {"type": "ref/resource", "uri": "tables://terms/{name}"},
            "argument": {"name": "name", "value": "me"},
        });
        let completed = result(&mut client, "completion/complete", asked);
        assert_eq!(completed["completion"]["values"], json!(["mean", "median"]));
        let prompt = json!({"name": "report", "arguments": {"csv": "a,b\n1,2\n"}});
        let got = result(&mut client, "prompts/get", prompt);
        let text = got["messages"][0]["content"]["text"].to_string();
        assert!(text.contains("its columns are a, b"), "{text}");
        let again = client.text("diff", json!({"before": "a", "after": "b", "context": 0}));
        assert!(again.ends_with("-a\n+b"), "{again}");
    }
}

#[test]
fn the_one_in_javascript_is_tested_and_served() {
    RESHAPE.is_tested();
    for isolation in ["call", "pooled"] {
        let host = RESHAPE.served(isolation);
        let document = "items:\n  - {id: 1, price: 30}\n  - {id: 2, price: 5}\n";
        let arguments = json!({"document": document, "expression": "max_by(items, &price).id"});
        let found = called(&host, "query", &arguments);
        assert_eq!(found, json!({"found": 1}), "{isolation}");

        let mut client = Client::modern(&host);
        let names = tools(&mut client);
        let expected = ["query", "convert", "compare_documents", "render"];
        assert_eq!(names.len(), expected.len(), "{names:?}");
        assert!(
            expected
                .iter()
                .all(|one| names.iter().any(|name| name == one))
        );
        let read = result(
            &mut client,
            "resources/read",
            json!({"uri": "reshape://jmespath/7"}),
        );
        assert_eq!(read["contents"][0]["text"], "sum(items[].price)");
        let asked = json!({
            "ref": {"type": "ref/resource", "uri": "reshape://jmespath/{number}"},
            "argument": {"name": "number", "value": "7"},
        });
        let completed = result(&mut client, "completion/complete", asked);
        assert_eq!(completed["completion"]["values"], json!(["7"]));
        let arguments = json!({"wanted": "ids", "document": document});
        let prompt = json!({"name": "extract", "arguments": arguments});
        let got = result(&mut client, "prompts/get", prompt);
        assert_eq!(got["messages"][1]["content"]["text"], document);
        let yaml = client.text(
            "convert",
            json!({"document": r#"{"b":[1],"a":2}"#, "to": "yaml", "sort": true}),
        );
        assert_eq!(yaml, "a: 2\nb:\n  - 1");
    }
}
