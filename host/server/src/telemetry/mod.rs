//! What a collector of OpenTelemetry is told: spans, figures and the log.
//!
//! It owns what is observed of a request, and the life of what sends it. Nothing here
//! makes a request wait: where it isn't switched on, a request costs a branch, and
//! where a request isn't sampled, no span is ever made.

mod context;
mod delivery;
mod durations;
mod export;
mod host_calls;
mod log;
mod names;
mod observed;
mod own_spans;
mod spans;
mod trace;

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

pub use delivery::DeliveryReport;
pub(crate) use durations::EndedSession;
pub use export::TelemetryError;
pub(crate) use host_calls::Joined;
pub(crate) use observed::{Arrival, Observed};
pub(crate) use trace::Round;

use crate::config::Telemetry as Settings;
use crate::supervise::{Panic, Parts};
use delivery::{Counted, Delivery, Outages};
use durations::Durations;
use export::Way;
use spans::Spans;

/// Lines of the log that wait to be sent.
const LINES_MAX: usize = 2048;

/// What sends, as long as the host lives.
#[derive(Debug)]
pub struct Telemetry {
    spans: Option<Arc<Spans>>,
    figures: Option<Figures>,
    lines: Option<SdkLoggerProvider>,
    delivered: [(&'static str, Option<Arc<Delivery>>); 3],
    endpoint: String,
    flush_timeout: Duration,
    /// the connections of gRPC live here, away from those of clients
    runtime: Mutex<Option<Runtime>>,
}

/// What figures are made of.
#[derive(Debug)]
struct Figures {
    provider: SdkMeterProvider,
    durations: Arc<Durations>,
}

/// What `/health` says of it.
#[derive(Debug, Serialize)]
#[expect(
    missing_docs,
    reason = "each field is named as in the JSON; the book describes it"
)]
pub struct TelemetryReport {
    pub endpoint: String,
    pub spans: Option<DeliveryReport>,
    pub figures: Option<DeliveryReport>,
    pub lines: Option<DeliveryReport>,
}

impl TelemetryReport {
    /// What doesn't get through, in plain words; none: all does.
    pub fn trouble(&self) -> Option<String> {
        let failing = |one: &Option<DeliveryReport>| one.as_ref().is_some_and(|one| one.failing);
        let any = [&self.spans, &self.figures, &self.lines];
        any.into_iter()
            .any(failing)
            .then(|| format!("the collector at {} takes no telemetry", self.endpoint))
    }
}

impl Telemetry {
    /// Begins to send what these settings say; none: nothing is to be sent. It doesn't
    /// wait for the collector.
    ///
    /// # Errors
    /// If what the settings name can't be had. That the collector isn't there is none.
    pub async fn start(settings: &Settings) -> Result<Option<Arc<Self>>, TelemetryError> {
        if !settings.enabled {
            return Ok(None);
        }
        let way = Way::find(settings).await?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("fusebox-telemetry")
            .enable_all()
            .build()?;
        let (made, is_made) = oneshot::channel();
        let settings = settings.clone();
        // The client for HTTP may not be made where tasks run.
        std::thread::Builder::new()
            .name("fusebox-telemetry".to_owned())
            // If nobody waits for it, it ends again.
            .spawn(move || drop(made.send(Self::make(&settings, way, runtime))))?;
        let made = is_made.await.map_err(|_| TelemetryError::Failed)??;
        Ok(Some(Arc::new(made)))
    }

