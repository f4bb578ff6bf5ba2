//! What `/health` says of the parts of the host.
//!
//! It owns the shape of that. It never starts or ends a part.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;

use super::{OFTEN, Parts, WELL_AFTER};

/// How a part is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// it runs
    #[default]
    Running,
    /// it failed, and is about to be started anew
    Restarting,
    /// it has done what it had to do
    Ended,
}

/// One part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartReport {
    /// how it is
    pub state: State,
    /// how often it was started anew
    pub restarts: u64,
    /// why, the last time
    pub last_reason: Option<String>,
}

impl Parts {
    /// Each part by its name.
    pub fn report(&self) -> BTreeMap<String, PartReport> {
        let all = self.all.lock();
        let reports = all.iter().map(|(name, part)| {
            let life = part.life.lock();
            let report = PartReport {
                state: life.state,
                restarts: life.restarts,
                last_reason: life.last_reason.clone(),
            };
            (name.clone(), report)
        });
        reports.collect()
    }

    /// Which parts don't come to rest, in plain words.
    pub(crate) fn trouble(&self, now: Instant) -> Vec<String> {
        let all = self.all.lock();
        let often = all.values().filter_map(|part| {
            let life = part.life.lock();
            let first = life.failed.front().filter(|_| life.failed.len() == OFTEN)?;
            let is_recent = now.saturating_duration_since(*first) < WELL_AFTER;
            is_recent.then(|| {
                let reason = life.last_reason.as_deref().unwrap_or_default();
                format!("the part {} fails again and again: {reason}", part.name)
            })
        });
        often.collect()
    }
}
