//! What the operator orders, carried out.
//!
//! It owns what each order means and when it is refused. It never decides who may
//! give one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::{Glance, Loader};
use crate::breaker::BreakerState;
use crate::catalogue::Slot;
use crate::control::{
    ControlError, Done, EventKind, Message, Order, Outcome, PassedOver, Refused, brief,
};
use crate::folder;
use crate::long_tasks::unix_ms;

/// Why a version is not taken again.
const BY_ORDER: &str = "by order";

/// Of one plugin: what serves, and what is tried.
type Versions = (Option<String>, Option<String>);

impl Loader {
    /// Does what a message asks for, and answers.
    pub(super) async fn obey(&mut self, message: Message) {
        match message {
            Message::Order { order, answer } => {
                let told = format!("{order:?}");
                let outcome = self.carry_out(order).await;
                match &outcome {
                    // Whoever took the order tells who gave it.
                    Ok(outcome) => tracing::debug!(order = told, %outcome, "order carried out"),
                    Err(error) => tracing::debug!(order = told, %error, "order refused"),
                }
                // Whoever ordered may have gone.
                let _ = answer.send(outcome);
            }
            Message::Configure {
                next,
                commit,
                answer,
            } => {
                let done = self.configure(&next, commit).await;
                let _ = answer.send(done);
            }
        }
    }

    async fn carry_out(&mut self, order: Order) -> Result<Outcome, ControlError> {
        match order {
            Order::Reload { plugin: None } => self.reload_all().await,
            Order::Reload {
                plugin: Some(plugin),
            } => self.reload(&plugin).await,
            Order::Disable { plugin } => self.disable(&plugin).await,
            Order::Enable { plugin } => self.enable(&plugin).await,
            Order::Rollback { plugin, to } => self.roll_back(&plugin, to.as_deref()).await,
            Order::Pin { plugin, version } => self.pin(&plugin, version.as_deref()).await,
            Order::Unpin { plugin } => self.unpin(&plugin).await,
            Order::Promote { plugin } => {
                let trial = self.slot(&plugin).trial;
                let trial = trial.ok_or(ControlError::NoCanary {
                    plugin: plugin.clone(),
                })?;
                self.promote(&plugin, &trial).await;
                let sha256 = trial.canary().core.sha256.clone();
                Ok(done(Done::Promoted { sha256 }, self.kept.is_on()))
            }
            Order::Abort { plugin } => {
                let trial = self.slot(&plugin).trial;
                let trial = trial.ok_or(ControlError::NoCanary {
                    plugin: plugin.clone(),
                })?;
                let survives = self.roll_back_trial(&plugin, &trial, BY_ORDER).await;
                let sha256 = trial.canary().core.sha256.clone();
                Ok(done(Done::Aborted { sha256 }, survives))
            }
            Order::ResetBreaker { plugin, handler } => self.reset_breaker(&plugin, &handler).await,
        }
    }

    /// What there is of this name: something served, kept, ordered or configured.
    async fn known(&mut self, plugin: &str) -> Result<Slot, ControlError> {
        let catalogue = self.host.catalogue.load_full();
        let slot = catalogue.slots().get(plugin);
        let is_elsewhere = self.host.sources.url_of(plugin).is_some();
        let is_ordered = self.book.names().any(|name| name == plugin);
        if slot.is_none() && !is_elsewhere && !is_ordered {
            let is_kept = !self.kept_versions(plugin).await.is_empty();
            if !is_kept {
                self.versions.remove(plugin);
                return Err(ControlError::NoSuchPlugin {
                    plugin: plugin.to_owned(),
                    known: catalogue.slots().keys().cloned().collect(),
                });
            }
        }
        if !self.host.live().plugin(plugin).enabled {
            let plugin = plugin.to_owned();
            return Err(ControlError::SwitchedOff { plugin });
        }
        Ok(slot.cloned().unwrap_or_default())
    }

    /// The same, if nothing was ordered that has to be taken back first.
    async fn free(&mut self, plugin: &str) -> Result<Slot, ControlError> {
        let slot = self.enabled(plugin).await?;
        match self.book.of(plugin).pinned {
            Some(sha256) => Err(ControlError::Pinned {
                plugin: plugin.to_owned(),
                sha256,
            }),
            None => Ok(slot),
        }
    }

