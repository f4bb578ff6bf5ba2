//! A gate with so many places, and a fair line before it: whoever waits is let in
//! by turns, connection by connection.
//!
//! It owns the places and the order of those who wait. It never knows what a
//! place is for, and takes no lock while nobody waits.
//!
//! The order: the k-th waiting call of a connection belongs to the k-th round from
//! the one that is being served, and rounds are served one after the other, each
//! in the order of arrival. So a call stands behind at most as many calls of any
//! other connection as its own connection has in the line, however many those
//! others have.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::timeout_at;

use super::refused::UNKNOWN_WAIT;

/// A gate.
#[derive(Debug)]
pub(super) struct Gate {
    places: usize,
    free: AtomicUsize,
    /// Calls in the line, readable without its lock; written under it.
    waiting: AtomicUsize,
    line: Mutex<Line>,
}

#[derive(Debug, Default)]
struct Line {
    /// by round, then by arrival
    calls: BTreeMap<Spot, Waiter>,
    /// what each connection has in the line
    shares: HashMap<u64, Share>,
    /// the round that is being served
    round: u64,
    arrivals: u64,
}

type Spot = (u64, u64);

#[derive(Debug)]
struct Waiter {
    origin: u64,
    turn: oneshot::Sender<()>,
}

#[derive(Debug)]
struct Share {
    /// of its last call
    round: u64,
    waiting: usize,
}

/// A place behind the gate, until this is dropped.
#[derive(Debug)]
#[must_use = "the place is free again with the end of the guard"]
pub(super) struct Entered<'a>(&'a Gate);

/// A call in the line.
#[derive(Debug)]
pub(super) struct Queued<'a> {
    gate: &'a Gate,
    spot: Spot,
    turn: oneshot::Receiver<()>,
    entered: bool,
}

/// What comes of standing in line.
#[derive(Debug)]
pub(super) enum Stood<'a> {
    /// a place has become free just now
    Entered(Entered<'a>),
    /// wait for your turn
    Queued(Queued<'a>),
    /// the line is as long as it may be; it moves on after this time
    Full(Duration),
    /// the turn would come too late: after this time
    Hopeless(Duration),
}

/// How long a call is willing to stand, and what is known of those before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// how many may stand in line
    pub(super) line_max: usize,
    /// until its deadline
    pub(super) left: Duration,
    /// how long a call keeps its place lately; none: nobody knows yet
    pub(super) pace: Option<Duration>,
}

impl Gate {
    /// A gate with this many places.
    pub(super) fn new(places: usize) -> Self {
        Self {
            places,
            free: AtomicUsize::new(places),
            waiting: AtomicUsize::new(0),
            line: Mutex::default(),
        }
    }

    /// Calls in the line.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// A place, if one is free and nobody waits for it.
    pub(super) fn try_enter(&self) -> Option<Entered<'_>> {
        let nobody_waits = self.waiting.load(Ordering::SeqCst) == 0;
        // Not `then_some`: a guard that is made and thrown away gives a place back.
        (nobody_waits && self.take()).then(|| Entered(self))
    }

    /// Stands in line for a connection.
    pub(super) fn stand(&self, origin: u64, patience: Patience) -> Stood<'_> {
        let mut line = self.line.lock();
        let length = line.calls.len();
        if length >= patience.line_max {
            // The line may have formed while a place became free.
            return match length == 0 && self.take() {
                true => Stood::Entered(Entered(self)),
                false => Stood::Full(self.wait(length, patience.pace)),
            };
        }
        let ahead = line.ahead(origin);
        let wait = self.wait(ahead, patience.pace);
        let known = patience.pace.is_some();
        if known && wait >= patience.left && !(length == 0 && self.has_free()) {
            return Stood::Hopeless(wait);
        }
        // Counted before places are looked at: whoever gives one back either sees
        // this call, or has given it back by now.
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let (sender, turn) = oneshot::channel();
        let spot = line.join(origin, sender);
        self.let_in(&mut line);
        drop(line);
        Stood::Queued(Queued {
            gate: self,
            spot,
            turn,
            entered: false,
        })
    }

    /// How long a call with so many before it waits.
    fn wait(&self, ahead: usize, pace: Option<Duration>) -> Duration {
        let Some(pace) = pace else {
            return UNKNOWN_WAIT;
        };
        let nanos = pace.as_nanos() * (ahead as u128 + 1) / self.places.max(1) as u128;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn has_free(&self) -> bool {
        self.free.load(Ordering::SeqCst) > 0
    }

    fn take(&self) -> bool {
        let one_less = |free: usize| free.checked_sub(1);
        self.free
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less)
            .is_ok()
    }

    fn give_back(&self) {
        self.free.fetch_add(1, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.let_in(&mut self.line.lock());
        }
    }

    /// Gives free places to those whose turn it is.
    fn let_in(&self, line: &mut Line) {
        while !line.calls.is_empty() && self.take() {
            let mut taken = false;
            while let Some(turn) = line.first() {
                self.waiting.fetch_sub(1, Ordering::SeqCst);
                // One that went away leaves the line under this lock, so this
                // doesn't fail; if it did, the next one gets the place.
                if turn.send(()).is_ok() {
                    taken = true;
                    break;
                }
            }
            if !taken {
                self.free.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

impl Line {
    /// How many are let in before a further call of this connection, at most.
    fn ahead(&self, origin: u64) -> usize {
        let own = self.shares.get(&origin).map_or(0, |share| share.waiting);
        let others = self.shares.len();
        self.calls.len().min((own + 1).saturating_mul(others))
    }

    fn join(&mut self, origin: u64, turn: oneshot::Sender<()>) -> Spot {
        let current = self.round;
        let share = self.shares.entry(origin);
        let share = share
            .and_modify(|share| {
                share.round = (share.round + 1).max(current);
                share.waiting += 1;
            })
            .or_insert(Share {
                round: current,
                waiting: 1,
            });
        self.arrivals += 1;
        let spot = (share.round, self.arrivals);
        self.calls.insert(spot, Waiter { origin, turn });
        spot
    }

    fn first(&mut self) -> Option<oneshot::Sender<()>> {
        let (spot, waiter) = self.calls.pop_first()?;
        self.round = spot.0;
        self.left(waiter.origin);
        Some(waiter.turn)
    }

    /// True if it still stood there.
    fn leave(&mut self, spot: Spot) -> bool {
        match self.calls.remove(&spot) {
            Some(waiter) => {
                self.left(waiter.origin);
                true
            }
            None => false,
        }
    }

    fn left(&mut self, origin: u64) {
        if let Some(share) = self.shares.get_mut(&origin) {
            share.waiting -= 1;
            if share.waiting == 0 {
                self.shares.remove(&origin);
            }
        }
    }
}

impl<'a> Queued<'a> {
    /// Waits for its turn; none if it doesn't come in time.
    pub(super) async fn enter(mut self, deadline: Instant) -> Option<Entered<'a>> {
        match timeout_at(deadline.into(), &mut self.turn).await {
            Ok(Ok(())) => {
                self.entered = true;
                Some(Entered(self.gate))
            }
            Ok(Err(_)) | Err(_) => None,
        }
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        if self.entered {
            return;
        }
        let mut line = self.gate.line.lock();
        if line.leave(self.spot) {
            self.gate.waiting.fetch_sub(1, Ordering::SeqCst);
            return;
        }
        drop(line);
        // It was let in and never knew.
        if self.turn.try_recv().is_ok() {
            self.gate.give_back();
        }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

#[cfg(test)]
mod tests;
