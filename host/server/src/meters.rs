//! Live figures of the host for `/health`: gauges, totals and the last seconds.
//! Owns counters only: reads no clock (`now` is an argument), takes no lock on
//! the path of a message, and decides nothing.

use std::array;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;

use crate::config::Scheme;
use crate::thread_number::thread_number;

/// Seconds over which the throughput is taken.
const THROUGHPUT_SECONDS: usize = 10;
/// Seconds over which errors are counted.
const ERROR_SECONDS: usize = 60;
/// Copies of the counters that every message raises. Threads are spread over
/// them, so that cores don't take one cache line from each other.
const SHARDS: usize = 8;

/// The figures of one host, shared by all of its tasks.
#[derive(Debug)]
pub struct Meters {
    start: Instant,
    /// by what is spoken over them
    connections: [Gauge; Scheme::ALL.len()],
    connections_total: AtomicU64,
    connections_refused: AtomicU64,
    accepts_failed: AtomicU64,
    slow_readers: AtomicU64,
    sessions: Gauge,
    quic_connections: Gauge,
    quic_streams: Gauge,
    queue: Gauge,
    errors_total: AtomicU64,
    errors: SecondRing<ERROR_SECONDS>,
    shards: [Shard; SHARDS],
}

/// Two cache lines, because processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    requests_total: AtomicU64,
    messages_total: AtomicU64,
    messages: SecondRing<THROUGHPUT_SECONDS>,
}

/// The figures at one moment. The names are those of erlmcp's `/health`, as far
/// as it has them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeterSnapshot {
    /// Whole seconds since the start.
    pub uptime_seconds: u64,
    /// Connections open now.
    pub connections: u64,
    /// Connections since the start.
    pub connections_total: u64,
    /// Connections that there was no room for.
    pub connections_refused: u64,
    /// Connections that the system gave no file for.
    pub accepts_failed: u64,
    /// Connections that were ended because they didn't read.
    pub slow_readers: u64,
    /// Sessions alive now.
    pub sessions: u64,
    /// QUIC connections among the open ones.
    pub quic_connections: u64,
    /// Streams of QUIC connections that are being served.
    pub quic_streams: u64,
    /// Requests read and not answered yet.
    pub queue_depth: u64,
    /// Requests since the start.
    pub requests_total: u64,
    /// Messages since the start: requests, responses and notifications.
    pub messages_total: u64,
    /// Messages a second, over the last ten seconds.
    pub throughput_msg_sec: f64,
    /// Errors in the last minute.
    pub errors_1m: u64,
    /// Errors since the start.
    pub errors_total: u64,
}

impl Meters {
    /// All at zero; `start` is when the host started.
    pub fn new(start: Instant) -> Self {
        Self {
            start,
            connections: array::from_fn(|_| Gauge::default()),
            connections_total: AtomicU64::new(0),
            connections_refused: AtomicU64::new(0),
            accepts_failed: AtomicU64::new(0),
            slow_readers: AtomicU64::new(0),
            sessions: Gauge::default(),
            quic_connections: Gauge::default(),
            quic_streams: Gauge::default(),
            queue: Gauge::default(),
            errors_total: AtomicU64::new(0),
            errors: SecondRing::default(),
            shards: array::from_fn(|_| Shard::default()),
        }
    }

    /// Counts a connection for as long as the guard lives.
    pub fn connection(&self, scheme: Scheme) -> GaugeGuard {
        self.connections_total.fetch_add(1, Ordering::Relaxed);
        self.connections[scheme as usize].enter()
    }

    /// Connections that are open, by what is spoken over them.
    pub fn connections_by(&self) -> [(Scheme, u64); Scheme::ALL.len()] {
        Scheme::ALL.map(|scheme| (scheme, self.connections[scheme as usize].get()))
    }

