//! The load generator: what it asks, how it reads and checks each answer, and
//! what it says about them in the end.
//!
//! It owns the client's side of a measurement. It never starts a server.

mod call;
mod connect;
mod framing;
mod http3;
mod ledger;
mod multiplexed;
mod pacer;
mod pipe;
mod quic;
mod report;
mod run;
mod settings;
mod shard;
mod stats;
pub mod template;

pub use report::Report;
pub use run::run;
pub use settings::{Era, Mix, Protocol, Settings};

/// Why a load could not be made or came to an early end.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// the system refused something
    #[error("{what}: {source}")]
    Io {
        /// what was tried
        what: String,
        /// what the system said
        source: std::io::Error,
    },
    /// the server ended a connection with answers still to come
    #[error("the server closed a connection on which {waiting} answers were still to come")]
    Closed {
        /// how many
        waiting: usize,
    },
    /// the server sent what its protocol does not allow
    #[error("the server sent what can't be read: {0}")]
    Malformed(String),
    /// an answer that is not the one asked for
    #[error("a wrong answer: {0}")]
    Wrong(String),
    /// what is asked for makes no sense
    #[error("{0}")]
    Settings(String),
}

impl LoadError {
    fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io {
            what: what.into(),
            source,
        }
    }

    fn other(what: &str, source: impl std::fmt::Display) -> Self {
        Self::Malformed(format!("{what}: {source}"))
    }
}
