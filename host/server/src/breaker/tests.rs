//! Every edge of the breaker, as tables of steps at given times.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Barrier;

use super::*;

fn breaker(failures: u32, timeout_ms: u64, probes: u32) -> Arc<Breaker> {
    Breaker::new(CircuitBreaker {
        failure_threshold: NonZeroU32::new(failures).unwrap(),
        timeout: Duration::from_millis(timeout_ms),
        half_open_requests: NonZeroU32::new(probes).unwrap(),
    })
}

/// Plays `steps`, `what -> outcome` one a line, on a breaker that opens at the
/// third fault, for 100 ms, and closes after two probes. What can be done:
/// `at MS`, `NAME calls`, `NAME succeeds`, `NAME faults`, `NAME leaves`,
/// `fault` (a whole call), `success` (a whole call), `state`.
fn check(steps: &str) {
    let breaker = breaker(3, 100, 2);
    let start = Instant::now();
    let mut now = start;
    let mut permits: HashMap<&str, Permit> = HashMap::new();
    for (number, step) in steps.trim().lines().enumerate() {
        let (what, expected) = step.trim().split_once(" -> ").unwrap_or((step.trim(), ""));
        let change = |changed| if changed { "changes" } else { "" }.to_owned();
        let refused =
            |open: Open| format!("refused {} {}", open.retry_after.as_millis(), open.faults);
        let words: Vec<&str> = what.split(' ').collect();
        let outcome = match words[..] {
            ["at", ms] => {
                now = start + Duration::from_millis(ms.parse().unwrap());
                String::new()
            }
            ["state"] => match breaker.state(now) {
                BreakerState::Closed { consecutive_faults } => {
                    format!("closed {consecutive_faults}")
                }
                BreakerState::Open { retry_after } => {
                    format!("open {}", retry_after.as_millis())
                }
                BreakerState::HalfOpen {
                    good_probes,
                    in_flight,
                } => {
                    format!("half-open {good_probes} {in_flight}")
                }
            },
            ["fault"] => match breaker.try_acquire(now) {
                Ok(permit) => change(permit.fault(now)),
                Err(open) => refused(open),
            },
            ["success"] => match breaker.try_acquire(now) {
                Ok(permit) => change(permit.success()),
                Err(open) => refused(open),
            },
            [name, "calls"] => match breaker.try_acquire(now) {
                Ok(permit) => {
                    assert!(permits.insert(name, permit).is_none(), "two calls {name}");
                    String::new()
                }
                Err(open) => refused(open),
            },
            [name, "succeeds"] => change(permits.remove(name).unwrap().success()),
            [name, "faults"] => change(permits.remove(name).unwrap().fault(now)),
            [name, "leaves"] => {
                drop(permits.remove(name).unwrap());
                String::new()
            }
            _ => panic!("unknown step {what:?}"),
        };
        assert_eq!(outcome, expected, "step {}: {what}", number + 1);
    }
}

#[test]
fn faults_in_a_row_open_it() {
    check(
        "state -> closed 0
         fault
         fault
         state -> closed 2
         success
         state -> closed 0
         fault
         fault
         fault -> changes
         state -> open 100
         success -> refused 100 3",
    );
}

#[test]
fn it_stays_open_for_its_whole_time_and_not_longer() {
    check(
        "at 50
         fault
         fault
         fault -> changes
         at 149
         state -> open 1
         a calls -> refused 1 3
         at 150
         state -> half-open 0 0
         a calls
         state -> half-open 0 1",
    );
}

#[test]
fn good_probes_close_it() {
    check(
        "fault
         fault
         fault -> changes
         at 100
         success
         state -> half-open 1 0
         success -> changes
         state -> closed 0
         fault
         fault
         state -> closed 2
         fault -> changes",
    );
}

#[test]
fn only_as_many_probes_pass_as_are_needed() {
    check(
        "fault
         fault
         fault -> changes
         at 100
         a calls
         b calls
         c calls -> refused 100 3
         a succeeds
         state -> half-open 1 1
         c calls -> refused 100 3
         b succeeds -> changes
         c calls
         state -> closed 0",
    );
}

#[test]
fn a_fault_of_a_probe_opens_it_for_the_whole_time() {
    check(
        "fault
         fault
         fault -> changes
         at 130
         success
         fault -> changes
         state -> open 100
         at 229
         a calls -> refused 1 4
         at 230
         state -> half-open 0 0
         success
         success -> changes",
    );
}

#[test]
fn a_probe_whose_caller_leaves_makes_room_and_counts_nothing() {
    check(
        "fault
         fault
         fault -> changes
         at 100
         a calls
         b calls
         a leaves
         state -> half-open 0 1
         c calls
         d calls -> refused 100 3
         b leaves
         c leaves
         state -> half-open 0 0
         at 9000
         state -> half-open 0 0
         success
         success -> changes",
    );
}

#[test]
fn a_call_whose_caller_leaves_does_not_end_a_row_of_faults() {
    check(
        "fault
         fault
         a calls
         a leaves
         state -> closed 2
         fault -> changes",
    );
}

#[test]
fn results_of_calls_from_before_it_opened_count_nothing() {
    check(
        "a calls
         b calls
         c calls
         d calls
         fault
         fault
         fault -> changes
         a succeeds
         b faults
         state -> open 100
         at 100
         p calls
         c succeeds
         d faults
         state -> half-open 0 1
         p succeeds
         state -> half-open 1 0",
    );
}

