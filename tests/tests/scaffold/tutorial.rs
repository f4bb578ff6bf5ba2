//! The pages for authors, run as they are written: the book's way from nothing to
//! a call, and the README of a new project. What is served is called by the MCP
//! client of the TypeScript SDK.

use std::fs;
use std::path::{Path, PathBuf};

use fusebox_tests::{Ran, node, repository};
use serde_json::json;

use crate::served::Served;
use crate::{empty, good};

/// The lines of each block of a shell.
fn blocks(page: &str) -> Vec<Vec<&str>> {
    let blocks = page.split("```sh\n").skip(1);
    let blocks = blocks.map(|rest| rest.split_once("```").expect("a block ends").0);
    blocks.map(|block| block.lines().collect()).collect()
}

/// Lines that serve until they are told to end.
const HOSTS: [&str; 2] = ["fusebox serve", "fusebox plugin dev"];

/// What came of a page.
#[derive(Default)]
struct Followed {
    ran: Vec<(String, Ran)>,
    /// hosts, and where they answer
    served: Vec<(Served, String)>,
}

impl Followed {
    /// What the line that begins so printed.
    #[track_caller]
    fn printed(&self, beginning: &str) -> &str {
        let mut ran = self.ran.iter();
        let found = ran.find(|(line, _)| line.starts_with(beginning));
        &found
            .unwrap_or_else(|| panic!("no line begins {beginning}"))
            .1
            .stdout
    }
}

/// Does what a page says, line by line. Each block begins in `folder`.
fn follow(folder: &Path, page: &str) -> Followed {
    let mut followed = Followed::default();
    for block in blocks(page) {
        let mut place: PathBuf = folder.to_path_buf();
        for line in block {
            let line = line.split(" # ").next().unwrap_or_default().trim();
            if let Some(below) = line.strip_prefix("cd ") {
                place.push(below);
            } else if HOSTS.iter().any(|host| line.starts_with(host)) {
                let mut served = Served::start(&place, line);
                let url = served.url();
                followed.served.push((served, url));
            } else {
                followed.ran.push((line.to_owned(), good(&place, line)));
            }
        }
    }
    followed
}

#[track_caller]
fn check_greeting(url: &str) {
    assert_eq!(
        node("call.mjs", &[url, "hello", r#"{"name":"Ada"}"#]),
        json!({"tools": ["hello"], "content": [{"type": "text", "text": "Hello, Ada!"}]})
    );
}

#[test]
fn the_book_leads_from_nothing_to_a_call_in_three_commands() {
    let page = fs::read_to_string(repository().join("docs/src/author.md")).expect("the page");
    let (_, rest) = page
        .split_once("## From nothing to a call\n")
        .expect("the tutorial");
    let (tutorial, _) = rest.split_once("## In Python\n").expect("its end");
    let first = &blocks(tutorial)[0];
    assert_eq!(first.len(), 3, "{first:?}");
    assert!(first[2].starts_with("fusebox serve"), "{first:?}");

    let folder = empty();
    let followed = follow(folder.path(), tutorial);
    let [(_, served), (_, developed)] = &*followed.served else {
        panic!("the page starts two hosts");
    };
    check_greeting(served);
    check_greeting(developed);
    assert!(
        followed
            .printed("cargo test")
            .contains("2 passed; 0 failed")
    );
    let tested = followed.printed("fusebox plugin test");
    assert!(tested.contains("3 passed, 0 failed"), "{tested}");
    let called = followed.printed("fusebox plugin call");
    assert!(called.contains("\"text\": \"Hello, Ada!\""), "{called}");
}

/// The README of a new project in this language, where `native` runs its own tests.
fn check_readme(lang: &str, native: &str, passed: &str) {
    let folder = empty();
    let new = format!("fusebox plugin new some-tool --lang {lang}");
    good(folder.path(), &new);
    let project = folder.path().join("some-tool");
    let page = fs::read_to_string(project.join("README.md")).expect("the README");
    let followed = follow(&project, &page);
    assert_eq!(followed.ran.len(), 4);
    let (_, ran) = followed
        .ran
        .iter()
        .find(|(line, _)| line == native)
        .expect("its tests");
    assert!(
        format!("{}{}", ran.stdout, ran.stderr).contains(passed),
        "{ran:?}"
    );
    let tested = followed.printed("fusebox plugin test");
    assert!(tested.contains("3 passed, 0 failed"), "{tested}");
    let [(_, developed), (_, served)] = &*followed.served else {
        panic!("the README starts two hosts");
    };
    check_greeting(developed);
    check_greeting(served);
    for row in page.lines().filter_map(|line| line.strip_prefix("| `")) {
        let named = row.split('`').next().expect("a name");
        assert!(project.join(named).exists(), "{named} is not there");
    }
    for name in ["README.md", "cases.toml"] {
        let text = fs::read_to_string(project.join(name)).expect(name);
        assert!(
            !text.contains("{{"),
            "nothing is left to be filled in: {text}"
        );
    }
}

#[test]
fn the_readme_of_a_new_project_is_true() {
    check_readme("rust", "cargo test", "2 passed; 0 failed");
}

#[test]
fn the_readme_of_a_new_project_in_python_is_true() {
    check_readme("python", "python3 -m unittest", "Ran 2 tests");
}

#[test]
fn the_readme_of_a_new_project_in_javascript_is_true() {
    check_readme("js", "node --test", "pass 2");
}

/// The book's section for a language, from nothing to a call.
fn check_section(title: &str, native: &str, passed: &str) {
    let page = fs::read_to_string(repository().join("docs/src/author.md")).expect("the page");
    let heading = format!("\n## {title}\n");
    let (_, rest) = page.split_once(&heading).expect("the section");
    let section = rest
        .split_once("\n## ")
        .map_or(rest, |(section, _)| section);
    let first = &blocks(section)[0];
    assert_eq!(first.len(), 3, "{first:?}");
    let folder = empty();
    let followed = follow(folder.path(), section);
    let (_, served) = followed.served.first().expect("the page starts a host");
    check_greeting(served);
    let (_, ran) = followed
        .ran
        .iter()
        .find(|(line, _)| line == native)
        .expect("its tests");
    assert!(
        format!("{}{}", ran.stdout, ran.stderr).contains(passed),
        "{ran:?}"
    );
}

#[test]
fn the_book_leads_to_a_call_in_python() {
    check_section("In Python", "python3 -m unittest", "Ran 2 tests");
}

#[test]
fn the_book_leads_to_a_call_in_javascript() {
    check_section("In JavaScript", "node --test", "pass 2");
}
