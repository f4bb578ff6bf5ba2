//! The spans of one request: its own, and one for each part of the way that it goes.
//!
//! It owns their names, times and attributes. Whether there are any was decided
//! before: where there are none, nothing here is ever made. No span has an argument
//! or a result.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use fusebox_engine::{Stage, Usage};
use fusebox_protocol::RpcError;
use opentelemetry::trace::{Event, Link, SpanContext, SpanId, SpanKind, Status, TraceId};
use opentelemetry::{Context, InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::{
    IdGenerator as _, RandomIdGenerator, SpanData, SpanEvents, SpanLinks,
};
use parking_lot::Mutex;

use super::context::Place;
use super::names;
use super::own_spans::Own;
use super::spans::Spans;
use crate::plugin_entry::{Handler, HandlerKind};
use crate::reply::Outcome;

/// Events of one span, as many as SDKs keep.
const EVENTS_MAX: usize = 128;

/// The spans of a request that is sampled.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(super) spans: Arc<Spans>,
    context: SpanContext,
    parent: Option<SpanId>,
    link: Option<SpanContext>,
    kind: SpanKind,
    method: Cow<'static, str>,
    began: Instant,
    /// the same on the clock that others have too
    wall: SystemTime,
    draft: Mutex<Draft>,
}

/// What is known so far.
#[derive(Debug, Default)]
struct Draft {
    target: Option<String>,
    attributes: Vec<KeyValue>,
    events: SpanEvents,
    fuel: u64,
    memory_bytes: usize,
    ended: bool,
}

/// How a span ended.
pub(crate) struct End {
    pub(crate) at: Instant,
    pub(crate) error: Option<Cow<'static, str>>,
}

impl Recording {
    /// Begins at `began`, in this place of a trace, below this parent.
    pub(crate) fn new(
        spans: &Arc<Spans>,
        (context, parent): (SpanContext, Option<SpanId>),
        link: Option<SpanContext>,
        kind: SpanKind,
        method: Cow<'static, str>,
        began: Instant,
    ) -> Arc<Self> {
        Arc::new(Self {
            spans: spans.clone(),
            context,
            parent,
            link,
            kind,
            method,
            began,
            wall: SystemTime::now() - began.elapsed(),
            draft: Mutex::default(),
        })
    }

    /// Adds an attribute of the request's own span.
    pub(crate) fn note(&self, name: &'static str, value: impl Into<Value>) {
        let mut draft = self.draft.lock();
        draft.attributes.push(KeyValue::new(name, value));
    }

    /// It is a call of this handler.
    pub(crate) fn calls(&self, handler: &Handler) {
        let mut draft = self.draft.lock();
        let name = handler.name.clone();
        let kind = match handler.kind {
            HandlerKind::Tool => {
                draft
                    .attributes
                    .push(KeyValue::new(names::OPERATION, "execute_tool"));
                draft.target = Some(name.clone());
                names::TOOL
            }
            HandlerKind::Prompt => {
                draft.target = Some(name.clone());
                names::PROMPT
            }
            // An address may be an argument; what is listed is none.
            HandlerKind::Resource | HandlerKind::ResourceTemplate | HandlerKind::Completion => {
                names::HANDLER
            }
        };
        draft.attributes.push(KeyValue::new(kind, name));
        let plugin = handler.core.name.clone();
        draft.attributes.push(KeyValue::new(names::PLUGIN, plugin));
    }

    /// Adds words that were said while it was served.
    fn event(&self, name: &'static str, attributes: Vec<KeyValue>) {
        let event = Event::new(name, SystemTime::now(), attributes, 0);
        let mut draft = self.draft.lock();
        match draft.events.events.len() < EVENTS_MAX {
            true => draft.events.events.push(event),
            false => draft.events.dropped_count += 1,
        }
    }

    /// Ends the request's own span; what comes after is not part of it.
    pub(crate) fn end(&self, at: Instant, outcome: Outcome) {
        let mut draft = std::mem::take(&mut *self.draft.lock());
        if draft.ended {
            return;
        }
        let mut noted = draft.attributes;
        if self.kind == SpanKind::Server {
            noted.push(KeyValue::new(names::METHOD, self.method.clone()));
        }
        if draft.fuel > 0 {
            noted.push(KeyValue::new(names::FUEL, clamped(draft.fuel)));
            let memory = clamped(draft.memory_bytes as u64);
            noted.push(KeyValue::new(names::MEMORY, memory));
        }
        let status = ended_with(outcome, &mut noted);
        let name = match draft.target.take() {
            Some(target) => Cow::Owned(format!("{} {target}", self.method)),
            None => self.method.clone(),
        };
        let mut links = SpanLinks::default();
        if let Some(link) = self.link.clone() {
            links.links.push(Link::with_context(link));
        }
        self.spans.send(SpanData {
            span_context: self.context.clone(),
            parent_span_id: self.parent.unwrap_or(SpanId::INVALID),
            parent_span_is_remote: self.parent.is_some(),
            span_kind: self.kind.clone(),
            name,
            start_time: self.wall,
            end_time: self.at(at),
            attributes: noted,
            dropped_attributes_count: 0,
            events: draft.events,
            links,
            status,
            instrumentation_scope: self.spans.scope(),
        });
        self.draft.lock().ended = true;
    }

