//! Bytes become a version: judged by orders that stand against them, loaded, and
//! served at once or tried beside the version that serves.
//!
//! It owns which of these it is, and what is remembered of a version that serves. It
//! never reads the folder.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::candidate::Candidate;
use super::publish::{tell_loaded, tell_verdict};
use super::{Loader, Papers, kept};
use crate::asks::Beside;
use crate::catalogue::{FailedFile, Slot};
use crate::control::{EventKind, PassedOver, brief};
use crate::long_tasks::unix_ms;
use crate::plugin_entry::LoadedPlugin;
use crate::signatures::Verdict;
use crate::sources;

/// A version that was loaded, with what the log and the disk have to know of it.
pub(super) struct Fresh {
    pub(super) plugin: LoadedPlugin,
    pub(super) verdict: Verdict,
    pub(super) papers: Papers,
}

impl Loader {
    /// Takes bytes, unless an order stands against it. True if they serve, or served
    /// before.
    pub(super) async fn consider(
        &mut self,
        name: &str,
        candidate: Result<Candidate, FailedFile>,
        source: Option<sources::Record>,
    ) -> bool {
        let standing = self.book.of(name);
        if standing.disabled {
            self.publish_disabled(name);
            return false;
        }
        let candidate = match candidate {
            Ok(candidate) => candidate,
            Err(failed) => {
                if let Some(version) = standing.instead().cloned() {
                    self.hold(name, &version).await;
                }
                self.note_failed(name, failed);
                return false;
            }
        };
        if let Some(objection) = standing.objection(&candidate.file.sha256) {
            self.pass_over(name, objection).await;
            return false;
        }
        self.take_candidate(name, candidate, source).await
    }

    /// Serves nothing of a plugin.
    pub(super) fn publish_disabled(&mut self, name: &str) {
        self.papers.remove(name);
        let is_enabled = self.host.live().plugin(name).enabled;
        let slot = Slot {
            disabled: !is_enabled,
            ..Slot::default()
        };
        self.publish(name, Some(slot));
    }

    /// Leaves good bytes alone, and serves what has to serve instead.
    async fn pass_over(&mut self, name: &str, objection: PassedOver) {
        self.drop_trial(name, "another file came, which is not to be served")
            .await;
        let standing = self.book.of(name);
        let serving = self.slot(name).serving;
        let version = match (standing.instead(), serving) {
            (Some(version), _) => Some(version.clone()),
            (None, Some(serving)) => Some(serving.core.sha256.clone()),
            (None, None) => self.last_good(name).await,
        };
        if self.slot(name).passed_over.as_ref() != Some(&objection) {
            tracing::warn!(
                plugin = name,
                sha256 = brief(&objection.sha256),
                reason = objection.reason,
                "a version is not taken"
            );
        }
        let mut slot = self.slot(name);
        slot.passed_over = Some(objection.clone());
        if version.is_none() {
            slot.failed = Some(FailedFile {
                sha256: Some(objection.sha256),
                reason: format!("{}; and no earlier version is kept", objection.reason),
            });
        }
        self.publish(name, Some(slot));
        if let Some(version) = version {
            self.hold(name, &version).await;
        }
    }

    /// Serves a version that is kept, unless it serves already. False, with the reason
    /// in the slot, if it can't.
    pub(super) async fn hold(&mut self, name: &str, sha256: &str) -> bool {
        let slot = self.slot(name);
        if slot
            .serving
            .is_some_and(|serving| serving.core.sha256 == sha256)
        {
            return true;
        }
        match self.load_kept(name, sha256).await {
            Ok(fresh) => {
                let passed_over = self.slot(name).passed_over;
                self.serve(name, fresh, passed_over).await;
                true
            }
            Err(failed) => {
                self.note_failed(name, failed);
                false
            }
        }
    }

    /// Loads a version that is kept.
    pub(super) async fn load_kept(&self, name: &str, sha256: &str) -> Result<Fresh, FailedFile> {
        let (kept, max_bytes) = (self.kept.clone(), self.host.live().reload.file_max_bytes);
        let (plugin, wanted) = (name.to_owned(), sha256.to_owned());
        let keys = self.host.signatures.clone();
        let candidate = Candidate::of_kept(kept, plugin, wanted, max_bytes, keys).await?;
        self.load(name, candidate, None).await
    }

