//! `/metrics`: the figures of the host in the text form of Prometheus.
//!
//! It owns the names of the series, and what is counted for them alone. It asks all
//! other figures where they are, when it is asked itself, and never changes any.

mod counts;
mod families;
mod family;
mod machine;
mod operation;
mod plugins;
mod requests;
mod sessions;
mod tally;
mod times;
mod version;

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use prometheus::Error;

pub use version::VersionMeter;

pub(crate) use counts::{Denials, Load, Loads, Refusal, Refusals, denial};
pub(crate) use requests::Requests;
pub(crate) use sessions::{Lasting, SessionTimes};
pub(crate) use tally::Tallies;
pub(crate) use times::Spread;

use crate::config;
use crate::host::Host;
use family::Families;

/// The `Content-Type` of what [`render`] gives.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is counted for `/metrics` alone.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// when the host started
    pub(crate) started: SystemTime,
    /// how long answers took
    pub(crate) requests: Requests,
    /// how long sessions lasted
    pub(crate) sessions: Arc<SessionTimes>,
    /// calls and requests that were refused
    pub(crate) refusals: Refusals,
    /// who wasn't let in
    pub(crate) denials: Denials,
    /// what became of plugins' files
    pub(crate) loads: Loads,
    /// totals over the versions of a plugin
    pub(crate) tallies: Tallies,
}

impl Metrics {
    /// All at zero.
    pub(crate) fn new(limits: config::Metrics) -> Self {
        Self {
            started: SystemTime::now(),
            requests: Requests::default(),
            sessions: Arc::default(),
            refusals: Refusals::default(),
            denials: Denials::default(),
            loads: Loads::default(),
            tallies: Tallies::new(limits),
        }
    }
}

/// Everything, as Prometheus reads it. Who may see it is for the caller to decide.
///
/// # Errors
/// If it can't be put into text.
pub(crate) fn render(host: &Host) -> Result<String, Error> {
    let now = Instant::now();
    let mut families = Families::default();
    families::host(&mut families, host, now);
    families::load(&mut families, host);
    families::connections(&mut families, host, now);
    families::kept(&mut families, host);
    machine::write(&mut families, host);
    operation::write(&mut families, host);
    plugins::write(&mut families, host, now);
    families.into_text()
}
