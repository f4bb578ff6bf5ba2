//! What was ordered of a plugin, and what it can go back to, as `/health` and lists
//! of plugins show it.

use serde::{Deserialize, Serialize};

/// What was ordered of one plugin, and which of its versions are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// nothing of it is served, by order
    pub disabled: bool,
    /// the version that serves, whatever comes; its SHA-256
    pub pinned: Option<String>,
    /// the good versions that are kept, the newest first
    pub kept: Vec<KeptVersion>,
}

/// A version that was rolled back, and is not taken again by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// of its bytes, in hex
    pub sha256: String,
    /// why, in plain words
    pub reason: String,
    /// milliseconds since 1970
    pub at_unix_ms: u64,
}

/// A version that was good, and is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptVersion {
    /// of its bytes, in hex
    pub sha256: String,
    /// milliseconds since 1970: when it began to serve, the last time
    pub served_unix_ms: u64,
}

/// Bytes in the folder, or from elsewhere, that are good but not to be served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PassedOver {
    /// of them, in hex
    pub sha256: String,
    /// why, in plain words
    pub reason: String,
    /// they were worse, and not only kept out by a pin
    pub rolled_back: bool,
}
