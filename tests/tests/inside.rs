//! Proves that the book's page on limits shows what a client and an author really
//! get: what it shows is made here, from a host's own answers.

use std::fs;

use fusebox_tests::{Client, Setup, fusebox, plugin, repository};
use serde_json::{Value, json};

const PAGE: &str = "docs/src/inside.md";

/// The tools of `misbehave`, and what each of them does.
const FAULTS: [(&str, &str); 8] = [
    ("spin", "computes without end"),
    ("sleep", "waits for longer than it may"),
    ("allocate", "takes more memory than it may have"),
    ("huge", "answers with 64 MiB"),
    ("chatter", "logs without end"),
    ("recurse", "calls itself without end"),
    ("panic", "panics"),
    ("bad_json", "answers with what is no JSON"),
];

fn read() -> String {
    fs::read_to_string(repository().join(PAGE)).expect("the page")
}

/// The lines of TOML that the page shows, which are those of the host.
fn settings() -> String {
    let page = read();
    let (_, rest) = page.split_once("```toml\n").expect("settings");
    let (settings, _) = rest.split_once("```").expect("their end");
    settings.to_owned()
}

/// Compares a part of the page with what it should be, or writes it.
#[track_caller]
fn check(begin: &str, end: &str, made: &str) {
    let page = read();
    let begin = format!(
        "<!-- Made by tests/tests/inside.rs from {begin}; UPDATE_DOCS=1 rewrites it. -->\n"
    );
    let end = format!("\n<!-- end of what is made{end} -->\n");
    let (before, rest) = page.split_once(&begin).expect("where it begins");
    let (_, after) = rest.split_once(&end).expect("where it ends");
    let expected = format!("{before}{begin}{made}{end}{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(repository().join(PAGE), expected).expect("the page is written");
        return;
    }
    assert_eq!(
        page, expected,
        "{PAGE} is not up to date: run `UPDATE_DOCS=1 cargo xtask test --only tests -- --test inside -- --test-threads 1`"
    );
}

fn shown(error: &Value) -> String {
    format!("```json\n{error:#}\n```\n")
}

#[test]
fn what_each_limit_says_is_on_the_page_and_plugin_call_says_the_same() {
    // The one fault that takes time has less of it.
    let mut made = String::new();
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("misbehave.wasm"), plugin("misbehave")).expect("a file");
    for (tool, what) in FAULTS {
        let mut settings = settings();
        let mut note = String::new();
        let mut arguments = json!({});
        if tool == "sleep" {
            settings = settings.replace("deadline_ms = 60000", "deadline_ms = 100");
            note = " (with `deadline_ms = 100`)".to_owned();
            arguments = json!({"ms": 60_000});
        }
        let host = Setup::new().plugin("misbehave").config(&settings).start();
        let error = Client::modern(&host).call(tool, arguments.clone());
        let error = error.expect_err("a fault");
        made += &format!("\n`{tool}` {what}{note}:\n\n{}", shown(&error));
        fs::write(folder.path().join("host.toml"), &settings).expect("a file");
        let ran = fusebox(
            folder.path(),
            &[
                "plugin",
                "call",
                "--json",
                "--config",
                "host.toml",
                "misbehave.wasm",
                tool,
                &arguments.to_string(),
            ],
        );
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        assert_eq!(report["outcome"]["error"], error, "{tool}");
    }
    check("what a host answers", "", &made);
}

#[test]
fn what_keeps_a_file_from_being_served_is_on_the_page() {
    let mut made = String::new();
    for (line, what) in [
        (
            "memory_max_bytes = 1048576",
            "its memory is larger from the start than it may be",
        ),
        ("fuel = 1000", "its lists take more fuel than a call has"),
        (
            "table_elements_max = 1",
            "its tables are larger than they may be",
        ),
        (
            "output_max_bytes = 1024",
            "its lists are larger than an answer may be",
        ),
    ] {
        let settings = format!("[plugins.misbehave]\n{line}");
        let host = Setup::new().plugin("misbehave").config(&settings).start();
        let health = host.plugin_health("misbehave");
        assert_eq!(health["state"], "failed", "{health:#}");
        let reason = health["reason"].as_str().expect("a reason");
        let (key, _) = line.split_once(' ').expect("a key");
        assert!(
            reason.contains(&format!("(raise `plugins.misbehave.{key}`)")),
            "{reason}"
        );
        // Which sizes a compiler gives a file changes with the compiler.
        let sized: String = match reason.split_once(" from the start") {
            Some((size, rest)) => {
                let words = size.split(' ').map(|word| match word.parse::<u64>() {
                    Ok(_) => "N",
                    Err(_) => word,
                });
                let words: Vec<&str> = words.collect();
                format!("{} from the start{rest}", words.join(" "))
            }
            None => reason.to_owned(),
        };
        made += &format!("\nWith `{line}`, {what}:\n\n```text\n{sized}\n```\n");
    }
    check("what a host says", " at load", &made);
}

#[test]
fn what_an_open_breaker_says_is_on_the_page() {
    let host = Setup::new()
        .plugin("misbehave")
        .config("[circuit_breaker]\ntimeout_ms = 86400000")
        .start();
    let mut client = Client::modern(&host);
    for _ in 0..5 {
        client.call("trap", json!({})).expect_err("a fault");
    }
    let mut error = client.call("trap", json!({})).expect_err("an open breaker");
    let retry = error["data"]["retryAfterMs"].as_u64().expect("a time");
    assert!((1..=86_400_000).contains(&retry), "{error}");
    // What it says with the default, just after it opened.
    error["data"]["retryAfterMs"] = json!(30_000);
    check(
        "what a breaker answers",
        " of the breaker",
        &format!("\n{}", shown(&error)),
    );
    assert_eq!(client.text("ok", json!({})), "ok");
}

#[test]
fn what_the_page_on_moving_shows_is_there() {
    let page = fs::read_to_string(repository().join("docs/src/moving.md")).expect("the page");
    let mut shown = 0;
    for line in page.lines().filter(|line| line.starts_with("{{#include ")) {
        let named = line
            .trim_start_matches("{{#include ")
            .trim_end_matches("}}");
        let (path, anchor) = named.rsplit_once(':').expect("a part of a file");
        let path = repository().join("docs/src").join(path);
        let source = fs::read_to_string(&path).expect("the file that is shown");
        for mark in ["ANCHOR", "ANCHOR_END"] {
            let mark = format!("// {mark}: {anchor}\n");
            assert_eq!(source.matches(&mark).count(), 1, "{line}: {mark}");
        }
        shown += 1;
    }
    assert_eq!(shown, 3);
}
