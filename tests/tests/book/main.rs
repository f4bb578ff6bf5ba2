//! Proves that the operator's pages of the book are true: what they show of commands is
//! what these print, the keys, metrics and alerts that they name are there, and so is
//! everything that they link to.

mod incidents;
mod links;
mod moved;
mod pages;
mod session;

use std::collections::BTreeSet;

use fusebox_tests::repository;

fn read(path: &str) -> String {
    std::fs::read_to_string(repository().join(path))
        .unwrap_or_else(|error| panic!("failed to read {path}: {error}"))
}

/// The pages of the operator's book.
const PAGES: [&str; 6] = [
    "docs/src/from-erlmcp.md",
    "docs/src/incidents.md",
    "docs/src/install.md",
    "docs/src/operator.md",
    "docs/src/tuning.md",
    "docs/src/upgrade.md",
];

/// Every key of the configuration, with its table before it.
fn keys() -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let mut table = String::new();
    for line in read("config/fusebox.toml").lines() {
        if let Some(name) = line.strip_prefix('[') {
            table = format!("{}.", name.trim_end_matches(']'));
        } else if let Some((key, _)) = line.split_once(" = ")
            && !key.starts_with('#')
        {
            keys.insert(format!("{table}{key}"));
        }
    }
    assert!(keys.len() > 100, "{keys:?}");
    keys
}

/// What stands between backquotes in a text.
fn spans(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The part of a page below a heading, up to the next of its rank or above.
#[track_caller]
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let rank = heading.split(' ').next().unwrap_or_default().len();
    let (_, rest) = page
        .split_once(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("no {heading}"));
    let ends = (1..=rank).filter_map(|rank| rest.find(&format!("\n{} ", "#".repeat(rank))));
    ends.min().map_or(rest, |end| &rest[..end])
}
