//! QUIC as the crate `h3` wants it: its traits over quinn's types.
//!
//! It owns two things that such an adapter usually doesn't: a request can tell that
//! its client hung up, which cancels a call; and each stream has an allowance, so
//! that no frame of HTTP/3 makes the host keep more than it would of HTTP/1.1. It
//! never knows what a frame means.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h3::error::Code;
use h3::quic::{self, ConnectionErrorIncoming, StreamErrorIncoming, StreamId, WriteBuf};
use parking_lot::Mutex;
use quinn::{Chunk, ConnectionError, ReadError, VarInt, WriteError};
use tokio_util::sync::ReusableBoxFuture;

use super::connection::Stopped;

/// Bytes that may come on a stream of HTTP/3's own: its settings, and hints that a
/// client gives with its requests.
const CONTROL_MAX_BYTES: u64 = 1 << 20;

/// Bytes taken from quinn at once.
const CHUNK_MAX_BYTES: u64 = 64 << 10;

type Waiting<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Pair = (quinn::SendStream, quinn::RecvStream);

/// What a request knows of its stream beside what h3 tells it.
pub(super) struct Watch {
    /// how the stream to the client ended
    pub(super) stopped: Waiting<Stopped>,
    /// bytes that the client may send on it
    pub(super) allowance: Arc<AtomicU64>,
}

/// A connection, from the server's side.
pub(super) struct Connection {
    quinn: quinn::Connection,
    accepting: Option<Waiting<Result<Pair, ConnectionError>>>,
    accepting_one_way: Option<Waiting<Result<quinn::RecvStream, ConnectionError>>>,
    opener: Opener,
    head_max_bytes: u64,
    latest: Arc<Mutex<Option<Watch>>>,
}

impl Connection {
    /// Each request may send `head_max_bytes` until more are allowed. The second
    /// value has the [`Watch`] of the request that h3 accepted last.
    pub(super) fn new(
        quinn: quinn::Connection,
        head_max_bytes: u64,
    ) -> (Self, Arc<Mutex<Option<Watch>>>) {
        let latest = Arc::default();
        let connection = Self {
            opener: Opener::new(quinn.clone()),
            quinn,
            accepting: None,
            accepting_one_way: None,
            head_max_bytes,
            latest: Arc::clone(&latest),
        };
        (connection, latest)
    }
}

impl quic::Connection<Bytes> for Connection {
    type RecvStream = RecvStream;
    type OpenStreams = Opener;

