//! The beat of the page: a sample of the host each second, and at once what happens in
//! between, told to whoever watches.
//!
//! It owns the last minutes of samples. One look at the host serves all who watch, and
//! where nobody does there is only the sample.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::problem::Problem;
use super::snapshot::{self, Figures, Plugins};
use crate::control;
use crate::host::Host;
use crate::journal::{Entry, Event};
use crate::metrics::Spread;
use crate::refusal::millis_up;

/// How often a sample is taken.
const BEAT: Duration = Duration::from_secs(1);

/// Samples kept: ten minutes.
const SAMPLES: usize = 600;

/// Seconds over which the latency is taken.
const LATENCY_BEATS: usize = 10;

/// The least time between two messages of news: a storm of faults must not become one
/// of messages.
const NEWS_GAP: Duration = Duration::from_millis(50);

/// Messages that whoever watches may lag behind. One that lags further is told
/// everything anew.
const BEHIND_MAX: usize = 32;

/// Who may watch at once.
pub(super) const WATCHERS_MAX: usize = 32;

/// The host at one second.
#[derive(Clone, Debug, Serialize)]
struct Sample {
    at_ms: u64,
    /// requests a second
    requests: f64,
    /// errors a second
    errors: f64,
    in_flight: usize,
    queue: u64,
    connections: u64,
    memory_mb: f64,
    cpu_percent: u32,
    #[serde(flatten)]
    latency: Option<Latency>,
}

/// How long the requests of the last seconds took; none: there were none.
#[derive(Clone, Debug, Serialize)]
struct Latency {
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
}

/// What is told once to whoever begins to watch, and to whoever only looks.
#[derive(Debug, Serialize)]
pub(super) struct Whole {
    version: &'static str,
    now_ms: u64,
    samples: Vec<Sample>,
    entries: Vec<Entry>,
    /// what became of plugins lately, the newest first
    history: Vec<control::Event>,
    figures: Figures,
    plugins: Plugins,
}

/// What is told each second, and when something happens.
#[derive(Debug, Default, Serialize)]
struct Part {
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<Sample>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entries: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    figures: Option<Figures>,
    /// all of it, if there is something new
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<control::Event>>,
    /// those that are not as they were
    #[serde(skip_serializing_if = "Plugins::is_empty")]
    plugins: Plugins,
    /// those that are there no more
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gone: Vec<String>,
}

/// The beat of one interface.
pub(super) struct Pulse {
    state: Mutex<State>,
    told: broadcast::Sender<Bytes>,
    places: Arc<Semaphore>,
}

#[derive(Debug)]
struct State {
    samples: VecDeque<Sample>,
    /// as those who watch have them
    plugins: Plugins,
    history: Vec<control::Event>,
    before: Totals,
    /// how requests took up to each of the last seconds, newest last
    times: VecDeque<Spread>,
}

/// Where the counters were.
#[derive(Clone, Copy, Debug)]
struct Totals {
    at: Instant,
    requests: u64,
    errors: u64,
}

/// Somebody who watches.
pub(super) struct Watcher {
    pub(super) told: broadcast::Receiver<Bytes>,
    _place: OwnedSemaphorePermit,
}

impl Pulse {
    pub(super) fn new(host: &Host) -> Self {
        Self {
            state: Mutex::new(State {
                samples: VecDeque::with_capacity(SAMPLES),
                plugins: Plugins::new(),
                history: Vec::new(),
                before: Totals::of(host, Instant::now()),
                times: VecDeque::from([host.metrics.requests.all()]),
            }),
            told: broadcast::Sender::new(BEHIND_MAX),
            places: Arc::new(Semaphore::new(WATCHERS_MAX)),
        }
    }

    /// Beats until the host has stopped.
    pub(super) async fn keep(&self, host: &Host) {
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut news = host.journal.watch();
        let mut seen = *news.borrow_and_update();
        loop {
            tokio::select! {
                () = host.stopped.cancelled() => return,
                _ = beat.tick() => self.beat(host),
                Ok(()) = news.changed() => {
                    news.mark_unchanged();
                    seen = self.tell_news(host, seen);
                    sleep(NEWS_GAP).await;
                }
            }
        }
    }

    fn beat(&self, host: &Host) {
        let mut state = self.state.lock();
        let now = Totals::of(host, Instant::now());
        let latency = state.latency(host.metrics.requests.all());
        let sample = Sample::of(host, state.before, now, latency);
        state.before = now;
        if state.samples.len() == SAMPLES {
            state.samples.pop_front();
        }
        state.samples.push_back(sample.clone());
        if self.told.receiver_count() > 0 {
            let part = state.changed(host);
            self.tell(&Part {
                sample: Some(sample),
                ..part
            });
        }
    }

