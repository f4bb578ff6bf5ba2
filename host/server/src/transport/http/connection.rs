//! One HTTP connection from its first byte to its end: which version it speaks,
//! who serves it, and what is left of it while it is quiet.
//!
//! It owns the connection's life. It never looks at a request.
//!
//! hyper keeps its buffers for as long as it serves a connection. So a connection
//! of HTTP/1.1 that has been quiet for a moment is taken back from it, and costs
//! little more than its socket until its next byte, or until the stream of events
//! that it carries has something to say.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, Version};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Sleep, sleep_until};

use super::held::{Held, Slot, Streaming};
use super::response::{Body, closing};
use super::tail::{End, Tail};
use super::watch::{Activity, Ended, Limits, Watched};
use super::{PROBE_TIME, answer, failed};
use crate::config::Http;
use crate::host::Host;
use crate::origin::Origin;
use crate::refusal::millis_up;

/// Headers that hyper takes with room on the stack; another number costs heap.
const HEADERS_OF_HYPER: usize = 100;

/// What a client of HTTP/2 without TLS begins with.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long a connection is quiet before it is taken back from hyper. Making its
/// buffers anew costs microseconds: too much for each request, nothing after this.
const QUIET: Duration = Duration::from_secs(1);

/// Serves one connection to its end: HTTP/1.1 or HTTP/2, over TCP, TLS or any other
/// stream of bytes, which came in at `local` from `origin`.
pub async fn serve<S>(host: Arc<Host>, stream: S, local: SocketAddr, origin: Origin)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let now = Instant::now();
    let limits = Limits::of(&host.live());
    let activity = Activity::new(now);
    let mut life = Life {
        // Of its own: the host's has a lock that all connections would share.
        stopping: host.closing.child_token(),
        alarm: Box::pin(sleep_until((now + host.live().http.header_timeout).into())),
        origin,
        limits,
        activity: activity.clone(),
        slot: Arc::default(),
        host,
        local,
    };
    let mut watched = Watched {
        stream,
        activity,
        first: Bytes::new(),
    };
    let ended = loop {
        match life.wait(&mut watched).await {
            Waited::Bytes => {}
            Waited::Ended(why) => break why,
            Waited::Gone => return,
        }
        if watched.first.starts_with(HTTP2_PREFACE) {
            break match Box::pin(life.multiplexed(watched)).await {
                Some(why) => why,
                None => return,
            };
        }
        match Box::pin(life.requests(watched)).await {
            Served::Quiet(back, streaming) => {
                watched = back;
                if let Some(streaming) = streaming
                    && let Err(why) = Box::pin(life.events(&mut watched, streaming)).await
                {
                    match why {
                        Some(why) => break why,
                        None => return,
                    }
                }
            }
            Served::Ended(why) => break why,
            Served::Gone => return,
        }
    };
    end(&life.host, ended);
}

/// What a connection is waited for with.
struct Life {
    host: Arc<Host>,
    local: SocketAddr,
    origin: Origin,
    activity: Arc<Activity>,
    slot: Arc<Slot>,
    limits: Limits,
    alarm: Pin<Box<Sleep>>,
    stopping: tokio_util::sync::CancellationToken,
}

/// How a wait for the first bytes ended.
enum Waited {
    Bytes,
    Ended(Ended),
    Gone,
}

/// How serving HTTP/1.1 ended, or paused.
enum Served<S> {
    /// with the response that is still under way, if there is one
    Quiet(Watched<S>, Option<Streaming>),
    Ended(Ended),
    Gone,
}

/// What happens on a connection next.
enum Event<T> {
    Served(T),
    Alarm,
}

impl Life {
    /// Waits until it is known what the client speaks.
    async fn wait<S: AsyncRead + Unpin>(&mut self, watched: &mut Watched<S>) -> Waited {
        if !watched.first.is_empty() {
            return Waited::Bytes;
        }
        loop {
            let (alarm, activity, limits) = (&mut self.alarm, &self.activity, &self.limits);
            let read = poll_fn(|cx| {
                if let Poll::Ready(read) = watched.poll_first(cx) {
                    return Poll::Ready(Some(read));
                }
                ring(alarm, activity, limits, None, cx).map(|()| None)
            });
            tokio::select! {
                biased;
                read = read => match read {
                    Some(Ok(true)) => {
                        // A part of the preface is nothing yet.
                        let first = &watched.first;
                        let partly = first.len() < HTTP2_PREFACE.len();
                        if !(partly && HTTP2_PREFACE.starts_with(first)) {
                            return Waited::Bytes;
                        }
                    }
                    Some(Ok(false) | Err(_)) => return Waited::Gone,
                    None => if let Err(why) = self.look(None) {
                        return Waited::Ended(why);
                    },
                },
                () = self.stopping.cancelled() => return Waited::Gone,
            }
        }
    }

