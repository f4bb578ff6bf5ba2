//! Proves what a plugin may do beside computing: nothing that its operator doesn't
//! grant, exactly what is granted, and never more by a trick; each refusal with
//! its words, over a real host.

mod asks;
mod at_once;
mod check;
mod files;
mod http;
mod limits;
mod scopes;
mod server;
mod settings;
mod sockets;
mod values;

use std::fs;

use fusebox_tests::{Client, Host, Ran, Setup, fusebox, plugin};
use serde_json::Value;
use tempfile::TempDir;

/// Both kinds of isolation.
const EACH_ISOLATION: [&str; 2] = ["call", "pooled"];

/// A host of the plugin `reach` with these lines of configuration.
fn host(config: &str) -> Host {
    setup(config).start()
}

fn setup(config: &str) -> Setup {
    Setup::new().plugin("reach").config(config)
}

/// A plugin's file beside a configuration, for `fusebox plugin check`.
struct Checked {
    folder: TempDir,
    file: String,
}

impl Checked {
    /// The built plugin of this name.
    fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = format!("{name}.wasm");
        fs::write(folder.path().join(&file), plugin(name)).expect("a file");
        Self { folder, file }
    }

    /// What it says under this configuration.
    #[track_caller]
    fn says(&self, config: &str) -> Value {
        fs::write(self.folder.path().join("host.toml"), config).expect("a file");
        let way = ["--json", "--config", "host.toml", &*self.file];
        let ran = self.run(&way);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        serde_json::from_str(&ran.stdout).expect("JSON")
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let all = [&["plugin", "check"], arguments].concat();
        fusebox(self.folder.path(), &all)
    }
}

/// The value of a result, or the text of one that says `isError`.
#[track_caller]
fn call(client: &mut Client, tool: &str, arguments: Value) -> Result<Value, String> {
    let result = client.call(tool, arguments);
    let result = result.unwrap_or_else(|error| panic!("{tool}: {error}"));
    let text = result["content"][0]["text"].as_str().unwrap_or_default();
    match (&result["isError"], &result["structuredContent"]) {
        (Value::Bool(true), _) => Err(text.to_owned()),
        (_, Value::Null) => Ok(text.into()),
        (_, structured) => Ok(structured.get("result").unwrap_or(structured).clone()),
    }
}

/// The error of a call that a plugin could answer.
#[track_caller]
fn refused(client: &mut Client, tool: &str, arguments: Value) -> String {
    match call(client, tool, arguments) {
        Err(text) => text,
        Ok(value) => panic!("{tool} answered {value}"),
    }
}
