//! What load to make: the command line of `loadgen`.
//!
//! It owns the meaning of each flag. It never opens a connection.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use serde::Serialize;

use super::LoadError;

/// How to speak to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// MCP over HTTP/1.1
    Http,
    /// MCP over HTTP/2, with prior knowledge
    H2,
    /// MCP over HTTP/3
    H3,
    /// MCP over TCP, one message on a line
    Tcp,
    /// MCP over QUIC, one message on a line, each stream a session
    Quic,
    /// lines that come back as they are, from a bare echo server
    Echo,
    /// the same over QUIC
    #[value(name = "quic-echo")]
    #[serde(rename = "quic-echo")]
    QuicEcho,
    /// the same requests as `http`, to a server that answers each with one body
    Fixed,
    /// `GET` of one key from a Redis server
    Redis,
}

impl Protocol {
    /// Whether it is spoken over QUIC.
    pub(super) fn is_quic(self) -> bool {
        matches!(self, Self::H3 | Self::Quic | Self::QuicEcho)
    }

    /// Whether a session begins with a handshake, in the era that has one.
    pub(super) fn is_mcp(self) -> bool {
        matches!(
            self,
            Self::Http | Self::H2 | Self::H3 | Self::Tcp | Self::Quic
        )
    }
}

/// Which MCP to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Era {
    /// 2026-07-28: stateless
    Modern,
    /// 2025-11-25: a session for each connection
    Legacy,
}

/// What the connections do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mix {
    /// all call the tool
    Normal,
    /// every tenth call has an argument of 100 KiB
    Heavy,
    /// one connection in ten reads 1 KiB each 20 ms
    SlowReader,
    /// one connection in ten has a thousand calls in flight
    Bomber,
    /// one connection in ten calls tools that spin and trap, as often as the others
    /// call theirs
    Attack,
    /// the same without a pause between two calls, whatever the answer was
    Siege,
}

/// Makes load on a server, checks every answer, and says what it took. It fails
/// if any answer is wrong or missing, or if there is none at all.
#[derive(Clone, Debug, Parser)]
#[command(name = "loadgen", version)]
pub struct Settings {
    /// The server's address, such as 127.0.0.1:9999
    pub target: SocketAddr,
    /// How to speak to it
    #[arg(long, value_enum, default_value = "http")]
    pub protocol: Protocol,
    /// Which MCP to speak
    #[arg(long, value_enum, default_value = "modern")]
    pub era: Era,
    /// The path of the MCP endpoint
    #[arg(long, default_value = "/mcp")]
    pub path: String,
    /// Connections that call
    #[arg(long, short = 'c', default_value_t = 32)]
    pub connections: usize,
    /// QUIC: so many of the connections are streams of one QUIC connection; with HTTP/3
    /// they share one
    #[arg(long, default_value_t = 1)]
    pub streams: usize,
    /// QUIC: the certificate of the server (PEM), which is trusted
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// Calls in flight on each connection
    #[arg(long, short = 'd', default_value_t = 1)]
    pub depth: usize,
    /// Further connections that do nothing: one call when they are opened, one
    /// at the end
    #[arg(long, default_value_t = 0)]
    pub idle: usize,
    /// Seconds that are measured
    #[arg(long, default_value = "5", value_parser = seconds)]
    pub duration: Duration,
    /// Seconds before that
    #[arg(long, default_value = "1", value_parser = seconds)]
    pub warmup: Duration,
    /// Open loop: so many requests a second over all connections, each due at
    /// its time whatever the server does; latency is counted from then, and by how
    /// much the generator itself was late is told apart.
    /// Without it a connection asks again as soon as it is answered
    #[arg(long)]
    pub rate: Option<f64>,
    /// Bytes of the argument: a number, or one with `k` for KiB
    #[arg(long, default_value = "16", value_parser = bytes)]
    pub payload: usize,
    /// What the connections do
    #[arg(long, value_enum, default_value = "normal")]
    pub mix: Mix,
    /// The tool that is called
    #[arg(long, default_value = "hello")]
    pub tool: String,
    /// The name of its argument, a text
    #[arg(long, default_value = "name")]
    pub argument: String,
    /// What it must answer; {} stands for the argument
    #[arg(long, default_value = "Hello, {}!")]
    pub expect: String,
    /// A JSON file of several calls in place of `--tool`: an array of
    /// {"tool", "arguments", "expect"?, "weight"?}; {} in a text stands for the
    /// argument. Without `expect` every answer must be like the first one
    #[arg(long, value_name = "FILE")]
    pub calls: Option<PathBuf>,
    /// The tools that the attackers of `--mix attack` and `--mix siege` call
    #[arg(long, value_delimiter = ',', default_value = "spin,trap")]
    pub attack: Vec<String>,
    /// Refusals are counted by their reason and are no errors, if each says when
    /// to try again
    #[arg(long)]
    pub expect_refusals: bool,
    /// The server's process: its CPU time and memory are reported
    #[arg(long, value_name = "PID")]
    pub server_pid: Option<u32>,
    /// Stay on this processor
    #[arg(long, value_name = "N")]
    pub core: Option<usize>,
    /// Threads, each with its share of the connections
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Source addresses 127.0.0.1, 127.0.0.2 and so on to take in turn; 0: as
    /// many as the ports of the connections need
    #[arg(long, default_value_t = 0)]
    pub sources: u8,
    /// Open loop: a request that could not be sent within so many seconds is
    /// given up, and counted
    #[arg(long, value_parser = seconds)]
    pub patience: Option<Duration>,
    /// Seconds that answers may take to come in at the end
    #[arg(long, default_value = "10", value_parser = seconds)]
    pub drain: Duration,
    /// Write the report as JSON to this file; `-`: standard output
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// No progress and no table
    #[arg(long, short = 'q')]
    pub quiet: bool,
}

