//! Proves that a new version of a plugin gets exactly its share of the calls, that a
//! bad one is taken back by itself before it has failed as many calls as its share
//! would have been, and that a good one gets all calls without one failed call.

mod rounds;
mod slow;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use fusebox_tests::{Client, Era, Host, QUICK, Setup, crowd, greeting, plugin, until};
use serde_json::{Value, json};
use tempfile::TempDir;

const CLIENTS: u64 = 8;

/// A step lasts as long as the test wants.
const HOUR: &str = "interval_ms = 3600000\n";

fn setup(canary: &str) -> Setup {
    let config = format!("{QUICK}[canary]\nenabled = true\n{canary}");
    Setup::new().plugin("hello").config(&config)
}

/// One whose greeting is no text, which is a fault of the plugin's.
fn broken() -> Vec<u8> {
    greeting([0xff; 7])
}

fn canary(host: &Host) -> Value {
    host.plugin_health("hello")["canary"].clone()
}

/// Puts a version in place, and waits until it is tried.
fn begin(host: &Host, bytes: &[u8]) -> Value {
    let before = canary(host);
    host.put("hello", bytes);
    let health = host.health_when("it is tried", |health| {
        let canary = &health["plugins"]["hello"]["canary"];
        canary.is_object() && canary["sha256"] != before["sha256"]
    });
    health["plugins"]["hello"]["canary"].clone()
}

/// What clients saw.
#[derive(Default)]
struct Seen {
    old: AtomicU64,
    new: AtomicU64,
    failed: Mutex<Vec<Value>>,
}

impl Seen {
    fn call(&self, client: &mut Client) {
        match client.call("hello", json!({"name": "Ada"})) {
            Ok(result) => {
                let is_old = result["content"][0]["text"] == "Hello, Ada!";
                let seen = if is_old { &self.old } else { &self.new };
                seen.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => self.failed.lock().expect("no client failed").push(error),
        }
    }

    fn failures(&self) -> u64 {
        self.failed.lock().expect("no client failed").len() as u64
    }

    fn all(&self) -> u64 {
        let answered = self.old.load(Ordering::Relaxed) + self.new.load(Ordering::Relaxed);
        answered + self.failures()
    }
}

/// Clients of both eras call until `body` is done.
fn under_load(host: &Host, seen: &Seen, body: impl FnOnce()) {
    let open = |number| Client::of(Era::in_turn(number), host);
    crowd(
        CLIENTS as usize,
        open,
        |client| seen.call(client),
        |_| {
            until("the clients call", || (seen.all() > 100).then_some(()));
            body();
        },
    );
}

/// What the history says of `hello`, the oldest first.
fn events(host: &Host) -> Vec<String> {
    events_of(host, "hello")
}

fn events_of(host: &Host, plugin: &str) -> Vec<String> {
    let health = host.health();
    let history = health["history"].as_array().expect("a history");
    let of_plugin = history.iter().rev().filter(|one| one["plugin"] == plugin);
    of_plugin
        .map(|one| one["event"].as_str().expect("a kind").to_owned())
        .collect()
}

#[test]
fn each_share_is_exact_however_many_call_at_once() {
    const CALLS: u64 = 400;
    for share in [5, 25, 50] {
        let host = setup(&format!("{HOUR}steps = [{share}, 100]")).start();
        let begun = begin(&host, &greeting(b"Howdy, "));
        assert_eq!(begun["share"], share);
        let seen = Seen::default();
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    let mut client = Client::modern(&host);
                    for _ in 0..CALLS / CLIENTS {
                        seen.call(&mut client);
                    }
                });
            }
        });
        let new = seen.new.load(Ordering::Relaxed);
        assert_eq!(new, CALLS * share / 100, "of {CALLS} at {share} %");
        assert_eq!(seen.failures(), 0);
        let report = canary(&host);
        assert_eq!(
            (&report["calls"], &report["faults"]),
            (&json!(new), &json!(0))
        );
        assert_eq!(report["stable_calls"], CALLS - new);
    }
}

