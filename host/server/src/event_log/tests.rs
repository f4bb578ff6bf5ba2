//! Proves what the log keeps and refuses, with times and sizes as arguments.

use super::*;

const KEEP: Duration = Duration::from_secs(60);

fn room(max_events: usize, max_bytes: usize, total_max_bytes: usize) -> Arc<LogRoom> {
    Arc::new(LogRoom::new(LogLimits {
        max_events,
        max_bytes,
        total_max_bytes,
        keep: KEEP,
    }))
}

fn wide() -> Arc<LogRoom> {
    room(100, 1 << 20, 1 << 20)
}

/// Says something, and gives the id of the event.
#[track_caller]
fn say(log: &EventLog, stream: u64, text: &str) -> String {
    let (event, _) = log.record(stream, text.to_owned().into()).unwrap();
    event.id
}

/// What comes after an event.
fn after(log: &EventLog, id: &str, now: Instant) -> Result<Vec<Bytes>, Lost> {
    let reader = log.resume(id, now)?;
    Ok(reader.missed.into_iter().map(|event| event.data).collect())
}

#[test]
fn what_came_after_an_event_is_replayed_under_the_same_ids() {
    let (log, now) = (EventLog::new(wide(), "s"), Instant::now());
    let (first, second) = (log.open_call(now).stream, log.open_call(now).stream);
    let ids = ["a", "b", "c"].map(|text| {
        say(&log, second, "other");
        say(&log, first, text)
    });
    let priming = log.priming_id(first);
    assert_eq!(after(&log, &priming, now).unwrap(), ["a", "b", "c"]);
    assert_eq!(after(&log, &ids[0], now).unwrap(), ["b", "c"]);
    assert_eq!(after(&log, &ids[2], now).unwrap(), Vec::<Bytes>::new());
    let missed = log.resume(&ids[1], now).unwrap().missed;
    assert_eq!(missed[0].id, ids[2]);
}

#[test]
fn an_id_that_this_log_did_not_give_is_unknown() {
    let (room, now) = (wide(), Instant::now());
    let logs = ["a", "b"].map(|session| EventLog::new(room.clone(), session));
    let ids = logs.each_ref().map(|log| {
        let stream = log.open_call(now).stream;
        say(log, stream, "x")
    });
    assert_eq!(after(&logs[0], &ids[1], now), Err(Lost::Unknown));
    let own = &ids[0];
    let (stem, _) = own.rsplit_once('-').unwrap();
    for id in [
        "",
        "-",
        "0-0-0",
        &format!("{stem}-2"),
        &format!("{stem}-01"),
        &format!("{own}-"),
    ] {
        assert_eq!(after(&logs[0], id, now), Err(Lost::Unknown), "{id}");
    }
    assert_eq!(after(&logs[0], own, now), Ok(Vec::new()));
}

#[test]
fn the_oldest_events_make_room_and_are_never_skipped_silently() {
    let (log, now) = (
        EventLog::new(room(2, 1 << 20, 1 << 20), "s"),
        Instant::now(),
    );
    let stream = log.open_call(now).stream;
    let ids = ["a", "b", "c"].map(|text| say(&log, stream, text));
    assert_eq!(
        after(&log, &log.priming_id(stream), now),
        Err(Lost::Dropped)
    );
    assert_eq!(after(&log, &ids[0], now).unwrap(), ["b", "c"]);
    // Another stream's events take the same room.
    let other = log.open_call(now).stream;
    say(&log, other, "d");
    assert_eq!(after(&log, &ids[0], now), Err(Lost::Dropped));
    assert_eq!(after(&log, &ids[1], now).unwrap(), ["c"]);
}

