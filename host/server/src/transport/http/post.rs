//! `POST`: one message in, and its answer as a plain body or a stream of events.
//!
//! It owns which of the two it is, and what becomes of a call whose client goes
//! away. It never looks into a method.

use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use fusebox_protocol::envelope::{self, Incoming};
use fusebox_protocol::{Era, Message, Notification, Request, RpcError, era};
use futures_util::{poll, stream};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use super::accepted::Accepted;
use super::body::{BoxError, RequestBody};
use super::response::{self, HttpResponse, SESSION_ID, empty, event_stream, refused};
use super::{full, get};
use super::{resume, sse};
use crate::audit::{Asked, Refused, Sender, Why};
use crate::auth::Audience;
use crate::batch::{self, BATCH_MAX};
use crate::call::Call;
use crate::host::Host;
use crate::origin::Origin;
use crate::outbound::QUEUE_MAX_MESSAGES;
use crate::random_id::random_id;
use crate::reply::Reply;
use crate::router::{self, Routed};
use crate::session::{Registered, Session};
use crate::telemetry::{Arrival, Observed};

pub(super) const VERSION: &str = "mcp-protocol-version";

/// Serves one request with a body.
pub(super) async fn serve<B: RequestBody>(
    host: &Arc<Host>,
    headers: HeaderMap,
    body: B,
    audience: &Audience,
    origin: &Origin,
) -> HttpResponse {
    if host.is_refusing() {
        return response::reply(full::stopping(host));
    }
    let accepted = match check_types(&headers) {
        Ok(accepted) => accepted,
        Err(refusal) => return *refusal,
    };
    let frame = match read(host, body).await {
        Ok(frame) => frame,
        Err(refusal) => return *refusal,
    };
    // By reference: a message is large, and what waits has room for each copy of it.
    match &envelope::parse(&frame, BATCH_MAX) {
        Ok(Incoming::Single(message)) => {
            serve_message(host, &headers, accepted, &frame, message, audience, origin).await
        }
        Ok(Incoming::Batch(_)) => {
            Box::pin(serve_batch(host, &headers, frame, audience, origin.clone())).await
        }
        Err(malformed) => {
            host.meters.error(Instant::now());
            let mut reply = Reply::error(malformed.id.as_ref(), &malformed.error, Era::Legacy);
            reply.status = 400;
            response::reply(reply)
        }
    }
}

async fn serve_message(
    host: &Arc<Host>,
    headers: &HeaderMap,
    accepted: Accepted,
    frame: &Bytes,
    message: &Message<'_>,
    audience: &Audience,
    origin: &Origin,
) -> HttpResponse {
    let version = headers.get(VERSION).and_then(|value| value.to_str().ok());
    let era = era::of_message(version, message);
    match message {
        Message::Request(request) => {
            let now = Instant::now();
            host.meters.request(now);
            let arrival = Arrival::request(request, Some(headers), origin, now);
            match era {
                Era::Modern => {
                    let observed = host.observe(&arrival);
                    let routed =
                        router::modern(host, frame, request, Some(headers), audience, origin);
                    drive(host, accepted, routed.observed(observed), None).await
                }
                Era::Legacy => {
                    let arrived = (request, &arrival);
                    serve_legacy(host, headers, accepted, frame, arrived, audience).await
                }
            }
        }
        Message::Notification(notification) => {
            let now = Instant::now();
            host.meters.message(now);
            let arrival = Arrival::notification(notification, Some(headers), origin, now);
            serve_notification(host, headers, (notification, &arrival), era, audience)
        }
        Message::Response(response) => match get::session(host, headers, audience) {
            Ok(session) => {
                router::response(response, &session.agreement);
                empty(StatusCode::ACCEPTED)
            }
            Err(refusal) => *refusal,
        },
    }
}

fn serve_notification(
    host: &Arc<Host>,
    headers: &HeaderMap,
    (notification, arrival): (&Notification<'_>, &Arrival<'_>),
    era: Era,
    audience: &Audience,
) -> HttpResponse {
    if era == Era::Modern {
        // A modern client cancels by hanging up, so there is nothing to do.
        return match era::check_modern_notification(notification, headers) {
            Ok(()) => {
                host.notified(arrival, None);
                empty(StatusCode::ACCEPTED)
            }
            Err(error) => response::reply(Reply::error(None, &error, Era::Modern)),
        };
    }
    match get::session(host, headers, audience) {
        Ok(session) => {
            router::notification(notification, &session.calls);
            let known = (Some(session.id.as_str()), session.agreement.version);
            host.notified(arrival, Some(known));
            empty(StatusCode::ACCEPTED)
        }
        Err(refusal) => *refusal,
    }
}

/// Checks that a body is JSON.
pub(super) fn check_content_type(headers: &HeaderMap) -> Result<(), Box<HttpResponse>> {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).unwrap_or("");
    if !essence.trim().eq_ignore_ascii_case("application/json") {
        return Err(Box::new(refused(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send `Content-Type: application/json`",
        )));
    }
    Ok(())
}

