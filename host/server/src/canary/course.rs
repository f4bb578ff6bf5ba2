//! How far a canary is: step by step, as long as it is no worse than the version
//! before it.
//!
//! It owns when a step is left and when the trial is over. It reads no clock (`now`
//! is an argument), counts nothing and swaps nothing.

use std::time::{Duration, Instant};

use super::compare::{Sample, Worse, worse};
use crate::config::Canary;

/// What the calls of both versions came to.
#[derive(Clone, Debug, Default)]
pub struct Both {
    /// of the new one
    pub canary: Sample,
    /// of the old one
    pub stable: Sample,
}

/// What a look came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// It goes on as it was.
    Stay,
    /// It gets this share, in percent.
    Step(u32),
    /// It has earned all calls.
    Promote,
    /// It has to go.
    Worse(Worse),
}

/// The course of one trial.
#[derive(Debug)]
pub(super) struct Course {
    settings: Canary,
    bounds: Vec<f64>,
    step: usize,
    step_began: Instant,
    /// what there was when the step began
    before: Both,
}

impl Course {
    /// The first step.
    pub(super) fn new(settings: Canary, bounds: Vec<f64>, now: Instant) -> Self {
        Self {
            settings,
            bounds,
            step: 0,
            step_began: now,
            before: Both::default(),
        }
    }

    /// The share of the calls, in percent.
    pub(super) fn share(&self) -> u32 {
        self.settings.steps.get(self.step).copied().unwrap_or(100)
    }

    /// What it has to go through.
    pub(super) fn steps(&self) -> &[u32] {
        &self.settings.steps
    }

    /// Calls that this step has to see yet before it can be left.
    pub(super) fn calls_missing(&self, now: &Both) -> u64 {
        let seen = now.canary.calls.saturating_sub(self.before.canary.calls);
        self.settings.min_calls.saturating_sub(seen)
    }

    /// How long to the next look: as often as a step is worth.
    pub(super) fn look_interval(&self) -> Duration {
        const SHORTEST: Duration = Duration::from_millis(20);
        const LONGEST: Duration = Duration::from_secs(1);
        (self.settings.interval / 8).clamp(SHORTEST, LONGEST)
    }

    /// Why the new version is worse, over the whole trial or in this step.
    pub(super) fn worse(&self, now: &Both) -> Option<Worse> {
        let compared =
            |canary: &Sample, stable: &Sample| worse(canary, stable, &self.bounds, &self.settings);
        compared(&now.canary, &now.stable).or_else(|| {
            let canary = now.canary.since(&self.before.canary);
            compared(&canary, &now.stable.since(&self.before.stable))
        })
    }

    /// Looks at the calls so far.
    pub(super) fn look(&mut self, now: Instant, both: &Both) -> Look {
        if let Some(worse) = self.worse(both) {
            return Look::Worse(worse);
        }
        let lasted = now.saturating_duration_since(self.step_began);
        let is_seen = self.calls_missing(both) == 0;
        let is_idle = self.settings.idle_step.is_some_and(|idle| lasted >= idle);
        if lasted < self.settings.interval || !(is_seen || is_idle) {
            return Look::Stay;
        }
        self.step += 1;
        self.step_began = now;
        self.before = both.clone();
        match self.share() {
            100 => Look::Promote,
            share => Look::Step(share),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const INTERVAL: Duration = Duration::from_secs(60);

    fn sample(calls: u64, faults: u64) -> Sample {
        Sample {
            calls,
            faults,
            within: vec![calls],
        }
    }

    fn both(canary: u64, stable: u64) -> Both {
        Both {
            canary: sample(canary, 0),
            stable: sample(stable, 0),
        }
    }

    fn course(change: impl FnOnce(&mut Canary)) -> (Course, Instant) {
        let mut settings = Config::default().canary;
        change(&mut settings);
        let now = Instant::now();
        (Course::new(settings, vec![1.0], now), now)
    }

    #[test]
    fn a_good_one_goes_step_by_step_to_all_calls() {
        let (mut course, begin) = course(|_| {});
        assert_eq!(course.share(), 5);
        let mut looked = Vec::new();
        for step in 1..=3 {
            let early = begin + step * INTERVAL - Duration::from_millis(1);
            let calls = both(u64::from(step) * 20, u64::from(step) * 380);
            assert_eq!(course.look(early, &calls), Look::Stay);
            looked.push(course.look(begin + step * INTERVAL, &calls));
        }
        assert_eq!(looked, [Look::Step(25), Look::Step(50), Look::Promote]);
    }

    #[test]
    fn a_step_waits_for_its_calls() {
        let (mut course, begin) = course(|_| {});
        let late = begin + 1000 * INTERVAL;
        assert_eq!(course.look(late, &both(19, 400)), Look::Stay);
        assert_eq!(course.calls_missing(&both(19, 400)), 1);
        assert_eq!(course.look(late, &both(20, 400)), Look::Step(25));
        // The calls of the step before don't count for this one.
        assert_eq!(course.look(late + INTERVAL, &both(39, 500)), Look::Stay);
        assert_eq!(course.look(late + INTERVAL, &both(40, 500)), Look::Step(50));
    }

    #[test]
    fn an_idle_step_is_left_after_its_time_if_there_is_one() {
        let (mut course, begin) = course(|settings| settings.idle_step = Some(5 * INTERVAL));
        assert_eq!(course.look(begin + 4 * INTERVAL, &both(0, 0)), Look::Stay);
        assert_eq!(
            course.look(begin + 5 * INTERVAL, &both(0, 0)),
            Look::Step(25)
        );
    }

    #[test]
    fn one_step_is_enough_if_it_is_the_whole() {
        let (mut course, begin) = course(|settings| settings.steps = vec![100]);
        assert_eq!(course.share(), 100);
        assert_eq!(course.look(begin + INTERVAL, &both(20, 0)), Look::Promote);
    }

    #[test]
    fn a_worse_one_goes_at_once_in_any_step() {
        let (mut course, begin) = course(|_| {});
        let bad = Both {
            canary: sample(2, 2),
            stable: sample(38, 0),
        };
        let Look::Worse(worse) = course.look(begin, &bad) else {
            panic!("it is worse");
        };
        assert_eq!(
            worse.to_string(),
            "2 of its 2 calls ended with a fault, and 0 of the 38 of the version before it"
        );
    }

    /// One that was good for long and then breaks is not saved by its past.
    #[test]
    fn each_step_is_judged_by_itself_too() {
        let (mut course, begin) = course(|settings| settings.max_fault_increase = 5);
        let first = both(10_000, 190_000);
        assert_eq!(course.look(begin + INTERVAL, &first), Look::Step(25));
        let then = Both {
            canary: sample(10_100, 40),
            stable: sample(190_300, 0),
        };
        assert!(matches!(
            course.look(begin + INTERVAL, &then),
            Look::Worse(_)
        ));
    }
}