    /// The newest version that is kept and was not rolled back.
    async fn last_good(&mut self, name: &str) -> Option<String> {
        let standing = self.book.of(name);
        let mut kept = self.kept_versions(name).await.into_iter();
        let good = kept.find(|one| !standing.refuses(&one.sha256));
        good.map(|one| one.sha256)
    }

    /// What is kept of a plugin, the newest first.
    pub(super) async fn kept_versions(&mut self, name: &str) -> Vec<kept::Record> {
        if let Some(known) = self.versions.get(name) {
            return known.clone();
        }
        let (kept, plugin) = (self.kept.clone(), name.to_owned());
        let found = tokio::task::spawn_blocking(move || kept.versions(&plugin)).await;
        let found = found.unwrap_or_default();
        self.versions.insert(name.to_owned(), found.clone());
        found
    }

    /// Makes bytes the version that serves, or the one that is tried beside it, or
    /// notes why not. True if they serve.
    async fn take_candidate(
        &mut self,
        name: &str,
        candidate: Candidate,
        source: Option<sources::Record>,
    ) -> bool {
        let sha256 = candidate.file.sha256.clone();
        let mut slot = self.slot(name);
        if slot
            .trial
            .as_ref()
            .is_some_and(|trial| trial.canary().core.sha256 == sha256)
        {
            return false;
        }
        let is_same = |serving: &Arc<LoadedPlugin>| serving.core.sha256 == sha256;
        let is_old = slot.serving.as_ref().is_some_and(is_same);
        let is_unchanged =
            |serving: &Arc<LoadedPlugin>| serving.core.beside == candidate.file.beside;
        if is_old {
            self.drop_trial(name, "the file of the version before it came back")
                .await;
        }
        if is_old && slot.serving.as_ref().is_some_and(is_unchanged) {
            self.confirm(name, candidate.verdict);
            return true;
        }
        // New bytes are tried; what only lies beside them is not.
        let tries = self.host.live().tries(name) && !is_old;
        if tries && slot.serving.is_none() {
            // The file may have changed while nobody watched.
            let last = self.last_good(name).await;
            if let Some(last) = last.filter(|last| *last != sha256) {
                self.hold(name, &last).await;
                slot = self.slot(name);
            }
        }
        match self.load(name, candidate, source).await {
            Ok(fresh) => match slot.serving.filter(|_| tries) {
                Some(stable) => {
                    self.begin_trial(name, stable, fresh).await;
                    false
                }
                None => {
                    self.serve(name, fresh, None).await;
                    true
                }
            },
            Err(failed) => {
                self.note_failed(name, failed);
                false
            }
        }
    }

    /// What serves stands in the folder again, or still.
    fn confirm(&self, name: &str, verdict: Verdict) {
        let mut slot = self.slot(name);
        let is_known = slot.failed.is_none()
            && slot.passed_over.is_none()
            && slot.signed.as_ref() == Some(&verdict);
        if is_known {
            return;
        }
        tell_verdict(name, &verdict);
        slot.signed = Some(verdict);
        slot.failed = None;
        slot.passed_over = None;
        self.publish(name, Some(slot));
    }

    /// Notes beside the version that serves why bytes are not.
    fn note_failed(&self, name: &str, failed: FailedFile) {
        let mut slot = self.slot(name);
        // It is known: whoever looks again has told it before.
        if slot.failed.as_ref() == Some(&failed) {
            return;
        }
        tracing::warn!(
            plugin = name,
            reason = failed.reason,
            still_serving = slot.serving.is_some(),
            "plugin file failed"
        );
        let sha256 = failed.sha256.as_deref();
        self.note(name, EventKind::Failed, sha256, Some(&failed.reason));
        slot.failed = Some(failed);
        self.publish(name, Some(slot));
    }

