//! The loader's part for plugins from elsewhere: from the cache at the start, and
//! from the news of their sources later.
//!
//! It owns what the start waits for, and when a version is remembered as good. It
//! never fetches.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::{Candidate, Loader};
use crate::catalogue::FailedFile;
use crate::config::SourceUrl;
use crate::sources::{News, Record};

impl Loader {
    /// Serves what the cache has, and waits a while for what it doesn't have.
    pub(super) async fn begin_elsewhere(&mut self) {
        let sources = self.host.sources.clone();
        let mut awaited = BTreeSet::new();
        for name in sources.names() {
            match sources.cached(name).await {
                Some(record) => self.take_record(name, record).await,
                None => {
                    awaited.insert(name.to_owned());
                }
            }
        }
        sources.follow(&self.host.parts, &self.tell, &self.following);
        let end = Instant::now() + sources.start_wait();
        while !awaited.is_empty() {
            let Ok(Some(news)) = tokio::time::timeout_at(end, self.news.recv()).await else {
                break;
            };
            awaited.remove(&news.name);
            self.hear(news).await;
        }
        for name in awaited {
            let waited = sources.start_wait().as_millis();
            let reason = format!(
                "it was not fetched within {waited} ms (`sources.start_wait_ms`), and is still waited for"
            );
            self.take_reason(&name, reason).await;
        }
    }

    /// Takes in what a source says.
    pub(super) async fn hear(&mut self, news: News) {
        match news.outcome {
            Ok(record) => self.take_record(&news.name, record).await,
            // What serves goes on serving; `/health` has the reason at the source.
            Err(_) if self.has_said_more(&news.name) => {}
            Err(reason) => self.take_reason(&news.name, reason).await,
        }
    }

    /// Whether there is a version, or bytes that were refused for what they are.
    fn has_said_more(&self, name: &str) -> bool {
        let slot = self.slot(name);
        slot.serving.is_some() || slot.failed.is_some_and(|failed| failed.sha256.is_some())
    }

    async fn take_reason(&mut self, name: &str, reason: String) {
        let failed = FailedFile {
            sha256: None,
            reason,
        };
        self.consider(name, Err(failed), None).await;
    }

    /// Takes in again what a source said last, or what the cache has.
    pub(super) async fn bring_elsewhere(&mut self, name: &str) {
        let record = match self.heard.get(name) {
            Some(record) => Some(record.clone()),
            None => self.host.sources.cached(name).await,
        };
        match record {
            Some(record) => self.take_record(name, record).await,
            // Its source is waited for.
            None => self.lose(name).await,
        }
    }

    async fn take_record(&mut self, name: &str, record: Record) {
        let sources = self.host.sources.clone();
        let Some(file) = sources.file(&record) else {
            return;
        };
        let missing = match sources.url_of(name) {
            Some(SourceUrl::Https(url)) => format!("there is no {}.minisig", url.path()),
            _ => "its artifact has no signature, and none refers to it".to_owned(),
        };
        let max_bytes = self.host.live().reload.file_max_bytes;
        let keys = self.host.signatures.clone();
        self.heard.insert(name.to_owned(), record.clone());
        let candidate = Candidate::of_record(file, record.clone(), missing, max_bytes, keys).await;
        // A new version that serves is remembered as it is published.
        let before = self.slot(name).serving.map(|one| one.core.sha256.clone());
        let is_old = before.as_ref() == Some(&record.sha256);
        if self.consider(name, candidate, Some(record.clone())).await && is_old {
            sources.remember(name, record).await;
        }
    }

    /// One name, one plugin: the configuration says which.
    pub(super) fn refuse_file(&self, name: &str, url: &SourceUrl) {
        self.host.sources.note_file(name, true);
        tracing::warn!(
            plugin = name,
            "{name}.wasm is refused: the plugin {name} comes from {url}; remove the file or [plugins.{name}.source]"
        );
    }
}
