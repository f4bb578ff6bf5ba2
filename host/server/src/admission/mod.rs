//! Admission: how many calls run and wait, in each plugin and in the host, and
//! which are refused before they cost anything.
//!
//! It owns the two places where a call may wait, both bounded, fair between
//! connections and under the call's deadline. It never looks at what the call is.

mod gate;
mod pace;
mod places;
mod refused;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

pub use places::Places;
pub use refused::{By, Refused};

use crate::backpressure::Pressure;
use crate::config::{Config, MessageQueue};
use crate::meters::{GaugeGuard, Meters};
use crate::origin::{Origin, Underway};
use gate::{Entered, Gate, Patience, Stood};

/// The host's gate.
#[derive(Debug)]
pub struct Admission {
    /// what is known of memory and processors
    pub pressure: Pressure,
    host: Gate,
    queue: ArcSwap<Queue>,
    /// of `queue`, for calls that need not wait
    connection_max: AtomicUsize,
    undelivered_max_bytes: AtomicUsize,
    warned: AtomicBool,
    waited: AtomicU64,
    waited_micros: AtomicU64,
    refused: [AtomicU64; By::ALL.len()],
    meters: Arc<Meters>,
}

/// What holds for calls that wait.
#[derive(Debug)]
struct Queue {
    settings: MessageQueue,
    thresholds: Thresholds,
}

/// How long the queue may be before calls that would wait are refused, and again
/// before they may wait once more.
#[derive(Debug)]
struct Thresholds {
    enabled: bool,
    refuse: u64,
    release: u64,
    refusing: AtomicBool,
}

/// Points by which the queue must fall before calls may wait again.
const QUEUE_RELEASE_POINTS: u32 = 10;

/// Leave to run one call; its places are free again when it is dropped.
#[derive(Debug)]
pub struct Admitted<'a> {
    /// how long it waited for them; most calls don't
    pub waited: Duration,
    _host: Entered<'a>,
    _plugin: Entered<'a>,
}

impl Admission {
    /// A gate for as many calls at once as there may be instances.
    pub fn new(config: &Config, meters: Arc<Meters>) -> Self {
        Self {
            pressure: Pressure::new(config.backpressure),
            host: Gate::new(config.engine.max_instances as usize),
            queue: ArcSwap::from_pointee(Queue::of(config)),
            connection_max: AtomicUsize::new(config.message_queue.connection_max),
            undelivered_max_bytes: AtomicUsize::new(config.socket.undelivered_max_bytes),
            warned: AtomicBool::new(false),
            waited: AtomicU64::new(0),
            waited_micros: AtomicU64::new(0),
            refused: Default::default(),
            meters,
        }
    }

    /// Puts other settings in force, for calls that begin or begin to wait after it.
    pub fn set(&self, config: &Config) {
        self.pressure.set(config.backpressure);
        self.queue.store(Queue::of(config).into());
        self.connection_max
            .store(config.message_queue.connection_max, Ordering::Relaxed);
        self.undelivered_max_bytes
            .store(config.socket.undelivered_max_bytes, Ordering::Relaxed);
    }

    /// Lets a new call of a connection begin, before anything is spent on it.
    ///
    /// # Errors
    /// [`Refused`] while the machine is under pressure, or if the connection has
    /// as much under way as it may.
    pub fn begin(&self, origin: &Origin) -> Result<Underway, Refused> {
        if let Some(pressed) = self.pressure.refuses() {
            return Err(self.count(Refused::Pressed(pressed)));
        }
        let limit = self.undelivered_max_bytes.load(Ordering::Relaxed);
        if origin.undelivered_bytes() > limit {
            return Err(self.count(Refused::Undelivered { limit }));
        }
        let limit = self.connection_max.load(Ordering::Relaxed);
        let underway = origin.begin(limit);
        underway.ok_or_else(|| self.count(Refused::Connection { limit }))
    }