    async fn enabled(&mut self, plugin: &str) -> Result<Slot, ControlError> {
        let slot = self.known(plugin).await?;
        match self.book.of(plugin).disabled {
            true => Err(ControlError::Disabled {
                plugin: plugin.to_owned(),
            }),
            false => Ok(slot),
        }
    }

    async fn reload_all(&mut self) -> Result<Outcome, ControlError> {
        self.check_reload()?;
        let before = self.all_versions();
        for seen in self.seen.values_mut() {
            seen.taken = None;
        }
        self.pass(Glance::TakeAll).await;
        let after = self.all_versions();
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let changed = names
            .into_iter()
            .filter(|name| before.get(*name) != after.get(*name));
        let catalogue = self.host.catalogue.load();
        let failed = catalogue.slots().iter().filter_map(|(name, slot)| {
            let failed = slot.failed.as_ref()?;
            Some((name.clone(), failed.reason.clone()))
        });
        let reloaded = Done::Reloaded {
            changed: changed.cloned().collect(),
            failed: failed.collect(),
        };
        Ok(done(reloaded, true))
    }

    fn check_reload(&self) -> Result<(), ControlError> {
        match self.host.config.reload.enabled {
            true => Ok(()),
            false => Err(ControlError::ReloadDisabled),
        }
    }

    async fn reload(&mut self, plugin: &str) -> Result<Outcome, ControlError> {
        self.check_reload()?;
        let before = versions(&self.free(plugin).await?);
        let survives = self
            .book
            .change(plugin, |standing| standing.refused.clear())
            .await;
        self.bring(plugin).await;
        let slot = self.slot(plugin);
        if let Some(failed) = &slot.failed {
            return Err(cannot_load(plugin, &failed.reason));
        }
        let changed = (versions(&slot) != before).then(|| plugin.to_owned());
        let reloaded = Done::Reloaded {
            changed: changed.into_iter().collect(),
            failed: BTreeMap::new(),
        };
        Ok(done(reloaded, survives))
    }

    fn all_versions(&self) -> BTreeMap<String, Versions> {
        let catalogue = self.host.catalogue.load();
        let slots = catalogue.slots().iter();
        slots
            .map(|(name, slot)| (name.clone(), versions(slot)))
            .collect()
    }

    async fn disable(&mut self, plugin: &str) -> Result<Outcome, ControlError> {
        self.known(plugin).await?;
        let survives = self
            .book
            .change(plugin, |standing| standing.disabled = true)
            .await;
        self.drop_trial(plugin, "the plugin was disabled").await;
        self.publish_disabled(plugin);
        self.note(plugin, EventKind::Disabled, None, None);
        Ok(done(Done::Disabled, survives))
    }

    async fn enable(&mut self, plugin: &str) -> Result<Outcome, ControlError> {
        self.known(plugin).await?;
        let was_disabled = self.book.of(plugin).disabled;
        let survives = self
            .book
            .change(plugin, |standing| standing.disabled = false)
            .await;
        if was_disabled {
            self.note(plugin, EventKind::Enabled, None, None);
            self.bring(plugin).await;
        }
        let slot = self.slot(plugin);
        match (slot.serving, slot.failed) {
            (None, Some(failed)) => Err(cannot_load(plugin, &failed.reason)),
            _ => Ok(done(Done::Enabled, survives)),
        }
    }

    async fn roll_back(&mut self, plugin: &str, to: Option<&str>) -> Result<Outcome, ControlError> {
        let slot = self.free(plugin).await?;
        let serving = slot.serving.as_ref().map(|one| one.core.sha256.clone());
        if let Some(trial) = &slot.trial {
            let canary = trial.canary().core.sha256.clone();
            let stable = trial.stable().core.sha256.clone();
            let is_enough = to.is_none_or(|to| stable.starts_with(to));
            let survives = self.roll_back_trial(plugin, trial, BY_ORDER).await;
            if is_enough {
                let rolled_back = Done::RolledBack {
                    from: Some(canary),
                    to: stable,
                };
                return Ok(done(rolled_back, survives));
            }
        }
        let target = match to {
            Some(to) => self.resolve(plugin, to).await?,
            None => self.earlier(plugin, serving.as_deref()).await?,
        };
        if serving.as_ref() == Some(&target) {
            let from = None;
            return Ok(done(Done::RolledBack { from, to: target }, true));
        }
        let fresh = self.load_kept(plugin, &target).await;
        let fresh = fresh.map_err(|failed| cannot_load(plugin, &failed.reason))?;
        let mut survives = true;
        if let Some(from) = &serving {
            let refused = Refused {
                sha256: from.clone(),
                reason: BY_ORDER.to_owned(),
                at_unix_ms: unix_ms(),
            };
            survives = self.refuse(plugin, refused, target.clone()).await;
            self.note(plugin, EventKind::RolledBack, Some(from), Some(BY_ORDER));
        } else {
            let hold = |standing: &mut super::book::Standing| {
                standing.allow(&target);
                standing.held = Some(target.clone());
            };
            survives &= self.book.change(plugin, hold).await;
        }
        let passed_over = serving.as_ref().map(|from| PassedOver {
            sha256: from.clone(),
            reason: format!("rolled back: {BY_ORDER}"),
            rolled_back: true,
        });
        self.serve(plugin, fresh, passed_over).await;
        tracing::warn!(
            plugin,
            from = serving.as_deref().map(brief),
            to = brief(&target),
            "rolled back by order"
        );
        let rolled_back = Done::RolledBack {
            from: serving,
            to: target,
        };
        Ok(done(rolled_back, survives && self.kept.is_on()))
    }

