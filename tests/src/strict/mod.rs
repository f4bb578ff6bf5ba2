//! Every message of the host that a test reads, decoded by the schema of the
//! version that is spoken. Owns what makes it strict: a member that a version
//! doesn't know is refused, a result must be the one its request asks for, and
//! nothing may be said that the version has no message for. The schemas are those
//! that packages carry; it never holds one of its own but for the tasks
//! extension, of which none carries one.

mod ledger;
mod oldest;
mod schemas;
mod tasks;

pub use ledger::Ledger;

use serde_json::{Map, Value};

/// A version of the protocol.
pub(crate) type Version = &'static str;

/// All of them, the oldest first.
pub(crate) const VERSIONS: [Version; 5] = [OLDEST, "2025-03-26", "2025-06-18", WITHOUT_ID, MODERN];

const OLDEST: Version = "2024-11-05";
const MODERN: Version = "2026-07-28";

/// From here on a response may have no id, if that of the request is unknown.
const WITHOUT_ID: Version = "2025-11-25";

/// The version of this name.
pub(crate) fn version(name: &str) -> Option<Version> {
    VERSIONS.into_iter().find(|version| *version == name)
}

/// Checks one message of the host to a client of `version`. `method` is that of
/// the request, if it is a response and the request is known.
///
/// # Errors
/// What is wrong with it.
pub fn check(message: &Value, version: &str, method: Option<&str>) -> Result<(), String> {
    let version = self::version(version).ok_or_else(|| format!("no version {version}"))?;
    let members = message.as_object().ok_or("a message is an object")?;
    if members.get("jsonrpc") != Some(&Value::from("2.0")) {
        return Err("`jsonrpc` is not \"2.0\"".to_owned());
    }
    match members.get("method") {
        Some(sent) => {
            only(members, &["jsonrpc", "id", "method", "params"])?;
            let sent = sent.as_str().ok_or("`method` is no string")?;
            check_call(message, version, sent)
        }
        None if members.contains_key("error") => {
            only(members, &["jsonrpc", "id", "error"])?;
            check_error(message, version)
        }
        None => {
            only(members, &["jsonrpc", "id", "result"])?;
            check_id(members.get("id"))?;
            let result = members.get("result").ok_or("neither result nor error")?;
            check_result(result, version, method)
        }
    }
}

/// A request or a notification of the host.
fn check_call(message: &Value, version: Version, method: &str) -> Result<(), String> {
    let group = match message.get("id") {
        Some(_) if version == MODERN => return Err(format!("{MODERN} has no request of a server")),
        Some(id) => {
            check_id(Some(id))?;
            "ServerRequest"
        }
        None => "ServerNotification",
    };
    if version == OLDEST {
        return oldest::call(message, group == "ServerRequest");
    }
    if version == MODERN && method == "notifications/tasks" {
        return tasks::notification(&message["params"]);
    }
    schemas::of(version).call(group, method, message)
}

fn check_error(message: &Value, version: Version) -> Result<(), String> {
    let id = message.get("id");
    match id {
        // What JSON-RPC asks for, where the schema has no response without an id.
        Some(Value::Null) if version < WITHOUT_ID => {}
        None if version >= WITHOUT_ID => {}
        id => check_id(id)?,
    }
    let error = message["error"]
        .as_object()
        .ok_or("an error is an object")?;
    only(error, &["code", "message", "data"])?;
    let code = error.get("code").and_then(Value::as_i64);
    let code = code.ok_or("the code of an error is an integer")?;
    if !error.get("message").is_some_and(Value::is_string) {
        return Err("the message of an error is a string".to_owned());
    }
    let typed = match code {
        _ if version != MODERN => return Ok(()),
        -32020 => "HeaderMismatchError",
        -32021 => "MissingRequiredClientCapabilityError",
        -32022 => "UnsupportedProtocolVersionError",
        -32002 | -32042 => return Err(format!("{code} is not of {MODERN}")),
        _ => "JSONRPCErrorResponse",
    };
    schemas::of(version).definition(typed, message)
}

