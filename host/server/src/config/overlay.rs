//! Lays an operator's file over the defaults, key by key, and notes what is wrong
//! with each key on the way. Knows no key by name: `rules` does.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::access::EVERYTHING;
use super::document::Document;
use super::environment::quoted;
use super::error::{ConfigError, Location, Problem};
use super::flat::is_secret;
use super::grants::{GRANTS, grant_names, grant_rule};
use super::references::has_reference;
use super::rules::{
    ALIASES, PLUGIN_RULES, PLUGINS, ROLE_RULES, ROLES, Rule, VIEW_RULES, VIEWS, is_table,
    plugin_rule, rule,
};
use super::source::{SOURCE, SOURCE_RULES};
use super::tools::{TOOL_RULES, TOOLS};
use super::unknown::{hint, names_in};

/// The most that an error message shows of a value.
const SHOWN_CHARS_MAX: usize = 60;

/// A file that has been read: every value in force, and where it came from.
pub(super) struct Overlay<'a> {
    document: &'a Document<'a>,
    /// Only values of the right type and range. In the place of one that was
    /// rejected stands the default, so that the rest can still be looked at.
    pub(super) values: toml::Table,
    /// What the file itself gives, under the names of the default file.
    given: BTreeMap<String, Given>,
    pub(super) errors: Vec<ConfigError>,
}

struct Given {
    location: Location,
    rejected: bool,
}

