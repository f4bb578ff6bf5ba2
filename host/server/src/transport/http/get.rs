//! The legacy stream (`GET`) and the end of a legacy session (`DELETE`).
//!
//! It owns how a session is named in a request. It never serves a method.

use std::sync::Arc;
use std::time::Instant;

use http::header::ACCEPT;
use http::{HeaderMap, StatusCode};

use super::response::{HttpResponse, SESSION_ID, empty, refused};
use super::{post, resume};
use crate::auth::Audience;
use crate::host::Host;
use crate::session::Session;

const LAST_EVENT_ID: &str = "last-event-id";

/// Opens the stream on which a legacy client hears of changes, or takes up one
/// that it lost.
pub(super) fn open_stream(
    host: &Arc<Host>,
    headers: &HeaderMap,
    audience: &Audience,
) -> HttpResponse {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    if !accept.is_some_and(|accept| accept.contains("text/event-stream") || accept.contains("*/*"))
    {
        return refused(
            StatusCode::NOT_ACCEPTABLE,
            "a GET opens a stream of events: accept `text/event-stream`",
        );
    }
    match session(host, headers, audience) {
        Ok(session) => match headers.get(LAST_EVENT_ID) {
            Some(last) if !last.is_empty() => {
                // An id that is no text is none of ours.
                resume::resumed(host, session, last.to_str().unwrap_or_default())
            }
            _ => resume::changes(host, session),
        },
        Err(refusal) => *refusal,
    }
}

/// Ends a session.
pub(super) fn close_session(
    host: &Arc<Host>,
    headers: &HeaderMap,
    audience: &Audience,
) -> HttpResponse {
    match session(host, headers, audience) {
        Ok(session) => {
            host.sessions.close(&session.id);
            empty(StatusCode::NO_CONTENT)
        }
        Err(refusal) => *refusal,
    }
}

/// The session that a request names.
///
/// # Errors
/// 400 if it names none, or gives a header twice that two readers could each take
/// another value of; 404 if that one doesn't exist (any more), or is
/// another caller's or of another path.
pub(super) fn session(
    host: &Arc<Host>,
    headers: &HeaderMap,
    audience: &Audience,
) -> Result<Arc<Session>, Box<HttpResponse>> {
    for name in [SESSION_ID.as_str(), post::VERSION] {
        if headers.get_all(name).iter().nth(1).is_some() {
            return Err(Box::new(refused(
                StatusCode::BAD_REQUEST,
                &format!("the header `{name}` is given twice"),
            )));
        }
    }
    let Some(id) = headers.get(SESSION_ID) else {
        return Err(Box::new(refused(
            StatusCode::BAD_REQUEST,
            "the `Mcp-Session-Id` header is missing; `initialize` gives one",
        )));
    };
    id.to_str()
        .ok()
        .and_then(|id| host.sessions.get(id, Instant::now()))
        .filter(|session| session.agreement.audience == *audience)
        .filter(|session| session.inbox.get().is_none())
        .ok_or_else(|| {
            Box::new(refused(
                StatusCode::NOT_FOUND,
                "no such session, or it has ended; send `initialize` again",
            ))
        })
}