    /// Sends the span of a part of it, under the request's own or under another part.
    pub(super) fn part(&self, part: Part, from: Instant, end: End) {
        let mut attributes = part.attributes;
        let status = match end.error {
            Some(error) => {
                attributes.push(KeyValue::new(names::ERROR, error));
                Status::error(part.why)
            }
            None => Status::Unset,
        };
        self.spans.send(SpanData {
            span_context: self.context_of(part.span),
            parent_span_id: part.parent.unwrap_or(self.context.span_id()),
            parent_span_is_remote: false,
            span_kind: part.kind,
            name: part.name,
            start_time: self.at(from),
            end_time: self.at(end.at),
            attributes,
            dropped_attributes_count: part.attributes_dropped,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status,
            instrumentation_scope: self.spans.scope(),
        });
    }

    fn context_of(&self, span: SpanId) -> SpanContext {
        SpanContext::new(
            self.context.trace_id(),
            span,
            self.context.trace_flags(),
            false,
            self.context.trace_state().clone(),
        )
    }

    fn at(&self, moment: Instant) -> SystemTime {
        self.wall + moment.saturating_duration_since(self.began)
    }

    /// For lines of the log that belong to the request.
    pub(crate) fn log_context(&self) -> Context {
        use opentelemetry::trace::TraceContextExt as _;
        Context::new().with_remote_span_context(self.context.clone())
    }

    /// Where its own span is.
    pub(crate) fn place(&self) -> Place {
        Place {
            trace: self.context.trace_id(),
            span: self.context.span_id(),
            flags: self.context.trace_flags(),
        }
    }

    /// The trace that it is of.
    pub(crate) fn trace(&self) -> TraceId {
        self.context.trace_id()
    }
}

/// A part of the way that a request goes.
pub(super) struct Part {
    pub(super) name: Cow<'static, str>,
    pub(super) kind: SpanKind,
    pub(super) span: SpanId,
    /// none: the request's own span
    pub(super) parent: Option<SpanId>,
    pub(super) attributes: Vec<KeyValue>,
    pub(super) attributes_dropped: u32,
    /// what is said of its error
    pub(super) why: Cow<'static, str>,
}

impl Part {
    pub(super) fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            kind: SpanKind::Internal,
            span: new_span(),
            parent: None,
            attributes: Vec::new(),
            attributes_dropped: 0,
            why: Cow::Borrowed(""),
        }
    }
}

/// An id that no other span has.
pub(crate) fn new_span() -> SpanId {
    RandomIdGenerator::default().new_span_id()
}

