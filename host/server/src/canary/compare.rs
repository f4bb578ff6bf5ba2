//! Whether a new version is worse than the old one: its faults and its times, over
//! the same time, with room for chance.
//!
//! It owns the statistics and the words of a verdict. It counts nothing itself.

use std::fmt;

use crate::config::Canary;

/// How many standard deviations chance is allowed: of a version that is as good as
/// the old one, one look in two hundred is wrong on one side, and both sides have to
/// be wrong at once.
const Z: f64 = 2.576;

/// Faults that are worth a look: one alone can be anybody's.
const FAULTS_MIN: u64 = 2;

/// Slow calls that are worth a look: the first of a new version are slow often.
const SLOW_MIN: u64 = 5;

/// The share of the calls that count as the slow ones.
const TAIL: f64 = 0.05;

/// Calls of the old version that its middle is known by, and its tail.
const MIDDLE_CALLS_MIN: u64 = 20;
const TAIL_CALLS_MIN: u64 = 200;

/// What became of the calls of one version for a while.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// calls that ended and were judged
    pub calls: u64,
    /// those that ended with a fault
    pub faults: u64,
    /// for each of the bounds of [`bounds_ms`], the calls that took at most so long
    pub within: Vec<u64>,
}

/// Why a version is worse.
#[derive(Clone, Debug, PartialEq)]
pub enum Worse {
    /// More of its calls end with a fault.
    Faults {
        /// calls and faults of the new version
        canary: (u64, u64),
        /// the same of the old one
        stable: (u64, u64),
    },
    /// They take longer.
    Slower {
        /// of how many calls
        calls: u64,
        /// the middle one, or the slowest twentieth
        which: &'static str,
        /// more than this, in milliseconds
        canary_ms: f64,
        /// what the old version takes, in milliseconds
        stable_ms: f64,
    },
}

impl fmt::Display for Worse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Faults { canary, stable } => write!(
                f,
                "{} of its {} calls ended with a fault, and {} of the {} of the version before it",
                canary.1, canary.0, stable.1, stable.0
            ),
            Self::Slower {
                calls,
                which,
                canary_ms,
                stable_ms,
            } => write!(
                f,
                "{which} of its {calls} calls took more than {canary_ms:.3} ms, and {stable_ms:.3} ms at most with the version before it"
            ),
        }
    }
}

impl Sample {
    /// What came after `earlier`.
    pub fn since(&self, earlier: &Self) -> Self {
        let before = |place: usize| earlier.within.get(place).copied().unwrap_or_default();
        let within = self.within.iter().enumerate();
        Self {
            calls: self.calls.saturating_sub(earlier.calls),
            faults: self.faults.saturating_sub(earlier.faults),
            within: within
                .map(|(place, count)| count.saturating_sub(before(place)))
                .collect(),
        }
    }

    /// The first bound that this share of the calls stayed within.
    fn quantile(&self, share: f64, bounds: &[f64]) -> Option<f64> {
        let wanted = share * self.calls as f64;
        let place = self
            .within
            .iter()
            .position(|count| *count as f64 >= wanted)?;
        bounds.get(place).copied()
    }

    /// Calls that took longer than `limit`: only those that did for sure, since the
    /// bounds are what is known.
    fn beyond(&self, limit: f64, bounds: &[f64]) -> u64 {
        let place = bounds.iter().position(|bound| *bound >= limit);
        let within = place.and_then(|place| self.within.get(place));
        self.calls
            .saturating_sub(within.copied().unwrap_or(self.calls))
    }
}

/// Why the new version is worse than the old one, if there is no doubt.
pub(super) fn worse(
    canary: &Sample,
    stable: &Sample,
    bounds: &[f64],
    settings: &Canary,
) -> Option<Worse> {
    more_faults(canary, stable, settings).or_else(|| slower(canary, stable, bounds, settings))
}

