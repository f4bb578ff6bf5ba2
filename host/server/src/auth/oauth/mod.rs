//! Access tokens of an OAuth issuer: JWTs that are signed for this host.
//!
//! It owns which token is good, and what it lets its bearer do. A token is judged
//! here and goes no further.

mod jwks;

use std::time::{Duration, SystemTime};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::KeyAlgorithm;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::{Caller, Denied, Roles};
use crate::config::{Config, OAuth};
use crate::transport::tls::TlsError;
use jwks::Jwks;

/// The longest token.
const TOKEN_MAX_BYTES: usize = 16 << 10;

/// Tokens whose signature need not be looked at again.
const KNOWN_MAX: u64 = 100_000;

/// What is said of what is no token.
const UNREADABLE: &str = "it is none that can be read";

/// How far clocks may be apart.
const LEEWAY_SECONDS: u64 = 30;

/// How long until the issuer is asked again that could not be.
const RETRY: Duration = Duration::from_secs(15);

/// What signs tokens: what only the issuer can do, and everybody can check.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// The tokens of one issuer.
pub(super) struct Tokens {
    settings: OAuth,
    jwks: Jwks,
    /// roles that a scope gives, in the order of their names
    scopes: Vec<(String, String)>,
    known: Cache<[u8; 32], Caller>,
    /// the address of the metadata, and the metadata
    metadata: (String, Vec<u8>),
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// What of a token is read. What it must have is checked with its signature.
#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    sub: String,
    #[serde(default)]
    exp: u64,
    #[serde(default)]
    scope: Option<Scopes>,
    #[serde(default)]
    scp: Option<Scopes>,
}

/// As OAuth has them, or as some issuers write them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scopes {
    Text(String),
    List(Vec<String>),
}

/// What is known of a token at once.
pub(super) enum Judged {
    /// who has it, or why it isn't good
    Now(Result<Caller, Denied>),
    /// its key isn't known: the issuer may have a new one
    AskIssuer,
}

impl Tokens {
    pub(super) fn new(config: &Config) -> Result<Self, TlsError> {
        let settings = config.oauth.clone();
        let scopes = config
            .roles
            .iter()
            .filter(|(_, role)| !role.scope.is_empty())
            .map(|(name, role)| (role.scope.clone(), name.clone()))
            .collect();
        Ok(Self {
            jwks: Jwks::new(&settings)?,
            known: Cache::builder().max_capacity(KNOWN_MAX).build(),
            metadata: metadata(config),
            scopes,
            settings,
        })
    }

