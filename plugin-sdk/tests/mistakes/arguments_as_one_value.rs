//! Mistakes of tools that take their arguments as one value.

use fusebox_sdk::prelude::*;

const SCHEMA: &str = r#"{"type": "object"}"#;

struct Everything;

/// Takes it.
#[tool(input_schema = SCHEMA)]
fn unreadable(all: Everything) {
    let _ = all;
}

/// Takes them.
#[tool(input_schema = SCHEMA)]
fn two(a: f64, b: f64) -> f64 {
    a + b
}

fusebox_sdk::plugin! { tools: [unreadable, two] }

fn main() {}
