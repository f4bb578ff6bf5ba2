//! Completions that don't say what they complete, or take something else.

use fusebox_sdk::prelude::*;

#[completion(prompt = "review")]
fn of_nothing(value: &str) -> Vec<String> {
    vec![value.to_owned()]
}

#[completion(argument = "code")]
fn of_nobody(value: &str) -> Vec<String> {
    vec![value.to_owned()]
}

#[completion(prompt = "review", argument = "code")]
fn of_no_value(known: &Known) -> Vec<String> {
    let _ = known;
    Vec::new()
}

#[completion(prompt = "review", argument = "code")]
fn of_two_values(value: &str, before: &str) -> Vec<String> {
    vec![value.to_owned(), before.to_owned()]
}

fn main() {}
