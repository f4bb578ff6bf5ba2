//! JSON Schema 2020-12 of a tool's arguments and of its structured content.
//! Self-contained and compact: a model reads it. Only listing tools, and the
//! message of a refused argument, ever make one.

use std::fmt;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::arguments::Argument;

/// `SchemaGenerator::subschema_for` of some type.
pub(crate) type MakeSchema = fn(&mut SchemaGenerator) -> Schema;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of a tool's arguments, properties in the order of the function's
/// parameters.
pub(crate) fn input(arguments: &[Argument]) -> String {
    let mut generator = generator(SchemaSettings::draft2020_12().for_deserialize());
    let mut properties = String::new();
    let mut required = Vec::new();
    for argument in arguments {
        let separator = if properties.is_empty() { "" } else { "," };
        let schema = property(argument, &mut generator);
        properties.push_str(&format!("{separator}{}:{schema}", quoted(argument.name)));
        if argument.required {
            required.push(quoted(argument.name));
        }
    }
    let required = match required.is_empty() {
        true => String::new(),
        false => format!(",\"required\":[{}]", required.join(",")),
    };
    let definitions = definitions(&mut generator);
    format!(
        "{{\"$schema\":\"{DIALECT}\",\"type\":\"object\",\"properties\":{{{properties}}}{required},\
         \"additionalProperties\":false{definitions}}}"
    )
}

fn property(argument: &Argument, generator: &mut SchemaGenerator) -> String {
    let mut schema = compact((argument.schema)(generator));
    // The value goes into a header as well, which has no null.
    if !argument.required && argument.header.is_none() {
        schema = or_null(schema);
    }
    let object = schema.ensure_object();
    if let Some(description) = argument.description {
        object.insert("description".into(), description.into());
    }
    if let Some(default) = argument.default {
        object.insert("default".into(), default());
    }
    if let Some(header) = argument.header {
        object.insert("x-mcp-header".into(), header.into());
    }
    Value::from(schema).to_string()
}

