//! Completions: by what is typed, by what was chosen before, and of a variable
//! in a URI.

use fusebox_sdk::prelude::*;

/// Proposals that begin with what is typed.
fn beginning<'a>(value: &str, all: &[&'a str]) -> Vec<&'a str> {
    let all = all.iter().copied();
    all.filter(|proposal| proposal.starts_with(value)).collect()
}

#[completion(prompt = "test_prompt_with_arguments", argument = "arg1")]
pub(crate) fn arg1(value: &str) -> Vec<String> {
    // More than a client may be told of at once.
    if value == "many" {
        return (0..150).map(|number| format!("many-{number}")).collect();
    }
    let known = beginning(value, &["paris", "park", "party"]);
    known.into_iter().map(str::to_owned).collect()
}

#[completion(prompt = "test_prompt_with_arguments", argument = "arg2")]
pub(crate) fn arg2(value: &str, known: &Known) -> Vec<&'static str> {
    match known.get("arg1") {
        Some("paris") => beginning(value, &["berlin", "rome"]),
        _ => beginning(value, &["bench", "river"]),
    }
}

#[completion(resource = "test://template/{id}/data", argument = "id")]
pub(crate) fn id(value: &str) -> Vec<&'static str> {
    beginning(value, &["1", "2", "3"])
}
