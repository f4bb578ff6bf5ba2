//! Proves that a host is configured by variables as by lines of a file: which of them
//! wins, that a name that is none stops the start, and that a value can be taken from
//! the environment without being shown.

use std::fs;
use std::path::Path;

use fusebox_tests::{Client, Ran, Setup, repository, shell};
use serde_json::json;
use tempfile::TempDir;

/// A wrong argument or configuration.
const USAGE: i32 = 2;

fn folder(config: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("my.toml"), config).expect("a configuration is written");
    folder
}

/// Runs a command of the host with these variables.
fn fusebox_with(folder: &Path, variables: &[(&str, &str)], arguments: &str) -> Ran {
    let mut command = shell(folder, &format!("fusebox {arguments}"));
    command.envs(variables.iter().copied());
    let output = command.output().expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it speaks UTF-8");
    Ran {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

#[test]
fn a_variable_changes_what_a_running_host_does() {
    let host = Setup::new()
        .plugin("hello")
        .config("[limits]\nvalidate_arguments = false\n[http]\nbody_max_bytes = 2048")
        .variable("FUSEBOX_HTTP__BODY_MAX_BYTES", "4096")
        .variable("FUSEBOX_PLUGINS__HELLO__PREFIX", "my_")
        .variable("FUSEBOX_PORT", "1")
        .start();
    // The flag --listen has the last word on the port.
    assert_ne!(host.address().port(), 1);
    let mut client = Client::modern(&host);
    let name = "a".repeat(3000);
    let answer = client.text("my_hello", json!({"name": name}));
    assert!(answer.contains(&name));
    let refused = host_refuses(&host, 5000);
    assert_eq!(refused, 413);
}

/// The status of a request with a body of so many bytes.
fn host_refuses(host: &fusebox_tests::Host, bytes: usize) -> u16 {
    let mut connection = fusebox_tests::Connection::open(host.address());
    let headers = [("Content-Type", "application/json")];
    let answer = connection.exchange("POST", "/mcp", &headers, " ".repeat(bytes).as_bytes());
    answer.head.status
}

#[test]
fn a_name_that_is_none_stops_the_start_with_the_nearest() {
    let folder = folder("");
    let ran = fusebox_with(
        folder.path(),
        &[("FUSEBOX_HTTP_BODY_MAX_BYTES", "1")],
        "serve --plugins . --listen 127.0.0.1:0",
    );
    assert_eq!(ran.code, Some(USAGE), "{ran:?}");
    let told =
        "FUSEBOX_HTTP_BODY_MAX_BYTES: sets no key; did you mean FUSEBOX_HTTP__BODY_MAX_BYTES?";
    assert!(ran.stderr.lines().any(|line| line == told), "{ran:?}");
}

#[test]
fn the_file_itself_can_be_named_by_a_variable() {
    let folder = folder("port = 4321");
    let ran = fusebox_with(
        folder.path(),
        &[
            ("FUSEBOX_CONFIG", "my.toml"),
            ("FUSEBOX_MAX_CONNECTIONS", "7"),
        ],
        "config print --origin",
    );
    for line in [
        "port = 4321 # my.toml:1",
        "max_connections = 7 # FUSEBOX_MAX_CONNECTIONS",
        "http.path = \"/mcp\" # default",
    ] {
        assert!(ran.stdout.lines().any(|one| one == line), "{line}: {ran:?}");
    }
}

#[test]
fn a_reference_is_resolved_or_its_line_is_named() {
    let folder = folder("[log]\n\nlevel = \"${MY_LEVEL}\"\n");
    let check = "config check my.toml";
    let ran = fusebox_with(folder.path(), &[], check);
    assert_eq!(ran.code, Some(USAGE), "{ran:?}");
    let told = "my.toml:3: the environment has no variable `MY_LEVEL`; set it, or write ${MY_LEVEL:default}";
    assert!(ran.stderr.lines().any(|line| line == told), "{ran:?}");
    let ran = fusebox_with(folder.path(), &[("MY_LEVEL", "debug")], check);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn the_schema_that_is_printed_is_the_one_beside_the_default_file() {
    let folder = folder("");
    let ran = fusebox_with(folder.path(), &[], "config schema");
    let file = repository().join("config/fusebox.schema.json");
    let file = fs::read_to_string(file).expect("the schema");
    assert!(ran.code == Some(0) && ran.stdout == file, "{ran:?}");
}

#[test]
fn what_another_file_would_change_is_told_before_it_does() {
    let folder = folder("port = 1\n[plugins.a.grants.config]\nkey = \"hunter2\"\n");
    let other = "port = 2\n[limits]\nfuel = 5000\n[stream]\nidle_timeout_ms = 7\n\
                 [plugins.a.grants.config]\nkey = \"hunter3\"\n";
    fs::write(folder.path().join("new.toml"), other).expect("a configuration is written");
    let ran = fusebox_with(folder.path(), &[], "config diff my.toml new.toml");
    let expected = "port: 1 -> 2 (at the next start)\n\
                    stream.idle_timeout_ms: 1800000 -> 7 (for new connections)\n\
                    limits.fuel: 10000000000 -> 5000 (at once)\n\
                    plugins.a.grants.config.key: another value (not shown) (at once)\n";
    assert_eq!((ran.code, &*ran.stdout), (Some(0), expected), "{ran:?}");
    let ran = fusebox_with(folder.path(), &[], "config diff my.toml my.toml");
    assert_eq!((ran.code, &*ran.stdout), (Some(0), ""), "{ran:?}");
}
