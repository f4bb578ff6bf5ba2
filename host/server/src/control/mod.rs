//! What the operator orders of plugins while the host runs, and what became of each
//! order.
//!
//! It owns the words of orders and answers, and the way to the loader. It never
//! swaps anything: the loader does, which alone may.

mod error;
mod history;
mod standing;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::{Mutex, Notify, OwnedMutexGuard, mpsc, oneshot};

pub use error::ControlError;
pub use history::{Event, EventKind, History};
pub use standing::{KeptVersion, Orders, PassedOver, Refused};

use crate::config::Config;

/// Orders that wait for the loader; further ones are refused.
const ORDERS_MAX: usize = 16;

/// What the operator wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Take what stands in the folder, or what was fetched, even if it was rolled
    /// back before.
    Reload {
        /// none: all, but for what was rolled back
        plugin: Option<String>,
    },
    /// Serve nothing of a plugin.
    Disable {
        /// which
        plugin: String,
    },
    /// Serve it again.
    Enable {
        /// which
        plugin: String,
    },
    /// Serve an earlier version, and don't take the one that serves again.
    Rollback {
        /// which
        plugin: String,
        /// how its SHA-256 begins; none: the last good one before this one
        to: Option<String>,
    },
    /// Serve one version, whatever comes.
    Pin {
        /// which
        plugin: String,
        /// how its SHA-256 begins; none: the one that serves
        version: Option<String>,
    },
    /// Follow the folder again.
    Unpin {
        /// which
        plugin: String,
    },
    /// Give a canary all calls now.
    Promote {
        /// which
        plugin: String,
    },
    /// Take a canary back.
    Abort {
        /// which
        plugin: String,
    },
    /// Close the fuse of one handler.
    ResetBreaker {
        /// which
        plugin: String,
        /// as in `/health`
        handler: String,
    },
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "done", rename_all = "snake_case")]
pub enum Done {
    /// All that there is was looked at.
    Reloaded {
        /// plugins with another version or a new canary now
        changed: Vec<String>,
        /// plugins whose new version can't be served, and why
        failed: BTreeMap<String, String>,
    },
    /// Nothing of it is served.
    Disabled,
    /// It is served again.
    Enabled,
    /// An earlier version serves.
    RolledBack {
        /// what served, or was a canary
        from: Option<String>,
        /// what serves now
        to: String,
    },
    /// One version serves, whatever comes.
    Pinned {
        /// which
        sha256: String,
    },
    /// The folder is followed again.
    Unpinned,
    /// The canary serves alone.
    Promoted {
        /// which
        sha256: String,
    },
    /// The canary is gone.
    Aborted {
        /// which
        sha256: String,
    },
    /// The fuse is closed.
    BreakerReset {
        /// what it was
        was: &'static str,
    },
}

/// The answer to an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// what was done
    #[serde(flatten)]
    pub done: Done,
    /// whether it will still hold after a restart; if not, the log says why
    pub survives_restart: bool,
}

/// What the loader is told. Whoever else needs the loader to do something, such as
/// to take new settings, adds a message here: the loader alone swaps the catalogue.
pub(crate) enum Message {
    /// an order, and whom to tell
    Order {
        order: Order,
        answer: oneshot::Sender<Result<Outcome, ControlError>>,
    },
    /// Link what serves anew under the settings that are to be, then put them in force,
    /// all of it or nothing. The answer has what is in the way.
    Configure {
        next: Arc<Config>,
        commit: Box<dyn FnOnce() + Send>,
        answer: oneshot::Sender<Result<(), Vec<String>>>,
    },
}

/// The way to the loader, and what it did.
#[derive(Debug)]
pub struct Control {
    tell: mpsc::Sender<Message>,
    inbox: Arc<Mutex<mpsc::Receiver<Message>>>,
    nudge: Arc<Notify>,
    history: History,
}

impl Default for Control {
    fn default() -> Self {
        let (tell, inbox) = mpsc::channel(ORDERS_MAX);
        Self {
            tell,
            inbox: Arc::new(Mutex::new(inbox)),
            nudge: Arc::default(),
            history: History::default(),
        }
    }
}

impl Control {
    /// Has an order carried out. It is, even if the caller doesn't wait for the
    /// answer.
    ///
    /// # Errors
    /// Why it is not carried out.
    pub async fn order(&self, order: Order) -> Result<Outcome, ControlError> {
        let (answer, answered) = oneshot::channel();
        self.tell(Message::Order { order, answer })?;
        answered.await.unwrap_or(Err(ControlError::Stopping))
    }

