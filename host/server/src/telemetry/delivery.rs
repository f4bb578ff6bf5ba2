//! What became of what was to be sent: what waits, what the collector took, what was
//! dropped and why.
//!
//! It owns the counts, the bound of what waits, and what the log is told of an outage:
//! one line when it begins and one when it is over. It never sends anything itself.

use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use parking_lot::{Mutex, RwLock};
use serde::Serialize;

use super::TelemetryError;
use crate::supervise::{Contained, Elsewhere, Panic, Parts, contain};

/// What is told of an error: collectors and proxies may answer with whole pages.
const ERROR_MAX_CHARS: usize = 300;

/// What fails now and then is told again after this time at the earliest.
const TOLD_AGAIN: Duration = Duration::from_secs(300);

/// Outages of one collector, over all that it is sent. What it takes of any kind ends
/// one: of another there may be nothing to send for a while.
#[derive(Debug)]
pub(crate) struct Outages {
    endpoint: String,
    /// grows with each end of one
    number: AtomicU64,
    told: Mutex<Told>,
}

/// What the log knows of it.
#[derive(Debug, Default)]
struct Told {
    down: bool,
    /// the end has to be told, too
    announced: bool,
    last: Option<Instant>,
}

impl Outages {
    pub(crate) fn new(endpoint: String) -> Arc<Self> {
        Arc::new(Self {
            endpoint,
            number: AtomicU64::new(1),
            told: Mutex::default(),
        })
    }

    /// Something was lost; says which outage it was.
    fn failed(&self, what: &str, error: &str, now: Instant) -> u64 {
        let mut told = self.told.lock();
        let again = told.last.is_none_or(|last| now - last >= TOLD_AGAIN);
        if !told.down && again {
            told.announced = true;
            told.last = Some(now);
            let endpoint = &self.endpoint;
            tracing::warn!(
                what,
                error,
                "telemetry is lost: the collector at {endpoint} doesn't take it; \
                 /health says how much, and the log when it does again"
            );
        }
        told.down = true;
        self.number.load(Ordering::Relaxed)
    }

    /// Something was taken.
    fn succeeded(&self) {
        let mut told = self.told.lock();
        if told.down {
            self.number.fetch_add(1, Ordering::Relaxed);
            told.down = false;
        }
        if std::mem::take(&mut told.announced) {
            let endpoint = &self.endpoint;
            tracing::info!("the collector at {endpoint} takes telemetry again");
        }
    }
}

/// What became of spans, figures or lines of the log.
#[derive(Debug)]
pub(crate) struct Delivery {
    what: &'static str,
    outages: Arc<Outages>,
    waiting: AtomicUsize,
    waiting_max: usize,
    sent: AtomicU64,
    dropped: AtomicU64,
    lost: AtomicU64,
    /// the outage in which the last was lost; 0: none was
    failed_in: AtomicU64,
    last_error: Mutex<Option<String>>,
    /// as which part of the host it is known, once that is there
    part: OnceLock<Elsewhere>,
}

/// [`Delivery`] at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "each field is named as in the JSON; the book describes it"
)]
pub struct DeliveryReport {
    pub waiting: usize,
    pub sent: u64,
    pub dropped: u64,
    pub lost: u64,
    pub failing: bool,
    pub last_error: Option<String>,
}

impl Delivery {
    /// Nothing yet of `what`; as many as `waiting_max` may wait.
    pub(crate) fn new(what: &'static str, waiting_max: usize, outages: &Arc<Outages>) -> Arc<Self> {
        Arc::new(Self {
            what,
            outages: outages.clone(),
            waiting: AtomicUsize::new(0),
            waiting_max,
            sent: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            failed_in: AtomicU64::new(0),
            last_error: Mutex::new(None),
            part: OnceLock::new(),
        })
    }

