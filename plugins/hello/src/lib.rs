//! The smallest useful plugin: two tools, each a function.
use fusebox_sdk::prelude::*;

/// Adds two numbers.
#[tool(read_only, cache(ttl_ms = 60_000, shared))]
fn add(a: f64, b: f64) -> f64 {
    a + b
}

/// Greets someone.
#[tool(read_only)]
fn hello(
    /// whom to greet
    name: String,
) -> String {
    format!("Hello, {name}!")
}

fusebox_sdk::plugin! { tools: [add, hello] }
