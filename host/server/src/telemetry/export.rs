//! The way to the collector: the three exporters, by gRPC or HTTP.
//!
//! It owns their settings and their encryption. It never decides what is sent.

use std::collections::HashMap;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::KeyValue;
use opentelemetry_otlp::tonic_types::metadata::MetadataMap;
use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig};
use opentelemetry_otlp::{
    ExporterBuildError, LogExporter, MetricExporter, RetryPolicy, SpanExporter, WithExportConfig,
    WithHttpConfig, WithTonicConfig,
};
use opentelemetry_sdk::Resource;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::runtime::{EnterGuard, Handle};

use crate::config::{OtlpProtocol, Telemetry as Settings};
use crate::granter::{secrets, system_trust, trust};

/// Between two tries: a collector that is being restarted is there again soon.
const RETRY_MAX_DELAY: Duration = Duration::from_secs(2);

/// As many as fit: `timeout_ms` ends them.
const RETRIES_MAX: usize = 100;

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// What the collector is to be shown isn't there.
    #[error("`telemetry.headers`: {0}")]
    Headers(String),
    /// The certificates that are trusted can't be read.
    #[error("`telemetry.ca`: {path}: {reason}")]
    Certificates {
        /// the file
        path: String,
        /// what is wrong with it
        reason: String,
    },
    /// The settings of the exporters.
    #[error("`telemetry.endpoint`: {0}")]
    Exporter(#[from] ExporterBuildError),
    /// The client for HTTP.
    #[error("telemetry by HTTP: {0}")]
    Client(#[from] reqwest::Error),
    /// There is no thread to send from.
    #[error("telemetry can't be started: {0}")]
    Thread(#[from] std::io::Error),
    /// What makes the exporters panicked.
    #[error("telemetry can't be started: its exporters failed")]
    Failed,
}

/// What all three are made of.
pub(crate) struct Way {
    protocol: OtlpProtocol,
    address: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// PEM; none: the system's
    ca: Option<Vec<u8>>,
    timeout: Duration,
    runtime: Option<Handle>,
}

/// Who this host is.
pub(crate) fn resource(settings: &Settings) -> Resource {
    let given = settings.resource.iter().filter_map(|one| {
        let (name, value) = one.split_once('=')?;
        Some(KeyValue::new(
            name.trim().to_owned(),
            value.trim().to_owned(),
        ))
    });
    Resource::builder()
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attributes(given)
        .with_service_name(settings.service_name.clone())
        .build()
}

impl Way {
    /// Reads what the settings name: secrets and certificates.
    ///
    /// # Errors
    /// If they can't be had.
    pub(crate) async fn find(settings: &Settings) -> Result<Self, TelemetryError> {
        let headers = match &settings.headers {
            Some(source) => {
                let text = secrets::text(source).await;
                parse_headers(&text.map_err(TelemetryError::Headers)?)?
            }
            None => Vec::new(),
        };
        let ca = match settings.ca.as_os_str().is_empty() {
            true => None,
            false => Some(certificates(&settings.ca).await?),
        };
        Ok(Self {
            protocol: settings.protocol,
            address: settings.address(),
            headers,
            ca,
            timeout: settings.timeout,
            runtime: None,
        })
    }

    /// Sends spans. Call it, and the next two, on a thread outside of any runtime: that
    /// which connections are to live in is entered here.
    pub(crate) fn spans(&self) -> Result<SpanExporter, TelemetryError> {
        let _entered = self.entered();
        let builder = SpanExporter::builder();
        Ok(match self.protocol {
            OtlpProtocol::Grpc => self.grpc(builder.with_tonic()).build()?,
            OtlpProtocol::Http => self.http(builder.with_http(), "traces")?.build()?,
        })
    }

    /// Sends figures.
    pub(crate) fn metrics(&self) -> Result<MetricExporter, TelemetryError> {
        let _entered = self.entered();
        let builder = MetricExporter::builder();
        Ok(match self.protocol {
            OtlpProtocol::Grpc => self.grpc(builder.with_tonic()).build()?,
            OtlpProtocol::Http => self.http(builder.with_http(), "metrics")?.build()?,
        })
    }

    /// Sends lines of the log.
    pub(crate) fn logs(&self) -> Result<LogExporter, TelemetryError> {
        let _entered = self.entered();
        let builder = LogExporter::builder();
        Ok(match self.protocol {
            OtlpProtocol::Grpc => self.grpc(builder.with_tonic()).build()?,
            OtlpProtocol::Http => self.http(builder.with_http(), "logs")?.build()?,
        })
    }

    /// The same, for connections that live in this runtime.
    pub(crate) fn on(self, runtime: Handle) -> Self {
        Self {
            runtime: Some(runtime),
            ..self
        }
    }

    /// Exporters by gRPC have to be made inside of the runtime.
    fn entered(&self) -> Option<EnterGuard<'_>> {
        let runtime = self.runtime.as_ref();
        let runtime = runtime.filter(|_| self.protocol == OtlpProtocol::Grpc);
        runtime.map(Handle::enter)
    }

    fn retry(&self) -> RetryPolicy {
        RetryPolicy::recommended()
            .with_max_retries(RETRIES_MAX)
            .with_max_delay(RETRY_MAX_DELAY)
    }

    fn grpc<B: WithExportConfig + WithTonicConfig>(&self, builder: B) -> B {
        let metadata = HeaderMap::from_iter(self.headers.iter().cloned());
        let builder = builder
            .with_endpoint(&self.address)
            .with_timeout(self.timeout)
            .with_retry_policy(self.retry())
            .with_metadata(MetadataMap::from_headers(metadata));
        if !self.address.starts_with("https:") {
            return builder;
        }
        let tls = ClientTlsConfig::new();
        builder.with_tls_config(match &self.ca {
            Some(pem) => tls.ca_certificate(Certificate::from_pem(pem)),
            None => tls.with_enabled_roots(),
        })
    }

    fn http<B: WithExportConfig + WithHttpConfig>(
        &self,
        builder: B,
        signal: &str,
    ) -> Result<B, TelemetryError> {
        let text = |(name, value): &(HeaderName, HeaderValue)| {
            let value = value.to_str().unwrap_or_default();
            (name.as_str().to_owned(), value.to_owned())
        };
        let headers: HashMap<String, String> = self.headers.iter().map(text).collect();
        let tls = match &self.ca {
            Some(pem) => trust(read_pem(pem)),
            None if self.address.starts_with("https:") => system_trust(),
            // Reading what the system trusts takes a while.
            None => trust(Vec::new()),
        };
        let client = reqwest::blocking::Client::builder()
            .timeout(self.timeout)
            .tls_backend_preconfigured(tls)
            .build()?;
        Ok(builder
            .with_endpoint(format!("{}/v1/{signal}", self.address))
            .with_timeout(self.timeout)
            .with_retry_policy(self.retry())
            .with_headers(headers)
            .with_http_client(client))
    }
}

/// `NAME=VALUE,NAME=VALUE`; no error has any of it.
fn parse_headers(text: &str) -> Result<Vec<(HeaderName, HeaderValue)>, TelemetryError> {
    let pairs = text.split(',').map(str::trim).filter(|one| !one.is_empty());
    pairs
        .map(|one| {
            let (name, value) = one.split_once('=')?;
            let mut value: HeaderValue = value.trim().parse().ok()?;
            value.set_sensitive(true);
            Some((name.trim().parse().ok()?, value))
        })
        .collect::<Option<_>>()
        .ok_or_else(|| {
            TelemetryError::Headers("what it gives is not NAME=VALUE,NAME=VALUE".to_owned())
        })
}

async fn certificates(path: &std::path::Path) -> Result<Vec<u8>, TelemetryError> {
    let failed = |reason: String| TelemetryError::Certificates {
        path: path.display().to_string(),
        reason,
    };
    let pem = tokio::fs::read(path).await;
    let pem = pem.map_err(|error| failed(error.to_string()))?;
    match read_pem(&pem).is_empty() {
        true => Err(failed("it has no certificate (PEM)".to_owned())),
        false => Ok(pem),
    }
}

fn read_pem(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem)
        .filter_map(Result::ok)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_pairs_and_no_error_has_their_values() {
        let parsed = parse_headers("authorization=Bearer a=b, x-scope = 1 ,").unwrap();
        let texts: Vec<_> = parsed
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        assert_eq!(texts, [("authorization", "Bearer a=b"), ("x-scope", "1")]);
        assert!(!format!("{parsed:?}").contains("Bearer"));
        for bad in ["secret", "a b=secret", "a=sec\nret"] {
            let said = parse_headers(bad).unwrap_err().to_string();
            assert!(!said.contains("sec"), "{said}");
        }
    }

    #[test]
    fn the_resource_says_who_it_is() {
        let config = crate::config::Config::from_toml(
            "my.toml",
            "[telemetry]\nservice_name = 'a'\nresource = ['deployment.environment.name = test']",
        )
        .unwrap();
        let resource = resource(&config.telemetry);
        let said = |name: &'static str| resource.get(&name.into()).map(|value| value.to_string());
        assert_eq!(said("service.name").unwrap(), "a");
        assert_eq!(said("deployment.environment.name").unwrap(), "test");
        assert!(said("service.version").is_some());
    }
}
