//! Sessions as their operator is shown them.
//!
//! It owns what is shown, and that an id, which lets its holder in, is not.

use std::sync::atomic::Ordering;
use std::time::Instant;

use serde::Serialize;

use super::{Session, Sessions};

/// Characters of an id that are shown: enough to tell sessions apart.
const ID_SHOWN: usize = 8;

/// One session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionView {
    /// the beginning of its id
    pub id: String,
    /// the version that was agreed on
    pub version: &'static str,
    /// whose it is
    pub caller: String,
    /// the view that it began in
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
    /// calls that run
    pub calls: usize,
    /// milliseconds since it was used
    pub idle_ms: u64,
}

impl Sessions {
    /// The first `max` of them, those that were used last before others, and how many
    /// there are.
    pub fn list(&self, max: usize, now: Instant) -> (Vec<SessionView>, usize) {
        let now_ms = self.millis(now);
        let shown = |session: &Session| SessionView {
            id: beginning(&session.id),
            version: session.agreement.version.as_str(),
            caller: session.agreement.audience.subject().to_owned(),
            view: session
                .agreement
                .audience
                .view
                .as_deref()
                .map(str::to_owned),
            calls: session.calls.table.lock().len(),
            idle_ms: now_ms.saturating_sub(session.last_seen_ms.load(Ordering::Relaxed)),
        };
        let mut all: Vec<SessionView> = self.table.iter().map(|one| shown(&one)).collect();
        let count = all.len();
        all.sort_by(|one, other| (one.idle_ms, &one.id).cmp(&(other.idle_ms, &other.id)));
        all.truncate(max);
        (all, count)
    }
}

/// What may be shown of an id.
pub(crate) fn beginning(id: &str) -> String {
    id.chars().take(ID_SHOWN).collect::<String>() + "…"
}
