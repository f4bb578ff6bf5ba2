//! What a component asks its operator for: the limits and grants that its author
//! wrote into it.
//!
//! It owns how that text is read, and what of it is not granted yet. It grants
//! nothing: a request is shown, and the operator's configuration alone decides.

mod beside;
mod lines;

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

use crate::config::{AddressRange, Config, Destination, Peer, PluginSettings};

pub use beside::Beside;
pub(crate) use beside::beside;

/// The longest text that says what something is for.
const WHY_MAX_CHARS: usize = 200;

/// Limits that a component may ask to be raised.
const LIMITS: [&str; 8] = [
    "fuel",
    "deadline_ms",
    "memory_max_bytes",
    "table_elements_max",
    "output_max_bytes",
    "log_max_bytes",
    "concurrent_calls_max",
    "queue_max",
];

/// Why what a component asks for can't be shown.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("what it asks for ({place}) can't be read: {reason}")]
pub struct AsksError {
    /// where it stands
    place: String,
    /// why
    reason: String,
}

/// What a component asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asks {
    /// by their keys
    limits: BTreeMap<String, i64>,
    /// tables of `grants` whose keys are known
    sections: BTreeMap<&'static str, Table>,
    /// tables of `grants` whose keys are the author's
    named: BTreeMap<&'static str, BTreeMap<String, Wish>>,
}

/// Something that only the operator can fill in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    /// what it is for
    why: String,
    /// of a folder: whether it is written to
    #[serde(default)]
    write: bool,
}

/// The text of the section.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    limits: BTreeMap<String, i64>,
    http: Option<Table>,
    sockets: Option<Table>,
    keyvalue: Option<Table>,
    keyvalue_session: Option<Table>,
    keyvalue_caller: Option<Table>,
    config: BTreeMap<String, String>,
    secrets: BTreeMap<String, String>,
    env: BTreeMap<String, String>,
    files: BTreeMap<String, FolderWish>,
}

#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a text, or { why = \"...\", write = true }"
)]
enum FolderWish {
    Read(String),
    Other(Wish),
}

impl Asks {
    /// What the file of a plugin asks for: in itself, or else in the text beside it; of
    /// most, nothing.
    ///
    /// # Errors
    /// In plain words, if what it asks for is no good.
    pub(crate) fn of_file(plugin: &str, file: &[u8], beside: &Beside) -> Result<Self, AsksError> {
        let at = |place: String| move |reason: String| AsksError { place, reason };
        let in_itself = at("its section `fusebox:asks`".to_owned());
        match fusebox_engine::asks_of(file) {
            Ok(Some(text)) => return Self::parse(plugin, &text).map_err(in_itself),
            Ok(None) => {}
            Err(reason) => return Err(in_itself(reason)),
        }
        let in_other = at(format!("`{plugin}.asks.toml` beside it"));
        match beside {
            Beside::Nothing => Ok(Self::default()),
            Beside::Text(text) => Self::parse(plugin, text).map_err(in_other),
            Beside::Unreadable(reason) => Err(in_other(reason.clone())),
        }
    }

    fn parse(plugin: &str, text: &str) -> Result<Self, String> {
        let written: Written =
            toml::from_str(text).map_err(|error| error.message().replace('\n', ", "))?;
        let asks = Self::from(written);
        if let Some(limit) = asks
            .limits
            .keys()
            .find(|key| !LIMITS.contains(&key.as_str()))
        {
            let known = LIMITS.join("`, `");
            return Err(format!(
                "no limit `{limit}` can be asked for, only `{known}`"
            ));
        }
        for (section, wishes) in &asks.named {
            for (name, wish) in wishes {
                check_text(name).map_err(|reason| format!("a name in [{section}] {reason}"))?;
                check_text(&wish.why)
                    .map_err(|reason| format!("what `{section}.{name}` is for {reason}"))?;
            }
        }
        // What the configuration would refuse must not be shown as ready for it.
        if let Err(errors) = Config::from_toml("", &asks.toml(plugin)) {
            let first = errors.errors().first();
            return Err(first.map_or_else(String::new, |error| error.problem.to_string()));
        }
        Ok(asks)
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.limits.is_empty() && self.sections.is_empty() && self.named.is_empty()
    }

    /// Whether it asks for something of a table of `grants`.
    pub(crate) fn mentions(&self, section: &str) -> bool {
        self.sections.contains_key(section) || self.named.contains_key(section)
    }

