//! How long requests take and sessions last, as histograms of the semantic conventions.
//!
//! It owns the way from their end to the histogram: a note in a list that few threads
//! share, which a thread of its own reads through several times a second. The histogram
//! has one lock for all, and an answer must never wait for it.

use std::array;
use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use fusebox_protocol::ProtocolVersion;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter};
use parking_lot::Mutex;

use super::delivery::Delivery;
use super::names;
use crate::origin::Carrier;
use crate::plugin_entry::{Handler, HandlerKind};
use crate::reply::Outcome;
use crate::supervise::Turns;
use crate::thread_number::thread_number;

/// Seconds, as the semantic conventions have them.
const BOUNDARIES: [f64; 14] = [
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0,
];

/// Lists that notes are spread over.
const SHARDS: usize = 8;

/// Notes of one list. What comes beyond is dropped and counted: nobody serves as many
/// in the time until it is read.
const NOTES_MAX: usize = 1 << 16;

/// How often the lists are read.
const INTERVAL: Duration = Duration::from_millis(200);

/// One request that has ended.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) method: &'static str,
    pub(crate) handler: Option<Arc<Handler>>,
    pub(crate) outcome: Outcome,
    pub(crate) duration: Duration,
}

/// One session that has ended.
#[derive(Debug)]
pub(crate) struct EndedSession {
    pub(crate) version: ProtocolVersion,
    pub(crate) carrier: Carrier,
    /// the version of HTTP; none: none of HTTP
    pub(crate) http: Option<&'static str>,
    /// why it ended, unless its client or the host wanted that
    pub(crate) error: Option<&'static str>,
    pub(crate) duration: Duration,
}

/// Two cache lines, because processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(Mutex<Vec<Sample>>);

/// The requests and sessions that have ended, and what they are told to.
#[derive(Debug)]
pub(crate) struct Durations {
    histogram: Histogram<f64>,
    delivery: Arc<Delivery>,
    shards: [Shard; SHARDS],
    of_sessions: Histogram<f64>,
    /// few end, so one list is enough
    sessions: Mutex<Vec<EndedSession>>,
}

/// What tells the series of the histogram apart. A handler is known by its place in
/// memory: those of one reading are alive until it is over.
type Series = (&'static str, Option<usize>, Outcome);

impl Durations {
    pub(crate) fn new(meter: &Meter, delivery: &Arc<Delivery>) -> Arc<Self> {
        let histogram = meter
            .f64_histogram("mcp.server.operation.duration")
            .with_unit("s")
            .with_description("How long requests take, from reading them to their answer.")
            .with_boundaries(BOUNDARIES.to_vec())
            .build();
        let of_sessions = meter
            .f64_histogram("mcp.server.session.duration")
            .with_unit("s")
            .with_description("How long sessions last, from their beginning to their end.")
            .with_boundaries(BOUNDARIES.to_vec())
            .build();
        Arc::new(Self {
            histogram,
            delivery: delivery.clone(),
            shards: array::from_fn(|_| Shard::default()),
            of_sessions,
            sessions: Mutex::default(),
        })
    }

    /// Notes a request that has ended.
    pub(crate) fn add(&self, sample: Sample) {
        let mut notes = self.shards[thread_number() % SHARDS].0.lock();
        match notes.len() < NOTES_MAX {
            true => notes.push(sample),
            false => self.delivery.drop_one(),
        }
    }

    /// Notes a session that has ended.
    pub(crate) fn add_session(&self, session: EndedSession) {
        let mut notes = self.sessions.lock();
        match notes.len() < NOTES_MAX {
            true => notes.push(session),
            false => self.delivery.drop_one(),
        }
    }

    /// Reads the lists until another thread does.
    pub(crate) fn keep(&self, turns: &Turns) {
        while !turns.is_over() {
            turns.waits();
            std::thread::sleep(INTERVAL);
            turns.works();
            self.record();
        }
    }

    /// Reads the lists.
    pub(crate) fn record(&self) {
        for Shard(notes) in &self.shards {
            let room = Vec::with_capacity(notes.lock().len());
            let taken = mem::replace(&mut *notes.lock(), room);
            self.record_all(&taken);
        }
        let ended = mem::take(&mut *self.sessions.lock());
        for session in ended {
            let seconds = session.duration.as_secs_f64();
            self.of_sessions.record(seconds, &session.attributes());
        }
    }

    fn record_all(&self, samples: &[Sample]) {
        let mut attributes: Vec<Vec<KeyValue>> = Vec::new();
        let mut known: HashMap<Series, usize> = HashMap::new();
        // Most requests are like the one before.
        let mut last: Option<(Series, usize)> = None;
        for sample in samples {
            let series = sample.series();
            let at = match last.filter(|(one, _)| *one == series) {
                Some((_, at)) => at,
                None => *known.entry(series).or_insert_with(|| {
                    attributes.push(attributes_of(sample));
                    attributes.len() - 1
                }),
            };
            last = Some((series, at));
            let seconds = sample.duration.as_secs_f64();
            self.histogram.record(seconds, &attributes[at]);
        }
    }
}

impl Sample {
    fn series(&self) -> Series {
        let place = self.handler.as_ref().map(|one| Arc::as_ptr(one) as usize);
        (self.method, place, self.outcome)
    }
}

impl EndedSession {
    fn attributes(&self) -> Vec<KeyValue> {
        let mut attributes = vec![
            KeyValue::new(names::VERSION, self.version.as_str()),
            KeyValue::new(names::TRANSPORT, self.carrier.name()),
        ];
        if let Some(version) = self.http {
            attributes.push(KeyValue::new(names::PROTOCOL, "http"));
            attributes.push(KeyValue::new(names::PROTOCOL_VERSION, version));
        }
        if let Some(error) = self.error {
            attributes.push(KeyValue::new(names::ERROR, error));
        }
        attributes
    }
}

fn attributes_of(sample: &Sample) -> Vec<KeyValue> {
    let mut attributes = vec![KeyValue::new(names::METHOD, sample.method)];
    if let Some(handler) = &sample.handler {
        let named = match handler.kind {
            HandlerKind::Tool => Some(names::TOOL),
            HandlerKind::Prompt => Some(names::PROMPT),
            _ => None,
        };
        if let Some(named) = named {
            attributes.push(KeyValue::new(named, handler.name.clone()));
        }
        attributes.push(KeyValue::new(names::PLUGIN, handler.core.name.clone()));
    }
    let error = match sample.outcome {
        Outcome::Answered => return attributes,
        Outcome::ToolFailed => "tool_error".to_owned(),
        Outcome::GoneAway => "cancelled".to_owned(),
        Outcome::Failed { code, reason } => {
            if let Some(reason) = reason {
                attributes.push(KeyValue::new(names::REASON, reason.name()));
            }
            attributes.push(KeyValue::new(names::STATUS, code.to_string()));
            code.to_string()
        }
    };
    attributes.push(KeyValue::new(names::ERROR, error));
    attributes
}
