//! The body of a response as hyper sends it, and what counts until it is handed on.
//!
//! It owns who holds a stream of events: hyper borrows it from the connection,
//! which may take it back. It never makes a body.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;

use super::response::{Body, Events};
use super::watch::{Activity, Open};
use crate::origin::Undelivered;

/// Where a connection of HTTP/1.1 keeps the stream of events that it is sending.
#[derive(Default)]
pub(super) struct Slot(Mutex<Option<Streaming>>);

/// A stream of events, and the request that it answers.
pub(super) struct Streaming {
    pub(super) events: Events,
    pub(super) open: Open,
}

impl Slot {
    /// Takes the stream, of which nothing is left for hyper to send.
    pub(super) fn take(&self) -> Option<Streaming> {
        self.0.lock().take()
    }
}

/// A body on its way out.
pub(super) enum Held {
    /// hyper has it for good
    Own {
        body: Body,
        _open: Option<Open>,
        _undelivered: Option<Undelivered>,
    },
    /// hyper has it as long as nobody takes it out of the slot
    Lent {
        slot: Arc<Slot>,
        activity: Arc<Activity>,
    },
}

impl Held {
    pub(super) fn new(body: Body, open: Option<Open>, undelivered: Option<Undelivered>) -> Self {
        Self::Own {
            body,
            _open: open,
            _undelivered: undelivered,
        }
    }

    /// Lends a stream to hyper.
    pub(super) fn lent(streaming: Streaming, slot: Arc<Slot>, activity: Arc<Activity>) -> Self {
        *slot.0.lock() = Some(streaming);
        Self::Lent { slot, activity }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Self::Lent { slot, activity } = self {
            activity.stream_waits(false);
            // Its end does what it does without the lock.
            let streaming = slot.take();
            drop(streaming);
        }
    }
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Own { body, .. } => Pin::new(body).poll_frame(cx),
            Self::Lent { slot, activity } => {
                let mut slot = slot.0.lock();
                let Some(streaming) = &mut *slot else {
                    return Poll::Ready(None);
                };
                let event = streaming.events.as_mut().poll_next(cx);
                activity.stream_waits(event.is_pending());
                event.map(|event| event.map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own { body, .. } => body.is_end_stream(),
            Self::Lent { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own { body, .. } => body.size_hint(),
            Self::Lent { .. } => SizeHint::default(),
        }
    }
}
