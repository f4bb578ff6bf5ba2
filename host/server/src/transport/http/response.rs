//! The shapes of HTTP responses: a body at once, or a stream of events.
//!
//! It owns headers of responses. It never decides which response to give.

use std::convert::Infallible;
use std::mem::take;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use fusebox_protocol::{Era, RpcError};
use futures_util::Stream;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body::{Frame, SizeHint};

use crate::reply::Reply;

/// Events, each as it goes onto the wire.
pub(crate) type Events = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

/// The body of a response.
pub(crate) enum Body {
    /// all of it; empty: no body, or no more of it
    Whole(Bytes),
    /// events as they happen
    Events(Events),
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(take(bytes))))),
            Self::Events(events) => {
                let event = events.as_mut().poll_next(cx);
                event.map(|event| event.map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Events(_) => SizeHint::default(),
        }
    }
}

/// A response.
pub(crate) type HttpResponse = Response<Body>;

/// The header that names a legacy session.
pub(crate) const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");

const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// A response without a body.
pub(crate) fn empty(status: StatusCode) -> HttpResponse {
    let mut response = Response::new(Body::Whole(Bytes::new()));
    *response.status_mut() = status;
    response
}

/// A JSON body, written in one piece with its head.
pub(crate) fn json(status: StatusCode, body: Vec<u8>) -> HttpResponse {
    let mut response = Response::new(Body::Whole(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// A body of text.
pub(crate) fn text(kind: &'static str, body: String) -> HttpResponse {
    let mut response = Response::new(Body::Whole(body.into()));
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// A JSON-RPC response as a plain body.
pub(crate) fn reply(reply: Reply) -> HttpResponse {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    let mut response = json(status, reply.body);
    if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS {
        let seconds = reply.retry_after_ms.unwrap_or(1000).div_ceil(1000).max(1);
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A refusal that HTTP has a status for; the body says why as JSON-RPC does.
pub(crate) fn refused(status: StatusCode, why: &str) -> HttpResponse {
    let error = RpcError::invalid_request(why.to_owned());
    json(status, Reply::error(None, &error, Era::Legacy).body)
}

/// The same response as the last one on its connection (HTTP/1.1).
pub(crate) fn closing(mut response: HttpResponse) -> HttpResponse {
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A stream of events.
pub(crate) fn event_stream<S>(events: S) -> HttpResponse
where
    S: Stream<Item = Bytes> + Send + 'static,
{
    let mut response = Response::new(Body::Events(Box::pin(events)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, EVENT_STREAM);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}
