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
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
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
    /// whether callers are asked: where they are not, a request asks no more
    is_on: AtomicBool,
    beliefs: ArcSwap<Beliefs>,
    /// what is wrong now with the keys, and with the issuer
    trouble: Mutex<[Option<String>; 2]>,
    /// who keeps them in step
    watch: Mutex<Option<Watch>>,
}

/// Those who keep keys and issuer in step.
#[derive(Debug)]
struct Watch {
    parts: Arc<Parts>,
    /// with the host
    stop: CancellationToken,
    /// by themselves
    end: CancellationToken,
}

/// Whom one configuration lets in: made whole, then put in force.
#[derive(Debug)]
pub struct Beliefs {
    roles: Roles,
    keys: Option<Arc<Ring>>,
    tokens: Option<Arc<Tokens>>,
    /// whether clients may show a certificate
    certificates: bool,
    /// who shows nothing is this caller; none: is refused
    stranger: Option<Caller>,
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
        let beliefs = Beliefs::of(config, None)?;
        Ok(Self {
            is_on: AtomicBool::new(beliefs.is_on()),
            beliefs: ArcSwap::from_pointee(beliefs),
            trouble: Mutex::default(),
            watch: Mutex::default(),
        })
    }

    /// What another configuration asks for. What it has in common with `before`, which
    /// is in force, goes on.
    ///
    /// # Errors
    /// If a file that it names can't be used.
    pub fn prepare(&self, config: &Config, before: &Config) -> Result<Beliefs, AuthError> {
        let now = self.beliefs.load_full();
        Beliefs::of(config, Some((&now, before)))
    }

    /// Puts it in force. Whoever was let in by a key that is none any more is told so.
    pub fn take(self: &Arc<Self>, beliefs: Beliefs) {
        let is_on = beliefs.is_on();
        let before = self.beliefs.swap(Arc::new(beliefs));
        self.is_on.store(is_on, Ordering::Relaxed);
        let now = self.beliefs.load();
        match (&before.keys, &now.keys) {
            (Some(before), Some(now)) if !Arc::ptr_eq(before, now) => now.succeed(before),
            (Some(before), None) => before.revoke_all(),
            _ => {}
        }
        *self.trouble.lock() = Default::default();
        let watch = self.watch.lock().take();
        if let Some(watch) = watch {
            watch.end.cancel();
            self.start(&watch.parts, &watch.stop);
        }
    }

    /// Whether callers are asked who they are.
    pub fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// Who it is that shows nothing; none: nobody is asked.
    ///
    /// # Errors
    /// [`Denied::Missing`] where something must be shown.
    pub fn stranger(&self) -> Result<Option<Caller>, Denied> {
        if !self.is_on() {
            return Ok(None);
        }
        let stranger = self.beliefs.load().stranger.clone();
        stranger.map(Some).ok_or(Denied::Missing)
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
        let now = self.beliefs.load();
        match (&now.keys, &now.tokens) {
            (Some(keys), _) if shown.starts_with(KEY_PREFIX) => keys.caller(shown).map(Some),
            (_, Some(tokens)) => match tokens.judge(shown, &now.roles) {
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
        let now = self.beliefs.load();
        let Some(der) = der.filter(|_| now.certificates) else {
            return Ok(None);
        };
        let (name, ends) = certificate::read(der).ok_or(Denied::Unnamed)?;
        let role = Roles::of_certificate(config, &name);
        let made = now
            .roles
            .caller(format!("certificate:{name}"), &role, Some(ends));
        made.map(Some).map_err(|_| Denied::NoRole(name))
    }

    /// Whether the issuer has to be asked before `shown` can be judged.
    pub fn needs_issuer(&self, shown: &str) -> bool {
        let now = self.beliefs.load();
        let Some(tokens) = &now.tokens else {
            return false;
        };
        !shown.starts_with(KEY_PREFIX)
            && matches!(tokens.judge(shown, &now.roles), Judged::AskIssuer)
    }

    /// Asks the issuer for keys that aren't known, unless that was done a moment ago.
    ///
    /// # Errors
    /// [`Denied::Unverified`] if it can't be asked.
    pub async fn ask_issuer(&self) -> Result<(), Denied> {
        let tokens = self.beliefs.load().tokens.clone();
        match tokens {
            Some(tokens) => tokens.ask_issuer().await,
            None => Ok(()),
        }
    }

    /// The address of the metadata of this resource (RFC 9728), and the metadata; none:
    /// there is no issuer.
    pub fn metadata(&self) -> Option<(String, Vec<u8>)> {
        let now = self.beliefs.load();
        let tokens = now.tokens.as_ref()?;
        Some((tokens.metadata_url().to_owned(), tokens.metadata().to_vec()))
    }

    /// The scopes that every token needs.
    pub fn scopes(&self) -> Vec<String> {
        let now = self.beliefs.load();
        let tokens = now.tokens.as_ref();
        tokens.map_or(Vec::new(), |tokens| tokens.scopes().to_vec())
    }

    /// What is wrong now, in plain words.
    pub fn trouble(&self) -> Vec<String> {
        self.trouble.lock().iter().flatten().cloned().collect()
    }

    /// Keeps what is known in step with the file of keys and with the issuer.
    pub fn start(self: &Arc<Self>, parts: &Arc<Parts>, stop: &CancellationToken) {
        let end = stop.child_token();
        *self.watch.lock() = Some(Watch {
            parts: parts.clone(),
            stop: stop.clone(),
            end: end.clone(),
        });
        let now = self.beliefs.load_full();
        let tell = |place: usize| {
            let (auth, end) = (self.clone(), end.clone());
            move |trouble| {
                // Whoever came after it says what is wrong from then on.
                if !end.is_cancelled() {
                    auth.trouble.lock()[place] = trouble;
                }
            }
        };
        if let Some(keys) = now.keys.clone() {
            let (now, end, tell) = (now.clone(), end.clone(), tell(0));
            parts.part("keys").may_end().keep(move |_| {
                let (keys, now) = (keys.clone(), now.clone());
                let (end, tell) = (end.clone(), tell.clone());
                async move {
                    let told = |problem: Option<String>| {
                        tell(problem.map(|it| format!("the file of keys can't be used: {it}")));
                    };
                    keys.watch(&now.roles, end, told).await;
                }
            });
        }
        if let Some(tokens) = now.tokens.clone() {
            let (end, tell) = (end.clone(), tell(1));
            // It ends when others are believed.
            parts.part("issuer").may_end().keep(move |_| {
                let (tokens, end, tell) = (tokens.clone(), end.clone(), tell.clone());
                async move { tokens.watch(end, tell).await }
            });
        }
    }
}

impl Beliefs {
    /// Of a configuration, after another one.
    fn of(config: &Config, before: Option<(&Self, &Config)>) -> Result<Self, AuthError> {
        let roles = Roles::of(config);
        // Callers are made with their roles, so that other roles are other callers.
        let same = before.filter(|(_, before)| before.roles == config.roles);
        let file = &config.auth.keys_file;
        let same_keys = same.filter(|(_, before)| before.auth.keys_file == *file);
        let keys = match same_keys {
            Some((now, _)) => now.keys.clone(),
            None if file.as_os_str().is_empty() => None,
            None => {
                let ring = Ring::read(file, &roles).map_err(|problem| AuthError::Keys {
                    file: file.display().to_string(),
                    problem,
                })?;
                Some(Arc::new(ring))
            }
        };
        let same_issuer = same.filter(|(_, before)| before.oauth == config.oauth);
        let tokens = match same_issuer {
            Some((now, _)) => now.tokens.clone(),
            None if config.oauth.issuer.is_empty() => None,
            None => Some(Arc::new(Tokens::new(config)?)),
        };
        // The configuration was checked: a role that it names is there.
        let stranger = roles.caller(STRANGER.to_owned(), &config.auth.anonymous, None);
        Ok(Self {
            keys,
            tokens,
            certificates: !config.tls.client_ca.as_os_str().is_empty(),
            stranger: stranger.ok(),
            roles,
        })
    }

    fn is_on(&self) -> bool {
        self.keys.is_some() || self.tokens.is_some() || self.certificates
    }
}