    fn poll_accept_recv(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<RecvStream, ConnectionErrorIncoming>> {
        let quinn = &self.quinn;
        let accepted = ready!(poll_or_begin(&mut self.accepting_one_way, cx, || {
            let quinn = quinn.clone();
            Box::pin(async move { quinn.accept_uni().await })
        }));
        let allowance = Arc::new(AtomicU64::new(CONTROL_MAX_BYTES));
        Poll::Ready(match accepted {
            Ok(recv) => Ok(RecvStream::new(recv, allowance)),
            Err(error) => Err(lost(error)),
        })
    }

    fn poll_accept_bidi(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<BidiStream, ConnectionErrorIncoming>> {
        let quinn = &self.quinn;
        let accepted = ready!(poll_or_begin(&mut self.accepting, cx, || {
            let quinn = quinn.clone();
            Box::pin(async move { quinn.accept_bi().await })
        }));
        let (send, recv) = accepted.map_err(lost)?;
        let allowance = Arc::new(AtomicU64::new(self.head_max_bytes));
        *self.latest.lock() = Some(Watch {
            stopped: Box::pin(send.stopped()),
            allowance: allowance.clone(),
        });
        Poll::Ready(Ok(BidiStream {
            send: SendStream::new(send),
            recv: RecvStream::new(recv, allowance),
        }))
    }

    fn opener(&self) -> Opener {
        Opener::new(self.quinn.clone())
    }
}

impl quic::OpenStreams<Bytes> for Connection {
    type BidiStream = BidiStream;
    type SendStream = SendStream;

    fn poll_open_bidi(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<BidiStream, StreamErrorIncoming>> {
        self.opener.poll_open_bidi(cx)
    }

    fn poll_open_send(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<SendStream, StreamErrorIncoming>> {
        self.opener.poll_open_send(cx)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        self.opener.close(code, reason);
    }
}

/// Opens the host's own streams.
pub(super) struct Opener {
    quinn: quinn::Connection,
    opening: Option<Waiting<Result<quinn::SendStream, ConnectionError>>>,
}

impl Opener {
    fn new(quinn: quinn::Connection) -> Self {
        Self {
            quinn,
            opening: None,
        }
    }
}

impl quic::OpenStreams<Bytes> for Opener {
    type BidiStream = BidiStream;
    type SendStream = SendStream;

    fn poll_open_bidi(
        &mut self,
        _cx: &mut Context<'_>,
    ) -> Poll<Result<BidiStream, StreamErrorIncoming>> {
        let words = "a server of HTTP/3 opens no streams in both directions";
        Poll::Ready(Err(StreamErrorIncoming::Unknown(words.into())))
    }

    fn poll_open_send(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<SendStream, StreamErrorIncoming>> {
        let quinn = &self.quinn;
        let opened = ready!(poll_or_begin(&mut self.opening, cx, || {
            let quinn = quinn.clone();
            Box::pin(async move { quinn.open_uni().await })
        }));
        Poll::Ready(match opened {
            Ok(send) => Ok(SendStream::new(send)),
            Err(error) => Err(stream_lost(error)),
        })
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        self.quinn.close(varint(code.value()), reason);
    }
}

/// Polls what is waited for, which begins if nothing is.
fn poll_or_begin<T>(
    waiting: &mut Option<Waiting<T>>,
    cx: &mut Context<'_>,
    begin: impl FnOnce() -> Waiting<T>,
) -> Poll<T> {
    let ended = ready!(waiting.get_or_insert_with(begin).as_mut().poll(cx));
    *waiting = None;
    Poll::Ready(ended)
}

/// A request and its response.
pub(super) struct BidiStream {
    send: SendStream,
    recv: RecvStream,
}

impl quic::BidiStream<Bytes> for BidiStream {
    type SendStream = SendStream;
    type RecvStream = RecvStream;

    fn split(self) -> (SendStream, RecvStream) {
        (self.send, self.recv)
    }
}

impl quic::RecvStream for BidiStream {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        self.recv.poll_data(cx)
    }

    fn stop_sending(&mut self, error_code: u64) {
        self.recv.stop_sending(error_code);
    }

    fn recv_id(&self) -> StreamId {
        self.recv.recv_id()
    }
}

impl quic::SendStream<Bytes> for BidiStream {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.send.poll_ready(cx)
    }

    fn send_data<D: Into<WriteBuf<Bytes>>>(&mut self, data: D) -> Result<(), StreamErrorIncoming> {
        self.send.send_data(data)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.send.poll_finish(cx)
    }

    fn reset(&mut self, reset_code: u64) {
        self.send.reset(reset_code);
    }

    fn send_id(&self) -> StreamId {
        self.send.send_id()
    }
}

type Read = (quinn::RecvStream, Result<Option<Chunk>, ReadError>);

/// What the client sends.
pub(super) struct RecvStream {
    id: StreamId,
    /// none while `reading` has it
    quinn: Option<quinn::RecvStream>,
    /// its room is used again by each read
    reading: ReusableBoxFuture<'static, Read>,
    received: u64,
    allowance: Arc<AtomicU64>,
}

/// The client has sent more than any request may have.
#[derive(Debug, thiserror::Error)]
#[error("more than {0} bytes came on one stream")]
struct AllowanceUsed(u64);

impl RecvStream {
    fn new(quinn: quinn::RecvStream, allowance: Arc<AtomicU64>) -> Self {
        Self {
            id: stream_id(quinn.id()),
            quinn: Some(quinn),
            reading: ReusableBoxFuture::new(std::future::pending()),
            received: 0,
            allowance,
        }
    }
}

impl quic::RecvStream for RecvStream {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        if let Some(mut quinn) = self.quinn.take() {
            let allowance = self.allowance.load(Ordering::Relaxed);
            let left = allowance.saturating_sub(self.received);
            if left == 0 {
                self.quinn = Some(quinn);
                let error = AllowanceUsed(allowance);
                return Poll::Ready(Err(StreamErrorIncoming::Unknown(Box::new(error))));
            }
            let most = usize::try_from(left.min(CHUNK_MAX_BYTES)).unwrap_or(1);
            self.reading.set(async move {
                let chunk = quinn.read_chunk(most, true).await;
                (quinn, chunk)
            });
        }
        let (quinn, chunk) = ready!(self.reading.poll(cx));
        self.quinn = Some(quinn);
        Poll::Ready(match chunk {
            Ok(Some(chunk)) => {
                self.received += chunk.bytes.len() as u64;
                Ok(Some(chunk.bytes))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(read_failed(error)),
        })
    }

    fn stop_sending(&mut self, error_code: u64) {
        match &mut self.quinn {
            // Of a stream that has ended there is nothing to stop.
            Some(quinn) => drop(quinn.stop(varint(error_code))),
            // With the read goes the stream, which quinn stops then.
            None => self.reading.set(std::future::pending()),
        }
    }

    fn recv_id(&self) -> StreamId {
        self.id
    }
}

/// What the host sends.
pub(super) struct SendStream {
    quinn: quinn::SendStream,
    writing: Option<WriteBuf<Bytes>>,
}

impl SendStream {
    fn new(quinn: quinn::SendStream) -> Self {
        Self {
            quinn,
            writing: None,
        }
    }
}

impl quic::SendStream<Bytes> for SendStream {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        while let Some(data) = self.writing.as_mut().filter(|data| data.has_remaining()) {
            let quinn = Pin::new(&mut self.quinn);
            let written = ready!(quinn.poll_write(cx, data.chunk())).map_err(write_failed)?;
            data.advance(written);
        }
        self.writing = None;
        Poll::Ready(Ok(()))
    }

    fn send_data<D: Into<WriteBuf<Bytes>>>(&mut self, data: D) -> Result<(), StreamErrorIncoming> {
        if self.writing.is_some() {
            let words = "h3 sends before what it sent is written";
            return Err(StreamErrorIncoming::Unknown(words.into()));
        }
        self.writing = Some(data.into());
        Ok(())
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        ready!(self.poll_ready(cx))?;
        let finished = self.quinn.finish();
        Poll::Ready(finished.map_err(|error| StreamErrorIncoming::Unknown(Box::new(error))))
    }

    fn reset(&mut self, reset_code: u64) {
        // Of a stream that has ended there is nothing to reset.
        let _ = self.quinn.reset(varint(reset_code));
    }

    fn send_id(&self) -> StreamId {
        stream_id(self.quinn.id())
    }
}

fn varint(value: u64) -> VarInt {
    VarInt::from_u64(value).unwrap_or(VarInt::MAX)
}

fn stream_id(id: quinn::StreamId) -> StreamId {
    StreamId::try_from(u64::from(id)).expect("both are the same 62 bits")
}

fn lost(error: ConnectionError) -> ConnectionErrorIncoming {
    match error {
        ConnectionError::ApplicationClosed(close) => ConnectionErrorIncoming::ApplicationClose {
            error_code: close.error_code.into_inner(),
        },
        ConnectionError::TimedOut => ConnectionErrorIncoming::Timeout,
        other => ConnectionErrorIncoming::Undefined(Arc::new(other)),
    }
}

fn stream_lost(error: ConnectionError) -> StreamErrorIncoming {
    StreamErrorIncoming::ConnectionErrorIncoming {
        connection_error: lost(error),
    }
}

fn read_failed(error: ReadError) -> StreamErrorIncoming {
    match error {
        ReadError::Reset(code) => StreamErrorIncoming::StreamTerminated {
            error_code: code.into_inner(),
        },
        ReadError::ConnectionLost(error) => stream_lost(error),
        other => StreamErrorIncoming::Unknown(Box::new(other)),
    }
}

fn write_failed(error: WriteError) -> StreamErrorIncoming {
    match error {
        WriteError::Stopped(code) => StreamErrorIncoming::StreamTerminated {
            error_code: code.into_inner(),
        },
        WriteError::ConnectionLost(error) => stream_lost(error),
        other => StreamErrorIncoming::Unknown(Box::new(other)),
    }
}
