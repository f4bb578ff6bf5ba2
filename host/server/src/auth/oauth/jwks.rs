//! The keys of the issuer: where they are, when they are fetched, and which are kept.
//!
//! It owns the requests to the issuer, few and bounded. It never looks at a token.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, KeyAlgorithm, PublicKeyUse};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::config::{OAuth, is_safe};
use crate::granter::{system_trust, trust};
use crate::transport::tls::{TlsError, read_certificates};

/// The largest document of an issuer, and keys in it.
const DOCUMENT_MAX_BYTES: usize = 1 << 20;
const KEYS_MAX: usize = 256;

/// How long an issuer may take for one document.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// How often the issuer is asked at most because somebody shows a key that isn't
/// known: anybody can do that.
const COOLDOWN: Duration = Duration::from_secs(10);

/// Where an issuer's metadata is, by RFC 8414 and by OpenID Connect.
const METADATA: [&str; 2] = [
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
];

/// A key that signs tokens.
pub(super) struct SigningKey {
    pub(super) key: DecodingKey,
    /// the only algorithm it is for, if the issuer says so
    pub(super) alg: Option<KeyAlgorithm>,
}

/// The keys by their id; one without an id has the empty one.
type ById = HashMap<String, Arc<SigningKey>>;

/// The keys of one issuer.
pub(super) struct Jwks {
    issuer: String,
    /// as it is configured; empty: the issuer's metadata says
    url: String,
    cooldown: Duration,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    keys: ArcSwap<ById>,
    /// when the issuer was asked last
    asked: Mutex<Option<Instant>>,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub(super) enum JwksError {
    /// It can't be reached, or doesn't answer as it should.
    #[error("{url}: {reason}")]
    Fetch {
        /// what was asked
        url: String,
        /// why
        reason: String,
    },
    /// Its metadata belong to somebody else.
    #[error("{url} is of the issuer `{found}`")]
    Issuer {
        /// what was asked
        url: String,
        /// as it is written there
        found: String,
    },
}

impl Jwks {
    pub(super) fn new(settings: &OAuth) -> Result<Self, TlsError> {
        let tls = match settings.ca.as_os_str().is_empty() {
            true => system_trust(),
            false => trust(read_certificates("oauth.ca", &settings.ca)?),
        };
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(FETCH_TIMEOUT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Ok(Self {
            issuer: settings.issuer.clone(),
            url: settings.jwks_url.clone(),
            cooldown: COOLDOWN.min(settings.jwks_refresh),
            client: Client::builder(TokioExecutor::new()).build(connector),
            keys: ArcSwap::default(),
            asked: Mutex::new(None),
        })
    }

    /// The key of this id, if it is known.
    pub(super) fn get(&self, id: &str) -> Option<Arc<SigningKey>> {
        self.keys.load().get(id).cloned()
    }

    /// Fetches the keys because somebody shows one that isn't known, unless that was
    /// done a moment ago. Who comes meanwhile waits for the same.
    pub(super) async fn look_again(&self) -> Result<(), JwksError> {
        let mut asked = self.asked.lock().await;
        if asked.is_some_and(|asked| asked.elapsed() < self.cooldown) {
            return Ok(());
        }
        *asked = Some(Instant::now());
        self.fetch().await
    }

    /// Fetches the keys; those from before are kept if that fails.
    pub(super) async fn refresh(&self) -> Result<(), JwksError> {
        let mut asked = self.asked.lock().await;
        *asked = Some(Instant::now());
        self.fetch().await
    }

    async fn fetch(&self) -> Result<(), JwksError> {
        let url = match self.url.is_empty() {
            false => self.url.clone(),
            true => self.found().await?,
        };
        let document: Document = self.json(&url).await?;
        let keys: ById = document
            .keys
            .into_iter()
            .take(KEYS_MAX)
            .filter_map(usable)
            .collect();
        if keys.is_empty() {
            return Err(JwksError::Fetch {
                url,
                reason: "it has no key that signs tokens".to_owned(),
            });
        }
        self.keys.store(Arc::new(keys));
        Ok(())
    }

    /// Where the keys are, in the words of the issuer.
    async fn found(&self) -> Result<String, JwksError> {
        let mut last = None;
        for metadata in METADATA {
            let url = well_known(&self.issuer, metadata);
            match self.json::<Metadata>(&url).await {
                Ok(metadata) if metadata.issuer == self.issuer => return Ok(metadata.jwks_uri),
                Ok(metadata) => {
                    return Err(JwksError::Issuer {
                        url,
                        found: metadata.issuer,
                    });
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| unreachable!("there are places to look at")))
    }

    async fn json<T: for<'de> Deserialize<'de>>(&self, url: &str) -> Result<T, JwksError> {
        let failed = |reason: String| JwksError::Fetch {
            url: url.to_owned(),
            reason,
        };
        let uri: Uri = url.parse().map_err(|_| failed("it is no URL".to_owned()))?;
        if !is_safe(&uri) {
            return Err(failed(
                "it must be https:// (http:// only on loopback)".to_owned(),
            ));
        }
        let request = Request::get(uri)
            .header(http::header::ACCEPT, "application/json")
            .body(Empty::new())
            .map_err(|error| failed(error.to_string()))?;
        let fetching = async {
            let response = self.client.request(request).await;
            let response = response.map_err(|error| failed(chain(&error)))?;
            if response.status() != http::StatusCode::OK {
                return Err(failed(format!("it answers with {}", response.status())));
            }
            let body = Limited::new(response.into_body(), DOCUMENT_MAX_BYTES)
                .collect()
                .await;
            let body = body.map_err(|error| failed(error.to_string()))?.to_bytes();
            serde_json::from_slice(&body).map_err(|error| failed(error.to_string()))
        };
        timeout(FETCH_TIMEOUT, fetching)
            .await
            .unwrap_or_else(|_elapsed| Err(failed("it takes too long".to_owned())))
    }
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

/// A key that can be used. There may be others beside it, of kinds that nobody here
/// knows.
fn usable(value: Value) -> Option<(String, Arc<SigningKey>)> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let signs = matches!(
        jwk.common.public_key_use,
        None | Some(PublicKeyUse::Signature)
    );
    // A symmetric key in public would let anybody sign.
    let is_public = !matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_));
    if !signs || !is_public {
        return None;
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    let id = jwk.common.key_id.unwrap_or_default();
    let alg = jwk.common.key_algorithm;
    Some((id, Arc::new(SigningKey { key, alg })))
}

/// RFC 8414, 3.1: the well-known part comes before the issuer's path; OpenID Connect
/// puts it behind.
fn well_known(issuer: &str, metadata: &str) -> String {
    let issuer = issuer.trim_end_matches('/');
    let after_scheme = issuer.find("://").map_or(0, |at| at + 3);
    let path = issuer[after_scheme..].find('/').map(|at| at + after_scheme);
    match path {
        Some(at) if metadata == METADATA[0] => {
            format!("{}{metadata}{}", &issuer[..at], &issuer[at..])
        }
        _ => format!("{issuer}{metadata}"),
    }
}

/// An error with what is behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        words = format!("{words}: {inner}");
        source = inner.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_are_where_the_standards_put_them() {
        let [oauth, openid] = METADATA;
        let check = |issuer: &str, metadata: &str, expected: &str| {
            assert_eq!(well_known(issuer, metadata), expected);
        };
        check(
            "https://a.example",
            oauth,
            &format!("https://a.example{oauth}"),
        );
        check(
            "https://a.example/",
            openid,
            &format!("https://a.example{openid}"),
        );
        check(
            "https://a.example/t/1",
            oauth,
            &format!("https://a.example{oauth}/t/1"),
        );
        check(
            "https://a.example/t/1",
            openid,
            &format!("https://a.example/t/1{openid}"),
        );
    }

    #[test]
    fn only_public_keys_for_signatures_are_taken() {
        let ec = serde_json::json!({
            "kty": "EC", "crv": "P-256", "kid": "a",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        });
        let with = |name: &str, value: &str| {
            let mut key = ec.clone();
            key[name] = value.into();
            usable(key).map(|(id, _)| id)
        };
        assert_eq!(with("use", "sig"), Some("a".to_owned()));
        assert_eq!(with("use", "enc"), None);
        assert_eq!(with("kty", "XX"), None);
        assert_eq!(with("alg", "ES256"), Some("a".to_owned()));
        assert_eq!(with("alg", "none"), None);
        let symmetric = serde_json::json!({"kty": "oct", "kid": "a", "k": "c2VjcmV0"});
        assert!(usable(symmetric).is_none());
    }
}
