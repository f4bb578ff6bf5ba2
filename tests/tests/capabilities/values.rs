//! What a plugin keeps beyond a call: its own, within its quota, and durable.

use std::path::Path;
use std::thread;

use fusebox_tests::Client;
use serde_json::json;

use super::{EACH_ISOLATION, call, host, refused, setup};

fn granted(store: &Path, lines: &str) -> String {
    format!("[keyvalue]\nstore = {store:?}\n[plugins.reach.grants.keyvalue]\n{lines}\n")
}

#[test]
fn what_is_kept_outlives_the_call_and_the_host() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("kept.redb");
    for (round, isolation) in EACH_ISOLATION.into_iter().enumerate() {
        let pooled = format!("[plugins.reach]\nisolation = \"{isolation}\"\n");
        let mut host = host(&(granted(&store, "") + &pooled));
        let mut client = Client::modern(&host);
        let before = call(&mut client, "kept", json!({"key": "a"})).expect("an answer");
        let expected = ["nothing", "0"][round];
        assert_eq!(before, expected);
        let value = json!({"key": "a", "value": round.to_string()});
        call(&mut client, "keep", value).expect("it is kept");
        // What was told to be kept is on the disk.
        host.kill();
    }
    let host = host(&granted(&store, ""));
    let mut client = Client::modern(&host);
    assert_eq!(
        call(&mut client, "kept", json!({"key": "a"})),
        Ok("1".into())
    );
    call(&mut client, "forget", json!({"key": "a"})).expect("it is forgotten");
    assert_eq!(call(&mut client, "kept_keys", json!({})), Ok(json!([])));
}

#[test]
fn a_plugin_without_the_grant_keeps_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("kept.redb");
    let host = host(&format!("[keyvalue]\nstore = {store:?}\n"));
    let mut client = Client::modern(&host);
    for (tool, arguments) in [
        ("keep", json!({"key": "a", "value": "b"})),
        ("kept", json!({"key": "a"})),
        ("count", json!({"key": "a"})),
        ("kept_keys", json!({})),
    ] {
        assert_eq!(
            refused(&mut client, tool, arguments),
            "not granted: this plugin may keep nothing; [plugins.reach.grants.keyvalue] would allow it"
        );
    }
    assert!(!store.exists(), "no file is made");
    assert_eq!(host.plugin_health("reach")["faults"], 0);
}

#[test]
fn a_quota_is_not_passed() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("kept.redb");
    let host = host(&granted(
        &store,
        "max_keys = 2\nmax_bytes = 100\nvalue_max_bytes = 60",
    ));
    let mut client = Client::modern(&host);
    let keep = |key: &str, bytes: usize| json!({"key": key, "value": "x".repeat(bytes)});
    let over = |what: &str, key: &str| {
        format!(
            "quota: this plugin may keep {what}; `{key}` in [plugins.reach.grants.keyvalue] raises it"
        )
    };
    assert_eq!(
        refused(&mut client, "keep", keep("a", 61)),
        over("no larger value (60)", "value_max_bytes")
    );
    call(&mut client, "keep", keep("a", 60)).expect("it fits");
    assert_eq!(
        refused(&mut client, "keep", keep("b", 40)),
        over("no more bytes (100)", "max_bytes")
    );
    call(&mut client, "keep", keep("b", 38)).expect("it fits");
    assert_eq!(
        refused(&mut client, "keep", keep("c", 0)),
        over("no more keys (2)", "max_keys")
    );
    assert_eq!(
        refused(&mut client, "count", json!({"key": "c"})),
        over("no more keys (2)", "max_keys")
    );
    assert_eq!(
        call(&mut client, "kept_keys", json!({})),
        Ok(json!(["a", "b"]))
    );
}

#[test]
fn no_plugin_sees_the_values_of_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("kept.redb");
    let config = granted(&store, "")
        + "[plugins.other]\nprefix = \"other_\"\n[plugins.other.grants.keyvalue]\nmax_keys = 5\n";
    let reach = fusebox_tests::plugin("reach");
    let host = setup(&config).file("other", &reach).start();
    let mut client = Client::modern(&host);
    let value = json!({"key": "a", "value": "of reach"});
    call(&mut client, "keep", value).expect("it is kept");
    assert_eq!(
        call(&mut client, "other_kept", json!({"key": "a"})),
        Ok("nothing".into())
    );
    assert_eq!(
        call(&mut client, "other_kept_keys", json!({})),
        Ok(json!([]))
    );
}

#[test]
fn no_count_is_lost_among_callers() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("kept.redb");
    let host = host(&granted(&store, ""));
    thread::scope(|scope| {
        for _ in 0..4 {
            let mut client = Client::modern(&host);
            scope.spawn(move || {
                for _ in 0..25 {
                    call(&mut client, "count", json!({"key": "n"})).expect("a sum");
                }
            });
        }
    });
    let mut client = Client::modern(&host);
    assert_eq!(
        call(&mut client, "kept", json!({"key": "n"})),
        Ok("100".into())
    );
}
