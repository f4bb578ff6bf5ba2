//! The client's side of a bridge: lines in, lines out.
//!
//! It owns both bounds: of a line, and of what waits to be written. It never knows
//! what a line says.

use std::io;

use bytes::{Bytes, BytesMut};
use fusebox_protocol::frame::{FrameTooLong, LineDecoder};
use fusebox_protocol::{Era, RequestId, RpcError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::reply::Reply;

/// The longest message in either direction. A host's own bound is lower by
/// default, and is the one that counts.
pub(super) const MESSAGE_MAX_BYTES: usize = 64 << 20;

/// Messages that wait for the client to read them.
const WAITING_MAX: usize = 64;

/// Bytes asked of the system at once.
const READ_BYTES: usize = 16 << 10;

/// Both directions.
pub(super) struct Ends<R> {
    pub(super) input: Input<R>,
    pub(super) output: Output,
    /// ends with the last copy of `output`
    pub(super) writing: JoinHandle<io::Result<()>>,
}

impl<R: AsyncRead + Unpin> Ends<R> {
    pub(super) fn new<W>(input: R, output: W) -> Self
    where
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, messages) = mpsc::channel(WAITING_MAX);
        Self {
            input: Input {
                reader: input,
                decoder: LineDecoder::new(MESSAGE_MAX_BYTES),
                buffer: BytesMut::new(),
                ended: false,
            },
            output: Output(sender),
            writing: tokio::spawn(write(output, messages)),
        }
    }
}

/// What the client says.
pub(super) struct Input<R> {
    reader: R,
    decoder: LineDecoder,
    buffer: BytesMut,
    ended: bool,
}

impl<R: AsyncRead + Unpin> Input<R> {
    /// The next line; none at the end. May be dropped and asked again.
    pub(super) async fn next(&mut self) -> io::Result<Option<Result<Bytes, FrameTooLong>>> {
        loop {
            if self.ended {
                return Ok(self.decoder.finish(&mut self.buffer).transpose());
            }
            match self.decoder.next(&mut self.buffer).transpose() {
                Some(line) => return Ok(Some(line)),
                None => {
                    self.buffer.reserve(READ_BYTES);
                    self.ended = self.reader.read_buf(&mut self.buffer).await? == 0;
                }
            }
        }
    }
}

/// Where messages for the client go. A client that doesn't read them holds up
/// whoever sends.
#[derive(Clone)]
pub(super) struct Output(mpsc::Sender<Bytes>);

/// The client has closed its side.
#[derive(Debug)]
pub(super) struct Closed;

impl Output {
    /// One message, without a line end.
    pub(super) async fn send(&self, message: Bytes) -> Result<(), Closed> {
        self.0.send(message).await.map_err(|_| Closed)
    }

    /// An error of the bridge itself, in place of an answer.
    pub(super) async fn error(&self, id: Option<&RequestId>, error: &RpcError) {
        // A client that has gone needs no answer.
        let _ = self
            .send(Reply::error(id, error, Era::Legacy).body.into())
            .await;
    }
}

async fn write<W: AsyncWrite + Unpin>(
    mut writer: W,
    mut messages: mpsc::Receiver<Bytes>,
) -> io::Result<()> {
    while let Some(message) = messages.recv().await {
        writer.write_all(&message).await?;
        writer.write_all(b"\n").await?;
        if messages.is_empty() {
            writer.flush().await?;
        }
    }
    writer.flush().await
}
