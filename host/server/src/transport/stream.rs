//! Newline-delimited JSON-RPC over any pair of byte streams: TCP and stdio.
//!
//! It owns the life of one such connection: frames in, answers out, one flush
//! for each readable burst, and bounds on everything in between. It never opens
//! a socket and never looks into a method: [`super::peer`] does.

use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use fusebox_protocol::frame::LineDecoder;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::io::poll_read_buf;
use tokio_util::sync::CancellationToken;

pub use super::door::Door;
use super::peer::Peer;
use crate::buffers::BufferPool;
use crate::host::Host;
use crate::origin::Origin;

/// Bytes asked of the system at once.
const READ_BYTES: usize = 16 << 10;

/// Frames served before others get their turn on this worker.
const FRAMES_PER_TURN: usize = 64;

/// Bytes of answers that are gathered before they are written.
const OUTPUT_MAX_BYTES: usize = 256 << 10;

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// the peer closed its side
    ByPeer,
    /// nothing was heard for the idle time
    Idle,
    /// the host stops
    Stopping,
    /// the peer doesn't read what it asked for
    SlowReader,
}

/// One connection's state. Its buffers are borrowed from the host's pool, and have
/// no room while there is nothing in them.
struct Connection {
    host: Arc<Host>,
    peer: Peer,
    decoder: LineDecoder,
    input: BytesMut,
    output: BytesMut,
    /// none: nobody had anything to say beside an answer yet
    messages: Option<mpsc::Receiver<Bytes>>,
    write_timeout: Duration,
    /// of its own: the host's has a lock that all connections would share
    stopped: CancellationToken,
}

/// Serves one connection, or one stream of the connection `origin`, to its end. `idle_timeout` is for peers that say
/// nothing and wait for nothing.
///
/// # Errors
/// Those of reading and writing.
pub async fn serve<R, W>(
    host: Arc<Host>,
    mut reader: R,
    mut writer: W,
    idle_timeout: Option<Duration>,
    door: Door,
    origin: Origin,
) -> io::Result<Ended>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (settings, socket) = {
        let live = host.live();
        (live.stream, live.socket)
    };
    let mut connection = Connection {
        peer: Peer::new(host.clone(), None, door, origin),
        decoder: LineDecoder::new(settings.frame_max_bytes),
        input: BytesMut::new(),
        output: BytesMut::new(),
        messages: None,
        write_timeout: socket.write_timeout,
        stopped: host.stopped.child_token(),
        host: host.clone(),
    };
    let stopping = host.closing.child_token();
    let mut heard = Instant::now();
    let mut ended = None;
    // Made once: what waits for a signal or a timer takes its place in a list, and
    // gives it back, behind a lock.
    let mut is_stopped = pin!(connection.stopped.clone().cancelled_owned());
    let mut is_stopping = pin!(stopping.cancelled());
    let mut quiet = pin!(sleep(idle_timeout.unwrap_or_default()));
    loop {
        // What an idle connection doesn't do has room on the heap while it is done:
        // else each connection would hold it for as long as it lives.
        if !connection.output.is_empty()
            && Box::pin(connection.flush(&mut writer)).await? == Flushed::TooSlow
        {
            return Ok(Ended::SlowReader);
        }
        let busy = connection.peer.in_flight() > 0;
        if let Some(ended) = ended.filter(|_| !busy) {
            return Ok(ended);
        }
        let reading = ended.is_none()
            && connection.peer.in_flight() < settings.calls_in_flight_max
            && connection.peer.undelivered_bytes() < socket.undelivered_max_bytes;
        let idle_timeout = idle_timeout.filter(|_| ended.is_none() && !busy);
        tokio::select! {
            biased;
            () = &mut is_stopped => return Ok(Ended::Stopping),
            () = &mut is_stopping, if ended.is_none() => {
                connection.peer.close();
                ended = Some(Ended::Stopping);
            }
            message = received(&mut connection.messages) => connection.queue(message.as_deref()),
            () = connection.peer.one_ended(), if busy => {}
            read = read(&mut reader, &mut connection.input, &host.buffers), if reading => {
                heard = Instant::now();
                if read? == 0 {
                    Box::pin(connection.last_frame()).await;
                    connection.peer.close();
                    ended = Some(Ended::ByPeer);
                } else {
                    if Box::pin(connection.burst(&mut writer)).await? == Flushed::TooSlow {
                        return Ok(Ended::SlowReader);
                    }
                }
            }
            () = &mut quiet, if idle_timeout.is_some() => {
                let idle_at = heard + idle_timeout.unwrap_or_default();
                if Instant::now() < idle_at {
                    quiet.as_mut().reset(idle_at.into());
                } else {
                    connection.peer.close();
                    ended = Some(Ended::Idle);
                }
            }
        }
        connection.queue_waiting();
    }
}

