//! What was counted and how long it took.
//!
//! It owns the histograms and their sums. It never decides what is right.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use hdrhistogram::Histogram;

/// The longest time that a histogram holds, in nanoseconds: ten minutes.
const LONGEST: u64 = 600_000_000_000;

/// Error messages that are kept; the others are counted.
const ERRORS_KEPT: usize = 5;

/// A histogram of nanoseconds, exact to three digits.
#[derive(Clone, Debug)]
pub(super) struct Times(Histogram<u64>);

impl Times {
    fn new() -> Self {
        // Constant bounds that fit: this can't fail.
        let histogram = Histogram::new_with_bounds(1, LONGEST, 3).expect("valid bounds");
        Self(histogram)
    }

    pub(super) fn record(&mut self, nanoseconds: u64) {
        self.0.saturating_record(nanoseconds.max(1));
    }

    pub(super) fn histogram(&self) -> &Histogram<u64> {
        &self.0
    }

    fn add(&mut self, other: &Self) {
        // Both have the same bounds.
        let _ = self.0.add(&other.0);
    }
}

/// Connections that are not ordinary callers: slow readers, bombers, attackers.
#[derive(Clone, Debug, Default)]
pub(super) struct Others {
    pub(super) right: u64,
    pub(super) refused: BTreeMap<String, u64>,
    /// connections that the server ended
    pub(super) disconnected: u64,
}

/// All that one thread saw.
#[derive(Clone, Debug)]
pub(super) struct Stats {
    /// right answers to callers within the time that is measured
    pub(super) right: u64,
    /// right answers to callers, at any time
    pub(super) right_ever: u64,
    /// from the moment that a request was due and handed to its connection
    pub(super) latency: Times,
    /// by how much this program was late in handing it over
    pub(super) late: Times,
    /// from the moment that it was sent
    pub(super) service: Times,
    pub(super) refused: BTreeMap<String, u64>,
    pub(super) others: Others,
    /// requests whose answer never came
    pub(super) missing: u64,
    /// requests that could not even be sent in time
    pub(super) given_up: u64,
    pub(super) notifications: u64,
    pub(super) errors: u64,
    pub(super) error_messages: Vec<String>,
    /// bytes that came in within the time that is measured
    pub(super) bytes_in: u64,
    /// reads that brought them
    pub(super) reads: u64,
}

impl Stats {
    pub(super) fn new() -> Self {
        Self {
            right: 0,
            right_ever: 0,
            latency: Times::new(),
            late: Times::new(),
            service: Times::new(),
            refused: BTreeMap::new(),
            others: Others::default(),
            missing: 0,
            given_up: 0,
            notifications: 0,
            errors: 0,
            error_messages: Vec::new(),
            bytes_in: 0,
            reads: 0,
        }
    }

    pub(super) fn error(&mut self, message: impl FnOnce() -> String) {
        self.errors += 1;
        if self.error_messages.len() < ERRORS_KEPT {
            self.error_messages.push(message());
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.right += other.right;
        self.right_ever += other.right_ever;
        self.latency.add(&other.latency);
        self.late.add(&other.late);
        self.service.add(&other.service);
        merge(&mut self.refused, &other.refused);
        self.others.right += other.others.right;
        merge(&mut self.others.refused, &other.others.refused);
        self.others.disconnected += other.others.disconnected;
        self.missing += other.missing;
        self.given_up += other.given_up;
        self.notifications += other.notifications;
        self.errors += other.errors;
        let room = ERRORS_KEPT.saturating_sub(self.error_messages.len());
        let messages = other.error_messages.iter().take(room).cloned();
        self.error_messages.extend(messages);
        self.bytes_in += other.bytes_in;
        self.reads += other.reads;
    }
}

fn merge(into: &mut BTreeMap<String, u64>, from: &BTreeMap<String, u64>) {
    for (reason, count) in from {
        *into.entry(reason.clone()).or_default() += count;
    }
}

/// Counts one more of a reason, without a new text for one that is known.
pub(super) fn count(reasons: &mut BTreeMap<String, u64>, reason: &str) {
    match reasons.get_mut(reason) {
        Some(count) => *count += 1,
        None => {
            reasons.insert(reason.to_owned(), 1);
        }
    }
}

/// What the progress line shows, while it runs.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) right: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) open: AtomicU64,
}

impl Progress {
    pub(super) fn add(counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Ordering::Relaxed);
    }
}
