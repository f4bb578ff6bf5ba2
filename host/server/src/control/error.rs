//! Why an order is not carried out, and what to do about it.

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// There is nothing of this name.
    #[error("there is no plugin `{plugin}`; known are {known:?}")]
    NoSuchPlugin {
        /// the name
        plugin: String,
        /// those that there are
        known: Vec<String>,
    },
    /// No good version begins so.
    #[error(
        "no good version of `{plugin}` that is kept begins with `{version}`; kept are {kept:?}"
    )]
    NoSuchVersion {
        /// which plugin
        plugin: String,
        /// what was asked for
        version: String,
        /// the SHA-256 of those that there are, the newest first
        kept: Vec<String>,
    },
    /// More than one does.
    #[error("more than one version of `{plugin}` begins with `{version}`: give more digits")]
    AmbiguousVersion {
        /// which plugin
        plugin: String,
        /// what was asked for
        version: String,
    },
    /// No earlier version is kept.
    #[error(
        "no earlier good version of `{plugin}` is kept (`reload.keep_versions` says how many are)"
    )]
    NothingToRollBackTo {
        /// which plugin
        plugin: String,
    },
    /// The version that serves could not be found again.
    #[error(
        "the version of `{plugin}` that serves is not kept, so that it can't be pinned: see `reload.keep_versions` and `reload.state_dir`"
    )]
    NotKept {
        /// which plugin
        plugin: String,
    },
    /// The operator wants no plugin read after the start.
    #[error("plugins are read at the start alone: `reload.enabled` is false")]
    ReloadDisabled,
    /// It stays as it is.
    #[error("`{plugin}` is pinned to {sha256}: unpin it first")]
    Pinned {
        /// which plugin
        plugin: String,
        /// the version
        sha256: String,
    },
    /// The configuration has the last word.
    #[error("`{plugin}` is switched off by `plugins.{plugin}.enabled`: change the configuration")]
    SwitchedOff {
        /// which plugin
        plugin: String,
    },
    /// It was switched off by an order.
    #[error("`{plugin}` is disabled: enable it first")]
    Disabled {
        /// which plugin
        plugin: String,
    },
    /// No version of it is on trial.
    #[error("there is no canary of `{plugin}`")]
    NoCanary {
        /// which plugin
        plugin: String,
    },
    /// It has no such fuse.
    #[error("`{plugin}` has no handler `{handler}`; known are {known:?}")]
    NoSuchHandler {
        /// which plugin
        plugin: String,
        /// the name
        handler: String,
        /// those that there are
        known: Vec<String>,
    },
    /// Its bytes can't be served.
    #[error("`{plugin}` can't be loaded: {reason}")]
    CannotLoad {
        /// which plugin
        plugin: String,
        /// in plain words
        reason: String,
    },
    /// Too many orders wait.
    #[error("the loader is busy, and as many orders wait as may: try again in a moment")]
    Busy,
    /// Nobody carries out orders any more.
    #[error("the host is stopping, or its loader has ended")]
    Stopping,
}

impl ControlError {
    /// For programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSuchPlugin { .. } => "no_such_plugin",
            Self::NoSuchVersion { .. } => "no_such_version",
            Self::AmbiguousVersion { .. } => "ambiguous_version",
            Self::NothingToRollBackTo { .. } => "nothing_to_roll_back_to",
            Self::NotKept { .. } => "not_kept",
            Self::ReloadDisabled => "reload_disabled",
            Self::Pinned { .. } => "pinned",
            Self::SwitchedOff { .. } => "switched_off",
            Self::Disabled { .. } => "disabled",
            Self::NoCanary { .. } => "no_canary",
            Self::NoSuchHandler { .. } => "no_such_handler",
            Self::CannotLoad { .. } => "cannot_load",
            Self::Busy => "busy",
            Self::Stopping => "stopping",
        }
    }
}
