//! What the calls of one version of a plugin take: time, fuel, memory.
//!
//! It owns these figures only: reads no clock, takes no lock and is shared by no
//! other version.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use fusebox_engine::Usage;

use super::times::{self, Spread, Times};
use crate::thread_number::thread_number;

/// The figures of one version of a plugin.
#[derive(Debug)]
pub struct VersionMeter {
    waits: Times,
    runs: Times,
    shards: Box<[Shard]>,
    /// of one instance; read by every call and hardly ever written
    memory_max_bytes: AtomicUsize,
}

/// Two cache lines, because processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    at_once: AtomicU64,
    fuel: AtomicU64,
}

/// [`VersionMeter`] at one moment, or the sum of those of several versions.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct VersionTotals {
    /// how long calls waited for their place
    pub(super) waits: Spread,
    /// how long calls were in their handler
    pub(super) runs: Spread,
    /// units that they used
    pub(super) fuel: u64,
}

impl Default for VersionMeter {
    fn default() -> Self {
        Self {
            waits: Times::default(),
            runs: Times::default(),
            shards: (0..times::shards()).map(|_| Shard::default()).collect(),
            memory_max_bytes: AtomicUsize::new(0),
        }
    }
}

impl VersionMeter {
    /// A call got its place after so long; most get it at once.
    pub fn admitted(&self, waited: Duration) {
        if waited.is_zero() {
            self.shard().at_once.fetch_add(1, Ordering::Relaxed);
        } else {
            self.waits.observe(waited);
        }
    }

    /// A call has ended, well or not.
    pub fn ran(&self, usage: &Usage) {
        self.runs.observe(usage.elapsed);
        self.shard().fuel.fetch_add(usage.fuel, Ordering::Relaxed);
        if usage.memory_bytes > self.memory_max_bytes.load(Ordering::Relaxed) {
            self.memory_max_bytes
                .fetch_max(usage.memory_bytes, Ordering::Relaxed);
        }
    }

    /// Units that its calls have used.
    pub fn fuel(&self) -> u64 {
        let counts = self.shards.iter();
        counts.map(|shard| shard.fuel.load(Ordering::Relaxed)).sum()
    }

    /// The most memory that an instance had at the end of its call.
    pub(super) fn memory_max_bytes(&self) -> usize {
        self.memory_max_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn totals(&self) -> VersionTotals {
        let at_once = self.shards.iter();
        let at_once = at_once.map(|shard| shard.at_once.load(Ordering::Relaxed));
        let mut waits = self.waits.read();
        waits.add_at_once(at_once.sum());
        VersionTotals {
            waits,
            runs: self.runs.read(),
            fuel: self.fuel(),
        }
    }

    fn shard(&self) -> &Shard {
        &self.shards[thread_number() % self.shards.len()]
    }
}

impl VersionTotals {
    pub(super) fn add(&mut self, other: &Self) {
        self.waits.add(&other.waits);
        self.runs.add(&other.runs);
        self.fuel += other.fuel;
    }
}
