//! How long calls take lately, as a moving mean.
//!
//! It owns one number. It never reads a clock.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// The weight of the newest call: one part in so many.
const WEIGHT: u64 = 8;

/// Calls after which the mean says something.
const SAMPLES_MIN: u32 = 8;

/// The pace of one plugin. Calls that end at the same moment may lose each other's
/// contribution: it is an estimate, and costs no lock.
#[derive(Debug, Default)]
pub(super) struct Pace {
    mean_nanos: AtomicU64,
    samples: AtomicU32,
}

impl Pace {
    /// Takes in a call that has ended.
    pub(super) fn observe(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let mean = self.mean_nanos.load(Ordering::Relaxed);
        let samples = self.samples.load(Ordering::Relaxed);
        let next = match samples {
            0 => took,
            _ => mean - mean / WEIGHT + took / WEIGHT,
        };
        self.mean_nanos.store(next, Ordering::Relaxed);
        if samples < SAMPLES_MIN {
            self.samples.store(samples + 1, Ordering::Relaxed);
        }
    }

    /// The mean; none until it says something.
    pub(super) fn mean(&self) -> Option<Duration> {
        let known = self.samples.load(Ordering::Relaxed) >= SAMPLES_MIN;
        known.then(|| Duration::from_nanos(self.mean_nanos.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_nothing_at_first_and_follows_later() {
        let pace = Pace::default();
        for _ in 0..7 {
            pace.observe(Duration::from_millis(80));
            assert_eq!(pace.mean(), None);
        }
        pace.observe(Duration::from_millis(80));
        assert_eq!(pace.mean(), Some(Duration::from_millis(80)));
        pace.observe(Duration::from_millis(160));
        assert_eq!(pace.mean(), Some(Duration::from_millis(90)));
        for _ in 0..100 {
            pace.observe(Duration::ZERO);
        }
        assert!(pace.mean().unwrap() < Duration::from_millis(1));
    }
}
