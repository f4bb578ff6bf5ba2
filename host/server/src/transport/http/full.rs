//! What HTTP clients are told for whom there is no place: a host that stops or drains,
//! and one that is full.
//!
//! It owns these words. It never decides who has a place.

use fusebox_protocol::{Era, Reason, RefusalData, RpcError};

use crate::host::Host;
use crate::metrics::Refusal;
use crate::reply::Reply;
use crate::session::TooManySessions;

/// What a host answers that takes nobody new.
pub(super) fn stopping(host: &Host) -> Reply {
    host.metrics.refusals.add(Refusal::Stopping);
    let data = RefusalData {
        retry_after_ms: Some(1000),
        ..RefusalData::default()
    };
    let error = RpcError::refusal(Reason::ShuttingDown, "the host is shutting down", data);
    let mut reply = Reply::error(None, &error, Era::Legacy);
    reply.status = 503;
    reply
}

/// What a connection is told that is not taken.
pub(super) fn no_connection(host: &Host) -> Reply {
    if host.is_draining() {
        return stopping(host);
    }
    let data = RefusalData {
        retry_after_ms: Some(1000),
        ..RefusalData::default()
    };
    let error = RpcError::refusal(Reason::Overloaded, "too many connections", data);
    Reply::error(None, &error, Era::Legacy)
}

/// Every session is taken.
pub(super) fn no_session(full: &TooManySessions) -> RpcError {
    let data = RefusalData {
        limit: Some(full.limit as u64),
        key: Some("session.max_sessions".into()),
        retry_after_ms: Some(1000),
        ..RefusalData::default()
    };
    let message = "the host is overloaded: every session is taken";
    RpcError::refusal(Reason::Overloaded, message, data)
}
