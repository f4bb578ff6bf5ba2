//! What is known of each source, for `/health` and the log.
//!
//! It owns the shape of that part of the report. It never looks at a source.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::Serialize;

use crate::config::PluginSource;

/// What `/health` says of the source of one plugin.
#[derive(Clone, Debug, Serialize)]
#[expect(
    missing_docs,
    reason = "each field is named as in the JSON; the book describes it"
)]
pub struct SourceReport {
    pub url: String,
    /// of what is served
    pub digest: Option<String>,
    pub error: Option<String>,
    pub failed_looks: u32,
    pub last_look_ms_ago: Option<u64>,
    pub next_look_ms: Option<u64>,
    /// a file of the same name is refused
    pub file_refused: bool,
}

/// Whether a look differs from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looked {
    /// it failed, for another reason or for the first time
    Worse,
    /// it didn't fail any more
    Better,
    /// it came to the same
    Alike,
}

#[derive(Debug, Default)]
struct Known {
    url: String,
    served: Option<String>,
    fetched: Option<String>,
    error: Option<String>,
    failed: u32,
    last: Option<Instant>,
    next: Option<Instant>,
    file_refused: bool,
}

/// All sources, by the names of their plugins.
#[derive(Debug)]
pub(super) struct Board(Mutex<BTreeMap<String, Known>>);

impl Board {
    pub(super) fn new(of: &[(String, PluginSource)]) -> Self {
        let known = of.iter().map(|(name, source)| {
            let url = source.url.to_string();
            let known = Known {
                url,
                ..Known::default()
            };
            (name.clone(), known)
        });
        Self(Mutex::new(known.collect()))
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Known)) {
        if let Some(known) = self.0.lock().get_mut(name) {
            change(known);
        }
    }

    /// Takes note of a look.
    pub(super) fn looked(
        &self,
        name: &str,
        result: Result<(), String>,
        failed: u32,
        wait: Option<Duration>,
    ) -> Looked {
        let now = Instant::now();
        let error = result.err();
        let mut looked = Looked::Alike;
        self.change(name, |known| {
            looked = match (&known.error, &error) {
                (Some(_), None) => Looked::Better,
                (before, Some(now)) if before.as_ref() != Some(now) => Looked::Worse,
                _ => Looked::Alike,
            };
            known.error = error;
            known.failed = failed;
            known.last = Some(now);
            known.next = wait.map(|wait| now + wait);
        });
        looked
    }

    /// Takes note of what was fetched; whether it is another one than before.
    pub(super) fn fetched(&self, name: &str, digest: &str) -> bool {
        let mut is_new = true;
        self.change(name, |known| {
            let before = known.fetched.replace(digest.to_owned());
            is_new = before.as_deref() != Some(digest);
        });
        is_new
    }

    /// Takes note of what is served.
    pub(super) fn served(&self, name: &str, digest: &str) {
        self.change(name, |known| known.served = Some(digest.to_owned()));
    }

    /// Nobody will look again.
    pub(super) fn settled(&self, name: &str) {
        self.change(name, |known| known.next = None);
    }

    pub(super) fn note_file(&self, name: &str, is_there: bool) {
        self.change(name, |known| known.file_refused = is_there);
    }

    pub(super) fn report(&self, name: &str, now: Instant) -> Option<SourceReport> {
        let board = self.0.lock();
        let known = board.get(name)?;
        let millis = |time: Duration| time.as_millis() as u64;
        Some(SourceReport {
            url: known.url.clone(),
            digest: known.served.clone(),
            error: known.error.clone(),
            failed_looks: known.failed,
            last_look_ms_ago: known
                .last
                .map(|last| millis(now.saturating_duration_since(last))),
            next_look_ms: known
                .next
                .map(|next| millis(next.saturating_duration_since(now))),
            file_refused: known.file_refused,
        })
    }
}
