//! Counters with a label of which all values are known from the start.
//!
//! It owns these counters and their names. It never decides what is counted.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::auth::Denied;

/// One counter for each value of a label.
#[derive(Debug)]
pub(crate) struct Counts<const N: usize> {
    names: [&'static str; N],
    counts: [AtomicU64; N],
}

impl<const N: usize> Counts<N> {
    const fn new(names: [&'static str; N]) -> Self {
        Self {
            names,
            counts: [const { AtomicU64::new(0) }; N],
        }
    }

    fn add(&self, place: usize) {
        self.counts[place].fetch_add(1, Ordering::Relaxed);
    }

    /// Each with its name.
    pub(super) fn read(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.counts.iter();
        let counts = counts.map(|count| count.load(Ordering::Relaxed));
        self.names.into_iter().zip(counts)
    }
}

/// What refuses a call or a request beside admission, which counts its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refusal {
    /// the handler's breaker
    BreakerOpen,
    /// arguments that don't fit the tool's schema
    InvalidArguments,
    /// every instance slot is in use
    NoInstance,
    /// the host stops
    Stopping,
}

/// Refusals by what refuses.
#[derive(Debug)]
pub(crate) struct Refusals(Counts<4>);

impl Default for Refusals {
    fn default() -> Self {
        Self(Counts::new([
            "breaker_open",
            "invalid_arguments",
            "no_instance",
            "stopping",
        ]))
    }
}

impl Refusals {
    pub(crate) fn add(&self, refusal: Refusal) {
        self.0.add(refusal as usize);
    }

    pub(super) fn read(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.read()
    }
}

/// What became of a file of a plugin.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Load {
    /// it serves, and nothing did before
    New,
    /// it took the place of another version
    Swap,
    /// it can't be used
    Failed,
    /// it is gone
    Removed,
    /// it gets a share of the calls beside another version
    Canary,
    /// it was worse than the version before it, or the operator said so
    RolledBack,
}

/// Loads by what became of them.
#[derive(Debug)]
pub(crate) struct Loads(Counts<6>);

impl Default for Loads {
    fn default() -> Self {
        Self(Counts::new([
            "new",
            "swap",
            "failed",
            "removed",
            "canary",
            "rolled_back",
        ]))
    }
}

impl Loads {
    pub(crate) fn add(&self, load: Load) {
        self.0.add(load as usize);
    }

    pub(super) fn read(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.read()
    }
}

/// Who wasn't let in, by why not.
#[derive(Debug)]
pub(crate) struct Denials(Counts<11>);

const DENIALS: [&str; 11] = [
    "missing",
    "unknown",
    "expired",
    "malformed",
    "revoked",
    "token",
    "scope",
    "unverified",
    "unnamed",
    "no_role",
    "entry",
];

fn place(denied: &Denied) -> usize {
    match denied {
        Denied::Missing => 0,
        Denied::Unknown => 1,
        Denied::Expired(_) => 2,
        Denied::Malformed => 3,
        Denied::Revoked => 4,
        Denied::Token(_) => 5,
        Denied::Scope(_) => 6,
        Denied::Unverified(_) => 7,
        Denied::Unnamed => 8,
        Denied::NoRole(_) => 9,
        Denied::Entry(_) => 10,
    }
}

/// What the figures call it.
pub(crate) fn denial(denied: &Denied) -> &'static str {
    DENIALS[place(denied)]
}

impl Default for Denials {
    fn default() -> Self {
        Self(Counts::new(DENIALS))
    }
}

impl Denials {
    pub(crate) fn add(&self, denied: &Denied) {
        self.0.add(place(denied));
    }

    pub(super) fn read(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_under_its_name() {
        let denials = Denials::default();
        denials.add(&Denied::Missing);
        denials.add(&Denied::Entry("guests".to_owned()));
        denials.add(&Denied::Entry("guests".to_owned()));
        let counted: Vec<_> = denials.read().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("missing", 1), ("entry", 2)]);
        let refusals = Refusals::default();
        refusals.add(Refusal::Stopping);
        assert_eq!(refusals.read().last(), Some(("stopping", 1)));
        let loads = Loads::default();
        loads.add(Load::Swap);
        assert_eq!(loads.read().nth(1), Some(("swap", 1)));
    }
}