/// The least that its rate of faults can be is more than the most that the old one's
/// can be, and what is allowed on top.
fn more_faults(canary: &Sample, stable: &Sample, settings: &Canary) -> Option<Worse> {
    let allowed = f64::from(settings.max_fault_increase) / 100.0;
    let (least, _) = wilson(canary.faults, canary.calls);
    let (_, most) = wilson(stable.faults, stable.calls);
    let is_worse = canary.faults >= FAULTS_MIN && least > most + allowed;
    is_worse.then_some(Worse::Faults {
        canary: (canary.calls, canary.faults),
        stable: (stable.calls, stable.faults),
    })
}

/// If it were no slower than allowed, half of its calls would be done by the time
/// that the old version's middle call takes, and all but a twentieth by that of its
/// slow ones. No shape of the times is assumed, and no single slow call matters.
fn slower(canary: &Sample, stable: &Sample, bounds: &[f64], settings: &Canary) -> Option<Worse> {
    let kinds = [
        ("half", 0.5, MIDDLE_CALLS_MIN),
        ("the slowest twentieth", TAIL, TAIL_CALLS_MIN),
    ];
    kinds.into_iter().find_map(|(which, share, calls_min)| {
        if stable.calls < calls_min {
            return None;
        }
        let stable_ms = stable.quantile(1.0 - share, bounds)?;
        let factor = f64::from(settings.max_latency_percent) / 100.0;
        let slack = settings.min_latency_increase.as_secs_f64() * 1000.0;
        let limit = (stable_ms * factor).max(stable_ms + slack);
        let slow = canary.beyond(limit, bounds);
        let (least, _) = wilson(slow, canary.calls);
        (slow >= SLOW_MIN && least > share).then_some(Worse::Slower {
            calls: canary.calls,
            which,
            canary_ms: limit,
            stable_ms,
        })
    })
}