    /// Serves requests one after the other, until the connection is quiet.
    async fn requests<S>(&mut self, watched: Watched<S>) -> Served<S>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let service = self.service();
        let mut connection =
            http1(&self.host.live().http).serve_connection(TokioIo::new(watched), service);
        let mut asked_to_end = false;
        loop {
            let quiet = (!asked_to_end).then_some(QUIET);
            let (alarm, activity, limits) = (&mut self.alarm, &self.activity, &self.limits);
            let event = poll_fn(|cx| {
                if let Poll::Ready(served) = Pin::new(&mut connection).poll(cx) {
                    return Poll::Ready(Event::Served(served));
                }
                ring(alarm, activity, limits, quiet, cx).map(|()| Event::Alarm)
            });
            tokio::select! {
                biased;
                event = event => match event {
                    Event::Served(served) => {
                        lost(served);
                        return Served::Gone;
                    }
                    Event::Alarm => match self.look(quiet) {
                        Ok(true) => {
                            let streaming = self.slot.take();
                            let parts = connection.into_parts();
                            let mut watched = parts.io.into_inner();
                            watched.put_back(&parts.read_buf);
                            return Served::Quiet(watched, streaming);
                        }
                        Ok(false) => {}
                        Err(why) => return Served::Ended(why),
                    },
                },
                () = self.stopping.cancelled(), if !asked_to_end => {
                    Pin::new(&mut connection).graceful_shutdown();
                    asked_to_end = true;
                }
                () = self.host.stopped.cancelled(), if asked_to_end => return Served::Gone,
            }
        }
    }

    /// Sends the rest of a stream of events that has been quiet. Err: the connection
    /// has ended, and why if it was this host that ended it.
    async fn events<S>(
        &mut self,
        watched: &mut Watched<S>,
        streaming: Streaming,
    ) -> Result<(), Option<Ended>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut tail = Tail::new(streaming);
        loop {
            let (alarm, activity, limits) = (&mut self.alarm, &self.activity, &self.limits);
            let event = poll_fn(|cx| {
                if let Poll::Ready(end) = tail.poll(watched, cx) {
                    return Poll::Ready(Event::Served(end));
                }
                ring(alarm, activity, limits, None, cx).map(|()| Event::Alarm)
            });
            // A host that stops ends its streams itself, and waits only so long.
            tokio::select! {
                biased;
                event = event => match event {
                    Event::Served(End::Whole) => return Ok(()),
                    Event::Served(End::Gone) => return Err(None),
                    Event::Alarm => self.look(None).map_err(Some).map(|_| ())?,
                },
                () = self.host.stopped.cancelled() => return Err(None),
            }
        }
    }

    /// Serves a connection of HTTP/2 to its end.
    async fn multiplexed<S>(&mut self, watched: Watched<S>) -> Option<Ended>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let service = self.service();
        let builder = http2(&self.host.live().http);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(watched), service));
        let mut asked_to_end = false;
        loop {
            let (alarm, activity, limits) = (&mut self.alarm, &self.activity, &self.limits);
            let event = poll_fn(|cx| {
                if let Poll::Ready(served) = connection.as_mut().poll(cx) {
                    return Poll::Ready(Event::Served(served));
                }
                ring(alarm, activity, limits, None, cx).map(|()| Event::Alarm)
            });
            tokio::select! {
                biased;
                event = event => match event {
                    Event::Served(served) => {
                        lost(served);
                        return None;
                    }
                    Event::Alarm => if let Err(why) = self.look(None) {
                        return Some(why);
                    },
                },
                () = self.stopping.cancelled(), if !asked_to_end => {
                    connection.as_mut().graceful_shutdown();
                    asked_to_end = true;
                }
                () = self.host.stopped.cancelled(), if asked_to_end => return None,
            }
        }
    }

    /// Looks at the connection when the alarm has rung, and sets it anew. True: it
    /// has been quiet for `quiet`.
    fn look(&mut self, quiet: Option<Duration>) -> Result<bool, Ended> {
        let now = Instant::now();
        let next = self.activity.look(&self.limits, now)?;
        let quiet_at = quiet.and_then(|quiet| self.activity.quiet(quiet));
        let next = next.unwrap_or_else(|| now + self.limits.longest());
        let is_quiet = quiet_at.is_some_and(|at| at <= now);
        let next = match quiet_at {
            Some(at) if !is_quiet => next.min(at),
            _ => next,
        };
        self.alarm.as_mut().reset(next.into());
        Ok(is_quiet)
    }

    /// What answers the requests of this connection.
    fn service(
        &self,
    ) -> impl Service<
        Request<Incoming>,
        Response = Response<Held>,
        Error = Infallible,
        Future: Send + 'static,
    > + use<> {
        let (host, activity, local) = (self.host.clone(), self.activity.clone(), self.local);
        let (origin, slot) = (self.origin.clone(), self.slot.clone());
        service_fn(move |request: Request<Incoming>| {
            let (host, origin) = (host.clone(), origin.clone());
            let is_one = request.version() != Version::HTTP_2;
            let open = activity.open(!is_one);
            let lends = outlives_hyper(&request).then(|| (slot.clone(), activity.clone()));
            // hyper keeps room for this future as long as it serves the connection:
            // on the heap it takes room only while it runs.
            let answering = Box::pin(async move {
                let is_http1 = request.version() == Version::HTTP_11;
                let answering = async { answer(&host, request, local, &origin).await };
                let answered = AssertUnwindSafe(answering).catch_unwind().await;
                // A failure of the host's own ends this request and nothing else.
                let mut response = answered.unwrap_or_else(|_| failed(&host));
                let moves_on = host.is_stopping() && matches!(response.body(), Body::Whole(_));
                if is_one && moves_on || is_http1 && host.is_draining() {
                    // Its next request finds the host that takes this one's place.
                    response = closing(response);
                }
                response.map(|body| match (body, lends) {
                    (Body::Events(events), Some((slot, activity))) => {
                        Held::lent(Streaming { events, open }, slot, activity)
                    }
                    (body, _) => {
                        let bytes = body.size_hint().exact().unwrap_or(0);
                        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                        let undelivered = (bytes > 0).then(|| origin.deliver(bytes));
                        Held::new(body, Some(open), undelivered)
                    }
                })
            });
            async move { Ok::<_, Infallible>(answering.await) }
        })
    }
}

