//! Functions that no client could call as they are.

use fusebox_sdk::prelude::*;

/// Echoes.
#[tool]
fn generic<T: ToString>(value: T) -> String {
    value.to_string()
}

/// Echoes.
#[tool]
fn any(value: impl ToString) -> String {
    value.to_string()
}

/// Adds.
#[tool]
fn pattern((a, b): (f64, f64)) -> f64 {
    a + b
}

/// Counts.
#[tool]
fn opaque() -> impl Iterator<Item = u8> {
    0..3_u8
}

/// Dares.
#[tool]
unsafe fn dangerous() {}

/// A constant.
#[tool]
const ANSWER: u8 = 42;

fn main() {}