    /// Tells what came after `seen`, and gives the newest of it.
    fn tell_news(&self, host: &Host, seen: u64) -> u64 {
        let entries = host.journal.since(seen);
        let Some(newest) = entries.last().map(|last| last.seq) else {
            return seen;
        };
        if self.told.receiver_count() > 0 {
            let only_faults = entries
                .iter()
                .all(|one| matches!(one.event, Event::Fault { .. }));
            let part = match only_faults {
                // Their counts come with the next beat.
                true => Part::default(),
                false => self.state.lock().changed(host),
            };
            self.tell(&Part { entries, ..part });
        }
        newest
    }

    fn tell(&self, part: &Part) {
        // Nobody listening any more is no error.
        let _ = self.told.send(message("part", part));
    }

    /// Somebody begins to watch.
    ///
    /// # Errors
    /// If as many do as may.
    pub(super) fn watch(&self) -> Result<Watcher, Problem> {
        let place = self.places.clone().try_acquire_owned();
        Ok(Watcher {
            _place: place.map_err(|_| Problem::Watchers(WATCHERS_MAX))?,
            told: self.told.subscribe(),
        })
    }

    /// Everything, as it is now.
    pub(super) fn whole(&self, host: &Host) -> Whole {
        let (figures, plugins) = snapshot::take(host);
        let mut state = self.state.lock();
        // Whoever gets this may know plugins otherwise than the others do: all are
        // told of all with the next beat.
        state.plugins.clear();
        state.history.clear();
        Whole {
            version: env!("CARGO_PKG_VERSION"),
            now_ms: unix_ms(),
            samples: state.samples.iter().cloned().collect(),
            entries: host.journal.since(0),
            history: host.control.history().events(),
            figures,
            plugins,
        }
    }
}

impl State {
    /// How long the requests of the last seconds took.
    fn latency(&mut self, now: Spread) -> Option<Latency> {
        let recent = now.since(self.times.front()?);
        if self.times.len() == LATENCY_BEATS {
            self.times.pop_front();
        }
        self.times.push_back(now);
        let millis = |share| {
            let seconds: Option<f64> = recent.quantile(share);
            seconds.map(|seconds| (seconds * 1e5).round() / 100.0)
        };
        Some(Latency {
            p50_ms: millis(0.5)?,
            p95_ms: millis(0.95)?,
            p99_ms: millis(0.99)?,
        })
    }

    /// What is not as it was told.
    fn changed(&mut self, host: &Host) -> Part {
        let (figures, now) = snapshot::take(host);
        let mut part = Part {
            figures: Some(figures),
            ..Part::default()
        };
        let same = |name: &String, plugin: &serde_json::value::RawValue| {
            let before = self.plugins.get(name);
            before.is_some_and(|before| before.get() == plugin.get())
        };
        for (name, plugin) in &now {
            if !same(name, plugin) {
                part.plugins.insert(name.clone(), plugin.clone());
            }
        }
        let gone = self.plugins.keys().filter(|name| !now.contains_key(*name));
        part.gone = gone.cloned().collect();
        self.plugins = now;
        let history = host.control.history().events();
        if history != self.history {
            self.history.clone_from(&history);
            part.history = Some(history);
        }
        part
    }
}

impl Totals {
    fn of(host: &Host, at: Instant) -> Self {
        let meters = host.meters.snapshot(at);
        Self {
            at,
            requests: meters.requests_total,
            errors: meters.errors_total,
        }
    }
}

impl Sample {
    fn of(host: &Host, before: Totals, now: Totals, latency: Option<Latency>) -> Self {
        let seconds = (now.at - before.at).as_secs_f64().max(0.001);
        let a_second = |now: u64, before: u64| tenth(now.saturating_sub(before) as f64 / seconds);
        let meters = host.meters.snapshot(now.at);
        let catalogue = host.catalogue.load();
        let serving = catalogue
            .slots()
            .values()
            .filter_map(|slot| slot.serving.as_ref());
        Self {
            at_ms: unix_ms(),
            requests: a_second(now.requests, before.requests),
            errors: a_second(now.errors, before.errors),
            in_flight: serving.map(|plugin| plugin.core.in_flight()).sum(),
            queue: meters.queue_depth,
            connections: meters.connections,
            memory_mb: crate::health::memory_mb(),
            cpu_percent: host.admission.pressure.view().cpu_percent,
            latency,
        }
    }
}

fn tenth(figure: f64) -> f64 {
    (figure * 10.0).round() / 10.0
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    millis_up(since.unwrap_or_default())
}

/// An event of a stream of events.
pub(super) fn message<T: Serialize>(name: &str, value: &T) -> Bytes {
    // Text made of fields of this module's own: it can't fail.
    let json = serde_json::to_string(value).unwrap_or_default();
    Bytes::from(format!("event: {name}\ndata: {json}\n\n"))
}
