//! Why a plugin could not be fetched: the words for each reason, which name what to
//! do. Finds nothing wrong by itself.

use std::error::Error as StdError;
use std::io;

use crate::transport::tls::TlsError;
use oci_client::errors::{DigestError, OciDistributionError, OciErrorCode};

/// Why there is nothing new of a plugin.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Nobody answers there, or not as one should.
    #[error("{host} can't be reached: {reason}")]
    Unreachable {
        /// host and port
        host: String,
        /// at the root of it
        reason: String,
    },
    /// It takes too long.
    #[error("it took longer than {millis} ms (raise `sources.timeout_ms`)")]
    Timeout {
        /// what it may take
        millis: u128,
    },
    /// It is not there.
    #[error("there is no such plugin: {host} says 404 (not found)")]
    NotFound {
        /// host and port
        host: String,
    },
    /// It is there for others.
    #[error("{host} refused it: {advice}")]
    Unauthorized {
        /// host and port
        host: String,
        /// which credentials it was shown, and what to do
        advice: String,
    },
    /// It answers something else.
    #[error("{host} says {status}: {message}")]
    Refused {
        /// host and port
        host: String,
        /// of HTTP
        status: u16,
        /// its words, shortened
        message: String,
    },
    /// It is larger than plugins may be.
    #[error("it is larger than {max_bytes} bytes (raise `reload.file_max_bytes`)")]
    TooLarge {
        /// the limit
        max_bytes: u64,
    },
    /// It is not what it has to be.
    #[error("its digest is {found}, and it has to be {expected}")]
    Digest {
        /// of what is there
        found: String,
        /// of what has to be
        expected: String,
    },
    /// It is no plugin.
    #[error("it is no artifact with a plugin: {reason}")]
    Artifact {
        /// what it is instead
        reason: String,
    },
    /// Credentials can't be had.
    #[error("{0}")]
    Credentials(String),
    /// The client can't be made, for want of certificates for instance.
    #[error("there is no client for TLS: {0}; `sources.ca` adds certificates to the system's")]
    Client(String),
    /// The certificates of the configuration can't be read.
    #[error(transparent)]
    Certificates(#[from] TlsError),
    /// It can't be kept.
    #[error("{dir} can't be written: {error}; name another folder in `sources.cache_dir`")]
    Cache {
        /// the folder
        dir: String,
        /// the system's reason
        error: io::Error,
    },
    /// There is no place to keep it.
    #[error("there is no cache folder, for the user has no home: name one in `sources.cache_dir`")]
    NoCache,
}

/// The most that is shown of a server's words.
const WORDS_MAX: usize = 200;

impl FetchError {
    pub(super) fn refused(host: &str, status: u16, message: &str) -> Self {
        let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
        Self::Refused {
            host: host.to_owned(),
            status,
            message: line.chars().take(WORDS_MAX).collect(),
        }
    }

    pub(super) fn request(host: &str, error: &(dyn StdError + 'static)) -> Self {
        Self::Unreachable {
            host: host.to_owned(),
            reason: root(error),
        }
    }

    /// From what the client of registries says.
    pub(super) fn registry(host: &str, advice: &str, error: OciDistributionError) -> Self {
        let unauthorized = || Self::Unauthorized {
            host: host.to_owned(),
            advice: advice.to_owned(),
        };
        let not_found = || Self::NotFound {
            host: host.to_owned(),
        };
        match error {
            OciDistributionError::UnauthorizedError { .. }
            | OciDistributionError::AuthenticationFailure(_)
            | OciDistributionError::ServerError { code: 403, .. } => unauthorized(),
            OciDistributionError::ServerError { code: 404, .. }
            | OciDistributionError::ImageManifestNotFoundError(_) => not_found(),
            OciDistributionError::ServerError { code, message, .. } => {
                Self::refused(host, code, &message)
            }
            OciDistributionError::RegistryError { envelope, .. } => {
                let has = |codes: &[OciErrorCode]| {
                    envelope.errors.iter().any(|one| codes.contains(&one.code))
                };
                let absent = [
                    OciErrorCode::ManifestUnknown,
                    OciErrorCode::NameUnknown,
                    OciErrorCode::NotFound,
                    OciErrorCode::BlobUnknown,
                ];
                match () {
                    () if has(&[OciErrorCode::Unauthorized, OciErrorCode::Denied]) => {
                        unauthorized()
                    }
                    () if has(&absent) => not_found(),
                    () => Self::Artifact {
                        reason: envelope.to_string().chars().take(WORDS_MAX).collect(),
                    },
                }
            }
            OciDistributionError::DigestError(error) => Self::digest(error),
            OciDistributionError::RequestError(error) => Self::request(host, &error),
            other => Self::Artifact {
                reason: other.to_string().chars().take(WORDS_MAX).collect(),
            },
        }
    }

    fn digest(error: DigestError) -> Self {
        match error {
            DigestError::VerificationError { expected, actual } => Self::Digest {
                found: actual,
                expected,
            },
            other => Self::Artifact {
                reason: other.to_string(),
            },
        }
    }

    /// From what reading a layer says.
    pub(super) fn stream(host: &str, error: io::Error) -> Self {
        let is_digest = |inner: &(dyn StdError + Send + Sync + 'static)| inner.is::<DigestError>();
        if error.get_ref().is_some_and(is_digest)
            && let Some(inner) = error.into_inner()
        {
            return match inner.downcast::<DigestError>() {
                Ok(digest) => Self::digest(*digest),
                Err(other) => Self::request(host, &*other),
            };
        }
        Self::Unreachable {
            host: host.to_owned(),
            reason: "the connection ended before all was there".to_owned(),
        }
    }
}

/// What is at the root of an error: what stands above it repeats the address.
pub(super) fn root(error: &(dyn StdError + 'static)) -> String {
    let mut deepest = error;
    while let Some(next) = deepest.source() {
        deepest = next;
    }
    deepest.to_string()
}
