//! Proves that plugins come from registries and web servers: fetched, checked, kept,
//! looked at again, swapped in, and refused with the reason; with the registry that
//! Debian has, a real server over TLS, and signatures of minisign.

mod commands;
mod https;
mod killed;
mod oci;
mod registry;
mod signatures;
mod web;

use std::fs;
use std::path::Path;

use fusebox_tests::{Client, Host, Setup};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How often sources are looked at here, and how long the start waits at most.
const OFTEN: &str = "
    [sources]
    interval_ms = 50
    start_wait_ms = 60000
";

/// What outlives a host: a home with credentials, and a cache.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file in the home; gives where it is.
    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file is written");
        path.display().to_string()
    }

    /// A host that has this home and cache, with these keys of `[sources]`.
    fn setup(&self, keys: &str) -> Setup {
        let cache = self.path().join("cache");
        Setup::new()
            .config(&format!("{OFTEN}cache_dir = {cache:?}\n{keys}\n"))
            .variable("HOME", &self.path().display().to_string())
            .variable(
                "DOCKER_CONFIG",
                &self.path().join("docker").display().to_string(),
            )
            .variable(
                "REGISTRY_AUTH_FILE",
                &self.path().join("none").display().to_string(),
            )
            .variable("NETRC", &self.path().join("netrc").display().to_string())
            .variable("NO_PROXY", "127.0.0.1")
    }

    /// With `hello` from this address, and these lines more.
    fn hello(&self, url: &str, more: &str) -> Setup {
        self.setup("").config(&source("hello", url)).config(more)
    }
}

/// A table for the plugin of this name.
fn source(name: &str, url: &str) -> String {
    format!("[plugins.{name}.source]\nurl = {url:?}\n")
}

fn hello(client: &mut Client) -> String {
    client.text("hello", json!({"name": "Ada"}))
}

/// What `/health` says of `hello`, once it can't be served.
#[track_caller]
fn failed(host: &Host) -> String {
    let health = host.health_when("hello has failed", |health| {
        health["plugins"]["hello"]["state"] == "failed"
    });
    text(&health["plugins"]["hello"]["reason"])
}

/// The same for a host that is started only for that.
#[track_caller]
fn refusal(setup: Setup) -> String {
    failed(&setup.start())
}

#[track_caller]
fn text(value: &Value) -> String {
    let text = value.as_str();
    text.unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}