    fn make(settings: &Settings, way: Way, runtime: Runtime) -> Result<Self, TelemetryError> {
        let way = Arc::new(way.on(runtime.handle().clone()));
        let outages = Outages::new(settings.address());
        let resource = export::resource(settings);
        let delivery = |what, max, on: bool| on.then(|| Delivery::new(what, max, &outages));
        let of_spans = delivery("spans", settings.queue_max, settings.traces);
        let of_figures = delivery("figures", usize::MAX, settings.metrics);
        let of_lines = delivery("lines of the log", LINES_MAX, settings.logs);
        let spans = match &of_spans {
            Some(delivery) => {
                let way = way.clone();
                let exporter = Counted::new(move || way.spans(), delivery)?;
                Some(Spans::new(settings, exporter, &resource, delivery))
            }
            None => None,
        };
        let figures = match &of_figures {
            Some(delivery) => {
                let way = way.clone();
                let exporter = Counted::new(move || way.metrics(), delivery)?;
                let reader = PeriodicReader::builder(exporter)
                    .with_interval(settings.metrics_interval)
                    .build();
                let provider = SdkMeterProvider::builder()
                    .with_reader(reader)
                    .with_resource(resource.clone())
                    .build();
                let durations = Durations::new(&provider.meter("fusebox"), delivery);
                Some(Figures {
                    provider,
                    durations,
                })
            }
            None => None,
        };
        let lines = match &of_lines {
            Some(delivery) => {
                let exporter = Counted::new(move || way.logs(), delivery)?;
                Some(log::provider(settings, exporter, &resource))
            }
            None => None,
        };
        Ok(Self {
            spans,
            figures,
            lines,
            delivered: [
                ("spans", of_spans),
                ("figures", of_figures),
                ("lines", of_lines),
            ],
            endpoint: settings.address(),
            flush_timeout: settings.flush_timeout,
            runtime: Mutex::new(Some(runtime)),
        })
    }

    /// Takes a session that has ended.
    pub(crate) fn session_ended(&self, session: EndedSession) {
        if let Some(figures) = &self.figures {
            figures.durations.add_session(session);
        }
    }

    /// Lets what sends be known as parts of the host. What is sent of requests' times is
    /// read by one of them from now on.
    pub(crate) fn keep(&self, parts: &Arc<Parts>) {
        for (what, delivery) in &self.delivered {
            if let Some(delivery) = delivery {
                delivery.join(parts, &format!("telemetry.{what}"));
            }
        }
        if let Some(figures) = &self.figures {
            let durations = figures.durations.clone();
            let part = parts.part("telemetry.durations");
            part.keep_thread(move |turns| durations.keep(turns));
        }
    }

    /// A look at a figure panicked, and that figure is left out this time.
    pub(crate) fn figure_panicked(&self, panic: &Panic) {
        let [_, (_, figures), _] = &self.delivered;
        if let Some(figures) = figures {
            figures.panicked(panic);
        }
    }

    /// Makes instruments; none: no figures are sent.
    pub(crate) fn meter(&self) -> Option<Meter> {
        let figures = self.figures.as_ref()?;
        Some(figures.provider.meter("fusebox"))
    }

    /// What takes lines of the log; none: they aren't sent.
    pub fn layer<S>(&self) -> Option<impl Layer<S> + use<S>>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        self.lines.as_ref().map(log::layer)
    }

    /// Whether what plugins say is sent as lines of the log.
    pub(crate) fn sends_lines(&self) -> bool {
        self.lines.is_some()
    }

    /// What became of what was sent.
    pub fn report(&self) -> TelemetryReport {
        let [spans, figures, lines] = &self.delivered;
        let report = |one: &(_, Option<Arc<Delivery>>)| one.1.as_ref().map(|one| one.report());
        TelemetryReport {
            endpoint: self.endpoint.clone(),
            spans: report(spans),
            figures: report(figures),
            lines: report(lines),
        }
    }

    /// Sends what waits, for `flush_timeout_ms` at most, and ends.
    pub async fn stop(self: Arc<Self>) {
        let patience = self.flush_timeout;
        let (ended, is_ended) = oneshot::channel();
        let stopping = self.clone();
        // It blocks, and must not hold up the end of the process.
        let thread = std::thread::Builder::new().name("fusebox-telemetry".to_owned());
        let spawned = thread.spawn(move || {
            stopping.flush(patience);
            let _ = ended.send(());
        });
        if spawned.is_ok() && tokio::time::timeout(patience, is_ended).await.is_err() {
            tracing::warn!(
                "telemetry that was not sent in time is lost (`telemetry.flush_timeout_ms`)"
            );
        }
        if let Some(runtime) = self.runtime.lock().take() {
            runtime.shutdown_background();
        }
    }

    fn flush(&self, patience: Duration) {
        // What isn't sent is in the counts already, or ends with the process.
        if let Some(spans) = &self.spans {
            spans.stop(patience);
        }
        if let Some(figures) = &self.figures {
            figures.durations.record();
            let _ = figures.provider.shutdown_with_timeout(patience);
        }
        if let Some(lines) = &self.lines {
            let _ = lines.shutdown_with_timeout(patience);
        }
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        // A runtime may not end where tasks run.
        if let Some(runtime) = self.runtime.lock().take() {
            runtime.shutdown_background();
        }
    }
}