    /// Waits, if it must, for a place in the plugin and then in the host. In this
    /// order: what waits for a plugin takes nothing from its neighbours.
    ///
    /// # Errors
    /// [`Refused`] at once if too many wait already or the turn would come too
    /// late, and at `deadline` if it doesn't come.
    pub async fn admit<'a>(
        &'a self,
        places: &'a Places,
        origin: &Origin,
        deadline: Instant,
    ) -> Result<Admitted<'a>, Refused> {
        let (plugin, for_plugin) = match places.try_enter() {
            Some(entered) => (entered, Duration::ZERO),
            None => self.wait(Place::Plugin, places, origin, deadline).await?,
        };
        let (host, for_host) = match self.host.try_enter() {
            Some(entered) => (entered, Duration::ZERO),
            None => self.wait(Place::Host, places, origin, deadline).await?,
        };
        Ok(Admitted {
            waited: for_plugin + for_host,
            _host: host,
            _plugin: plugin,
        })
    }

    /// Calls that wait for a place in the host itself.
    pub fn waiting_for_host(&self) -> usize {
        self.host.waiting()
    }

    /// How many calls had to wait, and for how long all together.
    pub fn waits(&self) -> (u64, Duration) {
        let micros = self.waited_micros.load(Ordering::Relaxed);
        (
            self.waited.load(Ordering::Relaxed),
            Duration::from_micros(micros),
        )
    }

    /// How many calls were refused, by what.
    pub fn refusals(&self) -> impl Iterator<Item = (By, u64)> {
        let count = |by: By| self.refused[by as usize].load(Ordering::Relaxed);
        By::ALL.into_iter().map(move |by| (by, count(by)))
    }

    fn count(&self, refused: Refused) -> Refused {
        self.refused[refused.by() as usize].fetch_add(1, Ordering::Relaxed);
        refused
    }

    /// Stands in line, and says for how long. Boxed, for few calls do: the others need
    /// not carry it.
    async fn wait<'a>(
        &'a self,
        place: Place,
        places: &'a Places,
        origin: &Origin,
        deadline: Instant,
    ) -> Result<(Entered<'a>, Duration), Refused> {
        let waited = Box::pin(self.stand(place, places, origin, deadline)).await;
        waited.map_err(|refused| self.count(refused))
    }

    async fn stand<'a>(
        &'a self,
        place: Place,
        places: &'a Places,
        origin: &Origin,
        deadline: Instant,
    ) -> Result<(Entered<'a>, Duration), Refused> {
        let pace = places.pace();
        let _queued = self.queue_up(pace)?;
        let began = Instant::now();
        let (gate, line_max) = match place {
            Place::Host => (&self.host, self.queue.load().settings.reject_threshold),
            Place::Plugin => (&places.gate, places.queue_max),
        };
        let patience = Patience {
            line_max,
            left: deadline.saturating_duration_since(began),
            pace,
        };
        match gate.stand(origin.id(), patience) {
            Stood::Entered(entered) => Ok((entered, Duration::ZERO)),
            Stood::Full(retry_after) => Err(match place {
                Place::Host => host_full(line_max, retry_after),
                Place::Plugin => places.full(retry_after),
            }),
            Stood::Hopeless(wait) => Err(Refused::TooLate { wait }),
            Stood::Queued(queued) => {
                self.warn_if_long();
                let entered = queued.enter(deadline).await;
                let waited = began.elapsed();
                self.note_wait(waited);
                let wait = patience.left;
                let entered = entered.ok_or(Refused::TooLate { wait })?;
                Ok((entered, waited))
            }
        }
    }

    fn note_wait(&self, waited: Duration) {
        let micros = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        self.waited.fetch_add(1, Ordering::Relaxed);
        self.waited_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// A place among all that wait.
    fn queue_up(&self, pace: Option<Duration>) -> Result<GaugeGuard, Refused> {
        let queued = self.meters.queued();
        let depth = self.meters.queue_depth();
        let queue = self.queue.load();
        let limit = queue.settings.max_size;
        if depth > limit as u64 {
            let retry_after = pace.unwrap_or(refused::UNKNOWN_WAIT);
            return Err(Refused::HostFull {
                limit,
                key: "message_queue.max_size",
                retry_after,
            });
        }
        match queue.thresholds.refuses(depth) {
            Some(limit) => Err(Refused::LongQueue { depth, limit }),
            None => Ok(queued),
        }
    }

    /// Says once that the queue is long, and again only after it was short.
    fn warn_if_long(&self) {
        let waiting = self.meters.queue_depth();
        let queue = self.queue.load().settings;
        if waiting < queue.warn_threshold as u64 {
            self.warned.store(false, Ordering::Relaxed);
        } else if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                waiting,
                max_size = queue.max_size,
                "the message queue is long; calls that would wait are refused when it is full"
            );
        }
    }
}

/// For what a call waits.
#[derive(Clone, Copy)]
enum Place {
    Host,
    Plugin,
}

fn host_full(limit: usize, retry_after: Duration) -> Refused {
    Refused::HostFull {
        limit,
        key: "message_queue.reject_threshold",
        retry_after,
    }
}

impl Queue {
    fn of(config: &Config) -> Self {
        let settings = config.message_queue;
        let percent = config.backpressure.queue_threshold;
        let part = |percent: u32| (settings.max_size as u64 * u64::from(percent) / 100).max(1);
        Self {
            thresholds: Thresholds {
                enabled: config.backpressure.enabled,
                refuse: part(percent),
                release: part(percent.saturating_sub(QUEUE_RELEASE_POINTS)),
                refusing: AtomicBool::new(false),
            },
            settings,
        }
    }
}

impl Thresholds {
    /// The threshold, if a queue of this depth has met it.
    fn refuses(&self, depth: u64) -> Option<u64> {
        if !self.enabled {
            return None;
        }
        let refusing = self.refusing.load(Ordering::Relaxed);
        let bound = if refusing { self.release } else { self.refuse };
        let refuses = depth > bound;
        if refuses != refusing {
            self.refusing.store(refuses, Ordering::Relaxed);
        }
        refuses.then_some(self.refuse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_queue_must_become_short_before_calls_may_wait_again() {
        let thresholds = Thresholds {
            enabled: true,
            refuse: 8,
            release: 7,
            refusing: AtomicBool::new(false),
        };
        assert_eq!(thresholds.refuses(8), None);
        assert_eq!(thresholds.refuses(9), Some(8));
        assert_eq!(thresholds.refuses(8), Some(8));
        assert_eq!(thresholds.refuses(7), None);
        assert_eq!(thresholds.refuses(8), None);
    }

    #[test]
    fn each_refusal_is_counted_by_its_cause() {
        let config = Config::default();
        let admission = Admission::new(&config, Arc::new(Meters::new(Instant::now())));
        let origin = Origin::default();
        let underway: Vec<_> = (0..config.message_queue.connection_max)
            .map(|_| admission.begin(&origin).unwrap())
            .collect();
        assert_eq!(
            admission.begin(&origin).unwrap_err(),
            Refused::Connection { limit: 128 }
        );
        drop(underway);
        let _answer = origin.deliver(config.socket.undelivered_max_bytes + 1);
        assert!(matches!(
            admission.begin(&origin),
            Err(Refused::Undelivered { .. })
        ));
        let counted: Vec<_> = admission
            .refusals()
            .filter(|(_, count)| *count > 0)
            .collect();
        assert_eq!(counted, [(By::Connection, 1), (By::Undelivered, 1)]);
    }
}
