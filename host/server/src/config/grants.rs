//! `[plugins.NAME.grants]`: what one plugin may do beside computing, and the keys
//! that say so. Owns their names, ranges and defaults. Resolves no secret, opens
//! nothing.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::destination::{AddressRange, DESTINATION_EXPECTED, Destination};
use super::durations::millis;
use super::error::Problem;
use super::overlay::{Overlay, Place, named_table, plugin_key};
use super::peer::{PEER_EXPECTED, Peer};
use super::rules::Rule;
use super::sections::xdg_folder;
use super::unknown::hint;

/// The table in `[plugins.NAME]`.
pub(super) const GRANTS: &str = "grants";

/// Entries of a table whose keys are the operator's.
const ENTRIES_MAX: usize = 64;

/// What one plugin may do beside computing. Nothing, unless something is here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Grants {
    /// What `wasi:config` shows.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, String>,
    /// What `wasi:config` gives to whoever knows the key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, Source>,
    /// Environment variables.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Variable>,
    /// Where requests may go; none: nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpGrant>,
    /// Where sockets may connect; none: nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sockets: Option<SocketsGrant>,
    /// How much may be kept for all callers together; none: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyvalue: Option<KeyValueGrant>,
    /// How much may be kept for each session, until it ends; none: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyvalue_session: Option<OwnedKeyValueGrant>,
    /// How much may be kept for each caller; none: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyvalue_caller: Option<OwnedKeyValueGrant>,
    /// Folders, by the name that the plugin knows.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, Folder>,
}

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A variable of the host's own environment.
    Env(String),
    /// What is in a file, without the last line's end.
    File(PathBuf),
    /// What a program writes, without the last line's end.
    Command(Vec<String>),
}

/// The value of an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Variable {
    /// As it stands there.
    Plain(String),
    /// A secret.
    Secret(Source),
}

/// A folder that a plugin may open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// Whether the plugin may change what is in it.
    #[serde(default)]
    pub write: bool,
}

/// `[plugins.NAME.grants.http]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpGrant {
    /// Where requests may go.
    pub allow: Vec<Destination>,
    /// Addresses that are not public, and may be connected to all the same.
    pub addresses: Vec<AddressRange>,
    /// How long a request may take, to the end of its response.
    #[serde(rename = "timeout_ms", with = "millis")]
    pub timeout: Duration,
    /// The largest body of a request.
    pub request_max_bytes: u64,
    /// The largest body of a response.
    pub response_max_bytes: u64,
    /// Requests on their way at once.
    pub concurrent_max: usize,
    /// Whether they carry the trace of their call on.
    pub propagate_trace: bool,
}

/// `[plugins.NAME.grants.sockets]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SocketsGrant {
    /// Where sockets may connect.
    pub connect: Vec<Peer>,
    /// Addresses that are not public, and may be connected to all the same.
    pub addresses: Vec<AddressRange>,
    /// Sockets open at once.
    pub concurrent_max: usize,
}

/// `[plugins.NAME.grants.keyvalue]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyValueGrant {
    /// Keys kept at once.
    pub max_keys: u64,
    /// Bytes of all keys and values together.
    pub max_bytes: u64,
    /// The largest value.
    pub value_max_bytes: u64,
}

/// `[plugins.NAME.grants.keyvalue_session]` and `keyvalue_caller`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedKeyValueGrant {
    /// What each owner may have.
    #[serde(flatten)]
    pub each: KeyValueGrant,
    /// Owners that have something at once.
    pub owners_max: u64,
}

/// `[keyvalue]`: where plugins' values are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyValue {
    /// The file as the configuration has it, perhaps empty; see
    /// [`KeyValue::file`].
    pub store: PathBuf,
}

impl KeyValue {
    /// The file of the store; none if the user has no home. `variable` looks up
    /// an environment variable (`std::env::var_os`).
    pub fn file(&self, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        if !self.store.as_os_str().is_empty() {
            return Some(self.store.clone());
        }
        xdg_folder("XDG_STATE_HOME", ".local/state", variable)
            .map(|states| states.join("fusebox").join("keyvalue.redb"))
    }
}

