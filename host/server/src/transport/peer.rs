//! The client at the other end of a newline-delimited stream: what it agreed
//! on, what it waits for, and what each of its frames leads to.
//!
//! It owns the calls and subscriptions of one connection. It never reads or
//! writes bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use fusebox_protocol::envelope::{self, Incoming};
use fusebox_protocol::frame::FrameTooLong;
use fusebox_protocol::params::claimed_version;
use fusebox_protocol::{Era, Message, ProtocolVersion, Request, RequestId, RpcError, era};
use futures_util::poll;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::door::{self, Door};
use crate::audit::{Asked, Refused, Sender, Why};
use crate::auth::{Audience, Denied};
use crate::batch::{self, BATCH_MAX};
use crate::call::Call;
use crate::host::Host;
use crate::metrics::Lasting;
use crate::origin::Origin;
use crate::outbound::{Outbound, QUEUE_MAX_MESSAGES};
use crate::rates::TooFast;
use crate::reply::{Outcome, Reply};
use crate::router::{self, Routed};
use crate::session::{Agreement, CallsInFlight};
use crate::subscription::Subscription;
use crate::telemetry::Arrival;

/// One client.
pub(crate) struct Peer {
    host: Arc<Host>,
    /// where messages beside the answers go; made when somebody first needs it
    outbound: Option<Outbound>,
    /// the other end of an `outbound` that was made here
    messages: Option<mpsc::Receiver<Bytes>>,
    door: Door,
    origin: Origin,
    agreement: Option<Arc<Agreement>>,
    /// tells how long it was there; none: it has said nothing yet of what it speaks
    lasting: Option<Lasting>,
    calls: Arc<CallsInFlight>,
    /// calls that outlived the turn they were read in; each sends its own answer
    running: JoinSet<()>,
    /// subscriptions, which end when the connection does
    listening: JoinSet<()>,
    closing: CancellationToken,
    /// bytes of answers that the connection hasn't taken yet
    undelivered: Arc<AtomicUsize>,
}

impl Peer {
    /// `outbound`: where its messages go; none: what [`Self::take_messages`] gives
    /// gets them.
    pub(crate) fn new(
        host: Arc<Host>,
        outbound: Option<Outbound>,
        door: Door,
        origin: Origin,
    ) -> Self {
        Self {
            host,
            door,
            origin,
            outbound,
            messages: None,
            agreement: None,
            lasting: None,
            calls: Arc::default(),
            running: JoinSet::new(),
            listening: JoinSet::new(),
            closing: CancellationToken::new(),
            undelivered: Arc::default(),
        }
    }

    /// The queue of messages beside the answers, once, if one was made.
    pub(crate) fn take_messages(&mut self) -> Option<mpsc::Receiver<Bytes>> {
        self.messages.take()
    }

    fn outbound(&mut self) -> Outbound {
        let messages = &mut self.messages;
        self.outbound
            .get_or_insert_with(|| {
                let (outbound, receiver) = mpsc::channel(QUEUE_MAX_MESSAGES);
                *messages = Some(receiver);
                outbound
            })
            .clone()
    }

    /// Calls that are not answered yet.
    pub(crate) fn in_flight(&self) -> usize {
        self.running.len()
    }

    /// Bytes of answers that are made and not taken by the connection.
    pub(crate) fn undelivered_bytes(&self) -> usize {
        self.undelivered.load(Ordering::Relaxed)
    }

    /// Waits for the end of one call.
    pub(crate) async fn one_ended(&mut self) {
        if let Some(Err(error)) = self.running.join_next().await {
            tracing::error!(%error, "a call failed on the host's side");
        }
    }

    /// Nothing more will be read: ends the subscriptions, and calls that wait for
    /// the user. Other calls go on.
    pub(crate) fn close(&mut self) {
        self.closing.cancel();
        if let Some(agreement) = &self.agreement {
            agreement.pending.close();
        }
    }

    /// The answer to a frame that is too long to be read.
    pub(crate) fn too_long(&self, error: &FrameTooLong) -> Vec<u8> {
        self.error(
            None,
            &RpcError::invalid_request(format!("{error} (raise `stream.frame_max_bytes`)")),
        )
    }

