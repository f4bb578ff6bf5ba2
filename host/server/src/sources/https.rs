//! Plugins on web servers: a file by its address and its digest, with a signature
//! beside it.
//!
//! It owns how much is read, and that no part of the way is without TLS.

use http::StatusCode;
use http::header::AUTHORIZATION;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, RequestBuilder, Response, Url};

use super::cache::Record;
use super::credentials::{self, Shown};
use super::error::{FetchError, root};
use super::{CONNECT_TIMEOUT, Fetcher, USER_AGENT};
use crate::config::{PluginSource, Source};
use crate::signatures::{self, SIGNATURE_MAX_BYTES, SUFFIX};

/// Redirects that are followed for one file.
const REDIRECTS_MAX: usize = 5;

/// Fetches the file, which has to have the digest `pin` if there is one; `key` is where the
/// configuration may name a token.
pub(super) async fn fetch(
    fetcher: &Fetcher,
    url: &Url,
    source: &PluginSource,
    pin: Option<&str>,
    key: &str,
) -> Result<Record, FetchError> {
    let server = Server {
        client: client(fetcher)?,
        host: host(url),
        advice: String::new(),
    };
    let (server, shown) = server.shown(url, source.token.as_ref(), key).await?;
    let held = pin.and_then(|pin| pin.strip_prefix("sha256:"));
    let sha256 = match held {
        Some(held) if fetcher.holds(held).await? => held.to_owned(),
        _ => {
            let response = server.get(url, &shown).await?;
            let bytes = server.read(response, fetcher.max_bytes).await?;
            fetcher.keep(bytes, pin).await?
        }
    };
    let signatures = match fetcher.asks_for_signatures {
        true => server.signatures(url, &shown).await?,
        false => Vec::new(),
    };
    Ok(Record {
        url: source.url.to_string(),
        digest: format!("sha256:{sha256}"),
        sha256,
        signatures,
    })
}

fn client(fetcher: &Fetcher) -> Result<Client, FetchError> {
    let unusable = |error: reqwest::Error| FetchError::Client(root(&error));
    let certificates: Result<Vec<Certificate>, _> = fetcher
        .certificates
        .iter()
        .map(|one| Certificate::from_der(one))
        .collect();
    Client::builder()
        .https_only(true)
        .redirect(Policy::limited(REDIRECTS_MAX))
        .referer(false)
        .tls_certs_merge(certificates.map_err(unusable)?)
        .connect_timeout(CONNECT_TIMEOUT)
        .user_agent(USER_AGENT)
        .build()
        .map_err(unusable)
}

/// As messages name it.
fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    }
}

struct Server {
    client: Client,
    host: String,
    advice: String,
}

impl Server {
    async fn shown(
        mut self,
        url: &Url,
        token: Option<&Source>,
        key: &str,
    ) -> Result<(Self, Shown), FetchError> {
        let shown = credentials::server(url, token, key).await?;
        self.advice = shown.advice(key);
        Ok((self, shown))
    }

    /// What is there, if it is.
    async fn get(&self, url: &Url, shown: &Shown) -> Result<Response, FetchError> {
        let request = show(self.client.get(url.clone()), shown)?;
        let response = request.send().await;
        let response = response.map_err(|error| FetchError::request(&self.host, &error))?;
        let status = response.status();
        match status {
            StatusCode::OK => Ok(response),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(FetchError::Unauthorized {
                host: self.host.clone(),
                advice: self.advice.clone(),
            }),
            StatusCode::NOT_FOUND => Err(FetchError::NotFound {
                host: self.host.clone(),
            }),
            // Its words could be a whole page.
            other => {
                let reason = other.canonical_reason().unwrap_or("no reason");
                Err(FetchError::refused(&self.host, other.as_u16(), reason))
            }
        }
    }

    async fn read(&self, mut response: Response, max_bytes: u64) -> Result<Vec<u8>, FetchError> {
        let too_large = || FetchError::TooLarge { max_bytes };
        if response
            .content_length()
            .is_some_and(|length| length > max_bytes)
        {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        loop {
            let part = response.chunk().await;
            let part = part.map_err(|error| FetchError::request(&self.host, &error))?;
            let Some(part) = part else {
                return Ok(bytes);
            };
            if (bytes.len() + part.len()) as u64 > max_bytes {
                return Err(too_large());
            }
            bytes.extend_from_slice(&part);
        }
    }

    /// The signature beside the file, if there is one.
    async fn signatures(&self, url: &Url, shown: &Shown) -> Result<Vec<String>, FetchError> {
        let mut beside = url.clone();
        beside.set_path(&format!("{}{SUFFIX}", url.path()));
        let response = match self.get(&beside, shown).await {
            Ok(response) => response,
            Err(FetchError::NotFound { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let text = match self.read(response, SIGNATURE_MAX_BYTES as u64).await {
            Ok(bytes) => signatures::text(bytes).unwrap_or_default(),
            // It is there, and no signature.
            Err(FetchError::TooLarge { .. }) => String::new(),
            Err(error) => return Err(error),
        };
        Ok(vec![text])
    }
}

fn show(request: RequestBuilder, shown: &Shown) -> Result<RequestBuilder, FetchError> {
    Ok(match shown {
        Shown::Nothing => request,
        Shown::User(user, password) => request.basic_auth(user, Some(password)),
        Shown::Token(token) => {
            let value = http::HeaderValue::from_str(&format!("Bearer {token}"));
            let Ok(mut value) = value else {
                let words = "the token has characters that no header can have";
                return Err(FetchError::Credentials(words.to_owned()));
            };
            value.set_sensitive(true);
            request.header(AUTHORIZATION, value)
        }
    })
}
