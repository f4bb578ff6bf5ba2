//! From a type to the schema of a form: MCP takes a flat object of text,
//! numbers, booleans and choices, in a dialect of its own. Whatever says nothing
//! in that dialect is left out; what can't be a field is named.

use std::any::type_name;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde::de::value::Error;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde_json::{Map, Value, json};

use crate::error::HandlerError;

type Object = Map<String, Value>;

/// The schema of a form for `T`, its fields in the order of the declaration.
///
/// # Errors
/// If `T` is no struct, or a field is something that a form can't ask for.
pub(crate) fn of<T: JsonSchema + DeserializeOwned>() -> Result<String, HandlerError> {
    let mut generator = SchemaSettings::draft2020_12()
        .for_deserialize()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator();
    let schema = Value::from(SchemaGenerator::subschema_for::<T>(&mut generator));
    let refuse = |what: &str| {
        let name = type_name::<T>();
        HandlerError::new(format_args!("failed to make a form of `{name}`: {what}"))
    };
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Err(refuse("it has no named fields"));
    };
    let mut fields = String::new();
    for name in in_order(properties, declared::<T>()) {
        let field =
            field(&properties[name]).map_err(|what| refuse(&format!("`{name}` is {what}")))?;
        let separator = if fields.is_empty() { "" } else { "," };
        let name = Value::from(name);
        fields.push_str(&format!("{separator}{name}:{}", Value::Object(field)));
    }
    let required = match schema.get("required") {
        Some(required) => format!(",\"required\":{required}"),
        None => String::new(),
    };
    Ok(format!(
        "{{\"type\":\"object\",\"properties\":{{{fields}}}{required}}}"
    ))
}

/// The names of the properties, those that are declared first.
fn in_order<'a>(properties: &'a Object, declared: &'a [&'a str]) -> Vec<&'a str> {
    let known = declared.iter().copied();
    let mut names: Vec<&str> = known
        .filter(|name| properties.contains_key(*name))
        .collect();
    let others = properties.keys().map(String::as_str);
    names.extend(others.filter(|name| !declared.contains(name)));
    names
}

/// One field in MCP's dialect, or what it is instead.
fn field(schema: &Value) -> Result<Object, &'static str> {
    let schema = without_null(schema);
    if let Some(choices) = choices(&schema) {
        let mut field = only(&schema, &["title", "description", "default"]);
        field.insert("type".into(), "string".into());
        match choices {
            Choices::Plain(values) => {
                field.insert("enum".into(), values);
                field.extend(only(&schema, &["enumNames"]));
            }
            Choices::Titled(options) => {
                field.insert("oneOf".into(), options);
            }
        }
        return Ok(field);
    }
    let kind = schema
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let limits: &[&str] = match kind {
        "string" => &["minLength", "maxLength"],
        "number" | "integer" => &["minimum", "maximum"],
        "boolean" => &[],
        "array" => &["minItems", "maxItems"],
        _ => return Err("neither text, a number, a boolean nor a choice"),
    };
    let mut field = only(&schema, &["type", "title", "description", "default"]);
    field.extend(only(&schema, limits));
    let formats = ["email", "uri", "date", "date-time"];
    if let Some(format) = schema.get("format").and_then(Value::as_str)
        && formats.contains(&format)
    {
        field.insert("format".into(), format.into());
    }
    if kind == "array" {
        let items = schema.get("items").and_then(Value::as_object);
        let items = match items.and_then(choices) {
            Some(Choices::Plain(values)) => json!({"type": "string", "enum": values}),
            Some(Choices::Titled(options)) => json!({"anyOf": options}),
            None => return Err("a list of something else than choices"),
        };
        field.insert("items".into(), items);
    }
    Ok(field)
}

/// What a value is chosen from.
enum Choices {
    /// a list of text
    Plain(Value),
    /// a list of `{const, title}`
    Titled(Value),
}

/// The choices of an enum without data; none if this is none.
fn choices(schema: &Object) -> Option<Choices> {
    if let Some(values) = schema.get("enum") {
        return Some(Choices::Plain(values.clone()));
    }
    let mut options = Vec::new();
    for variant in schema.get("oneOf")?.as_array()? {
        // Variants without documentation come together.
        if let Some(values) = variant.get("enum").and_then(Value::as_array) {
            options.extend(
                values
                    .iter()
                    .map(|value| json!({"const": value, "title": value})),
            );
            continue;
        }
        let value = variant.get("const").filter(|value| value.is_string())?;
        let title = ["title", "description"]
            .iter()
            .find_map(|key| variant.get(key));
        options.push(json!({"const": value, "title": title.unwrap_or(value)}));
    }
    Some(Choices::Titled(Value::Array(options)))
}

/// An optional field is one that isn't required: MCP knows no null here.
fn without_null(schema: &Value) -> Object {
    let mut schema = schema.as_object().cloned().unwrap_or_default();
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = &kinds[..] {
            let kind = kind.clone();
            schema.insert("type".into(), kind);
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
    if let Some(Value::Array(mut choices)) = schema.remove("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
        if let [Value::Object(only)] = &choices[..] {
            let mut inner = only.clone();
            inner.extend(schema);
            return inner;
        }
    }
    schema
}

fn only(schema: &Object, keys: &[&str]) -> Object {
    let members = keys.iter().filter_map(|key| schema.get_key_value(*key));
    members
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// The names of a struct's fields, as `serde` knows them: it tells them to
/// whoever is to deserialize one.
fn declared<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    // This fails once the fields are known, and nothing is deserialized.
    let _ = T::deserialize(Fields(&mut fields));
    fields
}

struct Fields<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        Err(Error::custom("only the fields are wanted"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("only a struct has fields"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string
        bytes byte_buf option unit unit_struct newtype_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}
