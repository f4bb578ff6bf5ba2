//! Streams of server-sent events: a call's messages and its answer, or changes
//! until somebody ends them.
//!
//! It owns keep-alives and the end of a stream. It never chooses a status.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use fusebox_protocol::sse;
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::reply::Reply;
use crate::subscription::Subscription;

/// A call in the making: it is polled by the stream, and dropped with it.
/// None: the call was cancelled, and has no answer.
pub(super) type Answer = Pin<Box<dyn Future<Output = Option<Reply>> + Send>>;

/// One event with one message.
pub(super) fn event(message: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(message.len() + 24);
    sse::event(&mut out, message, None);
    out.into()
}

/// All that is waiting, and then the answer, in one piece.
pub(super) fn whole(messages: &[Bytes], answer: &[u8]) -> Bytes {
    let mut out = Vec::new();
    for message in messages {
        sse::event(&mut out, message, None);
    }
    sse::event(&mut out, answer, None);
    out.into()
}

struct Call {
    first: Option<Bytes>,
    messages: mpsc::Receiver<Bytes>,
    answer: Option<Answer>,
    keep_alive: Duration,
    next_beat: Instant,
}

/// A call's messages, beginning with `first`, and its answer at the end.
pub(super) fn call(
    first: Bytes,
    messages: mpsc::Receiver<Bytes>,
    answer: Answer,
    keep_alive: Duration,
) -> impl Stream<Item = Bytes> + Send {
    let call = Call {
        first: Some(first),
        messages,
        answer: Some(answer),
        keep_alive,
        next_beat: Instant::now() + keep_alive,
    };
    unfold(call, |mut call| async move {
        let piece = call.next().await?;
        call.next_beat = Instant::now() + call.keep_alive;
        Some((piece, call))
    })
}

impl Call {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(event(&first));
        }
        let answer = self.answer.as_mut()?;
        tokio::select! {
            biased;
            Some(message) = self.messages.recv() => Some(event(&message)),
            answer = answer => {
                self.answer = None;
                let mut waiting = Vec::new();
                while let Ok(message) = self.messages.try_recv() {
                    waiting.push(message);
                }
                answer.map(|answer| whole(&waiting, &answer.body))
            }
            () = sleep_until(self.next_beat) => Some(beat()),
        }
    }
}

struct Changes {
    subscription: Subscription,
    begun: bool,
    ended: bool,
    stop: CancellationToken,
    keep_alive: Duration,
}

/// Changes until the host stops or the client goes away.
pub(super) fn changes(
    subscription: Subscription,
    stop: CancellationToken,
    keep_alive: Duration,
) -> impl Stream<Item = Bytes> + Send {
    let changes = Changes {
        subscription,
        begun: false,
        ended: false,
        stop,
        keep_alive,
    };
    unfold(changes, |mut changes| async move {
        let piece = changes.next().await?;
        Some((piece, changes))
    })
}

impl Changes {
    async fn next(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        if !self.begun {
            self.begun = true;
            // A first byte tells the client that the stream stands.
            return Some(match self.subscription.acknowledgement() {
                Some(message) => event(&message),
                None => beat(),
            });
        }
        tokio::select! {
            // What has ended says nothing more, whatever is waiting.
            biased;
            () = self.stop.cancelled() => self.end(),
            message = self.subscription.next() => match message {
                Some(message) => Some(event(&message)),
                None => self.end(),
            },
            () = tokio::time::sleep(self.keep_alive) => Some(beat()),
        }
    }

    fn end(&mut self) -> Option<Bytes> {
        self.ended = true;
        self.subscription.end().map(|message| event(&message))
    }
}

/// A comment, which says that the stream still stands.
pub(super) fn beat() -> Bytes {
    let mut out = Vec::new();
    sse::keep_alive(&mut out);
    out.into()
}