#[test]
fn bytes_are_bounded_for_a_session_and_for_all() {
    let now = Instant::now();
    let size = EVENT_BYTES + 1;
    let room = room(100, 2 * size, 3 * size);
    let logs = ["a", "b"].map(|session| EventLog::new(room.clone(), session));
    let streams = logs.each_ref().map(|log| log.open_call(now).stream);
    let ids = ["1", "2", "3"].map(|text| say(&logs[0], streams[0], text));
    assert_eq!(room.used_bytes.load(Ordering::Relaxed), 2 * size);
    assert_eq!(after(&logs[0], &ids[0], now).unwrap(), ["2", "3"]);
    let ids = ["4", "5"].map(|text| say(&logs[1], streams[1], text));
    assert_eq!(room.used_bytes.load(Ordering::Relaxed), 3 * size);
    assert_eq!(after(&logs[1], &ids[0], now).unwrap(), ["5"]);
    drop(logs);
    assert_eq!(room.used_bytes.load(Ordering::Relaxed), 0);
}

#[test]
fn an_event_too_large_to_keep_leaves_a_gap_that_is_told() {
    let (log, now) = (
        EventLog::new(room(100, EVENT_BYTES + 1, 1 << 20), "s"),
        Instant::now(),
    );
    let stream = log.open_call(now).stream;
    let before = say(&log, stream, "a");
    let large = say(&log, stream, "large");
    assert_eq!(after(&log, &before, now), Err(Lost::Dropped));
    say(&log, stream, "b");
    assert_eq!(after(&log, &before, now), Err(Lost::Dropped));
    assert_eq!(after(&log, &large, now).unwrap(), ["b"]);
}

#[test]
fn an_ended_stream_is_kept_for_a_while_and_then_nothing_is() {
    let (room, now) = (wide(), Instant::now());
    let log = EventLog::new(room.clone(), "s");
    let stream = log.open_call(now).stream;
    let id = log.priming_id(stream);
    say(&log, stream, "answer");
    log.end(stream, now);
    let soon = now + KEEP - Duration::from_millis(1);
    log.purge(soon);
    assert_eq!(after(&log, &id, soon).unwrap(), ["answer"]);
    log.purge(now + KEEP);
    assert!(log.kept.lock().is_none());
    assert_eq!(room.used_bytes.load(Ordering::Relaxed), 0);
    assert_eq!(after(&log, &id, now + KEEP), Err(Lost::Unknown));
    // Its id is not given to another stream.
    assert_ne!(log.priming_id(log.open_call(now).stream), id);
}

#[test]
fn a_stream_has_one_reader() {
    let (log, now) = (EventLog::new(wide(), "s"), Instant::now());
    let mut old = log.open_call(now);
    say(&log, old.stream, "a");
    let new = log.resume(&log.priming_id(old.stream), now).unwrap();
    assert!(old.replaced.is_cancelled() && !new.replaced.is_cancelled());
    let (event, live) = log.record(old.stream, "b".into()).unwrap();
    live.unwrap().events.try_send(event).unwrap();
    let (Follow::Call(old), Follow::Call(mut new)) = (&mut old.follow, new.follow) else {
        panic!("a call's stream");
    };
    assert!(old.try_recv().is_err());
    assert_eq!(new.try_recv().unwrap().data, "b");
}

#[test]
fn changes_wait_for_a_reader_that_went_away() {
    let (log, now) = (EventLog::new(wide(), "s"), Instant::now());
    let changes = || Box::pin(futures_util::stream::pending());
    let first = log.open_changes(changes(), now);
    let id = log.priming_id(first.stream);
    let second = log.resume(&id, now).unwrap();
    // The first one's going says nothing of the second.
    log.left(first.stream, first.serial, now);
    log.purge(now + KEEP);
    assert!(log.resume(&id, now + KEEP).is_ok());
    log.left(second.stream, second.serial + 1, now + KEEP);
    log.purge(now + 2 * KEEP);
    assert_eq!(after(&log, &id, now + 2 * KEEP), Err(Lost::Unknown));
}

#[test]
fn streams_that_nobody_reads_make_room_for_new_ones() {
    let (log, now) = (EventLog::new(wide(), "s"), Instant::now());
    let streams: Vec<u64> = (0..=STREAMS_MAX)
        .map(|_| {
            let stream = log.open_call(now).stream;
            log.end(stream, now);
            stream
        })
        .collect();
    assert_eq!(
        after(&log, &log.priming_id(streams[0]), now),
        Err(Lost::Unknown)
    );
    assert!(after(&log, &log.priming_id(streams[1]), now).is_ok());
}
