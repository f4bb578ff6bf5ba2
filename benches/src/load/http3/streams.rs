//! QUIC as the crate `h3` wants it, from the client's side: its traits over quinn's
//! types.
//!
//! It owns nothing but the translation. It never knows what a frame means.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use h3::error::Code;
use h3::quic::{self, ConnectionErrorIncoming, StreamErrorIncoming, StreamId, WriteBuf};
use quinn::{ConnectionError, ReadError, VarInt, WriteError};

/// Bytes taken from quinn at once.
const CHUNK_MAX_BYTES: usize = 64 << 10;

type Waiting<T> = Pin<Box<dyn Future<Output = Result<T, ConnectionError>> + Send>>;
type Pair = (quinn::SendStream, quinn::RecvStream);

/// Polls what is waited for, which begins if nothing is.
fn poll_or_begin<T>(
    waiting: &mut Option<Waiting<T>>,
    cx: &mut Context<'_>,
    begin: impl FnOnce() -> Waiting<T>,
) -> Poll<Result<T, ConnectionError>> {
    let ended = ready!(waiting.get_or_insert_with(begin).as_mut().poll(cx));
    *waiting = None;
    Poll::Ready(ended)
}

/// A connection.
pub(in super::super) struct Connection {
    quinn: quinn::Connection,
    accepting: Option<Waiting<Pair>>,
    accepting_one_way: Option<Waiting<quinn::RecvStream>>,
    opener: Opener,
}

impl Connection {
    pub(super) fn new(quinn: quinn::Connection) -> Self {
        Self {
            opener: Opener::new(quinn.clone()),
            quinn,
            accepting: None,
            accepting_one_way: None,
        }
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
        Poll::Ready(accepted.map(RecvStream).map_err(lost))
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
        Poll::Ready(accepted.map(BidiStream::new).map_err(lost))
    }

    fn opener(&self) -> Opener {
        self.opener.clone()
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

/// Opens streams.
pub(in super::super) struct Opener {
    quinn: quinn::Connection,
    opening: Option<Waiting<Pair>>,
    opening_one_way: Option<Waiting<quinn::SendStream>>,
}

impl Opener {
    fn new(quinn: quinn::Connection) -> Self {
        Self {
            quinn,
            opening: None,
            opening_one_way: None,
        }
    }
}

impl Clone for Opener {
    /// The copy waits for nothing yet.
    fn clone(&self) -> Self {
        Self::new(self.quinn.clone())
    }
}

impl quic::OpenStreams<Bytes> for Opener {
    type BidiStream = BidiStream;
    type SendStream = SendStream;

    fn poll_open_bidi(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<BidiStream, StreamErrorIncoming>> {
        let quinn = &self.quinn;
        let opened = ready!(poll_or_begin(&mut self.opening, cx, || {
            let quinn = quinn.clone();
            Box::pin(async move { quinn.open_bi().await })
        }));
        Poll::Ready(opened.map(BidiStream::new).map_err(stream_lost))
    }

    fn poll_open_send(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<SendStream, StreamErrorIncoming>> {
        let quinn = &self.quinn;
        let opened = ready!(poll_or_begin(&mut self.opening_one_way, cx, || {
            let quinn = quinn.clone();
            Box::pin(async move { quinn.open_uni().await })
        }));
        Poll::Ready(opened.map(SendStream::new).map_err(stream_lost))
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        self.quinn.close(varint(code.value()), reason);
    }
}

/// A request and its response.
pub(in super::super) struct BidiStream {
    send: SendStream,
    recv: RecvStream,
}

impl BidiStream {
    fn new((send, recv): Pair) -> Self {
        Self {
            send: SendStream::new(send),
            recv: RecvStream(recv),
        }
    }
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

/// What the server sends.
pub(in super::super) struct RecvStream(quinn::RecvStream);

impl quic::RecvStream for RecvStream {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        // Nothing is lost with this future: quinn wakes whoever asked last.
        let chunk = ready!(pin!(self.0.read_chunk(CHUNK_MAX_BYTES, true)).poll(cx));
        Poll::Ready(match chunk {
            Ok(chunk) => Ok(chunk.map(|chunk| chunk.bytes)),
            Err(ReadError::Reset(code)) => Err(StreamErrorIncoming::StreamTerminated {
                error_code: code.into_inner(),
            }),
            Err(ReadError::ConnectionLost(error)) => Err(stream_lost(error)),
            Err(other) => Err(StreamErrorIncoming::Unknown(Box::new(other))),
        })
    }

    fn stop_sending(&mut self, error_code: u64) {
        // Of a stream that has ended there is nothing to stop.
        let _ = self.0.stop(varint(error_code));
    }

    fn recv_id(&self) -> StreamId {
        stream_id(self.0.id())
    }
}

/// What is sent to the server.
pub(in super::super) struct SendStream {
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

fn write_failed(error: WriteError) -> StreamErrorIncoming {
    match error {
        WriteError::Stopped(code) => StreamErrorIncoming::StreamTerminated {
            error_code: code.into_inner(),
        },
        WriteError::ConnectionLost(error) => stream_lost(error),
        other => StreamErrorIncoming::Unknown(Box::new(other)),
    }
}