    /// What of it these settings don't give.
    pub(crate) fn unmet(&self, settings: &PluginSettings) -> Self {
        let table =
            |value: Result<Table, _>| value.unwrap_or_else(|_: toml::ser::Error| Table::new());
        let limits = table(Table::try_from(settings.limits));
        let grants = table(Table::try_from(&settings.grants));
        let section = |name: &str| grants.get(name).and_then(Value::as_table);
        let mut unmet = Self::default();
        for (key, wanted) in &self.limits {
            if limits.get(key).is_none_or(|had| is_more(*wanted, had)) {
                unmet.limits.insert(key.clone(), *wanted);
            }
        }
        for (&name, wanted) in &self.sections {
            match section(name) {
                None => drop(unmet.sections.insert(name, wanted.clone())),
                Some(granted) => {
                    let missing = beyond(wanted, granted);
                    if !missing.is_empty() {
                        unmet.sections.insert(name, missing);
                    }
                }
            }
        }
        for (&name, wishes) in &self.named {
            let mut missing = wishes.clone();
            missing.retain(|key, wish| {
                !sources(name)
                    .iter()
                    .any(|one| gives(section(one), key, wish))
            });
            if !missing.is_empty() {
                unmet.named.insert(name, missing);
            }
        }
        unmet
    }
}

impl From<Written> for Asks {
    fn from(written: Written) -> Self {
        let sections = [
            ("http", written.http),
            ("sockets", written.sockets),
            ("keyvalue", written.keyvalue),
            ("keyvalue_session", written.keyvalue_session),
            ("keyvalue_caller", written.keyvalue_caller),
        ];
        let texts = |wishes: BTreeMap<String, String>| -> BTreeMap<String, Wish> {
            let wish = |(name, why)| (name, Wish { why, write: false });
            wishes.into_iter().map(wish).collect()
        };
        let folder = |(name, wish)| match wish {
            FolderWish::Read(why) => (name, Wish { why, write: false }),
            FolderWish::Other(wish) => (name, wish),
        };
        let named = [
            ("config", texts(written.config)),
            ("secrets", texts(written.secrets)),
            ("env", texts(written.env)),
            ("files", written.files.into_iter().map(folder).collect()),
        ];
        let some = |(name, table): (_, Option<Table>)| Some((name, table?));
        Self {
            limits: written.limits,
            sections: sections.into_iter().filter_map(some).collect(),
            named: named
                .into_iter()
                .filter(|(_, wishes)| !wishes.is_empty())
                .collect(),
        }
    }
}

