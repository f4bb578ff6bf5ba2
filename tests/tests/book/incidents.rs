//! The page on incidents: a section for each alert, and each section complete.

use std::collections::BTreeSet;

use crate::{read, section};

const PAGE: &str = "docs/src/incidents.md";

const ALERTS: &str = "config/prometheus/alerts.yml";

/// The names of all alerts.
fn alerts() -> BTreeSet<String> {
    let rules = read(ALERTS);
    let lines = rules.lines().map(str::trim);
    let names = lines.filter_map(|line| line.strip_prefix("- alert: "));
    names.map(str::to_owned).collect()
}

#[test]
fn each_alert_has_a_section_and_each_section_an_alert() {
    let page = read(PAGE);
    let headings = page.lines().filter_map(|line| line.strip_prefix("### "));
    let described: BTreeSet<String> = headings.map(str::to_owned).collect();
    let alerts = alerts();
    assert!(alerts.len() > 20, "{alerts:?}");
    assert_eq!(described, alerts);
}

#[test]
fn each_section_says_what_it_means_what_to_look_at_what_to_do_and_when_it_is_over() {
    let page = read(PAGE);
    for alert in alerts() {
        let section = section(&page, &format!("### {alert}"));
        let mut at = 0;
        for part in [
            "**It means** ",
            "**Look** ",
            "```console\n$ ",
            "**Do**",
            "**Over** when ",
        ] {
            let found = section[at..].find(part);
            at += found.unwrap_or_else(|| panic!("{alert}: no {part:?} in its place"));
        }
    }
}

#[test]
fn each_alert_leads_to_its_section() {
    let rules = read(ALERTS);
    for alert in alerts() {
        let (_, rest) = rules
            .split_once(&format!("- alert: {alert}\n"))
            .expect("the alert");
        let rule = rest.split("- alert: ").next().expect("a rule");
        let anchor = format!("docs/src/incidents.md#{}\n", alert.to_lowercase());
        assert!(rule.contains(&anchor), "{alert}: no {anchor}");
    }
}
