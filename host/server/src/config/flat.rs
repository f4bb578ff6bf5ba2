//! The configuration as a list of keys and values, for whoever compares two or shows
//! one. Owns the names of whole keys, and which of them are never shown.

use std::collections::BTreeMap;

use super::Config;
use super::grants::{GRANTS, is_free_grant};
use super::overlay::named_table;
use super::rules::{PLUGINS, ROLES, RULES, VIEWS};
use super::source::SOURCE;
use super::tools::TOOLS;

/// Parts of names whose values may be secrets, whatever a plugin means by them.
const SECRET_WORDS: &[&str] = &[
    "token",
    "secret",
    "password",
    "passwd",
    "credential",
    "api_key",
    "apikey",
    "private",
    "authorization",
];

/// Every key with its value: those of `fusebox.toml` in its order, then those of
/// plugins, views and roles.
pub(super) fn flatten(config: &Config) -> Vec<(String, toml::Value)> {
    let mut keys = BTreeMap::new();
    let table = table(config);
    walk(&table, &mut Vec::new(), &mut keys);
    let mut flat = Vec::new();
    for (key, _) in RULES {
        if let Some(value) = keys.remove(*key) {
            flat.push(((*key).to_owned(), value));
        }
    }
    flat.extend(keys);
    flat
}

/// The configuration as a tree.
pub(super) fn table(config: &Config) -> toml::Table {
    let mut config = config.clone();
    // A path that is not Unicode can come from a flag only; TOML can't hold it.
    config.plugins_dir = config.plugins_dir.to_string_lossy().into_owned().into();
    toml::Table::try_from(config).expect("every field is a TOML value")
}

fn walk(table: &toml::Table, path: &mut Vec<String>, into: &mut BTreeMap<String, toml::Value>) {
    for (name, value) in table {
        path.push(name.clone());
        match value {
            toml::Value::Table(inner) if !is_value(path) => walk(inner, path, into),
            _ => {
                into.insert(whole(path), value.clone());
            }
        }
        path.pop();
    }
}

/// Whether a table is the value of a key, as the source of a secret is.
fn is_value(path: &[String]) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path[..] {
        [PLUGINS, _, GRANTS, section, _] => is_free_grant(section),
        [PLUGINS, _, SOURCE, _] => true,
        _ => false,
    }
}

fn whole(path: &[String]) -> String {
    let mut key = String::new();
    for (place, part) in path.iter().enumerate() {
        let is_own = match path.first().map(String::as_str) {
            Some(PLUGINS) => {
                place == 1 || (place > 2 && [TOOLS, GRANTS].contains(&path[2].as_str()))
            }
            Some(VIEWS | ROLES) => place == 1,
            _ => false,
        };
        key = match (place, is_own) {
            (0, _) => part.clone(),
            (_, true) => named_table(&key, part),
            (_, false) => format!("{key}.{part}"),
        };
    }
    key
}

/// Whether the value of a key must not be shown: what a plugin is given may be a
/// secret, and so may be what is called one.
pub(super) fn is_secret(key: &str) -> bool {
    let given = [".grants.config", ".grants.env", ".grants.secrets"];
    let is_given = key.starts_with("plugins.") && given.iter().any(|part| key.contains(part));
    let name = key.to_ascii_lowercase();
    is_given || SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// A value as messages show it: on one line, and nothing of a secret.
pub(super) fn shown(key: &str, value: &toml::Value) -> String {
    match is_secret(key) {
        true => "(not shown)".to_owned(),
        false => on_one_line(value),
    }
}

/// A value of TOML on one line.
pub(super) fn on_one_line(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => super::environment::quoted(text),
        toml::Value::Array(entries) => {
            let entries: Vec<String> = entries.iter().map(on_one_line).collect();
            format!("[{}]", entries.join(", "))
        }
        toml::Value::Table(table) => super::environment::inline(table),
        other => other.to_string(),
    }
}
