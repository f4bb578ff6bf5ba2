//! The page for those who come from erlmcp: everything that its deployment guide names
//! is on it, and what it names of Fusebox is there.

use fusebox_tests::repository;

use crate::{keys, read, section, spans};

const PAGE: &str = "docs/src/from-erlmcp.md";

/// What the guide names: its keys, arguments, metrics, commands, modules and items of
/// checklists, in its own words.
const NAMES: &str = include_str!("erlmcp.txt");

#[test]
fn everything_that_the_guide_names_is_on_the_page() {
    let page = read(PAGE);
    let names: Vec<&str> = NAMES.lines().filter(|line| !line.is_empty()).collect();
    assert!(names.len() > 120, "{}", names.len());
    let missing: Vec<&&str> = names.iter().filter(|name| !page.contains(**name)).collect();
    assert!(missing.is_empty(), "{PAGE} has nothing on {missing:#?}");
}

/// The cells of the rows of the tables in a text, without their heads.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let lines: Vec<&str> = text.lines().collect();
    let rows = lines.iter().enumerate().filter(|(at, line)| {
        let is_head = lines
            .get(at + 1)
            .is_some_and(|next| next.starts_with("|---"));
        line.starts_with("| ") && !is_head
    });
    rows.map(|(_, row)| row.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

#[test]
fn each_key_of_the_guide_has_one_here_or_the_reason_why_it_needs_none() {
    let page = read(PAGE);
    let keys = keys();
    let rows = rows(section(&page, "## Keys"));
    assert!(rows.len() > 25, "{rows:?}");
    for row in rows {
        let [name, here, note] = row.as_slice() else {
            panic!("three columns: {row:?}");
        };
        assert!(!note.is_empty(), "{name}");
        match spans(here).as_slice() {
            [] => assert_eq!(*here, "nothing", "{name}"),
            named => {
                for key in named {
                    assert!(keys.contains(*key), "{name}: there is no key `{key}`");
                }
            }
        }
        // The old name of what has another one is understood where the page says so.
        for old in spans(note) {
            let is_known = read("config/fusebox.toml").contains(&format!("`{old}`"));
            assert!(
                is_known || keys.contains(old) || !note.contains("understood"),
                "{old}"
            );
        }
    }
}

#[test]
fn each_field_of_health_that_it_names_is_one() {
    let page = read(PAGE);
    let described = read("docs/src/health.md");
    let rows = rows(section(&page, "### `/health`"));
    assert_eq!(rows.len(), 7);
    for row in rows {
        for field in spans(row[1]) {
            let is_there = described.contains(&format!("\n| `{field}` |"));
            assert!(is_there, "there is no `{field}` in /health");
        }
    }
}

#[test]
fn each_job_and_file_that_it_names_is_there() {
    let page = read(PAGE);
    let help = read("xtask/src/main.rs").to_lowercase();
    for span in spans(&page) {
        if let Some(job) = span.strip_prefix("cargo xtask ") {
            let job = job.split(' ').next().expect("a job");
            let is_there =
                help.contains(&format!("    {job}(")) || help.contains(&format!("    {job} {{"));
            assert!(is_there, "there is no `cargo xtask {job}`");
        }
        if span.starts_with("config/") {
            assert!(repository().join(span).exists(), "{span} is not there");
        }
    }
}
