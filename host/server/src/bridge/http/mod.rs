//! Hosts that speak Streamable HTTP, to clients of both eras.
//!
//! It owns the order of messages: which wait for the one before, and which run at
//! once. It never reads a response: [`exchange`] does.

mod changes;
mod events;
mod exchange;
mod headers;
mod link;
mod tools;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fusebox_protocol::envelope::{self, Incoming};
use fusebox_protocol::params::CancelledParams;
use fusebox_protocol::{Era, Message, Notification, Request, RpcError, era};
use tokio::io::AsyncRead;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::ends::Ends;
use super::open::{CANCELLED, too_many};
use super::{BridgeError, Options, Target};
use crate::batch::BATCH_MAX;
use exchange::Asked;
use link::Link;

/// How long the host may take for what has no answer, and for `initialize`.
const POST_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the host may take for what is left when the client has ended.
const LAST_ANSWERS: Duration = Duration::from_secs(60);

/// Joins both sides until the client's has ended and the host has answered.
pub(super) async fn serve<R: AsyncRead + Unpin>(
    url: &Target,
    options: &Options,
    ends: Ends<R>,
) -> Result<(), BridgeError> {
    let Ends {
        mut input,
        output,
        writing,
    } = ends;
    let link = Arc::new(Link::new(url, options, output)?);
    let mut bridge = Bridge {
        link: link.clone(),
        running: JoinSet::new(),
    };
    let mut terminated = signal(SignalKind::terminate())?;
    let ended = loop {
        tokio::select! {
            line = input.next() => match line? {
                Some(Ok(frame)) => bridge.frame(frame).await,
                Some(Err(too_long)) => {
                    let error = RpcError::invalid_request(too_long.to_string());
                    link.output.error(None, &error).await;
                }
                None => break bridge.finish().await.map_err(|why| url.lost(why)),
            },
            () = link.lost.cancelled() => break Err(url.lost(link.why_lost())),
            Some(_ended) = bridge.running.join_next() => {}
            _ = terminated.recv() => break Ok(()),
        }
    };
    bridge.running.shutdown().await;
    link.close_session().await;
    if let Err(error) = &ended {
        link.open.fail(&link.output, &error.to_string()).await;
    }
    // The writer ends when nobody can send to it any more.
    drop((bridge, link));
    // A client that has gone reads no last words.
    let _ = writing.await;
    ended
}

struct Bridge {
    link: Arc<Link>,
    /// requests whose answers are awaited, and the stream of changes
    running: JoinSet<()>,
}

impl Bridge {
    async fn frame(&mut self, frame: Bytes) {
        if let Err(refused) = self.link.open.asked(&frame) {
            self.link.output.error(Some(&refused), &too_many()).await;
            return;
        }
        match envelope::parse(&frame, BATCH_MAX) {
            Ok(Incoming::Single(Message::Request(request))) => {
                self.request(&frame, &request).await;
            }
            Ok(Incoming::Single(Message::Notification(notification))) => {
                self.notification(&frame, &notification).await;
            }
            Ok(Incoming::Single(Message::Response(_))) => self.post(&frame, None).await,
            Ok(Incoming::Batch(batch)) => {
                let asked = batch.iter().flatten().filter_map(|one| match one {
                    Message::Request(request) => Some(request.id.clone()),
                    Message::Notification(_) | Message::Response(_) => None,
                });
                let asked = Asked::batch(asked.collect());
                self.exchange(frame.clone(), asked, self.link.legacy_headers());
            }
            Err(malformed) => {
                let id = malformed.id.as_ref();
                self.link.output.error(id, &malformed.error).await;
            }
        }
    }

    async fn request(&mut self, frame: &Bytes, request: &Request<'_>) {
        let id = request.id.clone();
        let cancelled = self.link.begin(&id);
        let asked = Asked::one(id, &request.method, cancelled);
        if era::of_message(None, &Message::Request(request.clone())) == Era::Modern {
            let headers = headers::modern(request, &self.link.tools);
            self.exchange(frame.clone(), asked.modern(), headers);
        } else if request.method == "initialize" {
            // What follows needs the session that this one opens.
            self.link.forget_session();
            let opening = exchange::run(&self.link, frame.clone(), asked.clone(), Vec::new());
            if timeout(POST_TIMEOUT, opening).await.is_err() {
                asked
                    .fail(&self.link, "the host didn't answer in time")
                    .await;
            }
        } else {
            self.exchange(frame.clone(), asked, self.link.legacy_headers());
        }
    }

    fn exchange(&mut self, frame: Bytes, asked: Asked, headers: headers::Headers) {
        let link = self.link.clone();
        self.running.spawn(async move {
            exchange::run(&link, frame, asked, headers).await;
        });
    }

    async fn notification(&mut self, frame: &Bytes, notification: &Notification<'_>) {
        if notification.method == CANCELLED
            && let Ok(gone) = CancelledParams::from_params(&notification.params)
        {
            // A modern client cancels by hanging up, and needs no more words.
            if self.link.cancel(&gone.request_id) == Some(Era::Modern) {
                return;
            }
        }
        let message = Message::Notification(notification.clone());
        let modern = era::of_message(None, &message) == Era::Modern;
        let headers = modern.then(|| headers::modern_notification(notification));
        self.post(frame, headers).await;
        if notification.method == "notifications/initialized"
            && let Some(session) = self.link.session()
        {
            let link = self.link.clone();
            self.running
                .spawn(async move { changes::follow(&link, session).await });
        }
    }

    /// Sends what has no answer, and waits until the host has it: the order of such
    /// messages is kept.
    async fn post(&self, frame: &Bytes, headers: Option<headers::Headers>) {
        let headers = headers.unwrap_or_else(|| self.link.legacy_headers());
        let posting = exchange::post(&self.link, frame.clone(), headers);
        match timeout(POST_TIMEOUT, posting).await {
            Ok(Ok(response)) if response.status().is_success() => {}
            Ok(Ok(response)) => {
                tracing::warn!(status = %response.status(), "the host didn't take a message");
                self.link.note_status(response.status());
            }
            Ok(Err(error)) => tracing::warn!(%error, "a message was lost"),
            Err(_elapsed) => tracing::warn!("a message was lost: the host is silent"),
        }
    }

    /// The client has ended: what it asked is answered, what never ends is ended.
    async fn finish(&mut self) -> Result<(), String> {
        self.link.ending.cancel();
        let all = async { while self.running.join_next().await.is_some() {} };
        tokio::select! {
            done = timeout(LAST_ANSWERS, all) => done
                .map_err(|_elapsed| "it didn't answer all that was asked".to_owned()),
            () = self.link.lost.cancelled() => Err(self.link.why_lost()),
        }
    }
}

/// A token that is cancelled with either of two.
fn either(one: &CancellationToken, other: &CancellationToken) -> impl Future<Output = ()> {
    let (one, other) = (one.clone(), other.clone());
    async move {
        tokio::select! {
            () = one.cancelled() => {}
            () = other.cancelled() => {}
        }
    }
}
