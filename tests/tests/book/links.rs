//! Where the operator's pages lead to.

use std::collections::BTreeSet;

use fusebox_tests::{blocks, check_command, commands, repository};

use crate::{PAGES, keys, read, spans};

/// The anchors of a page: its headings as mdBook names them.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut is_text = true;
    let mut anchors = BTreeSet::new();
    for line in page.lines() {
        if line.starts_with("```") {
            is_text = !is_text;
        }
        if is_text && line.starts_with('#') {
            anchors.insert(anchor(line.trim_start_matches('#').trim()));
        }
    }
    anchors
}

fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter_map(|character| match character {
        ' ' => Some('-'),
        _ if character.is_alphanumeric() || matches!(character, '-' | '_') => {
            Some(character.to_ascii_lowercase())
        }
        _ => None,
    });
    kept.collect()
}

#[test]
fn each_link_leads_somewhere() {
    let mut missing = Vec::new();
    let mut seen = 0;
    for path in PAGES {
        let page = read(path);
        let links = page.split("](").skip(1);
        for link in links.filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            seen += 1;
            let (file, wanted) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.to_owned(),
                _ => format!("docs/src/{file}"),
            };
            let is_there = repository().join(&target).is_file()
                && (wanted.is_empty() || anchors(&read(&target)).contains(wanted));
            if !is_there {
                missing.push(format!("{path}: {link}"));
            }
        }
    }
    assert!(seen > 50, "{seen}");
    assert!(missing.is_empty(), "these lead nowhere: {missing:#?}");
}

#[test]
fn each_key_and_metric_that_is_named_exists() {
    let keys = keys();
    let tables: BTreeSet<&str> = keys
        .iter()
        .filter_map(|key| Some(key.split_once('.')?.0))
        .collect();
    let metrics = read("docs/src/metrics.md");
    let mut unknown = Vec::new();
    for path in PAGES {
        let page = read(path);
        for span in spans(&page) {
            let is_word = |text: &str| {
                text.chars()
                    .all(|part| part.is_ascii_lowercase() || part == '_')
            };
            let is_good = match span.split_once('.') {
                _ if span.starts_with("fusebox_") && is_word(span) => {
                    metrics.contains(&format!("`{span}`"))
                }
                Some((table, key)) if tables.contains(table) && key.split('.').all(is_word) => {
                    keys.contains(span)
                }
                _ => true,
            };
            if !is_good {
                unknown.push(format!("{path}: {span}"));
            }
        }
    }
    assert!(
        unknown.is_empty(),
        "there is nothing of these names: {unknown:#?}"
    );
}

#[test]
fn each_command_that_is_shown_exists() {
    let mut seen = 0;
    for path in PAGES {
        let page = read(path);
        let typed = blocks(&page, "console").into_iter().map(|session| {
            // What is printed below a command is none.
            let lines = session.lines().filter(|line| line.trim().starts_with("$ "));
            lines.collect::<Vec<_>>().join("\n")
        });
        let shown = blocks(&page, "sh").into_iter().chain(typed);
        let named = spans(&page)
            .into_iter()
            .filter(|span| span.starts_with("fusebox "));
        for text in shown.chain(named.map(str::to_owned)) {
            for command in commands(&text) {
                check_command(&command);
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
}
