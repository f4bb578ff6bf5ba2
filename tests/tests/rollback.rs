//! Proves that the operator's orders hold: a plugin is rolled back, pinned, disabled
//! and enabled under load without a failed call but for those that were meant, what
//! was ordered and kept survives a restart, and what can't be done is refused with
//! its reason.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use fusebox_tests::{Client, Connection, Era, Host, QUICK, Setup, crowd, greeting, plugin, until};
use serde_json::{Value, json};
use tempfile::TempDir;

const CLIENTS: usize = 6;

const OLD: &str = "Hello, Ada!";

/// A host whose kept versions and orders are in `state`.
fn setup(state: &TempDir, more: &str) -> Setup {
    let config = format!("{QUICK}state_dir = {:?}\n{more}", state.path());
    Setup::new().config(&config).admin()
}

fn state() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// An order, as the operator gives it.
fn order(host: &Host, path: &str, body: &Value) -> Result<Value, Value> {
    let (address, file) = host.admin();
    let token = std::fs::read_to_string(file).expect("the token is in its file");
    let bearer = format!("Bearer {}", token.trim());
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
        ("Connection", "close"),
    ];
    let path = format!("/admin/v1/{path}");
    let body = body.to_string();
    let response = Connection::open(address).exchange("POST", &path, &headers, body.as_bytes());
    let answer = response.json();
    match response.head.status {
        200 => Ok(answer),
        _ => Err(answer["error"].clone()),
    }
}

/// An order about `hello`.
#[track_caller]
fn done(host: &Host, what: &str, body: &Value) -> Value {
    let answer = order(host, &format!("plugins/hello/{what}"), body);
    answer.unwrap_or_else(|error| panic!("{what}: {error}\n{}", host.log()))
}

#[track_caller]
fn check_refused(host: &Host, path: &str, body: &Value, code: &str) {
    let error = order(host, path, body).expect_err("it is refused");
    assert_eq!(error["code"], code, "{path}: {error}");
}

fn text(host: &Host) -> String {
    Client::modern(host).text("hello", json!({"name": "Ada"}))
}

fn sha256(host: &Host) -> String {
    let hello = host.plugin_health("hello");
    hello["sha256"].as_str().expect("a digest").to_owned()
}

/// Puts a version in place, waits until it serves, and gives its digest.
fn serve(host: &Host, bytes: &[u8]) -> String {
    let before = host.plugin_health("hello")["sha256"].clone();
    host.put("hello", bytes);
    host.health_when("it serves", |health| {
        health["plugins"]["hello"]["sha256"] != before
    });
    sha256(host)
}

/// What clients see meanwhile: the number of calls, and errors.
#[derive(Default)]
struct Seen {
    calls: AtomicU64,
    errors: Mutex<Vec<Value>>,
}

impl Seen {
    /// Waits until calls that begin now have been answered.
    fn settle(&self) {
        let so_far = self.calls.load(Ordering::Relaxed);
        until("the clients call", || {
            let calls = self.calls.load(Ordering::Relaxed);
            (calls > so_far + 20 * CLIENTS as u64).then_some(())
        });
    }

    fn take_errors(&self) -> Vec<Value> {
        std::mem::take(&mut *self.errors.lock().expect("no client failed"))
    }
}

/// Clients of both eras call until `body` is done.
fn under_load(host: &Host, body: impl FnOnce(&Seen)) {
    let seen = Seen::default();
    let open = |number| Client::of(Era::in_turn(number), host);
    let call = |client: &mut Client| {
        if let Err(error) = client.call("hello", json!({"name": "Ada"})) {
            seen.errors.lock().expect("no client failed").push(error);
        }
        seen.calls.fetch_add(1, Ordering::Relaxed);
    };
    crowd(CLIENTS, open, call, |_| body(&seen));
}

#[test]
fn a_version_is_rolled_back_by_order_and_its_file_is_left_alone() {
    let state = state();
    let host = setup(&state, "").plugin("hello").start();
    under_load(&host, |seen| {
        let old = sha256(&host);
        let new = serve(&host, &greeting(b"Howdy, "));
        let answer = done(&host, "rollback", &json!({}));
        let told = ["done", "from", "to", "survives_restart"].map(|name| answer[name].clone());
        let expected = [json!("rolled_back"), json!(new), json!(old), json!(true)];
        assert_eq!(told, expected, "{answer}");
        assert_eq!((text(&host), sha256(&host)), (OLD.to_owned(), old.clone()));
        let hello = host.plugin_health("hello");
        assert_eq!(
            hello["passed_over"],
            json!({"sha256": new, "reason": "rolled back: by order", "rolled_back": true})
        );
        // The same bytes in a new file are not taken either.
        host.put("hello", &greeting(b"Howdy, "));
        host.put("misbehave", &plugin("misbehave"));
        host.health_when("the folder was looked at", |health| {
            health["plugins"]["misbehave"]["state"] == "serving"
        });
        assert_eq!(text(&host), OLD);
        // Other bytes are, and what was ordered is over.
        serve(&host, &greeting(b"Hullo, "));
        assert_eq!(text(&host), "Hullo, Ada!");
        assert!(host.plugin_health("hello").get("passed_over").is_none());
        // To a version that was rolled back, if that is what the operator wants.
        let answer = done(&host, "rollback", &json!({"to": new[..16]}));
        assert_eq!(answer["to"], json!(new));
        assert_eq!(text(&host), "Howdy, Ada!");
        seen.settle();
        assert_eq!(seen.take_errors(), [Value::Null; 0]);
    });
    assert_eq!(host.health()["history"][0]["event"], "replaced");
}

