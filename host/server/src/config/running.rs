//! What of a new configuration a running host can take in. Owns that one merge: what
//! only a start takes in stays what it was. Changes no host.

use super::effect::{Effect, effect};
use super::rules::RULES;
use super::{Config, flat};

impl Config {
    /// This configuration, but for what only a start takes in: that is as in `first`,
    /// with which the host was started.
    #[must_use]
    pub fn for_running(&self, first: &Self) -> Self {
        let (mut table, at_start) = (flat::table(self), flat::table(first));
        for (key, _) in RULES {
            if effect(key) == Effect::Restart {
                copy(key, &at_start, &mut table);
            }
        }
        let mut config: Self = table
            .try_into()
            .expect("both are configurations, and so is one with keys of the other");
        config.fill_in();
        // What is no text can come from flags alone.
        config.plugins_dir.clone_from(&first.plugins_dir);
        for (name, settings) in &mut config.plugins {
            settings.source = first.plugin(name).source;
        }
        config.stay_below(first);
        config
    }

    /// The room for instances is taken at the start.
    fn stay_below(&mut self, first: &Self) {
        let had = first.all_limits();
        let most = |of: fn(&super::Limits) -> usize| had.iter().map(of).max().unwrap_or_default();
        let memory = most(|limits| limits.memory_max_bytes);
        let table = most(|limits| limits.table_elements_max);
        let own = self.plugins.values_mut().map(|one| &mut one.limits);
        for limits in own.chain([&mut self.limits]) {
            limits.memory_max_bytes = limits.memory_max_bytes.min(memory);
            limits.table_elements_max = limits.table_elements_max.min(table);
        }
    }
}

/// Takes a key over from another file.
fn copy(key: &str, from: &toml::Table, into: &mut toml::Table) {
    let (table, name) = key.split_once('.').unwrap_or(("", key));
    let value = match table {
        "" => from.get(name),
        _ => from.get(table).and_then(|table| table.get(name)),
    };
    let into = match table {
        "" => Some(into),
        _ => into.get_mut(table).and_then(toml::Value::as_table_mut),
    };
    if let (Some(value), Some(into)) = (value, into) {
        into.insert(name.to_owned(), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Config {
        Config::from_toml("a", text).unwrap()
    }

    /// The keys that wait for the next start.
    #[track_caller]
    fn check(first: &str, wanted: &str, pending: &[&str]) -> Config {
        let wanted = parse(wanted);
        let running = wanted.for_running(&parse(first));
        let differences = running.differences(&wanted);
        let keys: Vec<&str> = differences.iter().map(|one| one.key.as_str()).collect();
        assert_eq!(keys, pending);
        running
    }

    #[test]
    fn what_only_a_start_takes_in_stays_what_it_was() {
        let running = check(
            "port = 1\n[engine]\nmax_instances = 5",
            "port = 2\nmax_connections = 9\n[log]\nlevel = 'warn'\nformat = 'json'\n[limits]\nfuel = 5000",
            &[
                "port",
                "max_connections",
                "engine.max_instances",
                "log.format",
            ],
        );
        assert_eq!((running.port, running.engine.max_instances), (1, 5));
        assert_eq!(running.limits.fuel, 5000);
    }

    #[test]
    fn a_plugin_gets_all_but_another_source() {
        let source = "[plugins.a.source]\nurl = 'oci://r.example/a:1'";
        let running = check(
            source,
            "[plugins.a]\nfuel = 5000\n[plugins.a.source]\nurl = 'oci://r.example/a:2'\n[plugins.b]\nprefix = 'x'",
            &["plugins.a.source.url"],
        );
        assert_eq!(running.plugin("a").limits.fuel, 5000);
        assert_eq!(running.plugin("b").prefix, "x");
        assert_eq!(running.plugin("b").name, "b");
    }

    #[test]
    fn memory_is_no_more_than_there_was_room_for() {
        let running = check(
            "[limits]\nmemory_max_bytes = 1000000",
            "[limits]\nmemory_max_bytes = 2000000\n[plugins.a]\nmemory_max_bytes = 70000",
            &["limits.memory_max_bytes"],
        );
        assert_eq!(running.limits.memory_max_bytes, 1_000_000);
        assert_eq!(running.plugin("a").limits.memory_max_bytes, 70_000);
    }
}
