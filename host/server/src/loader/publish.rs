//! The swap of the catalogue, and what the log and the clients are told of it.
//!
//! It owns the one place where a catalogue is replaced. It never loads anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use fusebox_engine::{Change, Foreign};
use fusebox_protocol::reply::ListKind;

use super::Loader;
use crate::catalogue::{Catalogue, Slot};
use crate::control::{Event, EventKind, KeptVersion, Orders};
use crate::metrics::Load;
use crate::plugin_entry::LoadedPlugin;
use crate::signatures::Verdict;

/// Things that a plugin asks for which the log names.
const UNMET_TOLD_MAX: usize = 16;

impl Loader {
    /// Swaps in a catalogue with `slot` under `name`, and tells clients if they
    /// see other lists now. Only the loader swaps, so nothing comes in between.
    pub(super) fn publish(&self, name: &str, slot: Option<Slot>) {
        let mut slots = self.host.catalogue.load_full().slots().clone();
        match slot {
            Some(mut slot) => {
                slot.orders = Arc::new(self.orders(name));
                slots.insert(name.to_owned(), slot)
            }
            None => slots.remove(name),
        };
        self.publish_all(slots);
    }

    /// The same with all slots at once, under the views and roles that are in force.
    pub(super) fn publish_all(&self, slots: BTreeMap<String, Slot>) {
        let before = self.host.catalogue.load_full();
        let after = {
            let live = self.host.live();
            Arc::new(Catalogue::new(slots, &live.views, &live.roles))
        };
        for collision in after.collisions() {
            if !before.collisions().contains(collision) {
                tracing::warn!(
                    what = collision.what,
                    name = collision.name,
                    kept_by = collision.kept_by,
                    refused_to = collision.refused_to,
                    "two plugins claim one name"
                );
            }
        }
        let lists = [
            (ListKind::Tools, Change::Tools),
            (ListKind::Prompts, Change::Prompts),
            (ListKind::Resources, Change::Resources),
            (ListKind::ResourceTemplates, Change::Resources),
        ];
        let mut changes: Vec<Change> = lists
            .into_iter()
            .filter(|(kind, _)| after.differs(&before, *kind))
            .map(|(_, change)| change)
            .collect();
        changes.dedup();
        self.host.catalogue.store(after);
        self.host.capabilities.clear();
        for change in changes {
            self.host.changes.publish(&change);
        }
    }

    /// What was ordered of a plugin, and what it can go back to.
    fn orders(&self, name: &str) -> Orders {
        let standing = self.book.of(name);
        let kept = self.versions.get(name).into_iter().flatten();
        Orders {
            disabled: standing.disabled,
            pinned: standing.pinned,
            kept: kept
                .map(|one| KeptVersion {
                    sha256: one.sha256.clone(),
                    served_unix_ms: one.served_ms,
                })
                .collect(),
        }
    }

    /// Notes what became of a plugin.
    pub(super) fn note(
        &self,
        name: &str,
        event: EventKind,
        sha256: Option<&str>,
        reason: Option<&str>,
    ) {
        let load = match event {
            EventKind::Loaded => Some(Load::New),
            EventKind::Replaced | EventKind::Promoted => Some(Load::Swap),
            EventKind::Failed => Some(Load::Failed),
            EventKind::Removed => Some(Load::Removed),
            EventKind::CanaryStarted => Some(Load::Canary),
            EventKind::RolledBack => Some(Load::RolledBack),
            _ => None,
        };
        if let Some(load) = load {
            self.host.metrics.loads.add(load);
        }
        let event = Event::now(name, event, sha256, reason.map(str::to_owned));
        self.host.control.history().note(event);
    }
}

pub(super) fn tell_verdict(name: &str, verdict: &Verdict) {
    if let Verdict::Tolerated(error) = verdict {
        tracing::warn!(
            plugin = name,
            reason = %error,
            "a plugin is loaded without a good signature"
        );
    }
}

pub(super) fn tell_loaded(name: &str, plugin: &LoadedPlugin, replaced: bool) {
    tracing::info!(
        plugin = name,
        sha256 = &plugin.core.sha256[..12],
        tools = plugin.offers.tools.len(),
        replaced,
        "plugin loaded"
    );
    tell_not_served(name, plugin);
    tell_unmet(name, plugin);
    for unmatched in &plugin.offers.unmatched {
        tracing::warn!(
            plugin = name,
            setting = unmatched,
            "the configuration names a tool that isn't there"
        );
    }
}

/// Which functions of a component for other hosts are no tools, and why.
fn tell_not_served(name: &str, plugin: &LoadedPlugin) {
    let foreign = plugin.core.code.foreign();
    for one in foreign.into_iter().flat_map(Foreign::not_served) {
        tracing::info!(
            plugin = name,
            function = one.function,
            reason = one.reason,
            "a function is no tool"
        );
    }
}

/// What its author asks for and the configuration doesn't give.
fn tell_unmet(name: &str, plugin: &LoadedPlugin) {
    let unmet = plugin.core.unmet.lines();
    if !unmet.is_empty() {
        let more = unmet.len().saturating_sub(UNMET_TOLD_MAX);
        let asks = unmet[..unmet.len() - more].join(", ");
        tracing::info!(
            plugin = name,
            asks,
            more,
            "it asks for what it isn't granted; `fusebox plugin check` prints the lines that would grant it"
        );
    }
}
