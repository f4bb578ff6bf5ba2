//! `[telemetry]`: what a collector of OpenTelemetry is sent. Owns the plain types,
//! and the forms of the texts. Connects to nothing and resolves no secret.

use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::de::DeValue;

use super::durations::millis;
use super::grants::{Source, source};
use super::rules::Rule;

/// `[telemetry]`: traces, metrics and logs by OTLP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// Whether anything is sent at all.
    pub enabled: bool,
    /// How it is sent.
    pub protocol: OtlpProtocol,
    /// Where, perhaps empty; see [`Telemetry::address`].
    pub endpoint: String,
    /// What the collector is shown, from where a secret can come; none: nothing.
    #[serde(with = "optional_source")]
    pub headers: Option<Source>,
    /// Certificates that are trusted in place of the system's; empty: the system's.
    pub ca: PathBuf,
    /// Whether requests are traced.
    pub traces: bool,
    /// Whether figures are sent.
    pub metrics: bool,
    /// Whether the log is sent.
    pub logs: bool,
    /// The share of requests that are traced, of those that come without a trace.
    pub sample_ratio: Ratio,
    /// Spans that a plugin may make itself in one call.
    pub plugin_spans_max: usize,
    /// What the host is called.
    pub service_name: String,
    /// What else is said of it, `NAME=VALUE`.
    pub resource: Vec<String>,
    /// Spans that wait to be sent.
    pub queue_max: usize,
    /// Spans that are sent at once.
    pub batch_max: usize,
    /// How often spans and lines of the log are sent.
    #[serde(rename = "batch_interval_ms", with = "millis")]
    pub batch_interval: Duration,
    /// How often figures are sent.
    #[serde(rename = "metrics_interval_ms", with = "millis")]
    pub metrics_interval: Duration,
    /// How long the collector may take, tries again included.
    #[serde(rename = "timeout_ms", with = "millis")]
    pub timeout: Duration,
    /// How long a stop waits for what is still to be sent.
    #[serde(rename = "flush_timeout_ms", with = "millis")]
    pub flush_timeout: Duration,
}

impl Telemetry {
    /// The address of the collector, with its scheme.
    pub fn address(&self) -> String {
        match (self.endpoint.as_str(), self.protocol) {
            ("", OtlpProtocol::Grpc) => "http://localhost:4317".to_owned(),
            ("", OtlpProtocol::Http) => "http://localhost:4318".to_owned(),
            (given, _) if given.contains("://") => given.trim_end_matches('/').to_owned(),
            // As erlmcp has it.
            (given, _) => format!("http://{given}"),
        }
    }
}

/// How a collector is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OtlpProtocol {
    /// gRPC.
    Grpc,
    /// Protocol Buffers in requests of HTTP.
    Http,
}

/// A share, from 0 to 1, to a millionth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio(u32);

const MILLION: f64 = 1e6;

impl Ratio {
    /// As a number from 0 to 1.
    pub fn get(self) -> f64 {
        f64::from(self.0) / MILLION
    }
}

impl Serialize for Ratio {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(self.get())
    }
}

impl<'de> Deserialize<'de> for Ratio {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let ratio = f64::deserialize(from)?.clamp(0.0, 1.0);
        // Between 0 and a million, so nothing is cut off.
        Ok(Self((ratio * MILLION).round() as u32))
    }
}

/// A [`Ratio`], as a fraction or as 0 or 1.
pub(super) fn ratio(value: &DeValue<'_>) -> Option<toml::Value> {
    let number: f64 = match value {
        DeValue::Float(float) => float.as_str().replace('_', "").parse().ok()?,
        DeValue::Integer(integer) => integer.as_str().parse().ok()?,
        _ => return None,
    };
    (0.0..=1.0)
        .contains(&number)
        .then_some(toml::Value::Float(number))
}

/// Where a secret comes from, or `""`.
pub(super) fn source_or_none(value: &DeValue<'_>) -> Option<toml::Value> {
    match value.as_str() {
        Some("") => Some("".into()),
        _ => source(value),
    }
}

