//! Arguments that are borrowed, where a handler owns them.

use fusebox_sdk::prelude::*;

/// Greets.
#[tool]
fn greet(name: &str) -> String {
    format!("Hello, {name}!")
}

#[resource(uri_template = "notes://{id}")]
fn note(id: &str) -> String {
    id.to_owned()
}

#[prompt]
fn review(code: &str) -> String {
    code.to_owned()
}

fusebox_sdk::plugin! { tools: [greet], resources: [note], prompts: [review] }

fn main() {}
