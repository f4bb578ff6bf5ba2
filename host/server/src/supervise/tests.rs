//! Proves that a part that panics, ends or stalls is started anew, apart from the
//! others, and that it is told.

use std::sync::atomic::AtomicUsize;

use super::watchdog::Watch;
use super::*;

fn parts() -> Arc<Parts> {
    Parts::new(Instant::now(), CancellationToken::new(), TaskTracker::new())
}

/// Waits until something holds.
async fn until(holds: impl Fn() -> bool) {
    for _ in 0..100_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("waited in vain");
}

fn of(parts: &Parts, name: &str) -> PartReport {
    parts.report().remove(name).unwrap()
}

#[tokio::test]
async fn who_panics_is_started_anew_and_the_others_go_on() {
    let parts = parts();
    let (begun, turns) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = turns.clone();
    parts.part("steady").keep(move |pulse| {
        let counted = counted.clone();
        async move {
            loop {
                pulse.beat();
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    });
    let counted = begun.clone();
    parts.part("weak").keep(move |_| {
        let number = counted.fetch_add(1, Ordering::Relaxed);
        async move {
            assert!(number >= 4, "the {number}. time");
            std::future::pending::<()>().await;
        }
    });
    until(|| begun.load(Ordering::Relaxed) == 5).await;
    let weak = of(&parts, "weak");
    assert_eq!((weak.state, weak.restarts), (State::Running, 4));
    assert_eq!(
        weak.last_reason.as_deref(),
        Some("it panicked: the 3. time")
    );
    assert_eq!(parts.panics(), 4);
    assert_eq!(
        parts.trouble(Instant::now()),
        ["the part weak fails again and again: it panicked: the 3. time"]
    );
    let later = Instant::now() + WELL_AFTER;
    assert_eq!(parts.trouble(later), Vec::<String>::new());
    let before = turns.load(Ordering::Relaxed);
    until(|| turns.load(Ordering::Relaxed) > before).await;
    assert_eq!(of(&parts, "steady").restarts, 0);
}

#[tokio::test]
async fn an_end_is_a_failure_unless_it_is_time() {
    let parts = parts();
    parts.part("early").keep(|_| async {});
    parts.part("done").may_end().keep(|_| async {});
    let stopping = parts.stopping.clone();
    parts.part("awaited").is_awaited().keep(move |_| {
        let stopping = stopping.clone();
        async move { stopping.cancelled().await }
    });
    until(|| of(&parts, "early").restarts > 1).await;
    assert_eq!(
        of(&parts, "early").last_reason.as_deref(),
        Some("it ended by itself")
    );
    until(|| of(&parts, "done").state == State::Ended).await;
    assert_eq!(of(&parts, "done").restarts, 0);
    parts.stopping.cancel();
    parts.tasks.close();
    parts.tasks.wait().await;
    assert_eq!(of(&parts, "awaited").state, State::Ended);
    until(|| of(&parts, "early").state == State::Ended).await;
}

#[tokio::test]
async fn who_waits_for_ever_is_started_anew() {
    let parts = parts();
    let begun = Arc::new(AtomicUsize::new(0));
    let counted = begun.clone();
    let stalls = parts.part("stalls").beats_within(Duration::ZERO);
    stalls.keep(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::pending()
    });
    let ticks = parts.part("ticks");
    ticks.keep(|_| std::future::pending());
    until(|| begun.load(Ordering::Relaxed) == 1).await;
    let mut watch = Watch::of(&parts);
    // As it would look after that time: of the runtime it has heard just now, of one
    // part as well, and of the other nothing.
    let now = Instant::now();
    let soon = now + PATIENCE / 2;
    watch.beat_at(soon);
    assert!(watch.look(soon));
    assert_eq!(of(&parts, "stalls").restarts, 0);
    let late = now + PATIENCE + Duration::from_secs(2);
    watch.beat_at(late);
    let all = parts.all.lock().get("ticks").cloned().unwrap();
    all.beat.store(
        u64::try_from(PATIENCE.as_millis()).unwrap(),
        Ordering::Relaxed,
    );
    assert!(watch.look(late));
    until(|| begun.load(Ordering::Relaxed) == 2).await;
    let stalls = of(&parts, "stalls");
    assert_eq!(stalls.restarts, 1);
    assert_eq!(
        stalls.last_reason.as_deref(),
        Some("it showed no sign of life for 30000 ms")
    );
    assert_eq!(of(&parts, "ticks").restarts, 0);
    // Of a runtime that doesn't turn no part is blamed, and systemd hears nothing.
    assert!(!watch.look(late + RUNTIME_LATE));
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(of(&parts, "stalls").restarts, 1);
}

/// Longer than a runtime may not turn.
const RUNTIME_LATE: Duration = Duration::from_secs(3600);

#[test]
fn the_watchdog_feeds_while_the_runtime_turns_and_only_then() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let fed = Arc::new(AtomicUsize::new(0));
    let counted = fed.clone();
    let every = Some(Duration::from_millis(5));
    let watchdog = runtime.block_on(async {
        let feed = move || {
            counted.fetch_add(1, Ordering::Relaxed);
        };
        Watchdog::start(&parts(), every, feed)
    });
    runtime.block_on(until(|| fed.load(Ordering::Relaxed) > 3));
    drop(watchdog);
}

#[test]
fn the_wait_doubles_up_to_its_bound() {
    let waits: Vec<u128> = (1..=4)
        .map(|failures| backoff(failures).as_millis())
        .collect();
    assert_eq!(waits, [100, 200, 400, 800]);
    assert_eq!(backoff(1000), BACKOFF_MAX);
}
