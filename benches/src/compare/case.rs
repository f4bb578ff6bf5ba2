//! What a comparison is made of.
//!
//! It owns the words in which cases are written. It runs nothing.

use serde::Serialize;

/// A server that is started for a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    /// the host, with these settings beside its defaults
    Fusebox(&'static str),
    /// the same, with a collector of OpenTelemetry that it sends to
    Observed(&'static str),
    /// the same with a QUIC listener
    FuseboxQuic(&'static str),
    /// one of the programs in `benches/peers`
    Peer(&'static str),
    /// one of them that speaks QUIC
    QuicPeer(&'static str),
    /// nginx, answering with fixed JSON
    Nginx,
    /// redis-server, keeping nothing on disk
    Redis,
    /// `wasmtime serve`, with these flags beside those that it always has
    Wasmtime(&'static [&'static str]),
    /// the MCP SDK for Python
    Python,
    /// the MCP SDK for TypeScript
    TypeScript,
}

/// How fast requests come.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// each when the one before is answered
    Closed,
    /// so many a second
    Rate(f64),
    /// a share of what another side did in this run
    ShareOf(&'static str, f64),
}

/// One server under one load.
#[derive(Clone, Debug)]
pub struct Side {
    /// its name in the results
    pub name: &'static str,
    /// what is started; sides with equal servers share one
    pub server: Server,
    /// arguments of `loadgen` beside those that are always given
    pub load: &'static [&'static str],
    /// how fast requests come
    pub pace: Pace,
    /// plugin files are swapped meanwhile
    pub swaps: bool,
    /// a server of its own, started anew for each round
    pub fresh: bool,
    /// times that it is measured for each time that is asked for
    pub longer: f64,
}

impl Side {
    /// A side with a closed loop.
    pub const fn new(name: &'static str, server: Server, load: &'static [&'static str]) -> Self {
        Self {
            name,
            server,
            load,
            pace: Pace::Closed,
            swaps: false,
            fresh: false,
            longer: 1.0,
        }
    }

    /// The same at this pace.
    pub fn at(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// The same with plugin files that are swapped.
    pub fn swapping(self) -> Self {
        Self {
            swaps: true,
            ..self
        }
    }

    /// The same with a server that nobody has used.
    pub fn fresh(self) -> Self {
        Self {
            fresh: true,
            ..self
        }
    }

    /// The same, measured for longer.
    pub fn longer(self, longer: f64) -> Self {
        Self { longer, ..self }
    }
}

/// A figure of one side in one round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// microseconds of the server's CPU for a request
    CpuPerRequest,
    /// requests for a second of the server's CPU
    RequestsPerCpuSecond,
    /// requests a second on the clock
    RequestsPerSecond,
    /// requests and answers a second on the clock
    MessagesPerSecond,
    /// microseconds, from when a request was due
    P99,
    /// the longest time of all, in microseconds, from when a request was sent
    Slowest,
    /// MiB of the server's memory
    Memory,
    /// KiB of the server's memory for each connection
    MemoryPerConnection,
    /// microseconds of CPU that a run in one process reports by itself
    CpuPerCall,
    /// KiB of memory that it reports by itself
    MemoryEach,
}

impl Metric {
    /// How the figure is written.
    pub fn unit(self) -> &'static str {
        match self {
            Self::CpuPerRequest => "us of CPU a request",
            Self::RequestsPerCpuSecond => "requests a CPU second",
            Self::RequestsPerSecond => "requests/s",
            Self::MessagesPerSecond => "messages/s",
            Self::P99 => "us p99",
            Self::Slowest => "us at most",
            Self::Memory => "MiB",
            Self::MemoryPerConnection => "KiB a connection",
            Self::CpuPerCall => "us of CPU a call",
            Self::MemoryEach => "KiB an instance",
        }
    }
}

/// Which way is better, and how far is far enough.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// this or more
    AtLeast(f64),
    /// this or less
    AtMost(f64),
}

impl Bound {
    /// Whether a value is far enough.
    pub fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }
}

/// What is wanted of a case: one side's figure, or its ratio to another's.
#[derive(Clone, Debug)]
pub struct Goal {
    /// in words
    pub text: &'static str,
    /// which figure
    pub metric: Metric,
    /// of which side
    pub side: &'static str,
    /// divided by that of which other; none: the figure itself
    pub over: Option<&'static str>,
    /// how far is far enough
    pub bound: Bound,
}

impl Goal {
    /// A goal for the ratio of two sides.
    pub const fn ratio(
        text: &'static str,
        metric: Metric,
        side: &'static str,
        over: &'static str,
        bound: Bound,
    ) -> Self {
        Self {
            text,
            metric,
            side,
            over: Some(over),
            bound,
        }
    }

    /// Whether it needs the figure of this side.
    pub fn is_about(&self, side: &str) -> bool {
        self.side == side || self.over == Some(side)
    }

    /// A goal for one figure.
    pub const fn figure(
        text: &'static str,
        metric: Metric,
        side: &'static str,
        bound: Bound,
    ) -> Self {
        Self {
            text,
            metric,
            side,
            over: None,
            bound,
        }
    }
}

/// How a case is run.
#[derive(Clone, Debug)]
pub enum Kind {
    /// servers under load, in turns
    Load(Vec<Side>),
    /// the program `engine`, which measures in its own process
    InProcess,
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Case {
    /// its number in the table
    pub number: u32,
    /// what it is called
    pub title: &'static str,
    /// how it is run
    pub kind: Kind,
    /// the figure that is drawn
    pub drawn: Metric,
    /// what is wanted
    pub goals: Vec<Goal>,
}
