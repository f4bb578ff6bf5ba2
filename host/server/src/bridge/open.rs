//! Requests that the client waits for, so that none of them is left without an
//! answer when the host is lost.
//!
//! It owns their number. It never answers one by itself.

use std::collections::HashMap;

use bytes::Bytes;
use fusebox_protocol::envelope::{self, Incoming};
use fusebox_protocol::params::CancelledParams;
use fusebox_protocol::{Message, Reason, RefusalData, RequestId, RpcError};
use parking_lot::Mutex;

use super::ends::Output;
use crate::batch::BATCH_MAX;

/// Requests in flight; one more is refused.
const OPEN_MAX: usize = 1024;

/// Whether an answer is awaited, or only the end of what is told meanwhile.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    ForAnswer,
    ForEnd,
}

/// The requests in flight.
#[derive(Default)]
pub(super) struct Open(Mutex<HashMap<RequestId, Waits>>);

impl Open {
    /// Notes what a frame of the client asks, or gives up.
    ///
    /// # Errors
    /// The request for which there is no room: it must not be sent.
    pub(super) fn asked(&self, frame: &Bytes) -> Result<(), RequestId> {
        match envelope::parse(frame, BATCH_MAX) {
            Ok(Incoming::Single(message)) => self.note(&message),
            Ok(Incoming::Batch(batch)) => batch.iter().flatten().try_for_each(|one| self.note(one)),
            // The host says what is wrong with it.
            Err(_) => Ok(()),
        }
    }

    fn note(&self, message: &Message<'_>) -> Result<(), RequestId> {
        match message {
            Message::Request(request) => {
                let waits = match &*request.method {
                    "subscriptions/listen" => Waits::ForEnd,
                    _ => Waits::ForAnswer,
                };
                self.add(&request.id, waits)
            }
            Message::Notification(gone) if gone.method == CANCELLED => {
                if let Ok(cancelled) = CancelledParams::from_params(&gone.params) {
                    self.ended(&cancelled.request_id);
                }
                Ok(())
            }
            Message::Notification(_) | Message::Response(_) => Ok(()),
        }
    }

    fn add(&self, id: &RequestId, waits: Waits) -> Result<(), RequestId> {
        let mut open = self.0.lock();
        if open.len() >= OPEN_MAX {
            return Err(id.clone());
        }
        open.insert(id.clone(), waits);
        Ok(())
    }

    /// Notes what a frame of the host answers.
    pub(super) fn answered(&self, frame: &Bytes) {
        let note = |message: &Message<'_>| {
            if let Message::Response(response) = message
                && let Some(id) = &response.id
            {
                self.ended(id);
            }
        };
        match envelope::parse(frame, BATCH_MAX) {
            Ok(Incoming::Single(message)) => note(&message),
            Ok(Incoming::Batch(batch)) => batch.iter().flatten().for_each(note),
            Err(_) => {}
        }
    }

    /// The request is answered or given up. False if it was before.
    pub(super) fn ended(&self, id: &RequestId) -> bool {
        self.0.lock().remove(id).is_some()
    }

    /// Whether the request still waits for its answer.
    pub(super) fn has(&self, id: &RequestId) -> bool {
        self.0.lock().contains_key(id)
    }

    /// Whether no answer is awaited. What never ends by itself may end with its
    /// client.
    pub(super) fn is_answered(&self) -> bool {
        self.0.lock().values().all(|waits| *waits == Waits::ForEnd)
    }

    /// Answers all that is left with an error.
    pub(super) async fn fail(&self, output: &Output, why: &str) {
        let left: Vec<RequestId> = self.0.lock().drain().map(|(id, _)| id).collect();
        for id in left {
            output.error(Some(&id), &connection_lost(why)).await;
        }
    }
}

/// The notification by which a client gives a request up.
pub(super) const CANCELLED: &str = "notifications/cancelled";

/// What is said of a request whose host is not there any more.
pub(super) fn connection_lost(why: &str) -> RpcError {
    RpcError::refusal(
        Reason::ConnectionLost,
        why.to_owned(),
        RefusalData::default(),
    )
}

/// What is said of a request for which there is no room.
pub(super) fn too_many() -> RpcError {
    let data = RefusalData {
        limit: Some(OPEN_MAX as u64),
        retry_after_ms: Some(1000),
        ..RefusalData::default()
    };
    let message = "the bridge is overloaded: too many requests of this client are open";
    RpcError::refusal(Reason::Overloaded, message, data)
}
