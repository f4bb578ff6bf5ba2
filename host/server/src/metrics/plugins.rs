//! The series of plugins and their handlers.
//!
//! It owns their names and what they mean; `docs/src/metrics.md` has both from here.

use std::collections::BTreeMap;
use std::time::Instant;

use fusebox_protocol::Reason;

use super::family::Families;
use super::tally::{self, HandlerKey, HandlerTotals, OTHERS, PluginReading};
use crate::breaker::BreakerState;
use crate::catalogue::{Catalogue, Slot};
use crate::host::Host;
use crate::plugin_entry::LoadedPlugin;

/// A plugin, or all that aren't told apart, as it is now.
#[derive(Debug, Default)]
struct Now {
    serving: u64,
    failed: u64,
    disabled: u64,
    in_flight: usize,
    waiting: usize,
    queue_max: usize,
    /// percent of the calls that a new version beside it gets
    canary_share: u32,
    /// of the version that serves
    sha256: Option<String>,
    /// 0 closed, 1 half-open, 2 open
    breakers: BTreeMap<HandlerKey, u8>,
}

/// What is written of one plugin.
type Row<'a> = (&'a str, &'a PluginReading, Now);

/// Everything about plugins.
pub(super) fn write(families: &mut Families, host: &Host, now: Instant) {
    let mut loads = families.counter(
        "fusebox_plugin_loads_total",
        "Files of plugins that were taken in: the first version, a swap for another one, one that can't be used, one that is gone, one that is tried as a canary, one that was rolled back.",
    );
    for (outcome, count) in host.metrics.loads.read() {
        loads.set([("outcome", outcome)], count as f64);
    }
    families.value(
        "fusebox_instances_alive",
        "Instances of plugins in memory that have been called.",
        host.engine.instances_alive() as f64,
    );
    families.value(
        "fusebox_instances_ready",
        "Instances that wait for their first call: `limits.ready_instances`.",
        host.engine.instances_ready() as f64,
    );
    families.value(
        "fusebox_instances_limit",
        "How many there may be: `engine.max_instances`.",
        f64::from(host.config.engine.max_instances),
    );
    let catalogue = host.catalogue.load();
    let read = host.metrics.tallies.read(&catalogue);
    let mut seen = look(&catalogue, &read, now);
    let rows: Vec<Row<'_>> = read
        .iter()
        .map(|(name, reading)| {
            let now = seen.remove(name.as_str()).unwrap_or_default();
            (name.as_str(), reading, now)
        })
        .collect();
    states(families, &rows);
    work(families, &rows);
    handlers(families, &rows);
}

/// How each plugin is now, by its label.
fn look<'a>(
    catalogue: &Catalogue,
    read: &'a BTreeMap<String, PluginReading>,
    now: Instant,
) -> BTreeMap<&'a str, Now> {
    let mut seen: BTreeMap<&str, Now> = BTreeMap::new();
    for (name, slot) in catalogue.slots() {
        let (label, reading) = match read.get_key_value(name) {
            Some((label, reading)) => (label.as_str(), Some(reading)),
            None => (OTHERS, read.get(OTHERS)),
        };
        let told_apart =
            |key: &HandlerKey| reading.is_some_and(|one| one.handlers.contains_key(key));
        seen.entry(label).or_default().take(slot, told_apart, now);
    }
    seen
}

impl Now {
    fn take(&mut self, slot: &Slot, told_apart: impl Fn(&HandlerKey) -> bool, now: Instant) {
        self.serving += u64::from(slot.serving.is_some());
        self.failed += u64::from(slot.failed.is_some());
        self.disabled += u64::from(slot.disabled);
        if let Some(trial) = &slot.trial {
            self.canary_share = trial.report().share;
            self.take_version(trial.canary(), &told_apart, now);
        }
        if let Some(plugin) = &slot.serving {
            self.queue_max += plugin.core.settings.limits.queue_max;
            self.sha256 = Some(plugin.core.sha256.clone());
            self.take_version(plugin, &told_apart, now);
        }
    }

    fn take_version(
        &mut self,
        plugin: &LoadedPlugin,
        told_apart: impl Fn(&HandlerKey) -> bool,
        now: Instant,
    ) {
        self.in_flight += plugin.core.in_flight();
        self.waiting += plugin.core.places.waiting();
        for handler in plugin.handlers() {
            let key = Some(tally::key(handler)).filter(&told_apart);
            let state = match handler.breaker.state(now) {
                BreakerState::Closed { .. } => 0,
                BreakerState::HalfOpen { .. } => 1,
                BreakerState::Open { .. } => 2,
            };
            // Of several, the worst.
            let worst = self.breakers.entry(key.unwrap_or_else(tally::others));
            let worst = worst.or_default();
            *worst = state.max(*worst);
        }
    }
}