#[test]
fn what_was_rolled_back_is_taken_again_when_that_is_ordered() {
    let state = state();
    let host = setup(&state, "").plugin("hello").start();
    let new = serve(&host, &greeting(b"Howdy, "));
    done(&host, "rollback", &json!({}));
    assert_eq!(text(&host), OLD);
    let answer = done(&host, "reload", &json!({}));
    assert_eq!(answer["changed"], json!(["hello"]), "{answer}");
    assert_eq!(
        (text(&host), sha256(&host)),
        ("Howdy, Ada!".to_owned(), new)
    );
    let answer = done(&host, "reload", &json!({}));
    assert_eq!(answer["changed"], json!([]), "nothing has changed");
}

#[test]
fn what_was_kept_and_ordered_survives_a_restart() {
    let state = state();
    let mut host = setup(&state, "").plugin("hello").start();
    let old = sha256(&host);
    let new = serve(&host, &greeting(b"Howdy, "));
    done(&host, "rollback", &json!({}));
    host.kill();
    // The bad file still stands in the folder.
    let mut host = setup(&state, "")
        .file("hello", &greeting(b"Howdy, "))
        .start();
    assert_eq!((text(&host), sha256(&host)), (OLD.to_owned(), old.clone()));
    assert_eq!(
        host.plugin_health("hello")["passed_over"]["sha256"],
        json!(new)
    );
    done(&host, "pin", &json!({}));
    host.kill();
    let mut host = setup(&state, "")
        .file("hello", &greeting(b"Hullo, "))
        .start();
    assert_eq!(text(&host), OLD);
    assert_eq!(host.plugin_health("hello")["pinned"], json!(old));
    done(&host, "disable", &json!({}));
    host.kill();
    let mut host = setup(&state, "")
        .file("hello", &greeting(b"Hullo, "))
        .start();
    let hello = host.plugin_health("hello");
    assert_eq!(
        (
            &hello["state"],
            &hello["disabled_by_order"],
            &hello["reason"]
        ),
        (
            &json!("disabled"),
            &json!(true),
            &json!("disabled by an order")
        )
    );
    done(&host, "enable", &json!({}));
    assert_eq!(text(&host), OLD, "it is pinned still");
    // Without any file of it.
    host.kill();
    let host = setup(&state, "").start();
    assert_eq!(text(&host), OLD);
    done(&host, "unpin", &json!({}));
    assert_eq!(host.plugin_health("hello"), Value::Null, "nothing holds it");
    done(&host, "rollback", &json!({}));
    assert_eq!(text(&host), OLD, "a rollback needs no file");
}

#[test]
fn a_pinned_plugin_stays_while_files_come_and_go() {
    let state = state();
    let host = setup(&state, "").plugin("hello").start();
    let old = sha256(&host);
    under_load(&host, |seen| {
        let answer = done(&host, "pin", &json!({}));
        assert_eq!(answer["sha256"], json!(old));
        host.put("hello", &greeting(b"Howdy, "));
        let health = host.health_when("the file was seen", |health| {
            health["plugins"]["hello"]["passed_over"].is_object()
        });
        let hello = &health["plugins"]["hello"];
        assert_eq!(hello["passed_over"]["rolled_back"], false);
        assert_eq!(
            health["status"], "healthy",
            "a pin is no trouble: {health:#}"
        );
        check_refused(&host, "plugins/hello/rollback", &json!({}), "pinned");
        check_refused(&host, "plugins/hello/reload", &json!({}), "pinned");
        host.remove("hello");
        host.health_when("the file has gone", |health| {
            health["plugins"]["hello"].get("passed_over").is_none()
        });
        assert_eq!(sha256(&host), old);
        host.put("hello", &greeting(b"Howdy, "));
        host.health_when("the file was seen again", |health| {
            health["plugins"]["hello"]["passed_over"].is_object()
        });
        done(&host, "unpin", &json!({}));
        assert_eq!(text(&host), "Howdy, Ada!");
        let answer = done(&host, "pin", &json!({"version": old[..8]}));
        assert_eq!(answer["sha256"], json!(old));
        assert_eq!(text(&host), OLD);
        seen.settle();
        assert_eq!(seen.take_errors(), [Value::Null; 0]);
    });
}