    /// The newest good version that doesn't serve and was not rolled back.
    async fn earlier(
        &mut self,
        plugin: &str,
        serving: Option<&str>,
    ) -> Result<String, ControlError> {
        let standing = self.book.of(plugin);
        let mut kept = self.kept_versions(plugin).await.into_iter();
        let earlier =
            kept.find(|one| Some(one.sha256.as_str()) != serving && !standing.refuses(&one.sha256));
        let plugin = plugin.to_owned();
        earlier
            .map(|one| one.sha256)
            .ok_or(ControlError::NothingToRollBackTo { plugin })
    }

    /// The one good version whose SHA-256 begins so.
    async fn resolve(&mut self, plugin: &str, version: &str) -> Result<String, ControlError> {
        let kept = self.kept_versions(plugin).await;
        let wanted = version.to_ascii_lowercase();
        let mut fits = kept.iter().filter(|one| one.sha256.starts_with(&wanted));
        let (plugin, version) = (plugin.to_owned(), version.to_owned());
        match (fits.next().filter(|_| !wanted.is_empty()), fits.next()) {
            (Some(one), None) => Ok(one.sha256.clone()),
            (Some(_), Some(_)) => Err(ControlError::AmbiguousVersion { plugin, version }),
            (None, _) => Err(ControlError::NoSuchVersion {
                plugin,
                version,
                kept: kept.into_iter().map(|one| one.sha256).collect(),
            }),
        }
    }

    async fn pin(&mut self, plugin: &str, version: Option<&str>) -> Result<Outcome, ControlError> {
        let slot = self.enabled(plugin).await?;
        let serving = slot.serving.as_ref().map(|one| one.core.sha256.clone());
        let target = match (version, &serving) {
            (Some(version), _) => self.resolve(plugin, version).await?,
            (None, Some(serving)) => {
                let kept = self.kept_versions(plugin).await;
                let is_kept = kept.iter().any(|one| one.sha256 == *serving);
                let plugin = plugin.to_owned();
                let found = is_kept.then(|| serving.clone());
                found.ok_or(ControlError::NotKept { plugin })?
            }
            (None, None) => self.earlier(plugin, None).await?,
        };
        let fresh = match serving.as_ref() == Some(&target) {
            true => None,
            false => {
                let fresh = self.load_kept(plugin, &target).await;
                Some(fresh.map_err(|failed| cannot_load(plugin, &failed.reason))?)
            }
        };
        let pin = |standing: &mut super::book::Standing| standing.pinned = Some(target.clone());
        let survives = self.book.change(plugin, pin).await;
        self.note(plugin, EventKind::Pinned, Some(&target), None);
        self.drop_trial(plugin, "the plugin was pinned").await;
        match fresh {
            Some(fresh) => self.serve(plugin, fresh, None).await,
            None => self.publish(plugin, Some(self.slot(plugin))),
        }
        // Whatever stands in the folder is shown as what it is now.
        self.bring(plugin).await;
        Ok(done(Done::Pinned { sha256: target }, survives))
    }

