//! The watchdog: a thread of its own that sees whether the runtime and the parts of
//! the host still turn, whatever has become of them.
//!
//! It owns the look at them, and that systemd hears of the host only while its
//! runtime turns. It never runs on the runtime that it watches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Part, Parts, State};

/// How often it looks.
const LOOK: Duration = Duration::from_secs(1);

/// How often a task of the runtime shows that it turns.
const BEAT: Duration = Duration::from_millis(500);

/// How long the runtime may not turn before that is told.
const RUNTIME_PATIENCE: Duration = Duration::from_secs(5);

/// Ends with the value that stands for it.
pub(crate) struct Watchdog {
    _end: Sender<()>,
    _thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Begins to watch. `feed` is called at least every `feed_every` while the
    /// runtime, on which this is called, turns.
    pub(crate) fn start(
        parts: &Arc<Parts>,
        feed_every: Option<Duration>,
        feed: impl Fn() + Send + 'static,
    ) -> Self {
        let (end, ended) = channel();
        let beat = Arc::new(AtomicU64::new(0));
        tokio::spawn(turn(beat.clone(), parts.start));
        let look = feed_every.map_or(LOOK, |every| every.min(LOOK));
        let mut watch = Watch {
            parts: parts.clone(),
            beat,
            is_stuck: false,
            turns_since: Instant::now(),
        };
        let watching = move || {
            while ended.recv_timeout(look) == Err(RecvTimeoutError::Timeout) {
                if watch.look(Instant::now()) {
                    feed();
                }
            }
        };
        let thread = std::thread::Builder::new().name("fusebox-watchdog".to_owned());
        let thread = thread.spawn(watching).inspect_err(|error| {
            tracing::error!(%error, "there is no watchdog: parts that stall stay so");
        });
        Self {
            _end: end,
            _thread: thread.ok(),
        }
    }
}

/// A task that does nothing but come round.
async fn turn(beat: Arc<AtomicU64>, start: Instant) {
    // Ends when nobody looks any more.
    while Arc::strong_count(&beat) > 1 {
        let now = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        beat.store(now, Ordering::Relaxed);
        tokio::time::sleep(BEAT).await;
    }
}

/// What it looks at.
pub(super) struct Watch {
    parts: Arc<Parts>,
    beat: Arc<AtomicU64>,
    is_stuck: bool,
    turns_since: Instant,
}

impl Watch {
    #[cfg(test)]
    pub(super) fn of(parts: &Arc<Parts>) -> Self {
        Self {
            parts: parts.clone(),
            beat: Arc::default(),
            is_stuck: false,
            turns_since: parts.start,
        }
    }

    /// As if the runtime had turned at this time.
    #[cfg(test)]
    pub(super) fn beat_at(&self, when: Instant) {
        let beat = when.saturating_duration_since(self.parts.start).as_millis();
        let beat = u64::try_from(beat).unwrap_or(u64::MAX);
        self.beat.store(beat, Ordering::Relaxed);
    }

    /// Looks once. True if the runtime turns.
    pub(super) fn look(&mut self, now: Instant) -> bool {
        let beat = Duration::from_millis(self.beat.load(Ordering::Relaxed));
        let silent = now.saturating_duration_since(self.parts.start + beat);
        let is_stuck = silent > RUNTIME_PATIENCE;
        if is_stuck != self.is_stuck {
            match is_stuck {
                true => tracing::error!(
                    silent_ms = u64::try_from(silent.as_millis()).unwrap_or(u64::MAX),
                    "the runtime does not turn: its threads are busy with what does not return"
                ),
                false => tracing::warn!("the runtime turns again"),
            }
        }
        self.is_stuck = is_stuck;
        // While nothing turns, no part can, and then each has its time again: that is
        // not the parts' failure.
        if is_stuck {
            self.turns_since = now;
        } else {
            let turning = now.saturating_duration_since(self.turns_since);
            let all: Vec<_> = self.parts.all.lock().values().cloned().collect();
            all.iter().for_each(|part| look_at(part, now, turning));
        }
        !is_stuck
    }
}

fn look_at(part: &Part, now: Instant, turning: Duration) {
    let is_running = part.life.lock().state == State::Running;
    if is_running && part.silent(now).min(turning) > part.patience {
        // Who keeps it says so in the log, and starts it anew.
        part.stalled.notify_one();
    }
}
