//! What a component asks for, in words: lines for a configuration, and one line each
//! for people.

use std::fmt::Write as _;

use toml::Value;

use super::{Asks, Wish};
use crate::config::named_table;

impl Asks {
    /// Lines for the configuration that would give all of it to `plugin`. They are a
    /// good configuration as they are; what only the operator can know is empty in
    /// them, or an example.
    pub(crate) fn toml(&self, plugin: &str) -> String {
        let table = named_table("plugins", plugin);
        let mut text = String::new();
        // Writing to a string never fails.
        if !self.limits.is_empty() {
            let _ = writeln!(text, "[{table}]");
        }
        for (key, value) in &self.limits {
            let _ = writeln!(text, "{key} = {value}");
        }
        let mut sections: Vec<(&str, Vec<String>)> = Vec::new();
        for (&name, keys) in &self.sections {
            let line = |(key, value): (&String, &Value)| format!("{} = {value}", quoted(key));
            sections.push((name, keys.iter().map(line).collect()));
        }
        for (&name, wishes) in &self.named {
            let line = |(key, wish): (&String, &Wish)| {
                let value = example(name, plugin, key, wish);
                format!("{} = {value} # {}", quoted(key), wish.why)
            };
            sections.push((name, wishes.iter().map(line).collect()));
        }
        sections.sort();
        for (name, lines) in sections {
            let _ = writeln!(text, "[{table}.grants.{name}]");
            for line in lines {
                text.push_str(&line);
                text.push('\n');
            }
        }
        text
    }

    /// One line for each thing, for people.
    pub(crate) fn lines(&self) -> Vec<String> {
        let limits = self.limits.iter();
        let mut lines: Vec<String> = limits
            .map(|(key, value)| format!("limits.{key} = {value}"))
            .collect();
        let mut grants = Vec::new();
        for (name, keys) in &self.sections {
            if keys.is_empty() {
                grants.push(format!("grants.{name}"));
            }
            for (key, value) in keys {
                match value {
                    Value::Array(entries) => grants.extend(
                        entries
                            .iter()
                            .map(|entry| format!("grants.{name}.{key} {entry}")),
                    ),
                    value => grants.push(format!("grants.{name}.{key} = {value}")),
                }
            }
        }
        for (name, wishes) in &self.named {
            let line = |(key, wish): (&String, &Wish)| {
                let write = if wish.write { " (write)" } else { "" };
                format!("grants.{name}.{}{write}", quoted(key))
            };
            grants.extend(wishes.iter().map(line));
        }
        grants.sort();
        lines.extend(grants);
        lines
    }
}

/// A key as TOML has it.
fn quoted(key: &str) -> String {
    let whole = named_table("", key);
    whole.trim_start_matches('.').to_owned()
}

/// What may stand for something that the operator has to choose. Never what the
/// author would like: a folder or a program of this machine is not theirs to name.
fn example(section: &str, plugin: &str, key: &str, wish: &Wish) -> String {
    let text = |text: String| Value::String(text).to_string();
    match section {
        "secrets" => {
            let letter = |char: char| match char.is_ascii_alphanumeric() {
                true => char.to_ascii_uppercase(),
                false => '_',
            };
            let variable = key.chars().map(letter).collect();
            format!("{{ env = {} }}", text(variable))
        }
        "files" => {
            let path = text(format!("/srv/{plugin}{key}"));
            let write = if wish.write { ", write = true" } else { "" };
            format!("{{ path = {path}{write} }}")
        }
        _ => text(String::new()),
    }
}