    /// Counts a connection that there is no room for, and says how many there were.
    pub fn connection_refused(&self) -> u64 {
        self.connections_refused.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Counts a connection that the system gave no file for.
    pub fn accept_failed(&self) {
        self.accepts_failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection that is ended because it doesn't read.
    pub fn slow_reader(&self) {
        self.slow_readers.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a QUIC connection, its handshake included, for as long as the guard
    /// lives. It is a connection too.
    pub fn quic_connection(&self) -> GaugeGuard {
        self.quic_connections.enter()
    }

    /// Counts a stream of a QUIC connection for as long as the guard lives.
    pub fn quic_stream(&self) -> GaugeGuard {
        self.quic_streams.enter()
    }

    /// Counts a session for as long as the guard lives.
    pub fn session(&self) -> GaugeGuard {
        self.sessions.enter()
    }

    /// Counts a request that is not answered yet for as long as the guard lives.
    pub fn queued(&self) -> GaugeGuard {
        self.queue.enter()
    }

    /// Time since the start.
    pub fn uptime(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.start)
    }

    /// Requests that are not answered yet; what admission compares with its
    /// thresholds.
    pub fn queue_depth(&self) -> u64 {
        self.queue.get()
    }

    /// Counts a request that came in; it is a message too.
    pub fn request(&self, now: Instant) {
        let shard = self.shard();
        shard.requests_total.fetch_add(1, Ordering::Relaxed);
        self.count_message(shard, now);
    }

    /// Counts a response or a notification, in either direction.
    pub fn message(&self, now: Instant) {
        self.count_message(self.shard(), now);
    }

    /// Counts a request that ended with an error.
    pub fn error(&self, now: Instant) {
        self.errors_total.fetch_add(1, Ordering::Relaxed);
        self.errors.add(self.second(now));
    }

    /// All the figures. A message that is being counted meanwhile may be missing
    /// in some of them.
    pub fn snapshot(&self, now: Instant) -> MeterSnapshot {
        let second = self.second(now);
        let total = |counter: fn(&Shard) -> u64| self.shards.iter().map(counter).sum();
        let recent: u64 = self
            .shards
            .iter()
            .map(|shard| shard.messages.sum(second))
            .sum();
        MeterSnapshot {
            uptime_seconds: second,
            connections: self.connections.iter().map(Gauge::get).sum(),
            connections_total: self.connections_total.load(Ordering::Relaxed),
            connections_refused: self.connections_refused.load(Ordering::Relaxed),
            accepts_failed: self.accepts_failed.load(Ordering::Relaxed),
            slow_readers: self.slow_readers.load(Ordering::Relaxed),
            sessions: self.sessions.get(),
            quic_connections: self.quic_connections.get(),
            quic_streams: self.quic_streams.get(),
            queue_depth: self.queue_depth(),
            requests_total: total(|shard| shard.requests_total.load(Ordering::Relaxed)),
            messages_total: total(|shard| shard.messages_total.load(Ordering::Relaxed)),
            throughput_msg_sec: recent as f64 / self.covered(now).as_secs_f64(),
            errors_1m: self.errors.sum(second),
            errors_total: self.errors_total.load(Ordering::Relaxed),
        }
    }

    fn count_message(&self, shard: &Shard, now: Instant) {
        shard.messages_total.fetch_add(1, Ordering::Relaxed);
        shard.messages.add(self.second(now));
    }

    fn second(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.start).as_secs()
    }

    /// The time that the ring of messages covers: nine whole seconds and what has
    /// passed of this one, or less after a start. At least a second, so that the
    /// first message is no burst.
    fn covered(&self, now: Instant) -> Duration {
        let uptime = now.saturating_duration_since(self.start);
        let first = (uptime.as_secs() + 1).saturating_sub(THROUGHPUT_SECONDS as u64);
        (uptime - Duration::from_secs(first)).max(Duration::from_secs(1))
    }

    fn shard(&self) -> &Shard {
        &self.shards[thread_number() % SHARDS]
    }
}

#[derive(Debug, Default)]
struct Gauge(Arc<AtomicU64>);

impl Gauge {
    fn enter(&self) -> GaugeGuard {
        self.0.fetch_add(1, Ordering::Relaxed);
        GaugeGuard(Arc::clone(&self.0))
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Something that is counted until this is dropped.
#[derive(Debug)]
#[must_use = "what is counted ends with the guard"]
pub struct GaugeGuard(Arc<AtomicU64>);

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts of the last `N` seconds. Each cell holds a second (the upper half) and
/// its count (the lower half) in one atomic, so that a cell is taken over by a new
/// second in one step.
#[derive(Debug)]
struct SecondRing<const N: usize>([AtomicU64; N]);

const COUNT_BITS: u32 = 32;

impl<const N: usize> Default for SecondRing<N> {
    fn default() -> Self {
        Self(array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl<const N: usize> SecondRing<N> {
    fn add(&self, second: u64) {
        let cell = &self.0[(second % N as u64) as usize];
        let mut held = cell.load(Ordering::Relaxed);
        while held >> COUNT_BITS < second {
            let first = (second << COUNT_BITS) | 1;
            match cell.compare_exchange_weak(held, first, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(other) => held = other,
            }
        }
        // A later second in the cell: this one has left the ring already. Should
        // another thread put one there just now, this count goes to it: not lost.
        if held >> COUNT_BITS == second {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The count of `now` and of the `N - 1` seconds before it.
    fn sum(&self, now: u64) -> u64 {
        let oldest = (now + 1).saturating_sub(N as u64);
        self.0
            .iter()
            .map(|cell| cell.load(Ordering::Relaxed))
            .filter(|held| (oldest..=now).contains(&(held >> COUNT_BITS)))
            .map(|held| held & ((1 << COUNT_BITS) - 1))
            .sum()
    }
}

/// What has become of the calls of one handler.
#[derive(Debug, Default)]
pub struct HandlerCounters {
    calls: AtomicU64,
    faults: AtomicU64,
    refused: AtomicU64,
    known_faults: parking_lot::Mutex<KnownFaults>,
}

/// What is known of a handler's faults.
#[derive(Debug, Default)]
struct KnownFaults {
    last: Option<LastFault>,
    by_reason: BTreeMap<&'static str, u64>,
}

/// The newest fault of a handler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastFault {
    /// Its name on the wire (`data.reason`).
    pub reason: &'static str,
    /// When, in seconds since 1970.
    pub at_unix_seconds: u64,
}

/// [`HandlerCounters`] at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HandlerSnapshot {
    /// Calls that reached the handler.
    pub calls: u64,
    /// Calls that ended with a fault.
    pub faults: u64,
    /// Calls that were refused before they reached it.
    pub refused: u64,
    /// The newest fault.
    pub last_fault: Option<LastFault>,
}

impl HandlerCounters {
    /// Counts a call that is being made.
    pub fn call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a refusal: an open breaker, or no place in the queue.
    pub fn refusal(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a fault.
    pub fn fault(&self, reason: &'static str, now: SystemTime) {
        self.faults.fetch_add(1, Ordering::Relaxed);
        let since = now.duration_since(SystemTime::UNIX_EPOCH);
        let mut known = self.known_faults.lock();
        *known.by_reason.entry(reason).or_default() += 1;
        known.last = Some(LastFault {
            reason,
            at_unix_seconds: since.unwrap_or_default().as_secs(),
        });
    }

    /// Faults by their reason.
    pub fn faults_by(&self) -> BTreeMap<&'static str, u64> {
        self.known_faults.lock().by_reason.clone()
    }

    /// All the figures.
    pub fn snapshot(&self) -> HandlerSnapshot {
        HandlerSnapshot {
            calls: self.calls.load(Ordering::Relaxed),
            faults: self.faults.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            last_fault: self.known_faults.lock().last.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