    /// Lets one more wait, or counts that there is no room for it.
    pub(crate) fn enter(&self) -> bool {
        // One more than there may be is taken back at once: another can be dropped
        // early by mistake meanwhile, and none can come in beyond the bound.
        if self.waiting.fetch_add(1, Ordering::Relaxed) < self.waiting_max {
            return true;
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        self.drop_one();
        false
    }

    /// Counts one that there was no room for.
    pub(crate) fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// So many don't wait any more: they are being sent.
    fn leave(&self, count: usize) {
        self.waiting.fetch_sub(count, Ordering::Relaxed);
    }

    /// Counts what became of `count` that were sent, and tells the log if that is news.
    fn ended(&self, count: usize, result: &OTelSdkResult) {
        let counter = match result {
            Ok(()) => &self.sent,
            Err(_) => &self.lost,
        };
        counter.fetch_add(count as u64, Ordering::Relaxed);
        let Err(error) = result else {
            self.failed_in.store(0, Ordering::Relaxed);
            return self.outages.succeeded();
        };
        let words: String = error.to_string().chars().take(ERROR_MAX_CHARS).collect();
        let outage = self.outages.failed(self.what, &words, Instant::now());
        self.failed_in.store(outage, Ordering::Relaxed);
        *self.last_error.lock() = Some(words);
    }

    /// It is one of these parts.
    pub(crate) fn join(&self, parts: &Arc<Parts>, name: &str) {
        self.part.get_or_init(|| parts.elsewhere(name));
    }

    /// What sends panicked, and begins anew.
    pub(crate) fn panicked(&self, Panic { words, trace }: &Panic) {
        let what = self.what;
        match self.part.get() {
            Some(part) => part.began_anew(words),
            None => tracing::error!(what, words, %trace, "telemetry panicked"),
        }
    }

    /// All the figures.
    pub(crate) fn report(&self) -> DeliveryReport {
        DeliveryReport {
            waiting: self.waiting.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
            failing: self.failed_in.load(Ordering::Relaxed)
                == self.outages.number.load(Ordering::Relaxed),
            last_error: self.last_error.lock().clone(),
        }
    }
}

/// The way to make an exporter.
type Make<E> = Box<dyn Fn() -> Result<E, TelemetryError> + Send + Sync>;

/// An exporter whose work is counted. One that panics takes what it was sending, and
/// neither what waits nor the thread that it is called from: another takes its place.
pub(crate) struct Counted<E> {
    exporter: RwLock<Arc<E>>,
    make: Make<E>,
    resource: Option<Resource>,
    delivery: Arc<Delivery>,
}

impl<E> fmt::Debug for Counted<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counted").finish_non_exhaustive()
    }
}

impl<E> Counted<E> {
    /// # Errors
    /// If there can't be one.
    pub(crate) fn new(
        make: impl Fn() -> Result<E, TelemetryError> + Send + Sync + 'static,
        delivery: &Arc<Delivery>,
    ) -> Result<Self, TelemetryError> {
        Ok(Self {
            exporter: RwLock::new(Arc::new(make()?)),
            make: Box::new(make),
            resource: None,
            delivery: delivery.clone(),
        })
    }

    fn exporter(&self) -> Arc<E> {
        self.exporter.read().clone()
    }

    /// What became of what was sent. After a panic another exporter is made, and told
    /// by `prepare` what the one before was told.
    fn judged(
        &self,
        came_to: Result<OTelSdkResult, Panic>,
        prepare: impl Fn(&mut E, &Resource),
    ) -> OTelSdkResult {
        let panic = match came_to {
            Ok(result) => return result,
            Err(panic) => panic,
        };
        self.delivery.panicked(&panic);
        match contain(&self.make) {
            Ok(Ok(mut next)) => {
                if let Some(resource) = &self.resource {
                    prepare(&mut next, resource);
                }
                *self.exporter.write() = Arc::new(next);
            }
            Ok(Err(error)) => tracing::error!(%error, "telemetry goes on as it was"),
            Err(panic) => self.delivery.panicked(&panic),
        }
        let words = panic.words;
        Err(OTelSdkError::InternalFailure(format!(
            "it panicked: {words}"
        )))
    }

    /// Keeps what exporters are told, and tells the one that there is.
    fn keep(&mut self, resource: &Resource, prepare: impl Fn(&mut E, &Resource)) {
        self.resource = Some(resource.clone());
        if let Some(exporter) = Arc::get_mut(self.exporter.get_mut()) {
            prepare(exporter, resource);
        }
    }
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        self.delivery.leave(count);
        let exporter = self.exporter();
        let came_to = Contained(pin!(exporter.export(batch))).await;
        let result = self.judged(came_to, E::set_resource);
        self.delivery.ended(count, &result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter().shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.keep(resource, E::set_resource);
    }
}

impl<E: LogExporter> LogExporter for Counted<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let count = batch.iter().count();
        let exporter = self.exporter();
        let came_to = Contained(pin!(exporter.export(batch))).await;
        let result = self.judged(came_to, E::set_resource);
        self.delivery.ended(count, &result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter().shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.keep(resource, E::set_resource);
    }
}

