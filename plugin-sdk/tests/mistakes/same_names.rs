//! Handlers that have one name.

use fusebox_sdk::prelude::*;

/// Adds.
#[tool]
fn add(a: f64, b: f64) -> f64 {
    a + b
}

/// Adds more.
#[tool(name = "add")]
fn add_all(numbers: Vec<f64>) -> f64 {
    numbers.iter().sum()
}

#[resource(uri = "notes://today")]
fn today() -> &'static str {
    "sunny"
}

fusebox_sdk::plugin! { tools: [add, add_all], resources: [today, today] }

fn main() {}