/// The definition of the result of each method that has one.
const RESULTS: [(&str, &str); 15] = [
    ("initialize", "InitializeResult"),
    ("server/discover", "DiscoverResult"),
    ("tools/list", "ListToolsResult"),
    ("tools/call", "CallToolResult"),
    ("resources/list", "ListResourcesResult"),
    ("resources/templates/list", "ListResourceTemplatesResult"),
    ("resources/read", "ReadResourceResult"),
    ("resources/subscribe", "EmptyResult"),
    ("resources/unsubscribe", "EmptyResult"),
    ("prompts/list", "ListPromptsResult"),
    ("prompts/get", "GetPromptResult"),
    ("completion/complete", "CompleteResult"),
    ("logging/setLevel", "EmptyResult"),
    ("ping", "EmptyResult"),
    ("subscriptions/listen", "SubscriptionsListenResult"),
];

/// Methods whose answer may be a question instead.
const ASKING: [&str; 3] = ["tools/call", "prompts/get", "resources/read"];

/// Methods that a version has no more, or not yet.
fn has(version: Version, method: &str) -> bool {
    match method {
        "server/discover" | "subscriptions/listen" => version == MODERN,
        "initialize"
        | "ping"
        | "logging/setLevel"
        | "resources/subscribe"
        | "resources/unsubscribe" => version != MODERN,
        _ => true,
    }
}

fn check_result(result: &Value, version: Version, method: Option<&str>) -> Result<(), String> {
    let Some(method) = method else {
        let possible = RESULTS.iter().filter(|(method, _)| has(version, method));
        let mut tried = possible.map(|(method, _)| check_result(result, version, Some(method)));
        let tasks = ["tasks/get", "tasks/update"].map(|method| tasks::result(method, result));
        let fits = tried.any(|tried| tried.is_ok())
            || (version == MODERN && tasks.iter().any(Result::is_ok));
        return fits
            .then_some(())
            .ok_or_else(|| format!("no result of {version} has this form"));
    };
    // Fusebox's own, before any version is agreed on.
    if method == "fusebox/authenticate" {
        return only(result.as_object().ok_or("a result is an object")?, &[]);
    }
    if !has(version, method) {
        return Err(format!("{version} has no {method}"));
    }
    let kind = result.get("resultType").and_then(Value::as_str);
    if version == MODERN {
        match kind {
            Some("complete") => {}
            Some("input_required") if ASKING.contains(&method) => {
                if result
                    .get("inputRequests")
                    .or(result.get("requestState"))
                    .is_none()
                {
                    return Err("neither `inputRequests` nor `requestState`".to_owned());
                }
                return schemas::of(version).definition("InputRequiredResult", result);
            }
            Some("task") if method == "tools/call" => return tasks::created(result),
            kind => return Err(format!("{kind:?} is no `resultType` of {method}")),
        }
        if method.starts_with("tasks/") {
            return tasks::result(method, result);
        }
    }
    let known = RESULTS.iter().find(|(known, _)| *known == method);
    let (_, definition) = known.ok_or_else(|| format!("{version} has no result of {method}"))?;
    if *definition == "EmptyResult" {
        let members = result.as_object().ok_or("a result is an object")?;
        only(members, &["_meta"])?;
    }
    match version {
        OLDEST => oldest::result(definition, result),
        _ => schemas::of(version).definition(definition, result),
    }
}

fn check_id(id: Option<&Value>) -> Result<(), String> {
    match id {
        Some(Value::String(_)) => Ok(()),
        Some(Value::Number(number))
            if number.as_f64().is_some_and(|number| number.fract() == 0.0) =>
        {
            Ok(())
        }
        id => Err(format!("{id:?} is no id")),
    }
}

/// Refuses other members than these.
fn only(members: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    let unknown = members.keys().find(|name| !known.contains(&name.as_str()));
    unknown.map_or(Ok(()), |name| Err(format!("there is no member `{name}`")))
}
