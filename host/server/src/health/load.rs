//! `/health` of the load: who waits, who was refused and by what, and what the
//! machine has left.
//!
//! It owns the shape of this part of the report. It never changes anything.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::capability_cache::CacheView;
use crate::host::Host;

/// The queue, and what was refused before it cost anything.
#[derive(Debug, Serialize)]
#[expect(
    missing_docs,
    reason = "each field is named as in the JSON; the book describes it"
)]
pub struct AdmissionReport {
    pub waiting_for_host: usize,
    pub waits_total: u64,
    pub wait_ms_total: u64,
    pub refused_by: BTreeMap<&'static str, u64>,
}

/// The machine, or the control group that the host runs in.
#[derive(Debug, Serialize)]
#[expect(
    missing_docs,
    reason = "each field is named as in the JSON; the book describes it"
)]
pub struct BackpressureReport {
    pub memory_percent: u32,
    pub memory_limit_mb: u64,
    pub cpu_percent: u32,
    pub cpu_cores: f64,
    pub lag_ms: f64,
    pub refusing_percent: u32,
}

/// Answers that are kept.
#[derive(Debug, Serialize)]
#[expect(
    missing_docs,
    reason = "each field is named as in the JSON; the book describes it"
)]
pub struct CacheReport {
    pub hits: u64,
    pub misses: u64,
    pub entries: u64,
    pub bytes: u64,
}

impl From<CacheView> for CacheReport {
    fn from(seen: CacheView) -> Self {
        Self {
            hits: seen.hits,
            misses: seen.misses,
            entries: seen.entries,
            bytes: seen.bytes,
        }
    }
}

pub(super) fn admission(host: &Host) -> AdmissionReport {
    let admission = &host.admission;
    let (waits_total, waited) = admission.waits();
    AdmissionReport {
        waiting_for_host: admission.waiting_for_host(),
        waits_total,
        wait_ms_total: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX),
        refused_by: admission
            .refusals()
            .map(|(by, count)| (by.name(), count))
            .collect(),
    }
}

pub(super) fn backpressure(host: &Host) -> BackpressureReport {
    let seen = host.admission.pressure.view();
    BackpressureReport {
        memory_percent: seen.memory_percent,
        memory_limit_mb: seen.memory_limit >> 20,
        cpu_percent: seen.cpu_percent,
        cpu_cores: seen.cpu_millicores as f64 / 1000.0,
        lag_ms: (seen.lag.as_secs_f64() * 100_000.0).round() / 100.0,
        refusing_percent: seen.refusing_percent,
    }
}

/// Why new calls are refused, if they are.
pub(super) fn pressure(host: &Host) -> Option<String> {
    let seen = host.admission.pressure.view();
    (seen.refusing_percent > 0).then(|| {
        format!(
            "{} % of new calls are refused: memory {} %, processors {} %, tasks {} ms late",
            seen.refusing_percent,
            seen.memory_percent,
            seen.cpu_percent,
            seen.lag.as_millis()
        )
    })
}
