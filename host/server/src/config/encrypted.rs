//! The tables of listeners that encrypt, as plain types. Holds what `rules` and
//! `validate` have checked; what each key does is said in `fusebox.toml`.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::durations::millis;

/// `[tls]`: what `https://` and `quic://` listeners show their clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The chain of certificates, perhaps empty: then one is made at the start.
    pub cert: PathBuf,
    /// The key of the first of them.
    pub key: PathBuf,
    /// Where a certificate that was made at the start is written; empty: nowhere.
    pub self_signed_cert: PathBuf,
    /// Whose certificates clients may show; empty: nobody is asked for one.
    pub client_ca: PathBuf,
    /// Whether a client must show one.
    pub client_required: bool,
    /// The role of clients whose certificate has the name of no role; empty: they are
    /// refused.
    pub client_role: String,
    /// How long a handshake may take.
    #[serde(rename = "handshake_timeout_ms", with = "millis")]
    pub handshake_timeout: Duration,
}

/// `[quic]`: connections to `quic://` listeners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quic {
    /// Streams that the client of one connection may have open.
    pub streams_max: u32,
    /// How long a connection without a stream, or without a sign of life, stays.
    #[serde(rename = "idle_timeout_ms", with = "millis")]
    pub idle_timeout: Duration,
    /// Handshakes at once from which on addresses have to prove themselves.
    pub retry_handshakes: usize,
}
