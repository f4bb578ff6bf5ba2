//! A part that runs on a thread of somebody else's, such as a library's: whoever contains
//! its failures there says that it has begun anew.
//!
//! It owns that this is known and told as of every part. It never starts anything.

use std::sync::Arc;
use std::time::Duration;

use super::{Part, Parts, told};

/// One such part.
#[derive(Clone, Debug)]
pub(crate) struct Elsewhere {
    parts: Arc<Parts>,
    part: Arc<Part>,
}

impl Parts {
    /// A part of this name, which runs elsewhere.
    pub(crate) fn elsewhere(self: &Arc<Self>, name: &str) -> Elsewhere {
        Elsewhere {
            parts: self.clone(),
            // Nobody hears of its pulse.
            part: self.enter(name.to_owned(), Duration::MAX),
        }
    }
}

impl Elsewhere {
    /// It panicked with these words, and goes on from the beginning.
    pub(crate) fn began_anew(&self, words: &str) {
        self.parts.contained();
        let reason = format!("it panicked: {words}");
        told(&self.part, reason, Duration::ZERO);
        self.part.set(super::State::Running);
    }
}
