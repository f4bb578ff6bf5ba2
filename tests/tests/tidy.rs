//! Proves what holds of the repository's own files: each Rust file says what it
//! owns and is short enough to read, crates name only those they may, and
//! nothing names the place it was made in.

use std::path::Path;
use std::process::Command;

use fusebox_tests::repository;

const LINES_MAX: usize = 500;

/// The files that are, or are about to be, in the repository.
fn files() -> Vec<String> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ])
        .current_dir(repository())
        .output()
        .expect("git lists the files");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("names in UTF-8");
    let names = text.split('\0').filter(|name| !name.is_empty());
    // A file may be deleted and not be taken out yet.
    names
        .filter(|name| repository().join(name).is_file())
        .map(str::to_owned)
        .collect()
}

fn rust_files() -> Vec<(String, String)> {
    let names = files().into_iter().filter(|name| name.ends_with(".rs"));
    names
        .map(|name| (read(&name), name))
        .map(|(text, name)| (name, text))
        .collect()
}

fn read(name: &str) -> String {
    let bytes = std::fs::read(repository().join(name)).expect("a file is read");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[track_caller]
fn assert_none(what: &str, offenders: &[String]) {
    assert!(offenders.is_empty(), "{what}:\n{}", offenders.join("\n"));
}

#[test]
fn each_rust_file_opens_with_what_it_owns() {
    let files = rust_files();
    assert!(files.len() > 20, "the files are found");
    let silent = files
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"));
    let silent: Vec<_> = silent.map(|(name, _)| name).collect();
    assert_none("these do not open with `//!`", &silent);
}

#[test]
fn no_rust_file_is_too_long() {
    let long = rust_files()
        .into_iter()
        .map(|(name, text)| (text.lines().count(), name));
    let long: Vec<_> = long
        .filter(|(lines, _)| *lines > LINES_MAX)
        .map(|(lines, name)| format!("{name}: {lines} lines"))
        .collect();
    assert_none(&format!("these have more than {LINES_MAX} lines"), &long);
}

/// Whether a line of code, not of prose or a text, names `word` as a word.
fn names(line: &str, word: &str) -> bool {
    let code = line.trim_start();
    if code.starts_with("//") || code.starts_with('#') {
        return false;
    }
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        let in_text = code[..at].matches('"').count() % 2 == 1;
        !in_text && !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// Lines of Rust and Cargo.toml in `folder` that name one of `forbidden`.
fn naming(folder: &str, forbidden: &[&str]) -> Vec<String> {
    let folder = format!("{folder}/");
    let mut offenders = Vec::new();
    for name in files() {
        let is_code = name.ends_with(".rs") || name.ends_with("Cargo.toml");
        if !name.starts_with(&folder) || !is_code {
            continue;
        }
        for (number, line) in read(&name).lines().enumerate() {
            if forbidden.iter().any(|word| names(line, word)) {
                offenders.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    offenders
}

#[test]
fn crates_name_only_those_below_them() {
    let check = |folder: &str, forbidden: &[&str]| {
        assert!(
            Path::new(&repository()).join(folder).is_dir(),
            "{folder} is there"
        );
        let what = format!("{folder} may not name any of {forbidden:?}");
        assert_none(&what, &naming(folder, forbidden));
    };
    const PROTOCOL: [&str; 2] = ["fusebox-protocol", "fusebox_protocol"];
    const ENGINE: [&str; 2] = ["fusebox-engine", "fusebox_engine"];
    const WASMTIME: [&str; 4] = [
        "wasmtime",
        "wasmtime_wasi",
        "wasmtime-wasi",
        "wasmtime_environ",
    ];
    const TOKIO: [&str; 5] = ["tokio", "tokio_util", "tokio-util", "hyper", "hyper_util"];
    // Bytes and `now` in, bytes out: no runtime, no engine, no socket, no clock.
    check("host/protocol", &WASMTIME);
    check("host/protocol", &TOKIO);
    check("host/protocol", &ENGINE);
    check("host/protocol", &["TcpStream", "SystemTime"]);
    // It builds plugins, and never runs them.
    for others in [&WASMTIME[..], &TOKIO, &PROTOCOL, &ENGINE] {
        check("host/toolchain", others);
    }
    check("host/engine", &PROTOCOL);
    check("host/engine", &["hyper", "hyper_util", "hyper-util"]);
    // Only the engine names the engine's crate; the benchmarks compare with it.
    for folder in ["host/server", "plugin-sdk", "plugins", "xtask", "tests/src"] {
        check(folder, &WASMTIME);
    }
    for folder in ["plugin-sdk", "plugins"] {
        check(folder, &PROTOCOL);
        check(folder, &ENGINE);
    }
}

#[test]
fn nothing_names_the_place_it_was_made_in() {
    // In two pieces each, so that this file does not name them either.
    let needles = [
        ["/wo", "rk/"],
        ["/tmp/", "bash_jobs"],
        ["/tmp/", "target-"],
        ["/ro", "ot/"],
        ["registry.np", "mjs"],
        ["pypi", ".org"],
        ["pythonho", "sted"],
        ["deb.deb", "ian.org"],
    ]
    .map(|pieces| pieces.concat());
    let mut offenders = Vec::new();
    for name in files() {
        let text = read(&name);
        for (number, line) in text.lines().enumerate() {
            if needles.iter().any(|needle| line.contains(needle.as_str())) {
                offenders.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert_none("these lines name a place of their making", &offenders);
}

#[test]
fn a_word_is_found_in_code_and_not_in_prose() {
    let check = |line: &str, expected: bool| assert_eq!(names(line, "tokio"), expected, "{line}");
    check("use tokio::net::TcpStream;", true);
    check("tokio.workspace = true", true);
    check("let x = tokio_like();", false);
    check("//! No tokio here.", false);
    check("    // tokio would block", false);
    check("# tokio is left out", false);
    check("mytokio::x", false);
    check("filter(\"tokio=warn\")", false);
}