/// A key with its rule, and the value that it has if the table is there without it.
type Fixed = (&'static str, Rule, fn() -> toml::Value);

const HTTP: &[Fixed] = &[
    (
        "allow",
        Rule::Texts {
            fits: |text| text.parse::<Destination>().is_ok(),
            expected: DESTINATION_EXPECTED,
        },
        || toml::Value::Array(Vec::new()),
    ),
    ADDRESSES,
    ("timeout_ms", int(1, 3_600_000), || 10_000.into()),
    ("request_max_bytes", int(0, 1 << 30), || (1 << 20).into()),
    ("response_max_bytes", int(0, 1 << 30), || (8 << 20).into()),
    ("concurrent_max", int(1, 10_000), || 64.into()),
    ("propagate_trace", Rule::Bool, || false.into()),
];

const ADDRESSES: Fixed = (
    "addresses",
    Rule::Texts {
        fits: |text| text.parse::<AddressRange>().is_ok(),
        expected: "such as \"127.0.0.1\" or \"10.1.0.0/16\"",
    },
    || toml::Value::Array(Vec::new()),
);

const SOCKETS: &[Fixed] = &[
    (
        "connect",
        Rule::Texts {
            fits: |text| text.parse::<Peer>().is_ok(),
            expected: PEER_EXPECTED,
        },
        || toml::Value::Array(Vec::new()),
    ),
    ADDRESSES,
    ("concurrent_max", int(1, 10_000), || 64.into()),
];

const KEYVALUE: &[Fixed] = &[
    ("max_keys", int(1, 10_000_000), || 10_000.into()),
    ("max_bytes", int(1, 1 << 40), || (64 << 20).into()),
    ("value_max_bytes", int(1, 64 << 20), || (1 << 20).into()),
];

/// For sessions and for callers, of which there are many.
const KEYVALUE_OWNED: &[Fixed] = &[
    ("max_keys", int(1, 10_000_000), || 100.into()),
    ("max_bytes", int(1, 1 << 40), || (256 << 10).into()),
    ("value_max_bytes", int(1, 64 << 20), || (64 << 10).into()),
    ("owners_max", int(1, 1_000_000), || 1000.into()),
];

const fn int(min: i64, max: i64) -> Rule {
    Rule::Int { min, max }
}

/// How the keys of one table in `grants` are read.
enum Section {
    /// Its keys are known.
    Fixed(&'static [Fixed]),
    /// Its keys are the operator's.
    Free {
        name_fits: fn(&str) -> bool,
        accept: fn(&DeValue<'_>) -> Option<toml::Value>,
        expected: &'static str,
    },
}

const SECTIONS: [(&str, Section); 9] = [
    (
        "config",
        Section::Free {
            name_fits: is_key,
            accept: text,
            expected: "a string",
        },
    ),
    (
        "secrets",
        Section::Free {
            name_fits: is_key,
            accept: source,
            expected: SOURCE_EXPECTED,
        },
    ),
    (
        "env",
        Section::Free {
            name_fits: is_variable,
            accept: |value| text(value).or_else(|| source(value)),
            expected: "a string, { env = \"NAME\" }, { file = \"PATH\" } or { command = [\"PROGRAM\", ...] }",
        },
    ),
    ("http", Section::Fixed(HTTP)),
    ("sockets", Section::Fixed(SOCKETS)),
    ("keyvalue", Section::Fixed(KEYVALUE)),
    ("keyvalue_session", Section::Fixed(KEYVALUE_OWNED)),
    ("keyvalue_caller", Section::Fixed(KEYVALUE_OWNED)),
    (
        "files",
        Section::Free {
            name_fits: |name| name.starts_with('/') && !name.contains('\0'),
            accept: folder,
            expected: "{ path = \"FOLDER\" } or { path = \"FOLDER\", write = true }, under a key such as \"/data\"",
        },
    ),
];

pub(super) const SOURCE_EXPECTED: &str =
    "{ env = \"NAME\" }, { file = \"PATH\" } or { command = [\"PROGRAM\", ...] }";

/// The rule of a key of one of the tables whose keys are known.
pub(super) fn grant_rule(section: &str, name: &str) -> Option<Rule> {
    let fixed = fixed(section).iter().find(|(key, _, _)| *key == name);
    fixed.map(|(_, rule, _)| *rule)
}

/// Whether the keys of a table are the operator's own.
pub(super) fn is_free_grant(section: &str) -> bool {
    let free = |kind: &Section| matches!(kind, Section::Free { .. });
    SECTIONS
        .iter()
        .any(|(name, kind)| *name == section && free(kind))
}

/// The tables of grants.
pub(super) fn section_names() -> [&'static str; 9] {
    SECTIONS.map(|(name, _)| name)
}

/// The keys of a table of grants, with their rules; none: they are the operator's own.
pub(super) fn fixed_rules(section: &str) -> Option<Vec<(&'static str, Rule)>> {
    let rules = fixed(section).iter().map(|(key, rule, _)| (*key, *rule));
    (!is_free_grant(section)).then(|| rules.collect())
}

/// What a table of the operator's own keys takes under each of them.
#[cfg(test)]
pub(super) fn expected_of(section: &str) -> String {
    let found = SECTIONS.into_iter().find(|(name, _)| *name == section);
    match found {
        Some((_, Section::Free { expected, .. })) => expected.to_owned(),
        _ => String::new(),
    }
}

/// The value of a key whose table is there without it.
#[cfg(test)]
pub(super) fn default_of(section: &str, name: &str) -> Option<toml::Value> {
    let found = fixed(section).iter().find(|(key, _, _)| *key == name);
    found.map(|(_, _, value)| value())
}

/// The keys of such a table.
pub(super) fn grant_names(section: &str) -> Vec<&'static str> {
    fixed(section).iter().map(|(key, _, _)| *key).collect()
}

fn fixed(section: &str) -> &'static [Fixed] {
    match section {
        "http" => HTTP,
        "sockets" => SOCKETS,
        "keyvalue" => KEYVALUE,
        "keyvalue_session" | "keyvalue_caller" => KEYVALUE_OWNED,
        _ => &[],
    }
}

impl Overlay<'_> {
    /// Takes over the grants of one plugin, or notes what is wrong with them.
    pub(super) fn grants(
        &mut self,
        plugin: &str,
        key: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
        into: &mut toml::Table,
    ) {
        let table = plugin_key(plugin, GRANTS);
        let Some(entries) = self.entries(&table, key, value) else {
            return;
        };
        let mut grants = toml::Table::new();
        for (key, value) in entries {
            let name: &str = key.get_ref();
            let Some((name, section)) = SECTIONS.iter().find(|(known, _)| *known == name) else {
                let names = section_names();
                let problem = Problem::UnknownKey {
                    key: format!("{table}.{name}"),
                    hint: hint(name, &names),
                };
                self.error(Some(self.place_of(key)), problem);
                continue;
            };
            let Some(entries) = self.entries(&format!("{table}.{name}"), key, value) else {
                continue;
            };
            let merged = match section {
                Section::Fixed(keys) => {
                    let defaults = keys.iter();
                    let base = defaults.map(|(key, _, value)| ((*key).to_owned(), value()));
                    let place = Place::Grant(plugin, name);
                    self.table(&place, entries, base.collect())
                }
                Section::Free { .. } => self.free(&format!("{table}.{name}"), section, entries),
            };
            grants.insert((*name).to_owned(), merged.into());
        }
        self.only_one_source(&table, key, &grants);
        into.insert(GRANTS.to_owned(), grants.into());
    }

    fn free(&mut self, table: &str, section: &Section, entries: &DeTable<'_>) -> toml::Table {
        let mut taken = toml::Table::new();
        let Section::Free {
            name_fits,
            accept,
            expected,
        } = section
        else {
            return taken;
        };
        for (key, value) in entries {
            let name: &str = key.get_ref();
            let accepted = accept(value.get_ref()).filter(|_| name_fits(name));
            match accepted.filter(|_| taken.len() < ENTRIES_MAX) {
                Some(value) => {
                    self.note(named_table(table, name), self.place_of(key));
                    taken.insert(name.to_owned(), value);
                }
                None => {
                    let expected = format!("one of {ENTRIES_MAX} entries at most, each {expected}");
                    let written = format!("{table}.{name}");
                    let location = self.place_of(key);
                    if value.get_ref().as_str().is_none() {
                        self.invalid(location, written, value, expected);
                        continue;
                    }
                    // Somebody may have written the secret itself.
                    let problem = Problem::Invalid {
                        key: written,
                        value: "a string (not shown)".to_owned(),
                        expected,
                    };
                    self.error(Some(location), problem);
                }
            }
        }
        taken
    }

    /// A plugin asks for a key, and not for where its value comes from.
    fn only_one_source(&mut self, table: &str, key: &Spanned<DeString<'_>>, grants: &toml::Table) {
        let keys = |name: &str| grants.get(name).and_then(toml::Value::as_table);
        let (Some(config), Some(secrets)) = (keys("config"), keys("secrets")) else {
            return;
        };
        for (name, _) in config
            .iter()
            .filter(|(name, _)| secrets.contains_key(*name))
        {
            let problem = Problem::Invalid {
                key: format!("{table}.config.{name}"),
                value: "also a secret".to_owned(),
                expected: format!("one of the two: leave it out here or in [{table}.secrets]"),
            };
            self.error(Some(self.place_of(key)), problem);
        }
    }
}

