//! Results that a tool can't have.

use fusebox_sdk::prelude::*;

struct Point {
    x: f64,
}

/// Where it is.
#[tool]
fn origin() -> Point {
    Point { x: 0.0 }
}

/// Where it is, if it is known.
#[tool]
fn found() -> Result<Point, HandlerError> {
    Err(HandlerError::not_found("nowhere"))
}

fusebox_sdk::plugin! { tools: [origin, found] }

fn main() {}