/// A table of the file.
pub(super) enum Place<'a> {
    /// The top of the file (an empty name) or one of its tables.
    Section(&'a str),
    /// `[plugins.NAME]`, which takes the keys of `[limits]`.
    Plugin(&'a str),
    /// `[plugins.NAME.tools.TOOL]`
    Tool(&'a str, &'a str),
    /// `[plugins.NAME.grants.SECTION]`
    Grant(&'a str, &'a str),
    /// `[plugins.NAME.source]`
    Source(&'a str),
    /// `[views.NAME]`
    View(&'a str),
    /// `[roles.NAME]`
    Role(&'a str),
}

impl Place<'_> {
    /// The whole key, as messages show it.
    fn key(&self, name: &str) -> String {
        match self {
            Self::Section("") => name.to_owned(),
            Self::Section(table) => format!("{table}.{name}"),
            Self::Plugin(plugin) => plugin_key(plugin, name),
            Self::Tool(plugin, tool) => {
                format!("{}.{name}", named_table(&plugin_key(plugin, TOOLS), tool))
            }
            Self::Grant(plugin, section) => {
                format!("{}.{section}.{name}", plugin_key(plugin, GRANTS))
            }
            Self::Source(plugin) => format!("{}.{name}", plugin_key(plugin, SOURCE)),
            Self::View(view) => format!("{}.{name}", named_table(VIEWS, view)),
            Self::Role(role) => format!("{}.{name}", named_table(ROLES, role)),
        }
    }

    pub(super) fn rule(&self, name: &str) -> Option<Rule> {
        match self {
            Self::Section(_) => rule(&self.key(name)),
            Self::View(_) => rule_in(VIEW_RULES, name),
            Self::Role(_) => rule_in(ROLE_RULES, name),
            Self::Tool(..) => rule_in(TOOL_RULES, name),
            Self::Source(_) => rule_in(SOURCE_RULES, name),
            Self::Grant(_, section) => grant_rule(section, name),
            Self::Plugin(_) => plugin_rule(name).or_else(|| rule(&format!("limits.{name}"))),
        }
    }

    fn names(&self) -> Vec<&'static str> {
        match self {
            Self::Section("") => names_in(""),
            Self::Section(table) => names_in(&format!("{table}.")),
            Self::View(_) => VIEW_RULES.iter().map(|(name, _)| *name).collect(),
            Self::Role(_) => ROLE_RULES.iter().map(|(name, _)| *name).collect(),
            Self::Tool(..) => TOOL_RULES.iter().map(|(name, _)| *name).collect(),
            Self::Source(_) => SOURCE_RULES.iter().map(|(name, _)| *name).collect(),
            Self::Grant(_, section) => grant_names(section),
            Self::Plugin(_) => {
                let mut names = names_in("limits.");
                names.extend(PLUGIN_RULES.iter().map(|(name, _)| *name));
                names.extend([TOOLS, GRANTS, SOURCE]);
                names
            }
        }
    }
}

fn rule_in(rules: &[(&str, Rule)], name: &str) -> Option<Rule> {
    let found = rules.iter().find(|(key, _)| *key == name);
    found.map(|(_, rule)| *rule)
}

/// Views that there may be, and roles.
const PARTS_MAX: usize = 64;

/// What is wrong with the name of a view or role, or with one more of them.
fn part_problem(family: &str, name: &str, there: usize) -> Option<Problem> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let expected = match () {
        () if there >= PARTS_MAX => format!("one of {PARTS_MAX} {family} at most"),
        () if family == ROLES && name == EVERYTHING => {
            format!("another name: `{EVERYTHING}` is the role that may do everything")
        }
        () if !name.is_empty() && name.bytes().all(good) => return None,
        () => "a name of `A-Z a-z 0-9 - _`".to_owned(),
    };
    Some(Problem::Invalid {
        key: family.to_owned(),
        value: format!("'{name}'"),
        expected,
    })
}

/// The whole key `name` of one plugin.
pub(super) fn plugin_key(plugin: &str, name: &str) -> String {
    format!("{}.{name}", plugin_table(plugin))
}

/// The table of one plugin.
fn plugin_table(plugin: &str) -> String {
    named_table(PLUGINS, plugin)
}

/// A table that has a name of the operator's, in quotes if TOML needs them.
pub(crate) fn named_table(family: &str, name: &str) -> String {
    let is_bare = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_bare {
        format!("{family}.{name}")
    } else {
        format!("{family}.{}", toml::Value::String(name.to_owned()))
    }
}

pub(super) type Key<'i> = Spanned<DeString<'i>>;
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

impl<'a> Overlay<'a> {
    /// Reads `document` over `defaults`. Fails if it is not TOML; whatever else is
    /// wrong is in `errors`.
    pub(super) fn read(
        document: &'a Document<'a>,
        defaults: toml::Table,
    ) -> Result<Self, Vec<ConfigError>> {
        let (tree, errors) = document.tree()?;
        let mut overlay = Self {
            document,
            values: defaults,
            given: BTreeMap::new(),
            errors,
        };
        overlay.file(&tree);
        Ok(overlay)
    }

    /// Where each key that is given is given.
    pub(super) fn origins(&self) -> BTreeMap<String, String> {
        let given = self.given.iter();
        given
            .map(|(key, given)| (key.clone(), self.document.origin(given.location)))
            .collect()
    }

    /// Notes that a key which no table of rules has is given.
    pub(super) fn note(&mut self, key: String, location: Location) {
        let rejected = false;
        self.given.insert(key, Given { location, rejected });
    }

    /// Where the file gives `key`, if it does.
    pub(super) fn location(&self, key: &str) -> Option<Location> {
        self.given.get(key).map(|given| given.location)
    }

    /// Whether the file gives `key` with a value that it doesn't take.
    pub(super) fn is_rejected(&self, key: &str) -> bool {
        self.given.get(key).is_some_and(|given| given.rejected)
    }

    /// Notes an error.
    pub(super) fn error(&mut self, location: Option<Location>, problem: Problem) {
        self.errors.push(self.document.error(location, problem));
    }

    fn file(&mut self, tree: &DeTable<'_>) {
        let mut plugins = None;
        for (key, value) in tree {
            let name: &str = key.get_ref();
            if name == PLUGINS {
                // They start from [limits], which has to be whole by then.
                plugins = Some((key, value));
            } else if name == VIEWS || name == ROLES {
                if let Some(entries) = self.entries(name, key, value) {
                    let family = if name == VIEWS { VIEWS } else { ROLES };
                    self.parts(family, entries);
                }
            } else if is_table(name) {
                if let Some(entries) = self.entries(name, key, value) {
                    let base = table_of(&self.values, name);
                    let merged = self.table(&Place::Section(name), entries, base);
                    self.values.insert(name.to_owned(), merged.into());
                }
            } else {
                let mut values = std::mem::take(&mut self.values);
                self.entry(&Place::Section(""), key, value, &mut values);
                self.values = values;
            }
        }
        if let Some((key, value)) = plugins
            && let Some(entries) = self.entries(PLUGINS, key, value)
        {
            self.plugins(entries);
        }
    }

    /// Views, or roles.
    fn parts(&mut self, family: &'static str, entries: &DeTable<'_>) {
        let mut parts = table_of(&self.values, family);
        for (key, value) in entries {
            let name: &str = key.get_ref();
            if let Some(problem) = part_problem(family, name, parts.len()) {
                self.error(Some(self.place_of(key)), problem);
            } else if let Some(entries) = self.entries(&named_table(family, name), key, value) {
                let (place, rules) = match family {
                    VIEWS => (Place::View(name), VIEW_RULES),
                    _ => (Place::Role(name), ROLE_RULES),
                };
                let base = rules
                    .iter()
                    .map(|(key, rule)| ((*key).to_owned(), rule.nothing()));
                let merged = self.table(&place, entries, base.collect());
                parts.insert(name.to_owned(), merged.into());
            }
        }
        self.values.insert(family.to_owned(), parts.into());
    }

    fn plugins(&mut self, entries: &DeTable<'_>) {
        let mut plugins = table_of(&self.values, PLUGINS);
        for (key, value) in entries {
            let name: &str = key.get_ref();
            if let Some(problem) = plugin_name_problem(name) {
                self.error(Some(self.place_of(key)), problem);
            } else if let Some(entries) = self.entries(&plugin_table(name), key, value) {
                let mut base = table_of(&self.values, "limits");
                base.insert("enabled".to_owned(), true.into());
                base.insert("prefix".to_owned(), "".into());
                for patterns in ["include", "exclude"] {
                    base.insert(patterns.to_owned(), toml::Value::Array(Vec::new()));
                }
                let merged = self.table(&Place::Plugin(name), entries, base);
                plugins.insert(name.to_owned(), merged.into());
            }
        }
        self.values.insert(PLUGINS.to_owned(), plugins.into());
    }

    pub(super) fn table(
        &mut self,
        place: &Place<'_>,
        entries: &DeTable<'_>,
        mut base: toml::Table,
    ) -> toml::Table {
        for (key, value) in entries {
            self.entry(place, key, value, &mut base);
        }
        base
    }

    /// Takes over one key, or notes why not.
    fn entry(
        &mut self,
        place: &Place<'_>,
        key: &Key<'_>,
        value: &Value<'_>,
        into: &mut toml::Table,
    ) {
        if let Place::Plugin(plugin) = place
            && key.get_ref() == GRANTS
        {
            return self.grants(plugin, key, value, into);
        }
        if let Place::Plugin(plugin) = place
            && key.get_ref() == TOOLS
        {
            return self.tools(plugin, key, value, into);
        }
        if let Place::Plugin(plugin) = place
            && key.get_ref() == SOURCE
        {
            return self.source(plugin, key, value, into);
        }
        let location = self.place_of(key);
        let written = place.key(key.get_ref());
        let alias = ALIASES.iter().find(|(alias, _)| *alias == written);
        let whole = alias.map_or(written.clone(), |(_, key)| (*key).to_owned());
        let name = alias.map_or(key.get_ref().as_ref(), |(_, key)| {
            key.rsplit_once('.').map_or(*key, |(_, name)| name)
        });
        // A second name may stand at the top for a key of a table.
        let table = alias.filter(|_| !written.contains('.'));
        let table = table.and_then(|(_, key)| Some(key.rsplit_once('.')?.0));
        let found = match table {
            Some(_) => rule(&whole),
            None => place.rule(name),
        };
        let Some(rule) = found else {
            let hint = hint(name, &place.names());
            let problem = Problem::UnknownKey { key: written, hint };
            return self.error(Some(location), problem);
        };
        // TOML itself refuses the same name twice: this is an alias.
        if let Some(other) = self.location(&whole) {
            return self.twice(whole, location.max(other));
        }
        let accepted = rule.accept(value.get_ref());
        let rejected = accepted.is_none();
        self.given.insert(whole, Given { location, rejected });
        match accepted {
            Some(value) => match table {
                Some(table) => {
                    let mut values = table_of(into, table);
                    values.insert(name.to_owned(), value);
                    into.insert(table.to_owned(), values.into());
                }
                None => {
                    into.insert(name.to_owned(), value);
                }
            },
            // Somebody may have written the secret itself.
            None if matches!(rule, Rule::Secret | Rule::SecretOrNone)
                && value.get_ref().as_str().is_some() =>
            {
                let problem = Problem::Invalid {
                    key: written,
                    value: "a string (not shown)".to_owned(),
                    expected: rule.expected(),
                };
                self.error(Some(location), problem);
            }
            None => self.invalid(location, written, value, rule.expected()),
        }
    }

    fn twice(&mut self, key: String, location: Location) {
        let alias = ALIASES.iter().find(|(_, known)| *known == key);
        let alias = alias.map_or(String::new(), |(alias, _)| (*alias).to_owned());
        self.error(Some(location), Problem::Twice { alias, key });
    }

    /// The entries of a table, or an error if `value` is something else.
    pub(super) fn entries<'t, 'i>(
        &mut self,
        table: &str,
        key: &Key<'i>,
        value: &'t Value<'i>,
    ) -> Option<&'t DeTable<'i>> {
        if value.get_ref().as_table().is_none() {
            let location = self.place_of(key);
            let expected = format!("a table: [{table}]");
            self.invalid(location, table.to_owned(), value, expected);
        }
        value.get_ref().as_table()
    }

    pub(super) fn invalid(
        &mut self,
        location: Location,
        key: String,
        value: &Value<'_>,
        expected: String,
    ) {
        let value = self.shown(&key, value);
        let problem = Problem::Invalid {
            key,
            value,
            expected,
        };
        self.error(Some(location), problem);
    }

    pub(super) fn place_of(&self, key: &Key<'_>) -> Location {
        Location::of(self.document.text(), key.span().start)
    }

    /// The value as the file has it, and what its references came to.
    fn shown(&self, key: &str, value: &Value<'_>) -> String {
        let is_table = |value: &DeValue<'_>| value.as_table().is_some();
        match value.get_ref() {
            DeValue::Table(_) => return "a table".to_owned(),
            DeValue::Array(list) if list.iter().any(|entry| is_table(entry.get_ref())) => {
                return "an array of tables".to_owned();
            }
            _ => {}
        }
        let written = self.document.text().get(value.span()).unwrap_or_default();
        match value.get_ref().as_str() {
            Some(text) if has_reference(written) && !is_secret(key) => {
                format!(
                    "{}, which is {}",
                    shortened(written),
                    shortened(&quoted(text))
                )
            }
            _ => shortened(written),
        }
    }
}

/// A value on one line.
fn shortened(written: &str) -> String {
    let line = written.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SHOWN_CHARS_MAX {
        return line;
    }
    line.chars()
        .take(SHOWN_CHARS_MAX)
        .chain("...".chars())
        .collect()
}

/// A copy of the table `name`; empty if it is not there.
fn table_of(values: &toml::Table, name: &str) -> toml::Table {
    match values.get(name) {
        Some(toml::Value::Table(table)) => table.clone(),
        _ => toml::Table::new(),
    }
}

/// A plugin is named after its file without the suffix.
fn plugin_name_problem(name: &str) -> Option<Problem> {
    let expected = if name.is_empty() || name.contains('/') {
        "the name of a file in `plugins_dir`, without .wasm".to_owned()
    } else if let Some(stem) = name.strip_suffix(".wasm") {
        format!("`{stem}`")
    } else {
        return None;
    };
    Some(Problem::PluginName {
        name: name.to_owned(),
        expected,
    })
}
