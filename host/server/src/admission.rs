//! Admission: how many calls run and wait, in the host and in each plugin.
//!
//! It owns the two places where a call may wait, both bounded and both under
//! the call's deadline. It never looks at what the call is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

use crate::config::{Limit, MessageQueue};
use crate::meters::{GaugeGuard, Meters};
use crate::plugin_entry::PluginCore;

/// The host's gate.
#[derive(Debug)]
pub struct Admission {
    running: Arc<Semaphore>,
    queue: MessageQueue,
    waiting: AtomicUsize,
    warned: AtomicBool,
    meters: Arc<Meters>,
}

/// Leave to run one call; its places are free again when it is dropped.
#[derive(Debug)]
pub struct Admitted {
    _host: OwnedSemaphorePermit,
    _plugin: OwnedSemaphorePermit,
}

/// Why a call may not run.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// Too many calls wait for the host as a whole.
    HostFull {
        /// how many may wait
        limit: usize,
        /// the key that raises it
        key: &'static str,
    },
    /// Too many calls wait for this plugin.
    PluginFull {
        /// how many may wait
        limit: usize,
        /// the key that raises it
        key: String,
    },
    /// Its deadline passed before its turn came.
    TooLate,
}

impl Admission {
    /// A gate for `running_max` calls at once.
    pub fn new(running_max: usize, queue: MessageQueue, meters: Arc<Meters>) -> Self {
        Self {
            running: Arc::new(Semaphore::new(running_max)),
            queue,
            waiting: AtomicUsize::new(0),
            warned: AtomicBool::new(false),
            meters,
        }
    }

    /// Waits, if it must, for a place in the host and then in the plugin.
    ///
    /// # Errors
    /// [`Refused`] at once if too many wait already, and at `deadline` if the
    /// turn doesn't come.
    pub async fn admit(&self, core: &PluginCore, deadline: Instant) -> Result<Admitted, Refused> {
        let host = match self.running.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.wait_for_host(deadline).await?,
        };
        let plugin = match core.permits.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.wait_for_plugin(core, deadline).await?,
        };
        Ok(Admitted {
            _host: host,
            _plugin: plugin,
        })
    }

    async fn wait_for_host(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, Refused> {
        let _queued = self.queue_up()?;
        let limit = self.queue.reject_threshold;
        let Some(_place) = Place::take(&self.waiting, limit) else {
            return Err(Refused::HostFull {
                limit,
                key: "message_queue.reject_threshold",
            });
        };
        self.warn_if_long();
        acquire(&self.running, deadline).await
    }

    async fn wait_for_plugin(
        &self,
        core: &PluginCore,
        deadline: Instant,
    ) -> Result<OwnedSemaphorePermit, Refused> {
        let _queued = self.queue_up()?;
        let limit = core.settings.limits.queue_max;
        let Some(_place) = Place::take(&core.waiting, limit) else {
            return Err(Refused::PluginFull {
                limit,
                key: core.settings.key_of(Limit::Queue),
            });
        };
        acquire(&core.permits, deadline).await
    }

    /// A place among all that wait.
    fn queue_up(&self) -> Result<GaugeGuard, Refused> {
        let queued = self.meters.queued();
        let limit = self.queue.max_size;
        if self.meters.queue_depth() > limit as u64 {
            return Err(Refused::HostFull {
                limit,
                key: "message_queue.max_size",
            });
        }
        Ok(queued)
    }

    /// Says once that the queue is long, and again only after it was short.
    fn warn_if_long(&self) {
        let waiting = self.waiting.load(Ordering::Relaxed);
        if waiting < self.queue.warn_threshold {
            self.warned.store(false, Ordering::Relaxed);
        } else if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                waiting,
                reject_threshold = self.queue.reject_threshold,
                "the message queue is long; calls are refused from reject_threshold on"
            );
        }
    }
}

async fn acquire(
    semaphore: &Arc<Semaphore>,
    deadline: Instant,
) -> Result<OwnedSemaphorePermit, Refused> {
    match timeout_at(deadline.into(), semaphore.clone().acquire_owned()).await {
        Ok(Ok(permit)) => Ok(permit),
        // These semaphores are never closed, so only the time can be over.
        Ok(Err(_)) | Err(_) => Err(Refused::TooLate),
    }
}

/// A place in a bounded queue.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, limit: usize) -> Option<Self> {
        waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
                (now < limit).then_some(now + 1)
            })
            .ok()
            .map(|_| Self(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_takes_as_many_as_its_limit() {
        let waiting = AtomicUsize::new(0);
        let first = Place::take(&waiting, 2);
        let second = Place::take(&waiting, 2);
        assert!(first.is_some() && second.is_some());
        assert!(Place::take(&waiting, 2).is_none());
        drop(first);
        assert!(Place::take(&waiting, 2).is_some());
    }
}