impl<E: PushMetricExporter> PushMetricExporter for Counted<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let of_scope = metrics.scope_metrics();
        let count = of_scope.map(|scope| scope.metrics().count()).sum();
        let exporter = self.exporter();
        let came_to = Contained(pin!(exporter.export(metrics))).await;
        let result = self.judged(came_to, |_, _| {});
        self.delivery.ended(count, &result);
        result
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter().force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter().shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter().temporality()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervise::State;

    fn failed() -> OTelSdkResult {
        Err(OTelSdkError::InternalFailure("x".repeat(1000)))
    }

    #[test]
    fn no_more_wait_than_may_and_the_others_are_counted() {
        let delivery = Delivery::new("spans", 2, &Outages::new(String::new()));
        assert!(delivery.enter() && delivery.enter());
        assert!(!delivery.enter());
        delivery.leave(1);
        assert!(delivery.enter());
        let report = delivery.report();
        assert_eq!((report.waiting, report.dropped), (2, 1));
    }

    #[test]
    fn what_is_taken_of_any_kind_ends_an_outage() {
        let outages = Outages::new("http://a".to_owned());
        let spans = Delivery::new("spans", 1, &outages);
        let figures = Delivery::new("figures", 1, &outages);
        assert!(!spans.report().failing, "nothing was sent");
        for _ in 0..3 {
            spans.ended(2, &failed());
            figures.ended(1, &failed());
        }
        let report = spans.report();
        assert_eq!((report.lost, report.failing), (6, true));
        assert!(report.last_error.unwrap().len() <= ERROR_MAX_CHARS);
        assert!(figures.report().failing);
        spans.ended(4, &Ok(()));
        spans.ended(4, &Ok(()));
        let report = spans.report();
        assert_eq!((report.sent, report.lost, report.failing), (8, 6, false));
        assert!(!figures.report().failing, "there was nothing to send");
        figures.ended(1, &failed());
        assert!(figures.report().failing && !spans.report().failing);
    }

    #[test]
    fn what_fails_again_and_again_is_told_now_and_then() {
        let outages = Outages::new("http://a".to_owned());
        let begin = Instant::now();
        let mut announced = 0;
        for minute in 0..10 {
            outages.failed("figures", "no", begin + Duration::from_secs(60 * minute));
            announced += usize::from(outages.told.lock().announced);
            outages.succeeded();
            assert!(!outages.told.lock().announced);
        }
        assert_eq!(announced, 2);
    }

    /// Takes what it is sent, but for the second time that it is asked.
    #[derive(Debug)]
    struct Frail(Arc<AtomicU64>, Option<Resource>);

    impl LogExporter for Frail {
        async fn export(&self, _batch: LogBatch<'_>) -> OTelSdkResult {
            assert!(self.0.fetch_add(1, Ordering::Relaxed) != 1, "a mistake");
            assert!(self.1.is_some(), "it was told of its resource");
            Ok(())
        }

        fn set_resource(&mut self, resource: &Resource) {
            self.1 = Some(resource.clone());
        }
    }

    #[tokio::test]
    async fn an_exporter_that_panics_is_made_anew_and_known_as_a_part() {
        use tokio_util::sync::CancellationToken;
        use tokio_util::task::TaskTracker;

        let now = Instant::now();
        let parts = Parts::new(now, CancellationToken::new(), TaskTracker::new());
        let delivery = Delivery::new("lines", 9, &Outages::new(String::new()));
        delivery.join(&parts, "telemetry.lines");
        let (made, asked) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let counted = made.clone();
        let make = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok(Frail(asked.clone(), None))
        };
        let mut counted = Counted::new(make, &delivery).unwrap();
        LogExporter::set_resource(&mut counted, &Resource::builder_empty().build());
        let send = || LogExporter::export(&counted, LogBatch::new(&[]));
        assert!(send().await.is_ok());
        let error = send().await.unwrap_err().to_string();
        assert!(error.contains("it panicked: "), "{error}");
        assert!(send().await.is_ok(), "another one took its place");
        assert_eq!(made.load(Ordering::Relaxed), 2);
        let part = parts.report().remove("telemetry.lines").unwrap();
        assert_eq!((part.state, part.restarts), (State::Running, 1));
        let reason = part.last_reason.unwrap();
        assert!(reason.contains("a mistake"), "{reason}");
        assert_eq!(parts.panics(), 1);
    }
}
