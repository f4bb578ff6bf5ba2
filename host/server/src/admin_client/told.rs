//! What the interface tells of a host, as far as a terminal shows it.
//!
//! It owns these shapes. Whatever else is told is passed over, and what isn't told is
//! nothing, so that a command of another version works too.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The host at a moment, and what happened before.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Snapshot {
    pub(super) version: String,
    pub(super) now_ms: u64,
    pub(super) samples: Vec<Sample>,
    pub(super) entries: Vec<Entry>,
    pub(super) figures: Figures,
    pub(super) plugins: BTreeMap<String, Plugin>,
}

/// A second of the host.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Sample {
    pub(super) requests: f64,
    pub(super) errors: f64,
    pub(super) p50_ms: Option<f64>,
    pub(super) p95_ms: Option<f64>,
    pub(super) p99_ms: Option<f64>,
}

/// Something that happened.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Entry {
    pub(super) kind: String,
    pub(super) at_ms: u64,
    pub(super) plugin: String,
    pub(super) handler: String,
    pub(super) reason: Option<String>,
    pub(super) message: String,
}

/// The host.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Figures {
    pub(super) status: String,
    pub(super) causes: Vec<String>,
    pub(super) uptime_s: u64,
    pub(super) connections: u64,
    pub(super) sessions: u64,
    pub(super) queue_depth: u64,
    pub(super) calls_in_flight: u64,
    pub(super) instances_alive: u64,
    pub(super) memory_mb: f64,
    pub(super) cpu_percent: u32,
    pub(super) requests_total: u64,
    pub(super) errors_total: u64,
}

/// A plugin.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Plugin {
    pub(super) state: String,
    pub(super) sha256: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) failed_update: Option<String>,
    pub(super) calls: u64,
    pub(super) faults: u64,
    pub(super) refused: u64,
    pub(super) in_flight: u64,
    pub(super) fuel: u64,
    pub(super) handlers: BTreeMap<String, Handler>,
}

/// A handler and its fuse.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Handler {
    pub(super) state: String,
    pub(super) retry_after_ms: Option<u64>,
    pub(super) last_fault: Option<String>,
}