fn check_types(headers: &HeaderMap) -> Result<Accepted, Box<HttpResponse>> {
    check_content_type(headers)?;
    let accepted = Accepted::of(headers);
    if !accepted.json && !accepted.events {
        return Err(Box::new(refused(
            StatusCode::NOT_ACCEPTABLE,
            "accept `application/json` and `text/event-stream`",
        )));
    }
    Ok(accepted)
}

/// Reads a body, if it isn't too large.
pub(super) async fn read<B: RequestBody>(host: &Host, body: B) -> Result<Bytes, Box<HttpResponse>> {
    let (max, patience) = {
        let live = host.live();
        (live.http.body_max_bytes, live.http.body_timeout)
    };
    let too_large = || {
        Box::new(refused(
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!("the body is larger than {max} bytes (raise `http.body_max_bytes`)"),
        ))
    };
    // A body that announces its length is refused before it is sent.
    if body.size_hint().lower() > max as u64 {
        return Err(too_large());
    }
    let reading = whole(Limited::new(body, max));
    match timeout(patience, reading).await {
        Err(_elapsed) => Err(Box::new(response::closing(refused(
            StatusCode::REQUEST_TIMEOUT,
            "the body came too slowly (raise `http.body_timeout_ms`)",
        )))),
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(Box::new(refused(
            StatusCode::BAD_REQUEST,
            &format!("the body could not be read: {error}"),
        ))),
    }
}

/// All of a body. Most come in one piece, which is not copied.
async fn whole<B: RequestBody>(mut body: Limited<B>) -> Result<Bytes, BoxError> {
    let mut first = Bytes::new();
    while first.is_empty() {
        match body.frame().await.transpose()? {
            Some(frame) => first = frame.into_data().unwrap_or_default(),
            None => return Ok(first),
        }
    }
    if body.is_end_stream() {
        return Ok(first);
    }
    let rest = body.collect().await?.to_bytes();
    Ok([first, rest].concat().into())
}

async fn serve_legacy(
    host: &Arc<Host>,
    headers: &HeaderMap,
    accepted: Accepted,
    frame: &Bytes,
    (request, arrival): (&Request<'_>, &Arrival<'_>),
    audience: &Audience,
) -> HttpResponse {
    if request.method == "initialize" && !headers.contains_key(SESSION_ID) {
        let observed = host.observe(arrival);
        return initialize(host, request, audience, (arrival.origin, observed));
    }
    let session = match get::session(host, headers, audience) {
        Ok(session) => session,
        Err(refusal) => {
            if let Some(audit) = &host.audit {
                let sender = Sender {
                    audience,
                    origin: arrival.origin,
                    session: None,
                };
                let asked = Asked::Request(request);
                let why = Why::Session;
                audit.refused(&Refused { sender, asked, why });
            }
            return *refusal;
        }
    };
    let observed = host.observe(arrival);
    if let Some(observed) = &observed {
        observed.in_session(Some(&session.id), session.agreement.version);
    }
    // A version header that names another handshake version than the session's
    // changes nothing: what `initialize` agreed on holds. One that is no
    // handshake version at all never comes here.
    let routed = router::legacy(host, frame, request, &session.agreement, arrival.origin);
    drive(host, accepted, routed.observed(observed), Some(session)).await
}

fn initialize(
    host: &Arc<Host>,
    request: &Request<'_>,
    audience: &Audience,
    (origin, observed): (&Origin, Option<Observed>),
) -> HttpResponse {
    if host.is_draining() {
        return response::reply(full::stopping(host));
    }
    let opened = router::initialize(request, audience).and_then(|(reply, agreement)| {
        let id = random_id().map_err(|_| RpcError::internal("the system gave no random bytes"))?;
        let version = agreement.version;
        let opened = host
            .sessions
            .open(id.clone(), Arc::new(agreement), Instant::now());
        let session = opened.map_err(|full| full::no_session(&full))?;
        // A new session has none yet.
        let _ = session.lasting.set(host.session_begins(origin, version));
        Ok((reply, id, version))
    });
    let (reply, id) = match opened {
        Ok((reply, id, version)) => {
            if let Some(observed) = &observed {
                observed.in_session(Some(&id), version);
            }
            (reply, HeaderValue::from_str(&id).ok())
        }
        Err(error) => {
            host.meters.error(Instant::now());
            (Reply::error(Some(&request.id), &error, Era::Legacy), None)
        }
    };
    if let Some(observed) = observed {
        observed.end(Instant::now(), reply.outcome);
    }
    let mut response = response::reply(reply);
    if let Some(id) = id {
        response.headers_mut().insert(SESSION_ID, id);
    }
    response
}

async fn serve_batch(
    host: &Arc<Host>,
    headers: &HeaderMap,
    frame: Bytes,
    audience: &Audience,
    origin: Origin,
) -> HttpResponse {
    let session = match get::session(host, headers, audience) {
        Ok(session) => session,
        Err(refusal) => return *refusal,
    };
    if !session.agreement.version.accepts_batches() {
        let version = session.agreement.version;
        return refused(
            StatusCode::BAD_REQUEST,
            &format!("version {version} has no batches; send one message at a time"),
        );
    }
    let (agreement, calls) = (session.agreement.clone(), session.calls.clone());
    match batch::answer(host.clone(), frame, agreement, calls, origin, None).await {
        Some(array) => response::json(StatusCode::OK, array),
        None => empty(StatusCode::ACCEPTED),
    }
}

