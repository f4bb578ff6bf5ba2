//! What runs beside the calls: the parts that are started anew by themselves, the audit
//! log, and what a collector is told.
//!
//! It owns the names of these series; `docs/src/metrics.md` has them from here.

use super::family::Families;
use crate::audit::{Audit, AuditReport};
use crate::host::Host;
use crate::supervise::State;
use crate::telemetry::DeliveryReport;

/// Parts, panics and the way to the collector.
pub(super) fn write(families: &mut Families, host: &Host) {
    families.count(
        "fusebox_panics_total",
        "Panics of the host that ended a connection, a call or a turn of a part, and nothing else.",
        host.parts.panics(),
    );
    let parts = host.parts.report();
    let mut family = families.counter(
        "fusebox_part_restarts_total",
        "How often a part of the host was started anew.",
    );
    for (part, report) in &parts {
        family.set([("part", part)], report.restarts as f64);
    }
    let mut family = families.gauge(
        "fusebox_part_running",
        "1 if the part runs; 0 if it has ended, or is about to be started anew.",
    );
    for (part, report) in &parts {
        family.set([("part", part)], u8::from(report.state == State::Running));
    }
    audit(families, host);
    telemetry(families, host);
}

/// Without an audit log, all of it is zero.
fn audit(families: &mut Families, host: &Host) {
    let report = host.audit.as_ref().map(Audit::report);
    let of = |count: fn(&AuditReport) -> u64| report.as_ref().map_or(0, count) as f64;
    let help = "Lines of the audit log by what became of them: `dropped` and `refused` calls had no room for one, and `unwritten` refusals were too many of one caller.";
    let mut family = families.counter("fusebox_audit_lines_total", help);
    family.set([("outcome", "written")], of(|one| one.written));
    family.set([("outcome", "dropped")], of(|one| one.dropped));
    family.set([("outcome", "refused")], of(|one| one.refused));
    family.set([("outcome", "unwritten")], of(|one| one.unwritten));
    families.value(
        "fusebox_audit_failing",
        "1 while the audit log can't be written.",
        of(|one| u64::from(one.failing.is_some())),
    );
}

/// One of the counts of what is sent.
type Count = fn(&DeliveryReport) -> u64;

/// Without telemetry, all of it is zero.
fn telemetry(families: &mut Families, host: &Host) {
    let report = host.telemetry.as_ref().map(|one| one.report());
    let (spans, figures, lines) = match report {
        Some(report) => (report.spans, report.figures, report.lines),
        None => (None, None, None),
    };
    let signals = [("spans", spans), ("figures", figures), ("lines", lines)];
    let of = |get: Count| {
        let signals = signals.iter();
        signals.map(move |(signal, report)| (*signal, report.as_ref().map_or(0, get)))
    };
    let counters: [(_, _, Count); 3] = [
        (
            "fusebox_telemetry_sent_total",
            "Spans, figures and lines of the log that a collector took.",
            |one| one.sent,
        ),
        (
            "fusebox_telemetry_dropped_total",
            "Those that there was no room for while they waited.",
            |one| one.dropped,
        ),
        (
            "fusebox_telemetry_lost_total",
            "Those that the collector did not take.",
            |one| one.lost,
        ),
    ];
    for (name, help, get) in counters {
        let mut family = families.counter(name, help);
        for (signal, count) in of(get) {
            family.set([("signal", signal)], count as f64);
        }
    }
    let mut family = families.gauge("fusebox_telemetry_waiting", "Those that wait to be sent.");
    for (signal, waiting) in of(|one| one.waiting as u64) {
        family.set([("signal", signal)], waiting as f64);
    }
    let mut family = families.gauge(
        "fusebox_telemetry_failing",
        "1 while the collector does not take them.",
    );
    for (signal, failing) in of(|one| u64::from(one.failing)) {
        family.set([("signal", signal)], failing as f64);
    }
}
