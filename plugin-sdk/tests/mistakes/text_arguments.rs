//! Arguments that come as text, of types that aren't read from text.

use fusebox_sdk::prelude::*;

struct Language;

#[prompt]
fn review(code: String, language: Language) -> String {
    let _ = language;
    code
}

#[resource(uri_template = "code://{language}")]
fn code(language: Language) -> String {
    let _ = language;
    String::new()
}

#[prompt]
fn lists(words: Vec<String>) -> String {
    words.join(" ")
}

fusebox_sdk::plugin! { resources: [code], prompts: [review, lists] }

fn main() {}