/// Whether a stream that answers this request is sent in chunks, and leaves the
/// connection open: then the rest of it needs nothing that hyper knows.
fn outlives_hyper<B>(request: &Request<B>) -> bool {
    let keeps = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"keep-alive");
    request.version() == Version::HTTP_11 && request.headers().get_all(CONNECTION).iter().all(keeps)
}

/// Rings when an end is due, or the connection has been quiet. What is due later
/// than the alarm is looked at when that rings.
fn ring(
    alarm: &mut Pin<Box<Sleep>>,
    activity: &Activity,
    limits: &Limits,
    quiet: Option<Duration>,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let due = activity.due(limits).map(|(due, _)| due);
    let quiet = quiet.and_then(|quiet| activity.quiet(quiet));
    if let Some(due) = due.into_iter().chain(quiet).min()
        && due < alarm.deadline().into_std()
    {
        alarm.as_mut().reset(due.into());
    }
    alarm.as_mut().poll(cx)
}

fn lost(served: hyper::Result<()>) {
    if let Err(error) = served {
        tracing::debug!(%error, "connection lost");
    }
}

fn end(host: &Host, why: Ended) {
    match why {
        Ended::SlowReader => {
            host.meters.slow_reader();
            tracing::warn!(
                write_timeout_ms = millis_up(host.live().socket.write_timeout),
                "connection ended: it does not read what it asked for"
            );
        }
        why => tracing::debug!(?why, "connection ended"),
    }
}

fn http1(settings: &Http) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // The watch does it: hyper's would run while a connection is idle, too.
        .header_read_timeout(None)
        // Its `pipeline_flush` would hold an answer back until the next request, which
        // has begun to come, is there; and a connection that is quiet has written all.
        .max_buf_size(settings.head_max_bytes as usize);
    if settings.head_max_fields != HEADERS_OF_HYPER {
        builder.max_headers(settings.head_max_fields);
    }
    builder
}

fn http2(settings: &Http) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(settings.head_max_bytes)
        .keep_alive_interval(settings.http2_ping)
        .keep_alive_timeout(settings.http2_ping.unwrap_or(PROBE_TIME))
        .max_concurrent_streams(settings.http2_streams_max);
    builder
}

#[cfg(test)]
mod tests;