#[test]
fn calls_from_before_it_opened_count_nothing_after_it_closed() {
    check(
        "a calls
         b calls
         fault
         fault
         fault -> changes
         at 100
         success
         success -> changes
         fault
         a succeeds
         b faults
         state -> closed 1",
    );
}

#[test]
fn a_probe_of_an_earlier_half_open_time_keeps_its_place_and_counts_nothing() {
    check(
        "fault
         fault
         fault -> changes
         at 100
         a calls
         fault -> changes
         at 200
         state -> half-open 0 1
         b calls
         c calls -> refused 100 4
         a succeeds
         state -> half-open 0 1
         c calls
         b succeeds
         c succeeds -> changes",
    );
}

#[test]
fn a_late_fault_of_an_earlier_probe_does_not_open_it_again() {
    check(
        "fault
         fault
         fault -> changes
         at 100
         a calls
         fault -> changes
         at 200
         success
         a faults
         state -> half-open 1 0
         success -> changes",
    );
}

#[test]
fn each_opening_is_counted() {
    let breaker = breaker(1, 10, 1);
    let start = Instant::now();
    assert_eq!(breaker.opened_total(), 0);
    for opened in 1..=3 {
        let now = start + Duration::from_millis(10 * opened);
        assert!(breaker.try_acquire(now).unwrap().fault(now));
        assert_eq!(breaker.opened_total(), opened);
    }
}

#[test]
fn a_long_timeout_is_not_what_a_caller_waits_for_while_probes_run() {
    let breaker = breaker(1, 30_000, 1);
    let start = Instant::now();
    assert!(breaker.try_acquire(start).unwrap().fault(start));
    let later = start + Duration::from_millis(30_000);
    let probe = breaker.try_acquire(later).unwrap();
    let open = breaker.try_acquire(later).unwrap_err();
    assert_eq!(
        open.to_string(),
        "circuit breaker is open after 1 faults: retry after 1000 ms"
    );
    assert!(probe.success());
}

#[test]
fn a_reset_closes_it_and_what_began_before_counts_no_more() {
    let breaker = breaker(2, 30_000, 1);
    let now = Instant::now();
    let early = breaker.try_acquire(now).unwrap();
    for _ in 0..2 {
        let _ = breaker.try_acquire(now).unwrap().fault(now);
    }
    assert!(breaker.try_acquire(now).is_err());
    assert!(matches!(breaker.reset(now), BreakerState::Open { .. }));
    let closed = |consecutive_faults| BreakerState::Closed { consecutive_faults };
    assert_eq!(breaker.state(now), closed(0));
    assert!(!early.fault(now), "of the time before");
    assert_eq!(breaker.state(now), closed(0));
    // A closed one forgets the faults that it counted.
    assert!(!breaker.try_acquire(now).unwrap().fault(now));
    assert_eq!(breaker.reset(now), closed(1));
    assert!(!breaker.try_acquire(now).unwrap().fault(now));
    assert_eq!(breaker.state(now), closed(1));
}

#[test]
fn a_reset_among_probes_gives_their_places_back() {
    let breaker = breaker(1, 10, 1);
    let start = Instant::now();
    let _ = breaker.try_acquire(start).unwrap().fault(start);
    let later = start + Duration::from_millis(10);
    let probe = breaker.try_acquire(later).unwrap();
    let was = breaker.reset(later);
    assert!(matches!(was, BreakerState::HalfOpen { .. }), "{was:?}");
    assert!(!probe.success(), "it is closed already");
    let _ = breaker.try_acquire(later).unwrap().fault(later);
    let again = later + Duration::from_millis(10);
    assert!(breaker.try_acquire(again).is_ok(), "no place is lost");
}

/// Many threads at once: never more probes than allowed, none lost.
#[test]
fn probes_are_bounded_across_threads() {
    const THREADS: usize = 8;
    let breaker = breaker(1, 10, 3);
    let start = Instant::now();
    assert!(breaker.try_acquire(start).unwrap().fault(start));
    let later = start + Duration::from_millis(10);
    let barrier = Barrier::new(THREADS);
    let granted: usize = std::thread::scope(|scope| {
        let tasks: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    let permit = breaker.try_acquire(later);
                    barrier.wait();
                    usize::from(permit.is_ok())
                })
            })
            .collect();
        tasks.into_iter().map(|task| task.join().unwrap()).sum()
    });
    assert_eq!(granted, 3);
    let state = BreakerState::HalfOpen {
        good_probes: 0,
        in_flight: 0,
    };
    assert_eq!(breaker.state(later), state);
}

#[test]
fn a_permit_can_be_held_by_a_task() {
    fn is_task_safe<T: Send + Sync + 'static>() {}
    is_task_safe::<Permit>();
}

#[test]
fn other_settings_hold_for_the_next_fault_and_what_it_has_done_stays() {
    let breaker = breaker(3, 100, 1);
    let now = Instant::now();
    assert!(!breaker.try_acquire(now).unwrap().fault(now));
    breaker.set(CircuitBreaker {
        failure_threshold: NonZeroU32::new(2).unwrap(),
        timeout: Duration::from_millis(7),
        half_open_requests: NonZeroU32::new(1).unwrap(),
    });
    assert!(breaker.try_acquire(now).unwrap().fault(now), "the second");
    let open = breaker.try_acquire(now).unwrap_err();
    assert_eq!(open.retry_after, Duration::from_millis(7));
}