/// Reads what is there. The buffer is borrowed only when there is something: an
/// idle connection has none.
async fn read<R: AsyncRead + Unpin>(
    reader: &mut R,
    input: &mut BytesMut,
    pool: &BufferPool,
) -> io::Result<usize> {
    poll_fn(|cx| {
        if input.is_empty() {
            if input.capacity() == 0 {
                *input = pool.take(READ_BYTES);
            }
        } else if input.len() == input.capacity() {
            // A frame that is longer than the buffer: its length is bounded.
            input.reserve(input.len().max(READ_BYTES));
        }
        let polled = poll_read_buf(Pin::new(&mut *reader), cx, input);
        if polled.is_pending() && input.is_empty() {
            pool.give_back(mem::take(input));
        }
        polled
    })
    .await
}

/// The next message beside the answers.
async fn received(messages: &mut Option<mpsc::Receiver<Bytes>>) -> Option<Bytes> {
    poll_fn(|cx| match messages {
        Some(messages) => messages.poll_recv(cx),
        None => Poll::Pending,
    })
    .await
}

#[derive(PartialEq, Eq)]
enum Flushed {
    Done,
    TooSlow,
}

impl Connection {
    /// Serves every whole frame that was read, with a flush and a turn for
    /// others after each few.
    async fn burst<W: AsyncWrite + Unpin>(&mut self, writer: &mut W) -> io::Result<Flushed> {
        let mut served = 0;
        loop {
            match self.decoder.next(&mut self.input) {
                Ok(Some(frame)) => self.frame(frame).await,
                Ok(None) => {
                    if self.input.is_empty() {
                        self.host.buffers.give_back(mem::take(&mut self.input));
                    }
                    return Ok(Flushed::Done);
                }
                Err(too_long) => {
                    let reply = self.peer.too_long(&too_long);
                    self.queue(Some(&reply));
                }
            }
            served += 1;
            if served % FRAMES_PER_TURN == 0 || self.output.len() >= OUTPUT_MAX_BYTES {
                if self.flush(writer).await? == Flushed::TooSlow {
                    return Ok(Flushed::TooSlow);
                }
                tokio::task::yield_now().await;
            }
        }
    }

    /// Serves a last line without a line end.
    async fn last_frame(&mut self) {
        match self.decoder.finish(&mut self.input) {
            Ok(Some(frame)) => self.frame(frame).await,
            Ok(None) => {}
            Err(too_long) => {
                let reply = self.peer.too_long(&too_long);
                self.queue(Some(&reply));
            }
        }
    }

    async fn frame(&mut self, frame: Bytes) {
        let reply = self.peer.frame(frame).await;
        // What a call said while it ran goes before its answer.
        self.queue_waiting();
        self.queue(reply.as_deref());
    }

    fn queue_waiting(&mut self) {
        if self.messages.is_none() {
            self.messages = self.peer.take_messages();
        }
        while let Some(Ok(message)) = self.messages.as_mut().map(mpsc::Receiver::try_recv) {
            self.queue(Some(&message));
        }
    }

    fn queue(&mut self, message: Option<&[u8]>) {
        if let Some(message) = message {
            if self.output.capacity() == 0 {
                self.output = self.host.buffers.take(READ_BYTES);
            }
            self.output.extend_from_slice(message);
            self.output.extend_from_slice(b"\n");
        }
    }

    /// Writes everything in one go.
    async fn flush<W: AsyncWrite + Unpin>(&mut self, writer: &mut W) -> io::Result<Flushed> {
        if self.output.is_empty() {
            return Ok(Flushed::Done);
        }
        let mut written = 0;
        // Most peers take all at once, and need no timer.
        if !poll_fn(|cx| Poll::Ready(self.write_at_once(writer, cx, &mut written))).await? {
            let rest = &self.output[written..];
            if self.write(writer, rest).await? == Flushed::TooSlow {
                return Ok(Flushed::TooSlow);
            }
        }
        self.host.buffers.give_back(mem::take(&mut self.output));
        Ok(Flushed::Done)
    }

    /// Writes what the system takes now; whether that is everything.
    fn write_at_once<W: AsyncWrite + Unpin>(
        &self,
        writer: &mut W,
        cx: &mut Context<'_>,
        written: &mut usize,
    ) -> io::Result<bool> {
        while *written < self.output.len() {
            match Pin::new(&mut *writer).poll_write(cx, &self.output[*written..]) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(more)) => *written += more,
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(false),
            }
        }
        match Pin::new(&mut *writer).poll_flush(cx) {
            Poll::Ready(flushed) => flushed.map(|()| true),
            Poll::Pending => Ok(false),
        }
    }

    /// Writes this as the peer takes it.
    async fn write<W: AsyncWrite + Unpin>(
        &self,
        writer: &mut W,
        rest: &[u8],
    ) -> io::Result<Flushed> {
        let writing = async {
            writer.write_all(rest).await?;
            writer.flush().await
        };
        tokio::select! {
            biased;
            written = timeout(self.write_timeout, writing) => match written {
                Ok(written) => written.map(|()| Flushed::Done),
                Err(_elapsed) => Ok(Flushed::TooSlow),
            },
            () = self.stopped.cancelled() => Ok(Flushed::TooSlow),
        }
    }
}
