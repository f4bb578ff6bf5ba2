//! What is different between two configurations, key by key: for the log of a host
//! whose file has changed, and for `fusebox config diff`. Owns the wording, and that
//! no secret is in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::Config;
use super::effect::{Effect, effect};
use super::flat::{flatten, is_secret, shown};
use super::rules::PLUGINS;

/// A key whose value is another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The whole key.
    pub key: String,
    /// What it was, as it may be shown; none: it was not there.
    pub from: Option<String>,
    /// What it is, as it may be shown; none: it is not there.
    pub to: Option<String>,
}

impl Difference {
    /// When it holds.
    pub fn effect(&self) -> Effect {
        effect(&self.key)
    }
}

/// `limits.fuel: 1000 -> 2000`
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nothing = "(not there)";
        let from = self.from.as_deref().unwrap_or(nothing);
        let to = self.to.as_deref().unwrap_or(nothing);
        match is_secret(&self.key) && from == to {
            true => write!(f, "{}: another value (not shown)", self.key),
            false => write!(f, "{}: {from} -> {to}", self.key),
        }
    }
}

impl Config {
    /// What is different in `after`, in the order of the default file.
    pub fn differences(&self, after: &Self) -> Vec<Difference> {
        let plugins: BTreeSet<&String> = self.plugins.keys().chain(after.plugins.keys()).collect();
        let (from, to) = (self.padded(&plugins), after.padded(&plugins));
        let mut before: BTreeMap<String, toml::Value> = flatten(&from).into_iter().collect();
        let mut differences = Vec::new();
        for (key, value) in flatten(&to) {
            let was = before.remove(&key);
            if was.as_ref() != Some(&value) {
                differences.push(Difference {
                    from: was.map(|was| shown(&key, &was)),
                    to: Some(shown(&key, &value)),
                    key,
                });
            }
        }
        differences.extend(before.into_iter().map(|(key, was)| Difference {
            from: Some(shown(&key, &was)),
            to: None,
            key,
        }));
        leave_out_common(&mut differences);
        differences
    }

    /// With a table for each of these plugins, whether or not the file has one: a
    /// table that says what holds anyway is no difference.
    fn padded(&self, plugins: &BTreeSet<&String>) -> Self {
        let mut padded = self.clone();
        for name in plugins {
            let settings = self.plugin(name);
            padded.plugins.insert((*name).clone(), settings);
        }
        padded
    }
}

/// A limit that is another for all plugins is told once.
fn leave_out_common(differences: &mut Vec<Difference>) {
    let common: Vec<Difference> = differences
        .iter()
        .filter(|one| one.key.starts_with("limits."))
        .cloned()
        .collect();
    differences.retain(|one| {
        let Some((table, name)) = one.key.rsplit_once('.') else {
            return true;
        };
        let of_plugin = table.starts_with(&format!("{PLUGINS}."));
        let same = |limit: &&Difference| {
            limit.key.strip_prefix("limits.") == Some(name)
                && (&limit.from, &limit.to) == (&one.from, &one.to)
        };
        !(of_plugin && common.iter().any(|limit| same(&limit)))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, after: &str, expected: &[&str]) {
        let parse = |text: &str| Config::from_toml("a", text).unwrap();
        let told = parse(before).differences(&parse(after));
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn each_key_that_is_another_is_told_with_both_values() {
        check("", "port = 9999", &[]);
        check(
            "port = 1\n[log]\nlevel = 'warn'",
            "port = 2\n[lists]\npage_size = 7\n[http]\nallowed_hosts = ['a']",
            &[
                "port: 1 -> 2",
                "http.allowed_hosts: [] -> [\"a\"]",
                "lists.page_size: 1000 -> 7",
                "log.level: \"warn\" -> \"info\"",
            ],
        );
    }

    #[test]
    fn a_table_that_says_what_holds_anyway_is_no_difference() {
        check("", "[plugins.a]\nenabled = true", &[]);
        check(
            "[plugins.a]\nfuel = 5000",
            "[limits]\nfuel = 6000\n[plugins.b]\nqueue_max = 1",
            &[
                "limits.fuel: 10000000000 -> 6000",
                "plugins.a.fuel: 5000 -> 6000",
                "plugins.b.queue_max: 1000 -> 1",
            ],
        );
    }

    #[test]
    fn what_comes_and_goes_is_told_and_no_secret_is_shown() {
        check(
            "[views.v]\npath = '/v'\n[plugins.a.grants.config]\nkey = 'hunter2'\nother = 'x'",
            "[plugins.a.grants.config]\nkey = 'hunter3'\n[plugins.a.grants.files]\n'/d' = { path = 'd' }",
            &[
                "plugins.a.grants.config.key: another value (not shown)",
                "plugins.a.grants.files.\"/d\": (not there) -> { \"path\" = \"d\", \"write\" = false }",
                "plugins.a.grants.config.other: (not shown) -> (not there)",
                "views.v.exclude: [] -> (not there)",
                "views.v.path: \"/v\" -> (not there)",
                "views.v.plugins: [] -> (not there)",
                "views.v.prompts: [] -> (not there)",
                "views.v.resources: [] -> (not there)",
                "views.v.tools: [] -> (not there)",
            ],
        );
    }
}