    /// Loads bytes, and puts them down where they can be found again if they are good.
    pub(super) async fn load(
        &self,
        name: &str,
        candidate: Candidate,
        source: Option<sources::Record>,
    ) -> Result<Fresh, FailedFile> {
        let Candidate {
            mut file,
            verdict,
            signatures,
        } = candidate;
        let sha256 = file.sha256.clone();
        file.bytes = self.stage(name, &sha256, file.bytes).await;
        let asks = match &file.beside {
            Beside::Text(text) => Some(text.clone()),
            Beside::Nothing | Beside::Unreadable(_) => None,
        };
        let (settings, breakers) = {
            let live = self.host.live();
            (live.plugin(name), live.circuit_breaker)
        };
        let loaded = LoadedPlugin::load(
            &self.host.engine,
            &self.host.granter,
            settings,
            breakers,
            file,
            self.host.config.engine.max_instances as usize,
        );
        let loaded = loaded.await;
        if let Some(functions) = &self.host.functions {
            functions.tell(name);
        }
        match loaded {
            Ok(plugin) => {
                self.host.metrics.tallies.follow(&plugin);
                let papers = Papers {
                    sha256,
                    signatures,
                    asks,
                    source,
                };
                Ok(Fresh {
                    plugin,
                    verdict,
                    papers,
                })
            }
            Err(error) => {
                self.forget_staged(name, &sha256).await;
                let reason = error.to_string();
                let sha256 = Some(sha256);
                Err(FailedFile { sha256, reason })
            }
        }
    }

    async fn stage(&self, name: &str, sha256: &str, bytes: Vec<u8>) -> Vec<u8> {
        if !self.kept.is_on() {
            return bytes;
        }
        let (kept, plugin, sha256) = (self.kept.clone(), name.to_owned(), sha256.to_owned());
        let bytes = Arc::new(bytes);
        let writing = bytes.clone();
        let staging = move || kept.stage(&plugin, &sha256, &writing);
        let staged = tokio::task::spawn_blocking(staging).await;
        let staged = staged.map_err(std::io::Error::other).and_then(|done| done);
        if let Err(error) = staged {
            self.tell_not_kept(name, &error);
        }
        Arc::unwrap_or_clone(bytes)
    }

    pub(super) async fn forget_staged(&self, name: &str, sha256: &str) {
        let (kept, plugin, sha256) = (self.kept.clone(), name.to_owned(), sha256.to_owned());
        let forgetting = move || kept.forget_staged(&plugin, &sha256);
        // A panic there leaves a file that the next sweep takes.
        let _ = tokio::task::spawn_blocking(forgetting).await;
    }

    /// A version serves alone from now on, while `passed_over` is left alone.
    pub(super) async fn serve(
        &mut self,
        name: &str,
        fresh: Fresh,
        passed_over: Option<PassedOver>,
    ) {
        let Fresh {
            plugin,
            verdict,
            papers,
        } = fresh;
        let replaced = self.slot(name).serving.is_some();
        tell_verdict(name, &verdict);
        tell_loaded(name, &plugin, replaced);
        let event = match replaced {
            true => EventKind::Replaced,
            false => EventKind::Loaded,
        };
        self.note(name, event, Some(&papers.sha256), None);
        let slot = Slot {
            serving: Some(Arc::new(plugin)),
            signed: Some(verdict),
            passed_over,
            ..Slot::default()
        };
        self.establish(name, slot, papers).await;
    }

    /// Publishes the version that serves alone, once it can be found again.
    pub(super) async fn establish(&mut self, name: &str, slot: Slot, papers: Papers) {
        self.papers.remove(name);
        let record = kept::Record {
            sha256: papers.sha256.clone(),
            served_ms: unix_ms(),
            signatures: papers.signatures,
            asks: papers.asks,
        };
        let (kept, plugin) = (self.kept.clone(), name.to_owned());
        let remembering = move || {
            let remembered = kept.remember(&plugin, &record);
            (remembered, kept.versions(&plugin))
        };
        if let Ok((remembered, versions)) = tokio::task::spawn_blocking(remembering).await {
            if let Err(error) = remembered {
                self.tell_not_kept(name, &error);
            }
            self.versions.insert(name.to_owned(), versions);
        }
        // Whatever was rolled back to has done its work once another version is good.
        let sha256 = papers.sha256;
        let is_over = |held: &String| *held != sha256;
        if self.book.of(name).held.as_ref().is_some_and(is_over) {
            self.book
                .change(name, |standing| standing.held = None)
                .await;
        }
        self.publish(name, Some(slot));
        if let Some(source) = papers.source {
            self.host.sources.remember(name, source).await;
        }
    }

    /// Once: what is wrong with the folder is wrong for all plugins.
    fn tell_not_kept(&self, name: &str, error: &std::io::Error) {
        if self.told_not_kept.swap(true, Ordering::Relaxed) {
            return;
        }
        tracing::warn!(
            plugin = name,
            %error,
            "versions can't be kept, and so not be rolled back to: see `reload.state_dir`"
        );
    }
}
