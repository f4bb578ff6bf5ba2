//! What the connections of one thread share: the clock, the times of the run,
//! the figures, and the requests that are due.
//!
//! It owns when a request may be made. It never makes one.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::settings::Settings;
use super::stats::{Progress, Stats};

/// Bytes that are read at once.
const SCRATCH_BYTES: usize = 256 << 10;

/// One thread's part of the run.
pub(super) struct Shard {
    pub(super) settings: Arc<Settings>,
    pub(super) progress: Arc<Progress>,
    pub(super) stats: RefCell<Stats>,
    /// one buffer for all reads: only one connection reads at a time
    pub(super) scratch: RefCell<Box<[u8]>>,
    base: Instant,
    from: Cell<u64>,
    until: Cell<u64>,
    stopping: Cell<bool>,
}

impl Shard {
    pub(super) fn new(settings: Arc<Settings>, progress: Arc<Progress>, base: Instant) -> Self {
        Self {
            settings,
            progress,
            stats: RefCell::new(Stats::new()),
            scratch: RefCell::new(vec![0; SCRATCH_BYTES].into()),
            base,
            from: Cell::new(u64::MAX),
            until: Cell::new(u64::MAX),
            stopping: Cell::new(false),
        }
    }

    /// Nanoseconds since the start of the program's run.
    pub(super) fn now(&self) -> u64 {
        nanoseconds(self.base, Instant::now())
    }

    pub(super) fn at(&self, when: Instant) -> u64 {
        nanoseconds(self.base, when)
    }

    /// What is due from `from` on and before `until` counts.
    pub(super) fn measure(&self, from: u64, until: u64) {
        self.from.set(from);
        self.until.set(until);
    }

    pub(super) fn is_measured(&self, time: u64) -> bool {
        (self.from.get()..self.until.get()).contains(&time)
    }

    pub(super) fn stop(&self) {
        self.stopping.set(true);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }
}

fn nanoseconds(base: Instant, when: Instant) -> u64 {
    u64::try_from(when.saturating_duration_since(base).as_nanos()).unwrap_or(u64::MAX)
}

/// The requests that are due on one connection and not sent yet.
#[derive(Debug, Default)]
pub(super) struct Feed {
    /// none: a closed loop, in which a request is due whenever there is room
    due: Option<RefCell<VecDeque<u64>>>,
    /// a request that comes due while another waits is left out
    leaves_out: bool,
    waiting: RefCell<VecDeque<Waker>>,
}

impl Feed {
    /// Of a closed loop.
    pub(super) fn closed() -> Self {
        Self::default()
    }

    /// Of an open loop.
    pub(super) fn open() -> Self {
        Self {
            due: Some(RefCell::default()),
            ..Self::default()
        }
    }

    /// Of one that asks no faster than the others, and never makes up for requests
    /// that it could not send.
    pub(super) fn unhurried() -> Self {
        Self {
            leaves_out: true,
            ..Self::open()
        }
    }

    /// Whether requests come due at their time.
    pub(super) fn is_paced(&self) -> bool {
        self.due.is_some()
    }

    /// Whether every request that comes due is to be sent.
    pub(super) fn counts(&self) -> bool {
        self.is_paced() && !self.leaves_out
    }

    /// When the next request was due; `Ready(None)` once there will be none.
    pub(super) fn poll_due(
        &self,
        context: &Context<'_>,
        shard: &Shard,
        now: u64,
    ) -> Poll<Option<u64>> {
        let Some(queue) = &self.due else {
            return Poll::Ready((!shard.is_stopping()).then_some(now));
        };
        let patience = shard.settings.patience.map(|time| time.as_nanos() as u64);
        while let Some(due) = queue.borrow_mut().pop_front() {
            if patience.is_some_and(|patience| now.saturating_sub(due) > patience) {
                shard.stats.borrow_mut().given_up += 1;
                continue;
            }
            return Poll::Ready(Some(due));
        }
        if shard.is_stopping() {
            return Poll::Ready(None);
        }
        let mut waiting = self.waiting.borrow_mut();
        if !waiting.iter().any(|one| one.will_wake(context.waker())) {
            waiting.push_back(context.waker().clone());
        }
        Poll::Pending
    }

    pub(super) fn push(&self, due: u64) {
        if let Some(queue) = &self.due {
            if self.leaves_out && !queue.borrow().is_empty() {
                return;
            }
            queue.borrow_mut().push_back(due);
            let next = self.waiting.borrow_mut().pop_front();
            if let Some(waker) = next {
                waker.wake();
            }
        }
    }

    /// Wakes whoever waits, to see that there will be no more.
    pub(super) fn wake_all(&self) {
        let waiting = std::mem::take(&mut *self.waiting.borrow_mut());
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Requests that were to be sent and never were.
    pub(super) fn unsent(&self) -> u64 {
        let queue = self.due.as_ref().filter(|_| self.counts());
        queue.map_or(0, |queue| queue.borrow().len() as u64)
    }
}
