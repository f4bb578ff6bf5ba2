//! Streams of legacy sessions, which a client that lost its connection takes up
//! again: calls that say something before their answer, and changes.
//!
//! It owns who reads such a stream and what goes through the session's log. It
//! never says what is kept: [`crate::event_log`] does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fusebox_protocol::{ProtocolVersion, sse};
use futures_util::StreamExt;
use futures_util::stream::{self, unfold};
use http::StatusCode;
use tokio::sync::{Notify, mpsc};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::response::{HttpResponse, event_stream, refused};
use super::sse::{Answer, beat};
use crate::event_log::{Event, Follow, Reader};
use crate::host::Host;
use crate::reply::Reply;
use crate::session::Session;
use crate::subscription::Subscription;

/// Whether clients of this version take events without data, and come back when
/// their stream ends before its answer. Older ones fail at both.
pub(super) fn comes_back(version: ProtocolVersion) -> bool {
    version >= ProtocolVersion::V2025_11_25
}

/// What a call says, from `first` on, and its answer. The call goes on when the
/// client goes away, and what it says is kept.
pub(super) fn call(
    host: &Arc<Host>,
    session: Arc<Session>,
    first: Option<Bytes>,
    messages: mpsc::Receiver<Bytes>,
    answer: Answer,
    close: Arc<Notify>,
) -> HttpResponse {
    let reader = session.log.open_call(Instant::now());
    let speaker = Speaker {
        session: session.clone(),
        stream: reader.stream,
        messages,
        close,
    };
    host.tasks.spawn(speaker.speak(first, answer));
    let opening = opening(host, &session, &reader);
    read(host, session, reader, opening)
}

/// The same for a call that has ended already, in one piece.
pub(super) fn ended_call(
    host: &Host,
    session: &Session,
    messages: Vec<Bytes>,
    answer: Vec<u8>,
) -> HttpResponse {
    let reader = session.log.open_call(Instant::now());
    let mut out = opening(host, session, &reader);
    for message in messages.into_iter().chain([answer.into()]) {
        if let Some((event, _)) = session.log.record(reader.stream, message) {
            write(&mut out, &event);
        }
    }
    session.log.end(reader.stream, Instant::now());
    event_stream(stream::iter([Bytes::from(out)]))
}

/// Changes, until the session or the host ends.
pub(super) fn changes(host: &Arc<Host>, session: Arc<Session>) -> HttpResponse {
    let subscription = Subscription::legacy(host, session.agreement.clone());
    let source = unfold(subscription, |mut subscription| async move {
        let message = subscription.next().await?;
        Some((message, subscription))
    });
    let reader = session.log.open_changes(Box::pin(source), Instant::now());
    let opening = opening(host, &session, &reader);
    read(host, session, reader, opening)
}

/// What was missed of a stream, and the rest of it.
pub(super) fn resumed(host: &Arc<Host>, session: Arc<Session>, last: &str) -> HttpResponse {
    match session.log.resume(last, Instant::now()) {
        Ok(mut reader) => {
            let mut missed = Vec::new();
            for event in std::mem::take(&mut reader.missed) {
                write(&mut missed, &event);
            }
            read(host, session, reader, missed)
        }
        // Not 404, which would mean that the session has ended.
        Err(lost) => refused(StatusCode::BAD_REQUEST, &lost.to_string()),
    }
}

/// What begins a new stream: an id to come back with, and after how long.
fn opening(host: &Host, session: &Session, reader: &Reader) -> Vec<u8> {
    let mut out = Vec::new();
    if comes_back(session.agreement.version) {
        let retry_ms = host.live().http.sse_retry.as_millis();
        sse::retry(&mut out, u64::try_from(retry_ms).unwrap_or(u64::MAX));
        let id = session.log.priming_id(reader.stream);
        sse::event(&mut out, b"", Some(&id));
    }
    out
}

fn write(out: &mut Vec<u8>, event: &Event) {
    sse::event(out, &event.data, Some(&event.id));
}

/// The task that takes what a call says, whether or not somebody reads it.
struct Speaker {
    session: Arc<Session>,
    stream: u64,
    messages: mpsc::Receiver<Bytes>,
    close: Arc<Notify>,
}

impl Speaker {
    async fn speak(mut self, first: Option<Bytes>, mut answer: Answer) {
        if let Some(first) = first {
            self.say(first).await;
        }
        let reply = loop {
            tokio::select! {
                // What was said goes before the stream is closed, and before the
                // answer.
                biased;
                Some(message) = self.messages.recv() => self.say(message).await,
                () = self.close.notified() => self.session.log.hang_up(self.stream),
                reply = &mut answer => break reply,
            }
        };
        self.finish(reply).await;
    }

    async fn finish(mut self, reply: Option<Reply>) {
        while let Ok(message) = self.messages.try_recv() {
            self.say(message).await;
        }
        let Some(reply) = reply else {
            // Cancelled, or the session has ended: there is no answer to come
            // back for.
            self.session.log.forget(self.stream);
            return;
        };
        self.say(reply.body.into()).await;
        self.session.log.end(self.stream, Instant::now());
    }

    /// Keeps a message, and waits until its reader, if there is one, takes it.
    async fn say(&self, message: Bytes) {
        let Some((event, Some(live))) = self.session.log.record(self.stream, message) else {
            return;
        };
        tokio::select! {
            biased;
            () = live.replaced.cancelled() => {}
            // A reader that has gone comes back for it.
            _ = live.events.send(event) => {}
        }
    }
}

/// The body of a response that reads a stream.
struct Reading {
    session: Arc<Session>,
    reader: Reader,
    /// what goes out before anything else
    opening: Option<Bytes>,
    stopping: CancellationToken,
    keep_alive: Duration,
}

fn read(host: &Host, session: Arc<Session>, reader: Reader, mut opening: Vec<u8>) -> HttpResponse {
    // A first byte tells the client that the stream stands. A call has something
    // to say already.
    if opening.is_empty() && !matches!(reader.follow, Follow::Call(_)) {
        opening.extend_from_slice(&beat());
    }
    let reading = Reading {
        session,
        reader,
        opening: (!opening.is_empty()).then(|| opening.into()),
        stopping: host.stopping.clone(),
        keep_alive: host.live().http.sse_keep_alive,
    };
    event_stream(unfold(reading, |mut reading| async move {
        let piece = reading.next().await?;
        Some((piece, reading))
    }))
}

impl Reading {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(opening) = self.opening.take() {
            return Some(opening);
        }
        let (session, stream) = (&self.session, self.reader.stream);
        let next = async {
            match &mut self.reader.follow {
                Follow::Nothing => None,
                Follow::Call(events) => events.recv().await,
                Follow::Changes(source) => {
                    let mut source = source.lock().await;
                    let message = tokio::select! {
                        biased;
                        () = self.stopping.cancelled() => None,
                        message = source.next() => message,
                    }?;
                    // Kept in the same step as it was taken, so that a
                    // connection lost now loses nothing.
                    session.log.record(stream, message).map(|(event, _)| event)
                }
            }
        };
        tokio::select! {
            // What has ended says nothing more, whatever is waiting.
            biased;
            () = session.ended.cancelled() => None,
            () = self.reader.replaced.cancelled() => None,
            event = next => event.map(|event| {
                let mut out = Vec::with_capacity(event.data.len() + event.id.len() + 16);
                write(&mut out, &event);
                out.into()
            }),
            () = sleep(self.keep_alive) => Some(beat()),
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let Reader { stream, serial, .. } = self.reader;
        self.session.log.left(stream, serial, Instant::now());
    }
}
