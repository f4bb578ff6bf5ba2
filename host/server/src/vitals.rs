//! The host's look at itself and at the machine: samples for backpressure,
//! whether it is well, and a line of figures.
//!
//! It owns when it looks, and what of it goes to the log. It never decides what
//! follows, and `/health` never waits for it.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::backpressure::{Machine, Sample};
use crate::health::{self, Report, Status};
use crate::host::Host;
use crate::supervise::Pulse;

/// Looks at the clock for each sample: a task that is late every time is late
/// because of the load, and not by chance.
const TICKS: u32 = 5;

/// So large that the allocator frees its memory at once, and by itself.
const LARGE_BYTES: usize = 1 << 20;

/// Takes samples of the machine for backpressure, as long as the host lives.
pub(crate) async fn sample(host: Arc<Host>, pulse: Pulse) {
    let mut machine = Machine::find("/".as_ref());
    loop {
        let tick = host.live().backpressure.sample_interval / TICKS;
        pulse.beat();
        let mut least = Duration::MAX;
        for _ in 0..TICKS {
            let due = Instant::now() + tick;
            tokio::time::sleep_until(due.into()).await;
            least = least.min(due.elapsed());
        }
        host.admission.pressure.take(Sample {
            figures: machine.look(Instant::now()),
            lag: least,
            waiting: host.admission.waiting_for_host(),
        });
    }
}

/// Tells of each change of the host's status, until the host stops; and has memory that
/// is free given back, for it looks as often as that is worth it.
pub(crate) async fn watch(host: Arc<Host>) {
    let mut before = Status::Healthy;
    let interval = || host.live().health_check_interval;
    while wait(&host, interval()).await {
        let report = health::report(&host, Instant::now());
        if report.status != before {
            tell(&report);
        }
        before = report.status;
        give_memory_back();
    }
}

/// The allocator keeps what was freed for a second, and looks what is due only as it
/// frees something large: what compiling took would stay with a host that is quiet.
fn give_memory_back() {
    drop(black_box(Vec::<u8>::with_capacity(LARGE_BYTES)));
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
