//! The loader's part in a canary: it begins one, looks at it when it is time, and
//! ends it, by giving the new version all calls or by taking it back.
//!
//! It owns the swaps, the log and the history of a canary. It never judges one.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Loader;
use super::publish::{tell_loaded, tell_verdict};
use super::taking::Fresh;
use crate::canary::{Look, Trial};
use crate::catalogue::Slot;
use crate::control::{EventKind, PassedOver, Refused, brief};
use crate::long_tasks::unix_ms;
use crate::plugin_entry::LoadedPlugin;

impl Loader {
    /// Gives a new version its first share of the calls, in the place of one that was
    /// tried before it.
    pub(super) async fn begin_trial(
        &mut self,
        name: &str,
        stable: Arc<LoadedPlugin>,
        fresh: Fresh,
    ) {
        self.drop_trial(name, "a newer version took its place")
            .await;
        let Fresh {
            plugin,
            verdict,
            papers,
        } = fresh;
        let plugin = Arc::new(plugin);
        let trial = Trial::begin(
            (stable, plugin.clone()),
            verdict.clone(),
            self.host.live().canary.clone(),
            self.host.control.nudge(),
            std::time::Instant::now(),
        );
        let Some(trial) = trial else {
            tracing::error!(plugin = name, "a canary can't be counted, and is not tried");
            return;
        };
        tell_verdict(name, &verdict);
        tell_loaded(name, &plugin, true);
        let report = trial.report();
        tracing::info!(
            plugin = name,
            sha256 = brief(&papers.sha256),
            share = report.share,
            handlers = report.handlers,
            "canary: a new version is tried"
        );
        if report.handlers_apart > 0 {
            tracing::warn!(
                plugin = name,
                handlers = report.handlers_apart,
                "canary: the new version lacks handlers or describes them otherwise; until it has all calls, they are served by the version before it"
            );
        }
        self.note(name, EventKind::CanaryStarted, Some(&papers.sha256), None);
        self.look_due = Instant::now() + trial.look_interval();
        self.papers.insert(name.to_owned(), papers);
        let mut slot = self.slot(name);
        slot.trial = Some(trial);
        slot.failed = None;
        slot.passed_over = None;
        self.publish(name, Some(slot));
    }

    /// Looks at each canary: one that was found worse goes, one whose time has come
    /// gets its next share.
    pub(super) async fn look_at_trials(&mut self) {
        let names: Vec<String> = self.papers.keys().cloned().collect();
        let mut interval = Duration::MAX;
        for name in names {
            let Some(trial) = self.slot(&name).trial else {
                self.papers.remove(&name);
                continue;
            };
            let look = trial.look(std::time::Instant::now());
            if let Some(reason) = trial.ended() {
                self.roll_back_trial(&name, &trial, reason).await;
                continue;
            }
            match look {
                Look::Promote => {
                    self.promote(&name, &trial).await;
                    continue;
                }
                Look::Step(share) => {
                    let sha256 = &trial.canary().core.sha256;
                    tracing::info!(
                        plugin = name,
                        sha256 = brief(sha256),
                        share,
                        "canary: next step"
                    );
                    let words = format!("{share} % of the calls");
                    self.note(&name, EventKind::CanaryStep, Some(sha256), Some(&words));
                }
                Look::Stay | Look::Worse(_) => {}
            }
            interval = interval.min(trial.look_interval());
        }
        // Without a canary nobody looks.
        self.look_due = Instant::now() + interval.min(Duration::from_secs(1));
    }

    /// Gives a canary all calls.
    pub(super) async fn promote(&mut self, name: &str, trial: &Trial) {
        let canary = trial.canary().clone();
        let papers = self.papers.remove(name).unwrap_or_default();
        tracing::info!(
            plugin = name,
            sha256 = brief(&canary.core.sha256),
            "canary: the new version has all calls"
        );
        self.note(name, EventKind::Promoted, Some(&canary.core.sha256), None);
        let slot = Slot {
            serving: Some(canary),
            signed: Some(trial.signed().clone()),
            ..Slot::default()
        };
        self.establish(name, slot, papers).await;
    }

    /// Takes a canary back, and doesn't take its bytes again by itself. True if that
    /// survives a restart.
    pub(super) async fn roll_back_trial(
        &mut self,
        name: &str,
        trial: &Trial,
        reason: &str,
    ) -> bool {
        let sha256 = trial.canary().core.sha256.clone();
        let stable = trial.stable().core.sha256.clone();
        self.papers.remove(name);
        tracing::warn!(
            plugin = name,
            sha256 = brief(&sha256),
            reason,
            serving = brief(&stable),
            "canary: the new version is rolled back"
        );
        self.note(name, EventKind::RolledBack, Some(&sha256), Some(reason));
        let refused = Refused {
            sha256: sha256.clone(),
            reason: reason.to_owned(),
            at_unix_ms: unix_ms(),
        };
        let survives = self.refuse(name, refused, stable).await;
        let mut slot = self.slot(name);
        slot.trial = None;
        slot.passed_over = Some(PassedOver {
            sha256: sha256.clone(),
            reason: format!("rolled back: {reason}"),
            rolled_back: true,
        });
        self.publish(name, Some(slot));
        self.forget_staged(name, &sha256).await;
        survives
    }

    /// Writes down that one version is not taken again, and that another serves.
    pub(super) async fn refuse(&mut self, name: &str, refused: Refused, serving: String) -> bool {
        let change = |standing: &mut super::book::Standing| {
            standing.refuse(refused);
            standing.allow(&serving);
            standing.held = Some(serving);
        };
        self.book.change(name, change).await
    }

    /// A loader before this one may have left canaries, and nobody has their papers:
    /// they begin again as their files are taken.
    pub(super) async fn drop_all_trials(&mut self) {
        let catalogue = self.host.catalogue.load_full();
        let tried = catalogue
            .slots()
            .iter()
            .filter(|(_, slot)| slot.trial.is_some());
        for (name, _) in tried {
            self.drop_trial(name, "the loader began again").await;
        }
    }

    /// Ends a canary without a word against it, if there is one.
    pub(super) async fn drop_trial(&mut self, name: &str, reason: &str) {
        self.papers.remove(name);
        let mut slot = self.slot(name);
        let Some(trial) = slot.trial.take() else {
            return;
        };
        let sha256 = &trial.canary().core.sha256;
        tracing::info!(
            plugin = name,
            sha256 = brief(sha256),
            reason,
            "canary: it is over"
        );
        self.note(name, EventKind::CanaryAborted, Some(sha256), Some(reason));
        self.publish(name, Some(slot));
        self.forget_staged(name, sha256).await;
    }
}