#[test]
fn a_good_version_gets_all_calls_and_fails_none() {
    let host = setup("interval_ms = 200\nmin_calls = 5").start();
    let seen = Seen::default();
    let before = host.plugin_health("hello")["sha256"].clone();
    under_load(&host, &seen, || {
        host.put("hello", &greeting(b"Howdy, "));
        let health = host.health_when("it has all calls", |health| {
            let hello = &health["plugins"]["hello"];
            hello["sha256"] != before && hello.get("canary").is_none()
        });
        assert_eq!(health["status"], "healthy", "{health:#}");
        let reached = seen.all();
        until("it is called alone", || {
            (seen.all() > reached + 200).then_some(())
        });
    });
    assert_eq!(
        seen.failed.lock().expect("no client failed").as_slice(),
        [Value::Null; 0]
    );
    let (old, new) = (
        seen.old.load(Ordering::Relaxed),
        seen.new.load(Ordering::Relaxed),
    );
    eprintln!("{old} calls of the old version, {new} of the new one");
    let expected = [
        "loaded",
        "canary_started",
        "canary_step",
        "canary_step",
        "promoted",
    ];
    assert_eq!(events(&host), expected);
    assert_eq!(
        Client::modern(&host).text("hello", json!({"name": "Ada"})),
        "Howdy, Ada!"
    );
    assert_eq!(
        host.plugin_health("hello")["kept"].as_array().map(Vec::len),
        Some(2)
    );
}

/// `failed` calls of a bad version, before and after it was taken back.
fn check_taken_back(canary: &str, reason: &str, failures_max: u64) {
    let host = setup(canary).start();
    let seen = Seen::default();
    under_load(&host, &seen, || {
        let first = seen.all();
        host.put("hello", &broken());
        let health = host.health_when("it was rolled back", |health| {
            health["plugins"]["hello"]["passed_over"]["rolled_back"] == true
        });
        let hello = &health["plugins"]["hello"];
        let told = hello["passed_over"]["reason"].as_str().expect("a reason");
        assert!(told.starts_with("rolled back: "), "{told}");
        assert!(told.contains(reason), "{told}");
        assert_eq!(
            (&hello["state"], hello.get("canary")),
            (&json!("serving"), None)
        );
        assert_eq!(health["status"], "degraded");
        let cause = json!("the new version of plugin hello was rolled back");
        assert!(
            health["causes"]
                .as_array()
                .is_some_and(|all| all.contains(&cause)),
            "{health:#}"
        );
        let failed = seen.failures();
        let reached = seen.all();
        until("the old version serves on", || {
            (seen.all() > reached + 1000).then_some(())
        });
        assert_eq!(
            seen.failures(),
            failed,
            "no call fails after it was taken back"
        );
        let calls = seen.all() - first;
        assert!(
            failed * 100 < calls * 5,
            "{failed} of {calls} failed: its share was 5 %"
        );
        assert!(failed <= failures_max, "{failed} failed");
    });
    assert_eq!(seen.new.load(Ordering::Relaxed), 0);
    for error in seen.failed.lock().expect("no client failed").iter() {
        let reason = &error["data"]["reason"];
        assert!(
            reason != "breaker_open",
            "only calls that were tried failed: {error}"
        );
    }
    let history = host.health()["history"].clone();
    let last = history
        .as_array()
        .and_then(|all| all.first())
        .expect("an event");
    assert_eq!(last["event"], "rolled_back");
    assert!(
        last["reason"]
            .as_str()
            .is_some_and(|told| told.contains(reason)),
        "{last}"
    );
    assert!(
        host.log().contains("the new version is rolled back"),
        "{}",
        host.log()
    );
    assert_eq!(events(&host), ["loaded", "canary_started", "rolled_back"]);
}

#[test]
fn a_bad_version_is_taken_back_before_it_fails_its_share() {
    // Two or three faults are enough beside what went well; a few calls may be under
    // way.
    check_taken_back(HOUR, "ended with a fault, and 0 of the", 3 + CLIENTS);
}

#[test]
fn a_breaker_that_opens_takes_it_back_at_once() {
    let lenient =
        format!("{HOUR}max_fault_increase = 100\n[circuit_breaker]\nfailure_threshold = 3");
    check_taken_back(
        &lenient,
        "the breaker of its handler `hello` opened",
        3 + CLIENTS,
    );
}

