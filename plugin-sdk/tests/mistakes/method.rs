//! A handler that is a method.

use fusebox_sdk::prelude::*;

struct Counter {
    count: u64,
}

impl Counter {
    /// Counts.
    #[tool]
    fn count(&self) -> u64 {
        self.count
    }
}

fn main() {}
