//! The transport of 2024-11-05, HTTP+SSE: one stream of events to the client,
//! and a path that takes its messages.
//!
//! It owns the life of such a stream, which is the session's. It never looks
//! into a message: [`crate::transport::peer`] does, as for TCP and stdio.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fusebox_protocol::{Era, RpcError, sse};
use futures_util::stream::unfold;
use http::{Request, StatusCode, Uri};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::body::RequestBody;
use super::response::{self, HttpResponse, empty, event_stream, refused};
use super::sse::beat;
use super::{full, post};
use crate::auth::Audience;
use crate::host::Host;
use crate::origin::Origin;
use crate::outbound::{Outbound, QUEUE_MAX_MESSAGES};
use crate::random_id::random_id;
use crate::reply::Reply;
use crate::session::{Agreement, Session};
use crate::transport::door::Door;
use crate::transport::peer::Peer;

/// Messages of a client that wait for their turn.
const INBOX_MAX_MESSAGES: usize = 4;

/// The name of a session in the path that takes its messages.
const SESSION_ID: &str = "sessionId=";

/// Opens a session and its stream, whose first event says where messages go.
pub(super) fn open(host: &Arc<Host>, audience: Audience, origin: &Origin) -> HttpResponse {
    if host.is_stopping() || host.is_draining() {
        return response::reply(full::stopping(host));
    }
    let Ok(id) = random_id() else {
        return refused(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the system gave no random bytes",
        );
    };
    let agreement = Arc::new(Agreement::assumed(audience.clone()));
    let session = match host.sessions.open(id, agreement, Instant::now()) {
        Ok(session) => session,
        Err(full) => return overloaded(host, &full::no_session(&full)),
    };
    let (sender, inbox) = mpsc::channel(INBOX_MAX_MESSAGES);
    // A new session has no inbox yet.
    let _ = session.inbox.set(sender);
    let (outbound, messages) = mpsc::channel(QUEUE_MAX_MESSAGES);
    let mut first = Vec::new();
    let path = &host.config.http.messages_path;
    let endpoint = format!("{path}?{SESSION_ID}{}", session.id);
    sse::named_event(&mut first, "endpoint", endpoint.as_bytes());
    let peer = Peer::new(
        host.clone(),
        Some(outbound.clone()),
        Door::Open(audience),
        origin.beside(),
    );
    host.tasks
        .spawn(serve(host.clone(), session, peer, inbox, outbound));
    read(first.into(), messages, host.live().http.sse_keep_alive)
}

fn overloaded(host: &Host, error: &RpcError) -> HttpResponse {
    host.meters.error(Instant::now());
    let mut reply = Reply::error(None, error, Era::Legacy);
    reply.status = 503;
    response::reply(reply)
}

/// Takes a message of a client; its answer goes to the client's stream.
pub(super) async fn take<B: RequestBody>(
    host: &Arc<Host>,
    request: Request<B>,
    audience: Audience,
) -> HttpResponse {
    let (parts, body) = request.into_parts();
    if host.is_stopping() {
        return response::reply(full::stopping(host));
    }
    if let Err(refusal) = post::check_content_type(&parts.headers) {
        return *refusal;
    }
    let Some(inbox) = inbox(host, &parts.uri, &audience) else {
        return ended();
    };
    let frame = match post::read(host, body).await {
        Ok(frame) => frame,
        Err(refusal) => return *refusal,
    };
    match inbox.send(frame).await {
        Ok(()) => empty(StatusCode::ACCEPTED),
        Err(_) => ended(),
    }
}

/// Of the session that an address names, if it is this caller's.
fn inbox(host: &Host, uri: &Uri, audience: &Audience) -> Option<mpsc::Sender<Bytes>> {
    let id = uri
        .query()?
        .split('&')
        .find_map(|pair| pair.strip_prefix(SESSION_ID))?;
    let session = host.sessions.get(id, Instant::now())?;
    if session.agreement.audience != *audience {
        return None;
    }
    session.inbox.get().cloned()
}

fn ended() -> HttpResponse {
    refused(
        StatusCode::NOT_FOUND,
        "no such session, or its stream has ended; open a new one",
    )
}

/// The task of one session: messages in, until the client closes its stream.
async fn serve(
    host: Arc<Host>,
    session: Arc<Session>,
    mut peer: Peer,
    mut inbox: mpsc::Receiver<Bytes>,
    outbound: Outbound,
) {
    let (calls_max, undelivered_max) = {
        let live = host.live();
        (
            live.stream.calls_in_flight_max,
            live.socket.undelivered_max_bytes,
        )
    };
    let mut stopping = false;
    while !stopping || peer.in_flight() > 0 {
        let busy = peer.in_flight() > 0;
        let reading =
            !stopping && peer.in_flight() < calls_max && peer.undelivered_bytes() < undelivered_max;
        tokio::select! {
            biased;
            () = outbound.closed() => break,
            () = session.ended.cancelled() => break,
            () = host.stopped.cancelled() => break,
            () = host.stopping.cancelled(), if !stopping => {
                peer.close();
                stopping = true;
            }
            () = peer.one_ended(), if busy => {}
            Some(frame) = inbox.recv(), if reading => {
                if let Some(answer) = peer.frame(frame).await
                    && outbound.send(answer.into()).await.is_err()
                {
                    break;
                }
            }
        }
    }
    host.sessions.close(&session.id);
}

/// The body of the stream: it ends when the session does.
fn read(first: Bytes, messages: mpsc::Receiver<Bytes>, keep_alive: Duration) -> HttpResponse {
    event_stream(unfold(
        (Some(first), messages),
        move |(first, mut messages)| async move {
            if let Some(first) = first {
                return Some((first, (None, messages)));
            }
            let piece = tokio::select! {
                biased;
                message = messages.recv() => {
                    let mut out = Vec::new();
                    sse::named_event(&mut out, "message", &message?);
                    out.into()
                }
                () = sleep(keep_alive) => beat(),
            };
            Some((piece, (None, messages)))
        },
    ))
}
