//! Supervision: the parts of the host that run beside its connections, each of which
//! fails and is started anew apart from the others.
//!
//! It owns when a part is started again, what is known of each, and how many panics
//! were contained. It never knows what a part does, and is on no call's way.

mod contain;
mod elsewhere;
mod report;
mod thread;
mod watchdog;

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

pub(crate) use contain::{Contained, Panic, contain};
pub(crate) use elsewhere::Elsewhere;
pub use report::{PartReport, State};
pub(crate) use thread::Turns;
pub(crate) use watchdog::Watchdog;

/// How often a part whose task turns shows that it does.
const TICK: Duration = Duration::from_secs(1);

/// How long a part may show no sign of life: many ticks, for a machine that is busy
/// is no reason to begin anew.
const PATIENCE: Duration = Duration::from_secs(30);

/// The first wait before a part is started anew; each further failure doubles it.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// A part that has run for this long is well: its next failure is its first.
const WELL_AFTER: Duration = Duration::from_secs(60);

/// So many failures within [`WELL_AFTER`] are told as a cause of trouble.
const OFTEN: usize = 3;

/// All parts of one host.
#[derive(Debug)]
pub struct Parts {
    start: Instant,
    all: Mutex<BTreeMap<String, Arc<Part>>>,
    panics: AtomicU64,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

/// One part, as it is known.
#[derive(Debug)]
struct Part {
    name: String,
    patience: Duration,
    /// milliseconds from the start of the host to the last sign of life
    beat: AtomicU64,
    start: Instant,
    stalled: Notify,
    life: Mutex<Life>,
}

/// What has become of a part so far.
#[derive(Debug, Default)]
struct Life {
    state: State,
    restarts: u64,
    last_reason: Option<String>,
    /// when it failed, the last [`OFTEN`] times
    failed: VecDeque<Instant>,
}

/// With what a part shows that it is alive.
#[derive(Clone, Debug)]
pub struct Pulse(Arc<Part>);

impl Pulse {
    /// It has come round once more.
    pub fn beat(&self) {
        let now = u64::try_from(self.0.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.beat.store(now, Ordering::Relaxed);
    }
}

impl Part {
    /// How long it has shown no sign of life.
    fn silent(&self, now: Instant) -> Duration {
        let beat = self.start + Duration::from_millis(self.beat.load(Ordering::Relaxed));
        now.saturating_duration_since(beat)
    }

    fn set(&self, state: State) {
        self.life.lock().state = state;
    }

    fn failed(&self, reason: String, now: Instant) -> u64 {
        let mut life = self.life.lock();
        life.state = State::Restarting;
        life.restarts += 1;
        life.last_reason = Some(reason);
        life.failed.push_back(now);
        if life.failed.len() > OFTEN {
            life.failed.pop_front();
        }
        life.restarts
    }
}

impl Parts {
    /// No part yet. Those that have to end in order are counted by `tasks`.
    pub fn new(start: Instant, stopping: CancellationToken, tasks: TaskTracker) -> Arc<Self> {
        Arc::new(Self {
            start,
            all: Mutex::default(),
            panics: AtomicU64::new(0),
            stopping,
            tasks,
        })
    }

    /// A part of this name, which is still to be started.
    pub fn part(self: &Arc<Self>, name: impl Into<String>) -> NewPart {
        NewPart {
            parts: self.clone(),
            name: name.into(),
            beats_within: None,
            may_end: false,
            is_awaited: false,
        }
    }

    /// Counts a panic that ended a connection or a call and nothing else. The panic
    /// hook has its words in the log.
    pub fn contained(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    /// Panics that ended a connection, a call or a turn of a part, and nothing else.
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// As if a part had shown no sign of life for too long.
    #[cfg(test)]
    pub(crate) fn stall(&self, name: &str) {
        self.all.lock()[name].stalled.notify_one();
    }

    fn enter(&self, name: String, patience: Duration) -> Arc<Part> {
        let part = Arc::new(Part {
            name: name.clone(),
            patience,
            beat: AtomicU64::new(0),
            start: self.start,
            stalled: Notify::new(),
            life: Mutex::default(),
        });
        self.all.lock().insert(name, part.clone());
        part
    }
}

/// A part that is about to be started.
#[derive(Debug)]
#[must_use = "a part runs only once it is kept"]
pub struct NewPart {
    parts: Arc<Parts>,
    name: String,
    beats_within: Option<Duration>,
    may_end: bool,
    is_awaited: bool,
}

impl NewPart {
    /// It calls [`Pulse::beat`] itself, at least this often: so that it is noticed,
    /// too, if it waits for something that never comes.
    pub fn beats_within(mut self, patience: Duration) -> Self {
        self.beats_within = Some(patience.max(PATIENCE));
        self
    }

