//! Totals of plugins and handlers over all their versions, so that what is counted
//! never goes down when a plugin is swapped.
//!
//! A version has counters of its own, and dies with them. They are followed from the
//! moment it is loaded; when nobody but this table holds them, what they counted is
//! added to what had been counted before.
//!
//! It owns these totals, and how many plugins and handlers are told apart. It is
//! touched when a plugin is loaded and when it is read, never by a call.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::version::{VersionMeter, VersionTotals};
use crate::breaker::Breaker;
use crate::catalogue::Catalogue;
use crate::config;
use crate::meters::HandlerCounters;
use crate::plugin_entry::{Handler, HandlerKind, LoadedPlugin};

/// Stands for all that aren't told apart. No plugin has such a name.
pub(super) const OTHERS: &str = "(other)";

/// What a handler is known by: its kind and its name.
pub(super) type HandlerKey = (&'static str, String);

/// What one version of a handler counts.
type Followed = (Arc<HandlerCounters>, Arc<Breaker>);

/// The totals of one host.
#[derive(Debug)]
pub(crate) struct Tallies {
    limits: config::Metrics,
    plugins: Mutex<BTreeMap<String, PluginTally>>,
}

/// Of one plugin.
#[derive(Debug, Default)]
struct PluginTally {
    past: VersionTotals,
    live: Vec<Arc<VersionMeter>>,
    handlers: BTreeMap<HandlerKey, HandlerTally>,
    /// of all handlers that aren't told apart
    others: HandlerTally,
}

/// Of one handler.
#[derive(Debug, Default)]
struct HandlerTally {
    past: HandlerTotals,
    live: Vec<Followed>,
}

/// What became of the calls of a handler, in all its versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct HandlerTotals {
    pub(super) calls: u64,
    pub(super) refused: u64,
    pub(super) openings: u64,
    /// by their reason
    pub(super) faults: BTreeMap<&'static str, u64>,
}

/// What a plugin came to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct PluginReading {
    pub(super) totals: VersionTotals,
    pub(super) memory_max_bytes: usize,
    pub(super) handlers: BTreeMap<HandlerKey, HandlerTotals>,
}

impl Tallies {
    /// Nothing yet.
    pub(crate) fn new(limits: config::Metrics) -> Self {
        Self {
            limits,
            plugins: Mutex::default(),
        }
    }

    /// Follows what a version counts, from before its first call.
    pub(crate) fn follow(&self, plugin: &LoadedPlugin) {
        let handlers = plugin.handlers().map(|handler| {
            let followed = (handler.counters.clone(), handler.breaker.clone());
            (key(handler), followed)
        });
        self.follow_all(&plugin.core.name, &plugin.core.meter, handlers);
    }

    fn follow_all(
        &self,
        name: &str,
        meter: &Arc<VersionMeter>,
        handlers: impl Iterator<Item = (HandlerKey, Followed)>,
    ) {
        let mut plugins = self.plugins.lock();
        let label = label(&plugins, name, self.limits);
        let mut room = self.limits.handlers_max;
        for tally in plugins.values() {
            room = room.saturating_sub(tally.handlers.len());
        }
        let tally = plugins.entry(label.to_owned()).or_default();
        tally.fold();
        if tally.live.iter().any(|one| Arc::ptr_eq(one, meter)) {
            return;
        }
        tally.live.push(meter.clone());
        for (key, followed) in handlers {
            let place = match tally.handlers.contains_key(&key) {
                true => tally.handlers.get_mut(&key),
                false if label == OTHERS => None,
                false => {
                    room += usize::from(room == 0 && tally.forget_one());
                    let has_room = room > 0;
                    room = room.saturating_sub(1);
                    has_room.then(|| tally.handlers.entry(key).or_default())
                }
            };
            place.unwrap_or(&mut tally.others).live.push(followed);
        }
    }

    /// What each plugin came to, by its label. Of plugins that have gone nothing is
    /// kept.
    pub(super) fn read(&self, catalogue: &Catalogue) -> BTreeMap<String, PluginReading> {
        self.read_those(catalogue.slots().keys().map(String::as_str))
    }

