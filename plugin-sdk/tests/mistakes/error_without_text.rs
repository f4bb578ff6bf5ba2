//! Errors that nobody could be told, in a handler of each kind.

use fusebox_sdk::prelude::*;

#[derive(Debug)]
struct Broken;

/// Breaks.
#[tool]
fn broken_tool() -> Result<String, Broken> {
    Err(Broken)
}

#[resource(uri = "broken://it")]
fn broken_resource() -> Result<String, Broken> {
    Err(Broken)
}

#[prompt]
fn broken_prompt() -> Result<String, Broken> {
    Err(Broken)
}

#[completion(prompt = "broken_prompt", argument = "a")]
fn broken_completion(_value: &str) -> Result<Vec<String>, Broken> {
    Err(Broken)
}

fn main() {}