    /// It may be done before the host stops.
    pub fn may_end(mut self) -> Self {
        self.may_end = true;
        self
    }

    /// The host waits for its end when it stops.
    pub fn is_awaited(mut self) -> Self {
        self.is_awaited = true;
        self
    }

    /// Runs what `make` makes, and makes it anew whenever it panics, stalls, or ends
    /// before it should.
    pub fn keep<F, Fut>(self, make: F)
    where
        F: Fn(Pulse) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let patience = self.beats_within.unwrap_or(PATIENCE);
        let part = self.parts.enter(self.name, patience);
        let kept = Kept {
            part,
            parts: self.parts.clone(),
            ticks: self.beats_within.is_none(),
            may_end: self.may_end,
        };
        let keeping = async move { kept.keep(make).await };
        match self.is_awaited {
            true => drop(self.parts.tasks.spawn(keeping)),
            false => drop(tokio::spawn(keeping)),
        }
    }
}

/// A part that runs.
struct Kept {
    part: Arc<Part>,
    parts: Arc<Parts>,
    ticks: bool,
    may_end: bool,
}

impl Kept {
    async fn keep<F, Fut>(self, make: F)
    where
        F: Fn(Pulse) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let mut failures = 0;
        loop {
            let began = Instant::now();
            let Some(reason) = self.turn(&make).await else {
                return self.part.set(State::Ended);
            };
            failures = match began.elapsed() < WELL_AFTER {
                true => failures + 1,
                false => 1,
            };
            let wait = backoff(failures);
            told(&self.part, reason, wait);
            tokio::select! {
                () = self.parts.stopping.cancelled() => return self.part.set(State::Ended),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Runs it once. Why it has to be started anew; none: it is over.
    async fn turn<F, Fut>(&self, make: &F) -> Option<String>
    where
        F: Fn(Pulse) -> Fut + Sync,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let pulse = Pulse(self.part.clone());
        pulse.beat();
        self.part.set(State::Running);
        let work = make(pulse.clone());
        let ticks = self.ticks;
        // A task of its own: what doesn't return from a poll holds up nobody else.
        let mut running = AbortOnDropHandle::new(tokio::spawn(async move {
            match ticks {
                true => beating(work, &pulse).await,
                false => work.await,
            }
        }));
        let ended = tokio::select! {
            ended = &mut running => ended,
            () = self.part.stalled.notified() => {
                let patience = self.part.patience.as_millis();
                return Some(format!("it showed no sign of life for {patience} ms"));
            }
        };
        match ended {
            Ok(()) if self.may_end || self.parts.stopping.is_cancelled() => None,
            Ok(()) => Some("it ended by itself".to_owned()),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => {
                    self.parts.contained();
                    Some(format!("it panicked: {}", words(&*panic)))
                }
                // The runtime ends.
                Err(_) => None,
            },
        }
    }
}

/// Keeps and tells that a part failed, and is started anew after this time.
fn told(part: &Part, reason: String, wait: Duration) {
    let restarts = part.failed(reason.clone(), Instant::now());
    tracing::error!(
        part = part.name,
        reason,
        restarts,
        wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
        "a part of the host failed and is started anew"
    );
}

/// Does some work, and shows from time to time that its task turns.
async fn beating(work: impl Future<Output = ()>, pulse: &Pulse) {
    let mut work = Box::pin(work);
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = &mut work => return,
            _ = ticks.tick() => pulse.beat(),
        }
    }
}

/// How long to wait after so many failures in a row.
fn backoff(failures: u32) -> Duration {
    let doubled = BACKOFF_FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(BACKOFF_MAX)
}

/// Lets the log have the words of every panic, but of those that whoever contains them
/// tells.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        if contain::leave(panic) {
            return;
        }
        let thread = std::thread::current();
        let trace = std::backtrace::Backtrace::capture();
        tracing::error!(thread = thread.name(), %trace, "{panic}");
    }));
}

/// What a panic said.
pub(crate) fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "without a word".to_owned())
}

#[cfg(test)]
mod tests;
