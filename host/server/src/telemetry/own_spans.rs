//! Spans that a plugin makes itself, below that of its call.
//!
//! It owns how many of them one call may have, which of them is the innermost, and what
//! marks them as a plugin's. How they nest and what is in them was bounded before.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

use fusebox_engine::{Ending, OwnSpan, SpanNumber, SpanValue};
use opentelemetry::trace::SpanId;
use opentelemetry::{KeyValue, Value};

use super::names;
use super::trace::{End, Part, Round, new_span};

/// What a round knows of them while it runs.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// 0: none is open
    innermost: AtomicU64,
    /// the ones that there was no room for, too
    begun: AtomicU64,
}

impl Own {
    /// The call is run from its beginning.
    pub(super) fn begin_again(&self) {
        self.innermost.store(0, Ordering::Relaxed);
        self.begun.store(0, Ordering::Relaxed);
    }
}

impl Round {
    /// Whether there can be any.
    pub(crate) fn records_own(&self) -> bool {
        self.recording.spans.own_max() > 0
    }

    /// One begins; none: there are as many as may be.
    pub(crate) fn begin_own(&self) -> Option<SpanNumber> {
        let begun = self.own.begun.fetch_add(1, Ordering::Relaxed);
        let id = u64::from_be_bytes(new_span().to_bytes());
        SpanNumber::new(id).filter(|_| begun < self.recording.spans.own_max())
    }

    /// From now on this one is the innermost.
    pub(crate) fn within(&self, span: Option<SpanNumber>) {
        let number = span.map_or(0, SpanNumber::get);
        self.own.innermost.store(number, Ordering::Relaxed);
    }

    /// The span that the plugin is in.
    pub(crate) fn innermost(&self) -> SpanId {
        let number = SpanNumber::new(self.own.innermost.load(Ordering::Relaxed));
        number.map_or(self.execute, id_of)
    }

    /// How many there was no room for.
    pub(super) fn own_dropped(&self) -> u64 {
        let begun = self.own.begun.load(Ordering::Relaxed);
        begun.saturating_sub(self.recording.spans.own_max())
    }

    /// One of this plugin's has ended.
    pub(crate) fn end_own(&self, span: OwnSpan, plugin: &str) {
        let mut attributes: Vec<KeyValue> = span
            .attributes
            .into_iter()
            .map(|(key, value)| KeyValue::new(key, value_of(value)))
            .collect();
        attributes.push(KeyValue::new(names::PLUGIN, plugin.to_owned()));
        if span.ending != Ending::Ended {
            attributes.push(KeyValue::new(names::LEFT_OPEN, true));
        }
        let error = match (&span.failed, span.ending) {
            (_, Ending::CutOff) => Some("cut_off"),
            (Some(_), _) => Some("failed"),
            (None, _) => None,
        };
        let part = Part {
            span: id_of(span.number),
            parent: Some(span.parent.map_or(self.execute, id_of)),
            attributes,
            attributes_dropped: span.attributes_dropped,
            why: Cow::Owned(span.failed.unwrap_or_default()),
            ..Part::new(span.name)
        };
        let end = End {
            at: span.ended,
            error: error.map(Cow::Borrowed),
        };
        self.recording.part(part, span.began, end);
    }
}

fn id_of(number: SpanNumber) -> SpanId {
    SpanId::from_bytes(number.get().to_be_bytes())
}

fn value_of(value: SpanValue) -> Value {
    match value {
        SpanValue::Text(text) => Value::from(text),
        SpanValue::Integer(number) => Value::from(number),
        SpanValue::Number(number) => Value::from(number),
        SpanValue::Flag(flag) => Value::from(flag),
    }
}
