//! Who may call: keys of the host's own and tokens of an issuer, and what those are
//! shown who have one.
//!
//! It owns the belief that somebody is who they say. It never reads a request:
//! transports bring what it judges, and nothing of that goes any further.

mod caller;
mod certificate;
mod keys;
mod oauth;
mod ring;
mod roles;

use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

pub use caller::{Audience, Caller, STRANGER};
pub use keys::{Entry, Keys, KeysError, Unfit};

use crate::config::Config;
use crate::supervise::Parts;
use crate::transport::tls::TlsError;
use oauth::{Judged, Tokens};
use ring::Ring;
use roles::Roles;

/// What keys of the host's own begin with. No token does.
const KEY_PREFIX: &str = "fbx_";

/// Where a resource has its metadata (RFC 9728), before its own path.
pub const METADATA_PATH: &str = "/.well-known/oauth-protected-resource";

/// Who may call this host.
#[derive(Debug)]
pub struct Auth {
    roles: Roles,
    keys: Option<Ring>,
    tokens: Option<Tokens>,
    /// whether clients may show a certificate
    certificates: bool,
    /// who shows nothing is this caller; none: is refused
    stranger: Option<Caller>,
    /// what is wrong now with the keys, and with the issuer
    trouble: Mutex<[Option<String>; 2]>,
}

/// Why somebody isn't let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nothing was shown.
    #[error("a key is needed")]
    Missing,
    /// What was shown is none of the host's keys, and no token.
    #[error("the key is none that this host knows; ask its operator for one")]
    Unknown,
    /// Its time is over.
    #[error("the key `{0}` has expired; ask the host's operator for another")]
    Expired(String),
    /// What was shown is no key.
    #[error("a key is needed, and this is none")]
    Malformed,
    /// It was taken back, or has expired, after its connection was let in.
    #[error("the key was revoked or has expired")]
    Revoked,
    /// The token isn't good; why.
    #[error("the token can't be used: {0}")]
    Token(String),
    /// The token lacks one of these scopes.
    #[error("the token lacks a scope: one of `{0}` is needed")]
    Scope(String),
    /// Whether the token is good can't be told now; why.
    #[error("the token can't be checked now, try again: {0}")]
    Unverified(String),
    /// The certificate has no name that could be used.
    #[error("the client's certificate has no name")]
    Unnamed,
    /// The certificate's name has no role.
    #[error("the client's certificate `{0}` has no role here")]
    NoRole(String),
    /// Its role may not be here; the name of the role.
    #[error("the role `{0}` may not enter this endpoint")]
    Entry(String),
}

/// Why a host doesn't start.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The file of keys.
    #[error(
        "the file of keys `{file}` (`auth.keys_file`) can't be used: {problem}; `fusebox key new NAME --file {file}` makes one"
    )]
    Keys {
        /// the file
        file: String,
        /// what is wrong with it
        problem: String,
    },
    /// The file of the issuer's certificates.
    #[error(transparent)]
    Trust(#[from] TlsError),
}

impl Auth {
    /// What the configuration asks for.
    ///
    /// # Errors
    /// If a file that it names can't be used.
    pub fn new(config: &Config) -> Result<Self, AuthError> {
        let roles = Roles::of(config);
        let file = &config.auth.keys_file;
        let keys = (!file.as_os_str().is_empty()).then(|| Ring::read(file, &roles));
        let keys = keys.transpose().map_err(|problem| AuthError::Keys {
            file: file.display().to_string(),
            problem,
        })?;
        let tokens = (!config.oauth.issuer.is_empty()).then(|| Tokens::new(config));
        // The configuration was checked: a role that it names is there.
        let stranger = roles.caller(STRANGER.to_owned(), &config.auth.anonymous, None);
        Ok(Self {
            keys,
            tokens: tokens.transpose()?,
            certificates: !config.tls.client_ca.as_os_str().is_empty(),
            stranger: stranger.ok(),
            roles,
            trouble: Mutex::default(),
        })
    }

    /// Whether callers are asked who they are.
    pub fn is_on(&self) -> bool {
        self.keys.is_some() || self.tokens.is_some() || self.certificates
    }

    /// Who it is that shows nothing; none: nobody is asked.
    ///
    /// # Errors
    /// [`Denied::Missing`] where something must be shown.
    pub fn stranger(&self) -> Result<Option<Caller>, Denied> {
        if !self.is_on() {
            return Ok(None);
        }
        self.stranger.clone().map(Some).ok_or(Denied::Missing)
    }

