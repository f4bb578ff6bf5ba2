//! Streams of server-sent events, as messages.
//!
//! It owns the bound of one event and the place to come back to. It never connects.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http_body_util::BodyDataStream;
use hyper::body::Incoming;
use sse_stream::SseByteStream;

use crate::bridge::ends::MESSAGE_MAX_BYTES;

/// How long a client waits before it comes back, unless the host says.
const RETRY: Duration = Duration::from_secs(1);

/// The longest wait that a host can ask for.
const RETRY_MAX: Duration = Duration::from_secs(60);

/// Where a stream was left.
pub(super) struct Place {
    /// the last event that had an id
    pub(super) last_id: Option<String>,
    /// how long to wait before coming back
    pub(super) retry: Duration,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            last_id: None,
            retry: RETRY,
        }
    }
}

/// Why a stream ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum StreamError {
    #[error(transparent)]
    Read(#[from] hyper::Error),
    #[error("an event is longer than {MESSAGE_MAX_BYTES} bytes")]
    TooLong,
}

type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, StreamError>> + Send>>;

/// The messages of one response.
pub(super) struct Events {
    stream: SseByteStream<Pieces>,
    /// bytes that came since the last event
    pending: Arc<AtomicUsize>,
}

impl Events {
    pub(super) fn new(body: Incoming) -> Self {
        let pending = Arc::<AtomicUsize>::default();
        let counted = pending.clone();
        let pieces = BodyDataStream::new(body).map(move |piece| {
            let piece = piece?;
            let before = counted.fetch_add(piece.len(), Ordering::Relaxed);
            if before + piece.len() > MESSAGE_MAX_BYTES {
                return Err(StreamError::TooLong);
            }
            Ok(piece)
        });
        let pieces: Pieces = Box::pin(pieces);
        Self {
            stream: SseByteStream::new(pieces),
            pending,
        }
    }

    /// The next message; none at the end of the stream.
    pub(super) async fn next(
        &mut self,
        place: &mut Place,
    ) -> Result<Option<Bytes>, sse_stream::Error> {
        while let Some(event) = self.stream.next().await {
            let event = event?;
            self.pending.store(0, Ordering::Relaxed);
            if let Some(id) = event.id.filter(|id| !id.is_empty()) {
                place.last_id = Some(id);
            }
            if let Some(retry) = event.retry {
                place.retry = Duration::from_millis(retry).min(RETRY_MAX);
            }
            let is_message = event.event.is_none_or(|kind| kind == "message");
            if let Some(data) = event.data.filter(|data| is_message && !data.is_empty()) {
                return Ok(Some(data.into()));
            }
        }
        Ok(None)
    }
}
