//! A request under observation, from its arrival to its answer; and a notification, and
//! the run of a task.
//!
//! It owns the decision whether it is sampled, and what of it is told. It is made only
//! where telemetry is switched on, and allocates nothing where nothing is recorded.

use std::sync::Arc;
use std::time::Instant;

use fusebox_protocol::params::{TraceMeta, claimed_version};
use fusebox_protocol::{Notification, Params, ProtocolVersion, Request, RequestId};
use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::trace::{SpanKind, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator};
use sha2::{Digest as _, Sha256};

use super::Telemetry;
use super::context::{Arriving, Place};
use super::durations::Sample;
use super::host_calls::Joined;
use super::names;
use super::spans::Spans;
use super::trace::{Recording, Round, new_span};
use crate::origin::Origin;
use crate::plugin_entry::Handler;
use crate::reply::Outcome;

/// Methods that have a name in what is told. Any other is a client's own text.
const METHODS: [&str; 23] = [
    "tools/call",
    "tools/list",
    "resources/read",
    "resources/list",
    "resources/templates/list",
    "resources/subscribe",
    "resources/unsubscribe",
    "prompts/get",
    "prompts/list",
    "completion/complete",
    "initialize",
    "ping",
    "logging/setLevel",
    "server/discover",
    "subscriptions/listen",
    "tasks/get",
    "tasks/update",
    "tasks/cancel",
    "notifications/initialized",
    "notifications/cancelled",
    "notifications/progress",
    "notifications/roots/list_changed",
    "notifications/tasks/status",
];

/// All other methods.
const OTHER: &str = "_OTHER";

/// Bytes of a session's id that are told, of its digest: the id itself would let its
/// reader take the session over.
const SESSION_BYTES: usize = 8;

/// The longest id of a request that is told.
const ID_MAX_BYTES: usize = 128;

/// What the span of a task's run is called, before its tool.
const TASK: &str = "task";

/// A message that has been read.
pub(crate) struct Arrival<'a> {
    method: &'a str,
    params: &'a Params<'a>,
    /// none: it is a notification
    id: Option<&'a RequestId>,
    /// those of HTTP, where it came by that
    headers: Option<&'a HeaderMap>,
    pub(crate) origin: &'a Origin,
    now: Instant,
}

impl<'a> Arrival<'a> {
    /// Of a request.
    pub(crate) fn request(
        request: &'a Request<'a>,
        headers: Option<&'a HeaderMap>,
        origin: &'a Origin,
        now: Instant,
    ) -> Self {
        Self {
            method: &request.method,
            params: &request.params,
            id: Some(&request.id),
            headers,
            origin,
            now,
        }
    }

    /// Of a notification.
    pub(crate) fn notification(
        notification: &'a Notification<'a>,
        headers: Option<&'a HeaderMap>,
        origin: &'a Origin,
        now: Instant,
    ) -> Self {
        Self {
            method: &notification.method,
            params: &notification.params,
            id: None,
            headers,
            origin,
            now,
        }
    }
}

/// A request under observation. Dropped before its end, its client has gone away.
#[derive(Debug)]
pub struct Observed {
    telemetry: Arc<Telemetry>,
    began: Instant,
    /// none: it is no request of MCP, and no figure counts it
    method: Option<&'static str>,
    trace: Trace,
    handler: Option<Arc<Handler>>,
    ended: bool,
}

/// The trace that it belongs to.
#[derive(Debug)]
enum Trace {
    None,
    Passed(Place),
    Recorded(Arc<Recording>),
}

impl Telemetry {
    /// Begins to observe a request.
    pub(crate) fn begin(self: &Arc<Self>, arrival: &Arrival<'_>) -> Observed {
        let method = known(arrival.method);
        let meta = TraceMeta::of(arrival.params);
        let arriving = Arriving::new(meta, arrival.headers);
        let trace = match (&self.spans, arriving.parent()) {
            (Some(spans), Some(parent)) if parent.flags.is_sampled() => {
                Trace::Recorded(record(spans, parent, &arriving, method, arrival))
            }
            (Some(spans), None) => {
                let root = Place {
                    trace: RandomIdGenerator::default().new_trace_id(),
                    span: new_span(),
                    flags: TraceFlags::NOT_SAMPLED,
                };
                match spans.samples(root.trace) {
                    true => Trace::Recorded(record(spans, root, &arriving, method, arrival)),
                    false => Trace::Passed(root),
                }
            }
            (_, Some(parent)) => Trace::Passed(parent),
            (None, None) => Trace::None,
        };
        Observed {
            telemetry: self.clone(),
            began: arrival.now,
            method: Some(method),
            trace,
            handler: None,
            ended: false,
        }
    }

    /// Begins to observe the run of a task by this handler, if the request that it
    /// outlives was recorded: `beginning` is what [`Observed::traceparent`] said of that.
    /// It has a trace of its own, for it may take days.
    pub(crate) fn begin_task(
        self: &Arc<Self>,
        beginning: &str,
        handler: &Arc<Handler>,
    ) -> Option<Observed> {
        let spans = self.spans.as_ref()?;
        let request = Place::parse(beginning)?;
        let place = Place {
            trace: RandomIdGenerator::default().new_trace_id(),
            span: new_span(),
            flags: TraceFlags::SAMPLED,
        };
        let context = place.context(TraceState::default(), false);
        let link = request.context(TraceState::default(), true);
        let (kind, now) = (SpanKind::Internal, Instant::now());
        let recording = Recording::new(spans, (context, None), Some(link), kind, TASK.into(), now);
        recording.calls(handler);
        Some(Observed {
            telemetry: self.clone(),
            began: now,
            method: None,
            trace: Trace::Recorded(recording),
            handler: None,
            ended: false,
        })
    }
}

