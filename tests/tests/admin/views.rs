//! What the interface says.

use fusebox_tests::{Client, Connection, Events, Setup, until};
use serde_json::{Value, json};

use crate::{Administered, check_refused};

#[test]
fn the_status_is_that_of_health() {
    let one = Administered::start(Setup::new().plugin("hello"));
    let mut status = one.get("status");
    let mut health = one.host.health();
    assert_eq!(status["plugins"]["hello"]["state"], "serving");
    for report in [&mut status, &mut health] {
        let keys: Vec<_> = report.as_object().expect("an object").keys().collect();
        assert!(keys.len() > 20, "{keys:?}");
    }
    let keys = |report: &Value| -> Vec<String> {
        let report = report.as_object().expect("an object");
        report.keys().cloned().collect()
    };
    assert_eq!(keys(&status), keys(&health));
}

#[test]
fn sessions_are_listed_without_what_lets_into_them() {
    let one = Administered::start(Setup::new().plugin("hello"));
    assert_eq!(one.get("sessions"), json!({"total": 0, "sessions": []}));
    let client = Client::legacy(&one.host);
    let id = client.session().expect("a session");
    let listed = one.get("sessions");
    assert_eq!(listed["total"], 1);
    let session = &listed["sessions"][0];
    assert_eq!(session["version"], "2025-11-25");
    assert_eq!(session["calls"], 0);
    let shown = session["id"].as_str().expect("an id");
    assert_eq!(shown, format!("{}…", &id[..8]));
    assert!(!listed.to_string().contains(id));
}

#[test]
fn tasks_are_listed_without_their_arguments() {
    let one = Administered::start(Setup::new().plugin("everything"));
    let listed = one.get("tasks");
    assert_eq!(listed, json!({"total": 0, "running": 0, "tasks": []}));
}

#[test]
fn the_settings_are_those_in_force_without_secrets() {
    let config = "
        [plugins.hello.grants]
        config = { greeting = 'hi', api_key = 'hunter2' }
        secrets = { a = { env = 'SECRET_PLACE' } }
    ";
    let setup = Setup::new().plugin("hello").config(config);
    let one = Administered::start(setup.variable("SECRET_PLACE", "hunter3"));
    let shown = one.get("config");
    assert_eq!(shown["values"]["max_connections"], 15_000);
    let grants = &shown["values"]["plugins"]["hello"]["grants"];
    assert_eq!(grants["config"]["greeting"], "hi");
    let text = shown.to_string();
    for secret in ["hunter2", "hunter3", "SECRET_PLACE", &one.token] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

fn watch(one: &Administered) -> Events {
    let mut connection = Connection::open(one.address());
    let bearer = one.bearer();
    connection.send(
        "GET",
        "/admin/v1/events",
        &[("Authorization", &bearer)],
        b"",
    );
    let head = connection.read_head().expect("a stream");
    assert!(head.is_stream(), "{head:?}");
    connection.into_events()
}

/// The next event of this name.
fn next(events: &mut Events, name: &str) -> Value {
    loop {
        let event = events.next_event().expect("an event");
        if let Some(data) = event.strip_prefix(&format!("event: {name}\ndata: ")) {
            return serde_json::from_str(data).expect("JSON");
        }
    }
}

#[test]
fn whoever_watches_is_told_everything_and_then_what_changes() {
    let one = Administered::misbehaving("");
    let mut events = watch(&one);
    let whole = next(&mut events, "whole");
    assert_eq!(whole["figures"]["status"], "healthy");
    let flip = &whole["plugins"]["misbehave"]["handlers"]["flip"];
    assert_eq!(flip["state"], "closed");
    let first = next(&mut events, "part");
    assert!(first["sample"]["memory_mb"].as_f64().expect("memory") > 1.0);
    let mut client = Client::modern(&one.host);
    client.text("ok", json!({}));
    until("a sample shows the call", || {
        let part = next(&mut events, "part");
        let requests = part["sample"]["requests"].as_f64().unwrap_or(0.0);
        (requests > 0.0).then_some(())
    });
    for _ in 0..5 {
        let error = client.call("flip", json!({"fail": true}));
        assert!(error.is_err());
    }
    let mut faults = 0;
    let opened = until("the breaker's opening is told", || {
        let part = next(&mut events, "part");
        let entries = part["entries"].as_array().cloned().unwrap_or_default();
        faults += entries.iter().filter(|one| one["kind"] == "fault").count();
        let opened = entries.iter().any(|one| one["kind"] == "breaker");
        opened.then_some(part)
    });
    assert_eq!(faults, 5);
    let entries = opened["entries"].as_array().expect("entries");
    let breaker = entries.last().expect("the newest");
    assert_eq!(
        (&breaker["plugin"], &breaker["handler"], &breaker["state"]),
        (&json!("misbehave"), &json!("flip"), &json!("open"))
    );
    // With it comes what follows from it.
    assert_eq!(opened["figures"]["status"], "degraded");
    let flip = &opened["plugins"]["misbehave"]["handlers"]["flip"];
    assert_eq!(flip["state"], "open");
    // Whoever comes later is told what was.
    let late = one.get("snapshot");
    let kinds: Vec<&str> = late["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .filter_map(|one| one["kind"].as_str())
        .collect();
    assert_eq!(
        kinds,
        ["fault", "fault", "fault", "fault", "fault", "breaker"]
    );
    let fault = &late["entries"][0];
    assert_eq!(fault["reason"], "trapped");
    let message = fault["message"].as_str().expect("words");
    assert!(message.contains("trapped"), "{fault}");
}

#[test]
fn a_plugin_that_goes_is_told_to_be_gone() {
    let one = Administered::start(Setup::new().plugin("hello").plugin("misbehave"));
    let mut events = watch(&one);
    let whole = next(&mut events, "whole");
    assert!(whole["plugins"]["hello"].is_object());
    one.host.remove("hello");
    until("the plugin is gone", || {
        let part = next(&mut events, "part");
        (part["gone"] == json!(["hello"])).then_some(())
    });
}

#[test]
fn so_many_may_watch_and_no_more() {
    let one = Administered::start(Setup::new());
    let mut watching: Vec<Events> = (0..32).map(|_| watch(&one)).collect();
    for events in &mut watching {
        next(events, "whole");
    }
    let bearer = one.bearer();
    let refused = one.ask("GET", "events", &[("Authorization", &bearer)], "");
    check_refused(&refused, 503, "too_many_watchers");
    assert_eq!(one.get("status")["status"], "healthy");
    watching.pop();
    until("there is room again", || {
        let mut connection = Connection::open(one.address());
        let headers = [("Authorization", &*bearer)];
        connection.send("GET", "/admin/v1/events", &headers, b"");
        let head = connection.read_head().expect("an answer");
        head.is_stream().then_some(())
    });
}
