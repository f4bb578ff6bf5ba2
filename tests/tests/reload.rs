//! Proves that plugins are added, replaced, removed and corrupted under a
//! running host without one failed call, that bad files are named with their
//! reason, and that clients with a stream are told.

use std::collections::HashSet;
use std::fs::{self, File};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fusebox_tests::{Client, Era, Host, QUICK, Setup, crowd, greeting, plugin, until};
use serde_json::{Value, json};

fn host() -> Host {
    Setup::new().plugin("hello").config(QUICK).start()
}

fn hello(client: &mut Client) -> String {
    client.text("hello", json!({"name": "Ada"}))
}

#[track_caller]
fn wait_for_state(host: &Host, name: &str, state: &str) -> Value {
    let health = host.health_when(&format!("{name} is {state}"), |health| {
        health["plugins"][name]["state"] == state
    });
    health["plugins"][name].clone()
}

#[test]
fn a_plugin_comes_changes_and_goes() {
    let host = Setup::new().config(QUICK).start();
    let mut client = Client::modern(&host);
    let names = |client: &mut Client| {
        let result = client
            .request("tools/list", json!({}))
            .outcome()
            .expect("the list");
        let tools = result["tools"].as_array().expect("an array").clone();
        tools
            .into_iter()
            .map(|tool| tool["name"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&mut client), Vec::<Value>::new());

    host.put("hello", &plugin("hello"));
    let first = wait_for_state(&host, "hello", "serving");
    assert_eq!(names(&mut client), ["add", "hello"]);
    assert_eq!(first["tools"], json!(["add", "hello"]));
    assert_eq!(hello(&mut client), "Hello, Ada!");

    host.put("hello", &greeting("Howdy, "));
    host.health_when("the other build serves", |health| {
        health["plugins"]["hello"]["sha256"] != first["sha256"]
    });
    assert_eq!(hello(&mut client), "Howdy, Ada!");

    host.remove("hello");
    host.health_when("it is gone", |health| {
        health["plugins"].get("hello").is_none()
    });
    assert_eq!(names(&mut client), Vec::<Value>::new());
    let error = client
        .call("hello", json!({"name": "Ada"}))
        .expect_err("no such tool");
    assert_eq!(error["code"], -32602, "{error}");
}

/// What the host has said of the functions that it compiled: how many it found, and how
/// many it had to compile.
fn compiled(host: &Host, times: usize) -> (u64, u64) {
    until("the host has told what it compiled", || {
        let log = host.log();
        let told: Vec<&str> = log.split("functions of a plugin").skip(1).collect();
        let line = told.get(times - 1)?.lines().next()?;
        let figure = |name: &str| {
            let (_, rest) = line.split_once(name)?;
            let digits = rest.split(|one: char| !one.is_ascii_digit()).next()?;
            digits.parse().ok()
        };
        Some((figure(" found=")?, figure(" compiled=")?))
    })
}

#[test]
fn only_functions_that_have_changed_are_compiled_again() {
    let host = Setup::new()
        .config(QUICK)
        .config("[engine]\ncache = false\nfunctions_max_bytes = 100000000")
        .variable("FUSEBOX_LOG", "info,fusebox::compiled=debug")
        // One after the other, in the same order each time.
        .variable("RAYON_NUM_THREADS", "1")
        .start();
    let mut client = Client::modern(&host);
    host.put("hello", &plugin("hello"));
    wait_for_state(&host, "hello", "serving");
    let (_, made) = compiled(&host, 1);
    assert!(made > 50, "{made} functions");
    assert_eq!(hello(&mut client), "Hello, Ada!");

    let before = host.plugin_health("hello");
    host.put("hello", &greeting("Howdy, "));
    host.health_when("the other build serves", |health| {
        health["plugins"]["hello"]["sha256"] != before["sha256"]
    });
    let (found, made_now) = compiled(&host, 2);
    // A text is no function; a few are compiled again, since what was compiled before
    // them has a part in their keys.
    assert!(
        made_now < made / 4 && found > 4 * made_now,
        "{found} found, {made_now} made, {made} made at first"
    );
    assert_eq!(hello(&mut client), "Howdy, Ada!");

    // Another plugin has other functions, and is what it is.
    host.put("calculator", &plugin("calculator"));
    wait_for_state(&host, "calculator", "serving");
    let (_, made_now) = compiled(&host, 3);
    assert!(made_now > 0);
    assert_eq!(hello(&mut client), "Howdy, Ada!");
}

#[test]
fn a_corrupt_update_leaves_the_old_version_in_place() {
    let host = host();
    let mut client = Client::modern(&host);
    let before = host.plugin_health("hello");
    let mut corrupt = plugin("hello");
    corrupt.truncate(corrupt.len() / 2);
    host.put("hello", &corrupt);
    let health = host.health_when("the update is named as failed", |health| {
        health["plugins"]["hello"]
            .get("failed_update")
            .is_some_and(Value::is_object)
    });
    let plugin = &health["plugins"]["hello"];
    assert_eq!(
        (&plugin["state"], &plugin["sha256"]),
        (&json!("serving"), &before["sha256"])
    );
    let reason = plugin["failed_update"]["reason"]
        .as_str()
        .expect("a reason");
    assert!(reason.contains("not a valid component"), "{reason}");
    assert_ne!(plugin["failed_update"]["sha256"], before["sha256"]);
    assert_eq!(hello(&mut client), "Hello, Ada!");

    host.put("hello", &greeting("Howdy, "));
    host.health_when("a good update heals it", |health| {
        let plugin = &health["plugins"]["hello"];
        plugin["sha256"] != before["sha256"]
            && plugin.get("failed_update").is_none_or(Value::is_null)
    });
    assert_eq!(hello(&mut client), "Howdy, Ada!");
}

/// Drops a file beside `hello` and checks what the host says about it.
fn check_bad_file(name: &str, bytes: &[u8], reason: &str) {
    let mut host = host();
    host.put(name, bytes);
    let failed = wait_for_state(&host, name, "failed");
    let given = failed["reason"].as_str().expect("a reason");
    assert!(
        given.contains(reason),
        "{name}: {given:?} does not say {reason:?}"
    );
    assert_eq!(failed["tools"], json!([]), "{name}");
    assert!(
        host.log().contains(name),
        "the log names {name}: {}",
        host.log()
    );
    assert_eq!(hello(&mut Client::modern(&host)), "Hello, Ada!");
    assert_eq!(host.plugin_health("hello")["state"], "serving");
    host.assert_alive();
}

#[test]
fn a_truncated_file_fails_alone() {
    let bytes = plugin("hello");
    check_bad_file(
        "truncated",
        &bytes[..bytes.len() / 2],
        "not a valid component",
    );
}

#[test]
fn an_empty_file_fails_alone() {
    check_bad_file("empty", b"", "the file is empty");
}

#[test]
fn a_text_file_fails_alone() {
    check_bad_file("text", b"Hello, I am a plugin.", "not WebAssembly");
}

#[test]
fn a_component_of_another_world_fails_alone() {
    // One that exports functions would be served: they are tools.
    let other = wat::parse_str("(component (core module))");
    check_bad_file(
        "other-world",
        &other.expect("a component"),
        "it exports nothing of `fusebox:plugin@0.1.0`",
    );
}

#[test]
fn a_file_that_is_too_large_fails_alone() {
    let host = host();
    let path = host.path("large");
    let temporary = path.with_extension("new");
    File::create(&temporary)
        .and_then(|file| file.set_len(100_000_000))
        .expect("a file is written");
    fs::rename(&temporary, &path).expect("a file is put in place");
    let failed = wait_for_state(&host, "large", "failed");
    let reason = failed["reason"].as_str().expect("a reason");
    assert_eq!(
        reason,
        "the file is larger than 67108864 bytes (raise `reload.file_max_bytes`)"
    );
    assert_eq!(hello(&mut Client::modern(&host)), "Hello, Ada!");
}

#[test]
fn a_bad_file_that_goes_away_is_forgotten() {
    let host = host();
    host.put("text", b"no plugin");
    wait_for_state(&host, "text", "failed");
    host.remove("text");
    host.health_when("it is forgotten", |health| {
        health["plugins"].get("text").is_none()
    });
}

#[test]
fn fifty_updates_under_load_fail_no_call() {
    const UPDATES: usize = 50;
    const CLIENTS: usize = 8;
    let host = host();
    let seen = Mutex::new(HashSet::new());
    let calls = AtomicU64::new(0);
    let answers: Vec<String> = (0..UPDATES)
        .map(|number| format!("Hi  {number:02} Ada!"))
        .collect();
    let open = |number| Client::of(Era::in_turn(number), &host);
    let call = |client: &mut Client| {
        let answer = hello(client);
        calls.fetch_add(1, Ordering::Relaxed);
        seen.lock().expect("no client failed").insert(answer);
    };
    crowd(CLIENTS, open, call, |clients| {
        for (number, answer) in answers.iter().enumerate() {
            host.put("hello", &greeting(format!("Hi  {number:02} ")));
            until("the new answer is seen", || {
                seen.lock()
                    .expect("no client failed")
                    .contains(answer)
                    .then_some(())
            });
            clients.assert_well();
        }
    });
    // A client whose call failed has panicked, and the scope with it.
    let calls = calls.load(Ordering::Relaxed);
    eprintln!("{calls} calls during {UPDATES} updates");
    let mut expected: HashSet<String> = answers.into_iter().collect();
    expected.insert("Hello, Ada!".to_owned());
    let mut seen = seen.into_inner().expect("no client failed");
    // The first clients may have been too late for the first build.
    seen.insert("Hello, Ada!".to_owned());
    assert_eq!(seen, expected);
    assert_eq!(host.plugin_health("hello")["faults"], 0);
}

#[test]
fn watching_costs_nothing_while_nothing_changes() {
    const WATCHED: Duration = Duration::from_secs(1);
    let host = host();
    host.put("misbehave", &plugin("misbehave"));
    wait_for_state(&host, "misbehave", "serving");
    let (begin, before) = (Instant::now(), host.cpu_time());
    until("a second has passed", || {
        (begin.elapsed() >= WATCHED).then_some(())
    });
    let used = host.cpu_time() - before;
    // Ten looks at the folder take far less; a watch that wakes itself takes all.
    assert!(
        used < begin.elapsed() / 4,
        "an idle host used {used:?} in {:?}",
        begin.elapsed()
    );
}

#[test]
fn clients_with_a_stream_are_told() {
    let host = host();
    let mut legacy = Client::legacy(&host);
    let mut modern = Client::modern(&host);
    let mut legacy_stream = legacy.listen();
    let mut modern_stream = modern.listen();
    host.put("misbehave", &plugin("misbehave"));
    let notification = legacy_stream.wait_for("notifications/tools/list_changed");
    assert_eq!(notification["jsonrpc"], "2.0");
    let notification = modern_stream.wait_for("notifications/tools/list_changed");
    assert_eq!(
        notification["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"],
        json!(modern.last_id()),
        "{notification}"
    );
    for client in [&mut legacy, &mut modern] {
        assert_eq!(client.text("ok", json!({})), "ok");
    }
}