impl Settings {
    /// Refuses what makes no sense.
    pub(super) fn check(&self) -> Result<(), LoadError> {
        let refuse = |why: &str| Err(LoadError::Settings(why.to_owned()));
        if self.connections == 0 && self.idle == 0 {
            return refuse("give it connections (`--connections` or `--idle`)");
        }
        if self.depth == 0 || self.depth > 1 << 16 {
            return refuse("`--depth` is 1 to 65536");
        }
        if self.threads == 0 || self.threads > self.connections.max(self.idle) {
            return refuse("`--threads` is 1 to the number of connections");
        }
        if self.rate.is_some_and(|rate| rate.is_nan() || rate <= 0.0) {
            return refuse("`--rate` is above 0");
        }
        if self.streams == 0 {
            return refuse("`--streams` is above 0");
        }
        if self.protocol.is_quic() && self.certificate.is_none() {
            return refuse("QUIC is encrypted: name the server's `--certificate`");
        }
        if self.duration.is_zero() {
            return refuse("`--duration` is above 0");
        }
        if !self.target.ip().is_loopback() {
            return refuse("the target must be this machine (a loopback address)");
        }
        Ok(())
    }

    /// How many source addresses the connections need.
    pub(super) fn source_addresses(&self) -> usize {
        // Linux gives out about 28,000 ports for one pair of addresses.
        const PORTS: usize = 20_000;
        match self.sources {
            0 => (self.connections + self.idle).div_ceil(PORTS).clamp(1, 250),
            chosen => usize::from(chosen),
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix('s').unwrap_or(text);
    let seconds: f64 = number.parse().map_err(|_| "not a number of seconds")?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

fn bytes(text: &str) -> Result<usize, String> {
    let (number, unit) = match text.strip_suffix(['k', 'K']) {
        Some(number) => (number, 1024),
        None => (text, 1),
    };
    let number: usize = number.parse().map_err(|_| "not a number of bytes")?;
    number
        .checked_mul(unit)
        .filter(|bytes| (super::template::DIGITS..=16 << 20).contains(bytes))
        .ok_or_else(|| "10 bytes to 16384k".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_fit_together() {
        use clap::CommandFactory as _;
        Settings::command().debug_assert();
    }

    #[test]
    fn units_are_read() {
        assert_eq!(bytes("100"), Ok(100));
        assert_eq!(bytes("2k"), Ok(2048));
        assert!(bytes("9").is_err() && bytes("x").is_err());
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1500)));
        assert_eq!(seconds("2s"), Ok(Duration::from_secs(2)));
        assert!(seconds("-1").is_err());
    }
}
