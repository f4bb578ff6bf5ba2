//! From the contract's functions to the handlers of a plugin. The code here is
//! the same for every plugin: what differs is in the tables that macros make.

mod completions;
mod prompts;
mod resources;
mod tools;

use std::sync::Once;

pub use completions::{Completer, CompleterDefinition, Reference, complete};
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

/// Stops the compilation if two handlers of one kind go by the same name.
pub const fn assert_distinct(names: &[[&str; 2]]) {
    let mut i = 0;
    while i < names.len() {
        let mut j = i + 1;
        while j < names.len() {
            assert!(
                !(equal(names[i][0], names[j][0]) && equal(names[i][1], names[j][1])),
                "two handlers of this plugin have the same name or address"
            );
            j += 1;
        }
        i += 1;
    }
}

const fn equal(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}
