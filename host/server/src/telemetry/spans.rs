//! Where spans go once they have ended: a bounded queue, and a thread that sends them
//! in batches.
//!
//! It owns which requests are sampled, and what is dropped. Handing a span over never
//! waits.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::trace::{SpanKind, TraceId};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SamplingDecision, ShouldSample as _, SpanData,
    SpanProcessor as _,
};

use super::delivery::{Counted, Delivery};
use super::trace;
use crate::config::Telemetry as Settings;

/// The spans of this host.
#[derive(Debug)]
pub(crate) struct Spans {
    processor: BatchSpanProcessor,
    delivery: Arc<Delivery>,
    sampler: Sampler,
    scope: InstrumentationScope,
    /// spans of a plugin's own that a call may have
    own_max: u64,
}

impl Spans {
    /// Sends by `exporter`, from a thread of its own.
    pub(crate) fn new(
        settings: &Settings,
        exporter: Counted<SpanExporter>,
        resource: &Resource,
        delivery: &Arc<Delivery>,
    ) -> Arc<Self> {
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(settings.queue_max)
            .with_max_export_batch_size(settings.batch_max)
            .with_scheduled_delay(settings.batch_interval)
            .build();
        let mut processor = BatchSpanProcessor::builder(exporter)
            .with_batch_config(batches)
            .build();
        processor.set_resource(resource);
        Arc::new(Self {
            processor,
            delivery: delivery.clone(),
            sampler: Sampler::TraceIdRatioBased(settings.sample_ratio.get()),
            scope: trace::scope(),
            own_max: settings.plugin_spans_max as u64,
        })
    }

    /// How many spans of its own a plugin may make in one call.
    pub(crate) fn own_max(&self) -> u64 {
        self.own_max
    }

    /// Whether a trace that begins here is sampled. It follows from its id, so that
    /// every host that is asked decides the same.
    pub(crate) fn samples(&self, trace: TraceId) -> bool {
        let result = self
            .sampler
            .should_sample(None, trace, "", &SpanKind::Server, &[], &[]);
        result.decision == SamplingDecision::RecordAndSample
    }

    /// Sends a span, or drops it if as many wait as may.
    pub(crate) fn send(&self, span: SpanData) {
        if self.delivery.enter() {
            self.processor.on_end(span);
        }
    }

    pub(crate) fn scope(&self) -> InstrumentationScope {
        self.scope.clone()
    }

    /// Sends what waits, as far as that takes no longer.
    pub(crate) fn stop(&self, patience: Duration) {
        // What isn't sent is in the counts already, or ends with the process.
        let _ = self.processor.shutdown_with_timeout(patience);
    }
}
