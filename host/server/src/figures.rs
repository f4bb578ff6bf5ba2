//! The host's figures for a collector: what `/health` counts, looked at when the
//! collector is told of it.
//!
//! It owns their names. It counts nothing itself, and holds nothing of the host for
//! longer than a look.

use std::sync::{Arc, Weak};
use std::time::Instant;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

use crate::health::{self, PluginReport, Report};
use crate::host::Host;
use crate::meters::HandlerSnapshot;
use crate::supervise::contain;

/// Lets the collector have the figures of this host, if it gets any.
pub(crate) fn observe(host: &Arc<Host>) {
    let Some(meter) = host.telemetry.as_ref().and_then(|one| one.meter()) else {
        return;
    };
    let looks = Looks {
        meter,
        host: Arc::downgrade(host),
    };
    looks.host_figures();
    looks.refusals();
    looks.plugins();
}

/// One figure of the whole host.
struct Figure {
    name: &'static str,
    unit: &'static str,
    says: &'static str,
    look: fn(&Report) -> u64,
}

const GAUGES: [Figure; 9] = [
    Figure {
        name: "fusebox.connections",
        unit: "{connection}",
        says: "Connections that are open.",
        look: |report| report.connections,
    },
    Figure {
        name: "fusebox.sessions",
        unit: "{session}",
        says: "Sessions of the versions that have some.",
        look: |report| report.sessions,
    },
    Figure {
        name: "fusebox.queue.depth",
        unit: "{call}",
        says: "Calls that wait for their turn.",
        look: |report| report.queue_depth,
    },
    Figure {
        name: "fusebox.calls.running",
        unit: "{call}",
        says: "Calls that run.",
        look: |report| report.calls_in_flight,
    },
    Figure {
        name: "fusebox.instances",
        unit: "{instance}",
        says: "Instances of plugins in memory.",
        look: |report| report.instances_alive,
    },
    Figure {
        name: "fusebox.tasks.running",
        unit: "{task}",
        says: "Tasks that run.",
        look: |report| report.tasks_running,
    },
    Figure {
        name: "fusebox.telemetry.spans.waiting",
        unit: "{span}",
        says: "Spans that wait to be sent.",
        look: |report| spans(report, |spans| spans.waiting as u64),
    },
    Figure {
        name: "fusebox.degraded",
        unit: "1",
        says: "1 while something is not as it should be.",
        look: |report| u64::from(!report.causes.is_empty()),
    },
    Figure {
        name: "process.memory.usage",
        unit: "By",
        says: "Resident memory of the process.",
        look: |report| (report.memory_mb * f64::from(1 << 20)) as u64,
    },
];

const COUNTERS: [Figure; 8] = [
    Figure {
        name: "fusebox.requests",
        unit: "{request}",
        says: "Requests since the start.",
        look: |report| report.requests_total,
    },
    Figure {
        name: "fusebox.errors",
        unit: "{request}",
        says: "Requests that were answered with an error.",
        look: |report| report.errors_total,
    },
    Figure {
        name: "fusebox.connections.refused",
        unit: "{connection}",
        says: "Connections that there was no room for.",
        look: |report| report.connections_refused,
    },
    Figure {
        name: "fusebox.connections.slow",
        unit: "{connection}",
        says: "Connections that were ended because they didn't read.",
        look: |report| report.slow_readers,
    },
    Figure {
        name: "fusebox.queue.waits",
        unit: "{call}",
        says: "Calls that had to wait.",
        look: |report| report.admission.waits_total,
    },
    Figure {
        name: "fusebox.telemetry.spans.sent",
        unit: "{span}",
        says: "Spans that the collector took.",
        look: |report| spans(report, |spans| spans.sent),
    },
    Figure {
        name: "fusebox.telemetry.spans.dropped",
        unit: "{span}",
        says: "Spans that there was no room for.",
        look: |report| spans(report, |spans| spans.dropped),
    },
    Figure {
        name: "fusebox.telemetry.spans.lost",
        unit: "{span}",
        says: "Spans that the collector didn't take.",
        look: |report| spans(report, |spans| spans.lost),
    },
];

