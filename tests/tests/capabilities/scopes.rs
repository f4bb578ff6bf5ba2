//! What a plugin keeps for one session or one caller: seen by nobody else, within
//! its own quota, and gone when it should be.

use std::path::Path;

use fusebox_tests::{Client, until};
use serde_json::{Value, json};

use super::{EACH_ISOLATION, call, host, refused};

fn granted(store: &Path, lines: &str) -> String {
    format!("[keyvalue]\nstore = {store:?}\n{lines}\n")
}

const ALL: &str =
    "[plugins.reach.grants]\nkeyvalue = {}\nkeyvalue_session = {}\nkeyvalue_caller = {}";

fn keep(whose: &str, value: &str) -> Value {
    json!({"key": "a", "value": value, "whose": whose})
}

fn key(whose: &str) -> Value {
    json!({"key": "a", "whose": whose})
}

#[test]
fn each_scope_is_a_store_of_its_own_and_no_session_sees_another() {
    for isolation in EACH_ISOLATION {
        let folder = tempfile::tempdir().expect("a folder");
        let store = folder.path().join("kept.redb");
        let pooled = format!("[limits]\nisolation = \"{isolation}\"\n");
        let mut host = host(&(pooled + &granted(&store, ALL)));
        let [mut one, mut other] = [Client::legacy(&host), Client::legacy(&host)];
        for whose in ["everybody", "session", "caller"] {
            call(&mut one, "keep", keep(whose, whose)).expect("it is kept");
        }
        for (client, session) in [(&mut one, "session"), (&mut other, "nothing")] {
            for (whose, expected) in [
                ("everybody", "everybody"),
                ("session", session),
                // Nobody is authenticated here: all callers are one.
                ("caller", "caller"),
            ] {
                assert_eq!(
                    call(client, "kept", key(whose)),
                    Ok(expected.into()),
                    "{isolation}: {whose}"
                );
            }
        }
        call(&mut other, "keep", keep("session", "mine")).expect("it is kept");
        assert_eq!(
            call(&mut one, "kept", key("session")),
            Ok("session".into()),
            "{isolation}"
        );
        // What is for callers outlives the host; what is for a session doesn't.
        host.kill();
        let host = super::host(&granted(&store, ALL));
        let mut client = Client::legacy(&host);
        assert_eq!(
            call(&mut client, "kept", key("caller")),
            Ok("caller".into())
        );
        assert_eq!(
            call(&mut client, "kept", key("session")),
            Ok("nothing".into())
        );
        let mut modern = Client::modern(&host);
        assert_eq!(
            call(&mut modern, "kept", key("caller")),
            Ok("caller".into())
        );
    }
}

#[test]
fn a_client_without_a_session_is_told_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = host(&granted(&folder.path().join("kept.redb"), ALL));
    let mut client = Client::modern(&host);
    for (tool, arguments) in [("keep", keep("session", "b")), ("kept", key("session"))] {
        assert_eq!(
            refused(&mut client, tool, arguments),
            "there is no session: this client speaks a version of MCP without sessions, or the call is a task; the store `caller` keeps values for who calls"
        );
    }
    assert_eq!(host.plugin_health("reach")["faults"], 0);
}

#[test]
fn each_scope_is_granted_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("kept.redb");
    let denied = |what: &str, section: &str| {
        format!(
            "not granted: this plugin may keep {what}; [plugins.reach.grants.{section}] would allow it"
        )
    };
    let scopes = [
        ("everybody", denied("nothing", "keyvalue")),
        (
            "session",
            denied("nothing for a session", "keyvalue_session"),
        ),
        ("caller", denied("nothing for a caller", "keyvalue_caller")),
    ];
    for granted_section in ["", "keyvalue", "keyvalue_session", "keyvalue_caller"] {
        let lines = match granted_section {
            "" => String::new(),
            section => format!("[plugins.reach.grants.{section}]"),
        };
        let host = host(&granted(&store, &lines));
        let mut client = Client::legacy(&host);
        for (whose, denied) in &scopes {
            let needed = match *whose {
                "everybody" => "keyvalue".to_owned(),
                whose => format!("keyvalue_{whose}"),
            };
            if needed == granted_section {
                call(&mut client, "keep", keep(whose, "b")).expect("it is granted");
            } else {
                assert_eq!(&refused(&mut client, "keep", keep(whose, "b")), denied);
            }
        }
    }
}

#[test]
fn a_session_has_its_quota_and_the_end_of_one_makes_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("kept.redb");
    let host = host(&granted(
        &store,
        "[plugins.reach.grants.keyvalue_session]\nmax_keys = 1\nmax_bytes = 10\nowners_max = 1",
    ));
    let over = |what: &str, key: &str| {
        format!(
            "quota: this plugin may keep {what}; `{key}` in [plugins.reach.grants.keyvalue_session] raises it"
        )
    };
    let [mut one, mut other] = [Client::legacy(&host), Client::legacy(&host)];
    call(&mut one, "keep", keep("session", "123456789")).expect("it fits");
    assert_eq!(
        refused(&mut one, "keep", keep("session", "1234567890")),
        over("no more bytes (10)", "max_bytes")
    );
    assert_eq!(
        refused(
            &mut one,
            "keep",
            json!({"key": "b", "value": "", "whose": "session"})
        ),
        over("no more keys (1)", "max_keys")
    );
    assert_eq!(
        call(&mut one, "kept", key("session")),
        Ok("123456789".into())
    );
    assert_eq!(
        refused(&mut other, "keep", keep("session", "1")),
        over("something for no more owners (1)", "owners_max")
    );
    assert_eq!(one.delete(), 204);
    // The session ends with the last call that it has.
    until("the ended session makes room", || {
        call(&mut other, "keep", keep("session", "1")).ok()
    });
    assert!(!store.exists(), "nothing of a session is on the disk");
}
