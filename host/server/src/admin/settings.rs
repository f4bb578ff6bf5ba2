//! The configuration in force, as its operator is shown it.
//!
//! It owns what of it is left out: values that are secrets, or look as if they were.

use serde::Serialize;
use toml::Value;

use super::problem::Problem;
use crate::config::Config;

/// What stands for a value that isn't shown.
const HIDDEN: &str = "(hidden)";

/// Parts of names whose values nobody should see, in tables whose keys are not the
/// host's own.
const TELLING: [&str; 8] = [
    "auth",
    "bearer",
    "credential",
    "key",
    "pass",
    "pwd",
    "secret",
    "token",
];

/// The settings.
#[derive(Debug, Serialize)]
pub(super) struct Settings {
    /// as a file
    toml: String,
    /// the same as an object
    values: toml::Table,
}

pub(super) fn shown(config: &Config) -> Result<Settings, Problem> {
    let failed = |error: &dyn std::fmt::Display| Problem::Failed(error.to_string());
    let text = config.effective_toml();
    let mut values: toml::Table = text.parse().map_err(|error| failed(&error))?;
    hide(&mut values);
    Ok(Settings {
        toml: toml::to_string(&values).map_err(|error| failed(&error))?,
        values,
    })
}

fn hide(values: &mut toml::Table) {
    if let Some(Value::Table(plugins)) = values.get_mut("plugins") {
        for (_, plugin) in plugins.iter_mut() {
            let grants = plugin.get_mut("grants").and_then(Value::as_table_mut);
            for (name, grant) in grants.into_iter().flatten() {
                if let Some(grant) = grant.as_table_mut() {
                    hide_grant(name, grant);
                }
            }
        }
    }
    for (_, value) in values.iter_mut() {
        hide_users(value);
    }
}

fn hide_grant(name: &str, grant: &mut toml::Table) {
    for (key, value) in grant.iter_mut() {
        let is_secret = match name {
            "secrets" => true,
            // A table says where a secret comes from.
            "env" | "config" => value.is_table() || is_telling(key),
            _ => false,
        };
        if is_secret {
            *value = HIDDEN.into();
        }
    }
}

fn is_telling(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    TELLING.iter().any(|word| key.contains(word))
}

/// Addresses may have a user and a password before their host.
fn hide_users(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(without) = without_user(text) {
                *text = without;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(hide_users),
        Value::Table(table) => table.iter_mut().for_each(|(_, value)| hide_users(value)),
        _ => {}
    }
}

fn without_user(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let authority = rest.split('/').next().unwrap_or_default();
    let (user, _) = authority.rsplit_once('@')?;
    Some(format!("{scheme}://{HIDDEN}{}", &rest[user.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        let config = Config::from_toml(
            "x.toml",
            "port = 7\n[plugins.a.grants]\nsecrets = { t = { command = ['echo', 'hunter2'] } }\n\
             config = { greeting = 'hi', API_KEY = 'hunter2' }\n\
             env = { A = 'b', DB_PASSWORD = 'hunter2', C = { env = 'D' } }\n",
        )
        .unwrap();
        let shown = shown(&config).unwrap();
        assert!(!shown.toml.contains("hunter2"), "{}", shown.toml);
        let grants = &shown.values["plugins"]["a"]["grants"];
        assert_eq!(grants["secrets"]["t"].as_str(), Some(HIDDEN));
        assert_eq!(grants["config"]["greeting"].as_str(), Some("hi"));
        assert_eq!(grants["env"]["A"].as_str(), Some("b"));
        assert_eq!(grants["env"]["C"].as_str(), Some(HIDDEN));
        assert_eq!(shown.values["port"].as_integer(), Some(7));
        assert_eq!(shown.toml.parse::<toml::Table>().unwrap(), shown.values);
    }

    #[test]
    fn an_address_is_shown_without_its_user() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(without_user(text).as_deref(), expected, "{text}");
        };
        check(
            "https://u:p@a.example/x",
            Some("https://(hidden)@a.example/x"),
        );
        check("oci://u@a/x@sha256:1", Some("oci://(hidden)@a/x@sha256:1"));
        check("oci://a/x@sha256:1", None);
        check("a@b", None);
    }
}
