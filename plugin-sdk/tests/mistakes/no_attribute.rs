//! A function in a list that has no attribute.

fn add(a: f64, b: f64) -> f64 {
    a + b
}

fusebox_sdk::plugin! { tools: [add] }

fn main() {}
