//! `/health`: what the host is doing, as one JSON object.
//!
//! It owns the shape of the report. It never changes anything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use fusebox_protocol::reply::ListKind;

use serde::Serialize;

use crate::breaker::{Breaker, BreakerState};
use crate::buffers::BufferSnapshot;
use crate::catalogue::{Catalogue, Slot};
use crate::config::View;
use crate::host::Host;
use crate::plugin_entry::{Handler, HandlerKind, LoadedPlugin};
use crate::refusal::millis_up;

/// The report.
#[derive(Debug, Serialize)]
#[expect(
    missing_docs,
    reason = "each field is named as in the JSON; the book describes it"
)]
pub struct Report {
    pub status: Status,
    pub version: &'static str,
    pub uptime_s: u64,
    pub connections: u64,
    pub sessions: u64,
    pub queue_depth: u64,
    pub calls_in_flight: u64,
    pub instances_alive: u64,
    pub memory_mb: f64,
    pub throughput_msg_sec: f64,
    pub errors_1m: u64,
    pub requests_total: u64,
    pub errors_total: u64,
    pub tasks_kept: u64,
    pub tasks_running: u64,
    pub tasks_bytes: u64,
    pub buffers: BufferSnapshot,
    pub plugins: BTreeMap<String, PluginReport>,
    /// what is not offered because another plugin has its name
    pub collisions: Vec<CollisionReport>,
    /// the parts that are served at paths of their own
    pub views: BTreeMap<String, ViewReport>,
}

/// One view.
#[derive(Debug, Serialize)]
#[expect(
    missing_docs,
    reason = "each field is named as in the JSON; the book describes it"
)]
pub struct ViewReport {
    pub path: String,
    pub tools: usize,
    pub resources: usize,
    pub resource_templates: usize,
    pub prompts: usize,
}

/// How the host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// all is well
    Healthy,
    /// it serves, but calls wait, or a plugin's file failed or a breaker is open
    Degraded,
    /// it finishes what it has and takes nothing new
    Draining,
}

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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_update: Option<FailedUpdate>,
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
    /// the configuration switched it off
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

/// A name that two plugins claim.
#[derive(Debug, Serialize)]
#[expect(
    missing_docs,
    reason = "each field is named as in the JSON; the book describes it"
)]
pub struct CollisionReport {
    pub what: &'static str,
    pub name: String,
    pub kept_by: String,
    pub refused_to: String,
}

impl Report {
    /// Whether a load balancer should send work here.
    pub fn is_serving(&self) -> bool {
        self.status != Status::Draining
    }
}

fn view(catalogue: &Catalogue, (name, settings): (&String, &View)) -> (String, ViewReport) {
    let offered = catalogue.view(&Some(Arc::from(name.as_str())));
    let report = ViewReport {
        path: settings.path.clone(),
        tools: offered.count(ListKind::Tools),
        resources: offered.count(ListKind::Resources),
        resource_templates: offered.count(ListKind::ResourceTemplates),
        prompts: offered.count(ListKind::Prompts),
    };
    (name.clone(), report)
}

/// Looks at the host.
pub fn report(host: &Host, now: Instant) -> Report {
    let catalogue = host.catalogue.load();
    let plugins: BTreeMap<String, PluginReport> = catalogue
        .slots()
        .iter()
        .map(|(name, slot)| (name.clone(), plugin(name, slot, now)))
        .collect();
    // After the plugins: whatever waits for one of them is in the queue by now.
    let meters = host.meters.snapshot(now);
    let held = host.long_tasks.held();
    Report {
        status: status(host, &plugins, meters.queue_depth),
        version: env!("CARGO_PKG_VERSION"),
        uptime_s: meters.uptime_seconds,
        connections: meters.connections,
        sessions: meters.sessions,
        queue_depth: meters.queue_depth,
        calls_in_flight: plugins.values().map(|plugin| plugin.in_flight).sum(),
        instances_alive: host.engine.instances_alive(),
        memory_mb: memory_mb(),
        throughput_msg_sec: meters.throughput_msg_sec,
        errors_1m: meters.errors_1m,
        requests_total: meters.requests_total,
        errors_total: meters.errors_total,
        plugins,
        tasks_kept: held.tasks,
        tasks_running: host.long_tasks.running() as u64,
        tasks_bytes: held.bytes,
        buffers: host.buffers.snapshot(),
        views: host
            .config
            .views
            .iter()
            .map(|one| view(&catalogue, one))
            .collect(),
        collisions: catalogue
            .collisions()
            .iter()
            .map(|collision| CollisionReport {
                what: collision.what,
                name: collision.name.clone(),
                kept_by: collision.kept_by.clone(),
                refused_to: collision.refused_to.clone(),
            })
            .collect(),
    }
}

fn status(host: &Host, plugins: &BTreeMap<String, PluginReport>, queue_depth: u64) -> Status {
    if host.stopping.is_cancelled() {
        return Status::Draining;
    }
    let hurt = |plugin: &PluginReport| {
        plugin.state == PluginState::Failed
            || plugin.failed_update.is_some()
            || plugin.breakers.values().any(|fuse| fuse.state != "closed")
    };
    let long_queue = queue_depth >= host.config.message_queue.warn_threshold as u64;
    if long_queue || plugins.values().any(hurt) {
        Status::Degraded
    } else {
        Status::Healthy
    }
}

fn plugin(name: &str, slot: &Slot, now: Instant) -> PluginReport {
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
        (None, None) if slot.disabled => (
            Some(format!("switched off by `plugins.{name}.enabled`")),
            None,
        ),
        (_, failed) => (failed.map(|failed| failed.reason), None),
    };
    PluginReport {
        state: match (serving, slot.disabled) {
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
        failed_update,
        breakers: handlers
            .iter()
            .map(|one| (fuse_name(one), fuse(one, now)))
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
    plugin
        .core
        .waiting
        .load(std::sync::atomic::Ordering::Relaxed) as u64
}

/// Tools go by their name; what may have the same name says what it is.
fn fuse_name(handler: &Handler) -> String {
    match handler.kind {
        HandlerKind::Prompt => format!("prompt {}", handler.name),
        _ => handler.name.clone(),
    }
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

fn memory_mb() -> f64 {
    let bytes = memory_stats::memory_stats().map_or(0, |stats| stats.physical_mem);
    // Two decimals are as much as anyone reads.
    (bytes as f64 / f64::from(1 << 20) * 100.0).round() / 100.0
}
