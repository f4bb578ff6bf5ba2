//! The series of the host as a whole.
//!
//! It owns their names and what they mean; `docs/src/metrics.md` has both from here.

use std::time::{Instant, SystemTime};

use super::family::Families;
use crate::capability_cache::CacheView;
use crate::health::{self, Status};
use crate::host::Host;

/// What it is, since when, and how it is.
pub(super) fn host(families: &mut Families, host: &Host, now: Instant) {
    let version = env!("CARGO_PKG_VERSION");
    families
        .gauge("fusebox_build_info", "Always 1; the version is a label.")
        .set([("version", version)], 1);
    let meters = host.meters.snapshot(now);
    families.value(
        "fusebox_uptime_seconds",
        "Time since the start.",
        host.meters.uptime(now).as_secs_f64(),
    );
    let since_1970 = host.metrics.started.duration_since(SystemTime::UNIX_EPOCH);
    families.value(
        "fusebox_start_time_seconds",
        "When it was started, in seconds since 1970.",
        since_1970.unwrap_or_default().as_secs_f64(),
    );
    let status = health::report(host, now).status;
    let mut family = families.gauge("fusebox_status", "1 for the status that /health shows.");
    for one in [Status::Healthy, Status::Degraded, Status::Draining] {
        family.set([("status", one.name())], u8::from(one == status));
    }
    families.count(
        "fusebox_requests_total",
        "Requests that came in, of every method.",
        meters.requests_total,
    );
    families.count(
        "fusebox_messages_total",
        "Messages in either direction: requests, answers of calls, and notifications.",
        meters.messages_total,
    );
    families.count(
        "fusebox_errors_total",
        "Messages that were answered with an error.",
        meters.errors_total,
    );
    let help = "How long calls took, from their arrival to the answer, refused ones included. Those that their client gave up are not counted.";
    let mut family = families.times("fusebox_request_duration_seconds", help);
    for (method, outcome, spread) in host.metrics.requests.read() {
        family.spread([("method", method), ("outcome", outcome)], &spread);
    }
}

/// Who waits, and who was refused.
pub(super) fn load(families: &mut Families, host: &Host) {
    families.value(
        "fusebox_queue_depth",
        "Calls that wait for their turn, for the host and for plugins together.",
        host.meters.queue_depth() as f64,
    );
    families.value(
        "fusebox_queue_limit",
        "How many may wait: `message_queue.max_size`.",
        host.live().message_queue.max_size as f64,
    );
    families.value(
        "fusebox_host_queue_depth",
        "Calls among them that wait for one of the host's places.",
        host.admission.waiting_for_host() as f64,
    );
    let help = "Calls and requests that were refused before they cost a handler anything.";
    let mut family = families.counter("fusebox_refusals_total", help);
    for (by, count) in host.admission.refusals() {
        family.set([("reason", by.name())], count as f64);
    }
    let others = host.metrics.refusals.read().chain(host.rates.refused());
    for (reason, count) in others {
        family.set([("reason", reason)], count as f64);
    }
    let help = "Requests and connections whose sender was not let in.";
    let mut family = families.counter("fusebox_auth_failures_total", help);
    for (reason, count) in host.metrics.denials.read() {
        family.set([("reason", reason)], count as f64);
    }
}

/// Who is connected.
pub(super) fn connections(families: &mut Families, host: &Host, now: Instant) {
    let meters = host.meters.snapshot(now);
    let mut family = families.gauge("fusebox_connections", "Open connections.");
    for (scheme, open) in host.meters.connections_by() {
        family.set([("transport", scheme.as_str())], open as f64);
    }
    families.value(
        "fusebox_connections_limit",
        "How many may be open: `max_connections`, or fewer if the system allows too few open files.",
        host.descriptors.connections_max as f64,
    );
    families.count(
        "fusebox_connections_accepted_total",
        "Connections that were let in.",
        meters.connections_total,
    );
    families.count(
        "fusebox_connections_refused_total",
        "Connections that there was no room for.",
        meters.connections_refused,
    );
    families.count(
        "fusebox_accepts_failed_total",
        "Connections that the system had no open file for.",
        meters.accepts_failed,
    );
    families.count(
        "fusebox_slow_readers_total",
        "Connections that were ended because they did not read what they asked for.",
        meters.slow_readers,
    );
    families.value(
        "fusebox_quic_streams",
        "Streams of QUIC connections that are being served.",
        meters.quic_streams as f64,
    );
    families.value(
        "fusebox_sessions",
        "Sessions of protocol versions up to 2025-11-25.",
        meters.sessions as f64,
    );
    families.value(
        "fusebox_sessions_limit",
        "How many there may be: `session.max_sessions`.",
        host.config.session.max_sessions as f64,
    );
    let help =
        "How long sessions lasted that have ended: those of HTTP, and connections of the others.";
    let mut family = families.times("fusebox_session_duration_seconds", help);
    for (transport, times) in host.metrics.sessions.read() {
        family.durations([("transport", transport)], times);
    }
}

/// What is kept: tasks, buffers, caches.
pub(super) fn kept(families: &mut Families, host: &Host) {
    let held = host.long_tasks.held();
    families.value(
        "fusebox_tasks",
        "Tasks in the store, ended ones included until their time is over.",
        held.tasks as f64,
    );
    families.value(
        "fusebox_tasks_limit",
        "How many there may be: `tasks.max_tasks`.",
        host.config.tasks.max_tasks as f64,
    );
    families.value(
        "fusebox_tasks_running",
        "Tasks that run now, or wait for their turn.",
        host.long_tasks.running() as f64,
    );
    families.value(
        "fusebox_tasks_bytes",
        "Bytes of all records of tasks.",
        held.bytes as f64,
    );
    let buffers = host.buffers.snapshot();
    families.value(
        "fusebox_buffers_held_bytes",
        "Bytes of pooled buffers that wait for whoever needs one.",
        buffers.held_bytes as f64,
    );
    families.value(
        "fusebox_buffers_limit_bytes",
        "The most that is kept: `buffers.pool_max_bytes`.",
        buffers.max_bytes as f64,
    );
    families.count(
        "fusebox_buffers_reused_total",
        "Buffers given out that had been used before.",
        buffers.reused_total,
    );
    families.count(
        "fusebox_buffers_made_total",
        "Buffers that had to be made.",
        buffers.made_total,
    );
    caches(
        families,
        [
            ("capability", host.capabilities.view()),
            ("result", host.results.view()),
        ],
    );
}

fn caches(families: &mut Families, caches: [(&str, CacheView); 2]) {
    let help = "Answers that were there: rendered lists, and results of tools.";
    let mut family = families.counter("fusebox_cache_hits_total", help);
    for (cache, seen) in &caches {
        family.set([("cache", cache)], seen.hits as f64);
    }
    let mut family = families.counter(
        "fusebox_cache_misses_total",
        "Answers that had to be made and might have been there.",
    );
    for (cache, seen) in &caches {
        family.set([("cache", cache)], seen.misses as f64);
    }
    let mut family = families.gauge("fusebox_cache_entries", "Answers that are kept.");
    for (cache, seen) in &caches {
        family.set([("cache", cache)], seen.entries as f64);
    }
    let mut family = families.gauge("fusebox_cache_bytes", "Bytes of the answers that are kept.");
    for (cache, seen) in &caches {
        family.set([("cache", cache)], seen.bytes as f64);
    }
}
