//! `/health` of one plugin: its file, what it offers, its calls and its breakers.
//!
//! It owns the shape of this part of the report. It never changes anything.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;

use crate::breaker::{Breaker, BreakerState};
use crate::canary::TrialReport;
use crate::catalogue::Slot;
use crate::control::{KeptVersion, PassedOver};
use crate::plugin_entry::{Handler, HandlerKind, LoadedPlugin};
use crate::refusal::millis_up;
use crate::signatures::{SignatureReport, Verdict};
use crate::sources::SourceReport;

/// One plugin.
#[derive(Debug, Serialize)]
#[expect(
    missing_docs,
    reason = "each field is named as in the JSON; the book describes it"
)]
pub struct PluginReport {
    pub state: PluginState,
    pub sha256: Option<String>,
    pub reason: Option<String>,
    pub tools: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_templates: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prompts: Vec<String>,
    pub calls: u64,
    pub faults: u64,
    pub refused: u64,
    pub in_flight: u64,
    pub waiting: u64,
    pub fuel: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_update: Option<FailedUpdate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passed_over: Option<PassedOver>,
    pub disabled_by_order: bool,
    pub pinned: Option<String>,
    pub kept: Vec<KeptVersion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<TrialReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignatureReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unmatched: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asks_ungranted: Vec<String>,
    pub breakers: BTreeMap<String, BreakerReport>,
}

/// Whether a plugin is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginState {
    /// its tools can be called
    Serving,
    /// its file can't be used; the reason says why
    Failed,
    /// the configuration switched it off, or an order
    Disabled,
}

/// A newer file that could not take the place of the version that serves.
#[derive(Debug, Serialize)]
#[expect(
    missing_docs,
    reason = "each field is named as in the JSON; the book describes it"
)]
pub struct FailedUpdate {
    pub sha256: Option<String>,
    pub reason: String,
}

/// One handler's fuse.
#[derive(Debug, Serialize)]
#[expect(
    missing_docs,
    reason = "each field is named as in the JSON; the book describes it"
)]
pub struct BreakerReport {
    pub state: &'static str,
    pub consecutive_faults: u32,
    pub retry_after_ms: Option<u64>,
    pub opened_total: u64,
    pub calls: u64,
    pub faults: u64,
    pub last_fault: Option<&'static str>,
}

pub(super) fn plugin(
    name: &str,
    slot: &Slot,
    source: Option<SourceReport>,
    now: Instant,
) -> PluginReport {
    let serving = slot.serving.as_deref();
    let handlers: Vec<&Handler> = serving
        .map(|plugin| plugin.handlers().map(AsRef::as_ref).collect())
        .unwrap_or_default();
    let counted: Vec<_> = handlers.iter().map(|one| one.counters.snapshot()).collect();
    let failed = slot.failed.clone();
    let (reason, failed_update) = match (serving, failed) {
        (Some(_), Some(failed)) => (
            None,
            Some(FailedUpdate {
                sha256: failed.sha256,
                reason: failed.reason,
            }),
        ),
        (None, _) if slot.orders.disabled => (Some("disabled by an order".to_owned()), None),
        (None, None) if slot.disabled => (
            Some(format!("switched off by `plugins.{name}.enabled`")),
            None,
        ),
        (_, failed) => (failed.map(|failed| failed.reason), None),
    };
    PluginReport {
        state: match (serving, slot.disabled || slot.orders.disabled) {
            (Some(_), _) => PluginState::Serving,
            (None, true) => PluginState::Disabled,
            (None, false) => PluginState::Failed,
        },
        sha256: sha256(slot),
        reason,
        tools: names(&handlers, HandlerKind::Tool),
        resources: names(&handlers, HandlerKind::Resource),
        resource_templates: names(&handlers, HandlerKind::ResourceTemplate),
        prompts: names(&handlers, HandlerKind::Prompt),
        calls: counted.iter().map(|one| one.calls).sum(),
        faults: counted.iter().map(|one| one.faults).sum(),
        refused: counted.iter().map(|one| one.refused).sum(),
        in_flight: serving.map_or(0, |plugin| plugin.core.in_flight() as u64),
        waiting: serving.map_or(0, waiting),
        fuel: serving.map_or(0, |plugin| plugin.core.meter.fuel()),
        failed_update,
        passed_over: slot.passed_over.clone(),
        disabled_by_order: slot.orders.disabled,
        pinned: slot.orders.pinned.clone(),
        kept: slot.orders.kept.clone(),
        canary: slot.trial.as_ref().map(|trial| trial.report()),
        source,
        signature: slot.signed.as_ref().and_then(Verdict::report),
        unmatched: serving.map_or_else(Vec::new, |plugin| plugin.offers.unmatched.clone()),
        asks_ungranted: serving.map_or_else(Vec::new, |plugin| plugin.core.unmet.lines()),
        breakers: handlers
            .iter()
            .map(|one| (one.fuse_name(), fuse(one, now)))
            .collect(),
    }
}

fn names(handlers: &[&Handler], kind: HandlerKind) -> Vec<String> {
    let of_kind = handlers.iter().filter(|one| one.kind == kind);
    of_kind.map(|one| one.name.clone()).collect()
}

fn sha256(slot: &Slot) -> Option<String> {
    match (&slot.serving, &slot.failed) {
        (Some(plugin), _) => Some(plugin.core.sha256.clone()),
        (None, failed) => failed.as_ref().and_then(|failed| failed.sha256.clone()),
    }
}

fn waiting(plugin: &LoadedPlugin) -> u64 {
    plugin.core.places.waiting() as u64
}

fn fuse(handler: &Handler, now: Instant) -> BreakerReport {
    let breaker: &Breaker = &handler.breaker;
    let (state, retry_after_ms) = match breaker.state(now) {
        BreakerState::Closed { .. } => ("closed", None),
        BreakerState::Open { retry_after } => ("open", Some(millis_up(retry_after))),
        BreakerState::HalfOpen { .. } => ("half_open", None),
    };
    let counted = handler.counters.snapshot();
    BreakerReport {
        state,
        consecutive_faults: breaker.faults(),
        retry_after_ms,
        opened_total: breaker.opened_total(),
        calls: counted.calls,
        faults: counted.faults,
        last_fault: counted.last_fault.map(|fault| fault.reason),
    }
}
