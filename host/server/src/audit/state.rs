//! How the audit log is: what was written, what wasn't, and whether it can be now.
//!
//! It owns these counts, and says in the log when it begins and ends to fail. It never
//! writes a line of the audit log.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::Serialize;

/// Of one audit log.
#[derive(Debug, Default)]
pub(super) struct State {
    written: AtomicU64,
    dropped: AtomicU64,
    refused: AtomicU64,
    unwritten: AtomicU64,
    /// whether lines are dropped or refused just now
    overflows: AtomicBool,
    failing: Mutex<Option<String>>,
}

/// What `/health` shows of it.
#[derive(Debug, Serialize)]
pub struct AuditReport {
    /// where it is
    pub file: String,
    /// lines in it, since the start
    pub written: u64,
    /// calls that were answered and not written
    pub dropped: u64,
    /// calls that were refused because they could not have been written
    pub refused: u64,
    /// refusals that have no line of their own, for their caller had enough of them
    pub unwritten: u64,
    /// why nothing can be written now; none: it can
    pub failing: Option<String>,
}

impl State {
    pub(super) fn written(&self) {
        self.written.fetch_add(1, Ordering::Relaxed);
        if self.failing.lock().take().is_some() {
            tracing::info!("the audit log is written again");
        }
        self.overflows.store(false, Ordering::Relaxed);
    }

    pub(super) fn failed(&self, error: &io::Error) {
        let before = self.failing.lock().replace(error.to_string());
        if before.is_none() {
            tracing::error!(%error, "the audit log can't be written; it is tried again each second");
        }
    }

    /// A line came when no more may wait.
    pub(super) fn dropped(&self) {
        self.lost();
        if !self.overflows.swap(true, Ordering::Relaxed) {
            tracing::error!(
                "calls are not in the audit log: lines come faster than they are written"
            );
        }
    }

    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        if !self.overflows.swap(true, Ordering::Relaxed) {
            tracing::error!(
                "calls are refused: lines of the audit log come faster than they are written"
            );
        }
    }

    pub(super) fn unwritten(&self) {
        self.unwritten.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn lost(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn trouble(&self) -> Option<String> {
        let failing = self.failing.lock().clone();
        failing.map(|why| format!("the audit log can't be written: {why}"))
    }

    pub(super) fn report(&self, file: String) -> AuditReport {
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        AuditReport {
            file,
            written: count(&self.written),
            dropped: count(&self.dropped),
            refused: count(&self.refused),
            unwritten: count(&self.unwritten),
            failing: self.failing.lock().clone(),
        }
    }
}
