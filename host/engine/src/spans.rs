//! Spans of a plugin's own: the host functions of `trace`.
//!
//! It owns how they nest, how much of them is kept, and that each ends with its call at
//! the latest. It never decides whether a request is recorded, and sends nothing: whoever
//! looks on is told of a span once it has ended, and of those of a try in one go only
//! when the try counts.

use std::num::NonZeroU64;
use std::time::Instant;

use wasmtime::component::Resource;

use crate::call::RequestSink;
use crate::contract::SpanValue;
use crate::contract::trace;
use crate::redact::Redactor;
use crate::state::State;

/// The name of a span, and why it failed.
const NAME_MAX_BYTES: usize = 128;

/// Attributes of one span.
const ATTRIBUTES_MAX: usize = 16;

/// The key of an attribute; a longer one is left out, for a part of it is another key.
const KEY_MAX_BYTES: usize = 64;

/// A value that is text.
const VALUE_MAX_BYTES: usize = 256;

/// What attributes of the host begin with; a plugin can't set those.
const RESERVED: &str = "fusebox.";

/// What tells the spans of all calls apart.
pub type SpanNumber = NonZeroU64;

/// A span of a plugin's own that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnSpan {
    /// as [`RequestSink::span_begins`] gave it
    pub number: SpanNumber,
    /// the span of the plugin's own that it stands below; none: the call itself
    pub parent: Option<SpanNumber>,
    /// what the plugin calls it
    pub name: String,
    /// what it carries
    pub attributes: Vec<(String, SpanValue)>,
    /// attributes that there was no room for
    pub attributes_dropped: u32,
    /// when it began
    pub began: Instant,
    /// when it ended
    pub ended: Instant,
    /// why it failed, in the plugin's words
    pub failed: Option<String>,
    /// who ended it
    pub ending: Ending,
}

/// Who ended a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// the plugin
    Ended,
    /// the host, after a call that left it open
    LeftOpen,
    /// the host, for the call was cut off or failed
    CutOff,
}

/// What a plugin holds of a span; none: the span isn't recorded.
#[derive(Clone, Copy, Debug)]
#[allow(unreachable_pub, reason = "the bindings re-export it")]
pub struct SpanHandle(Option<SpanNumber>);

/// The spans of one call.
#[derive(Debug, Default)]
pub(crate) struct Spans {
    /// the innermost one last
    open: Vec<OwnSpan>,
    /// what has ended in a try that may still be given up; none: it is told at once
    held: Option<Vec<OwnSpan>>,
}

impl Spans {
    /// Those of a try: nobody hears of them before [`Spans::settle`].
    pub(crate) fn held() -> Self {
        Self {
            open: Vec::new(),
            held: Some(Vec::new()),
        }
    }

    /// The call has ended, and counts: ends what is open, and tells what was held.
    pub(crate) fn settle(&mut self, sink: &dyn RequestSink, ending: Ending) {
        for span in self.held.take().into_iter().flatten() {
            sink.span_ended(span);
        }
        // None ends before what is below it.
        while let Some(span) = self.open.pop() {
            sink.span_ended(OwnSpan {
                ended: Instant::now(),
                ending,
                ..span
            });
        }
    }

    /// A call is dropped: what is open of it ends, unless the call was a try.
    pub(crate) fn abandon(&mut self, sink: &dyn RequestSink) {
        if self.held.is_none() {
            self.settle(sink, Ending::CutOff);
        }
    }

    fn begin(&mut self, sink: &dyn RequestSink, name: String) -> Option<SpanNumber> {
        let number = sink.span_begins()?;
        let (parent, now) = (self.innermost(), Instant::now());
        self.open.push(OwnSpan {
            number,
            parent,
            name,
            attributes: Vec::new(),
            attributes_dropped: 0,
            began: now,
            ended: now,
            failed: None,
            ending: Ending::Ended,
        });
        sink.within(Some(number));
        Some(number)
    }

    /// One that is open in this call; a handle can be left from another.
    fn find(&mut self, handle: SpanHandle) -> Option<&mut OwnSpan> {
        let number = handle.0?;
        self.open.iter_mut().rfind(|span| span.number == number)
    }

    fn end(&mut self, sink: &dyn RequestSink, handle: SpanHandle) {
        let at = self
            .open
            .iter()
            .rposition(|span| Some(span.number) == handle.0);
        let Some(at) = at else {
            return;
        };
        let mut span = self.open.remove(at);
        span.ended = Instant::now();
        sink.within(self.innermost());
        match &mut self.held {
            Some(held) => held.push(span),
            None => sink.span_ended(span),
        }
    }