    /// Judges a token by what is known.
    pub(super) fn judge(&self, token: &str, roles: &Roles) -> Judged {
        if token.len() > TOKEN_MAX_BYTES {
            return Judged::Now(Err(Denied::Token("it is too long".to_owned())));
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        if let Some(known) = self.known.get(&digest) {
            return Judged::Now(match known.holds() {
                true => Ok(known),
                false => Err(Denied::Token("it has expired".to_owned())),
            });
        }
        let Ok(header) = decode_header(token) else {
            return Judged::Now(Err(Denied::Token(UNREADABLE.to_owned())));
        };
        if !ALGORITHMS.contains(&header.alg) {
            return Judged::Now(Err(Denied::Token(format!(
                "the algorithm {:?} proves nothing",
                header.alg
            ))));
        }
        let Some(key) = self.jwks.get(header.kid.as_deref().unwrap_or_default()) else {
            return Judged::AskIssuer;
        };
        if key.alg.is_some_and(|alg| !is_same(alg, header.alg)) {
            let words = "its algorithm is not the one of its key";
            return Judged::Now(Err(Denied::Token(words.to_owned())));
        }
        let validation = self.validation(header.alg);
        let judged = match decode::<Claims>(token, &key.key, &validation) {
            Ok(token) => self.caller(token.claims, roles),
            Err(error) => Err(Denied::Token(words(error.kind(), &self.settings))),
        };
        if let Ok(caller) = &judged {
            self.known.insert(digest, caller.clone());
        }
        Judged::Now(judged)
    }

    fn validation(&self, alg: Algorithm) -> Validation {
        let mut validation = Validation::new(alg);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_audience(&[&self.settings.audience]);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation
    }

    fn caller(&self, claims: Claims, roles: &Roles) -> Result<Caller, Denied> {
        let ends = SystemTime::UNIX_EPOCH
            .checked_add(Duration::from_secs(
                claims.exp.saturating_add(LEEWAY_SECONDS),
            ))
            .ok_or_else(|| Denied::Token("it ends further away than time goes".to_owned()))?;
        let mut has: Vec<String> = Vec::new();
        for scopes in [claims.scope, claims.scp].into_iter().flatten() {
            match scopes {
                Scopes::Text(text) => has.extend(text.split_whitespace().map(str::to_owned)),
                Scopes::List(list) => has.extend(list),
            }
        }
        let lacks = |scope: &&String| !has.contains(scope);
        let missing: Vec<&String> = self.settings.scopes.iter().filter(lacks).collect();
        if !missing.is_empty() {
            return Err(Denied::Scope(self.settings.scopes.join(" ")));
        }
        let given = self.scopes.iter().find(|(scope, _)| has.contains(scope));
        let role = given.map_or(&self.settings.role, |(_, role)| role);
        if role.is_empty() {
            let scopes: Vec<&str> = self
                .scopes
                .iter()
                .map(|(scope, _)| scope.as_str())
                .collect();
            return Err(Denied::Scope(scopes.join(" ")));
        }
        roles
            .caller(format!("token:{}", claims.sub), role, Some(ends))
            .map_err(Denied::Token)
    }

    /// Asks the issuer whether it has a key that isn't known.
    pub(super) async fn ask_issuer(&self) -> Result<(), Denied> {
        let asked = self.jwks.look_again().await;
        asked.map_err(|error| Denied::Unverified(error.to_string()))
    }

    /// Keeps the keys fresh until `stop`; what is wrong goes to `tell`.
    pub(super) async fn watch(&self, stop: CancellationToken, tell: impl Fn(Option<String>)) {
        loop {
            let wait = match self.jwks.refresh().await {
                Ok(()) => {
                    tell(None);
                    self.settings.jwks_refresh
                }
                Err(error) => {
                    tracing::warn!(%error, "the keys of the issuer can't be had; those from before hold on");
                    tell(Some(format!(
                        "the keys of the issuer can't be had: {error}"
                    )));
                    RETRY.min(self.settings.jwks_refresh)
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// The address of the metadata of this resource (RFC 9728).
    pub(super) fn metadata_url(&self) -> &str {
        &self.metadata.0
    }

    /// The metadata.
    pub(super) fn metadata(&self) -> &[u8] {
        &self.metadata.1
    }

    /// What a token needs to be let in at all.
    pub(super) fn scopes(&self) -> &[String] {
        &self.settings.scopes
    }
}

#[derive(Serialize)]
struct Metadata<'a> {
    resource: &'a str,
    authorization_servers: [&'a str; 1],
    scopes_supported: Vec<&'a str>,
    bearer_methods_supported: [&'static str; 1],
    resource_name: &'static str,
}

/// The address of the metadata, and the metadata.
fn metadata(config: &Config) -> (String, Vec<u8>) {
    let settings = &config.oauth;
    let scopes = settings.scopes.iter().map(String::as_str);
    let of_roles = config.roles.values().map(|role| role.scope.as_str());
    let mut scopes_supported: Vec<&str> = scopes
        .chain(of_roles.filter(|scope| !scope.is_empty()))
        .collect();
    scopes_supported.dedup();
    let document = Metadata {
        resource: &settings.audience,
        authorization_servers: [&settings.issuer],
        scopes_supported,
        bearer_methods_supported: ["header"],
        resource_name: "Fusebox",
    };
    let origin = settings.audience.find("://").map_or(0, |at| at + 3);
    let path = settings.audience[origin..].find('/').map(|at| at + origin);
    let (origin, path) = settings
        .audience
        .split_at(path.unwrap_or(settings.audience.len()));
    let url = format!(
        "{origin}{}{}",
        super::METADATA_PATH,
        path.trim_end_matches('/')
    );
    (url, serde_json::to_vec(&document).unwrap_or_default())
}

fn is_same(key: KeyAlgorithm, token: Algorithm) -> bool {
    format!("{key:?}") == format!("{token:?}")
}

fn words(kind: &ErrorKind, settings: &OAuth) -> String {
    match kind {
        ErrorKind::ExpiredSignature => "it has expired".to_owned(),
        ErrorKind::ImmatureSignature => "it is not valid yet".to_owned(),
        ErrorKind::InvalidSignature => "its signature is not its issuer's".to_owned(),
        ErrorKind::InvalidAudience => {
            format!("it is for another audience than {}", settings.audience)
        }
        ErrorKind::InvalidIssuer => format!("it is not of the issuer {}", settings.issuer),
        ErrorKind::MissingRequiredClaim(claim) => format!("it has no `{claim}`"),
        _ => UNREADABLE.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_are_told_by_the_address_of_the_resource() {
        let of = |audience: &str| {
            let mut config = Config::default();
            config.oauth.audience = audience.to_owned();
            config.oauth.issuer = "https://i.example".to_owned();
            config.oauth.scopes = vec!["mcp".to_owned()];
            metadata(&config)
        };
        let (url, document) = of("https://a.example/mcp");
        assert_eq!(
            url,
            "https://a.example/.well-known/oauth-protected-resource/mcp"
        );
        assert_eq!(
            String::from_utf8(document).unwrap(),
            r#"{"resource":"https://a.example/mcp","authorization_servers":["https://i.example"],"scopes_supported":["mcp"],"bearer_methods_supported":["header"],"resource_name":"Fusebox"}"#
        );
        let (url, _) = of("https://a.example");
        assert_eq!(
            url,
            "https://a.example/.well-known/oauth-protected-resource"
        );
    }
}
