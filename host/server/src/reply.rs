//! An answer on its way out: its bytes, and what HTTP says beside them.
//!
//! It owns how an error is counted and given a status. It never words one.

use fusebox_protocol::{Era, ProtocolVersion, Reason, RequestId, RpcError, reply};
use serde::Serialize;

use crate::render::Answered;

/// How a request ended, for those who count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// with a result
    Answered,
    /// with the result of a tool that says it failed
    ToolFailed,
    /// with an error
    Failed {
        /// its code
        code: i64,
        /// why the host refused, if it is a refusal
        reason: Option<Reason>,
    },
    /// with nothing: its client has gone away
    GoneAway,
}

impl Outcome {
    /// Of a request that ends with this error.
    pub fn of(error: &RpcError) -> Self {
        Self::Failed {
            code: error.code,
            reason: error.reason(),
        }
    }

    /// Whether it is an error of JSON-RPC.
    pub fn is_error(self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

/// One JSON-RPC response.
#[derive(Debug)]
pub struct Reply {
    /// one line of JSON, without a line end
    pub body: Vec<u8>,
    /// for HTTP, where the status is still to be chosen
    pub status: u16,
    /// for the `Retry-After` header
    pub retry_after_ms: Option<u64>,
    /// what it says
    pub outcome: Outcome,
}

impl Reply {
    /// A result.
    pub fn result<R: Serialize>(id: &RequestId, result: &R) -> Self {
        let mut body = Vec::with_capacity(256);
        reply::response(&mut body, id, result);
        Self::written(body)
    }

    /// A response with a result, written already.
    pub fn written(body: Vec<u8>) -> Self {
        Self {
            body,
            status: 200,
            retry_after_ms: None,
            outcome: Outcome::Answered,
        }
    }

    /// What a call came to.
    pub(crate) fn answered(answered: Answered) -> Self {
        Self {
            outcome: match answered.is_error {
                true => Outcome::ToolFailed,
                false => Outcome::Answered,
            },
            ..Self::written(answered.body)
        }
    }

    /// An error; without an id if the request's couldn't be read.
    pub fn error(id: Option<&RequestId>, error: &RpcError, era: Era) -> Self {
        let mut body = Vec::with_capacity(256);
        reply::error(&mut body, id, error);
        Self::written_error(body, error, era)
    }

    /// The same for a legacy peer that speaks `version`, if that is known, on a
    /// stream of messages.
    pub fn error_on_stream(
        id: Option<&RequestId>,
        error: &RpcError,
        version: Option<ProtocolVersion>,
    ) -> Self {
        let mut body = Vec::with_capacity(256);
        match id {
            Some(_) => reply::error(&mut body, id, error),
            None => reply::error_without_id(&mut body, version, error),
        }
        Self::written_error(body, error, Era::Legacy)
    }

    fn written_error(body: Vec<u8>, error: &RpcError, era: Era) -> Self {
        Self {
            body,
            status: error.http_status(era),
            retry_after_ms: error.retry_after_ms(),
            outcome: Outcome::of(error),
        }
    }
}
