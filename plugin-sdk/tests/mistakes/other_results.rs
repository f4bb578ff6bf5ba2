//! Results that a resource, a prompt or a completion can't have.

use fusebox_sdk::prelude::*;

#[resource(uri = "number://one")]
fn one() -> u8 {
    1
}

#[prompt]
fn count() -> u8 {
    1
}

#[completion(prompt = "count", argument = "n")]
fn numbers(_value: &str) -> Vec<u8> {
    vec![1]
}

fusebox_sdk::plugin! { resources: [one], prompts: [count], completions: [numbers] }

fn main() {}
