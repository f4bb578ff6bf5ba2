//! Handlers in the list of another kind.

use fusebox_sdk::prelude::*;

/// Adds.
#[tool]
fn add(a: f64, b: f64) -> f64 {
    a + b
}

#[prompt]
fn review(code: String) -> String {
    code
}

fusebox_sdk::plugin! { tools: [review], prompts: [add] }

fn main() {}
