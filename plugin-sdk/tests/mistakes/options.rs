//! Options of the attributes that aren't there, stand twice or have another form.

use fusebox_sdk::prelude::*;

/// Adds.
#[tool(titel = "Add")]
fn unknown(a: f64) -> f64 {
    a
}

/// Adds.
#[tool(title = "Add", title = "Sum")]
fn twice(a: f64) -> f64 {
    a
}

/// Adds.
#[tool(read_only = "yes")]
fn no_boolean(a: f64) -> f64 {
    a
}

/// Adds.
#[tool(cache)]
fn no_time(a: f64) -> f64 {
    a
}

/// Adds.
#[tool(name = "add numbers")]
fn bad_name(a: f64) -> f64 {
    a
}

/// Adds.
#[tool]
fn of_an_argument(#[arg(optional)] a: f64) -> f64 {
    a
}

/// Adds.
#[tool]
fn never_none(#[arg(default = 1.0)] a: Option<f64>) -> f64 {
    a.unwrap_or_default()
}

#[prompt(read_only)]
fn no_hint(code: String) -> String {
    code
}

#[resource(url = "notes://today")]
fn no_url() -> String {
    String::new()
}

#[completion(tool = "add", argument = "a")]
fn no_tool(value: &str) -> Vec<String> {
    vec![value.to_owned()]
}

fn main() {}