#[test]
fn a_disabled_plugin_is_gone_until_it_is_enabled() {
    let state = state();
    let host = setup(&state, "")
        .plugin("hello")
        .plugin("misbehave")
        .start();
    under_load(&host, |seen| {
        seen.settle();
        assert_eq!(seen.take_errors(), [Value::Null; 0]);
        done(&host, "disable", &json!({}));
        seen.settle();
        for error in seen.take_errors() {
            assert_eq!(error["code"], -32602, "an unknown tool: {error}");
        }
        let mut client = Client::modern(&host);
        assert_eq!(
            client.text("ok", json!({})),
            "ok",
            "its neighbour serves on"
        );
        // A new file changes nothing.
        host.put("hello", &greeting(b"Howdy, "));
        host.put("other", &plugin("misbehave"));
        host.health_when("the folder was looked at", |health| {
            health["plugins"]["other"].is_object()
        });
        assert_eq!(host.plugin_health("hello")["state"], "disabled");
        check_refused(&host, "plugins/hello/rollback", &json!({}), "disabled");
        done(&host, "enable", &json!({}));
        seen.settle();
        seen.take_errors();
        seen.settle();
        assert_eq!(
            seen.take_errors(),
            [Value::Null; 0],
            "all calls go well again"
        );
        assert_eq!(text(&host), "Howdy, Ada!");
    });
}

#[test]
fn a_canary_is_promoted_or_taken_back_by_order() {
    let state = state();
    let canary = "[canary]\nenabled = true\ninterval_ms = 3600000\n";
    let host = setup(&state, canary).plugin("hello").start();
    let tried = |words: &[u8; 7]| {
        host.put("hello", &greeting(words));
        host.health_when("it is tried", |health| {
            health["plugins"]["hello"]["canary"].is_object()
        });
    };
    under_load(&host, |seen| {
        tried(b"Howdy, ");
        done(&host, "promote", &json!({}));
        assert_eq!(text(&host), "Howdy, Ada!");
        check_refused(&host, "plugins/hello/promote", &json!({}), "no_canary");
        tried(b"Hullo, ");
        done(&host, "abort", &json!({}));
        let hello = host.plugin_health("hello");
        assert_eq!(
            (hello.get("canary"), &hello["passed_over"]["rolled_back"]),
            (None, &json!(true))
        );
        tried(b"Hiya!, ");
        let answer = done(&host, "rollback", &json!({}));
        assert_eq!(answer["to"], json!(sha256(&host)), "the one beside it");
        assert_eq!(text(&host), "Howdy, Ada!");
        seen.settle();
        assert_eq!(seen.take_errors(), [Value::Null; 0]);
    });
}

#[test]
fn what_cannot_be_done_is_refused_with_its_reason() {
    let state = state();
    let more = "keep_versions = 1\n[plugins.off]\nenabled = false\n";
    let host = setup(&state, more)
        .plugin("hello")
        .file("off", &plugin("misbehave"))
        .start();
    let nothing = json!({});
    check_refused(&host, "plugins/nobody/disable", &nothing, "no_such_plugin");
    check_refused(&host, "plugins/off/enable", &nothing, "switched_off");
    check_refused(
        &host,
        "plugins/hello/rollback",
        &nothing,
        "nothing_to_roll_back_to",
    );
    check_refused(
        &host,
        "plugins/hello/rollback",
        &json!({"to": "zz"}),
        "no_such_version",
    );
    check_refused(
        &host,
        "plugins/hello/pin",
        &json!({"version": "zz"}),
        "no_such_version",
    );
    let first = sha256(&host);
    serve(&host, &greeting(b"Howdy, "));
    serve(&host, &greeting(b"Hullo, "));
    check_refused(
        &host,
        "plugins/hello/rollback",
        &json!({"to": first}),
        "no_such_version",
    );
    // What was kept is changed on the disk: it is not what was good.
    let kept = host.plugin_health("hello")["kept"].clone();
    let earlier = kept[1]["sha256"].as_str().expect("an earlier version");
    let file = state.path().join(format!("versions/hello/{earlier}.wasm"));
    std::fs::write(&file, plugin("misbehave")).expect("a file is written");
    check_refused(&host, "plugins/hello/rollback", &nothing, "cannot_load");
    assert_eq!(text(&host), "Hullo, Ada!", "what serves serves on");
}

#[test]
fn a_host_that_reads_its_plugins_once_still_takes_other_orders() {
    let state = state();
    let config = format!(
        "[reload]\nenabled = false\nstate_dir = {:?}\n",
        state.path()
    );
    let host = Setup::new().config(&config).admin().plugin("hello").start();
    check_refused(&host, "plugins/hello/reload", &json!({}), "reload_disabled");
    check_refused(&host, "plugins/reload", &json!({}), "reload_disabled");
    done(&host, "disable", &json!({}));
    assert_eq!(host.plugin_health("hello")["state"], "disabled");
    done(&host, "enable", &json!({}));
    assert_eq!(text(&host), OLD);
}