/// It is shown to people, in a terminal and behind a `#`.
fn check_text(text: &str) -> Result<(), String> {
    let hides = |char: char| {
        char.is_control() || matches!(char, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.chars().count() > WHY_MAX_CHARS {
        return Err(format!("has more than {WHY_MAX_CHARS} characters"));
    }
    match text.chars().any(hides) {
        true => Err("has characters that can't be seen".to_owned()),
        false => Ok(()),
    }
}

/// Tables that may give what one of them is asked for: a plugin doesn't see whether
/// a value is a secret.
fn sources(section: &'static str) -> &'static [&'static str] {
    match section {
        "config" | "secrets" => &["config", "secrets"],
        "env" => &["env"],
        _ => &["files"],
    }
}

fn gives(granted: Option<&Table>, key: &str, wish: &Wish) -> bool {
    let Some(given) = granted.and_then(|granted| granted.get(key)) else {
        return false;
    };
    !wish.write || given.get("write").and_then(Value::as_bool) == Some(true)
}

fn is_more(wanted: i64, had: &Value) -> bool {
    had.as_integer().is_none_or(|had| wanted > had)
}

/// What of a table goes beyond what is granted.
fn beyond(wanted: &Table, granted: &Table) -> Table {
    let mut missing = Table::new();
    for (key, wanted) in wanted {
        let had = granted.get(key);
        let left = match (wanted, had) {
            (Value::Array(wanted), Some(Value::Array(had))) => {
                let not_there = wanted
                    .iter()
                    .filter(|one| !had.iter().any(|had| covers(had, one)));
                let left: Vec<Value> = not_there.cloned().collect();
                (!left.is_empty()).then_some(Value::Array(left))
            }
            (Value::Integer(number), Some(had)) => is_more(*number, had).then(|| wanted.clone()),
            _ => Some(wanted.clone()),
        };
        if let Some(left) = left {
            missing.insert(key.clone(), left);
        }
    }
    missing
}

/// Whether what is granted allows all that is asked for; both are entries of `allow`,
/// of `connect` or of `addresses`.
fn covers(granted: &Value, asked: &Value) -> bool {
    let (Some(granted), Some(asked)) = (granted.as_str(), asked.as_str()) else {
        return false;
    };
    if let (Ok(granted), Ok(asked)) = (granted.parse::<Destination>(), asked.parse()) {
        return Destination::covers(&granted, &asked);
    }
    if let (Ok(granted), Ok(asked)) = (granted.parse::<Peer>(), asked.parse()) {
        return Peer::covers(&granted, &asked);
    }
    if let (Ok(granted), Ok(asked)) = (granted.parse::<AddressRange>(), asked.parse()) {
        return AddressRange::covers(granted, asked);
    }
    granted == asked
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = r#"
        [limits]
        memory_max_bytes = 268435456
        fuel = 1000
        [http]
        allow = ["GET https://api.example.org", "https://*.example.com:8443"]
        timeout_ms = 60000
        [sockets]
        connect = ["tcp://db.example.org:5432", "udp://10.0.0.53:53"]
        [keyvalue]
        [keyvalue_session]
        max_keys = 3
        [config]
        units = "metric or imperial"
        [secrets]
        token = "the key of api.example.org"
        [env]
        TZ = "the time zone"
        [files]
        "/data" = "the tables"
        "/out" = { why = "what it makes", write = true }
    "#;

    fn parse(text: &str) -> Asks {
        Asks::parse("p", text).unwrap()
    }

    fn settings(text: &str) -> PluginSettings {
        let config = Config::from_toml("test", text);
        config
            .unwrap_or_else(|errors| panic!("{errors}"))
            .plugin("p")
    }

    #[test]
    fn what_is_asked_for_can_be_pasted_and_is_all_that_is_wanted_then() {
        let asks = parse(ALL);
        let unmet = asks.unmet(&settings(""));
        // The fuel is less than every plugin has.
        assert_eq!(unmet.limits.len(), 1);
        let lines = unmet.toml("p");
        assert_eq!(
            lines,
            r#"[plugins.p]
memory_max_bytes = 268435456
[plugins.p.grants.config]
units = "" # metric or imperial
[plugins.p.grants.env]
TZ = "" # the time zone
[plugins.p.grants.files]
"/data" = { path = "/srv/p/data" } # the tables
"/out" = { path = "/srv/p/out", write = true } # what it makes
[plugins.p.grants.http]
allow = ["GET https://api.example.org", "https://*.example.com:8443"]
timeout_ms = 60000
[plugins.p.grants.keyvalue]
[plugins.p.grants.keyvalue_session]
max_keys = 3
[plugins.p.grants.secrets]
token = { env = "TOKEN" } # the key of api.example.org
[plugins.p.grants.sockets]
connect = ["tcp://db.example.org:5432", "udp://10.0.0.53:53"]
"#
        );
        assert!(asks.unmet(&settings(&lines)).is_empty());
    }

    #[test]
    fn what_is_granted_in_part_is_shown_in_part() {
        let unmet = parse(ALL).unmet(&settings(
            r#"
            [limits]
            memory_max_bytes = 268435456
            [plugins.p.grants]
            http = { allow = ["https://*.example.com:8443"], timeout_ms = 90000 }
            sockets = { connect = ["tcp://*.example.org:5432"] }
            keyvalue = {}
            keyvalue_session = { max_keys = 2 }
            config = { token = "x", units = "metric" }
            env = { TZ = "UTC" }
            files = { "/out" = { path = "/" }, "/data" = { path = "/" } }
        "#,
        ));
        assert_eq!(
            unmet.lines(),
            [
                r#"grants.files."/out" (write)"#,
                r#"grants.http.allow "GET https://api.example.org""#,
                "grants.keyvalue_session.max_keys = 3",
                r#"grants.sockets.connect "udp://10.0.0.53:53""#,
            ]
        );
    }

    #[test]
    fn what_is_no_good_is_refused_with_its_reason() {
        let check = |text: &str, expected: &str| {
            let error = Asks::parse("p", text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        };
        check("limits", "key with no value");
        check(
            "[http]\nallow = ['https://a/b']",
            "`plugins.p.grants.http.allow` is [\"https://a/b\"]; it must be",
        );
        check(
            "[http]\nfollow = true",
            "unknown key `plugins.p.grants.http.follow`",
        );
        check(
            "[limits]\nisolation = 1",
            "no limit `isolation` can be asked for, only `fuel`",
        );
        check("[limits]\nfuel = 0", "`plugins.p.fuel` is 0; it must be");
        check("[htpp]", "unknown field `htpp`");
        check(
            "[secrets]\ntoken = { env = 'HOME' }",
            "invalid type: map, expected a string",
        );
        check("[files]\n'/d' = 3", "expected a text, or { why");
        check(
            "[files]\n'd' = 'a folder'",
            "`plugins.p.grants.files.d` is a table; it must be",
        );
        // A line of its own would be a grant.
        check(
            "[config]\na = \"x\\n[plugins.p.grants.http]\"",
            "what `config.a` is for has characters that can't be seen",
        );
        check(
            "[config]\n\"a\\nb\" = 'x'",
            "a name in [config] has characters",
        );
        check("[config]\na = \"\\u202e\"", "can't be seen");
        let long = format!("[config]\na = '{}'", "x".repeat(201));
        check(&long, "what `config.a` is for has more than 200 characters");
    }

    #[test]
    fn a_file_without_the_section_asks_for_what_lies_beside_it() {
        let of = |beside: Beside| Asks::of_file("p", b"\0asm", &beside);
        assert!(of(Beside::Nothing).unwrap().is_empty());
        assert_eq!(of(Beside::Text(ALL.to_owned())), Ok(parse(ALL)));
        for beside in [
            Beside::Text("[htpp]".to_owned()),
            Beside::Unreadable("too much".to_owned()),
        ] {
            let error = of(beside).unwrap_err().to_string();
            assert!(
                error.starts_with("what it asks for (`p.asks.toml` beside it) can't be read: "),
                "{error}"
            );
        }
    }
}