/// Wilson's interval: between what and what the true share may lie, of which `hits`
/// in `of` were seen. Sound for few and for none, where the usual one isn't.
fn wilson(hits: u64, of: u64) -> (f64, f64) {
    if of == 0 {
        return (0.0, 1.0);
    }
    let (n, z2) = (of as f64, Z * Z);
    let p = hits as f64 / n;
    let middle = p + z2 / (2.0 * n);
    let spread = Z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    let whole = 1.0 + z2 / n;
    ((middle - spread) / whole, (middle + spread) / whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// Doubling from 1 ms on.
    const BOUNDS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

    fn faulty(calls: u64, faults: u64) -> Sample {
        Sample {
            calls,
            faults,
            within: vec![calls; BOUNDS.len()],
        }
    }

    /// So many calls of so many milliseconds each.
    fn timed(parts: &[(u64, f64)]) -> Sample {
        let within = |bound: f64| {
            let done = parts.iter().filter(|(_, ms)| *ms <= bound);
            done.map(|(calls, _)| calls).sum()
        };
        Sample {
            calls: parts.iter().map(|(calls, _)| calls).sum(),
            faults: 0,
            within: BOUNDS.into_iter().map(within).collect(),
        }
    }

    fn settings() -> Canary {
        Config::default().canary
    }

    #[track_caller]
    fn check_faults(canary: (u64, u64), stable: (u64, u64), expected: bool) {
        let (new, old) = (faulty(canary.0, canary.1), faulty(stable.0, stable.1));
        let found = worse(&new, &old, &BOUNDS, &settings());
        assert_eq!(
            found.is_some(),
            expected,
            "{canary:?} beside {stable:?}: {found:?}"
        );
    }

    #[test]
    fn more_faults_count_once_they_can_be_no_chance() {
        // One fault alone proves nothing, however much stands against it.
        check_faults((1, 1), (100_000, 0), false);
        check_faults((1000, 1), (100_000, 0), false);
        // All of a few calls do, beside enough that went well.
        check_faults((2, 2), (38, 0), true);
        check_faults((2, 2), (4, 0), false);
        check_faults((3, 3), (3, 3), false);
        check_faults((100, 10), (1900, 0), true);
        check_faults((100, 10), (1900, 190), false);
        check_faults((100, 30), (1900, 190), true);
        // Half a percentage point more is allowed, however sure it is.
        check_faults((1_000_000, 5_000), (1_000_000, 0), false);
        check_faults((1_000_000, 12_000), (1_000_000, 0), true);
        check_faults((0, 0), (0, 0), false);
    }

    #[track_caller]
    fn check_times(canary: &[(u64, f64)], stable: &[(u64, f64)], expected: Option<&str>) {
        let found = worse(&timed(canary), &timed(stable), &BOUNDS, &settings());
        let which = found.as_ref().map(|found| match found {
            Worse::Slower { which, .. } => *which,
            Worse::Faults { .. } => "faults",
        });
        assert_eq!(which, expected, "{canary:?} beside {stable:?}: {found:?}");
    }

    #[test]
    fn longer_calls_count_once_they_can_be_no_chance() {
        let stable = [(1000, 8.0)];
        check_times(&[(100, 8.0)], &stable, None);
        check_times(&[(100, 16.0)], &stable, None);
        check_times(&[(100, 40.0)], &stable, Some("half"));
        check_times(&[(4, 40.0)], &stable, None);
        check_times(&[(5, 40.0)], &stable, Some("the slowest twentieth"));
        check_times(&[(8, 40.0)], &stable, Some("half"));
        // A few slow ones are no news; many are.
        check_times(&[(95, 8.0), (5, 100.0)], &stable, None);
        check_times(
            &[(80, 8.0), (20, 100.0)],
            &stable,
            Some("the slowest twentieth"),
        );
        check_times(&[(80, 8.0), (20, 100.0)], &[(100, 8.0)], None);
        // Below the difference that is never too large.
        check_times(&[(1000, 4.0)], &[(1000, 1.0)], None);
        // Whoever is slower than all bounds is slower for sure.
        check_times(&[(100, 1000.0)], &stable, Some("half"));
        check_times(&[(100, 1000.0)], &[(10, 8.0)], None);
    }

    /// Numbers as if drawn, the same in each run.
    struct Draws(u64);

    impl Draws {
        fn one_in(&mut self, of: u64) -> bool {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (self.0 >> 33).is_multiple_of(of)
        }
    }

    /// A thousand canaries that are as good, or bad, as the old version, each looked
    /// at after each of its calls.
    #[test]
    fn a_version_that_is_no_worse_is_hardly_ever_taken_for_worse() {
        let (settings, mut draws) = (settings(), Draws(7));
        let mut wronged = 0;
        for _ in 0..1000 {
            let (mut canary, mut stable) = (faulty(0, 0), faulty(0, 0));
            let mut is_worse = false;
            for _ in 0..300 {
                let of_stable = (0..19).filter(|_| draws.one_in(20)).count();
                stable = faulty(stable.calls + 19, stable.faults + of_stable as u64);
                let faults = canary.faults + u64::from(draws.one_in(20));
                canary = faulty(canary.calls + 1, faults);
                is_worse |= worse(&canary, &stable, &BOUNDS, &settings).is_some();
            }
            wronged += u32::from(is_worse);
        }
        assert!(wronged < 20, "{wronged} of 1000");
    }

    /// One whose calls fault half of the time is known by few of them.
    #[test]
    fn a_bad_version_is_found_soon() {
        let (settings, mut draws) = (settings(), Draws(11));
        for _ in 0..1000 {
            let (mut canary, mut stable) = (faulty(0, 0), faulty(0, 0));
            while worse(&canary, &stable, &BOUNDS, &settings).is_none() {
                stable = faulty(stable.calls + 19, 0);
                canary = faulty(canary.calls + 1, canary.faults + u64::from(draws.one_in(2)));
                assert!(canary.calls < 60, "{canary:?}");
            }
        }
    }

    #[test]
    fn a_sample_is_what_came_after_another() {
        let (before, after) = (timed(&[(10, 1.0)]), timed(&[(10, 1.0), (5, 100.0)]));
        assert_eq!(after.since(&before), timed(&[(5, 100.0)]));
        assert_eq!(after.since(&Sample::default()), after);
    }
}
