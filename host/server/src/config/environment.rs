//! Keys that are set by the environment: `FUSEBOX_HTTP__BODY_MAX_BYTES` is
//! `http.body_max_bytes`. Owns the names, and how a variable's text becomes a value.
//! Judges no value: what it makes goes the way of the file's own lines.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::error::{ConfigError, Problem};
use super::grants::{GRANTS, grant_rule, is_free_grant};
use super::overlay::Place;
use super::rules::{ALIASES, PLUGINS, ROLES, RULES, Rule, VIEWS};
use super::source::SOURCE;
use super::tools::TOOLS;
use super::unknown::nearest;

/// What the names of all variables of the program begin with.
const PREFIX: &str = "FUSEBOX_";

/// Between a table and a key, since names have single ones.
const SEPARATOR: &str = "__";

/// The variable that names the file, as the flag `--config` does.
pub const FILE_VARIABLE: &str = "FUSEBOX_CONFIG";

/// Variables that are no keys: the program, and the suite that tests it, use them
/// for other ends.
const OTHERS: &[&str] = &[
    FILE_VARIABLE,
    "FUSEBOX_LOG",
    "FUSEBOX_SOCKETS",
    "FUSEBOX_KILLS",
    "FUSEBOX_TOOLCHAINS",
    "FUSEBOX_BIN",
    "FUSEBOX_KILLS",
    "FUSEBOX_PICTURES",
    "FUSEBOX_SEED",
    "FUSEBOX_SOCKETS",
];

/// Beginnings of such names.
const OTHER_FAMILIES: &[&str] = &["FUSEBOX_TEST_", "FUSEBOX_FUZZ_"];

/// The variables of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    /// names of the program's whose text is not Unicode
    unreadable: Vec<String>,
}

/// A variable that sets a key.
pub(super) struct Setting {
    pub(super) variable: String,
    /// the line of TOML that does the same
    pub(super) line: String,
    /// the key, part by part
    pub(super) path: Vec<String>,
}

impl Environment {
    /// One without variables.
    pub const fn nothing() -> Self {
        Self {
            variables: BTreeMap::new(),
            unreadable: Vec::new(),
        }
    }

    /// That of this process.
    pub fn of_process() -> Self {
        Self::of(std::env::vars_os())
    }

    /// These variables.
    pub fn of(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut environment = Self::default();
        for (name, value) in variables {
            let Ok(name) = name.into_string() else {
                continue;
            };
            match value.into_string() {
                Ok(value) => {
                    environment.variables.insert(name, value);
                }
                Err(_) if name.starts_with(PREFIX) => environment.unreadable.push(name),
                Err(_) => {}
            }
        }
        environment
    }

    /// All of them, for references of the file.
    pub(super) fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// The variables that set keys, and what is wrong with others that should. A name
    /// that `file` mentions is there for the file's own ends.
    pub(super) fn settings(&self, file: &str) -> (Vec<Setting>, Vec<ConfigError>) {
        let mut settings: Vec<Setting> = Vec::new();
        let mut errors = Vec::new();
        let wrong = |variable: &str, problem| ConfigError {
            file: variable.to_owned(),
            location: None,
            problem,
        };
        for name in &self.unreadable {
            let reason = "it is not Unicode text".to_owned();
            errors.push(wrong(name, Problem::Unreadable { reason }));
        }
        for (name, value) in &self.variables {
            let Some(rest) = name.strip_prefix(PREFIX) else {
                continue;
            };
            if self.is_other(name, value) || file.contains(name) {
                continue;
            }
            let Some((path, rule)) = resolve(rest) else {
                let hint = hint(name);
                errors.push(wrong(name, Problem::UnknownVariable { hint }));
                continue;
            };
            if let Some(first) = settings.iter().find(|one| one.path == path) {
                let other = first.variable.clone();
                errors.push(wrong(name, Problem::SameVariable { other }));
                continue;
            }
            let key: Vec<String> = path.iter().map(|part| quoted(part)).collect();
            settings.push(Setting {
                variable: name.clone(),
                line: format!("{} = {}", key.join("."), literal(rule, value)),
                path,
            });
        }
        (settings, errors)
    }

