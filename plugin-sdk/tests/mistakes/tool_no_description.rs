//! A tool that doesn't say what it does.

use fusebox_sdk::prelude::*;

#[tool]
fn add(a: f64, b: f64) -> f64 {
    a + b
}

fusebox_sdk::plugin! { tools: [add] }

fn main() {}
