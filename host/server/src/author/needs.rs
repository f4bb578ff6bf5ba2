//! What a file would have to be granted, as lines for the configuration.
//!
//! It owns their wording. It grants nothing: whoever pastes them has to say which
//! hosts, keys and folders are meant.

use std::collections::BTreeSet;
use std::fmt;

use fusebox_engine::Capability;

use crate::config::Grants;
use crate::plugin_entry::PluginCore;

/// The name of a capability in the configuration.
pub(super) fn name(capability: Capability) -> &'static str {
    match capability {
        Capability::Config => "config",
        Capability::Environment => "env",
        Capability::Http => "http",
        Capability::KeyValue => "keyvalue",
        Capability::Sockets => "sockets",
        Capability::Files => "files",
    }
}

/// Whether the configuration grants some of it.
fn is_granted(capability: Capability, grants: &Grants) -> bool {
    match capability {
        Capability::Config => !grants.config.is_empty() || !grants.secrets.is_empty(),
        Capability::Environment => !grants.env.is_empty(),
        Capability::Http => grants.http.is_some(),
        Capability::KeyValue => {
            let owned = [&grants.keyvalue_session, &grants.keyvalue_caller];
            grants.keyvalue.is_some() || owned.iter().any(|one| one.is_some())
        }
        Capability::Sockets => grants.sockets.is_some(),
        Capability::Files => !grants.files.is_empty(),
    }
}

/// What of it is granted, and what isn't.
pub(super) fn split(
    asked: &BTreeSet<Capability>,
    grants: &Grants,
) -> (Vec<Capability>, Vec<Capability>) {
    asked
        .iter()
        .partition(|capability| is_granted(**capability, grants))
}

/// The tables of `grants` that grant it.
fn sections(capability: Capability) -> &'static [&'static str] {
    match capability {
        Capability::Config => &["config", "secrets"],
        Capability::Environment => &["env"],
        Capability::Http => &["http"],
        Capability::KeyValue => &["keyvalue", "keyvalue_session", "keyvalue_caller"],
        Capability::Sockets => &["sockets"],
        Capability::Files => &["files"],
    }
}

/// Lines that would grant what is missing, by the author's own request where there
/// is one.
pub(super) fn lines(core: &PluginCore, missing: &[Capability]) -> String {
    let asked = |capability: &&Capability| {
        let mut sections = sections(**capability).iter();
        sections.any(|section| core.asks.mentions(section))
    };
    let others: Vec<Capability> = missing.iter().filter(|one| !asked(one)).copied().collect();
    core.unmet.toml(&core.name) + &toml(&core.settings.grants_table(), &others)
}

/// Lines that would grant these; `table` is the plugin's. They are a good
/// configuration as they are.
fn toml(table: &str, missing: &[Capability]) -> String {
    let lines = missing.iter().map(|capability| match capability {
        Capability::Config => format!(
            "[{table}.config]\n# what it may read: key = \"value\"\n\
             [{table}.secrets]\n# the same, never shown: key = {{ env = \"NAME\" }}\n"
        ),
        Capability::Environment => {
            format!("[{table}.env]\n# variables that it sees: NAME = \"value\"\n")
        }
        Capability::Http => format!(
            "[{table}.http]\n# where its requests may go, such as \"https://api.example.org\"\nallow = []\n"
        ),
        Capability::KeyValue => format!(
            "[{table}.keyvalue]\n# a store of its own; bounded by max_keys and max_bytes\n"
        ),
        Capability::Sockets => format!(
            "[{table}.sockets]\n# where its sockets may connect, such as \"tcp://db.example.org:5432\"\nconnect = []\n"
        ),
        Capability::Files => format!(
            "[{table}.files]\n# folders that it may read: \"/data\" = {{ path = \"/srv/data\" }}\n"
        ),
    });
    lines.collect()
}

/// The end of a report, if there are such lines.
pub(super) fn show(toml: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match toml {
        "" => Ok(()),
        toml => writeln!(
            f,
            "What is denied would be granted by these lines in the host's configuration:\n\n{toml}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn what_is_printed_can_be_pasted_and_grants_nothing_that_has_to_be_named() {
        let all = [
            Capability::Config,
            Capability::Environment,
            Capability::Http,
            Capability::KeyValue,
            Capability::Sockets,
            Capability::Files,
        ];
        let text = toml("plugins.hello.grants", &all);
        let config = Config::from_toml("test", &text).unwrap_or_else(|errors| panic!("{errors}"));
        let grants = config.plugin("hello").grants;
        assert!(grants.http.as_ref().unwrap().allow.is_empty());
        assert!(grants.sockets.as_ref().unwrap().connect.is_empty());
        let (granted, missing) = split(&all.into(), &grants);
        let expected = [Capability::Http, Capability::KeyValue, Capability::Sockets];
        assert_eq!(granted, expected);
        assert_eq!(missing.len(), 3);
    }
}
