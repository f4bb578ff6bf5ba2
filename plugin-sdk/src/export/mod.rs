//! From the contract's functions to the handlers of a plugin. The code here is
//! the same for every plugin: what differs is in the tables that macros make.

mod completions;
mod distinct;
mod prompts;
mod resources;
mod tools;

use std::sync::Once;

pub use completions::{Completer, CompleterDefinition, Reference, complete};
pub use distinct::assert_distinct;
pub use prompts::{Prompt, PromptDefinition, get_prompt, list_prompts};
pub use resources::{
    Address, Hints, Resource, ResourceDefinition, list_resource_templates, list_resources,
    read_resource,
};
pub use tools::{Input, Tool, ToolDefinition, call_tool, list_tools};

use crate::bindings::host::fusebox::plugin::request;
use crate::bindings::host::fusebox::plugin::types::CacheHint;

/// In the `_meta` of an item: how long a list with it may be kept.
const LIST_CACHE: &str = "fusebox/listCache";

/// The `_meta` of an item, with what the plugin says of its lists for the host,
/// which takes it out again.
fn marked(meta: Option<&'static str>, lists: Option<CacheHint>) -> Option<String> {
    let Some(hint) = lists else {
        return meta.map(Into::into);
    };
    let mut members: serde_json::Map<String, serde_json::Value> = meta
        .and_then(|meta| serde_json::from_str(meta).ok())
        .unwrap_or_default();
    let hint = serde_json::json!({"ttlMs": hint.ttl_ms, "shared": hint.shared});
    members.insert(LIST_CACHE.into(), hint);
    serde_json::to_string(&members).ok()
}

/// Has the host told what a panic says before it becomes a trap, once for each
/// instance.
fn report_panics() {
    static ONCE: Once = Once::new();
    if cfg!(target_arch = "wasm32") {
        ONCE.call_once(|| {
            std::panic::set_hook(Box::new(|panic| {
                let message = panic.payload_as_str().unwrap_or("a value that is no text");
                match panic.location() {
                    Some(at) => {
                        request::report_panic(&format!("{message} at {}:{}", at.file(), at.line()))
                    }
                    None => request::report_panic(message),
                }
            }));
        });
    }
}
