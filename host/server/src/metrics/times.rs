//! Histograms of durations, each in a few copies over which threads are spread.
//!
//! It owns the bounds of the buckets and adds the copies up. It reads no clock, and
//! never knows what took so long.

use std::time::Duration;

use prometheus::core::Metric as _;
use prometheus::proto;
use prometheus::{Histogram, HistogramOpts};

use crate::thread_number::thread_number;

/// Upper bounds, in seconds. A call of a small tool takes tens of microseconds, and
/// one may take `limits.deadline_ms`, 30 s unless it is raised. In between, three
/// bounds for each power of ten tell a change by half. The targets of latency (1, 50,
/// 100 and 500 ms) are bounds themselves, so that what met them is counted and not
/// guessed.
pub(super) const BUCKETS: [f64; 21] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

/// Copies of one histogram at most.
const SHARDS_MAX: usize = 8;

/// A copy for each core, so that cores don't take one cache line from each other.
pub(super) fn shards() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(SHARDS_MAX))
}

/// How long something takes, time after time.
#[derive(Debug)]
pub(crate) struct Times(Box<[Histogram]>);

/// [`Times`] at one moment, or the sum of several.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Spread {
    /// how many took no longer than each bound
    within: [u64; BUCKETS.len()],
    count: u64,
    seconds: f64,
}

impl Default for Times {
    fn default() -> Self {
        let copy = |_| {
            // The name is that of the family into which the copies are summed.
            let options = HistogramOpts::new("seconds", "seconds").buckets(BUCKETS.to_vec());
            Histogram::with_opts(options).expect("a test makes one of these bounds")
        };
        Self((0..shards()).map(copy).collect())
    }
}

impl Times {
    /// Takes in how long it took once.
    pub(crate) fn observe(&self, took: Duration) {
        let copy = &self.0[thread_number() % self.0.len()];
        copy.observe(took.as_secs_f64());
    }

    /// All that was observed.
    pub(crate) fn read(&self) -> Spread {
        let mut sum = Spread::default();
        for copy in &self.0 {
            sum.take(copy.metric().get_histogram());
        }
        sum
    }
}

impl Spread {
    /// With what another one has.
    pub(super) fn add(&mut self, other: &Self) {
        for (sum, more) in self.within.iter_mut().zip(other.within) {
            *sum += more;
        }
        self.count += other.count;
        self.seconds += other.seconds;
    }

    /// With so many that took no time.
    pub(super) fn add_at_once(&mut self, count: u64) {
        self.within.iter_mut().for_each(|sum| *sum += count);
        self.count += count;
    }

    /// What came after `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let mut new = self.clone();
        for (count, before) in new.within.iter_mut().zip(earlier.within) {
            *count = count.saturating_sub(before);
        }
        new.count = new.count.saturating_sub(earlier.count);
        new.seconds -= earlier.seconds;
        new
    }

    /// The seconds that this share of them took no longer than, as `histogram_quantile`
    /// of Prometheus has it: evenly spread within a bucket. None if there are none.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let rank = share * self.count as f64;
        let reached = |within: &u64| *within as f64 >= rank;
        let Some(at) = self.within.iter().position(reached) else {
            // Longer than any bound.
            return BUCKETS.last().copied();
        };
        let (low, before) = match at.checked_sub(1) {
            Some(below) => (BUCKETS[below], self.within[below]),
            None => (0.0, 0),
        };
        let inside = (self.within[at] - before) as f64;
        let part = if inside > 0.0 {
            (rank - before as f64) / inside
        } else {
            0.0
        };
        (self.count > 0).then(|| low + (BUCKETS[at] - low) * part)
    }

    /// As it is encoded.
    pub(super) fn to_proto(&self) -> proto::Histogram {
        let bucket = |(bound, within): (f64, u64)| {
            let mut bucket = proto::Bucket::default();
            bucket.set_upper_bound(bound);
            bucket.set_cumulative_count(within);
            bucket
        };
        let mut histogram = proto::Histogram::default();
        histogram.set_bucket(BUCKETS.into_iter().zip(self.within).map(bucket).collect());
        histogram.set_sample_count(self.count);
        histogram.set_sample_sum(self.seconds);
        histogram
    }

    fn take(&mut self, histogram: &proto::Histogram) {
        let buckets = histogram.get_bucket().iter();
        for (sum, bucket) in self.within.iter_mut().zip(buckets) {
            *sum += bucket.cumulative_count();
        }
        self.count += histogram.get_sample_count();
        self.seconds += histogram.get_sample_sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_lies_in_the_bucket_that_reaches_it() {
        let times = Times::default();
        assert_eq!(times.read().quantile(0.5), None);
        times.observe(Duration::from_secs(61));
        assert_eq!(
            times.read().quantile(0.5),
            Some(60.0),
            "longer than any bound"
        );
        let before = times.read();
        for _ in 0..90 {
            times.observe(Duration::from_micros(700));
        }
        for _ in 0..10 {
            times.observe(Duration::from_millis(40));
        }
        let new = times.read().since(&before);
        let half = new.quantile(0.5).unwrap();
        assert!((0.000_5..0.001).contains(&half), "{half}");
        let most = new.quantile(0.9).unwrap();
        assert!((most - 0.001).abs() < 1e-9, "{most}");
        let slowest = new.quantile(0.99).unwrap();
        assert!((0.025..0.05).contains(&slowest), "{slowest}");
    }

    #[test]
    fn what_threads_observe_is_summed_up() {
        let times = Times::default();
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    times.observe(Duration::from_micros(10));
                    times.observe(Duration::from_millis(75));
                    times.observe(Duration::from_secs(61));
                });
            }
        });
        let mut sum = times.read();
        assert_eq!(sum.within[0], 20);
        assert_eq!(sum.within[11], 20, "within 50 ms");
        assert_eq!(sum.within[12], 40, "within 100 ms");
        assert_eq!((sum.within[20], sum.count), (40, 60));
        assert!((sum.seconds - 20.0 * 61.075_01).abs() < 1e-6, "{sum:?}");
        assert_eq!(times.read(), sum, "to read changes nothing");
        let same = sum.clone();
        sum.add(&same);
        sum.add_at_once(3);
        assert_eq!(
            (sum.within[0], sum.within[20], sum.count),
            (43, 83, 123),
            "{sum:?}"
        );
    }
}
