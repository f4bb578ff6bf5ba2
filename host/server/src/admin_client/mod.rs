//! The operator's commands as a client of a running host: over its interface, or over
//! the `/health` that it shows to anybody.
//!
//! It owns the way to the host and what is believed of it. It never prints anything,
//! and shows its token to nobody but the host that it is for.

mod health;
mod plugins;
mod told;
pub mod top;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Method, RequestBuilder, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use health::{Health, UNREACHABLE};
pub use plugins::PluginList;

use crate::admin::token;
use crate::config::{ADMIN_PORT, default_token_file, is_safe};
use crate::transport::tls::{provider, read_certificates};

/// How long it may take to reach the host, and until it has answered.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const TIMEOUT: Duration = Duration::from_secs(15);

/// The largest answer.
const ANSWER_MAX_BYTES: usize = 64 << 20;

/// What the command line says of the way to the interface.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// where it is; none: where a host has it by default
    pub admin: Option<String>,
    /// the file of its token; none: where a host puts it by default
    pub token_file: Option<PathBuf>,
    /// certificates that are trusted in place of the system's
    pub ca: Option<PathBuf>,
    /// whether any certificate is trusted, and the token may be read on its way
    pub insecure: bool,
}

/// Why a host didn't do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none.
    #[error("`{address}` can't be used: {reason}; use an address such as 127.0.0.1:9990")]
    Address {
        /// as it was given
        address: String,
        /// what is wrong with it
        reason: String,
    },
    /// The token would be read on its way.
    #[error(
        "{0} is not encrypted and on another machine: the token could be read on its way; use https://, or say --insecure if something else protects it"
    )]
    InClear(String),
    /// There is no token to show.
    #[error(
        "the token of the admin interface is not in {file}: {reason}. Is the host running, and started by you? Else name its file with --token-file"
    )]
    Token {
        /// where it was looked for
        file: String,
        /// why it isn't there
        reason: String,
    },
    /// It isn't known where the token could be.
    #[error("there is no folder for tokens: name the file with --token-file")]
    NoHome,
    /// What is trusted can't be read.
    #[error("{0}")]
    Trust(String),
    /// Nobody answers.
    #[error("{url} can't be reached: {reason}")]
    Unreachable {
        /// which
        url: String,
        /// why
        reason: String,
    },
    /// The host says no.
    #[error("{0}")]
    Refused(String),
    /// What it says isn't understood.
    #[error("{url} doesn't answer as a host of Fusebox does: {reason}")]
    Answer {
        /// which
        url: String,
        /// why
        reason: String,
    },
    /// The terminal.
    #[error("the terminal can't be used: {0}; `fusebox top --once` needs none")]
    Terminal(#[from] io::Error),
}

impl ClientError {
    /// Whether there is no host to be asked.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Answer { .. })
    }
}

/// The way to the interface of one host.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: String,
}

impl Client {
    /// A client that has not asked anything yet.
    ///
    /// # Errors
    /// If it isn't known where, or there is no token to show.
    pub fn new(options: &Options) -> Result<Self, ClientError> {
        let default = format!("127.0.0.1:{ADMIN_PORT}");
        let base = address(options.admin.as_deref().unwrap_or(&default))?;
        let uri: Result<Uri, _> = base.as_str().parse();
        if !options.insecure && !uri.is_ok_and(|uri| is_safe(&uri)) {
            return Err(ClientError::InClear(shown(&base)));
        }
        let port = base.port_or_known_default().unwrap_or(ADMIN_PORT);
        let file = options
            .token_file
            .clone()
            .or_else(|| default_token_file(port, |name| std::env::var_os(name)))
            .ok_or(ClientError::NoHome)?;
        let token = token::read(&file).map_err(|reason| ClientError::Token {
            file: file.display().to_string(),
            reason,
        })?;
        Ok(Self {
            http: http_client(options)?,
            base,
            token,
        })
    }

    /// Where the host is.
    pub fn host(&self) -> String {
        shown(&self.base)
    }

    /// A link that opens the page. What is behind its `#` goes to no server.
    pub fn dashboard(&self) -> String {
        format!("{}/dashboard#token={}", self.host(), self.token)
    }

    /// What the interface says at `path`.
    ///
    /// # Errors
    /// If it can't be asked, or says no.
    pub async fn get(&self, path: &[&str]) -> Result<Value, ClientError> {
        self.read(path).await
    }

    /// Orders something.
    ///
    /// # Errors
    /// If it can't be asked, or says no.
    pub async fn order(&self, path: &[&str], body: Option<Value>) -> Result<Value, ClientError> {
        let mut request = self.request(Method::POST, path);
        if let Some(body) = body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_string());
        }
        answer(request, &self.host()).await
    }

    async fn read<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, ClientError> {
        answer(self.request(Method::GET, path), &self.host()).await
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(["admin", "v1"]).extend(path);
        }
        self.http
            .request(method, url)
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
    }
}

