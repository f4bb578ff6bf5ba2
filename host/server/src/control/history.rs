//! What became of plugins lately: the last events, in order, and how many of each
//! kind there were.
//!
//! It owns their words and their bound. It reads no clock and decides nothing.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;
use serde::Serialize;

/// Events that are remembered.
const EVENTS_MAX: usize = 64;

/// Something that became of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// milliseconds since 1970
    pub at_unix_ms: u64,
    /// which
    pub plugin: String,
    /// what
    pub event: EventKind,
    /// of the version that it is about, if it is about one
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// why, where there is something to say
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What becomes of plugins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// it serves, where nothing of it did
    Loaded,
    /// it serves instead of another version
    Replaced,
    /// it can't be served
    Failed,
    /// it has gone from the folder
    Removed,
    /// it gets its first share of calls
    CanaryStarted,
    /// it gets a larger share
    CanaryStep,
    /// it serves alone
    Promoted,
    /// another version took its place, or the operator took it back
    CanaryAborted,
    /// it was worse than the version before it, or the operator said so
    RolledBack,
    /// an order
    Disabled,
    /// an order
    Enabled,
    /// an order
    Pinned,
    /// an order
    Unpinned,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Loaded,
        Self::Replaced,
        Self::Failed,
        Self::Removed,
        Self::CanaryStarted,
        Self::CanaryStep,
        Self::Promoted,
        Self::CanaryAborted,
        Self::RolledBack,
        Self::Disabled,
        Self::Enabled,
        Self::Pinned,
        Self::Unpinned,
    ];

    /// As in JSON and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::Replaced => "replaced",
            Self::Failed => "failed",
            Self::Removed => "removed",
            Self::CanaryStarted => "canary_started",
            Self::CanaryStep => "canary_step",
            Self::Promoted => "promoted",
            Self::CanaryAborted => "canary_aborted",
            Self::RolledBack => "rolled_back",
            Self::Disabled => "disabled",
            Self::Enabled => "enabled",
            Self::Pinned => "pinned",
            Self::Unpinned => "unpinned",
        }
    }
}

/// The events of one host.
#[derive(Debug, Default)]
pub struct History {
    events: Mutex<VecDeque<Event>>,
    counts: [AtomicU64; EventKind::ALL.len()],
}

impl History {
    pub(crate) fn note(&self, event: Event) {
        self.counts[event.event as usize].fetch_add(1, Ordering::Relaxed);
        let mut events = self.events.lock();
        if events.len() == EVENTS_MAX {
            events.pop_front();
        }
        events.push_back(event);
    }

    /// The last ones, the newest first.
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().iter().rev().cloned().collect()
    }

    /// How many there were of a kind since the start.
    pub fn count(&self, kind: EventKind) -> u64 {
        self.counts[kind as usize].load(Ordering::Relaxed)
    }
}

impl Event {
    /// Of now.
    pub(crate) fn now(
        plugin: &str,
        event: EventKind,
        sha256: Option<&str>,
        reason: Option<String>,
    ) -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self {
            at_unix_ms: since.map_or(0, crate::refusal::millis_up),
            plugin: plugin.to_owned(),
            event,
            sha256: sha256.map(str::to_owned),
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: usize, event: EventKind) -> Event {
        Event {
            at_unix_ms: number as u64,
            plugin: "a".to_owned(),
            event,
            sha256: None,
            reason: None,
        }
    }

    #[test]
    fn the_last_events_are_kept_and_all_are_counted() {
        let history = History::default();
        for number in 0..EVENTS_MAX + 5 {
            history.note(event(number, EventKind::Loaded));
        }
        history.note(event(1000, EventKind::Removed));
        let events = history.events();
        assert_eq!(events.len(), EVENTS_MAX);
        assert_eq!(events[0], event(1000, EventKind::Removed));
        assert_eq!(events[EVENTS_MAX - 1].at_unix_ms, 6);
        let loaded = history.count(EventKind::Loaded);
        assert_eq!(loaded, EVENTS_MAX as u64 + 5);
        assert_eq!(history.count(EventKind::Removed), 1);
    }

    #[test]
    fn each_kind_is_called_the_same_everywhere() {
        for (place, kind) in EventKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
