//! The proofs that a gate never loses a place, and that its line is fair.

use std::sync::Arc;

use super::*;

const SOON: Duration = Duration::from_secs(60);

fn patience(line_max: usize) -> Patience {
    Patience {
        line_max,
        left: SOON,
        pace: None,
    }
}

fn queued(gate: &Gate, origin: u64) -> Queued<'_> {
    match gate.stand(origin, patience(1000)) {
        Stood::Queued(queued) => queued,
        other => panic!("{other:?}"),
    }
}

/// Whether it is its turn now.
fn is_in(queued: &mut Queued<'_>) -> bool {
    queued.entered || {
        queued.entered = queued.turn.try_recv().is_ok();
        queued.entered
    }
}

#[test]
fn there_are_so_many_places_and_no_more() {
    let gate = Gate::new(2);
    let first = gate.try_enter();
    let second = gate.try_enter();
    assert!(first.is_some() && second.is_some() && gate.try_enter().is_none());
    drop(first);
    assert!(gate.try_enter().is_some());
}

#[test]
fn a_line_is_bounded_and_nobody_passes_it() {
    let gate = Gate::new(1);
    let place = gate.try_enter().unwrap();
    let mut waiting = queued(&gate, 1);
    assert!(matches!(gate.stand(2, patience(1)), Stood::Full(_)));
    assert_eq!(gate.waiting(), 1);
    drop(place);
    assert!(gate.try_enter().is_none(), "the place has an owner");
    assert!(is_in(&mut waiting));
    assert_eq!(gate.waiting(), 0);
}

/// The order in which calls of these connections are let in.
fn order(arrivals: &[u64]) -> Vec<u64> {
    let gate = Gate::new(1);
    let mut place = gate.try_enter();
    let mut line: Vec<_> = arrivals
        .iter()
        .map(|&one| (one, queued(&gate, one)))
        .collect();
    let mut served = Vec::new();
    while !line.is_empty() {
        drop(place.take());
        let at = line.iter_mut().position(|(_, one)| is_in(one)).unwrap();
        let (origin, _) = line.remove(at);
        served.push(origin);
        place = Some(Entered(&gate));
    }
    served
}

#[test]
fn connections_take_turns() {
    assert_eq!(order(&[1, 1, 1, 1, 2, 3, 2]), [1, 2, 3, 1, 2, 1, 1]);
    assert_eq!(order(&[1, 2, 3]), [1, 2, 3]);
    // A flood of one, and then one call of another: next but one at the latest.
    let mut flood = vec![1; 500];
    flood.push(2);
    assert_eq!(order(&flood)[..3], [1, 2, 1]);
}

#[test]
fn a_late_comer_joins_the_round_that_is_served() {
    let gate = Gate::new(1);
    let place = gate.try_enter().unwrap();
    let mut flood: Vec<_> = (0..10).map(|_| queued(&gate, 1)).collect();
    let mut place = Some(place);
    for served in flood.iter_mut().take(5) {
        drop(place.take());
        assert!(is_in(served));
        place = Some(Entered(&gate));
    }
    let mut quiet = queued(&gate, 2);
    drop(place.take());
    // Its round is the one of the call that was let in last.
    assert!(is_in(&mut quiet));
}

#[test]
fn who_goes_away_loses_nothing_for_others() {
    let gate = Gate::new(1);
    let place = gate.try_enter().unwrap();
    let gone = queued(&gate, 1);
    let granted = queued(&gate, 2);
    let mut last = queued(&gate, 3);
    drop(gone);
    assert_eq!(gate.waiting(), 2);
    drop(place);
    // It was let in and goes away without having noticed.
    drop(granted);
    assert!(is_in(&mut last));
    drop(Entered(&gate));
    std::mem::forget(last);
    assert!(gate.try_enter().is_some());
    assert!(gate.line.lock().shares.is_empty());
}

#[test]
fn who_would_come_too_late_is_told_at_once() {
    let gate = Gate::new(2);
    let _places = (gate.try_enter(), gate.try_enter());
    let hurried = |origin, left| {
        let patience = Patience {
            line_max: 1000,
            left,
            pace: Some(Duration::from_millis(100)),
        };
        gate.stand(origin, patience)
    };
    let ten: Vec<_> = (0..10).map(|_| queued(&gate, 1)).collect();
    // The eleventh of a connection stands behind the ten others.
    match hurried(1, Duration::from_millis(550)) {
        Stood::Hopeless(wait) => assert_eq!(wait, Duration::from_millis(550)),
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        hurried(1, Duration::from_millis(551)),
        Stood::Queued(_)
    ));
    // Another connection stands behind one of them.
    match hurried(2, Duration::from_millis(100)) {
        Stood::Hopeless(wait) => assert_eq!(wait, Duration::from_millis(100)),
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        hurried(2, Duration::from_millis(101)),
        Stood::Queued(_)
    ));
    drop(ten);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_place_is_lost_among_many_threads() {
    let gate = Arc::new(Gate::new(3));
    let inside = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..64_u64)
        .map(|number| {
            let (gate, inside) = (gate.clone(), inside.clone());
            tokio::spawn(async move {
                for turn in 0..200_u64 {
                    let deadline = Instant::now() + SOON;
                    let entered = match gate.try_enter() {
                        Some(entered) => entered,
                        None => match gate.stand(number % 7, patience(1000)) {
                            Stood::Entered(entered) => entered,
                            Stood::Queued(queued) if turn % 5 == 0 => {
                                tokio::task::yield_now().await;
                                drop(queued);
                                continue;
                            }
                            Stood::Queued(queued) => queued.enter(deadline).await.unwrap(),
                            other => panic!("{other:?}"),
                        },
                    };
                    assert!(inside.fetch_add(1, Ordering::SeqCst) < 3);
                    if turn % 3 == 0 {
                        tokio::task::yield_now().await;
                    }
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(entered);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(gate.waiting(), 0);
    assert_eq!(gate.free.load(Ordering::SeqCst), 3);
}
