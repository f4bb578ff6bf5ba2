//! An argument of a tool of a type without a schema.

use fusebox_sdk::prelude::*;

#[derive(Deserialize)]
struct Point {
    x: f64,
}

/// How far it is.
#[tool]
fn far(points: Vec<Point>) -> f64 {
    points[0].x
}

fusebox_sdk::plugin! { tools: [far] }

fn main() {}
