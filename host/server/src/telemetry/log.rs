//! The host's own log, and what plugins say, as lines for the collector.
//!
//! It owns which lines go there. A line that is written while a traced request is
//! served has its trace.

use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::LogExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{BatchConfigBuilder, BatchLogProcessor, SdkLoggerProvider};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use super::LINES_MAX;
use super::delivery::Counted;
use crate::config::Telemetry as Settings;

/// What the way to the collector says of itself is not sent there: each line would
/// make the next.
const NOT_SENT: [&str; 6] = ["h2", "hyper", "opentelemetry", "reqwest", "tonic", "tower"];

pub(super) fn provider(
    settings: &Settings,
    exporter: Counted<LogExporter>,
    resource: &Resource,
) -> SdkLoggerProvider {
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(LINES_MAX)
        .with_max_export_batch_size(settings.batch_max.min(LINES_MAX))
        .with_scheduled_delay(settings.batch_interval)
        .build();
    let processor = BatchLogProcessor::builder(exporter)
        .with_batch_config(batches)
        .build();
    SdkLoggerProvider::builder()
        .with_log_processor(processor)
        .with_resource(resource.clone())
        .build()
}

/// Takes lines of the log.
pub(super) fn layer<S>(provider: &SdkLoggerProvider) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    OpenTelemetryTracingBridge::new(provider).with_filter(filter_fn(is_sent))
}

fn is_sent(line: &Metadata<'_>) -> bool {
    let target = line.target();
    !NOT_SENT.iter().any(|one| target.starts_with(one))
}