    async fn unpin(&mut self, plugin: &str) -> Result<Outcome, ControlError> {
        self.enabled(plugin).await?;
        let has_file = self.host.sources.url_of(plugin).is_some() || self.path_of(plugin).is_file();
        let unpin = |standing: &mut super::book::Standing| {
            standing.pinned = None;
            // Nothing holds what is in no folder any more.
            standing.held = standing.held.take().filter(|_| has_file);
        };
        let survives = self.book.change(plugin, unpin).await;
        self.note(plugin, EventKind::Unpinned, None, None);
        self.bring(plugin).await;
        Ok(done(Done::Unpinned, survives))
    }

    async fn reset_breaker(
        &mut self,
        plugin: &str,
        handler: &str,
    ) -> Result<Outcome, ControlError> {
        let slot = self.enabled(plugin).await?;
        let canary = slot.trial.as_ref().map(|trial| trial.canary().clone());
        let versions = slot.serving.into_iter().chain(canary);
        let handlers: Vec<_> = versions
            .flat_map(|one| one.handlers().cloned().collect::<Vec<_>>())
            .collect();
        let mut was = None;
        for one in handlers.iter().filter(|one| one.fuse_name() == handler) {
            let state = one.breaker.reset(Instant::now());
            was.get_or_insert(match state {
                BreakerState::Closed { .. } => "closed",
                BreakerState::Open { .. } => "open",
                BreakerState::HalfOpen { .. } => "half_open",
            });
        }
        let was = was.ok_or_else(|| ControlError::NoSuchHandler {
            plugin: plugin.to_owned(),
            handler: handler.to_owned(),
            known: handlers.iter().map(|one| one.fuse_name()).collect(),
        })?;
        Ok(done(Done::BreakerReset { was }, true))
    }

    /// Takes what stands in the folder under a name, or what its source has; and if
    /// that is nothing, what was ordered to serve all the same.
    pub(super) async fn bring(&mut self, name: &str) {
        if self.host.sources.url_of(name).is_some() {
            return self.bring_elsewhere(name).await;
        }
        let dir = self.dir.clone();
        let scanned = tokio::task::spawn_blocking(move || folder::scan(&dir)).await;
        let found = match scanned {
            Ok(Ok(found)) => found.into_iter().find(|file| file.name == name),
            // What was there is served on; the next look says why.
            _ => return,
        };
        match found {
            Some(file) => {
                let seen = self.seen.entry(name.to_owned()).or_default();
                (seen.taken, seen.glanced) = (Some(file.stamp), Some(file.stamp));
                self.take(file).await;
            }
            None => self.lose(name).await,
        }
    }

    fn path_of(&self, name: &str) -> std::path::PathBuf {
        self.dir.join(format!("{name}.wasm"))
    }

    /// There is no file of this name. What was pinned or rolled back to serves all the
    /// same.
    pub(super) async fn lose(&mut self, name: &str) {
        let standing = self.book.of(name);
        if !standing.disabled
            && let Some(version) = standing.instead()
        {
            self.drop_trial(name, "its file has gone").await;
            tracing::info!(
                plugin = name,
                version = brief(version),
                "there is no file; the version that was pinned or rolled back to serves"
            );
            let mut slot = self.slot(name);
            (slot.failed, slot.passed_over) = (None, None);
            self.publish(name, Some(slot));
            self.hold(name, version).await;
            return;
        }
        self.papers.remove(name);
        if self.host.catalogue.load().slots().contains_key(name) {
            self.publish(name, None);
            self.note(name, EventKind::Removed, None, None);
            tracing::info!(plugin = name, "plugin removed");
        }
    }

    /// At the start: versions that were pinned or rolled back to, and have no file.
    pub(super) async fn take_orphans(&mut self) {
        let names: Vec<String> = self.book.names().cloned().collect();
        for name in names {
            let is_known = self.host.catalogue.load().slots().contains_key(&name);
            let is_wanted = self.book.of(&name).instead().is_some();
            let is_enabled = self.host.live().plugin(&name).enabled;
            if !is_known && is_wanted && is_enabled {
                self.lose(&name).await;
            }
        }
    }
}

fn versions(slot: &Slot) -> Versions {
    let serving = slot.serving.as_ref().map(|one| one.core.sha256.clone());
    let trial = slot.trial.as_ref();
    (serving, trial.map(|one| one.canary().core.sha256.clone()))
}

fn done(done: Done, survives_restart: bool) -> Outcome {
    Outcome {
        done,
        survives_restart,
    }
}

fn cannot_load(plugin: &str, reason: &str) -> ControlError {
    ControlError::CannotLoad {
        plugin: plugin.to_owned(),
        reason: reason.to_owned(),
    }
}
