//! A canary: a new version of a plugin that gets its share of the calls beside the
//! old one, until it has earned all of them or was found worse.
//!
//! It owns which call goes to which version, and the verdict. It never loads a
//! version and never swaps one: the loader does.

mod compare;
mod course;
mod tally;
mod twins;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::Notify;

pub use compare::{Sample, Worse};
pub use course::{Both, Look};

use crate::config::Canary;
use crate::plugin_entry::{Handler, LoadedPlugin};
use crate::signatures::Verdict;
use course::Course;
use tally::Tally;

/// By how much the turns of one handler are ahead of those of the one before it, so
/// that handlers which are called one after the other don't all have theirs at once.
/// It has no divisor in common with 100.
const STAGGER: u64 = 37;

/// One new version on trial.
pub struct Trial {
    stable: Arc<LoadedPlugin>,
    canary: Arc<LoadedPlugin>,
    signed: Verdict,
    /// by the address of the old version's handler, which lives as long as this
    twins: HashMap<usize, Twin>,
    share: AtomicU32,
    tallies: [Tally; 2],
    course: Mutex<Course>,
    /// why it has to go; what ends it may be known before the loader has time for it
    ended: OnceLock<String>,
    nudge: Arc<Notify>,
}

/// The new version's handler of the same name, and how often the two were called.
struct Twin {
    handler: Arc<Handler>,
    turns: AtomicU64,
}

/// Which of the two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// the old one
    Stable,
    /// the new one
    Canary,
}

/// A call that is part of a trial.
#[derive(Clone, Debug)]
pub struct Turn {
    trial: Arc<Trial>,
    side: Side,
}

impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trial")
            .field("canary", &self.canary.core.sha256)
            .field("share", &self.share)
            .finish_non_exhaustive()
    }
}

impl Trial {
    /// The first step begins. None if there are no counters for it, which no
    /// configuration leads to.
    pub(crate) fn begin(
        (stable, canary): (Arc<LoadedPlugin>, Arc<LoadedPlugin>),
        signed: Verdict,
        settings: Canary,
        nudge: Arc<Notify>,
        now: Instant,
    ) -> Option<Arc<Self>> {
        let pairs = twins::pairs(&stable.offers, &canary.offers).into_iter();
        let twins = pairs.zip(0..).map(|((old, handler), place): (_, u64)| {
            let turns = AtomicU64::new(place * STAGGER % 100);
            (address(&old), Twin { handler, turns })
        });
        let twins = twins.collect();
        let course = Course::new(settings, tally::bounds_ms(), now);
        Some(Arc::new(Self {
            stable,
            canary,
            signed,
            twins,
            share: AtomicU32::new(course.share()),
            tallies: [Tally::new()?, Tally::new()?],
            course: Mutex::new(course),
            ended: OnceLock::new(),
            nudge,
        }))
    }

    /// The version on trial.
    pub(crate) fn canary(&self) -> &Arc<LoadedPlugin> {
        &self.canary
    }

    /// The version beside it.
    pub(crate) fn stable(&self) -> &Arc<LoadedPlugin> {
        &self.stable
    }

    /// Whose the new version is.
    pub(crate) fn signed(&self) -> &Verdict {
        &self.signed
    }

    /// Which version a call of this handler goes to: of each hundred calls of one
    /// handler as many as the share says, evenly spread. A handler that the new
    /// version hasn't, or describes otherwise, stays with the old one.
    pub(crate) fn pick(self: &Arc<Self>, handler: &Arc<Handler>) -> (Arc<Handler>, Option<Turn>) {
        let Some(twin) = self.twins.get(&address(handler)) else {
            return (handler.clone(), None);
        };
        let turn = twin.turns.fetch_add(1, Ordering::Relaxed);
        let share = u64::from(self.share.load(Ordering::Relaxed));
        match is_chosen(turn, share) {
            true => (twin.handler.clone(), Some(self.turn(Side::Canary))),
            false => (handler.clone(), Some(self.turn(Side::Stable))),
        }
    }

    /// The new version's handler beside an old one's, for a call that began there.
    pub(crate) fn twin(
        self: &Arc<Self>,
        handler: &Arc<Handler>,
    ) -> Option<(Arc<Handler>, Option<Turn>)> {
        let twin = self.twins.get(&address(handler))?;
        Some((twin.handler.clone(), Some(self.turn(Side::Canary))))
    }

    fn turn(self: &Arc<Self>, side: Side) -> Turn {
        let trial = self.clone();
        Turn { trial, side }
    }