    /// Who it is that shows a key or a token, by what is known; none: nobody is asked.
    ///
    /// # Errors
    /// [`Denied`] if it opens nothing. A token of a key that isn't known is
    /// [`Denied::Unknown`]: see [`Self::ask_issuer`].
    pub fn caller(&self, shown: &str) -> Result<Option<Caller>, Denied> {
        if !self.is_on() {
            return Ok(None);
        }
        match (&self.keys, &self.tokens) {
            (Some(keys), _) if shown.starts_with(KEY_PREFIX) => keys.caller(shown).map(Some),
            (_, Some(tokens)) => match tokens.judge(shown, &self.roles) {
                Judged::Now(judged) => judged.map(Some),
                Judged::AskIssuer => {
                    Err(Denied::Token("its key is none of its issuer's".to_owned()))
                }
            },
            _ => Err(Denied::Unknown),
        }
    }

    /// Who it is that has shown a certificate in the handshake; none: nobody is asked
    /// for one.
    ///
    /// # Errors
    /// [`Denied`] if it has no name, or its name no role.
    pub fn certified(&self, config: &Config, der: Option<&[u8]>) -> Result<Option<Caller>, Denied> {
        let Some(der) = der.filter(|_| self.certificates) else {
            return Ok(None);
        };
        let (name, ends) = certificate::read(der).ok_or(Denied::Unnamed)?;
        let role = Roles::of_certificate(config, &name);
        let made = self
            .roles
            .caller(format!("certificate:{name}"), &role, Some(ends));
        made.map(Some).map_err(|_| Denied::NoRole(name))
    }

    /// Whether the issuer has to be asked before `shown` can be judged.
    pub fn needs_issuer(&self, shown: &str) -> bool {
        let Some(tokens) = &self.tokens else {
            return false;
        };
        !shown.starts_with(KEY_PREFIX)
            && matches!(tokens.judge(shown, &self.roles), Judged::AskIssuer)
    }

    /// Asks the issuer for keys that aren't known, unless that was done a moment ago.
    ///
    /// # Errors
    /// [`Denied::Unverified`] if it can't be asked.
    pub async fn ask_issuer(&self) -> Result<(), Denied> {
        match &self.tokens {
            Some(tokens) => tokens.ask_issuer().await,
            None => Ok(()),
        }
    }

    /// The address of the metadata of this resource (RFC 9728), and the metadata; none:
    /// there is no issuer.
    pub fn metadata(&self) -> Option<(&str, &[u8])> {
        let tokens = self.tokens.as_ref()?;
        Some((tokens.metadata_url(), tokens.metadata()))
    }

    /// The scopes that every token needs.
    pub fn scopes(&self) -> &[String] {
        self.tokens.as_ref().map_or(&[], Tokens::scopes)
    }

    /// What is wrong now, in plain words.
    pub fn trouble(&self) -> Vec<String> {
        self.trouble.lock().iter().flatten().cloned().collect()
    }

    /// Keeps what is known in step with the file of keys and with the issuer.
    pub fn start(self: &Arc<Self>, parts: &Arc<Parts>, stop: &CancellationToken) {
        let tell = |auth: &Arc<Self>, place: usize| {
            let auth = auth.clone();
            move |trouble| auth.trouble.lock()[place] = trouble
        };
        if self.keys.is_some() {
            let (auth, stop) = (self.clone(), stop.clone());
            parts.part("keys").keep(move |_| {
                let (auth, stop, tell) = (auth.clone(), stop.clone(), tell(&auth, 0));
                async move {
                    if let Some(keys) = &auth.keys {
                        let told = |problem: Option<String>| {
                            tell(problem.map(|it| format!("the file of keys can't be used: {it}")));
                        };
                        keys.watch(&auth.roles, stop, told).await;
                    }
                }
            });
        }
        if self.tokens.is_some() {
            let (auth, stop) = (self.clone(), stop.clone());
            parts.part("issuer").keep(move |_| {
                let (auth, stop, tell) = (auth.clone(), stop.clone(), tell(&auth, 1));
                async move {
                    if let Some(tokens) = &auth.tokens {
                        tokens.watch(stop, tell).await;
                    }
                }
            });
        }
    }
}
