//! A default of a type that JSON can't show.

use fusebox_sdk::prelude::*;

#[derive(Deserialize, JsonSchema, Default)]
enum Unit {
    #[default]
    Celsius,
}

/// How warm it is.
#[tool]
fn warmth(#[arg(default)] unit: Unit) -> String {
    let _ = unit;
    String::new()
}

fusebox_sdk::plugin! { tools: [warmth] }

fn main() {}