    /// Looks whether it is time for the next step, or for the end.
    pub(crate) fn look(&self, now: Instant) -> Look {
        let mut course = self.course.lock();
        let look = course.look(now, &self.both());
        match &look {
            Look::Stay => {}
            Look::Step(_) | Look::Promote => {
                self.share.store(course.share(), Ordering::Relaxed);
            }
            Look::Worse(worse) => self.end(worse.to_string()),
        }
        look
    }

    /// When to look the next time.
    pub(crate) fn look_interval(&self) -> Duration {
        self.course.lock().look_interval()
    }

    /// Why it has to go, if it has.
    pub(crate) fn ended(&self) -> Option<&str> {
        self.ended.get().map(String::as_str)
    }

    /// No call goes to it from now on, whenever the loader has time to take it back.
    fn end(&self, reason: String) {
        self.share.store(0, Ordering::Relaxed);
        if self.ended.set(reason).is_ok() {
            self.nudge.notify_one();
        }
    }

    fn both(&self) -> Both {
        Both {
            canary: self.tally(Side::Canary).sample(),
            stable: self.tally(Side::Stable).sample(),
        }
    }

    fn tally(&self, side: Side) -> &Tally {
        &self.tallies[side as usize]
    }

    /// What `/health` says of it.
    pub fn report(&self) -> TrialReport {
        let both = self.both();
        let course = self.course.lock();
        TrialReport {
            sha256: self.canary.core.sha256.clone(),
            share: self.share.load(Ordering::Relaxed),
            steps: course.steps().to_vec(),
            calls: both.canary.calls,
            faults: both.canary.faults,
            stable_calls: both.stable.calls,
            stable_faults: both.stable.faults,
            calls_missing: course.calls_missing(&both),
            in_flight: self.canary.core.in_flight() as u64,
            handlers: self.twins.len(),
            handlers_apart: self.stable.handlers().count() - self.twins.len(),
        }
    }
}

/// `/health` of a canary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "each field is named as in the JSON; the book describes it"
)]
pub struct TrialReport {
    pub sha256: String,
    pub share: u32,
    pub steps: Vec<u32>,
    pub calls: u64,
    pub faults: u64,
    pub stable_calls: u64,
    pub stable_faults: u64,
    pub calls_missing: u64,
    pub in_flight: u64,
    pub handlers: usize,
    pub handlers_apart: usize,
}

impl Turn {
    /// The call ended well.
    pub(crate) fn good(&self, took: Duration) {
        self.trial.tally(self.side).count(took, false);
    }

    /// The call ended with a fault, which perhaps opened the breaker of its handler.
    /// A new version that is found worse gets no further call.
    pub(crate) fn fault(&self, took: Duration, handler: &Handler, has_opened: bool) {
        let trial = &self.trial;
        trial.tally(self.side).count(took, true);
        if self.side == Side::Stable || trial.ended().is_some() {
            return;
        }
        if has_opened {
            trial.end(format!(
                "the breaker of its handler `{}` opened",
                handler.name
            ));
        } else if let Some(worse) = trial.course.lock().worse(&trial.both()) {
            trial.end(worse.to_string());
        }
    }
}

fn address(handler: &Arc<Handler>) -> usize {
    Arc::as_ptr(handler) as usize
}

/// Whether the call with this number is one of `share` in a hundred.
fn is_chosen(turn: u64, share: u64) -> bool {
    let sum = |turns: u64| turns % 100 * share / 100 + turns / 100 * share;
    sum(turn + 1) > sum(turn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_hundred_calls_the_share_is_chosen_evenly() {
        for share in [0, 1, 5, 25, 33, 50, 99, 100] {
            let chosen: Vec<bool> = (0..1000).map(|turn| is_chosen(turn, share)).collect();
            for hundred in chosen.windows(100) {
                let count = hundred.iter().filter(|one| **one).count() as u64;
                assert_eq!(count, share, "in any hundred calls");
            }
            for length in [1, 7, 20] {
                for some in chosen.windows(length) {
                    let count = some.iter().filter(|one| **one).count() as f64;
                    let exact = length as f64 * share as f64 / 100.0;
                    assert!(
                        (count - exact).abs() < 1.0,
                        "{count} of {length} at {share} %"
                    );
                }
            }
        }
    }

    #[test]
    fn handlers_that_take_turns_have_theirs_at_different_times() {
        // Two handlers, called one after the other, at one half.
        let chosen = |place: u64| {
            let first = place * STAGGER % 100;
            (0..2).map(move |call| is_chosen(first + call, 50))
        };
        assert!(!chosen(0).eq(chosen(1)));
    }
}
