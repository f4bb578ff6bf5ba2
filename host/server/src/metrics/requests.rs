//! How long whole requests take, by what they ask and whether they succeed.
//!
//! It owns these histograms. It reads no clock.

use std::time::Duration;

use super::times::{Spread, Times};
use crate::call::Target;

/// What is asked, in the order of [`place`].
const METHODS: [&str; 4] = [
    "tools/call",
    "resources/read",
    "prompts/get",
    "completion/complete",
];

/// How requests took.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    good: [Times; METHODS.len()],
    bad: [Times; METHODS.len()],
}

impl Requests {
    /// A request was answered after so long, with an error or without.
    pub(crate) fn answered(&self, target: &Target, took: Duration, is_error: bool) {
        let times = if is_error { &self.bad } else { &self.good };
        times[place(target)].observe(took);
    }

    /// How long they took, whatever was asked and whatever came of it.
    pub(crate) fn all(&self) -> Spread {
        let mut sum = Spread::default();
        for times in self.good.iter().chain(&self.bad) {
            sum.add(&times.read());
        }
        sum
    }

    /// How long they took, by method and outcome.
    pub(super) fn read(&self) -> impl Iterator<Item = (&'static str, &'static str, Spread)> {
        [("ok", &self.good), ("error", &self.bad)]
            .into_iter()
            .flat_map(|(outcome, times)| {
                let each = METHODS.into_iter().zip(times);
                each.map(move |(method, times)| (method, outcome, times.read()))
            })
    }
}

fn place(target: &Target) -> usize {
    match target {
        Target::Tool { .. } => 0,
        Target::Resource { .. } => 1,
        Target::Prompt { .. } => 2,
        Target::Completion { .. } => 3,
    }
}

#[cfg(test)]
mod tests {
    use bytestring::ByteString;

    use super::*;

    #[test]
    fn a_request_counts_for_its_method_and_outcome() {
        let requests = Requests::default();
        let target = Target::Resource {
            uri: ByteString::from_static("a:b"),
        };
        requests.answered(&target, Duration::from_secs(1), true);
        let counted: Vec<_> = requests
            .read()
            .filter(|(.., spread)| *spread != Spread::default())
            .map(|(method, outcome, _)| (method, outcome))
            .collect();
        assert_eq!(counted, [("resources/read", "error")]);
    }
}
