//! Why a call may not run.
//!
//! It owns the causes and their names in `/health`. It never words an error:
//! [`crate::refusal`] does.

use std::time::Duration;

use crate::backpressure::Pressed;

/// When to try again if nobody knows how fast a queue moves.
pub(super) const UNKNOWN_WAIT: Duration = Duration::from_millis(250);

/// Why a call may not run.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// Too many calls wait for the host as a whole.
    HostFull {
        /// how many may wait
        limit: usize,
        /// the key that raises it
        key: &'static str,
        /// when to try again
        retry_after: Duration,
    },
    /// Too many calls wait for this plugin.
    PluginFull {
        /// how many may wait
        limit: usize,
        /// the key that raises it
        key: String,
        /// when to try again
        retry_after: Duration,
    },
    /// The queue is so long that nobody may join it.
    LongQueue {
        /// with this call
        depth: u64,
        /// calls that may wait
        limit: u64,
    },
    /// Its deadline comes before its turn.
    TooLate {
        /// for how long it would wait, or did
        wait: Duration,
    },
    /// Its connection has as many calls under way as it may.
    Connection {
        /// how many those are
        limit: usize,
    },
    /// Its connection doesn't take the answers that it asked for.
    Undelivered {
        /// bytes that may wait
        limit: usize,
    },
    /// The machine has little left.
    Pressed(Pressed),
}

/// What a call is refused by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// the host's queue
    HostQueue,
    /// a plugin's queue
    PluginQueue,
    /// `backpressure.queue_threshold`
    QueueThreshold,
    /// its own deadline
    TooLate,
    /// the share of its connection
    Connection,
    /// answers that its connection doesn't take
    Undelivered,
    /// `backpressure.memory_threshold`
    Memory,
    /// `backpressure.cpu_threshold`
    Cpu,
}

impl By {
    /// Every cause.
    pub const ALL: [Self; 8] = [
        Self::HostQueue,
        Self::PluginQueue,
        Self::QueueThreshold,
        Self::TooLate,
        Self::Connection,
        Self::Undelivered,
        Self::Memory,
        Self::Cpu,
    ];

    /// Its name in `/health`.
    pub fn name(self) -> &'static str {
        match self {
            Self::HostQueue => "host_queue",
            Self::PluginQueue => "plugin_queue",
            Self::QueueThreshold => "queue_threshold",
            Self::TooLate => "too_late",
            Self::Connection => "connection_share",
            Self::Undelivered => "undelivered",
            Self::Memory => "memory",
            Self::Cpu => "cpu",
        }
    }
}

impl Refused {
    /// What it is refused by.
    pub fn by(&self) -> By {
        match self {
            Self::HostFull { .. } => By::HostQueue,
            Self::PluginFull { .. } => By::PluginQueue,
            Self::LongQueue { .. } => By::QueueThreshold,
            Self::TooLate { .. } => By::TooLate,
            Self::Connection { .. } => By::Connection,
            Self::Undelivered { .. } => By::Undelivered,
            Self::Pressed(Pressed::Memory { .. }) => By::Memory,
            Self::Pressed(Pressed::Cpu { .. }) => By::Cpu,
        }
    }
}
