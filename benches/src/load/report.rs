//! What came of a load: for programs as JSON, for people as a table.
//!
//! It owns the figures that are derived and the verdict on the whole run.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use super::settings::{Era, Mix, Protocol, Settings};
use super::stats::{Stats, Times};
use crate::process::Memory;

/// What the kernel said about the time that was measured.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Machine {
    pub(super) seconds: f64,
    pub(super) generator_cpu_seconds: Option<f64>,
    pub(super) server_cpu_seconds: Option<f64>,
    pub(super) memory_before: Option<Memory>,
    pub(super) memory: Option<Memory>,
}

/// Microseconds that most, nearly all, and the slowest took.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    /// half of them
    pub p50: f64,
    /// 95 of 100
    pub p95: f64,
    /// 99 of 100
    pub p99: f64,
    /// 999 of 1000
    pub p999: f64,
    /// all of them
    pub max: f64,
    /// on average
    pub mean: f64,
}

impl Latency {
    fn of(times: &Times) -> Self {
        let histogram = times.histogram();
        let at = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        Self {
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max() as f64 / 1000.0,
            mean: histogram.mean() / 1000.0,
        }
    }
}

/// The server's process while it was measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ServerUse {
    /// user and system time
    pub cpu_seconds: f64,
    /// of one processor
    pub cpu_percent: f64,
    /// for each right answer
    pub cpu_us_per_request: f64,
    /// before the first connection
    pub memory_before: Memory,
    /// at the end, with all connections open
    pub memory: Memory,
}

/// Figures of the connections that are no ordinary callers.
#[derive(Clone, Debug, Serialize)]
pub struct OthersReport {
    /// right answers to them
    pub right: u64,
    /// typed errors by their reason
    pub refused: BTreeMap<String, u64>,
    /// connections that the server ended
    pub disconnected: u64,
}

/// What came of a load.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// whether every answer came and was right, and there was one at all
    pub ok: bool,
    /// what went wrong, if anything did
    pub problems: Vec<String>,
    /// how the server was spoken to
    pub protocol: Protocol,
    /// which MCP
    pub era: Era,
    /// what the connections did
    pub mix: Mix,
    /// connections that called
    pub connections: usize,
    /// connections that did nothing
    pub idle: usize,
    /// calls in flight on each
    pub depth: usize,
    /// bytes of the argument
    pub payload: usize,
    /// requests a second that were due; none: a closed loop
    pub rate: Option<f64>,
    /// seconds that were measured
    pub seconds: f64,
    /// right answers in that time
    pub requests: u64,
    /// a second
    pub requests_per_second: f64,
    /// requests and answers a second
    pub messages_per_second: f64,
    /// answers in one read, on average
    pub answers_per_read: Option<f64>,
    /// from the moment that a request was due, less what this program was late
    pub latency_us: Latency,
    /// from the moment that it was sent
    pub service_us: Latency,
    /// by how much this program was late, because it or its machine was busy: no
    /// server can make it so
    pub late_us: Option<Latency>,
    /// refusals by their reason
    pub refused: BTreeMap<String, u64>,
    /// requests that were given up before they could be sent
    pub given_up: u64,
    /// answers that never came
    pub missing: u64,
    /// answers that were wrong, connections that broke
    pub errors: u64,
    /// messages that answer nothing
    pub notifications: u64,
    /// slow readers, bombers, attackers
    pub others: OthersReport,
    /// the server's process, if it is known
    pub server: Option<ServerUse>,
    /// CPU time of this program, of one processor
    pub generator_cpu_percent: Option<f64>,
}