    fn read_those<'a>(
        &self,
        there: impl Iterator<Item = &'a str>,
    ) -> BTreeMap<String, PluginReading> {
        let mut plugins = self.plugins.lock();
        let there: Vec<&str> = there.collect();
        plugins.values_mut().for_each(PluginTally::fold);
        plugins.retain(|name, tally| {
            let is_there = there.binary_search(&name.as_str()).is_ok();
            is_there || name == OTHERS || !tally.live.is_empty()
        });
        // A file that never served has its series, too.
        for name in there {
            let label = label(&plugins, name, self.limits).to_owned();
            plugins.entry(label).or_default();
        }
        let read = plugins.iter();
        read.map(|(name, tally)| (name.clone(), tally.read()))
            .collect()
    }
}

/// The name of a plugin, or of all that aren't told apart.
fn label<'a, V>(known: &BTreeMap<String, V>, name: &'a str, limits: config::Metrics) -> &'a str {
    let told_apart = known.len() - usize::from(known.contains_key(OTHERS));
    match known.contains_key(name) || told_apart < limits.plugins_max {
        true => name,
        false => OTHERS,
    }
}

/// What a handler is known by.
pub(super) fn key(handler: &Handler) -> HandlerKey {
    let kind = match handler.kind {
        HandlerKind::Tool => "tool",
        HandlerKind::Resource => "resource",
        HandlerKind::ResourceTemplate => "resource_template",
        HandlerKind::Prompt => "prompt",
        HandlerKind::Completion => "completion",
    };
    (kind, handler.name.clone())
}

/// The key of all handlers that aren't told apart.
pub(super) fn others() -> HandlerKey {
    ("other", OTHERS.to_owned())
}

impl PluginTally {
    /// Adds up what nobody counts on any more.
    fn fold(&mut self) {
        let past = &mut self.past;
        self.live.retain(|meter| {
            let is_used = Arc::strong_count(meter) > 1;
            if !is_used {
                past.add(&meter.totals());
            }
            is_used
        });
        self.handlers.values_mut().for_each(HandlerTally::fold);
        self.others.fold();
    }

    /// Makes room for a handler: of one that no version has any more, what it counted
    /// goes to the others, so that the plugin's sum stays.
    fn forget_one(&mut self) -> bool {
        let mut gone = self.handlers.iter().filter(|(_, one)| one.live.is_empty());
        let Some(key) = gone.next().map(|(key, _)| key.clone()) else {
            return false;
        };
        if let Some(gone) = self.handlers.remove(&key) {
            self.others.past.add(&gone.past);
        }
        true
    }

    fn read(&self) -> PluginReading {
        let mut reading = PluginReading {
            totals: self.past.clone(),
            ..PluginReading::default()
        };
        for meter in &self.live {
            reading.totals.add(&meter.totals());
            reading.memory_max_bytes = reading.memory_max_bytes.max(meter.memory_max_bytes());
        }
        let handlers = self.handlers.iter();
        reading.handlers = handlers
            .map(|(key, tally)| (key.clone(), tally.read()))
            .collect();
        let of_others = self.others.read();
        if !self.others.live.is_empty() || of_others != HandlerTotals::default() {
            reading.handlers.insert(others(), of_others);
        }
        reading
    }
}

impl HandlerTally {
    fn fold(&mut self) {
        let past = &mut self.past;
        self.live.retain(|followed| {
            let is_used = Arc::strong_count(&followed.0) > 1;
            if !is_used {
                past.add(&HandlerTotals::of(followed));
            }
            is_used
        });
    }

    fn read(&self) -> HandlerTotals {
        let mut totals = self.past.clone();
        for followed in &self.live {
            totals.add(&HandlerTotals::of(followed));
        }
        totals
    }
}

impl HandlerTotals {
    fn of((counters, breaker): &Followed) -> Self {
        let counted = counters.snapshot();
        Self {
            calls: counted.calls,
            refused: counted.refused,
            openings: breaker.opened_total(),
            faults: counters.faults_by(),
        }
    }

    fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.refused += other.refused;
        self.openings += other.openings;
        for (reason, count) in &other.faults {
            *self.faults.entry(reason).or_default() += count;
        }
    }

    /// Faults of every kind.
    pub(super) fn all_faults(&self) -> u64 {
        self.faults.values().sum()
    }
}

#[cfg(test)]
mod tests;
