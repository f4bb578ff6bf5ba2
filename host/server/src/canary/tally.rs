//! What became of the calls of one version while another is compared with it.
//!
//! It owns the counters: raised by calls without a lock, read at each look. It
//! decides nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus::core::Metric as _;
use prometheus::{Histogram, HistogramOpts, exponential_buckets};

use super::compare::Sample;

/// The shortest time that is told from shorter ones, in milliseconds.
const FIRST_MS: f64 = 0.01;

/// Each bound is so many times the one before it.
const FACTOR: f64 = std::f64::consts::SQRT_2;

/// Up to more than ten minutes.
const BOUNDS: usize = 53;

/// The calls of one version.
#[derive(Debug)]
pub(super) struct Tally {
    calls: AtomicU64,
    faults: AtomicU64,
    times: Histogram,
}

/// The bounds of the times, in milliseconds.
pub(super) fn bounds_ms() -> Vec<f64> {
    exponential_buckets(FIRST_MS, FACTOR, BOUNDS).unwrap_or_default()
}

impl Tally {
    /// None if there is no such histogram, which a test of its fixed settings denies.
    pub(super) fn new() -> Option<Self> {
        let options = HistogramOpts::new("handler_ms", "time in the handler");
        Some(Self {
            calls: AtomicU64::new(0),
            faults: AtomicU64::new(0),
            times: Histogram::with_opts(options.buckets(bounds_ms())).ok()?,
        })
    }

    /// Counts a call that was judged.
    pub(super) fn count(&self, took: Duration, is_fault: bool) {
        self.times.observe(took.as_secs_f64() * 1000.0);
        self.faults
            .fetch_add(u64::from(is_fault), Ordering::Relaxed);
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// All so far. A call that is being counted meanwhile may be missing in a part.
    pub(super) fn sample(&self) -> Sample {
        let metric = self.times.metric();
        let buckets = metric.get_histogram().get_bucket();
        let calls = self.calls.load(Ordering::Relaxed);
        Sample {
            calls,
            faults: self.faults.load(Ordering::Relaxed).min(calls),
            within: buckets.iter().map(|one| one.cumulative_count()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_what_they_took() {
        let tally = Tally::new().unwrap();
        tally.count(Duration::from_micros(5), false);
        tally.count(Duration::from_millis(3), true);
        tally.count(Duration::from_secs(3600), false);
        let sample = tally.sample();
        assert_eq!((sample.calls, sample.faults), (3, 1));
        let bounds = bounds_ms();
        assert_eq!(sample.within.len(), bounds.len());
        let within = |ms: f64| {
            let place = bounds.iter().position(|bound| *bound >= ms).unwrap();
            sample.within[place]
        };
        assert_eq!((within(0.01), within(2.0), within(4.0)), (1, 1, 2));
        assert_eq!(sample.within.last(), Some(&2), "an hour is beyond all");
        assert!(bounds.last() > Some(&600_000.0), "{bounds:?}");
    }
}