fn is_key(name: &str) -> bool {
    !name.is_empty() && name.len() <= 256
}

fn is_variable(name: &str) -> bool {
    is_key(name) && !name.contains(['=', '\0'])
}

fn text(value: &DeValue<'_>) -> Option<toml::Value> {
    value.as_str().map(|text| text.to_owned().into())
}

/// A table with one member, which says where a secret comes from.
pub(super) fn source(value: &DeValue<'_>) -> Option<toml::Value> {
    let table = value.as_table().filter(|table| table.len() == 1)?;
    let (name, value) = table.iter().next()?;
    let name: &str = name.get_ref();
    let value = match name {
        "env" | "file" => text(value.get_ref()).filter(|text| text.as_str() != Some(""))?,
        "command" => {
            let words = value.get_ref().as_array()?;
            let words: Option<Vec<_>> = words.iter().map(|word| text(word.get_ref())).collect();
            words.filter(|words| !words.is_empty())?.into()
        }
        _ => return None,
    };
    Some(toml::Table::from_iter([(name.to_owned(), value)]).into())
}

fn folder(value: &DeValue<'_>) -> Option<toml::Value> {
    let mut folder = toml::Table::new();
    for (name, value) in value.as_table()? {
        let name: &str = name.get_ref();
        let value = match name {
            "path" => text(value.get_ref()).filter(|text| text.as_str() != Some(""))?,
            "write" => value.get_ref().as_bool()?.into(),
            _ => return None,
        };
        folder.insert(name.to_owned(), value);
    }
    folder.contains_key("path").then_some(folder.into())
}
