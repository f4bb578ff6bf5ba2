//! What a plugin does outside of its instance, as a span below its call; and the
//! header that lets the server of its request join the trace.
//!
//! It owns what is said of such a request: whom it goes to, and never what it asks
//! or has.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use fusebox_engine::{HostCall, HostCallEnd, HostCallWatch};
use http::{HeaderName, HeaderValue};
use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;

use super::context::{Place, state_header};
use super::names;
use super::trace::{Did, End, Round, new_span};

/// The trace that a call belongs to, as far as the plugin's own doings go on with it.
#[derive(Clone, Debug, Default)]
pub(crate) enum Joined {
    /// to none
    #[default]
    None,
    /// to one that isn't recorded here: others are told so
    Passed(Place),
    /// to one that is
    Recorded(Arc<Round>),
}

impl Joined {
    /// The place in the trace at which the plugin is now, as a header says it.
    pub(crate) fn traceparent(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Passed(place) => Some(place.traceparent()),
            Self::Recorded(round) => Some(round.place(round.innermost()).traceparent()),
        }
    }

    /// What takes spans of the plugin's own; none: they aren't recorded.
    pub(crate) fn recorded(&self) -> Option<&Round> {
        match self {
            Self::Recorded(round) => Some(round),
            Self::Passed(_) | Self::None => None,
        }
    }

    /// Whoever looks on at what begins now.
    pub(crate) fn watch(&self, call: HostCall<'_>) -> Option<Box<dyn HostCallWatch>> {
        match (self, call) {
            (Self::None, _) | (Self::Passed(_), HostCall::KeyValue { .. }) => None,
            (Self::Passed(place), HostCall::Http { .. }) => Some(Box::new(Passing(*place))),
            (Self::Recorded(round), call) => Some(Box::new(Watching::new(round, call))),
        }
    }
}

/// Tells others which trace it is, and that it isn't recorded.
struct Passing(Place);

impl HostCallWatch for Passing {
    fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        self.0.header().into_iter().collect()
    }

    fn ended(self: Box<Self>, _end: HostCallEnd) {}
}

/// A span in the making.
struct Watching {
    round: Arc<Round>,
    began: Instant,
    did: Option<Did>,
}

impl Watching {
    fn new(round: &Arc<Round>, call: HostCall<'_>) -> Self {
        let parent = round.innermost();
        let did = match call {
            HostCall::Http { method, uri } => {
                let encrypted = uri.scheme_str() == Some("https");
                let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
                Did {
                    name: Cow::Owned(method.to_string()),
                    kind: SpanKind::Client,
                    span: new_span(),
                    parent,
                    attributes: vec![
                        KeyValue::new(names::HTTP_METHOD, method.to_string()),
                        KeyValue::new(names::SERVER, uri.host().unwrap_or_default().to_owned()),
                        KeyValue::new(names::SERVER_PORT, i64::from(port)),
                        KeyValue::new(names::SCHEME, if encrypted { "https" } else { "http" }),
                    ],
                }
            }
            HostCall::KeyValue { operation } => Did {
                name: Cow::Owned(format!("keyvalue {operation}")),
                kind: SpanKind::Internal,
                span: new_span(),
                parent,
                attributes: vec![KeyValue::new(names::STORE_OPERATION, operation)],
            },
        };
        Self {
            round: round.clone(),
            began: Instant::now(),
            did: Some(did),
        }
    }

    fn end(&mut self, status: Option<u16>, error: Option<Cow<'static, str>>) {
        let Some(mut did) = self.did.take() else {
            return;
        };
        if let Some(status) = status {
            let status = KeyValue::new(names::HTTP_STATUS, i64::from(status));
            did.attributes.push(status);
        }
        let end = End {
            at: Instant::now(),
            error,
        };
        self.round.did(did, self.began, end);
    }
}

impl HostCallWatch for Watching {
    fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let span = self.did.as_ref().map(|did| did.span);
        let parent = span.and_then(|span| self.round.place(span).header());
        let state = state_header(self.round.state());
        parent.into_iter().chain(state).collect()
    }

    fn ended(mut self: Box<Self>, end: HostCallEnd) {
        match end {
            HostCallEnd::Done => self.end(None, None),
            HostCallEnd::Status(status) => {
                let error = (status >= 400).then(|| Cow::Owned(status.to_string()));
                self.end(Some(status), error);
            }
            HostCallEnd::Failed(kind) => self.end(None, Some(Cow::Borrowed(kind))),
        }
    }
}

impl Drop for Watching {
    /// What was cut off has a span, too.
    fn drop(&mut self) {
        self.end(None, Some(Cow::Borrowed("cancelled")));
    }
}
