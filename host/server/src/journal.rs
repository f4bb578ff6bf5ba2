//! What has happened lately that an operator asks about at three in the morning: faults
//! with their reasons, breakers, and orders. (What became of plugins is the loader's.)
//!
//! It owns a bounded memory, newest last. It reads no clock, writes no log and is
//! touched by nothing but what is rare.

use std::collections::VecDeque;
use std::time::SystemTime;

use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::watch;

/// Entries kept of each of the two kinds: a storm of faults must not drive out what an
/// operator has done.
const KEPT: usize = 100;

/// Bytes of one text: reasons come from plugins.
const TEXT_MAX_BYTES: usize = 500;

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A call ended with a fault of its plugin.
    Fault {
        /// whose
        plugin: String,
        /// of what
        handler: String,
        /// its name on the wire (`data.reason`)
        reason: &'static str,
        /// what the caller was told
        message: String,
    },
    /// A breaker has changed its state.
    Breaker {
        /// whose
        plugin: String,
        /// of what
        handler: String,
        /// what it is now
        state: BreakerChange,
    },
    /// An operator has given an order.
    Order {
        /// what was to be done
        order: String,
        /// who gave it
        who: String,
        /// what became of it
        outcome: String,
    },
}

/// What a breaker has become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerChange {
    /// it refuses calls
    Open,
    /// its probes were good
    Closed,
    /// an operator has closed it
    Reset,
}

/// What has happened, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// rises by one with each entry, from 1 on
    pub seq: u64,
    /// in milliseconds since 1970
    pub at_ms: u64,
    /// what
    #[serde(flatten)]
    pub event: Event,
}

/// The memory.
#[derive(Debug)]
pub struct Journal {
    kept: Mutex<Kept>,
    newest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    newest: u64,
    faults: VecDeque<Entry>,
    changes: VecDeque<Entry>,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            newest: watch::Sender::new(0),
        }
    }
}

impl Journal {
    /// Keeps what has happened at `now`.
    pub fn note(&self, event: Event, now: SystemTime) {
        let since = now.duration_since(SystemTime::UNIX_EPOCH);
        let at_ms = u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX);
        let event = event.shortened();
        let mut kept = self.kept.lock();
        kept.newest += 1;
        let seq = kept.newest;
        let ring = match event {
            Event::Fault { .. } => &mut kept.faults,
            _ => &mut kept.changes,
        };
        if ring.len() == KEPT {
            ring.pop_front();
        }
        ring.push_back(Entry { seq, at_ms, event });
        drop(kept);
        self.newest.send_replace(seq);
    }

    /// What is kept of what came after the entry `seen`, oldest first.
    pub fn since(&self, seen: u64) -> Vec<Entry> {
        let kept = self.kept.lock();
        let all = kept.faults.iter().chain(&kept.changes);
        let mut new: Vec<_> = all.filter(|one| one.seq > seen).cloned().collect();
        drop(kept);
        new.sort_by_key(|one| one.seq);
        new
    }

    /// The number of the newest entry, and word of each later one.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }
}

impl Event {
    fn shortened(mut self) -> Self {
        match &mut self {
            Self::Fault { message, .. } => shorten(message),
            Self::Order { outcome, .. } => shorten(outcome),
            Self::Breaker { .. } => {}
        }
        self
    }
}

fn shorten(text: &mut String) {
    if text.len() > TEXT_MAX_BYTES {
        text.truncate(text.floor_char_boundary(TEXT_MAX_BYTES));
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn fault(message: &str) -> Event {
        Event::Fault {
            plugin: "p".to_owned(),
            handler: "h".to_owned(),
            reason: "trapped",
            message: message.to_owned(),
        }
    }

    fn closed() -> Event {
        Event::Breaker {
            plugin: "p".to_owned(),
            handler: "h".to_owned(),
            state: BreakerChange::Closed,
        }
    }

    fn numbers(entries: &[Entry]) -> Vec<u64> {
        entries.iter().map(|one| one.seq).collect()
    }

    #[test]
    fn a_storm_of_faults_drives_out_faults_alone() {
        let journal = Journal::default();
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(7);
        journal.note(closed(), now);
        for _ in 0..2 * KEPT {
            journal.note(fault("x"), now);
        }
        let all = journal.since(0);
        assert_eq!((all.len(), all[0].seq, all[0].at_ms), (KEPT + 1, 1, 7));
        let newest = 2 * KEPT as u64 + 1;
        assert_eq!(numbers(&journal.since(newest - 2)), [newest - 1, newest]);
        assert_eq!(*journal.watch().borrow(), newest);
    }

    #[test]
    fn entries_of_both_kinds_come_in_their_order() {
        let journal = Journal::default();
        for event in [fault("a"), closed(), fault("b"), closed()] {
            journal.note(event, SystemTime::UNIX_EPOCH);
        }
        assert_eq!(numbers(&journal.since(1)), [2, 3, 4]);
        assert_eq!(numbers(&journal.since(4)), [] as [u64; 0]);
    }

    #[test]
    fn long_words_are_cut_between_characters() {
        let journal = Journal::default();
        journal.note(fault(&"é".repeat(TEXT_MAX_BYTES)), SystemTime::UNIX_EPOCH);
        let kept = journal.since(0);
        let Event::Fault { message, .. } = &kept[0].event else {
            panic!("a fault");
        };
        assert_eq!(*message, "é".repeat(TEXT_MAX_BYTES / 2) + "…");
        let told = serde_json::to_value(&kept[0]).unwrap();
        assert_eq!(told["kind"], "fault");
        assert_eq!(told["reason"], "trapped");
    }
}
