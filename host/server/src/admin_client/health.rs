//! `fusebox health`: how a host is, for people, scripts and probes.
//!
//! It owns the words and the exit code. What is said of the host is the host's.

use std::fmt;

use reqwest::Method;
use serde::Serialize;
use serde_json::Value;

use super::{Client, ClientError, Options, address, http_client, send, shown};

/// The exit code of a host that is well.
const WELL: u8 = 0;
/// Of one that isn't, or that takes nobody new.
const NOT_WELL: u8 = 1;
/// Of one that doesn't answer.
pub const UNREACHABLE: u8 = 2;

/// What a host says of itself.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Health(Value);

impl Health {
    /// Asks a host for the report that it shows to whoever asks.
    ///
    /// # Errors
    /// If it can't be asked, or isn't one.
    pub async fn of_url(url: &str, options: &Options) -> Result<Self, ClientError> {
        let mut url = address(url)?;
        url.set_path("/health");
        let host = shown(&url);
        let request = http_client(options)?.request(Method::GET, url);
        // A host that drains says so with 503.
        let (_, body) = send(request, &host).await?;
        let report: Value = serde_json::from_slice(&body).unwrap_or_default();
        Self::read(report).ok_or_else(|| ClientError::Answer {
            url: host,
            reason: "it is no report".to_owned(),
        })
    }

    /// Asks a host over its interface.
    ///
    /// # Errors
    /// If it can't be asked, or says no.
    pub async fn of(client: &Client) -> Result<Self, ClientError> {
        let report = client.get(&["status"]).await?;
        Self::read(report).ok_or_else(|| ClientError::Answer {
            url: client.host(),
            reason: "it is no report".to_owned(),
        })
    }

    fn read(report: Value) -> Option<Self> {
        report["status"].is_string().then_some(Self(report))
    }

    /// 0 for a host that is well, and 1 for one that isn't.
    pub fn exit_code(&self) -> u8 {
        match self.0["status"].as_str() {
            Some("healthy") => WELL,
            _ => NOT_WELL,
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &self.0;
        let figure = |key: &str| report[key].as_u64().unwrap_or(0);
        writeln!(f, "{}", report["status"].as_str().unwrap_or("unknown"))?;
        for cause in report["causes"].as_array().into_iter().flatten() {
            writeln!(f, "  {}", cause.as_str().unwrap_or_default())?;
        }
        let Some(plugins) = report["plugins"].as_object() else {
            // A stranger is told no more.
            return Ok(());
        };
        writeln!(
            f,
            "up {}, {} connections, {} calls in flight, {} waiting, {} requests, {} errors",
            humantime::format_duration(std::time::Duration::from_secs(figure("uptime_s"))),
            figure("connections"),
            figure("calls_in_flight"),
            figure("queue_depth"),
            figure("requests_total"),
            figure("errors_total"),
        )?;
        let of_state = |state: &str| {
            let plugins = plugins.values();
            plugins.filter(|plugin| plugin["state"] == state).count()
        };
        writeln!(
            f,
            "plugins: {} serving, {} failed, {} disabled",
            of_state("serving"),
            of_state("failed"),
            of_state("disabled")
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_is_told_in_a_few_lines() {
        let health = Health::read(json!({
            "status": "degraded", "causes": ["1 breakers of plugin a are not closed"],
            "uptime_s": 61, "connections": 2, "calls_in_flight": 1, "queue_depth": 0,
            "requests_total": 7, "errors_total": 3,
            "plugins": {"a": {"state": "serving"}, "b": {"state": "failed"}},
        }))
        .unwrap();
        assert_eq!(health.exit_code(), 1);
        assert_eq!(
            health.to_string(),
            "degraded\n  1 breakers of plugin a are not closed\n\
             up 1m 1s, 2 connections, 1 calls in flight, 0 waiting, 7 requests, 3 errors\n\
             plugins: 1 serving, 1 failed, 0 disabled\n"
        );
    }

    #[test]
    fn what_a_stranger_is_told_is_enough() {
        let health = Health::read(json!({"status": "healthy"})).unwrap();
        assert_eq!(
            (health.to_string(), health.exit_code()),
            ("healthy\n".to_owned(), 0)
        );
        assert!(Health::read(json!({"ok": true})).is_none());
    }
}