/// Begins the span of a request. `from` is its parent, or the trace that begins here.
fn record(
    spans: &Arc<Spans>,
    from: Place,
    arriving: &Arriving<'_>,
    method: &'static str,
    arrival: &Arrival<'_>,
) -> Arc<Recording> {
    let parent = arriving.parent().map(|parent| parent.span);
    let place = Place {
        span: new_span(),
        flags: TraceFlags::SAMPLED,
        ..from
    };
    let context = place.context(arriving.state(), false);
    let link = arriving.other();
    let kind = SpanKind::Server;
    let place = (context, parent);
    let recording = Recording::new(spans, place, link, kind, method.into(), arrival.now);
    let id = arrival.id.map_or("", |id| id.as_str().trim_matches('"'));
    let end = id.len().min(ID_MAX_BYTES);
    if let Some(id) = id.get(..end).filter(|id| !id.is_empty()) {
        recording.note(names::REQUEST_ID, id.to_owned());
    }
    if let Some(version) = claimed_version(arrival.params) {
        recording.note(names::VERSION, version.as_str());
    }
    note_origin(&recording, arrival.origin);
    recording
}

fn note_origin(recording: &Recording, origin: &Origin) {
    recording.note(names::TRANSPORT, origin.carrier().name());
    if let Some(version) = origin.http_version() {
        recording.note(names::PROTOCOL, "http");
        recording.note(names::PROTOCOL_VERSION, version);
    }
    if let Some(address) = origin.address() {
        recording.note(names::CLIENT, address.to_string());
    }
    if let Some(port) = origin.port() {
        recording.note(names::CLIENT_PORT, i64::from(port));
    }
}

fn known(method: &str) -> &'static str {
    METHODS
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or(OTHER)
}

impl Observed {
    /// It is a call of this handler, in this version.
    pub(crate) fn calls(&mut self, handler: &Arc<Handler>) {
        if self.telemetry.figures.is_some() {
            self.handler = Some(handler.clone());
        }
        if let Trace::Recorded(recording) = &self.trace {
            recording.calls(handler);
        }
    }

    /// It belongs to a session, which agreed on a version.
    pub(crate) fn in_session(&self, id: Option<&str>, version: ProtocolVersion) {
        let Trace::Recorded(recording) = &self.trace else {
            return;
        };
        recording.note(names::VERSION, version.as_str());
        if let Some(id) = id {
            let digest = Sha256::digest(id.as_bytes());
            let told = digest.iter().take(SESSION_BYTES);
            let told: String = told.map(|byte| format!("{byte:02x}")).collect();
            recording.note(names::SESSION, told);
        }
    }

    /// A handler is about to be called for it: from now on it waits for its turn.
    pub(crate) fn round(&self, now: Instant) -> Option<Arc<Round>> {
        match &self.trace {
            Trace::Recorded(recording) => Some(recording.round(now)),
            Trace::Passed(_) | Trace::None => None,
        }
    }

    /// The trace that the handler's own doings belong to.
    pub(crate) fn joined(&self, round: Option<&Arc<Round>>) -> Joined {
        match (round, &self.trace) {
            (Some(round), _) => Joined::Recorded(round.clone()),
            (None, Trace::Passed(place)) => Joined::Passed(*place),
            (None, _) => Joined::None,
        }
    }

    /// Whether what the handler says has to be kept as events of its span.
    pub(crate) fn keeps_words(&self) -> bool {
        !self.telemetry.sends_lines()
    }

    /// For lines of the log that belong to it; none: there is no trace, or no lines.
    pub(crate) fn log_context(&self) -> Option<Context> {
        match &self.trace {
            Trace::Recorded(recording) if self.telemetry.sends_lines() => {
                Some(recording.log_context())
            }
            _ => None,
        }
    }

    /// The trace that it belongs to, if there is one.
    pub(crate) fn trace(&self) -> Option<TraceId> {
        match &self.trace {
            Trace::None => None,
            Trace::Passed(place) => Some(place.trace),
            Trace::Recorded(recording) => Some(recording.trace()),
        }
    }

    /// Where its own span is, for what outlives it; none: it isn't recorded.
    pub(crate) fn traceparent(&self) -> Option<String> {
        match &self.trace {
            Trace::Recorded(recording) => Some(recording.place().traceparent()),
            Trace::Passed(_) | Trace::None => None,
        }
    }

    /// It is answered.
    pub(crate) fn end(mut self, now: Instant, outcome: Outcome) {
        self.finish(now, outcome);
    }

    fn finish(&mut self, now: Instant, outcome: Outcome) {
        self.ended = true;
        if let Trace::Recorded(recording) = &self.trace {
            recording.end(now, outcome);
        }
        if let (Some(figures), Some(method)) = (&self.telemetry.figures, self.method) {
            figures.durations.add(Sample {
                method,
                handler: self.handler.take(),
                outcome,
                duration: now.saturating_duration_since(self.began),
            });
        }
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        if !self.ended {
            self.finish(Instant::now(), Outcome::GoneAway);
        }
    }
}
