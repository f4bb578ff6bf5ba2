//! The circuit breaker of one handler. Owns its state and counts what calls
//! report; runs no call, reads no clock (`now` is an argument) and knows no
//! handler by name.
//!
//! Closed: calls pass, and faults in a row are counted. After
//! `failure_threshold` of them it opens: calls are refused at once. When
//! `timeout` has passed it is half-open: `half_open_requests` calls are let
//! through as probes. As many good ones close it; one fault opens it again for
//! the whole time.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::config::CircuitBreaker;

/// What a caller is told to wait while probes are under way: nobody knows when
/// they end, and most end soon.
const PROBE_RETRY_AFTER: Duration = Duration::from_secs(1);

/// One breaker, shared by all calls of one handler.
#[derive(Debug)]
pub struct Breaker {
    /// The phase of `inner`, readable without its lock; written under it.
    phase: AtomicU64,
    /// Faults since the last success while closed, and until it closes again
    /// after that. Written under the lock.
    faults: AtomicU32,
    opened_total: AtomicU64,
    inner: Mutex<Inner>,
}

/// A number that changes with every change of state, so that the result of a call
/// which began in another phase can be told and left out. Odd while closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Phase(u64);

impl Phase {
    const FIRST: Self = Self(1);

    fn is_closed(self) -> bool {
        self.0 % 2 == 1
    }

    fn next(self, closed: bool) -> Self {
        Self((self.0 / 2 + 1) * 2 + u64::from(closed))
    }
}

#[derive(Debug)]
struct Inner {
    settings: CircuitBreaker,
    gate: Gate,
    /// Probes that have not ended, those of an earlier half-open time included:
    /// they still burden a handler that may be ill.
    probes_in_flight: u32,
}

#[derive(Debug, Clone, Copy)]
enum Gate {
    Closed,
    Open { until: Instant },
    HalfOpen { good_probes: u32 },
}

/// A refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("circuit breaker is open after {faults} faults: retry after {} ms", .retry_after.as_millis())]
pub struct Open {
    /// When to try again: the rest of the open time or, while probes are under
    /// way, a second at most.
    pub retry_after: Duration,
    /// Faults since it was last well.
    pub faults: u32,
}

/// What a breaker does at one moment, for `/health`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls pass.
    Closed {
        /// Faults since the last success.
        consecutive_faults: u32,
    },
    /// Calls are refused.
    Open {
        /// For how much longer.
        retry_after: Duration,
    },
    /// Probes pass.
    HalfOpen {
        /// Probes that ended well.
        good_probes: u32,
        /// Probes that have not ended.
        in_flight: u32,
    },
}

impl Breaker {
    /// A closed breaker.
    pub fn new(settings: CircuitBreaker) -> Arc<Self> {
        Arc::new(Self {
            phase: AtomicU64::new(Phase::FIRST.0),
            faults: AtomicU32::new(0),
            opened_total: AtomicU64::new(0),
            inner: Mutex::new(Inner {
                settings,
                gate: Gate::Closed,
                probes_in_flight: 0,
            }),
        })
    }

    /// Asks to make one call. Takes no lock while the breaker is closed.
    ///
    /// # Errors
    /// [`Open`] if the call is not to be made.
    pub fn try_acquire(self: &Arc<Self>, now: Instant) -> Result<Permit, Open> {
        let phase = self.phase();
        if phase.is_closed() {
            return Ok(self.permit(phase, false));
        }
        let mut inner = self.inner.lock();
        if let Gate::Open { until } = inner.gate {
            if now < until {
                return Err(self.refusal(until - now));
            }
            self.enter(&mut inner, Gate::HalfOpen { good_probes: 0 });
        }
        let Gate::HalfOpen { good_probes } = inner.gate else {
            // Another probe has closed it since the phase was read.
            return Ok(self.permit(self.phase(), false));
        };
        // No more than are needed to close it.
        let expected = good_probes.saturating_add(inner.probes_in_flight);
        if expected >= inner.settings.half_open_requests.get() {
            return Err(self.refusal(PROBE_RETRY_AFTER.min(inner.settings.timeout)));
        }
        inner.probes_in_flight += 1;
        Ok(self.permit(self.phase(), true))
    }

    /// Closes it, whatever it does, and gives what it did. Calls that began before
    /// count for nothing.
    pub fn reset(&self, now: Instant) -> BreakerState {
        let was = self.state(now);
        let mut inner = self.inner.lock();
        self.faults.store(0, Ordering::Relaxed);
        self.enter(&mut inner, Gate::Closed);
        was
    }

