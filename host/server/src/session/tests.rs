//! When sessions end, and whom that reaches.

use super::*;

fn table(max: usize) -> (Sessions, Instant) {
    let start = Instant::now();
    let meters = Arc::new(Meters::new(start));
    let idle = Duration::from_secs(60);
    let logs = LogLimits {
        max_events: 8,
        max_bytes: 1 << 10,
        total_max_bytes: 1 << 10,
        keep: idle,
    };
    (Sessions::new(max, 4, idle, logs, start, meters), start)
}

#[test]
fn a_full_table_makes_room_only_by_what_is_idle() {
    let (sessions, start) = table(1);
    let open = |id: &str, now| {
        sessions
            .open(
                id.to_owned(),
                Arc::new(Agreement::assumed(Audience::default())),
                now,
            )
            .map(|session| session.id.clone())
    };
    assert_eq!(open("a", start), Ok("a".to_owned()));
    let soon = start + Duration::from_secs(59);
    assert_eq!(open("b", soon), Err(TooManySessions { limit: 1 }));
    let late = start + Duration::from_secs(60);
    assert_eq!(open("b", late), Ok("b".to_owned()));
    assert!(sessions.get("a", late).is_none());
}

#[test]
fn a_session_in_use_is_never_idle() {
    let (sessions, start) = table(8);
    let held = sessions
        .open(
            "a".to_owned(),
            Arc::new(Agreement::assumed(Audience::default())),
            start,
        )
        .unwrap();
    let late = start + Duration::from_secs(3600);
    sessions.sweep(late);
    assert!(sessions.get("a", start).is_some());
    drop(held);
    sessions.sweep(late);
    assert!(sessions.get("a", late).is_none());
}

#[test]
fn the_end_of_a_session_is_told_to_its_streams() {
    let (sessions, start) = table(8);
    let session = sessions
        .open(
            "a".to_owned(),
            Arc::new(Agreement::assumed(Audience::default())),
            start,
        )
        .unwrap();
    assert!(sessions.close("a"));
    assert!(session.ended.is_cancelled());
    assert!(!sessions.close("a"));
}

#[test]
fn the_end_of_a_call_leaves_a_later_one_of_its_id_alone() {
    let calls = CallsInFlight::default();
    let first = calls.register(RequestId::from(1));
    let second = calls.register(RequestId::from(1));
    drop(first);
    calls.cancel(&RequestId::from(1));
    assert!(second.cancelled.is_cancelled());
}

#[test]
fn a_cancelled_call_is_told_and_forgotten() {
    let calls = CallsInFlight::default();
    let call = calls.register(RequestId::from(1));
    calls.cancel(&RequestId::from(2));
    assert!(!call.cancelled.is_cancelled());
    calls.cancel(&RequestId::from(1));
    assert!(call.cancelled.is_cancelled());
    drop(call);
    assert!(calls.table.lock().is_empty());
}
