//! Who looks on while a call runs: the stages that it comes to, and what it does
//! outside of its instance.
//!
//! It owns the vocabulary between the host functions and whoever measures them. It
//! measures nothing itself, and never shows what is said or kept.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

/// Where a call has come to. A call that is given up and run again comes to them again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// there is no warm instance: one is being made
    Instantiate,
    /// its export is called
    Execute,
}

/// What a plugin asks of the host that takes a while.
#[derive(Clone, Copy, Debug)]
pub enum HostCall<'a> {
    /// a request to another server
    Http {
        /// how
        method: &'a Method,
        /// whom, and more that nobody else should see
        uri: &'a Uri,
    },
    /// a value that is kept
    KeyValue {
        /// the name of the operation
        operation: &'static str,
    },
}

/// How that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostCallEnd {
    /// a response with this status began
    Status(u16),
    /// it is done
    Done,
    /// it is not, for this kind of reason
    Failed(&'static str),
}

/// Looks on at one [`HostCall`]. Dropped without an end, it was cut off.
pub trait HostCallWatch: Send {
    /// What a request carries so that whoever serves it joins the same trace.
    fn headers(&self) -> Vec<(HeaderName, HeaderValue)>;
    /// It has ended.
    fn ended(self: Box<Self>, end: HostCallEnd);
}

/// Adds the headers of a trace to a request whose plugin has none of its own.
pub(crate) fn join_trace(watch: &dyn HostCallWatch, headers: &mut HeaderMap) {
    if headers.contains_key("traceparent") {
        return;
    }
    headers.remove("tracestate");
    headers.extend(watch.headers());
}
