//! Templates of addresses whose variables aren't the parameters.

use fusebox_sdk::prelude::*;

#[resource(uri_template = "notes://{id}")]
fn other_name(name: String) -> String {
    name
}

#[resource(uri_template = "notes://{folder}/{id}")]
fn one_of_two(id: u64) -> String {
    id.to_string()
}

#[resource(uri = "notes://{id}")]
fn no_template(id: u64) -> String {
    id.to_string()
}

#[resource(uri = "notes://today")]
fn no_variable(id: u64) -> String {
    id.to_string()
}

#[resource(uri_template = "notes://{?id}")]
fn operator(id: u64) -> String {
    id.to_string()
}

#[resource(uri_template = "notes://{id}")]
fn always_there(id: Option<u64>) -> String {
    format!("{id:?}")
}

#[resource(uri = "today")]
fn no_scheme() -> String {
    String::new()
}

#[resource]
fn nowhere() -> String {
    String::new()
}

fn main() {}
