//! What the operator orders over the interface: each order is carried out by the part
//! whose it is, written to the log with who gave it, and kept in the journal.
//!
//! It owns the words of orders and of their outcomes.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Instant, SystemTime};

use serde::{Deserialize, Serialize};

use super::Admin;
use super::access::Way;
use super::problem::Problem;
use crate::breaker::BreakerState;
use crate::host::Host;
use crate::journal::{BreakerChange, Event};

/// Somebody who gives orders.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who {
    pub(super) way: Way,
    pub(super) peer: SocketAddr,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {}", self.peer.ip(), self.way.name())
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Close a breaker.
    Reset {
        /// whose
        plugin: String,
        /// of what, as `/health` has it
        handler: String,
    },
    /// Take nobody new, or everybody again.
    Drain(bool),
    /// Say more in the log, or less.
    LogLevel(LogLevel),
}

/// The body of an order to the log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogLevel {
    level: String,
}

/// What was done.
#[derive(Debug, Serialize)]
#[serde(tag = "done", rename_all = "snake_case")]
pub(super) enum Done {
    /// A breaker is closed.
    Reset {
        /// what it was
        was: &'static str,
    },
    /// Nobody new is taken.
    Draining {
        /// whether that is a change
        changed: bool,
    },
    /// Everybody is taken again.
    Resumed {
        /// whether that is a change
        changed: bool,
    },
    /// The log says another amount.
    LogLevel {
        /// what it was
        was: String,
    },
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reset { plugin, handler } => {
                write!(f, "reset the breaker of {handler} of plugin {plugin}")
            }
            Self::Drain(true) => f.write_str("drain"),
            Self::Drain(false) => f.write_str("resume"),
            Self::LogLevel(LogLevel { level }) => write!(f, "log at level {level}"),
        }
    }
}

/// Carries an order out, and writes down what became of it.
pub(super) fn give(admin: &Admin, order: Order, who: Who) -> Result<Done, Problem> {
    let shown = order.to_string();
    let done = carry_out(&admin.host, order);
    let outcome = match &done {
        Ok(_) => "done".to_owned(),
        Err(problem) => problem.to_string(),
    };
    match &done {
        Ok(_) => tracing::info!(%who, order = shown, "admin: an order was carried out"),
        Err(problem) => {
            tracing::warn!(%who, order = shown, %problem, "admin: an order was not carried out");
        }
    }
    let noted = Event::Order {
        order: shown,
        who: who.to_string(),
        outcome,
    };
    admin.host.journal.note(noted, SystemTime::now());
    done
}

fn carry_out(host: &Host, order: Order) -> Result<Done, Problem> {
    match order {
        Order::Reset { plugin, handler } => reset(host, plugin, handler),
        Order::Drain(on) => {
            let changed = host.drain(on);
            Ok(match on {
                true => Done::Draining { changed },
                false => Done::Resumed { changed },
            })
        }
        Order::LogLevel(LogLevel { level }) => {
            let log = host.log.get().ok_or_else(|| {
                Problem::Failed("the log of this process can't be changed".to_owned())
            })?;
            let was = log.set(&level);
            let was = was.map_err(|error| Problem::Body(error.to_string()))?;
            Ok(Done::LogLevel { was })
        }
    }
}

fn reset(host: &Host, plugin: String, handler: String) -> Result<Done, Problem> {
    let catalogue = host.catalogue.load();
    let slot = catalogue.slots().get(&plugin);
    let serving = slot.and_then(|slot| slot.serving.as_ref());
    let serving = serving.ok_or_else(|| Problem::Plugin(plugin.clone()))?;
    let found = serving.handlers().find(|one| one.fuse_name() == handler);
    let Some(found) = found else {
        return Err(Problem::Handler { plugin, handler });
    };
    let was = match found.breaker.reset(Instant::now()) {
        BreakerState::Closed { .. } => "closed",
        BreakerState::Open { .. } => "open",
        BreakerState::HalfOpen { .. } => "half_open",
    };
    let changed = Event::Breaker {
        plugin,
        handler,
        state: BreakerChange::Reset,
    };
    host.journal.note(changed, SystemTime::now());
    Ok(Done::Reset { was })
}
