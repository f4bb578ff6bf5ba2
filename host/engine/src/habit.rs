//! What is known of how a handler behaves: whether its calls end within a slice
//! and need nothing that waits.
//!
//! It owns the decision whether a call is tried in one go. It never runs one.

use std::sync::atomic::{AtomicU32, Ordering};

/// Calls that take the other way after the first miss.
const REST_MIN: u32 = 8;

/// Calls that take the other way after many misses in a row.
const REST_MAX: u32 = 4096;

/// The habit of one handler, kept by whoever calls it. A new one is tried in one
/// go; each miss in a row doubles the time until it is tried again.
#[derive(Debug, Default)]
pub struct Habit {
    /// calls that are still to take the other way
    resting: AtomicU32,
    /// how many it were after the last miss; 0: the last try was a hit
    rest: AtomicU32,
}

impl Habit {
    /// Whether the next call is worth a try in one go.
    pub(crate) fn try_quick(&self) -> bool {
        // A call counted twice or not at all changes only when the next try is.
        let resting = self.resting.load(Ordering::Relaxed);
        if resting == 0 {
            return true;
        }
        self.resting.store(resting - 1, Ordering::Relaxed);
        false
    }

    /// A try was a hit.
    pub(crate) fn hit(&self) {
        if self.rest.load(Ordering::Relaxed) != 0 {
            self.rest.store(0, Ordering::Relaxed);
        }
    }

    /// A try had to be given up.
    pub(crate) fn miss(&self) {
        let rest = self.rest.load(Ordering::Relaxed);
        let rest = rest.saturating_mul(2).clamp(REST_MIN, REST_MAX);
        self.rest.store(rest, Ordering::Relaxed);
        self.resting.store(rest, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls until the next try.
    fn rests(habit: &Habit) -> u32 {
        std::iter::repeat_with(|| habit.try_quick())
            .take_while(|quick| !quick)
            .count() as u32
    }

    #[test]
    fn each_miss_in_a_row_doubles_the_rest_up_to_a_bound_and_a_hit_forgets() {
        let habit = Habit::default();
        assert_eq!(rests(&habit), 0);
        let mut expected = REST_MIN;
        for _ in 0..12 {
            habit.miss();
            assert_eq!(rests(&habit), expected);
            expected = (expected * 2).min(REST_MAX);
        }
        habit.hit();
        habit.miss();
        assert_eq!(rests(&habit), REST_MIN);
    }
}
