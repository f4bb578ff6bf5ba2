//! Spans of a plugin's own, in the trace that its request belongs to.
//!
//! Where nothing is recorded, and on any other target than WebAssembly, a span is
//! nothing, and making one costs next to that.

use std::fmt::Display;

use crate::Context;
use crate::bindings::tracing::fusebox::plugin::trace;
use crate::context::IN_HOST;

/// A piece of the work, which ends when this is dropped; [`Context::span`] begins it.
///
/// ```
/// use fusebox_sdk::prelude::*;
///
/// /// The longest word.
/// #[tool]
/// fn longest(text: String, ctx: &Context) -> Result<String, HandlerError> {
///     let span = ctx.span("search");
///     let longest = text.split_whitespace().max_by_key(|word| word.len());
///     span.set("found", longest.is_some());
///     // It ends here, and shows how long this took.
///     drop(span);
///     longest.map(str::to_owned).ok_or_else(|| "there is no word".into())
/// }
///
/// assert_eq!(longest("a bee".into(), &Context::for_test())?, "bee");
/// # Ok::<(), HandlerError>(())
/// ```
#[derive(Debug)]
#[must_use = "it ends when it is dropped"]
pub struct Span {
    /// none: it isn't recorded
    inner: Option<trace::Span>,
}

/// The value of an attribute of a [`Span`]: text, a number, or yes and no.
///
/// ```
/// use fusebox_sdk::SpanValue;
/// use fusebox_sdk::prelude::*;
///
/// /// A part of a path, as traces show it: its length if it is long.
/// fn shown(part: &str) -> SpanValue {
///     match part.len() {
///         0..=20 => part.into(),
///         bytes => bytes.into(),
///     }
/// }
///
/// /// The first part of a path.
/// #[tool]
/// fn first(path: String, ctx: &Context) -> String {
///     let span = ctx.span("split");
///     let first = path.split('/').next().unwrap_or_default();
///     span.set("first", shown(first));
///     first.to_owned()
/// }
///
/// assert_eq!(first("usr/share".into(), &Context::for_test()), "usr");
/// ```
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
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// Counts the rows of a table.
    /// #[tool]
    /// fn rows(csv: String, ctx: &Context) -> usize {
    ///     let span = ctx.span("read");
    ///     let rows = csv.lines().count();
    ///     span.set("rows", rows).set("format", "csv");
    ///     rows
    /// }
    ///
    /// assert_eq!(rows("1,2\n3,4".into(), &Context::for_test()), 2);
    /// ```
    pub fn set(&self, key: &str, value: impl Into<SpanValue>) -> &Self {
        if let Some(span) = &self.inner {
            span.set(key, &value.into().0);
        }
        self
    }

    /// Says that this piece of the work fails, and why.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// Reads a number.
    /// #[tool]
    /// fn number(text: String, ctx: &Context) -> Option<i64> {
    ///     let span = ctx.span("parse");
    ///     text.parse().inspect_err(|error| { span.fail(error); }).ok()
    /// }
    ///
    /// assert_eq!(number("x".into(), &Context::for_test()), None);
    /// ```
    pub fn fail(&self, why: impl Display) -> &Self {
        if let Some(span) = &self.inner {
            span.fail(&why.to_string());
        }
        self
    }

    /// Ends it here.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// # let ctx = Context::for_test();
    /// let reading = ctx.span("read");
    /// let text = "3 4";
    /// reading.end();
    /// let adding = ctx.span("add");
    /// let sum: u32 = text.split(' ').filter_map(|word| word.parse::<u32>().ok()).sum();
    /// adding.end();
    /// assert_eq!(sum, 7);
    /// ```
    pub fn end(self) {}
}

impl Context {
    /// Begins a piece of the work that the operator's traces show: below the call, or
    /// below the span that was begun last and is still open. What the handler logs, and
    /// what it asks of other servers, belongs to it until it is dropped.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    /// # fn parse(text: &str) -> Vec<&str> { text.lines().collect() }
    ///
    /// /// Counts lines.
    /// #[tool]
    /// fn lines(text: String, ctx: &Context) -> usize {
    ///     let span = ctx.span("parse");
    ///     let lines = parse(&text).len();
    ///     span.set("lines", lines);
    ///     lines
    /// }
    ///
    /// assert_eq!(lines("a\nb".to_owned(), &Context::for_test()), 2);
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
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// Puts a job into another system's queue, as JSON, with its place in the trace.
    /// fn job(name: &str, ctx: &Context) -> String {
    ///     fusebox_sdk::serde_json::json!({"name": name, "traceparent": ctx.traceparent()}).to_string()
    /// }
    ///
    /// // In a test nothing is traced.
    /// assert_eq!(job("print", &Context::for_test()), r#"{"name":"print","traceparent":null}"#);
    /// ```
    pub fn traceparent(&self) -> Option<String> {
        IN_HOST.then(trace::traceparent).flatten()
    }
}