    /// Whether a variable of the program is not for the configuration. A cluster sets
    /// some for each service, and those of one called `fusebox` begin as ours do.
    fn is_other(&self, name: &str, value: &str) -> bool {
        let of_service = self.variables.contains_key("FUSEBOX_SERVICE_HOST")
            && (name.starts_with("FUSEBOX_SERVICE_")
                || (name.starts_with("FUSEBOX_PORT_"))
                || (name == "FUSEBOX_PORT" && value.contains("://")));
        of_service
            || OTHERS.contains(&name)
            || OTHER_FAMILIES.iter().any(|family| name.starts_with(family))
    }
}

/// The variable that sets the key of this name in the file, such as
/// `http.body_max_bytes`.
pub(super) fn variable_of(key: &str) -> String {
    let name = key.replace('.', SEPARATOR);
    format!("{PREFIX}{}", name.to_ascii_uppercase())
}

/// What a variable sets (its name without the prefix), and what may be there.
fn resolve(name: &str) -> Option<(Vec<String>, Option<Rule>)> {
    let parts: Vec<&str> = name.split(SEPARATOR).collect();
    let lower: Vec<String> = parts.iter().map(|part| part.to_ascii_lowercase()).collect();
    let words: Vec<&str> = lower.iter().map(String::as_str).collect();
    let keys = |place: &Place<'_>, table: &[&str], key: &str| {
        let rule = place.rule(key)?;
        let path = table.iter().chain([&key]).map(|part| (*part).to_owned());
        Some((path.collect(), Some(rule)))
    };
    // The operator's own names.
    let own: Vec<String> = parts.iter().map(|part| own_name(part)).collect();
    let own = |place: usize| own[place].as_str();
    match words[..] {
        // As the flag `--plugins`.
        [PLUGINS] => keys(&Place::Section(""), &[], "plugins_dir"),
        [PLUGINS, _, key] => keys(&Place::Plugin(own(1)), &[PLUGINS, own(1)], key),
        [PLUGINS, _, SOURCE, key] => {
            let place = Place::Source(own(1));
            keys(&place, &[PLUGINS, own(1), SOURCE], key)
        }
        [PLUGINS, _, TOOLS, _, key] => {
            let place = Place::Tool(own(1), own(3));
            keys(&place, &[PLUGINS, own(1), TOOLS, own(3)], key)
        }
        [PLUGINS, _, GRANTS, section, key] if grant_rule(section, key).is_some() => {
            let place = Place::Grant(own(1), section);
            keys(&place, &[PLUGINS, own(1), GRANTS, section], key)
        }
        [PLUGINS, _, GRANTS, section, _] if is_free_grant(section) => {
            // What a plugin's variable is called is the plugin's choice.
            let last = if section == "env" { parts[4] } else { own(4) };
            let path = [PLUGINS, own(1), GRANTS, section, last];
            Some((path.map(str::to_owned).to_vec(), None))
        }
        [VIEWS, _, key] => keys(&Place::View(own(1)), &[VIEWS, own(1)], key),
        [ROLES, _, key] => keys(&Place::Role(own(1)), &[ROLES, own(1)], key),
        [..] => {
            let key = words.join(".");
            let alias = ALIASES.iter().find(|(alias, _)| *alias == key);
            let key = alias.map_or(key.as_str(), |(_, key)| key);
            let (_, rule) = RULES.iter().find(|(known, _)| *known == key)?;
            Some((key.split('.').map(str::to_owned).collect(), Some(*rule)))
        }
    }
}

/// A name that the operator has chosen: as it is written, unless it is all in
/// capitals, as variables often are.
fn own_name(part: &str) -> String {
    match part.bytes().any(|byte| byte.is_ascii_lowercase()) {
        true => part.to_owned(),
        false => part.to_ascii_lowercase(),
    }
}

