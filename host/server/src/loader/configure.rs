//! New settings for plugins that serve: the same code, linked anew, all of them in one
//! swap of the catalogue.
//!
//! It owns that nothing is changed before it is known that everything can be. It never
//! reads a setting for itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Loader;
use crate::catalogue::Slot;
use crate::config::Config;
use crate::control::EventKind;
use crate::plugin_entry::LoadedPlugin;

/// Why a canary under old settings ends.
const NEW_SETTINGS: &str = "the plugin has new settings";

impl Loader {
    /// Links what serves anew where `next` says something else of it, has `commit` put
    /// the settings in force, and swaps the catalogue.
    ///
    /// # Errors
    /// Which plugins could not serve under them, and why: then nothing is changed.
    pub(super) async fn configure(
        &mut self,
        next: &Config,
        commit: Box<dyn FnOnce() + Send>,
    ) -> Result<(), Vec<String>> {
        let before = Arc::clone(&self.host.live());
        let (mut refitted, mut reasons) = (Vec::new(), Vec::new());
        for (name, slot) in self.host.catalogue.load_full().slots() {
            match self.refit(name, slot, next).await {
                Ok(None) => {}
                Ok(Some(plugin)) => refitted.push((name.clone(), plugin)),
                Err(reason) => reasons.push(format!("plugin {name}: {reason}")),
            }
        }
        if !reasons.is_empty() {
            return Err(reasons);
        }
        commit();
        let changed = self.changed(&before, next);
        for name in &changed {
            self.drop_trial(name, NEW_SETTINGS).await;
        }
        self.swap(refitted, &before, next);
        for name in &changed {
            self.begin_or_end(name, &before, next).await;
        }
        Ok(())
    }

    /// What serves, under other settings; none: they are the same.
    async fn refit(
        &self,
        name: &str,
        slot: &Slot,
        next: &Config,
    ) -> Result<Option<LoadedPlugin>, String> {
        let settings = next.plugin(name);
        let Some(serving) = &slot.serving else {
            return Ok(None);
        };
        if !settings.enabled || serving.core.settings == settings {
            return Ok(None);
        }
        let breakers = next.circuit_breaker;
        let slots = self.host.config.engine.max_instances as usize;
        let refitted = serving.with(&self.host.granter, settings, breakers, slots);
        refitted.await.map(Some).map_err(|error| error.to_string())
    }

    /// Plugins of which the settings say something else.
    fn changed(&self, before: &Config, next: &Config) -> BTreeSet<String> {
        let catalogue = self.host.catalogue.load();
        let names = catalogue.slots().keys().map(String::as_str);
        let names = names
            .chain(before.plugin_names())
            .chain(next.plugin_names());
        names
            .filter(|name| before.plugin(name) != next.plugin(name))
            .map(str::to_owned)
            .collect()
    }

    /// The one swap, with other views and roles too.
    fn swap(&self, refitted: Vec<(String, LoadedPlugin)>, before: &Config, next: &Config) {
        let mut slots = self.host.catalogue.load_full().slots().clone();
        for (name, plugin) in refitted {
            self.host.metrics.tallies.follow(&plugin);
            if let Some(slot) = slots.get_mut(&name) {
                slot.serving = Some(Arc::new(plugin));
            }
        }
        if before.circuit_breaker != next.circuit_breaker {
            for slot in slots.values() {
                let canary = slot.trial.as_ref().map(|trial| trial.canary());
                for plugin in slot.serving.iter().chain(canary) {
                    let breakers = plugin.handlers().map(|handler| &handler.breaker);
                    breakers.for_each(|breaker| breaker.set(next.circuit_breaker));
                }
            }
        }
        self.publish_all(slots);
    }

    /// Whether the folder is looked at: for what serves, only if that is wanted at all.
    fn may_bring(&self, name: &str, next: &Config) -> bool {
        let is_missing = self.slot(name).serving.is_none();
        !self.book.of(name).disabled && (is_missing || next.reload.enabled)
    }

    /// Begins to serve a plugin, or ends to, as its settings say now; and tries again
    /// what could not be loaded under its old ones, or was on trial.
    async fn begin_or_end(&mut self, name: &str, before: &Config, next: &Config) {
        let is_enabled = |config: &Config| config.plugin(name).enabled;
        match (is_enabled(before), is_enabled(next)) {
            (true, false) => {
                tracing::info!(plugin = name, "plugin is switched off");
                self.publish_disabled(name);
                self.note(name, EventKind::Disabled, None, None);
            }
            (_, true) if self.may_bring(name, next) => self.bring(name).await,
            _ => {}
        }
    }
}
