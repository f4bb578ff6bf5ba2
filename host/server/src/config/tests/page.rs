//! The page of the book with every key, made of the rules, the default file and its
//! comments; and the proof that the book has it.

use std::fmt::Write as _;

use super::environment::variable_of;
use super::rules::{PLUGIN_RULES, ROLE_RULES, RULES, Rule, VIEW_RULES};
use super::source::SOURCE_RULES;
use super::tools::TOOL_RULES;
use super::*;

const PAGE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/src/configuration.md"
);

const HEAD: &str = "# Every key

<!-- Made by host/server/src/config/tests/page.rs; UPDATE_DOCS=1 rewrites it. -->

This is `config/fusebox.toml` as a table: each key with its default, what it takes, when a change of it in the file holds, the variable that sets it, and what it is for. [Running it](running.md) says how the file, the environment and flags go together, and what a changed file does to a running host.

An editor that knows [Taplo](https://taplo.tamasfe.dev) or JSON Schema shows the same, and underlines mistakes, with a first line such as this in your file:

```toml
#:schema ./fusebox.schema.json
```

`fusebox config schema > fusebox.schema.json` writes that file; it is `config/fusebox.schema.json` in the repository.
";

const COLUMNS: &str = "\n| key | default | it takes | a change holds | variable | what it is |\n|---|---|---|---|---|---|\n";

/// A text in a cell of a table in Markdown.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
        .replace('*', "\\*")
        .replace('<', "&lt;")
}

fn takes(rule: Rule) -> String {
    match rule {
        Rule::Bool => "`true` or `false`".to_owned(),
        Rule::Int { min, max } => format!("{min} to {max}"),
        Rule::OneOf(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("`\"{word}\"`")).collect();
            words.join(", ")
        }
        rule => cell(&rule.expected()),
    }
}

fn row(page: &mut String, key: &str, rule: Rule, default: &str, about: &str) {
    let name = key.rsplit('.').next().unwrap_or(key);
    let variable = variable_of(key);
    writeln!(
        page,
        "| `{name}` | {default} | {} | {} | `{variable}` | {} |",
        takes(rule),
        effect(key).words(),
        cell(about)
    )
    .unwrap();
}

fn heading(page: &mut String, table: &str, about: &str) {
    writeln!(page, "\n## [{table}]").unwrap();
    if !about.is_empty() {
        writeln!(page, "\n{}", about.replace('*', "\\*").replace('<', "&lt;")).unwrap();
    }
    page.push_str(COLUMNS);
}

fn made() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n## At the top of the file\n");
    page.push_str(COLUMNS);
    let config = Config::default();
    let defaults: BTreeMap<String, toml::Value> = flat::flatten(&config).into_iter().collect();
    let mut section = "";
    for (key, rule) in RULES {
        let table = key.split_once('.').map_or("", |(table, _)| table);
        if table != section {
            heading(&mut page, table, &comments::of_table(table));
            section = table;
        }
        let default = format!("`{}`", flat::on_one_line(&defaults[*key]));
        row(&mut page, key, *rule, &default, &comments::of_key(key));
    }
    for (table, family, rules) in [
        ("plugins.NAME", "plugins", PLUGIN_RULES),
        ("plugins.NAME.tools.TOOL", "tools", TOOL_RULES),
        ("plugins.NAME.source", "source", SOURCE_RULES),
        ("views.NAME", "views", VIEW_RULES),
        ("roles.NAME", "roles", ROLE_RULES),
    ] {
        let about = match family {
            "plugins" => "Every key of [limits] can be here too, for this plugin alone.",
            _ => "",
        };
        heading(&mut page, table, about);
        for (key, rule) in rules {
            let default = match *key {
                "enabled" => "`true`".to_owned(),
                _ if family == "tools" || family == "source" => "none".to_owned(),
                _ => format!("`{}`", flat::on_one_line(&rule.nothing())),
            };
            let about = comments::of_own(family, key);
            row(
                &mut page,
                &format!("{table}.{key}"),
                *rule,
                &default,
                &about,
            );
        }
    }
    for section in grants::section_names() {
        let table = format!("plugins.NAME.grants.{section}");
        let about = comments::of_own("grants", section);
        let Some(rules) = grants::fixed_rules(section) else {
            let keys = grants::expected_of(section);
            writeln!(
                page,
                "\n## [{table}]\n\n{about} Keys are yours; each takes {}. A change holds {}.",
                cell(&keys),
                effect(&table).words()
            )
            .unwrap();
            continue;
        };
        heading(&mut page, &table, &about);
        for (key, rule) in rules {
            let default = grants::default_of(section, key).unwrap();
            let default = format!("`{}`", flat::on_one_line(&default));
            let about = comments::of_own(section, key);
            row(&mut page, &format!("{table}.{key}"), rule, &default, &about);
        }
    }
    page
}

#[test]
fn the_book_has_every_key() {
    let made = made();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &made).unwrap();
        return;
    }
    let there = std::fs::read_to_string(PAGE).unwrap();
    assert!(
        there == made,
        "{PAGE} is not up to date: run this test with UPDATE_DOCS=1"
    );
}

/// No key is without a word.
#[test]
fn every_key_is_described() {
    for (key, _) in RULES {
        assert!(!comments::of_key(key).is_empty(), "{key}");
    }
    let families = [
        ("plugins", PLUGIN_RULES),
        ("tools", TOOL_RULES),
        ("source", SOURCE_RULES),
        ("views", VIEW_RULES),
        ("roles", ROLE_RULES),
    ];
    for (family, rules) in families {
        for (key, _) in rules {
            assert!(!comments::of_own(family, key).is_empty(), "{family}.{key}");
        }
    }
    for section in grants::section_names() {
        assert!(!comments::of_own("grants", section).is_empty(), "{section}");
        for (key, _) in grants::fixed_rules(section).unwrap_or_default() {
            assert!(
                !comments::of_own(section, key).is_empty(),
                "{section}.{key}"
            );
        }
    }
}
