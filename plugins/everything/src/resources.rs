//! Resources: text, bytes, one that changes, one that asks, and a family.

use fusebox_sdk::prelude::*;
use fusebox_sdk::serde_json;

use crate::media::IMAGE;
use crate::rounds::Name;

/// A static text resource for testing
#[resource(
    uri = "test://static-text",
    name = "Static Text Resource",
    mime_type = "text/plain",
    cache(ttl_ms = 60_000, shared)
)]
pub(crate) fn static_text() -> &'static str {
    "This is the content of the static text resource."
}

/// A static binary/blob resource for testing
#[resource(
    uri = "test://static-binary",
    name = "Static Binary Resource",
    mime_type = "image/png",
    cache(ttl_ms = 60_000, shared)
)]
pub(crate) fn static_binary() -> &'static [u8] {
    IMAGE
}

/// A resource to subscribe to: `test_trigger_resource_update` says that it
/// changed
#[resource(
    uri = "test://watched-resource",
    name = "Watched Resource",
    mime_type = "text/plain"
)]
pub(crate) fn watched() -> &'static str {
    "This is the content of the watched resource."
}

/// A resource that requires elicitation input via InputRequiredResult (SEP-2322)
#[resource(
    uri = "test://input-required",
    name = "Asking Resource",
    mime_type = "text/plain"
)]
pub(crate) fn asking(context: &Context) -> Result<String, HandlerError> {
    let name: Name = context.elicit("user_name", "What is your name?")?;
    Ok(format!("Hello, {}!", name.name))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    id: &'a str,
    template_test: bool,
    data: String,
}

/// A dynamic resource with parameter substitution
#[resource(
    uri_template = "test://template/{id}/data",
    name = "Dynamic Resource",
    mime_type = "application/json",
    cache(ttl_ms = 60_000, shared)
)]
pub(crate) fn dynamic(id: String) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Data {
        id: &id,
        template_test: true,
        data: format!("Data for ID: {id}"),
    })
}