fn spans(report: &Report, look: fn(&crate::telemetry::DeliveryReport) -> u64) -> u64 {
    let telemetry = report.telemetry.as_ref();
    telemetry
        .and_then(|telemetry| telemetry.spans.as_ref())
        .map_or(0, look)
}

/// One count of a handler.
type Count = fn(&HandlerSnapshot) -> u64;

/// Instruments, and what they look at.
struct Looks {
    meter: Meter,
    host: Weak<Host>,
}

/// What `look` sees of a host that is still there.
fn look(host: &Weak<Host>, look: impl FnOnce(&Host, &Report)) {
    let Some(host) = host.upgrade() else {
        return;
    };
    // The thread that asks is not the host's, and would end with it.
    let looked = contain(|| look(&host, &health::report(&host, Instant::now())));
    if let (Err(panic), Some(telemetry)) = (looked, &host.telemetry) {
        telemetry.figure_panicked(&panic);
    }
}

impl Looks {
    fn host_figures(&self) {
        for figure in &GAUGES {
            let host = self.host.clone();
            self.meter
                .u64_observable_gauge(figure.name)
                .with_unit(figure.unit)
                .with_description(figure.says)
                .with_callback(move |out| {
                    look(&host, |_, report| out.observe((figure.look)(report), &[]));
                })
                .build();
        }
        for figure in &COUNTERS {
            let host = self.host.clone();
            self.meter
                .u64_observable_counter(figure.name)
                .with_unit(figure.unit)
                .with_description(figure.says)
                .with_callback(move |out| {
                    look(&host, |_, report| out.observe((figure.look)(report), &[]));
                })
                .build();
        }
    }

    /// What admission refused, by cause.
    fn refusals(&self) {
        let host = self.host.clone();
        self.meter
            .u64_observable_counter("fusebox.refusals")
            .with_unit("{call}")
            .with_description("Calls that were refused before they cost anything, by cause.")
            .with_callback(move |out| {
                look(&host, |_, report| {
                    for (cause, count) in &report.admission.refused_by {
                        out.observe(*count, &[KeyValue::new("fusebox.reason", *cause)]);
                    }
                });
            })
            .build();
    }

    /// What has become of the calls of each handler, and how its fuse is.
    fn plugins(&self) {
        let counters: [(_, _, Count); 3] = [
            ("fusebox.plugin.calls", "Calls that reached it.", |one| {
                one.calls
            }),
            (
                "fusebox.plugin.faults",
                "Calls that ended with a fault.",
                |one| one.faults,
            ),
            (
                "fusebox.plugin.refused",
                "Calls that were refused before.",
                |one| one.refused,
            ),
        ];
        for (name, says, count) in counters {
            let host = self.host.clone();
            self.meter
                .u64_observable_counter(name)
                .with_unit("{call}")
                .with_description(says)
                .with_callback(move |out| {
                    look(&host, |host, _| {
                        each_handler(host, |attributes, one| {
                            out.observe(count(one), attributes);
                        })
                    });
                })
                .build();
        }
        let host = self.host.clone();
        self.meter
            .u64_observable_gauge("fusebox.breakers.open")
            .with_unit("{breaker}")
            .with_description("Breakers that are not closed.")
            .with_callback(move |out| {
                look(&host, |_, report| {
                    for (name, plugin) in &report.plugins {
                        let plugin_of = [KeyValue::new("fusebox.plugin", name.clone())];
                        out.observe(not_closed(plugin), &plugin_of);
                    }
                });
            })
            .build();
    }
}

/// What has become of the calls of each handler, with the attributes that name it.
fn each_handler(host: &Host, mut tell: impl FnMut(&[KeyValue], &HandlerSnapshot)) {
    let catalogue = host.catalogue.load();
    let serving = catalogue.slots().iter();
    for (name, plugin) in serving.filter_map(|(name, slot)| Some((name, slot.serving.as_ref()?))) {
        for handler in plugin.handlers() {
            let attributes = [
                KeyValue::new("fusebox.plugin", name.clone()),
                KeyValue::new("fusebox.handler", handler.name.clone()),
            ];
            tell(&attributes, &handler.counters.snapshot());
        }
    }
}

fn not_closed(plugin: &PluginReport) -> u64 {
    let fuses = plugin.breakers.values();
    fuses.filter(|fuse| fuse.state != "closed").count() as u64
}