    /// Tells the loader something, if it isn't busy with much else.
    ///
    /// # Errors
    /// If it is, or has ended.
    pub(crate) fn tell(&self, message: Message) -> Result<(), ControlError> {
        self.tell.try_send(message).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ControlError::Busy,
            mpsc::error::TrySendError::Closed(_) => ControlError::Stopping,
        })
    }

    /// What became of plugins lately.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What waits for the loader. One loader has it at a time; when that ends, the
    /// next one goes on.
    pub(crate) async fn inbox(&self) -> OwnedMutexGuard<mpsc::Receiver<Message>> {
        self.inbox.clone().lock_owned().await
    }

    /// What wakes the loader when a canary has to go.
    pub(crate) fn nudge(&self) -> Arc<Notify> {
        self.nudge.clone()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.done {
            Done::Reloaded { changed, failed } if changed.is_empty() && failed.is_empty() => {
                f.write_str("nothing has changed")?;
            }
            Done::Reloaded { changed, failed } => {
                write!(f, "changed: {}", named(changed))?;
                for (plugin, reason) in failed {
                    write!(f, "; {plugin} can't be served: {reason}")?;
                }
            }
            Done::Disabled => f.write_str("nothing of it is served")?,
            Done::Enabled => f.write_str("it is served again")?,
            Done::RolledBack { from, to } => {
                write!(f, "{} serves", brief(to))?;
                if let Some(from) = from {
                    write!(f, " instead of {}", brief(from))?;
                }
            }
            Done::Pinned { sha256 } => write!(f, "{} serves until it is unpinned", brief(sha256))?,
            Done::Unpinned => f.write_str("the folder is followed again")?,
            Done::Promoted { sha256 } => write!(f, "{} has all calls", brief(sha256))?,
            Done::Aborted { sha256 } => write!(f, "{} has no calls any more", brief(sha256))?,
            Done::BreakerReset { was } => write!(f, "its breaker was {was}, and is closed")?,
        }
        match self.survives_restart {
            true => Ok(()),
            false => f.write_str(" (until the next restart: it can't be kept, see the log)"),
        }
    }
}

/// As much of a digest as people need.
pub(crate) fn brief(sha256: &str) -> &str {
    sha256.get(..12).unwrap_or(sha256)
}

fn named(plugins: &[String]) -> String {
    match plugins.is_empty() {
        true => "nothing".to_owned(),
        false => plugins.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reload() -> Order {
        Order::Reload { plugin: None }
    }

    #[tokio::test]
    async fn an_order_is_answered_by_whoever_has_the_inbox() {
        let control = Arc::new(Control::default());
        let ordering = {
            let control = control.clone();
            tokio::spawn(async move { control.order(reload()).await })
        };
        let mut inbox = control.inbox().await;
        let Some(Message::Order { order, answer }) = inbox.recv().await else {
            panic!("an order");
        };
        assert_eq!(order, reload());
        answer.send(Err(ControlError::ReloadDisabled)).unwrap();
        let answered = ordering.await.unwrap();
        assert_eq!(answered, Err(ControlError::ReloadDisabled));
    }

    #[tokio::test]
    async fn more_orders_than_may_wait_are_refused() {
        let control = Control::default();
        for _ in 0..ORDERS_MAX {
            let (answer, _) = oneshot::channel();
            let order = reload();
            control.tell(Message::Order { order, answer }).unwrap();
        }
        assert_eq!(control.order(reload()).await, Err(ControlError::Busy));
    }

    #[tokio::test]
    async fn an_order_that_nobody_answers_ends() {
        let control = Arc::new(Control::default());
        let ordering = {
            let control = control.clone();
            tokio::spawn(async move { control.order(reload()).await })
        };
        let mut inbox = control.inbox().await;
        drop(inbox.recv().await);
        assert_eq!(ordering.await.unwrap(), Err(ControlError::Stopping));
    }

    #[test]
    fn outcomes_are_told_to_people_and_programs() {
        let outcome = Outcome {
            done: Done::RolledBack {
                from: Some("b".repeat(64)),
                to: "a".repeat(64),
            },
            survives_restart: true,
        };
        assert_eq!(
            outcome.to_string(),
            "aaaaaaaaaaaa serves instead of bbbbbbbbbbbb"
        );
        let json = serde_json::to_value(&outcome).unwrap();
        assert_eq!(json["done"], "rolled_back");
        assert_eq!(json["survives_restart"], true);
    }
}