/// The schema with null beside its values: a model that has nothing to say for an
/// argument leaves it out or says null, as its client has taught it.
fn or_null(mut schema: Schema) -> Schema {
    // What else may say which values there are.
    const CHOICES: [&str; 6] = ["$ref", "allOf", "anyOf", "const", "not", "oneOf"];
    let Some(object) = schema.as_object_mut() else {
        return schema;
    };
    if CHOICES.iter().any(|key| object.contains_key(*key)) {
        return json_schema!({"anyOf": [schema, {"type": "null"}]});
    }
    if let Some(kind) = object.get_mut("type") {
        match kind {
            Value::String(one) if one != "null" => *kind = json!([one, "null"]),
            // It says so by itself.
            _ => return schema,
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.push(Value::Null);
    }
    schema
}

/// The schema of structured content, as `convert` makes it: an object as it
/// is, any other value under `result`.
pub(crate) fn output(make: MakeSchema) -> String {
    let mut generator = generator(SchemaSettings::draft2020_12().for_serialize());
    let mut schema = Value::from(compact(make(&mut generator)));
    let wrapped = |schema: &Value| {
        format!("\"properties\":{{\"result\":{schema}}},\"required\":[\"result\"]")
    };
    let members = match is_object(&schema) {
        Some(true) => {
            if let Some(members) = schema.as_object_mut() {
                members.remove("type");
            }
            let text = schema.to_string();
            let inside = text
                .strip_prefix('{')
                .and_then(|text| text.strip_suffix('}'));
            inside.unwrap_or_default().to_owned()
        }
        Some(false) => wrapped(&schema),
        // Which of the two is known only when there is a value.
        None if schema == Value::Bool(true) => String::new(),
        None => format!("\"anyOf\":[{schema},{{{}}}]", wrapped(&schema)),
    };
    let separator = if members.is_empty() { "" } else { "," };
    let definitions = definitions(&mut generator);
    format!("{{\"$schema\":\"{DIALECT}\",\"type\":\"object\"{separator}{members}{definitions}}}")
}

/// Whether every value of the schema is an object (`Some(true)`), none is, or
/// some are (`None`).
fn is_object(schema: &Value) -> Option<bool> {
    let kind = schema.get("type");
    if let Some(kind) = kind.and_then(Value::as_str) {
        return Some(kind == "object");
    }
    if let Some(kinds) = kind.and_then(Value::as_array) {
        return match kinds.iter().any(|kind| kind == "object") {
            true => None,
            false => Some(false),
        };
    }
    if let Some(value) = schema.get("const") {
        return Some(value.is_object());
    }
    let choices = ["oneOf", "anyOf"].iter().find_map(|key| schema.get(key));
    let mut choices = choices?.as_array()?.iter().map(is_object);
    let first = choices.next()??;
    choices.all(|choice| choice == Some(first)).then_some(first)
}

/// What a value of some type must be, for a message. Displayed in words: "a
/// number", "one of ...".
pub(crate) struct Expected(Schema);

impl Expected {
    pub(crate) fn of(make: MakeSchema) -> Self {
        let settings = SchemaSettings::draft2020_12().for_deserialize();
        Self(make(&mut generator(settings)))
    }

    /// Whether the schema leaves room for a value of this JSON type.
    pub(crate) fn may_be(&self, kind: &str) -> bool {
        match self.0.get("type") {
            Some(Value::Array(kinds)) => kinds.iter().any(|k| k == kind),
            Some(only) => only == kind,
            None => true,
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&words(self.0.as_value()))
    }
}

fn words(schema: &Value) -> String {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return one_of(values.iter());
    }
    let choices = ["oneOf", "anyOf"]
        .iter()
        .find_map(|key| schema.get(key)?.as_array());
    if let Some(choices) = choices {
        let constants: Option<Vec<_>> = choices.iter().map(|choice| choice.get("const")).collect();
        return match constants {
            Some(constants) => one_of(constants.into_iter()),
            None => choices.iter().map(words).collect::<Vec<_>>().join(" or "),
        };
    }
    match schema.get("type") {
        Some(Value::String(kind)) => kind_in_words(kind, schema),
        Some(Value::Array(kinds)) => {
            let kinds = kinds.iter().filter_map(Value::as_str);
            let kinds: Vec<_> = kinds.map(|kind| kind_in_words(kind, schema)).collect();
            kinds.join(" or ")
        }
        _ => "a value of another kind".into(),
    }
}

fn kind_in_words(kind: &str, schema: &Value) -> String {
    match (kind, schema.get("minimum"), schema.get("maximum")) {
        ("integer", Some(low), Some(high)) => format!("an integer from {low} to {high}"),
        ("integer", Some(low), None) => format!("an integer from {low}"),
        ("null", ..) => "null".into(),
        ("integer" | "array" | "object", ..) => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}

fn one_of<'a>(values: impl Iterator<Item = &'a Value>) -> String {
    let values: Vec<_> = values.map(Value::to_string).collect();
    format!("one of {}", values.join(", "))
}

fn generator(settings: SchemaSettings) -> SchemaGenerator {
    settings
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
}

/// Takes out what says nothing to a client: the width of a number is in its
/// bounds, if it is anywhere, and not one of JSON Schema's formats.
fn compact(mut schema: Schema) -> Schema {
    RecursiveTransform(|schema: &mut Schema| {
        let is_number = |kind: &Value| kind == "integer" || kind == "number";
        let is_number = schema.get("type").is_some_and(|kind| match kind {
            Value::Array(kinds) => kinds.iter().any(is_number),
            kind => is_number(kind),
        });
        if is_number {
            schema.remove("format");
        }
    })
    .transform(&mut schema);
    schema
}

/// The member `$defs` with a comma before it, if a recursive type needs one.
fn definitions(generator: &mut SchemaGenerator) -> String {
    let mut definitions = generator.take_definitions(true);
    if definitions.is_empty() {
        return String::new();
    }
    for definition in definitions.values_mut() {
        let schema = Schema::try_from(definition.take()).unwrap_or_default();
        *definition = compact(schema).into();
    }
    format!(",\"$defs\":{}", Value::Object(definitions))
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
