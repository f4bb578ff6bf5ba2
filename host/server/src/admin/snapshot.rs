//! What the page and `fusebox top` show: the host and its plugins in figures.
//!
//! It owns the shape, which leaves out what `/health` says and no figure needs. It
//! never changes anything.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::canary::TrialReport;
use crate::health::{self, PluginReport, PluginState, Report, Status};
use crate::host::Host;

/// Each plugin by its name, as JSON: what has changed is found by comparing.
pub(super) type Plugins = BTreeMap<String, Box<RawValue>>;

/// The host.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    status: Status,
    draining: bool,
    causes: Vec<String>,
    uptime_s: u64,
    connections: u64,
    connections_max: usize,
    sessions: u64,
    queue_depth: u64,
    waiting_for_host: usize,
    calls_in_flight: u64,
    instances_alive: u64,
    memory_mb: f64,
    memory_percent: u32,
    memory_limit_mb: u64,
    cpu_percent: u32,
    cpu_cores: f64,
    refusing_percent: u32,
    requests_total: u64,
    errors_total: u64,
    errors_1m: u64,
    tasks_running: u64,
    log_level: Option<String>,
}

/// One plugin.
#[derive(Debug, Serialize)]
struct PluginFigures<'a> {
    state: PluginState,
    sha256: Option<&'a str>,
    reason: Option<&'a str>,
    failed_update: Option<&'a str>,
    source: Option<&'a str>,
    pinned: Option<&'a str>,
    canary: Option<&'a TrialReport>,
    passed_over: Option<&'a str>,
    calls: u64,
    faults: u64,
    refused: u64,
    in_flight: u64,
    waiting: u64,
    fuel: u64,
    handlers: BTreeMap<&'a str, Handler<'a>>,
}

/// One handler and its fuse.
#[derive(Debug, Serialize)]
struct Handler<'a> {
    state: &'static str,
    consecutive_faults: u32,
    retry_after_ms: Option<u64>,
    opened_total: u64,
    calls: u64,
    faults: u64,
    last_fault: Option<&'a str>,
}

/// Looks at the host.
pub(super) fn take(host: &Host) -> (Figures, Plugins) {
    let report = health::report(host, Instant::now());
    let plugins = report.plugins.iter();
    let plugins = plugins
        .filter_map(|(name, plugin)| Some((name.clone(), to_raw_value(&figures(plugin)).ok()?)))
        .collect();
    (Figures::of(host, report), plugins)
}

impl Figures {
    fn of(host: &Host, report: Report) -> Self {
        let machine = &report.backpressure;
        Self {
            status: report.status,
            draining: host.is_draining(),
            uptime_s: report.uptime_s,
            connections: report.connections,
            connections_max: report.connections_max,
            sessions: report.sessions,
            queue_depth: report.queue_depth,
            waiting_for_host: report.admission.waiting_for_host,
            calls_in_flight: report.calls_in_flight,
            instances_alive: report.instances_alive,
            memory_mb: report.memory_mb,
            memory_percent: machine.memory_percent,
            memory_limit_mb: machine.memory_limit_mb,
            cpu_percent: machine.cpu_percent,
            cpu_cores: machine.cpu_cores,
            refusing_percent: machine.refusing_percent,
            requests_total: report.requests_total,
            errors_total: report.errors_total,
            errors_1m: report.errors_1m,
            tasks_running: report.tasks_running,
            log_level: host.log.get().map(|log| log.now()),
            causes: report.causes,
        }
    }
}

fn figures(plugin: &PluginReport) -> PluginFigures<'_> {
    let handlers = plugin.breakers.iter();
    PluginFigures {
        state: plugin.state,
        sha256: plugin.sha256.as_deref(),
        reason: plugin.reason.as_deref(),
        failed_update: plugin.failed_update.as_ref().map(|one| &*one.reason),
        source: plugin.source.as_ref().map(|source| &*source.url),
        pinned: plugin.pinned.as_deref(),
        canary: plugin.canary.as_ref(),
        passed_over: plugin.passed_over.as_ref().map(|one| &*one.reason),
        calls: plugin.calls,
        faults: plugin.faults,
        refused: plugin.refused,
        in_flight: plugin.in_flight,
        waiting: plugin.waiting,
        fuel: plugin.fuel,
        handlers: handlers
            .map(|(name, fuse)| {
                let handler = Handler {
                    state: fuse.state,
                    consecutive_faults: fuse.consecutive_faults,
                    retry_after_ms: fuse.retry_after_ms,
                    opened_total: fuse.opened_total,
                    calls: fuse.calls,
                    faults: fuse.faults,
                    last_fault: fuse.last_fault,
                };
                (name.as_str(), handler)
            })
            .collect(),
    }
}