    /// Puts other settings in force, from the next fault or probe on. A breaker that is
    /// open stays so for as long as it was to.
    pub fn set(&self, settings: CircuitBreaker) {
        self.inner.lock().settings = settings;
    }

    /// What it does at `now`.
    pub fn state(&self, now: Instant) -> BreakerState {
        let inner = self.inner.lock();
        let in_flight = inner.probes_in_flight;
        match inner.gate {
            Gate::Closed => BreakerState::Closed {
                consecutive_faults: self.faults(),
            },
            Gate::Open { until } if now < until => BreakerState::Open {
                retry_after: until - now,
            },
            Gate::Open { .. } => BreakerState::HalfOpen {
                good_probes: 0,
                in_flight,
            },
            Gate::HalfOpen { good_probes } => BreakerState::HalfOpen {
                good_probes,
                in_flight,
            },
        }
    }

    /// Faults since it was last well: those in a row that opened it, while it is
    /// open or half-open.
    pub fn faults(&self) -> u32 {
        self.faults.load(Ordering::Relaxed)
    }

    /// How often it has opened.
    pub fn opened_total(&self) -> u64 {
        self.opened_total.load(Ordering::Relaxed)
    }

    fn phase(&self) -> Phase {
        Phase(self.phase.load(Ordering::Acquire))
    }

    fn permit(self: &Arc<Self>, phase: Phase, is_probe: bool) -> Permit {
        Permit {
            breaker: Arc::clone(self),
            phase,
            is_probe,
        }
    }

    fn refusal(&self, retry_after: Duration) -> Open {
        Open {
            retry_after,
            faults: self.faults.load(Ordering::Relaxed),
        }
    }

    fn enter(&self, inner: &mut Inner, gate: Gate) {
        inner.gate = gate;
        let closed = matches!(gate, Gate::Closed);
        self.phase
            .store(self.phase().next(closed).0, Ordering::Release);
    }

    fn open(&self, inner: &mut Inner, now: Instant) {
        let until = now + inner.settings.timeout;
        self.enter(inner, Gate::Open { until });
        self.opened_total.fetch_add(1, Ordering::Relaxed);
    }

    fn on_success(&self, phase: Phase, is_probe: bool) -> bool {
        let has_faults = self.faults.load(Ordering::Relaxed) > 0;
        if phase.is_closed() && !has_faults {
            return false;
        }
        let mut inner = self.inner.lock();
        inner.probes_in_flight -= u32::from(is_probe);
        if phase != self.phase() {
            return false;
        }
        let enough = inner.settings.half_open_requests.get();
        match &mut inner.gate {
            Gate::Closed => self.faults.store(0, Ordering::Relaxed),
            Gate::HalfOpen { good_probes } => {
                *good_probes += 1;
                if *good_probes >= enough {
                    self.faults.store(0, Ordering::Relaxed);
                    self.enter(&mut inner, Gate::Closed);
                    return true;
                }
            }
            // No permit is given in such a phase.
            Gate::Open { .. } => {}
        }
        false
    }

    fn on_fault(&self, phase: Phase, is_probe: bool, now: Instant) -> bool {
        let mut inner = self.inner.lock();
        inner.probes_in_flight -= u32::from(is_probe);
        if phase != self.phase() {
            return false;
        }
        let faults = self.faults.load(Ordering::Relaxed).saturating_add(1);
        self.faults.store(faults, Ordering::Relaxed);
        let opens = !phase.is_closed() || faults >= inner.settings.failure_threshold.get();
        if opens {
            self.open(&mut inner, now);
        }
        opens
    }
}

/// Leave to make one call. Say how it ended; a permit that is dropped without
/// that (the caller went away, the host refused the call further on) counts for
/// nothing and, if it was a probe, makes room for another.
#[derive(Debug)]
#[must_use = "a permit that is dropped counts for nothing"]
pub struct Permit {
    breaker: Arc<Breaker>,
    phase: Phase,
    /// Whether it holds the place of a probe, and has to give it back.
    is_probe: bool,
}

impl Permit {
    /// The handler did its work; an error that it reported itself is a success.
    /// True if this has closed the breaker.
    pub fn success(mut self) -> bool {
        let is_probe = mem::take(&mut self.is_probe);
        self.breaker.on_success(self.phase, is_probe)
    }

    /// The handler is at fault. True if this has opened the breaker.
    pub fn fault(mut self, now: Instant) -> bool {
        let is_probe = mem::take(&mut self.is_probe);
        self.breaker.on_fault(self.phase, is_probe, now)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.is_probe {
            self.breaker.inner.lock().probes_in_flight -= 1;
        }
    }
}

#[cfg(test)]
mod tests;
