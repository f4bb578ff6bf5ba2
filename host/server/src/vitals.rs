//! The host's look at itself: whether it is well, and a line of figures.
//!
//! It owns what of this goes to the log, and when. It never changes anything, and
//! `/health` never waits for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::health::{self, Report, Status};
use crate::host::Host;

/// Tells of each change of the host's status, until the host stops.
pub(crate) async fn watch(host: Arc<Host>) {
    let interval = host.config.health_check_interval;
    let mut before = Status::Healthy;
    while wait(&host, interval).await {
        let report = health::report(&host, Instant::now());
        if report.status != before {
            tell(&report);
        }
        before = report.status;
    }
}

fn tell(report: &Report) {
    match report.status {
        Status::Degraded => tracing::warn!(causes = ?report.causes, "health: degraded"),
        status => tracing::info!("health: {}", status.name()),
    }
}

/// Writes a line of figures to the log every so often, until the host stops.
pub(crate) async fn figures(host: Arc<Host>, interval: Duration) {
    while wait(&host, interval).await {
        let report = health::report(&host, Instant::now());
        tracing::info!(
            status = report.status.name(),
            connections = report.connections,
            sessions = report.sessions,
            requests_total = report.requests_total,
            errors_total = report.errors_total,
            messages_per_second = report.throughput_msg_sec,
            calls_in_flight = report.calls_in_flight,
            queue_depth = report.queue_depth,
            memory_mb = report.memory_mb,
            cpu_percent = report.backpressure.cpu_percent,
            "figures"
        );
    }
}

/// False once the host stops.
async fn wait(host: &Host, interval: Duration) -> bool {
    tokio::select! {
        () = host.stopping.cancelled() => false,
        () = tokio::time::sleep(interval) => true,
    }
}