    /// Serves a frame: the answer if there is one now; a call that takes longer
    /// sends its own.
    pub(crate) async fn frame(&mut self, frame: Bytes) -> Option<Vec<u8>> {
        match envelope::parse(&frame, BATCH_MAX) {
            Ok(Incoming::Single(message)) => {
                if let Some(request) = self.door.knocks(&message) {
                    let knocking = Box::pin(self.door.knock(&self.host, request, &self.origin));
                    return Some(knocking.await.body);
                }
                if let Some(too_fast) = self.too_fast(&message) {
                    return Some(too_fast);
                }
                match self.door.audience(&self.host) {
                    Ok(audience) => {
                        let era = era::of_message(None, &message);
                        self.message(&frame, message, era, audience).await
                    }
                    Err(denied) => self.denied(&message, &denied),
                }
            }
            Ok(Incoming::Batch(batch)) => match self.door.audience(&self.host) {
                Ok(audience) => match self.rate(batch.len()) {
                    Ok(()) => {
                        self.batch(frame, audience);
                        None
                    }
                    Err(too_fast) => {
                        let error = too_fast.refusal(None, None);
                        self.refused(Asked::Nothing, &error);
                        Some(self.error(None, &error))
                    }
                },
                Err(denied) => Some(self.error(None, &self.denial(&denied, Asked::Nothing))),
            },
            Err(malformed) => Some(self.error(malformed.id.as_ref(), &malformed.error)),
        }
    }

    /// The answer to a request that comes too soon.
    fn too_fast(&self, message: &Message<'_>) -> Option<Vec<u8>> {
        let Message::Request(request) = message else {
            return None;
        };
        let error = self.rate(1).err()?.refusal(None, None);
        self.refused(Asked::Request(request), &error);
        Some(self.error(Some(&request.id), &error))
    }

    /// Takes requests from what is left to whoever sends them.
    fn rate(&self, requests: usize) -> Result<(), TooFast> {
        for _ in 0..requests {
            self.host.rates.address(self.origin.address())?;
            if let Door::Open(Audience { who: Some(who), .. }) = &self.door {
                self.host.rates.caller(who.subject())?;
            }
        }
        Ok(())
    }

    /// The answer to a message of somebody who isn't let in.
    fn denied(&self, message: &Message<'_>, denied: &Denied) -> Option<Vec<u8>> {
        let Message::Request(request) = message else {
            return None;
        };
        let error = self.denial(denied, Asked::Request(request));
        Some(self.error(Some(&request.id), &error))
    }

    fn denial(&self, denied: &Denied, asked: Asked<'_>) -> RpcError {
        let known = self.door.known();
        door::refusal(&self.host, denied, self.sender(&known), asked)
    }

    /// Has it written that a request came to nothing.
    fn refused(&self, asked: Asked<'_>, error: &RpcError) {
        if let Some(audit) = &self.host.audit {
            let known = self.door.known();
            let (sender, why) = (self.sender(&known), Why::Error(error));
            audit.refused(&Refused { sender, asked, why });
        }
    }

    fn sender<'a>(&'a self, audience: &'a Audience) -> Sender<'a> {
        let agreement = self.agreement.as_ref();
        Sender {
            audience,
            origin: &self.origin,
            session: agreement.map(|agreement| agreement.serial),
        }
    }

    async fn message(
        &mut self,
        frame: &Bytes,
        message: Message<'_>,
        era: Era,
        audience: Audience,
    ) -> Option<Vec<u8>> {
        match message {
            Message::Request(request) => self.request(frame, &request, era, audience).await,
            Message::Notification(notification) => {
                let now = Instant::now();
                self.host.meters.message(now);
                router::notification(&notification, &self.calls);
                let session = self.agreement.as_ref().map(|one| (None, one.version));
                let arrival = Arrival::notification(&notification, None, &self.origin, now);
                self.host.notified(&arrival, session);
                if notification.method == "notifications/initialized" {
                    self.tell_of_changes(audience);
                }
                None
            }
            Message::Response(response) => {
                router::response(&response, &self.agreement(audience));
                None
            }
        }
    }

    /// From now on it counts as a session, if it says what it speaks.
    fn lasts(&mut self, version: Option<ProtocolVersion>) {
        self.lasting = version.map(|version| self.host.session_begins(&self.origin, version));
    }

    fn error(&self, id: Option<&RequestId>, error: &RpcError) -> Vec<u8> {
        self.host.meters.error(Instant::now());
        let agreement = self.agreement.as_ref();
        let version = agreement.map(|agreement| agreement.version);
        Reply::error_on_stream(id, error, version).body
    }

