//! The rest of a response that is a stream of events, once it has been quiet: its
//! events go straight to the socket, in the chunks that its head has announced.
//!
//! It owns the framing of these chunks. It never sees a head: that was sent before.
//!
//! hyper keeps its buffers for as long as a response lasts, and such a response may
//! last for days and say nothing.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite};

use super::held::Streaming;
use super::response::Events;
use super::watch::{Open, Watched};

/// What ends a body in chunks.
const LAST_CHUNK: Bytes = Bytes::from_static(b"0\r\n\r\n");

/// A stream on its way to the socket.
pub(super) struct Tail {
    /// none: it has ended
    events: Option<Events>,
    _open: Open,
    out: Bytes,
    unflushed: bool,
}

/// How a stream ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// with its last chunk; the next request may come
    Whole,
    /// the client has gone away
    Gone,
}

impl Tail {
    pub(super) fn new(streaming: Streaming) -> Self {
        Self {
            events: Some(streaming.events),
            _open: streaming.open,
            out: Bytes::new(),
            unflushed: false,
        }
    }

    /// Sends what there is to send. Ready at the end of the stream.
    pub(super) fn poll<S>(&mut self, watched: &mut Watched<S>, cx: &mut Context<'_>) -> Poll<End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if let Poll::Ready(sent) = self.poll_send(watched, cx) {
            return Poll::Ready(if sent.is_ok() { End::Whole } else { End::Gone });
        }
        // What a client sends meanwhile is the begin of its next request, which has
        // to wait; nothing at all is its end.
        if watched.first.is_empty() {
            match watched.poll_first(cx) {
                Poll::Ready(Ok(true)) | Poll::Pending => {}
                Poll::Ready(Ok(false) | Err(_)) => return Poll::Ready(End::Gone),
            }
        }
        Poll::Pending
    }

    fn poll_send<S>(
        &mut self,
        watched: &mut Watched<S>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            while !self.out.is_empty() {
                match ready!(Pin::new(&mut *watched).poll_write(cx, &self.out))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    written => self.out.advance(written),
                }
                self.unflushed = true;
            }
            // Emptied, it would still hold its memory.
            self.out = Bytes::new();
            if self.unflushed {
                ready!(Pin::new(&mut *watched).poll_flush(cx))?;
                self.unflushed = false;
            }
            let Some(events) = &mut self.events else {
                return Poll::Ready(Ok(()));
            };
            self.out = match ready!(events.as_mut().poll_next(cx)) {
                Some(event) => chunk(&event),
                None => {
                    self.events = None;
                    LAST_CHUNK
                }
            };
        }
    }
}

/// One chunk (RFC 9112, 7.1); nothing for nothing, since that would be the last.
fn chunk(event: &[u8]) -> Bytes {
    if event.is_empty() {
        return Bytes::new();
    }
    let head = format!("{:x}\r\n", event.len());
    [head.as_bytes(), event, b"\r\n"].concat().into()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use futures_util::stream;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::super::watch::Activity;
    use super::*;

    async fn run<S>(watched: &mut Watched<S>, tail: &mut Tail) -> End
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        std::future::poll_fn(|cx| tail.poll(watched, cx)).await
    }

    fn tail(activity: &std::sync::Arc<Activity>, events: Events) -> Tail {
        Tail::new(Streaming {
            events,
            open: activity.open(false),
        })
    }

    #[tokio::test]
    async fn events_go_out_in_chunks_through_a_narrow_pipe_and_end() {
        let (near, mut far) = tokio::io::duplex(3);
        let activity = Activity::new(Instant::now());
        let mut watched = Watched {
            stream: near,
            activity: activity.clone(),
            first: Bytes::new(),
        };
        let events: [&[u8]; 3] = [b"first event", b"", b"a second that is longer"];
        let events = events.map(Bytes::from_static);
        let mut tail = tail(&activity, Box::pin(stream::iter(events)));
        let reading = tokio::spawn(async move {
            let mut all =
                [0; "b\r\nfirst event\r\n17\r\na second that is longer\r\n0\r\n\r\n".len()];
            far.read_exact(&mut all).await.unwrap();
            (String::from_utf8(all.to_vec()).unwrap(), far)
        });
        assert_eq!(run(&mut watched, &mut tail).await, End::Whole);
        let (all, _far) = reading.await.unwrap();
        assert_eq!(
            all,
            "b\r\nfirst event\r\n17\r\na second that is longer\r\n0\r\n\r\n"
        );
    }

    #[tokio::test]
    async fn the_next_request_is_kept_and_a_client_that_leaves_ends_the_stream() {
        let (near, mut far) = tokio::io::duplex(64);
        let activity = Activity::new(Instant::now());
        let mut watched = Watched {
            stream: near,
            activity: activity.clone(),
            first: Bytes::new(),
        };
        let mut silent = tail(&activity, Box::pin(stream::pending()));
        far.write_all(b"GET /live").await.unwrap();
        assert!(futures_util::poll!(Box::pin(run(&mut watched, &mut silent))).is_pending());
        assert_eq!(&watched.first[..], b"GET /live");
        watched.first = Bytes::new();
        drop(far);
        assert_eq!(run(&mut watched, &mut silent).await, End::Gone);
    }
}
