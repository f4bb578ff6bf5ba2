//! The tasks extension of 2026-07-28: no package carries a schema of it, so the
//! members and types that its specification (SEP-2663) names are written down
//! here.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::schemas;

const VERSION: &str = "2026-07-28";

/// A task, closed but for what `further` adds.
fn task(further: &Value, required: &[&str]) -> Validator {
    let mut properties = json!({
        "taskId": {"type": "string", "minLength": 1},
        "status": {"enum": ["working", "input_required", "completed", "failed", "cancelled"]},
        "statusMessage": {"type": "string"},
        "createdAt": {"type": "string", "format": "date-time"},
        "lastUpdatedAt": {"type": "string", "format": "date-time"},
        "ttlMs": {"type": ["integer", "null"], "minimum": 0},
        "pollIntervalMs": {"type": "integer", "minimum": 1},
        "_meta": {"type": "object"},
    });
    let added = further.as_object().expect("an object of schemas");
    for (name, schema) in added {
        properties[name] = schema.clone();
    }
    let always = ["taskId", "status", "createdAt", "lastUpdatedAt", "ttlMs"];
    let required = [&always, required].concat();
    let carries = |status: &str, member: &str| {
        json!({
            "if": {"properties": {"status": {"const": status}}},
            "then": {"required": [member]},
            "else": {"not": {"required": [member]}},
        })
    };
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    if added.contains_key("inputRequests") {
        schema["allOf"] = json!([
            carries("input_required", "inputRequests"),
            carries("completed", "result"),
            carries("failed", "error"),
        ]);
    }
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&schema).expect("this schema is one")
}

/// What a task carries once it asks or has ended.
fn outcome() -> Value {
    json!({
        "inputRequests": {"type": "object", "minProperties": 1},
        "result": {"type": "object"},
        "error": {"type": "object", "required": ["code", "message"]},
    })
}

static CREATED: LazyLock<Validator> =
    LazyLock::new(|| task(&json!({"resultType": {"const": "task"}}), &["resultType"]));

static AS_IT_STANDS: LazyLock<Validator> = LazyLock::new(|| {
    let mut further = outcome();
    further["resultType"] = json!({"const": "complete"});
    task(&further, &["resultType"])
});

static NOTIFIED: LazyLock<Validator> = LazyLock::new(|| task(&outcome(), &["_meta"]));

/// The answer to a call that has become a task.
pub(super) fn created(result: &Value) -> Result<(), String> {
    validate(&CREATED, result)
}

/// The answer to a method of the extension.
pub(super) fn result(method: &str, result: &Value) -> Result<(), String> {
    if method == "tasks/get" {
        validate(&AS_IT_STANDS, result)?;
        return parts(result);
    }
    // An acknowledgement says nothing else.
    let members = result.as_object().ok_or("a result is an object")?;
    if result["resultType"] != "complete" {
        return Err("an acknowledgement is complete".to_owned());
    }
    super::only(members, &["resultType", "_meta"])
}

/// `notifications/tasks`.
pub(super) fn notification(params: &Value) -> Result<(), String> {
    validate(&NOTIFIED, params)?;
    parts(params)
}

/// What a task carries is of the core's schemas.
fn parts(task: &Value) -> Result<(), String> {
    let core = schemas::of(VERSION);
    if let Some(questions) = task.get("inputRequests") {
        core.definition("InputRequests", questions)?;
    }
    if let Some(result) = task.get("result") {
        core.definition("CallToolResult", result)?;
    }
    task.get("error")
        .map_or(Ok(()), |error| core.definition("Error", error))
}

fn validate(validator: &Validator, value: &Value) -> Result<(), String> {
    let found = validator.validate(value);
    found.map_err(|error| format!("a task, at `{}`: {error}", error.instance_path()))
}
