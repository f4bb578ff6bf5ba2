//! A disk that is full or slow: callers notice nothing, or with `on_overflow = "refuse"`
//! nothing happens that isn't written, and whoever looks after the host is told.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::thread;

use fusebox_tests::{Client, Host, Setup, shell, until};
use serde_json::{Value, json};

/// Lines that may wait (docs/src/audit.md).
const WAIT_MAX: u64 = 4096;

/// A file to which nothing can be written: "No space left on device".
fn full(folder: &Path) -> PathBuf {
    let file = folder.join("audit.jsonl");
    std::os::unix::fs::symlink("/dev/full", &file).expect("a link is made");
    file
}

/// Calls until the host says that no more may wait.
fn call_until_full(host: &Host) -> Client {
    let mut client = Client::modern(host);
    for _ in 0..WAIT_MAX {
        client.text("hello", json!({"name": "Ada"}));
    }
    client
}

fn setup(file: &Path, more: &str) -> Setup {
    let config = format!("[audit]\nfile = {file:?}\n{more}\n");
    Setup::new().plugin("hello").config(&config)
}

#[test]
fn a_full_disk_costs_callers_nothing_and_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = full(folder.path());
    let mut host = setup(&file, "").start();
    let mut client = call_until_full(&host);
    for _ in 0..100 {
        client.text("hello", json!({"name": "Ada"}));
    }
    let health = host.health();
    let audit = &health["audit"];
    let dropped = audit["dropped"].as_u64().expect("a number");
    // One is at hand, and the others wait.
    assert!((99..=100).contains(&dropped), "{audit:#}");
    assert_eq!([&audit["written"], &audit["refused"]], [0, 0], "{audit:#}");
    let failing = audit["failing"].as_str().expect("a reason");
    assert!(failing.contains("No space left"), "{failing}");
    assert_eq!(health["status"], "degraded");
    let causes = health["causes"].to_string();
    assert!(
        causes.contains("the audit log can't be written"),
        "{causes}"
    );
    let figures = host.get("/metrics").text();
    for line in [
        "fusebox_audit_failing 1".to_owned(),
        "fusebox_audit_lines_total{outcome=\"written\"} 0".to_owned(),
        format!("fusebox_audit_lines_total{{outcome=\"dropped\"}} {dropped}"),
    ] {
        assert!(figures.lines().any(|one| one == line), "{line}");
    }
    let told = |words: &str| host.log().matches(words).count();
    assert_eq!(told("it is tried again each second"), 1, "told once");
    assert_eq!(told("calls are not in the audit log"), 1, "told once");
    // It does not hold up the end of the process for long.
    host.terminate();
    assert!(host.wait().success());
    assert!(
        host.log()
            .contains("the last lines of the audit log are not written")
    );
}

#[test]
fn with_refuse_no_call_runs_without_room_for_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = full(folder.path());
    let host = setup(&file, "on_overflow = \"refuse\"").start();
    let mut client = call_until_full(&host);
    // One more, if the first line is at hand already.
    let _ = client.call("hello", json!({"name": "Ada"}));
    let before = host.health();
    let of = |health: &Value| {
        let hello = health["plugins"]["hello"].clone();
        let number = |value: &Value| value.as_u64().expect("a number");
        [
            number(&health["errors_total"]),
            number(&health["audit"]["refused"]),
            number(&hello["refused"]),
            number(&hello["calls"]),
        ]
    };
    for _ in 0..7 {
        let error = client.call("hello", json!({"name": "Ada"}));
        let error = error.expect_err("there is no room for its line");
        assert_eq!(error["data"]["reason"], "overloaded", "{error}");
        assert_eq!(error["data"]["key"], "audit.on_overflow", "{error}");
        assert!(error["data"]["retryAfterMs"].is_u64(), "{error}");
    }
    let after = host.health();
    let [errors, refused, of_hello, calls] = of(&before);
    // Each is an error as any other, and the handler was never called.
    assert_eq!(
        of(&after),
        [errors + 7, refused + 7, of_hello + 7, calls],
        "{after:#}"
    );
    assert_eq!(after["audit"]["dropped"], 0);
    // What isn't written is served.
    client
        .request("tools/list", json!({}))
        .outcome()
        .expect("a list");
}

/// Reads lines as they come.
fn drain(mut pipe: File) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        // It ends when the host has closed its end.
        pipe.read_to_end(&mut all).expect("a pipe can be read");
        all
    })
}

#[test]
fn a_slow_disk_loses_no_line_that_had_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("audit.jsonl");
    let made = shell(folder.path(), "mkfifo audit.jsonl").status();
    assert!(made.expect("a shell").success());
    // As long as nobody reads, what is written waits, and then the writer.
    let both = OpenOptions::new().read(true).write(true).open(&file);
    let both = both.expect("a pipe is opened");
    let mut host = setup(&file, "on_overflow = \"refuse\"").start();
    let mut client = Client::modern(&host);
    let mut answered = 0;
    let mut calls = (0..100_000).map(|_| client.call("hello", json!({"name": "Ada"})));
    let refused = calls.find_map(|answer| {
        answered += u64::from(answer.is_ok());
        answer.err()
    });
    let refused = refused.expect("as many wait as may");
    assert_eq!(refused["data"]["key"], "audit.on_overflow", "{refused}");
    let reader = File::open(&file).expect("the pipe is opened");
    drop(both);
    let reading = drain(reader);
    until("calls are answered again", || {
        let answer = client.call("hello", json!({"name": "Ada"})).ok();
        answered += u64::from(answer.is_some());
        answer
    });
    host.terminate();
    host.wait();
    let text = String::from_utf8(reading.join().expect("it was read")).expect("text");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is whole"))
        .collect();
    assert!(answered > WAIT_MAX, "{answered}");
    assert_eq!(lines.len() as u64, answered);
    assert!(lines.iter().all(|line| line["outcome"] == "ok"));
}