/// The variable that was probably meant.
fn hint(name: &str) -> String {
    let keys = RULES.iter().map(|(key, _)| *key);
    let aliases = ALIASES.iter().map(|(alias, _)| *alias);
    let known: Vec<String> = keys.chain(aliases).map(variable_of).collect();
    // What all of them begin with makes none more like another.
    let rest = |name: &'_ str| name.strip_prefix(PREFIX).map(str::to_owned);
    let rests: Vec<String> = known.iter().filter_map(|name| rest(name)).collect();
    let meant = rest(name).unwrap_or_default();
    match nearest(&meant, rests.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {PREFIX}{near}?"),
        None => format!(
            "a table and its key are joined by two underscores, as in {}",
            variable_of("http.body_max_bytes")
        ),
    }
}

/// The text of a variable as TOML; `rule` none: a string or an inline table.
fn literal(rule: Option<Rule>, text: &str) -> String {
    let as_toml = || {
        let value = format!("a = {}", text.trim()).parse::<toml::Table>().ok()?;
        value.get("a").filter(|_| value.len() == 1).cloned()
    };
    match rule {
        // What is neither stays text, which the key will refuse in its own words.
        Some(Rule::Bool | Rule::Int { .. } | Rule::Ratio) => match as_toml() {
            Some(
                value @ (toml::Value::Integer(_) | toml::Value::Boolean(_) | toml::Value::Float(_)),
            ) => value.to_string(),
            _ => quoted(text),
        },
        Some(Rule::Text { .. } | Rule::OneOf(_)) => quoted(text),
        Some(Rule::Texts { .. } | Rule::Steps) => list(as_toml(), text),
        Some(Rule::Secret | Rule::SecretOrNone) | None => match as_toml() {
            Some(toml::Value::Table(source)) => inline(&source),
            _ => quoted(text),
        },
    }
}

/// An array of TOML, or words with commas between them.
fn list(as_toml: Option<toml::Value>, text: &str) -> String {
    let words: Vec<String> = match as_toml {
        Some(toml::Value::Array(entries)) => entries
            .iter()
            .map(|entry| entry.as_str().map_or_else(|| entry.to_string(), quoted))
            .collect(),
        _ => text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .map(quoted)
            .collect(),
    };
    format!("[{}]", words.join(", "))
}

/// Where a secret comes from, on one line.
pub(super) fn inline(table: &toml::Table) -> String {
    let entries = table.iter().map(|(name, value)| {
        let value = match value {
            toml::Value::String(text) => quoted(text),
            other => other.to_string().replace('\n', " "),
        };
        format!("{} = {value}", quoted(name))
    });
    format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
}

