//! Proves that what README.md shows is true: the plugin, the commands, and the
//! call that a newcomer copies.

use std::path::Path;
use std::process::Command;

use fusebox_tests::{Connection, Setup, repository};
use serde_json::json;

fn read(path: impl AsRef<Path>) -> String {
    let path = repository().join(path);
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("failed to read {}: {error}", path.display()))
}

/// The blocks of this kind in README.md.
fn blocks(kind: &str) -> Vec<String> {
    let fence = format!("```{kind}\n");
    let readme = read("README.md");
    readme
        .split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn the_plugin_is_the_one_that_ships() {
    let source = read("plugins/hello/src/lib.rs");
    let code: String = source
        .lines()
        .filter(|line| !line.starts_with("//!"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(blocks("rust"), [code]);
}

/// What follows each `prefix` in README.md, up to the end of the command.
fn commands(prefix: &str) -> Vec<String> {
    let readme = read("README.md");
    let ends = |character: char| "`#&\n".contains(character);
    readme
        .match_indices(prefix)
        .map(|(at, _)| {
            let rest = &readme[at + prefix.len()..];
            rest.split(ends)
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned()
        })
        .collect()
}

#[test]
fn each_job_of_xtask_exists() {
    assert!(
        read(".cargo/config.toml").contains("xtask = \"run --quiet --package xtask --\""),
        "`cargo xtask` is an alias"
    );
    let source = read("xtask/src/main.rs");
    let (_, jobs) = source.split_once("enum Job {\n").expect("the jobs");
    let (jobs, _) = jobs.split_once("\n}").expect("the end of the jobs");
    let exists = |name: &str| {
        // A variant begins a line, in camel case.
        let mut letters = name.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        let variant: String = first.into_iter().chain(letters).collect();
        let mut lines = jobs.lines().map(str::trim);
        // Some carry their options: `Name,`, `Name {`, `Name(options)`.
        lines.any(|line| line.split([',', '{', ' ', '(']).next() == Some(&variant))
    };
    let named = commands("cargo xtask ");
    for name in ["run", "test", "plugins"] {
        assert!(named.iter().any(|job| job == name), "{name}: {named:?}");
    }
    for command in &named {
        let name = command.split_whitespace().next().expect("a job");
        assert!(exists(name), "there is no `cargo xtask {name}`");
    }
    assert!(!exists("nothing"));
}

#[test]
fn the_benchmarks_exist() {
    let named = commands("cargo bench ");
    assert!(!named.is_empty());
    for command in &named {
        assert_eq!(command, "-p fusebox-benches");
    }
    let manifest = read("benches/Cargo.toml");
    for line in ["name = \"fusebox-benches\"", "[[bench]]"] {
        assert!(manifest.lines().any(|present| present == line), "{line}");
    }
}

#[test]
fn each_file_that_is_linked_is_there() {
    let readme = read("README.md");
    let links: Vec<&str> = readme
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|link| !link.starts_with("http"))
        .collect();
    assert!(links.len() >= 5, "{links:?}");
    for link in links {
        assert!(repository().join(link).exists(), "{link} is not there");
    }
}

/// The words of the first `curl` command, as a shell would pass them.
fn curl() -> Vec<String> {
    let blocks = blocks("sh");
    let block = blocks.iter().find(|block| block.starts_with("curl "));
    // A function takes the program's place: it need not be installed.
    let script = format!(
        "curl() {{ printf '%s\\0' \"$@\"; }}\n{}",
        block.expect("a command to copy")
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .output()
        .expect("a shell runs");
    assert!(output.status.success(), "{output:?}");
    let words = String::from_utf8(output.stdout).expect("UTF-8");
    words.split_terminator('\0').map(str::to_owned).collect()
}

#[test]
fn the_call_that_a_newcomer_copies_is_answered() {
    let mut headers = vec![("Accept".to_owned(), "*/*".to_owned())];
    let mut url = String::new();
    let mut body = String::new();
    let mut words = curl().into_iter();
    while let Some(word) = words.next() {
        let mut next = || words.next().expect("a value");
        match word.as_str() {
            "-s" => {}
            "-H" => {
                let header = next();
                let (name, value) = header.split_once(": ").expect("a header");
                headers.push((name.to_owned(), value.to_owned()));
            }
            "-d" => body = next(),
            _ => url = word,
        }
    }
    let path = url.strip_prefix("http://127.0.0.1:9999");
    let path = path.unwrap_or_else(|| panic!("the address that `cargo xtask run` serves: {url}"));
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let host = Setup::new().plugin("hello").start();
    let response =
        Connection::open(host.address()).exchange("POST", path, &headers, body.as_bytes());
    assert_eq!(response.head.status, 200, "{}", response.text());
    assert_eq!(
        response.json()["result"]["content"],
        json!([{"type": "text", "text": "Hello, Ada!"}])
    );
}
