//! One connection on which bytes go out and come in: requests are gathered and
//! written at once, answers are cut out of what was read, judged, and make room
//! for the next requests.
//!
//! It owns the buffers of a connection. It never knows what the bytes mean.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::LoadError;
use super::framing::Framing;
use super::ledger::{Ledger, Role};
use super::shard::{Feed, Shard};
use super::stats::Progress;
use super::template::{Template, digits};

/// A slow reader takes so much at a time.
const SLOW_BYTES: usize = 1024;

/// And then waits so long.
const SLOW_PAUSE: Duration = Duration::from_millis(20);

/// Requests are written once so much has been gathered.
const OUTPUT_MAX_BYTES: usize = 256 << 10;

/// A connection of bytes.
pub(super) struct Pipe<S> {
    pub(super) stream: S,
    pub(super) framing: Framing,
    pub(super) ledger: Ledger,
    pub(super) requests: Rc<[Template]>,
    pub(super) feed: Rc<Feed>,
    pub(super) shard: Rc<Shard>,
    buffers: Buffers,
    pause: Option<Pin<Box<Sleep>>>,
    /// nothing more is due
    done: bool,
}

#[derive(Default)]
struct Buffers {
    /// the start of an answer whose end has not come yet
    input: Vec<u8>,
    output: Vec<u8>,
    written: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Pipe<S> {
    pub(super) fn new(
        stream: S,
        framing: Framing,
        ledger: Ledger,
        requests: Rc<[Template]>,
        feed: Rc<Feed>,
        shard: Rc<Shard>,
    ) -> Self {
        Self {
            stream,
            framing,
            ledger,
            requests,
            feed,
            shard,
            buffers: Buffers::default(),
            pause: None,
            done: false,
        }
    }

    /// Calls until nothing more is due and everything is answered.
    pub(super) async fn run(mut self) {
        let ended = std::future::poll_fn(|context| self.poll(context)).await;
        let stats = &mut *self.shard.stats.borrow_mut();
        match (ended, self.ledger.role) {
            (Ok(()), _) => {}
            // The server is right to get rid of these.
            (
                Err(LoadError::Closed { .. } | LoadError::Io { .. }),
                Role::SlowReader | Role::Bomber,
            ) => {
                stats.others.disconnected += 1;
            }
            (Err(error), _) => {
                Progress::add(&self.shard.progress.errors, 1);
                stats.error(|| error.to_string());
            }
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), LoadError>> {
        loop {
            loop {
                let more = self.fill(context);
                self.poll_write(context)?;
                if !more || !self.buffers.output.is_empty() {
                    break;
                }
            }
            if self.done && self.ledger.in_flight() == 0 {
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_read(context))?;
        }
    }

    /// Gathers requests that are due, while there is room for them in flight.
    /// Whether there may be more once these are written.
    fn fill(&mut self, context: &Context<'_>) -> bool {
        if self.done || !self.ledger.has_room() {
            return false;
        }
        let now = self.shard.now();
        while self.ledger.has_room() && self.buffers.output.len() < OUTPUT_MAX_BYTES {
            match self.feed.poll_due(context, &self.shard, now) {
                Poll::Ready(Some(due)) => {
                    if let Some(begun) = self.ledger.begin(due, now) {
                        let request = &self.requests[begun.kind];
                        request.write(&digits(begun.id), &mut self.buffers.output);
                    }
                }
                Poll::Ready(None) => {
                    self.done = true;
                    return false;
                }
                Poll::Pending => return false,
            }
        }
        self.ledger.has_room()
    }

    /// Writes as much as the system takes.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Result<(), LoadError> {
        let buffers = &mut self.buffers;
        while buffers.written < buffers.output.len() {
            let rest = &buffers.output[buffers.written..];
            match Pin::new(&mut self.stream).poll_write(context, rest) {
                Poll::Ready(Ok(0)) => {
                    let nothing = io::ErrorKind::WriteZero.into();
                    return Err(LoadError::io("failed to write", nothing));
                }
                Poll::Ready(Ok(written)) => buffers.written += written,
                Poll::Ready(Err(error)) => return Err(LoadError::io("failed to write", error)),
                Poll::Pending => return Ok(()),
            }
        }
        buffers.output.clear();
        buffers.written = 0;
        Ok(())
    }

    /// Reads once and judges every whole answer.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Result<(), LoadError>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        let shard = self.shard.clone();
        let mut scratch = shard.scratch.borrow_mut();
        let slow = self.ledger.role == Role::SlowReader;
        let room = if slow { SLOW_BYTES } else { scratch.len() };
        let mut read = ReadBuf::new(&mut scratch[..room]);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut read))
            .map_err(|error| LoadError::io("failed to read", error))?;
        let bytes = read.filled();
        if bytes.is_empty() {
            let waiting = self.ledger.in_flight();
            return Poll::Ready(Err(LoadError::Closed { waiting }));
        }
        if slow {
            self.pause = Some(Box::pin(sleep(SLOW_PAUSE)));
        }
        Poll::Ready(self.take(bytes))
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), LoadError> {
        let now = self.shard.now();
        if self.shard.is_measured(now) {
            let stats = &mut *self.shard.stats.borrow_mut();
            stats.bytes_in += bytes.len() as u64;
            stats.reads += 1;
        }
        let mut input = std::mem::take(&mut self.buffers.input);
        if input.is_empty() {
            let taken = self.settle(bytes, now)?;
            input.extend_from_slice(&bytes[taken..]);
        } else {
            input.extend_from_slice(bytes);
            let taken = self.settle(&input, now)?;
            input.drain(..taken);
        }
        self.buffers.input = input;
        Ok(())
    }

    /// Judges every whole answer in `input`; how many bytes they took.
    fn settle(&mut self, input: &[u8], now: u64) -> Result<usize, LoadError> {
        let mut at = 0;
        let mut answers = 0;
        while let Some(frame) = self.framing.next(&input[at..])? {
            self.ledger.settle(frame.status, &frame.body, now)?;
            at += frame.taken;
            answers += 1;
            if frame.last && self.ledger.in_flight() > 0 {
                let waiting = self.ledger.in_flight();
                return Err(LoadError::Closed { waiting });
            }
        }
        Progress::add(&self.shard.progress.right, answers);
        Ok(at)
    }
}