#[test]
fn what_was_rolled_back_is_tried_again_only_when_it_changes() {
    let host = setup(HOUR).start();
    begin(&host, &broken());
    let mut client = Client::modern(&host);
    let seen = Seen::default();
    until("it is rolled back", || {
        seen.call(&mut client);
        canary(&host).is_null().then_some(())
    });
    let failed = seen.failures();
    // The same bytes in a new file, and other files beside it.
    host.put("hello", &broken());
    host.put("misbehave", &plugin("misbehave"));
    host.health_when("the folder was looked at", |health| {
        health["plugins"]["misbehave"]["state"] == "serving"
    });
    for _ in 0..100 {
        seen.call(&mut client);
    }
    assert_eq!((canary(&host), seen.failures()), (Value::Null, failed));
    let begun = begin(&host, &greeting(b"Howdy, "));
    assert_eq!(begun["share"], 5);
    assert!(host.plugin_health("hello").get("passed_over").is_none());
}

#[test]
fn a_newer_version_takes_the_place_of_the_one_that_is_tried() {
    let host = setup(&format!("{HOUR}steps = [50, 100]")).start();
    let first = begin(&host, &greeting(b"Howdy, "));
    let second = begin(&host, &greeting(b"Hullo, "));
    assert_ne!(first["sha256"], second["sha256"]);
    let mut client = Client::modern(&host);
    let mut texts: Vec<String> = (0..4)
        .map(|_| client.text("hello", json!({"name": "Ada"})))
        .collect();
    texts.sort();
    texts.dedup();
    assert_eq!(texts, ["Hello, Ada!", "Hullo, Ada!"]);
    // The file of the version that serves comes back: nothing is left to be tried.
    host.put("hello", &plugin("hello"));
    host.health_when("nothing is tried", |health| {
        health["plugins"]["hello"].get("canary").is_none()
    });
    let aborted = events(&host)
        .into_iter()
        .filter(|one| one == "canary_aborted");
    assert_eq!(aborted.count(), 2);
}

/// Clients were shown the old version's tools, and get what they were shown.
#[test]
fn handlers_that_differ_are_served_by_the_old_version_until_the_end() {
    let host = setup("interval_ms = 3600000\nsteps = [50, 100]").start();
    let mut client = Client::modern(&host);
    let names = |client: &mut Client| {
        let result = client
            .request("tools/list", json!({}))
            .outcome()
            .expect("the list");
        let tools = result["tools"].as_array().expect("an array").clone();
        let names = tools
            .iter()
            .map(|tool| tool["name"].as_str().map(str::to_owned));
        names.collect::<Option<Vec<_>>>().expect("names")
    };
    let begun = begin(&host, &plugin("misbehave"));
    assert_eq!(
        (&begun["handlers"], &begun["handlers_apart"]),
        (&json!(0), &json!(2))
    );
    assert_eq!(names(&mut client), ["add", "hello"]);
    for _ in 0..10 {
        assert_eq!(client.text("hello", json!({"name": "Ada"})), "Hello, Ada!");
    }
    assert!(client.call("ok", json!({})).is_err(), "it is not shown yet");
}

#[test]
fn without_calls_a_step_is_left_when_the_operator_says_so() {
    let host = setup("interval_ms = 100\nsteps = [5, 100]\nidle_step_ms = 200").start();
    let before = host.plugin_health("hello")["sha256"].clone();
    host.put("hello", &greeting(b"Howdy, "));
    host.health_when("it serves alone", |health| {
        health["plugins"]["hello"]["sha256"] != before
    });
    assert_eq!(events(&host), ["loaded", "canary_started", "promoted"]);
}

/// A host that was ended in the middle begins again with the version that was good.
#[test]
fn a_restart_in_the_middle_begins_again() {
    let state = tempfile::tempdir().expect("a temporary folder");
    let in_state = |canary: &str, state: &TempDir| {
        let config = format!(
            "{QUICK}state_dir = {:?}\n[canary]\nenabled = true\n{canary}",
            state.path()
        );
        Setup::new().config(&config)
    };
    let steps = format!("{HOUR}steps = [50, 100]");
    let mut host = in_state(&steps, &state).plugin("hello").start();
    begin(&host, &greeting(b"Howdy, "));
    host.kill();
    let host = in_state(&steps, &state)
        .file("hello", &greeting(b"Howdy, "))
        .start();
    let hello = host.plugin_health("hello");
    assert_eq!(hello["canary"]["share"], 50, "{hello:#}");
    assert_ne!(hello["canary"]["sha256"], hello["sha256"]);
    let mut client = Client::modern(&host);
    let mut texts: Vec<String> = (0..4)
        .map(|_| client.text("hello", json!({"name": "Ada"})))
        .collect();
    texts.sort();
    texts.dedup();
    assert_eq!(texts, ["Hello, Ada!", "Howdy, Ada!"]);
}