/// A TOML string on one line.
pub(super) fn quoted(text: &str) -> String {
    // JSON's escapes are TOML's; of what TOML wants escaped, it leaves DEL alone.
    let json = serde_json::Value::from(text).to_string();
    json.replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(variables: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let pairs = variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()));
        let (settings, errors) = Environment::of(pairs).settings("x = \"${FUSEBOX_MINE}\"");
        let lines = settings.into_iter().map(|one| one.line).collect();
        (lines, errors.iter().map(ToString::to_string).collect())
    }

    fn check(name: &str, value: &str, expected: &str) {
        let (lines, errors) = lines(&[(name, value)]);
        assert_eq!(errors, Vec::<String>::new(), "{name}");
        assert_eq!(lines, [expected], "{name}");
    }

    #[test]
    fn each_key_has_a_variable() {
        for (key, _) in RULES {
            let (path, _) = resolve(&variable_of(key)[PREFIX.len()..]).unwrap();
            assert_eq!(path.join("."), *key);
        }
    }

    #[test]
    fn a_text_becomes_what_its_key_takes() {
        check("FUSEBOX_PORT", "80", "\"port\" = 80");
        check("FUSEBOX_PORT", "0x50", "\"port\" = 80");
        check(
            "FUSEBOX_PORT",
            "80\nhost = 'a'",
            "\"port\" = \"80\\nhost = 'a'\"",
        );
        check("FUSEBOX_HTTP__PATH", "/a", "\"http\".\"path\" = \"/a\"");
        check("FUSEBOX_PLUGINS", "/p", "\"plugins_dir\" = \"/p\"");
        check(
            "FUSEBOX_SOCKET__NODELAY",
            "false",
            "\"socket\".\"nodelay\" = false",
        );
        check(
            "FUSEBOX_METRICS_INTERVAL",
            "1",
            "\"metrics_interval_ms\" = 1",
        );
        check(
            "FUSEBOX_LISTEN",
            "tcp://1, tcp://2",
            "\"listen\" = [\"tcp://1\", \"tcp://2\"]",
        );
        check(
            "FUSEBOX_LISTEN",
            "['tcp://1']",
            "\"listen\" = [\"tcp://1\"]",
        );
        check("FUSEBOX_LISTEN", "", "\"listen\" = []");
    }

    #[test]
    fn plugins_views_and_roles_have_variables_too() {
        check(
            "FUSEBOX_PLUGINS__HELLO__FUEL",
            "5000",
            "\"plugins\".\"hello\".\"fuel\" = 5000",
        );
        check(
            "FUSEBOX_PLUGINS__My-Tool__PREFIX",
            "a",
            "\"plugins\".\"My-Tool\".\"prefix\" = \"a\"",
        );
        check(
            "FUSEBOX_PLUGINS__A__GRANTS__HTTP__ALLOW",
            "https://a.example",
            "\"plugins\".\"a\".\"grants\".\"http\".\"allow\" = [\"https://a.example\"]",
        );
        check(
            "FUSEBOX_PLUGINS__A__GRANTS__ENV__LANG",
            "C",
            "\"plugins\".\"a\".\"grants\".\"env\".\"LANG\" = \"C\"",
        );
        check(
            "FUSEBOX_PLUGINS__A__GRANTS__SECRETS__TOKEN",
            "{ file = '/run/t' }",
            "\"plugins\".\"a\".\"grants\".\"secrets\".\"token\" = { \"file\" = \"/run/t\" }",
        );
        check(
            "FUSEBOX_PLUGINS__A__TOOLS__ADD__RENAME",
            "sum",
            "\"plugins\".\"a\".\"tools\".\"add\".\"rename\" = \"sum\"",
        );
        check(
            "FUSEBOX_ROLES__R__HEALTH",
            "true",
            "\"roles\".\"r\".\"health\" = true",
        );
        check(
            "FUSEBOX_VIEWS__V__TOOLS",
            "a,b",
            "\"views\".\"v\".\"tools\" = [\"a\", \"b\"]",
        );
    }

    #[test]
    fn what_is_no_key_is_told_with_the_nearest_that_is_one() {
        let (none, errors) = lines(&[
            ("FUSEBOX_HTTP_BODY_MAX_BYTES", "1"),
            ("FUSEBOX_PROT", "1"),
            ("FUSEBOX_PORT", "1"),
            ("FUSEBOX_port", "1"),
            ("FUSEBOX_ZZZ", "1"),
        ]);
        assert_eq!(none, ["\"port\" = 1"]);
        assert_eq!(
            errors,
            [
                "FUSEBOX_HTTP_BODY_MAX_BYTES: sets no key; did you mean FUSEBOX_HTTP__BODY_MAX_BYTES?",
                "FUSEBOX_PROT: sets no key; did you mean FUSEBOX_PORT?",
                "FUSEBOX_ZZZ: sets no key; a table and its key are joined by two underscores, as in FUSEBOX_HTTP__BODY_MAX_BYTES",
                "FUSEBOX_port: sets the same key as FUSEBOX_PORT; leave one of them out",
            ]
        );
    }

    #[test]
    fn other_ends_are_left_alone() {
        let service = [
            ("FUSEBOX_SERVICE_HOST", "10.0.0.1"),
            ("FUSEBOX_SERVICE_PORT_MCP", "9999"),
            ("FUSEBOX_PORT", "tcp://10.0.0.1:9999"),
            ("FUSEBOX_PORT_9999_TCP_ADDR", "10.0.0.1"),
            ("FUSEBOX_LOG", "info"),
            ("FUSEBOX_MINE", "secret"),
            ("PATH", "/bin"),
        ];
        assert_eq!(lines(&service), (Vec::new(), Vec::new()));
    }
}
