//! The bodies of a request and its response, as they pass.
//!
//! It owns their limits of size and time. It never keeps more of one than the
//! piece that is passing.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use fusebox_engine::OutboundError;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep_until};

type Polled = Poll<Option<Result<Frame<Bytes>, OutboundError>>>;

/// A body that ends with an error once it is larger than it may be.
pub(super) struct Counted<B> {
    body: B,
    left: u64,
    too_large: OutboundError,
}

impl<B> Counted<B> {
    /// At most `max` bytes, else `too_large`.
    pub(super) fn new(body: B, max: u64, too_large: OutboundError) -> Self {
        Self {
            body,
            left: max,
            too_large,
        }
    }
}

impl<B: Body<Data = Bytes, Error = OutboundError> + Unpin> Body for Counted<B> {
    type Data = Bytes;
    type Error = OutboundError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
            match self.left.checked_sub(bytes) {
                Some(left) => self.left = left,
                None => return Poll::Ready(Some(Err(self.too_large.clone()))),
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a response that has to come in time. While it is there, its request
/// counts as on its way.
pub(super) struct Watched<B> {
    body: B,
    end: Instant,
    between: Option<Duration>,
    timer: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl<B> Watched<B> {
    /// Until `end`, with at most `between` from one piece to the next.
    pub(super) fn new(
        body: B,
        end: Instant,
        between: Option<Duration>,
        place: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            body,
            end,
            between,
            timer: Box::pin(sleep_until(next_end(end, between))),
            _place: place,
        }
    }
}

fn next_end(end: Instant, between: Option<Duration>) -> Instant {
    between.map_or(end, |between| end.min(Instant::now() + between))
}

impl<B: Body<Data = Bytes, Error = OutboundError> + Unpin> Body for Watched<B> {
    type Data = Bytes;
    type Error = OutboundError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            if self.between.is_some() {
                let next = next_end(self.end, self.between);
                self.timer.as_mut().reset(next);
            }
            return Poll::Ready(frame);
        }
        ready!(self.timer.as_mut().poll(cx));
        Poll::Ready(Some(Err(OutboundError::ResponseTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
