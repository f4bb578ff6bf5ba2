//! Arguments of a tool of types that JSON isn't read into.

use fusebox_sdk::prelude::*;

struct Point {
    x: f64,
}

/// How far it is.
#[tool]
fn far(point: Point) -> f64 {
    point.x
}

/// How far it is, if it is anywhere.
#[tool]
fn perhaps_far(point: Option<Point>) -> f64 {
    point.map_or(0.0, |point| point.x)
}

fusebox_sdk::plugin! { tools: [far, perhaps_far] }

fn main() {}