    fn innermost(&self) -> Option<SpanNumber> {
        self.open.last().map(|span| span.number)
    }
}

impl OwnSpan {
    /// Puts an attribute in, or in the place of the one with the same key.
    fn put(&mut self, key: String, value: SpanValue) {
        if key.is_empty() || key.starts_with(RESERVED) || key.len() > KEY_MAX_BYTES {
            self.attributes_dropped = self.attributes_dropped.saturating_add(1);
            return;
        }
        let mut there = self.attributes.iter_mut();
        if let Some((_, old)) = there.find(|(known, _)| *known == key) {
            *old = value;
        } else if self.attributes.len() < ATTRIBUTES_MAX {
            self.attributes.push((key, value));
        } else {
            self.attributes_dropped = self.attributes_dropped.saturating_add(1);
        }
    }
}

/// A text without secrets and not too long, in this order: a part of a secret would not
/// be found any more.
fn fit(redactor: Option<&Redactor>, mut text: String, max: usize) -> String {
    if let Some(redactor) = redactor {
        redactor.text(&mut text);
    }
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

fn attribute(
    redactor: Option<&Redactor>,
    (key, value): (String, SpanValue),
) -> (String, SpanValue) {
    let value = match value {
        SpanValue::Text(text) => SpanValue::Text(fit(redactor, text, VALUE_MAX_BYTES)),
        other => other,
    };
    // A key that is too long stays so, and is left out for it.
    (fit(redactor, key, KEY_MAX_BYTES + 1), value)
}

impl State {
    /// What the functions below need: the spans of the call, who looks on, and what takes
    /// secrets out.
    fn tracing(&mut self) -> Option<(&mut Spans, &dyn RequestSink, Option<&Redactor>)> {
        let redactor = self.reach.as_deref().map(|reach| &reach.redactor);
        let call = self.call.as_mut()?;
        Some((&mut call.spans, &*call.sink, redactor))
    }

    fn change(
        &mut self,
        handle: &Resource<SpanHandle>,
        change: impl FnOnce(&mut OwnSpan, Option<&Redactor>),
    ) -> wasmtime::Result<()> {
        let handle = *self.resources.get(handle)?;
        if let Some((spans, _, redactor)) = self.tracing()
            && let Some(span) = spans.find(handle)
        {
            change(span, redactor);
        }
        Ok(())
    }

    fn end_span(&mut self, handle: SpanHandle) {
        if let Some((spans, sink, _)) = self.tracing() {
            spans.end(sink, handle);
        }
    }
}

impl trace::Host for State {
    fn is_recorded(&mut self) -> wasmtime::Result<bool> {
        Ok(self.sink().is_some_and(|sink| sink.records_spans()))
    }

    fn traceparent(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.sink().and_then(|sink| sink.traceparent()))
    }
}

impl trace::HostSpan for State {
    fn new(
        &mut self,
        name: String,
        attributes: Vec<(String, SpanValue)>,
    ) -> wasmtime::Result<Resource<SpanHandle>> {
        let begun = self.tracing().and_then(|(spans, sink, redactor)| {
            let number = spans.begin(sink, fit(redactor, name, NAME_MAX_BYTES))?;
            if let Some(span) = spans.open.last_mut() {
                for given in attributes {
                    let (key, value) = attribute(redactor, given);
                    span.put(key, value);
                }
            }
            Some(number)
        });
        Ok(self.resources.push(SpanHandle(begun))?)
    }

    fn set(
        &mut self,
        span: Resource<SpanHandle>,
        key: String,
        value: SpanValue,
    ) -> wasmtime::Result<()> {
        self.change(&span, |span, redactor| {
            let (key, value) = attribute(redactor, (key, value));
            span.put(key, value);
        })
    }

    fn fail(&mut self, span: Resource<SpanHandle>, why: String) -> wasmtime::Result<()> {
        self.change(&span, |span, redactor| {
            span.failed = Some(fit(redactor, why, NAME_MAX_BYTES));
        })
    }

    fn end(&mut self, span: Resource<SpanHandle>) -> wasmtime::Result<()> {
        let handle = *self.resources.get(&span)?;
        self.end_span(handle);
        Ok(())
    }

    fn drop(&mut self, span: Resource<SpanHandle>) -> wasmtime::Result<()> {
        let handle = self.resources.delete(span)?;
        self.end_span(handle);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