impl Report {
    pub(super) fn new(settings: &Settings, stats: &Stats, machine: Machine) -> Self {
        let seconds = machine.seconds.max(f64::EPSILON);
        let per_second = stats.right as f64 / seconds;
        let mut problems = stats.error_messages.clone();
        if stats.errors > problems.len() as u64 {
            problems.push(format!("and more: {} errors", stats.errors));
        }
        if stats.missing > 0 {
            problems.push(format!("{} answers never came", stats.missing));
        }
        if stats.right_ever == 0 {
            problems.push("there was no right answer at all".to_owned());
        } else if stats.right == 0 && settings.connections > 0 {
            problems.push("there was no right answer in the time measured".to_owned());
        }
        let server = machine.server_cpu_seconds.map(|cpu| ServerUse {
            cpu_seconds: cpu,
            cpu_percent: cpu / seconds * 100.0,
            cpu_us_per_request: cpu * 1e6 / stats.right.max(1) as f64,
            memory_before: machine.memory_before.unwrap_or_default(),
            memory: machine.memory.unwrap_or_default(),
        });
        Self {
            ok: problems.is_empty(),
            problems,
            protocol: settings.protocol,
            era: settings.era,
            mix: settings.mix,
            connections: settings.connections,
            idle: settings.idle,
            depth: settings.depth,
            payload: settings.payload,
            rate: settings.rate,
            seconds,
            requests: stats.right,
            requests_per_second: per_second,
            messages_per_second: per_second * 2.0,
            answers_per_read: (stats.reads > 0).then(|| stats.right as f64 / stats.reads as f64),
            latency_us: Latency::of(&stats.latency),
            service_us: Latency::of(&stats.service),
            late_us: settings.rate.map(|_| Latency::of(&stats.late)),
            refused: stats.refused.clone(),
            given_up: stats.given_up,
            missing: stats.missing,
            errors: stats.errors,
            notifications: stats.notifications,
            others: OthersReport {
                right: stats.others.right,
                refused: stats.others.refused.clone(),
                disconnected: stats.others.disconnected,
            },
            server,
            generator_cpu_percent: machine
                .generator_cpu_seconds
                .map(|cpu| cpu / seconds * 100.0),
        }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, value: String| writeln!(f, "{name:<24} {value}");
        row(
            "load",
            format!(
                "{:?} {:?} {:?}, {} connections x {} in flight, {} idle, {} B",
                self.protocol,
                self.era,
                self.mix,
                self.connections,
                self.depth,
                self.idle,
                self.payload
            ),
        )?;
        row(
            "right answers",
            format!("{} in {:.2} s", self.requests, self.seconds),
        )?;
        row("requests/s", format!("{:.0}", self.requests_per_second))?;
        row("messages/s", format!("{:.0}", self.messages_per_second))?;
        let times = |l: &Latency| {
            format!(
                "p50 {:.0}  p95 {:.0}  p99 {:.0}  p99.9 {:.0}  max {:.0}",
                l.p50, l.p95, l.p99, l.p999, l.max
            )
        };
        row("latency, us", times(&self.latency_us))?;
        if let Some(late) = &self.late_us {
            row("  since sent, us", times(&self.service_us))?;
            row("generator late, us", times(late))?;
        }
        if let Some(server) = &self.server {
            row(
                "server CPU",
                format!(
                    "{:.2} us a request, {:.0} % of a processor",
                    server.cpu_us_per_request, server.cpu_percent
                ),
            )?;
            row(
                "server memory",
                format!(
                    "PSS {:.1} MiB (before: {:.1}), RSS {:.1} MiB",
                    server.memory.pss_kib as f64 / 1024.0,
                    server.memory_before.pss_kib as f64 / 1024.0,
                    server.memory.rss_kib as f64 / 1024.0
                ),
            )?;
        }
        if let Some(percent) = self.generator_cpu_percent {
            row("generator CPU", format!("{percent:.0} % of a processor"))?;
        }
        if let Some(answers) = self.answers_per_read {
            row("answers in one read", format!("{answers:.1}"))?;
        }
        for (reason, count) in &self.refused {
            row(&format!("refused, {reason}"), count.to_string())?;
        }
        if self.mix != Mix::Normal {
            row(
                "other connections",
                format!(
                    "{} right, refused {:?}, {} disconnected",
                    self.others.right, self.others.refused, self.others.disconnected
                ),
            )?;
        }
        if self.given_up > 0 {
            row("given up", self.given_up.to_string())?;
        }
        for problem in &self.problems {
            row("PROBLEM", problem.clone())?;
        }
        Ok(())
    }
}
