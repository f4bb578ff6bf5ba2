//! Spans of a plugin's own, in the trace that its request belongs to.
//!
//! Where nothing is recorded, and on any other target than WebAssembly, a span is
//! nothing, and making one costs next to that.

use std::fmt::Display;

use crate::Context;
use crate::bindings::tracing::fusebox::plugin::trace;
use crate::context::IN_HOST;

/// A piece of the work, which ends when this is dropped; [`Context::span`] begins it.
#[derive(Debug)]
#[must_use = "it ends when it is dropped"]
pub struct Span {
    /// none: it isn't recorded
    inner: Option<trace::Span>,
}

/// The value of an attribute of a [`Span`]: text, a number, or yes and no.
#[derive(Debug, Clone)]
pub struct SpanValue(trace::Value);

/// One conversion for each type that is such a value.
macro_rules! values {
    ($($from:ty => $variant:ident($convert:expr);)*) => { $(
        impl From<$from> for SpanValue {
            fn from(value: $from) -> Self {
                let convert: fn($from) -> _ = $convert;
                Self(trace::Value::$variant(convert(value)))
            }
        }
    )* };
}

values! {
    &str => Text(str::to_owned);
    &String => Text(String::clone);
    String => Text(|text| text);
    bool => Flag(|flag| flag);
    f32 => Number(f64::from);
    f64 => Number(|number| number);
    i32 => Integer(i64::from);
    i64 => Integer(|number| number);
    u32 => Integer(i64::from);
    u64 => Integer(|number| i64::try_from(number).unwrap_or(i64::MAX));
    usize => Integer(|number| i64::try_from(number).unwrap_or(i64::MAX));
}

impl Span {
    /// Adds an attribute, in the place of one with the same key. It goes to the operator's
    /// collector: no argument or secret of a caller belongs there.
    pub fn set(&self, key: &str, value: impl Into<SpanValue>) -> &Self {
        if let Some(span) = &self.inner {
            span.set(key, &value.into().0);
        }
        self
    }

    /// Says that this piece of the work fails, and why.
    pub fn fail(&self, why: impl Display) -> &Self {
        if let Some(span) = &self.inner {
            span.fail(&why.to_string());
        }
        self
    }

    /// Ends it here.
    pub fn end(self) {}
}

impl Context {
    /// Begins a piece of the work that the operator's traces show: below the call, or
    /// below the span that was begun last and is still open. What the handler logs, and
    /// what it asks of other servers, belongs to it until it is dropped.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// # fn parse(text: &str) -> Vec<&str> { text.lines().collect() }
    /// /// Counts lines.
    /// #[tool]
    /// fn lines(text: String, ctx: &Context) -> usize {
    ///     let span = ctx.span("parse");
    ///     let lines = parse(&text).len();
    ///     span.set("lines", lines);
    ///     lines
    /// }
    /// # assert_eq!(lines("a\nb".to_owned(), &Context::for_test()), 2);
    /// ```
    pub fn span(&self, name: &str) -> Span {
        let recorded = IN_HOST && trace::is_recorded();
        Span {
            inner: recorded.then(|| trace::Span::new(name, &[])),
        }
    }

    /// The place in the trace at which the handler is, for a request of its own: the value
    /// of the header `traceparent`. None: the call belongs to no trace. The host adds the
    /// header to requests by itself if the operator says so (`propagate_trace`).
    pub fn traceparent(&self) -> Option<String> {
        IN_HOST.then(trace::traceparent).flatten()
    }
}
