//! What the operator orders over the interface: each order is carried out by the part
//! whose it is, written to the log with who gave it, and kept in the journal.
//!
//! It owns the words of orders and of their outcomes.

use std::fmt;
use std::net::SocketAddr;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::Admin;
use super::access::Way;
use super::problem::Problem;
use crate::control::{self, Outcome};
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
    /// Something with a plugin: the loader does it.
    Plugin(control::Order),
    /// Take nobody new, or everybody again.
    Drain(bool),
    /// Say more in the log, or less.
    LogLevel(LogLevel),
}

/// The body of an order to roll back, if it has one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rollback {
    to: Option<String>,
}

/// The body of an order to pin, if it has one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pin {
    version: Option<String>,
}

impl Rollback {
    pub(super) fn of(self, plugin: String) -> Order {
        Order::Plugin(control::Order::Rollback {
            plugin,
            to: self.to,
        })
    }
}

impl Pin {
    pub(super) fn of(self, plugin: String) -> Order {
        Order::Plugin(control::Order::Pin {
            plugin,
            version: self.version,
        })
    }
}

/// The order that a path names, if it takes no body.
pub(super) fn about(plugin: &str, action: &str) -> Option<Order> {
    let plugin = plugin.to_owned();
    Some(Order::Plugin(match action {
        "reload" => control::Order::Reload {
            plugin: Some(plugin),
        },
        "disable" => control::Order::Disable { plugin },
        "enable" => control::Order::Enable { plugin },
        "unpin" => control::Order::Unpin { plugin },
        "promote" => control::Order::Promote { plugin },
        "abort" => control::Order::Abort { plugin },
        _ => return None,
    }))
}

/// The body of an order to the log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogLevel {
    level: String,
}

/// What was done.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Done {
    /// To a plugin.
    Plugin(Outcome),
    /// To the host.
    Host(ToHost),
}

/// What was done to the host.
#[derive(Debug, Serialize)]
#[serde(tag = "done", rename_all = "snake_case")]
pub(super) enum ToHost {
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
            Self::Plugin(order) => plugin_words(order, f),
            Self::Drain(true) => f.write_str("drain"),
            Self::Drain(false) => f.write_str("resume"),
            Self::LogLevel(LogLevel { level }) => write!(f, "log at level {level}"),
        }
    }
}

fn plugin_words(order: &control::Order, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    use control::Order;
    match order {
        Order::Reload { plugin: None } => f.write_str("reload all plugins"),
        Order::Reload {
            plugin: Some(plugin),
        } => write!(f, "reload {plugin}"),
        Order::Disable { plugin } => write!(f, "disable {plugin}"),
        Order::Enable { plugin } => write!(f, "enable {plugin}"),
        Order::Rollback { plugin, to: None } => write!(f, "roll {plugin} back"),
        Order::Rollback {
            plugin,
            to: Some(to),
        } => write!(f, "roll {plugin} back to {to}"),
        Order::Pin {
            plugin,
            version: None,
        } => write!(f, "pin {plugin}"),
        Order::Pin {
            plugin,
            version: Some(version),
        } => write!(f, "pin {plugin} to {version}"),
        Order::Unpin { plugin } => write!(f, "unpin {plugin}"),
        Order::Promote { plugin } => write!(f, "promote the canary of {plugin}"),
        Order::Abort { plugin } => write!(f, "take the canary of {plugin} back"),
        Order::ResetBreaker { plugin, handler } => {
            write!(f, "reset the breaker of {handler} of plugin {plugin}")
        }
    }
}

/// What was done, for programs and for people.
#[derive(Debug, Serialize)]
pub(super) struct Given {
    #[serde(flatten)]
    done: Done,
    told: String,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Plugin(outcome) => return fmt::Display::fmt(outcome, f),
            Self::Host(ToHost::LogLevel { was }) => {
                return write!(f, "the log says it; before it said {was}");
            }
            Self::Host(ToHost::Draining { changed: true }) => "the host takes nobody new",
            Self::Host(ToHost::Draining { changed: false }) => "the host took nobody new already",
            Self::Host(ToHost::Resumed { changed: true }) => "the host takes everybody again",
            Self::Host(ToHost::Resumed { changed: false }) => "the host took everybody already",
        };
        f.write_str(words)
    }
}

/// Carries an order out, and writes down what became of it.
pub(super) async fn give(admin: &Admin, order: Order, who: Who) -> Result<Given, Problem> {
    let shown = order.to_string();
    let done = carry_out(&admin.host, order).await;
    let outcome = match &done {
        Ok(done) => done.to_string(),
        Err(problem) => problem.to_string(),
    };
    match &done {
        Ok(_) => {
            tracing::info!(%who, order = shown, outcome, "admin: an order was carried out");
        }
        Err(problem) => {
            tracing::warn!(%who, order = shown, %problem, "admin: an order was not carried out");
        }
    }
    if let Some(audit) = &admin.host.audit {
        audit.admin(&who.to_string(), &shown, &outcome);
    }
    let noted = Event::Order {
        order: shown,
        who: who.to_string(),
        outcome: outcome.clone(),
    };
    admin.host.journal.note(noted, SystemTime::now());
    done.map(|done| Given {
        done,
        told: outcome,
    })
}

async fn carry_out(host: &Host, order: Order) -> Result<Done, Problem> {
    match order {
        Order::Plugin(order) => {
            let reset = reset_of(&order);
            let outcome = host.control.order(order).await?;
            if let Some(reset) = reset {
                host.journal.note(reset, SystemTime::now());
            }
            Ok(Done::Plugin(outcome))
        }
        Order::Drain(on) => {
            let changed = host.drain(on);
            Ok(Done::Host(match on {
                true => ToHost::Draining { changed },
                false => ToHost::Resumed { changed },
            }))
        }
        Order::LogLevel(LogLevel { level }) => {
            let log = host.log.get().ok_or_else(|| {
                Problem::Failed("the log of this process can't be changed".to_owned())
            })?;
            let was = log.set(&level);
            let was = was.map_err(|error| Problem::Body(error.to_string()))?;
            Ok(Done::Host(ToHost::LogLevel { was }))
        }
    }
}

/// What is kept of a breaker that is reset.
fn reset_of(order: &control::Order) -> Option<Event> {
    let control::Order::ResetBreaker { plugin, handler } = order else {
        return None;
    };
    Some(Event::Breaker {
        plugin: plugin.clone(),
        handler: handler.clone(),
        state: BreakerChange::Reset,
    })
}
