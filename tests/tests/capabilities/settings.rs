//! Configuration, environment and secrets: who is given them, and where they are
//! not seen.

use std::fs;

use fusebox_tests::{Client, Host, until};
use serde_json::{Value, json};

use super::server::Server;
use super::{EACH_ISOLATION, call, host, refused, setup};

const SECRET: &str = "hunter-\"22\"-ü";

#[test]
fn a_plugin_is_given_what_is_written_for_it() {
    for isolation in EACH_ISOLATION {
        let host = host(&format!(
            "[plugins.reach]\nisolation = \"{isolation}\"\n\
             [plugins.reach.grants.config]\ngreeting = \"Good day\"\nempty = \"\"\n\
             [plugins.reach.grants.env]\nLANG = \"C.UTF-8\"\n"
        ));
        let mut client = Client::modern(&host);
        let mut setting = |key: &str| call(&mut client, "setting", json!({"key": key}));
        assert_eq!(setting("greeting"), Ok("Good day".into()));
        assert_eq!(setting("empty"), Ok("".into()));
        assert_eq!(setting("other"), Ok("nothing".into()));
        assert_eq!(
            call(&mut client, "environment", json!({})),
            Ok(json!(["LANG=C.UTF-8"]))
        );
    }
}

#[test]
fn a_plugin_without_the_grant_is_told_what_would_give_it() {
    let host = host("");
    let mut client = Client::modern(&host);
    let denied = |key: &str| {
        format!(
            "not granted: this plugin has no configuration; `{key}` in [plugins.reach.grants.config] or [plugins.reach.grants.secrets] would give it one"
        )
    };
    let said = refused(&mut client, "setting", json!({"key": "greeting"}));
    assert_eq!(said, denied("greeting"));
    let said = refused(&mut client, "secret_bytes", json!({"key": "token"}));
    assert_eq!(said, denied("token"));
    // The host's own environment is not the plugin's.
    assert_eq!(call(&mut client, "environment", json!({})), Ok(json!([])));
    assert_eq!(host.plugin_health("reach")["faults"], 0);
}

#[test]
fn a_secret_comes_from_the_environment_a_file_or_a_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret");
    fs::write(&file, "in-a-file\n").expect("a file");
    let host = setup(&format!(
        "[plugins.reach.grants.secrets]\nvariable = {{ env = \"REACH_TEST_TOKEN\" }}\n\
         file = {{ file = {file:?} }}\n\
         program = {{ command = [\"echo\", \"of-a-program\"] }}\n\
         [plugins.reach.grants.env]\nTOKEN = {{ env = \"REACH_TEST_TOKEN\" }}\n"
    ))
    .variable("REACH_TEST_TOKEN", "variable")
    .start();
    let mut client = Client::modern(&host);
    for (key, bytes) in [("variable", 8), ("file", 9), ("program", 12)] {
        let counted = call(&mut client, "secret_bytes", json!({"key": key}));
        assert_eq!(counted, Ok(bytes.into()), "{key}");
    }
    assert_eq!(
        refused(&mut client, "secret_bytes", json!({"key": "other"})),
        "not granted: this plugin has no secret `other`; add it to its `grants.secrets`"
    );
    assert_eq!(
        call(&mut client, "environment", json!({})),
        Ok(json!(["TOKEN=variable"]))
    );
}

fn host_with_secret(isolation: &str) -> Host {
    setup(&format!(
        "[plugins.reach]\nisolation = \"{isolation}\"\n[log]\nlevel = \"trace\"\n\
         [plugins.reach.grants.secrets]\ntoken = {{ env = \"REACH_TEST_TOKEN\" }}\n"
    ))
    .variable("REACH_TEST_TOKEN", SECRET)
    .start()
}

/// Whether any of the secret is in a text, in any form of JSON.
#[track_caller]
fn assert_silent(what: &str, text: &str) {
    assert!(!text.contains("hunter"), "{what}: {text}");
}

#[test]
fn a_secret_is_taken_out_of_errors_faults_logs_and_progress() {
    for isolation in EACH_ISOLATION {
        let host = host_with_secret(isolation);
        let mut client = Client::modern(&host);
        let leak = |way: &str| json!({"key": "token", "way": way});
        assert_eq!(
            refused(&mut client, "leak", leak("error")),
            "the server refused ***"
        );
        assert_eq!(
            refused(&mut client, "leak", leak("argument")),
            "invalid arguments: `key`: it is ***"
        );
        let fault = client.call("leak", leak("panic")).expect_err("a fault");
        assert_eq!(fault["data"]["reason"], "panicked");
        assert_silent("the fault", &fault.to_string());
        let mut client = Client::legacy(&host);
        client.request("logging/setLevel", json!({"level": "debug"}));
        for way in ["log", "progress"] {
            let meta = json!({"progressToken": "p"});
            let params = json!({"name": "leak", "arguments": leak(way), "_meta": meta});
            let told = client.request("tools/call", params).notifications;
            let told = Value::from(told).to_string();
            assert!(told.contains("trying ***"), "{way}: {told}");
            assert_silent(way, &told);
        }
        let log = until("the panic is logged", || {
            let log = host.log();
            log.contains("*** is no good").then_some(log)
        });
        assert_silent("the log", &log);
        assert_silent("/health", &host.health().to_string());
        // A result is the plugin's own.
        let result = call(&mut client, "leak", leak("result"));
        assert_eq!(result, Ok(SECRET.into()));
    }
}

#[test]
fn a_secret_reaches_the_server_that_it_is_for() {
    let server = Server::start();
    let host = setup(&format!(
        "[plugins.reach.grants.secrets]\ntoken = {{ env = \"REACH_TEST_TOKEN\" }}\n\
         [plugins.reach.grants.http]\nallow = [\"{}\"]\naddresses = [\"127.0.0.1\"]\n",
        server.url("")
    ))
    .variable("REACH_TEST_TOKEN", "Bearer abc")
    .start();
    let mut client = Client::modern(&host);
    let arguments = json!({"url": server.url("/"), "authorization": "token"});
    assert!(call(&mut client, "fetch", arguments).is_ok());
    let requests = server.requests();
    assert!(
        requests[0].contains("authorization: Bearer abc\r\n"),
        "{requests:?}"
    );
}

#[test]
fn a_plugin_whose_secret_cannot_be_had_is_not_served() {
    let host = setup(
        "[plugins.reach.grants.secrets]\n\
         token = { command = [\"sh\", \"-c\", \"echo hunter; exit 3\"] }\n",
    )
    .plugin("hello")
    .start();
    let failed = host.health()["failed_plugins"].clone();
    let failed = match failed {
        Value::Null => host.plugin_health("reach"),
        failed => failed,
    };
    let failed = failed.to_string();
    let reason = "`plugins.reach.grants.secrets.token`: sh ended with exit status: 3";
    assert!(failed.contains(reason), "{failed}");
    assert_silent("the reason", &failed);
    assert_silent("the log", &host.log());
    let mut client = Client::modern(&host);
    assert_eq!(client.text("hello", json!({"name": "Ada"})), "Hello, Ada!");
}
