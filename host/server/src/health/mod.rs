//! `/health`: what the host is doing, as one JSON object.
//!
//! It owns the shape of the report. It never changes anything.

mod load;
mod plugin;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use fusebox_protocol::reply::ListKind;

use serde::Serialize;

pub use load::{AdmissionReport, BackpressureReport, CacheReport};
pub use plugin::{BreakerReport, FailedUpdate, PluginReport, PluginState};

use crate::audit::{Audit, AuditReport};
use crate::buffers::BufferSnapshot;
use crate::catalogue::Catalogue;
use crate::config::View;
use crate::control::Event;
use crate::host::Host;
use crate::reconfigure::Standing;
use crate::supervise::PartReport;
use crate::telemetry::TelemetryReport;

/// The report.
#[derive(Debug, Serialize)]
#[expect(
    missing_docs,
    reason = "each field is named as in the JSON; the book describes it"
)]
pub struct Report {
    pub status: Status,
    pub causes: Vec<String>,
    pub version: &'static str,
    pub process: u32,
    pub uptime_s: u64,
    pub connections: u64,
    pub connections_max: usize,
    pub connections_refused: u64,
    pub accepts_failed: u64,
    pub slow_readers: u64,
    pub open_files_max: u64,
    pub quic_connections: u64,
    pub quic_streams: u64,
    pub sessions: u64,
    pub registry_shards: usize,
    pub queue_depth: u64,
    pub admission: AdmissionReport,
    pub backpressure: BackpressureReport,
    pub capability_cache: CacheReport,
    pub result_cache: CacheReport,
    pub calls_in_flight: u64,
    pub instances_alive: u64,
    pub instances_ready: u64,
    pub memory_mb: f64,
    pub throughput_msg_sec: f64,
    pub errors_1m: u64,
    pub requests_total: u64,
    pub errors_total: u64,
    pub tasks_kept: u64,
    pub tasks_running: u64,
    pub tasks_bytes: u64,
    pub buffers: BufferSnapshot,
    pub config: Standing,
    /// none: nothing is written
    pub audit: Option<AuditReport>,
    /// none: nothing is sent
    pub telemetry: Option<TelemetryReport>,
    pub plugins: BTreeMap<String, PluginReport>,
    /// what is not offered because another plugin has its name
    pub collisions: Vec<CollisionReport>,
    /// what became of plugins lately, the newest first
    pub history: Vec<Event>,
    /// what runs beside the connections
    pub parts: BTreeMap<String, PartReport>,
    /// panics that ended a connection, a call or a turn of a part, and nothing else
    pub panics: u64,
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

/// What a stranger is told.
#[derive(Debug, Serialize)]
pub struct Brief {
    /// how the host is
    pub status: Status,
}

impl Brief {
    /// Of a report.
    pub fn of(report: &Report) -> Self {
        Self {
            status: report.status,
        }
    }
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

impl Status {
    /// As in the JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Draining => "draining",
        }
    }
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
        .map(|(name, slot)| {
            let source = host.sources.report(name, now);
            (name.clone(), plugin::plugin(name, slot, source, now))
        })
        .collect();
    // After the plugins: whatever waits for one of them is in the queue by now.
    let meters = host.meters.snapshot(now);
    let held = host.long_tasks.held();
    let telemetry = host.telemetry.as_ref().map(|one| one.report());
    let mut causes = causes(host, &plugins, meters.queue_depth, now);
    causes.extend(telemetry.as_ref().and_then(TelemetryReport::trouble));
    Report {
        status: match causes.is_empty() {
            _ if host.is_refusing() || host.is_draining() => Status::Draining,
            true => Status::Healthy,
            false => Status::Degraded,
        },
        causes,
        version: env!("CARGO_PKG_VERSION"),
        process: std::process::id(),
        uptime_s: meters.uptime_seconds,
        connections: meters.connections,
        connections_max: host.descriptors.connections_max,
        connections_refused: meters.connections_refused,
        accepts_failed: meters.accepts_failed,
        slow_readers: meters.slow_readers,
        open_files_max: host.descriptors.limit,
        quic_connections: meters.quic_connections,
        quic_streams: meters.quic_streams,
        sessions: meters.sessions,
        registry_shards: host.config.registry_shards,
        queue_depth: meters.queue_depth,
        admission: load::admission(host),
        backpressure: load::backpressure(host),
        capability_cache: host.capabilities.view().into(),
        result_cache: host.results.view().into(),
        calls_in_flight: plugins.values().map(|plugin| plugin.in_flight).sum(),
        instances_alive: host.engine.instances_alive(),
        instances_ready: host.engine.instances_ready(),
        memory_mb: memory_mb(),
        throughput_msg_sec: meters.throughput_msg_sec,
        errors_1m: meters.errors_1m,
        requests_total: meters.requests_total,
        errors_total: meters.errors_total,
        config: host.configuration.standing(),
        audit: host.audit.as_ref().map(Audit::report),
        plugins,
        tasks_kept: held.tasks,
        tasks_running: host.long_tasks.running() as u64,
        tasks_bytes: held.bytes,
        buffers: host.buffers.snapshot(),
        history: host.control.history().events(),
        parts: host.parts.report(),
        panics: host.parts.panics(),
        telemetry,
        views: host
            .live()
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

/// Why the host is not as it should be, in plain words; nothing if it is.
fn causes(
    host: &Host,
    plugins: &BTreeMap<String, PluginReport>,
    queue_depth: u64,
    now: Instant,
) -> Vec<String> {
    let mut causes = Vec::new();
    if queue_depth >= host.live().message_queue.warn_threshold as u64 {
        causes.push(format!("{queue_depth} calls wait"));
    }
    causes.extend(load::pressure(host));
    causes.extend(host.auth.trouble());
    causes.extend(host.configuration.trouble());
    causes.extend(host.audit.as_ref().and_then(Audit::trouble));
    causes.extend(host.parts.trouble(now));
    if host.engine.swaps_unsafely() {
        causes.push(
            "swap was turned on after the start: restart the host, or what one call left could be swapped out and seen by another"
                .to_owned(),
        );
    }
    for (name, plugin) in plugins {
        let open = plugin
            .breakers
            .values()
            .filter(|fuse| fuse.state != "closed");
        let open = open.count();
        if plugin.state == PluginState::Failed {
            causes.push(format!("plugin {name} can't be used"));
        } else if plugin.failed_update.is_some() {
            causes.push(format!("the new file of plugin {name} can't be used"));
        } else if plugin
            .passed_over
            .as_ref()
            .is_some_and(|one| one.rolled_back)
        {
            causes.push(format!("the new version of plugin {name} was rolled back"));
        }
        if let Some(source) = &plugin.source {
            if plugin.state == PluginState::Serving && source.error.is_some() {
                causes.push(format!("the source of plugin {name} can't be used"));
            }
            if source.file_refused {
                causes.push(format!(
                    "{name}.wasm is refused: the plugin comes from elsewhere"
                ));
            }
        }
        if open > 0 {
            causes.push(format!("{open} breakers of plugin {name} are not closed"));
        }
    }
    causes
}

/// Resident memory of this process, in MiB.
pub(crate) fn memory_mb() -> f64 {
    let bytes = memory_stats::memory_stats().map_or(0, |stats| stats.physical_mem);
    // Two decimals are as much as anyone reads.
    (bytes as f64 / f64::from(1 << 20) * 100.0).round() / 100.0
}