/// A client of HTTP that trusts what the command line says.
fn http_client(options: &Options) -> Result<reqwest::Client, ClientError> {
    let trust = |error: &dyn std::fmt::Display| ClientError::Trust(error.to_string());
    // The client takes what the process has; an error says that it is set.
    let _ = rustls::crypto::CryptoProvider::clone(&provider()).install_default();
    let mut builder = reqwest::Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .tls_danger_accept_invalid_certs(options.insecure);
    if let Some(file) = &options.ca {
        let certificates = read_certificates("--ca", file).map_err(|error| trust(&error))?;
        let certificates: Result<Vec<_>, _> = certificates
            .iter()
            .map(|one| Certificate::from_der(one))
            .collect();
        builder = builder.tls_certs_only(certificates.map_err(|error| trust(&error))?);
    }
    builder.build().map_err(|error| trust(&error))
}

/// An address as it is given on the command line: without a scheme it is HTTP.
fn address(given: &str) -> Result<Url, ClientError> {
    let whole = match given.contains("://") {
        true => given.to_owned(),
        false => format!("http://{given}"),
    };
    let wrong = |reason: String| ClientError::Address {
        address: given.to_owned(),
        reason,
    };
    let url = whole.parse::<Url>();
    let url = url.map_err(|error| wrong(error.to_string()))?;
    match (url.scheme(), url.host()) {
        ("http" | "https", Some(_)) => Ok(url),
        _ => Err(wrong("it must be http:// or https://".to_owned())),
    }
}

/// An address without its path.
fn shown(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Sends a request, and reads what is answered.
async fn answer<T: DeserializeOwned>(
    request: RequestBuilder,
    host: &str,
) -> Result<T, ClientError> {
    let (status, body) = send(request, host).await?;
    if status >= 400 {
        return Err(ClientError::Refused(refusal(status, &body)));
    }
    serde_json::from_slice(&body).map_err(|error| ClientError::Answer {
        url: host.to_owned(),
        reason: error.to_string(),
    })
}

/// Sends a request; what is answered has any status.
async fn send(request: RequestBuilder, host: &str) -> Result<(u16, Vec<u8>), ClientError> {
    let unreachable = |error: reqwest::Error| ClientError::Unreachable {
        url: host.to_owned(),
        reason: root(&error),
    };
    let mut response = request.send().await.map_err(unreachable)?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(unreachable)? {
        if body.len() + piece.len() > ANSWER_MAX_BYTES {
            return Err(ClientError::Answer {
                url: host.to_owned(),
                reason: format!("its answer is larger than {ANSWER_MAX_BYTES} bytes"),
            });
        }
        body.extend_from_slice(&piece);
    }
    Ok((status, body))
}

/// The words of a refusal.
fn refusal(status: u16, body: &[u8]) -> String {
    let told: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = told["error"]["message"].as_str();
    message.map_or_else(|| format!("the host answers with {status}"), str::to_owned)
}

/// The innermost cause, which says most.
fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// A report that is printed for people, or as JSON for programs.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Told {
    told: Value,
    #[serde(skip)]
    words: String,
}

impl Told {
    /// What the host said, and the same for people.
    pub fn new(told: Value, words: impl Into<String>) -> Self {
        Self {
            told,
            words: words.into(),
        }
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.words.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_have_a_scheme() {
        let check = |given: &str, expected: &str| {
            let shown = match address(given) {
                Ok(url) => shown(&url),
                Err(error) => error.to_string(),
            };
            assert_eq!(shown, expected, "{given}");
        };
        check("127.0.0.1:9990", "http://127.0.0.1:9990");
        check("https://a.example:1/x", "https://a.example:1");
        check("[::1]:1", "http://[::1]:1");
        check(
            "tcp://127.0.0.1:1",
            "`tcp://127.0.0.1:1` can't be used: it must be http:// or https://; use an address such as 127.0.0.1:9990",
        );
    }

    #[test]
    fn the_token_is_not_sent_in_clear_to_other_machines() {
        let new = |admin: &str, insecure| {
            Client::new(&Options {
                admin: Some(admin.to_owned()),
                insecure,
                token_file: Some("/nowhere/token".into()),
                ..Options::default()
            })
        };
        let in_clear =
            |admin, insecure| matches!(new(admin, insecure), Err(ClientError::InClear(_)));
        assert!(in_clear("10.0.0.1:9990", false));
        assert!(in_clear("http://admin.example:9990", false));
        for (admin, insecure) in [
            ("10.0.0.1:9990", true),
            ("https://10.0.0.1:9990", false),
            ("127.0.0.1:9990", false),
            ("localhost:9990", false),
        ] {
            assert!(!in_clear(admin, insecure), "{admin}");
        }
    }

    #[test]
    fn a_refusal_is_told_in_the_hosts_words() {
        let body = br#"{"error":{"code":"x","message":"no"}}"#;
        assert_eq!(refusal(404, body), "no");
        assert_eq!(refusal(502, b"<html>"), "the host answers with 502");
    }
}
