//! How many refusals of one caller are written: so that whoever is refused a thousand
//! times a second fills no disk, and pushes nobody else's lines out of the files.
//!
//! It owns what is left to each caller, and what was not written of it. It never
//! writes anything.

use std::collections::HashMap;
use std::mem;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// For how long an allowance is.
const MINUTE: Duration = Duration::from_secs(60);

/// Callers that are told apart. Those beyond are as one with all whom nobody knows.
const CALLERS_MAX: usize = 10_000;

/// All whom nobody knows.
pub(super) const STRANGERS: &str = "";

/// What is left to each caller.
#[derive(Debug)]
pub(super) struct Allowances {
    per_minute: u32,
    known: Mutex<HashMap<Box<str>, Allowance>>,
}

/// Of one caller.
#[derive(Debug)]
struct Allowance {
    since: Instant,
    written: u32,
    /// since the last that was
    unwritten: u64,
}

impl Allowances {
    pub(super) fn new(per_minute: u32) -> Self {
        Self {
            per_minute,
            known: Mutex::default(),
        }
    }

    /// Whether any is written at all.
    pub(super) fn is_on(&self) -> bool {
        self.per_minute > 0
    }

    /// One more refusal. How many of the same caller before it were not written; none:
    /// this one isn't either.
    pub(super) fn take(&self, caller: &str, now: Instant) -> Option<u64> {
        let mut known = self.known.lock();
        let is_crowded = known.len() >= CALLERS_MAX && !known.contains_key(caller);
        let caller = if is_crowded { STRANGERS } else { caller };
        if !known.contains_key(caller) {
            known.insert(caller.into(), Allowance::new(now));
        }
        // It was put there just now, if it was not.
        let one = known.get_mut(caller)?;
        if now.saturating_duration_since(one.since) >= MINUTE {
            (one.since, one.written) = (now, 0);
        }
        if one.written >= self.per_minute {
            one.unwritten += 1;
            return None;
        }
        one.written += 1;
        Some(mem::take(&mut one.unwritten))
    }

    /// Forgets those whose minute is over, or all. Of which callers how many were not
    /// written, that no later line told of.
    pub(super) fn sweep(&self, now: Instant, all: bool) -> Vec<(Box<str>, u64)> {
        let is_over = |one: &Allowance| all || now.saturating_duration_since(one.since) >= MINUTE;
        let mut known = self.known.lock();
        let over = known.extract_if(|_, one| is_over(one));
        over.map(|(caller, one)| (caller, one.unwritten))
            .filter(|(_, unwritten)| *unwritten > 0)
            .collect()
    }
}

impl Allowance {
    fn new(since: Instant) -> Self {
        Self {
            since,
            written: 0,
            unwritten: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_so_many_a_minute_and_the_rest_is_counted() {
        let allowances = Allowances::new(2);
        let now = Instant::now();
        let taken = |caller, now| allowances.take(caller, now);
        assert_eq!([taken("a", now), taken("a", now)], [Some(0), Some(0)]);
        assert_eq!([taken("a", now), taken("a", now)], [None, None]);
        assert_eq!(taken("b", now), Some(0), "each has its own");
        let later = now + MINUTE;
        assert_eq!([taken("a", later), taken("a", later)], [Some(2), Some(0)]);
        assert_eq!(taken("a", later), None);
    }

    #[test]
    fn what_no_line_told_of_is_told_at_the_end_of_the_minute() {
        let allowances = Allowances::new(1);
        let now = Instant::now();
        for _ in 0..4 {
            allowances.take(STRANGERS, now);
        }
        allowances.take("a", now);
        assert_eq!(allowances.sweep(now, false), []);
        let expected = [(Box::from(STRANGERS), 3)];
        assert_eq!(allowances.sweep(now + MINUTE, false), expected);
        assert!(allowances.known.lock().is_empty());
        allowances.take("a", now);
        allowances.take("a", now);
        assert_eq!(allowances.sweep(now, true), [(Box::from("a"), 1)]);
    }

    #[test]
    fn a_crowd_is_bounded_and_those_beyond_share() {
        let allowances = Allowances::new(1);
        let now = Instant::now();
        for number in 0..CALLERS_MAX {
            assert_eq!(allowances.take(&format!("key:{number}"), now), Some(0));
        }
        assert_eq!(allowances.take("key:late", now), Some(0));
        assert_eq!(allowances.take("key:later", now), None);
        assert_eq!(allowances.take(STRANGERS, now), None);
        assert_eq!(allowances.take("key:7", now), None, "it has its own still");
        assert!(allowances.known.lock().len() <= CALLERS_MAX + 1);
    }
}
