//! The JSON Schemas of the versions from 2025-03-26 on, as the conformance suite
//! carries them, with every object closed that the specification doesn't mean to
//! be open. Compiles each definition once.

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::{Value, json};

use super::Version;
use crate::place;

/// The schema of a version, ready to be asked.
pub(super) struct Schema {
    root: Value,
    /// the member of `root` that holds the definitions
    holder: &'static str,
    compiled: Mutex<HashMap<String, Arc<Validator>>>,
}

static ALL: LazyLock<HashMap<String, Schema>> = LazyLock::new(|| {
    let path = place::test_environment().join("schemas.json");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!(
            "failed to read {} ({error}): run `cargo xtask test --only provision`",
            path.display()
        )
    });
    let all: HashMap<String, Value> = serde_json::from_str(&text).expect("schemas are JSON");
    all.into_iter()
        .map(|(version, root)| (version, Schema::new(root)))
        .collect()
});

/// The schema of `version`.
pub(super) fn of(version: Version) -> &'static Schema {
    ALL.get(version)
        .unwrap_or_else(|| panic!("no package carries a schema of {version}"))
}

impl Schema {
    fn new(mut root: Value) -> Self {
        let holder = match root.get("$defs") {
            Some(_) => "$defs",
            None => "definitions",
        };
        if let Some(filter) = root[holder].get_mut("SubscriptionFilter") {
            // What the tasks extension adds to it.
            filter["properties"]["taskIds"] = json!({"type": "array", "items": {"type": "string"}});
        }
        let definitions = root[holder].as_object_mut().expect("definitions");
        for (name, definition) in definitions {
            if !is_open(name) {
                close(definition);
            }
        }
        Self {
            root,
            holder,
            compiled: Mutex::default(),
        }
    }

    /// Checks a value against a definition.
    pub(super) fn definition(&self, name: &str, value: &Value) -> Result<(), String> {
        let found = self.validator(name)?.validate(value);
        found.map_err(|error| format!("{name}: at `{}`: {error}", error.instance_path()))
    }

    /// Checks a request or a notification against that alternative of `group`
    /// that has its method.
    pub(super) fn call(&self, group: &str, method: &str, message: &Value) -> Result<(), String> {
        let alternatives = self.root[self.holder][group]["anyOf"].as_array();
        let names = alternatives.into_iter().flatten().filter_map(|one| {
            let reference = one["$ref"].as_str()?;
            reference.rsplit('/').next()
        });
        let mut names =
            names.filter(|name| self.property(name, "method")["const"].as_str() == Some(method));
        let name = names
            .next()
            .ok_or_else(|| format!("{method} is not in {group}"))?;
        if !self.property(name, "jsonrpc").is_null() {
            return self.definition(name, message);
        }
        // Older schemas have the envelope apart; it has been checked.
        let mut inner = json!({"method": method});
        if let Some(params) = message.get("params") {
            inner["params"] = params.clone();
        }
        self.definition(name, &inner)
    }

    fn property(&self, definition: &str, property: &str) -> &Value {
        &self.root[self.holder][definition]["properties"][property]
    }

    fn validator(&self, name: &str) -> Result<Arc<Validator>, String> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = compiled.get(name) {
            return Ok(validator.clone());
        }
        let definitions = &self.root[self.holder];
        if definitions.get(name).is_none() {
            return Err(format!("this version has no {name}"));
        }
        let mut schema = json!({"$ref": format!("#/{}/{name}", self.holder)});
        schema["$schema"] = self.root["$schema"].clone();
        schema[self.holder] = definitions.clone();
        let validator = jsonschema::options()
            .offline()
            .should_validate_formats(true)
            .build(&schema)
            .map_err(|error| format!("the schema of {name} can't be compiled: {error}"))?;
        let validator = Arc::new(validator);
        compiled.insert(name.to_owned(), validator.clone());
        Ok(validator)
    }
}

/// What is meant to be open: `_meta`, and what everything else is made of.
fn is_open(name: &str) -> bool {
    name.ends_with("MetaObject") || name.ends_with("Meta") || name == "Result"
}

/// Refuses members that an object of this schema doesn't name.
fn close(schema: &mut Value) {
    const COMPOSED: [&str; 4] = ["allOf", "anyOf", "oneOf", "additionalProperties"];
    let Some(members) = schema.as_object() else {
        return;
    };
    let composed = COMPOSED.iter().any(|member| members.contains_key(*member));
    if members.contains_key("properties") && !composed {
        schema["additionalProperties"] = Value::Bool(false);
    }
    close_parts(schema);
}

fn close_parts(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else {
        return;
    };
    for (key, part) in members {
        match (key.as_str(), part) {
            ("properties", Value::Object(properties)) => {
                for (name, property) in properties {
                    // These hold schemas of tools, which may have any keyword.
                    if name != "inputSchema" && name != "outputSchema" && name != "_meta" {
                        close(property);
                    }
                }
            }
            ("items" | "additionalProperties", part) => close(part),
            ("anyOf" | "oneOf", Value::Array(parts)) => parts.iter_mut().for_each(close),
            // Each part says only some of the members.
            ("allOf", Value::Array(parts)) => parts.iter_mut().for_each(close_parts),
            _ => {}
        }
    }
}