fn clamped(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// What the attributes and the status say of an end. The message of an error may quote
/// its caller, so the status has what its reason means.
fn ended_with(outcome: Outcome, attributes: &mut Vec<KeyValue>) -> Status {
    match outcome {
        Outcome::Answered => Status::Unset,
        Outcome::ToolFailed => {
            attributes.push(KeyValue::new(names::ERROR, "tool_error"));
            Status::error("")
        }
        Outcome::GoneAway => {
            attributes.push(KeyValue::new(names::ERROR, "cancelled"));
            Status::error("")
        }
        Outcome::Failed { code, reason } => {
            let code = code.to_string();
            attributes.push(KeyValue::new(names::ERROR, code.clone()));
            attributes.push(KeyValue::new(names::STATUS, code));
            let Some(reason) = reason else {
                return Status::error("");
            };
            attributes.push(KeyValue::new(names::REASON, reason.name()));
            Status::error(reason.what_it_means())
        }
    }
}

/// One run of a handler for a request that is sampled.
#[derive(Debug)]
pub(crate) struct Round {
    pub(super) recording: Arc<Recording>,
    /// known before it begins: what the plugin does stands below it
    pub(super) execute: SpanId,
    /// those that the plugin makes itself
    pub(super) own: Own,
    waited_from: Instant,
    /// nanoseconds since the request began; 0: it didn't come to that
    instantiate_at: AtomicU64,
    execute_at: AtomicU64,
    has_ended: AtomicBool,
}

impl Recording {
    /// A handler is about to be called; from now on it waits for its turn.
    pub(crate) fn round(self: &Arc<Self>, now: Instant) -> Arc<Round> {
        Arc::new(Round {
            recording: self.clone(),
            execute: new_span(),
            own: Own::default(),
            waited_from: now,
            instantiate_at: AtomicU64::new(0),
            execute_at: AtomicU64::new(0),
            has_ended: AtomicBool::new(false),
        })
    }
}

impl Round {
    /// Its turn has come, or won't.
    pub(crate) fn waited(&self, refused: Option<&'static str>) {
        let end = End {
            at: Instant::now(),
            error: refused.map(Cow::Borrowed),
        };
        self.recording
            .part(Part::new("wait"), self.waited_from, end);
    }

    /// The call has come to a stage.
    pub(crate) fn stage(&self, stage: Stage) {
        let since = self.recording.began.elapsed();
        let nanos = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX).max(1);
        let (mark, other) = match stage {
            Stage::Instantiate => (&self.instantiate_at, Some(&self.execute_at)),
            Stage::Execute => (&self.execute_at, None),
        };
        mark.store(nanos, Ordering::Relaxed);
        // It is run again from its beginning.
        if let Some(other) = other {
            other.store(0, Ordering::Relaxed);
        }
        self.own.begin_again();
    }

    /// The handler has ended, and this came of it.
    pub(crate) fn ran(&self, usage: Usage, error: Option<&RpcError>) {
        let now = Instant::now();
        let recording = &self.recording;
        {
            let mut draft = recording.draft.lock();
            draft.fuel += usage.fuel;
            draft.memory_bytes = draft.memory_bytes.max(usage.memory_bytes);
        }
        let error = error.map(|error| match error.reason() {
            Some(reason) => Cow::Borrowed(reason.name()),
            None => Cow::Owned(error.code.to_string()),
        });
        let executing = self.mark(&self.execute_at);
        if let Some(from) = self.mark(&self.instantiate_at) {
            let end = End {
                at: executing.unwrap_or(now),
                error: error.clone().filter(|_| executing.is_none()),
            };
            recording.part(Part::new("instantiate"), from, end);
        }
        if let Some(from) = executing {
            let used = [
                KeyValue::new(names::FUEL, clamped(usage.fuel)),
                KeyValue::new(names::MEMORY, clamped(usage.memory_bytes as u64)),
            ];
            self.executed(from, End { at: now, error }, used.into());
        }
        self.has_ended.store(true, Ordering::Relaxed);
    }

    fn executed(&self, from: Instant, end: End, mut attributes: Vec<KeyValue>) {
        let dropped = self.own_dropped();
        if dropped > 0 {
            attributes.push(KeyValue::new(names::OWN_DROPPED, clamped(dropped)));
        }
        let part = Part {
            span: self.execute,
            attributes,
            ..Part::new("execute")
        };
        self.recording.part(part, from, end);
    }

    fn mark(&self, mark: &AtomicU64) -> Option<Instant> {
        let nanos = mark.load(Ordering::Relaxed);
        (nanos > 0).then(|| self.recording.began + Duration::from_nanos(nanos))
    }

    /// Something that the plugin does outside of its instance has ended.
    pub(crate) fn did(&self, did: Did, from: Instant, end: End) {
        let part = Part {
            kind: did.kind,
            span: did.span,
            parent: Some(did.parent),
            attributes: did.attributes,
            ..Part::new(did.name)
        };
        self.recording.part(part, from, end);
    }

    /// The place below which others may hang what they do for this call.
    pub(crate) fn place(&self, span: SpanId) -> Place {
        let place = self.recording.place();
        Place { span, ..place }
    }

    /// What other systems have to say of the trace.
    pub(crate) fn state(&self) -> &opentelemetry::trace::TraceState {
        self.recording.context.trace_state()
    }

    /// For what the plugin says.
    pub(crate) fn log_context(&self) -> Context {
        use opentelemetry::trace::TraceContextExt as _;
        let context = self.recording.context_of(self.innermost());
        Context::new().with_remote_span_context(context)
    }

    /// Keeps what the plugin says as an event of the request's span.
    pub(crate) fn said(&self, level: &'static str, logger: Option<&str>, words: &str) {
        let mut attributes = vec![
            KeyValue::new(names::LEVEL, level),
            KeyValue::new(names::WORDS, words.to_owned()),
        ];
        if let Some(logger) = logger {
            attributes.push(KeyValue::new(names::LOGGER, logger.to_owned()));
        }
        self.recording.event("log", attributes);
    }
}

impl Drop for Round {
    /// What was cut off has a span, too: others stand below it.
    fn drop(&mut self) {
        if let Some(from) = self.mark(&self.execute_at)
            && !self.has_ended.load(Ordering::Relaxed)
        {
            let end = End {
                at: Instant::now(),
                error: Some(Cow::Borrowed("cancelled")),
            };
            self.executed(from, end, Vec::new());
        }
    }
}

/// What a plugin did outside of its instance.
pub(crate) struct Did {
    pub(crate) name: Cow<'static, str>,
    pub(crate) kind: SpanKind,
    pub(crate) span: SpanId,
    /// where the plugin was
    pub(crate) parent: SpanId,
    pub(crate) attributes: Vec<KeyValue>,
}

/// Who made the spans.
pub(crate) fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("fusebox")
        .with_version(env!("CARGO_PKG_VERSION"))
        .build()
}
