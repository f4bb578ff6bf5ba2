//! The figures at given times.

use super::*;

fn after(start: Instant, ms: u64) -> Instant {
    start + Duration::from_millis(ms)
}

#[test]
fn gauges_count_what_lives_and_totals_what_lived() {
    let start = Instant::now();
    let meters = Meters::new(start);
    let [first, second] = [Scheme::Http, Scheme::Quic].map(|scheme| meters.connection(scheme));
    let (session, queued) = (meters.session(), meters.queued());
    assert_eq!(meters.queue_depth(), 1);
    drop(first);
    let expected = MeterSnapshot {
        uptime_seconds: 2,
        connections: 1,
        connections_refused: 0,
        accepts_failed: 0,
        slow_readers: 0,
        connections_total: 2,
        sessions: 1,
        quic_connections: 0,
        quic_streams: 0,
        queue_depth: 1,
        requests_total: 0,
        messages_total: 0,
        throughput_msg_sec: 0.0,
        errors_1m: 0,
        errors_total: 0,
    };
    assert_eq!(meters.snapshot(after(start, 2999)), expected);
    let open = meters.connections_by().into_iter().filter(|one| one.1 > 0);
    assert_eq!(open.collect::<Vec<_>>(), [(Scheme::Quic, 1)]);
    drop((second, session, queued));
    let snapshot = meters.snapshot(start);
    let left = (
        snapshot.connections,
        snapshot.sessions,
        snapshot.queue_depth,
    );
    assert_eq!(left, (0, 0, 0));
    assert_eq!(snapshot.connections_total, 2);
}

#[test]
fn a_guard_may_outlive_its_meters() {
    let meters = Meters::new(Instant::now());
    let guard = meters.connection(Scheme::Tcp);
    drop(meters);
    drop(guard);
}

/// Each message is counted at one of `counted_ms`; at `at_ms` the throughput
/// is `expected`.
fn check_throughput(counted_ms: &[u64], at_ms: u64, expected: f64) {
    let start = Instant::now();
    let meters = Meters::new(start);
    for &ms in counted_ms {
        meters.message(after(start, ms));
    }
    let snapshot = meters.snapshot(after(start, at_ms));
    assert_eq!(
        snapshot.throughput_msg_sec, expected,
        "{counted_ms:?} at {at_ms}"
    );
    assert_eq!(snapshot.messages_total, counted_ms.len() as u64);
}

#[test]
fn throughput_is_that_of_the_last_ten_seconds() {
    check_throughput(&[], 0, 0.0);
    check_throughput(&[0, 0, 0], 0, 3.0);
    check_throughput(&[0, 999, 999], 1000, 3.0);
    check_throughput(&[0, 1000, 1500], 2000, 1.5);
    // Nine whole seconds and half of the tenth.
    check_throughput(&[0, 500, 9000], 9500, 3.0 / 9.5);
    // The second 0 has left the ring.
    check_throughput(&[0, 500, 9000, 10_000], 10_500, 2.0 / 9.5);
    check_throughput(&[0; 1000], 10_000, 0.0);
    // The second 10 takes the cell of the second 0 over.
    check_throughput(&[0, 0, 10_000], 10_000, 1.0 / 9.0);
}

/// Each error is counted at one of `counted_seconds`; at `at_seconds` the last
/// minute has `expected`.
fn check_errors(counted_seconds: &[u64], at_seconds: u64, expected: u64) {
    let start = Instant::now();
    let meters = Meters::new(start);
    for &second in counted_seconds {
        meters.error(after(start, second * 1000));
    }
    let snapshot = meters.snapshot(after(start, at_seconds * 1000));
    assert_eq!(
        snapshot.errors_1m, expected,
        "{counted_seconds:?} at {at_seconds}"
    );
    assert_eq!(snapshot.errors_total, counted_seconds.len() as u64);
}

#[test]
fn errors_are_those_of_the_last_minute() {
    check_errors(&[], 0, 0);
    check_errors(&[0, 0, 30], 30, 3);
    check_errors(&[0, 59], 59, 2);
    check_errors(&[0, 1, 59], 60, 2);
    check_errors(&[0, 1, 60, 60], 60, 3);
    check_errors(&[0, 1, 60, 61], 1_000_000, 0);
    // Late by more than the ring: counted in the total alone.
    check_errors(&[60, 0], 60, 1);
    // A second that has not begun for the reader.
    check_errors(&[5], 4, 0);
}

#[test]
fn a_request_is_a_message_too() {
    let start = Instant::now();
    let meters = Meters::new(start);
    meters.request(start);
    meters.message(start);
    let snapshot = meters.snapshot(start);
    assert_eq!((snapshot.requests_total, snapshot.messages_total), (1, 2));
}

#[test]
fn a_time_before_the_start_is_the_start() {
    let start = Instant::now();
    let meters = Meters::new(after(start, 5000));
    meters.message(start);
    let snapshot = meters.snapshot(start);
    assert_eq!((snapshot.uptime_seconds, snapshot.messages_total), (0, 1));
}

/// Threads that count at once, while a cell changes its second, lose nothing.
#[test]
fn no_count_is_lost_between_threads() {
    const THREADS: u64 = 4;
    const EACH: u64 = 10_000;
    let start = Instant::now();
    let meters = Meters::new(start);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for count in 0..EACH {
                    let now = after(start, count / 1000 * 1000);
                    meters.request(now);
                    meters.error(now);
                }
            });
        }
    });
    let snapshot = meters.snapshot(after(start, 9000));
    assert_eq!(snapshot.requests_total, THREADS * EACH);
    assert_eq!(snapshot.errors_1m, THREADS * EACH);
    assert_eq!(snapshot.throughput_msg_sec, (THREADS * EACH) as f64 / 9.0);
}

#[test]
fn the_names_in_json_are_those_that_operators_know() {
    let start = Instant::now();
    let meters = Meters::new(start);
    meters.request(start);
    meters.error(start);
    assert_eq!(
        serde_json::to_string(&meters.snapshot(start)).unwrap(),
        r#"{"uptime_seconds":0,"connections":0,"connections_total":0,"connections_refused":0,"accepts_failed":0,"slow_readers":0,"sessions":0,"quic_connections":0,"quic_streams":0,"queue_depth":0,"requests_total":1,"messages_total":1,"throughput_msg_sec":1.0,"errors_1m":1,"errors_total":1}"#
    );
}

#[test]
fn handlers_are_counted_with_their_newest_fault() {
    let counters = HandlerCounters::default();
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    for _ in 0..3 {
        counters.call();
    }
    counters.refusal();
    counters.fault("trap", at(5));
    counters.fault("fuel", at(7));
    assert_eq!(
        serde_json::to_string(&counters.snapshot()).unwrap(),
        r#"{"calls":3,"faults":2,"refused":1,"last_fault":{"reason":"fuel","at_unix_seconds":7}}"#
    );
    assert_eq!(counters.faults_by(), [("fuel", 1), ("trap", 1)].into());
    let quiet = HandlerCounters::default().snapshot();
    assert_eq!(quiet.last_fault, None);
}
