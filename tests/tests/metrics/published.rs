//! What is written about the figures is about those that there are: the book's page,
//! the dashboard, the alerts.

use std::collections::BTreeSet;
use std::fs;

use fusebox_tests::{Scrape, repository};

use super::*;

const PAGE: &str = "docs/src/metrics.md";
const BEGIN: &str =
    "<!-- Made by tests/tests/metrics of a real host's figures; UPDATE_DOCS=1 rewrites it. -->\n\n";
const END: &str = "\n<!-- end of what is made -->\n";

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path))
        .unwrap_or_else(|error| panic!("failed to read {path}: {error}"))
}

/// Every family, as a table in Markdown.
fn table(scrape: &Scrape) -> String {
    let mut table = "| name | type | labels | what it is |\n|---|---|---|---|\n".to_owned();
    for (name, described) in &scrape.families {
        let labels = scrape.label_names(name).into_iter();
        let labels: Vec<String> = labels.map(|label| format!("`{label}`")).collect();
        let (kind, help) = (&described.kind, &described.help);
        table += &format!("| `{name}` | {kind} | {} | {help} |\n", labels.join(" "));
    }
    table
}

#[test]
fn the_page_describes_each_figure() {
    let page = read(PAGE);
    let (before, rest) = page.split_once(BEGIN).expect("where the table begins");
    let (_, after) = rest.split_once(END).expect("where the table ends");
    let scrape = Scrape::of(&busy());
    let expected = format!("{before}{BEGIN}{}{END}{after}", table(&scrape));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(repository().join(PAGE), &expected).expect("the page is written");
        return;
    }
    assert_eq!(
        page, expected,
        "{PAGE} is not up to date: run `UPDATE_DOCS=1 cargo xtask test --only tests -- --test metrics`"
    );
}

/// The names of series in a text.
fn named(text: &str) -> BTreeSet<String> {
    let of_name = |one: char| one.is_ascii_alphanumeric() || one == '_';
    let words = text.split(|one: char| !of_name(one));
    words
        // What ends with `_` stands for several.
        .filter(|word| word.starts_with("fusebox_") && !word.ends_with('_'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn dashboard_alerts_and_page_name_only_what_there_is() {
    let scrape = Scrape::of(&busy());
    let there: BTreeSet<&str> = scrape
        .names()
        .chain(scrape.families.keys().map(String::as_str))
        .collect();
    for (path, least) in [
        ("config/grafana/fusebox.json", 40),
        ("config/prometheus/alerts.yml", 25),
        ("config/prometheus/alerts_test.yml", 25),
        (PAGE, 60),
        ("docs/src/incidents.md", 10),
        ("docs/src/tuning.md", 5),
        ("docs/src/from-erlmcp.md", 10),
    ] {
        let named = named(&read(path));
        assert!(named.len() >= least, "{path}: {}", named.len());
        let unknown: Vec<_> = named
            .iter()
            .filter(|name| !there.contains(name.as_str()))
            .collect();
        assert!(unknown.is_empty(), "{path} names {unknown:?}");
    }
}

#[test]
fn the_page_lists_each_alert() {
    let (page, alerts) = (read(PAGE), read("config/prometheus/alerts.yml"));
    let names = alerts.split("- alert: ").skip(1);
    for name in names.filter_map(|alert| alert.lines().next()) {
        assert!(page.contains(&format!("`{name}`")), "{PAGE} has no {name}");
    }
}