async fn drive(
    host: &Arc<Host>,
    accepted: Accepted,
    routed: Routed,
    session: Option<Arc<Session>>,
) -> HttpResponse {
    match routed {
        Routed::Ready(reply) => response::reply(reply),
        Routed::Later(answer) => response::reply(answer.await),
        Routed::Call(call) => run(host, call, accepted.events, session).await,
        Routed::Listen(subscription) => event_stream(sse::changes(
            subscription,
            host.stopping.clone(),
            host.live().http.sse_keep_alive,
        )),
    }
}

/// Runs a call. Its status is chosen when its first message or its answer is
/// there, and an answer that comes alone is a plain body.
async fn run(
    host: &Arc<Host>,
    call: Box<Call>,
    events: bool,
    session: Option<Arc<Session>>,
) -> HttpResponse {
    match session {
        Some(session) => run_legacy(host, call, events, session).await,
        None => run_modern(host, call, events).await,
    }
}

/// A modern client that hangs up cancels: its call is dropped with the request,
/// or with the body that takes its place.
async fn run_modern(host: &Arc<Host>, call: Box<Call>, events: bool) -> HttpResponse {
    if !(events && call.may_emit()) {
        return response::reply(call.run(None).await);
    }
    let (outbound, mut messages) = mpsc::channel(QUEUE_MAX_MESSAGES);
    let mut running = Box::pin(call.run(Some(outbound)));
    tokio::select! {
        biased;
        reply = &mut running => match waiting(&mut messages) {
            messages if messages.is_empty() => response::reply(reply),
            messages => {
                let whole = sse::whole(&messages, &reply.body);
                event_stream(stream::iter([whole]))
            }
        },
        Some(first) = messages.recv() => event_stream(sse::call(
            first,
            messages,
            Box::pin(async move { Some(running.await) }),
            host.live().http.sse_keep_alive,
        )),
    }
}

async fn run_legacy(
    host: &Arc<Host>,
    mut call: Box<Call>,
    events: bool,
    session: Arc<Session>,
) -> HttpResponse {
    let (outbound, messages) = (events && call.may_emit())
        .then(|| mpsc::channel(QUEUE_MAX_MESSAGES))
        .unzip();
    let close = (events && resume::comes_back(call.context.version)).then(Arc::<Notify>::default);
    call.context.close.clone_from(&close);
    // Before the first poll: its cancellation may come at any time after that.
    let registered = session.calls.register(call.id.clone());
    let mut running = Box::pin(call.run(outbound));
    let at_once = poll!(&mut running);
    // Of a call that says nothing, the queue is closed from the beginning.
    let mut messages = match (messages, at_once) {
        (None, Poll::Ready(reply)) => return response::reply(reply),
        (Some(mut messages), Poll::Ready(reply)) => {
            return finished(host, &session, Some(reply), &mut messages);
        }
        (messages, Poll::Pending) => messages.unwrap_or_else(|| mpsc::channel(1).1),
    };
    let mut answer = outlive(host, session.clone(), registered, running);
    let close = close.unwrap_or_default();
    let first = tokio::select! {
        biased;
        Some(first) = messages.recv() => Some(first),
        reply = &mut answer => return finished(host, &session, reply, &mut messages),
        () = close.notified() => {
            // For whoever reads the stream that now begins.
            close.notify_one();
            None
        }
    };
    resume::call(host, session, first, messages, answer, close)
}

/// A legacy client may hang up and its call goes on; only its cancellation, or
/// the end of the session, ends it.
fn outlive(
    host: &Arc<Host>,
    session: Arc<Session>,
    registered: Registered,
    running: std::pin::Pin<Box<impl Future<Output = Reply> + Send + 'static>>,
) -> sse::Answer {
    let task = host.tasks.spawn(async move {
        tokio::select! {
            reply = running => Some(reply),
            () = registered.cancelled.cancelled() => None,
            () = session.ended.cancelled() => None,
        }
    });
    Box::pin(async move {
        task.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a call failed on the host's side");
            None
        })
    })
}

/// The response to a call that has ended; none: it was cancelled, and a
/// cancelled call has no answer.
fn finished(
    host: &Host,
    session: &Session,
    reply: Option<Reply>,
    messages: &mut mpsc::Receiver<Bytes>,
) -> HttpResponse {
    match (reply, waiting(messages)) {
        (Some(reply), messages) if messages.is_empty() => response::reply(reply),
        (Some(reply), messages) => resume::ended_call(host, session, messages, reply.body),
        (None, _) => event_stream(stream::empty()),
    }
}

fn waiting(messages: &mut mpsc::Receiver<Bytes>) -> Vec<Bytes> {
    std::iter::from_fn(|| messages.try_recv().ok()).collect()
}
