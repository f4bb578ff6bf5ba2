//! The configuration's JSON Schema, for editors: made of the rules, the default file
//! and its comments. Owns how a rule is said in a schema. Validates nothing itself.

use serde_json::{Map, Value, json};

use super::comments;
use super::effect::{Effect, effect};
use super::grants::{self, GRANTS};
use super::rules::{
    ALIASES, LIST_MAX, PLUGIN_RULES, PLUGINS, ROLE_RULES, ROLES, RULES, Rule, VIEW_RULES, VIEWS,
};
use super::source::{SOURCE, SOURCE_RULES};
use super::tools::{TOOL_RULES, TOOLS};
use super::{Config, DEFAULT_TOML};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A string in which a variable stands may be anything.
const REFERENCE: &str = "\\$\\{";

impl Config {
    /// The JSON Schema (2020-12) of a configuration file.
    pub fn schema() -> Value {
        let defaults: toml::Table = DEFAULT_TOML.parse().expect("a test parses it");
        let mut root = Map::new();
        for (key, rule) in RULES {
            let schema = of_key(key, *rule, &defaults);
            insert(&mut root, key, schema);
        }
        for (alias, key) in ALIASES {
            let rule = RULES.iter().find(|(known, _)| known == key);
            let mut schema = rule.map_or(json!({}), |(_, rule)| of_rule(*rule));
            schema["description"] = format!("Another name of `{key}`.").into();
            insert(&mut root, alias, schema);
        }
        for (name, schema) in &mut root {
            let about = comments::of_table(name);
            if schema.get("properties").is_some() && !about.is_empty() {
                schema["description"] = about.into();
            }
        }
        root.insert(
            PLUGINS.to_owned(),
            named(
                "plugin",
                "Single plugins, by the names of their files without .wasm.",
            ),
        );
        root.insert(
            VIEWS.to_owned(),
            named(
                "view",
                "Parts of what is offered, each at a path of its own.",
            ),
        );
        root.insert(
            ROLES.to_owned(),
            named("role", "What callers see and call."),
        );
        json!({
            "$schema": DIALECT,
            "title": "The configuration of Fusebox",
            "type": "object",
            "properties": root,
            "additionalProperties": false,
            "$defs": {
                "plugin": plugin(&defaults),
                "view": own_table(VIEWS, VIEW_RULES),
                "role": own_table(ROLES, ROLE_RULES),
                "secret": secret(),
            },
        })
    }
}

impl Config {
    /// The same as text, as `config/fusebox.schema.json` has it.
    pub fn schema_text() -> String {
        format!("{:#}\n", Self::schema())
    }
}

/// Puts the schema of a whole key into its table's.
fn insert(root: &mut Map<String, Value>, key: &str, schema: Value) {
    match key.split_once('.') {
        None => {
            root.insert(key.to_owned(), schema);
        }
        Some((table, name)) => {
            let table = root.entry(table).or_insert_with(|| object(Map::new()));
            table["properties"][name] = schema;
        }
    }
}

fn of_key(key: &str, rule: Rule, defaults: &toml::Table) -> Value {
    let mut schema = of_rule(rule);
    let when = match effect(key) {
        Effect::Restart => " (A change takes effect at the next start.)",
        Effect::NewConnections => " (A change holds for new connections.)",
        Effect::AtOnce => "",
    };
    schema["description"] = format!("{}{when}", comments::of_key(key)).into();
    let (table, name) = key.split_once('.').unwrap_or(("", key));
    let table = match table {
        "" => Some(defaults),
        _ => defaults.get(table).and_then(toml::Value::as_table),
    };
    if let Some(default) = table.and_then(|table| table.get(name)) {
        schema["default"] = json!(default);
    }
    schema
}

fn of_rule(rule: Rule) -> Value {
    match rule {
        Rule::Bool => json!({ "type": "boolean" }),
        Rule::Int { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Rule::OneOf(words) => json!({
            "anyOf": [{ "enum": words }, { "type": "string", "pattern": REFERENCE }],
        }),
        Rule::Text { .. } => json!({ "type": "string" }),
        Rule::Texts { .. } => json!({
            "type": "array", "items": { "type": "string" }, "maxItems": LIST_MAX,
        }),
        Rule::Steps => json!({
            "type": "array",
            "items": { "type": "integer", "minimum": 1, "maximum": 100 },
            "maxItems": LIST_MAX,
        }),
        Rule::Secret => json!({ "$ref": "#/$defs/secret" }),
        Rule::SecretOrNone => json!({
            "anyOf": [{ "const": "" }, { "$ref": "#/$defs/secret" }],
        }),
        Rule::Ratio => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
    }
}

fn object(properties: Map<String, Value>) -> Value {
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// A table whose keys are names of the operator's.
fn named(definition: &str, about: &str) -> Value {
    json!({
        "type": "object",
        "additionalProperties": { "$ref": format!("#/$defs/{definition}") },
        "description": about,
    })
}

/// A table of which the default file has examples only.
fn own_table(table: &str, rules: &[(&str, Rule)]) -> Value {
    let keys = rules.iter().map(|(key, rule)| {
        let mut schema = of_rule(*rule);
        schema["description"] = comments::of_own(table, key).into();
        ((*key).to_owned(), schema)
    });
    object(keys.collect())
}

fn plugin(defaults: &toml::Table) -> Value {
    let mut plugin = own_table(PLUGINS, PLUGIN_RULES);
    for (key, rule) in RULES {
        if let Some(name) = key.strip_prefix("limits.") {
            plugin["properties"][name] = of_key(key, *rule, defaults);
        }
    }
    let mut source = own_table(SOURCE, SOURCE_RULES);
    source["required"] = json!(["url"]);
    plugin["properties"][SOURCE] = source;
    plugin["properties"][TOOLS] = json!({
        "type": "object",
        "additionalProperties": own_table(TOOLS, TOOL_RULES),
        "description": "What is changed about single tools, by the names that the plugin gives them.",
    });
    let mut sections = Map::new();
    for section in grants::section_names() {
        let mut schema = match grants::fixed_rules(section) {
            Some(rules) => own_table(section, &rules),
            None => json!({ "type": "object", "additionalProperties": free(section) }),
        };
        schema["description"] = comments::of_own(GRANTS, section).into();
        sections.insert(section.to_owned(), schema);
    }
    plugin["properties"][GRANTS] = object(sections);
    plugin
}

/// What may be under a key of the operator's in a table of grants.
fn free(section: &str) -> Value {
    match section {
        "secrets" => json!({ "$ref": "#/$defs/secret" }),
        "env" => json!({ "anyOf": [{ "type": "string" }, { "$ref": "#/$defs/secret" }] }),
        "files" => json!({
            "type": "object",
            "properties": {
                "path": { "type": "string", "minLength": 1, "description": "The folder." },
                "write": { "type": "boolean", "description": "Whether the plugin may change it." },
            },
            "required": ["path"],
            "additionalProperties": false,
        }),
        _ => json!({ "type": "string" }),
    }
}

/// Where a secret comes from.
fn secret() -> Value {
    let one = |name: &str, schema: Value| {
        json!({
            "type": "object",
            "properties": { name: schema },
            "required": [name],
            "additionalProperties": false,
        })
    };
    json!({
        "description": "Where a secret comes from.",
        "oneOf": [
            one("env", json!({ "type": "string", "minLength": 1 })),
            one("file", json!({ "type": "string", "minLength": 1 })),
            one("command", json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 })),
        ],
    })
}