/// Of `[telemetry]`.
pub(super) const ENDPOINT: Rule = Rule::Text {
    fits: is_address,
    expected: "such as \"http://localhost:4317\", \"https://otel.example.com\" or \"localhost:4317\", or \"\"",
};
/// Of `[telemetry]`.
pub(super) const SERVICE_NAME: Rule = Rule::Text {
    fits: |text| (1..=255).contains(&text.len()),
    expected: "a text of 1 to 255 bytes",
};
/// Of `[telemetry]`.
pub(super) const RESOURCE: Rule = Rule::Texts {
    fits: |text| matches!(text.split_once('='), Some((name, _)) if !name.trim().is_empty()),
    expected: "such as \"deployment.environment.name=production\"",
};

fn is_address(text: &str) -> bool {
    if text.is_empty() {
        return true;
    }
    let whole = match text.contains("://") {
        true => text.to_owned(),
        false => format!("http://{text}"),
    };
    whole.parse::<Uri>().is_ok_and(|uri| {
        let scheme = matches!(uri.scheme_str(), Some("http" | "https"));
        let has_user = uri
            .authority()
            .is_some_and(|authority| authority.as_str().contains('@'));
        scheme && uri.host().is_some_and(|host| !host.is_empty()) && !has_user
    })
}

/// A [`Source`], or `""` for none.
mod optional_source {
    use super::{Deserialize, Deserializer, Serialize, Serializer, Source};
    use serde::de::IgnoredAny;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Source(Source),
        Nothing(IgnoredAny),
    }

    pub(super) fn serialize<S: Serializer>(
        source: &Option<Source>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match source {
            Some(source) => source.serialize(to),
            None => to.serialize_str(""),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Source>, D::Error> {
        Ok(match Given::deserialize(from)? {
            Given::Source(source) => Some(source),
            Given::Nothing(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn parse(text: &str) -> Telemetry {
        Config::from_toml("my.toml", text)
            .unwrap_or_else(|errors| panic!("{errors}"))
            .telemetry
    }

    #[test]
    fn an_address_follows_from_the_protocol_unless_it_is_given() {
        for (text, expected) in [
            ("", "http://localhost:4317"),
            ("protocol = 'http'", "http://localhost:4318"),
            ("endpoint = 'collector:1'", "http://collector:1"),
            ("endpoint = 'https://a.example/x/'", "https://a.example/x"),
        ] {
            let settings = parse(&format!("[telemetry]\n{text}"));
            assert_eq!(settings.address(), expected, "{text}");
        }
        for bad in ["ftp://a", "http://", "http://user:pw@a.example", "a b"] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn the_names_of_erlmcp_stand_for_keys_of_this_table() {
        let settings = parse(
            "enable_otel_traces = true\notel_exporter = 'http'\notel_endpoint = 'localhost:4317'\n\
             [telemetry]\nqueue_max = 5",
        );
        assert!(settings.enabled);
        assert_eq!(settings.protocol, OtlpProtocol::Http);
        assert_eq!(settings.address(), "http://localhost:4317");
        assert_eq!(settings.queue_max, 5);
        let twice = "enable_otel_traces = true\n[telemetry]\nenabled = true";
        let said = Config::from_toml("my.toml", twice).unwrap_err().to_string();
        assert_eq!(
            said,
            "my.toml:3: `enable_otel_traces` is another name of `telemetry.enabled`; give only one of them"
        );
    }

    #[test]
    fn a_share_is_a_number_from_0_to_1() {
        for (text, expected) in [("0", 0.0), ("1", 1.0), ("0.01", 0.01), ("1.0", 1.0)] {
            let settings = parse(&format!("[telemetry]\nsample_ratio = {text}"));
            assert!((settings.sample_ratio.get() - expected).abs() < 1e-9);
        }
        for bad in ["-0.1", "1.1", "nan", "'1'"] {
            let text = format!("telemetry.sample_ratio = {bad}");
            let said = Config::from_toml("my.toml", &text).unwrap_err().to_string();
            assert_eq!(
                said,
                format!(
                    "my.toml:1: `telemetry.sample_ratio` is {bad}; it must be a number from 0 to 1"
                )
            );
        }
    }

    #[test]
    fn what_the_collector_is_shown_is_never_in_the_file() {
        let settings = parse("telemetry.headers = { env = 'OTLP_HEADERS' }");
        assert_eq!(
            settings.headers,
            Some(Source::Env("OTLP_HEADERS".to_owned()))
        );
        let said = Config::from_toml("my.toml", "telemetry.headers = 'authorization=abc'")
            .unwrap_err()
            .to_string();
        assert!(
            said.contains("not shown") && !said.contains("abc"),
            "{said}"
        );
    }
}