    async fn request(
        &mut self,
        frame: &Bytes,
        request: &Request<'_>,
        era: Era,
        audience: Audience,
    ) -> Option<Vec<u8>> {
        let now = Instant::now();
        self.host.meters.request(now);
        let arrival = Arrival::request(request, None, &self.origin, now);
        let observed = self.host.observe(&arrival);
        let routed = match era {
            Era::Modern => {
                if self.lasting.is_none() {
                    self.lasts(claimed_version(&request.params));
                }
                router::modern(&self.host, frame, request, None, &audience, &self.origin)
            }
            Era::Legacy if request.method == "initialize" && self.agreement.is_none() => {
                match router::initialize(request, &audience) {
                    Ok((reply, agreement)) => {
                        if self.lasting.is_none() {
                            self.lasts(Some(agreement.version));
                        }
                        self.agreement = Some(Arc::new(agreement));
                        Routed::Ready(reply)
                    }
                    Err(error) => {
                        if let Some(observed) = observed {
                            observed.end(Instant::now(), Outcome::of(&error));
                        }
                        return Some(self.error(Some(&request.id), &error));
                    }
                }
            }
            Era::Legacy => {
                let agreement = self.agreement(audience);
                if let Some(observed) = &observed {
                    observed.in_session(None, agreement.version);
                }
                router::legacy(&self.host, frame, request, &agreement, &self.origin)
            }
        };
        match routed.observed(observed) {
            Routed::Ready(reply) => Some(reply.body),
            Routed::Later(answer) => {
                let outbound = self.outbound();
                self.running.spawn(async move {
                    let _ = outbound.send(answer.await.body.into()).await;
                });
                None
            }
            Routed::Call(call) => self.call(call).await,
            Routed::Listen(subscription) => {
                self.listen(subscription, Some(&request.id));
                None
            }
        }
    }

    /// What the client agreed on, or what is assumed of one that didn't ask.
    fn agreement(&mut self, audience: Audience) -> Arc<Agreement> {
        self.agreement
            .get_or_insert_with(|| Arc::new(Agreement::assumed(audience)))
            .clone()
    }

    /// Runs a call where it was read; if it lasts, it goes on in a task that
    /// the client can cancel.
    async fn call(&mut self, call: Box<Call>) -> Option<Vec<u8>> {
        let id = call.id.clone();
        let outbound = call.may_emit().then(|| self.outbound());
        let mut run = Box::pin(call.run(outbound));
        if let Poll::Ready(reply) = poll!(&mut run) {
            return Some(reply.body);
        }
        let registered = self.calls.register(id);
        let (outbound, undelivered) = (self.outbound(), self.undelivered.clone());
        self.running.spawn(async move {
            tokio::select! {
                reply = run => {
                    let bytes = reply.body.len();
                    undelivered.fetch_add(bytes, Ordering::Relaxed);
                    // A connection that has gone takes no answer.
                    let _ = outbound.send(reply.body.into()).await;
                    undelivered.fetch_sub(bytes, Ordering::Relaxed);
                }
                () = registered.cancelled.cancelled() => {}
            }
        });
        None
    }

    fn batch(&mut self, frame: Bytes, audience: Audience) {
        let agreement = self.agreement(audience);
        let outbound = self.outbound();
        let answered = batch::answer(
            self.host.clone(),
            frame,
            agreement,
            self.calls.clone(),
            self.origin.clone(),
            Some(outbound.clone()),
        );
        self.running.spawn(async move {
            if let Some(array) = answered.await {
                let _ = outbound.send(array.into()).await;
            }
        });
    }

    /// A legacy client that is ready hears of every list that changes.
    fn tell_of_changes(&mut self, audience: Audience) {
        if self.listening.is_empty() {
            let agreement = self.agreement(audience);
            self.listen(Subscription::legacy(&self.host, agreement), None);
        }
    }

    fn listen(&mut self, mut subscription: Subscription, id: Option<&RequestId>) {
        let registered = id.map(|id| self.calls.register(id.clone()));
        let (outbound, closing) = (self.outbound(), self.closing.clone());
        self.listening.spawn(async move {
            let cancelled = registered
                .as_ref()
                .map(|registered| registered.cancelled.clone())
                .unwrap_or_default();
            if let Some(message) = subscription.acknowledgement() {
                let _ = outbound.send(message).await;
            }
            loop {
                let message = tokio::select! {
                    // What was cancelled says nothing more, whatever is waiting.
                    biased;
                    () = cancelled.cancelled() => return,
                    () = closing.cancelled() => None,
                    message = subscription.next() => message,
                };
                let Some(message) = message else { break };
                if outbound.send(message).await.is_err() {
                    return;
                }
            }
            if let Some(message) = subscription.end() {
                let _ = outbound.send(message).await;
            }
        });
    }
}