/// A gauge with a value for each plugin.
fn each(
    families: &mut Families,
    rows: &[Row<'_>],
    name: &'static str,
    help: &'static str,
    value: impl Fn(&Row<'_>) -> f64,
) {
    let mut family = families.gauge(name, help);
    for row in rows {
        family.set([("plugin", row.0)], value(row));
    }
}

fn states(families: &mut Families, rows: &[Row<'_>]) {
    each(
        families,
        rows,
        "fusebox_plugin_serving",
        "1 if a version of the plugin serves.",
        |(_, _, now)| now.serving as f64,
    );
    each(
        families,
        rows,
        "fusebox_plugin_failed",
        "1 if the newest file of the plugin can't be used, whether or not an older version serves.",
        |(_, _, now)| now.failed as f64,
    );
    each(
        families,
        rows,
        "fusebox_plugin_disabled",
        "1 if the plugin is switched off.",
        |(_, _, now)| now.disabled as f64,
    );
    each(
        families,
        rows,
        "fusebox_plugin_canary_ratio",
        "How much of the plugin's calls a new version gets that is being tried; 0 if none is.",
        |(_, _, now)| f64::from(now.canary_share) / 100.0,
    );
    let mut family = families.gauge(
        "fusebox_plugin_info",
        "Always 1; the hash of the file that serves is a label.",
    );
    for (plugin, _, now) in rows.iter().filter(|(plugin, ..)| *plugin != OTHERS) {
        if let Some(sha256) = &now.sha256 {
            family.set([("plugin", plugin), ("sha256", sha256)], 1);
        }
    }
}

fn work(families: &mut Families, rows: &[Row<'_>]) {
    each(
        families,
        rows,
        "fusebox_plugin_calls_in_flight",
        "Calls that run now.",
        |(_, _, now)| now.in_flight as f64,
    );
    each(
        families,
        rows,
        "fusebox_plugin_queue_depth",
        "Calls that wait for one of the plugin's places.",
        |(_, _, now)| now.waiting as f64,
    );
    each(
        families,
        rows,
        "fusebox_plugin_queue_limit",
        "How many may wait: `limits.queue_max`.",
        |(_, _, now)| now.queue_max as f64,
    );
    let help = "How long calls waited until they were admitted; most don't wait at all.";
    let mut family = families.times("fusebox_admission_wait_seconds", help);
    for (plugin, reading, _) in rows {
        family.spread([("plugin", plugin)], &reading.totals.waits);
    }
    let help = "How long calls were in their handler, its instance included.";
    let mut family = families.times("fusebox_handler_duration_seconds", help);
    for (plugin, reading, _) in rows {
        family.spread([("plugin", plugin)], &reading.totals.runs);
    }
    let mut family = families.counter(
        "fusebox_plugin_fuel_total",
        "Units of fuel that calls used: about one for each instruction.",
    );
    for (plugin, reading, _) in rows {
        family.set([("plugin", plugin)], reading.totals.fuel as f64);
    }
    each(
        families,
        rows,
        "fusebox_plugin_memory_peak_bytes",
        "The most memory that one instance had at the end of its call, of the versions in use.",
        |(_, reading, _)| reading.memory_max_bytes as f64,
    );
}

fn handlers(families: &mut Families, rows: &[Row<'_>]) {
    let help = "Calls that reached the handler.";
    totals(families, rows, "fusebox_handler_calls_total", help, |one| {
        one.calls
    });
    let help = "Calls that never reached the handler: a breaker was open, too many waited, or the arguments did not fit.";
    totals(
        families,
        rows,
        "fusebox_handler_refusals_total",
        help,
        |one| one.refused,
    );
    let help = "Calls that ended with a fault of the handler.";
    totals(
        families,
        rows,
        "fusebox_handler_faults_total",
        help,
        HandlerTotals::all_faults,
    );
    let help = "How often the handler's breaker has opened.";
    totals(
        families,
        rows,
        "fusebox_breaker_openings_total",
        help,
        |one| one.openings,
    );
    let mut family = families.gauge(
        "fusebox_breaker_state",
        "The handler's breaker: 0 closed, 1 half-open, 2 open.",
    );
    for (plugin, _, now) in rows {
        for ((kind, handler), state) in &now.breakers {
            let labels = [("plugin", *plugin), ("kind", kind), ("handler", handler)];
            family.set(labels, *state);
        }
    }
    let help = "Faults of a plugin's handlers by their reason, as errors name it.";
    let mut family = families.counter("fusebox_faults_total", help);
    for (plugin, reading, _) in rows {
        // All from the start: the first fault of a series that begins with it is one
        // that no rate sees.
        let kinds = Reason::ALL.into_iter().filter(|one| one.counts_as_fault());
        let mut by_reason: BTreeMap<&str, u64> = kinds.map(|one| (one.name(), 0)).collect();
        for (reason, count) in reading.handlers.values().flat_map(|one| &one.faults) {
            *by_reason.entry(reason).or_default() += count;
        }
        for (reason, count) in by_reason {
            family.set([("plugin", plugin), ("reason", reason)], count as f64);
        }
    }
}

/// A counter of each handler.
fn totals(
    families: &mut Families,
    rows: &[Row<'_>],
    name: &'static str,
    help: &'static str,
    total: impl Fn(&HandlerTotals) -> u64,
) {
    let mut family = families.counter(name, help);
    for (plugin, reading, _) in rows {
        for ((kind, handler), totals) in &reading.handlers {
            let labels = [("plugin", *plugin), ("kind", kind), ("handler", handler)];
            family.set(labels, total(totals) as f64);
        }
    }
}
