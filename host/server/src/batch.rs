//! Batches, which exist in version 2025-03-26 alone: several messages in one
//! array, their answers in another.
//!
//! It owns how a batch is answered. It never reads one from a transport.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use fusebox_protocol::envelope::{self, Incoming};
use fusebox_protocol::{Message, RpcError, reply};
use futures_util::future::join_all;

use crate::host::Host;
use crate::origin::Origin;
use crate::outbound::Outbound;
use crate::reply::Reply;
use crate::router::{self, Routed};
use crate::session::{Agreement, CallsInFlight};
use crate::telemetry::Arrival;

/// Messages that one batch may hold.
pub(crate) const BATCH_MAX: usize = 100;

/// Answers a batch: the array of its answers, or nothing if none of its messages
/// asks for one. Its calls run side by side. The frame is parsed here once more,
/// so that the answer can be driven by a task of its own.
pub(crate) async fn answer(
    host: Arc<Host>,
    frame: Bytes,
    agreement: Arc<Agreement>,
    calls: Arc<CallsInFlight>,
    origin: Origin,
    outbound: Option<Outbound>,
) -> Option<Vec<u8>> {
    let Ok(Incoming::Batch(batch)) = envelope::parse(&frame, BATCH_MAX) else {
        return None;
    };
    if !agreement.version.accepts_batches() {
        let error = RpcError::invalid_request(format!(
            "version {} has no batches; send one message at a time",
            agreement.version
        ));
        host.meters.error(Instant::now());
        return Some(Reply::error_on_stream(None, &error, Some(agreement.version)).body);
    }
    let answers = batch.into_iter().map(|message| async {
        match message {
            Ok(Message::Request(request)) => {
                let arrival = Arrival::request(&request, None, &origin, Instant::now());
                let observed = host.observe(&arrival);
                if let Some(observed) = &observed {
                    observed.in_session(None, agreement.version);
                }
                let routed = router::legacy(&host, &frame, &request, &agreement, &origin);
                match routed.observed(observed) {
                    Routed::Ready(reply) => Some(reply),
                    Routed::Later(answer) => Some(answer.await),
                    Routed::Call(call) => Some(call.run(outbound.clone()).await),
                    Routed::Listen(_) => None,
                }
            }
            Ok(Message::Notification(notification)) => {
                let now = Instant::now();
                router::notification(&notification, &calls);
                let arrival = Arrival::notification(&notification, None, &origin, now);
                host.notified(&arrival, Some((None, agreement.version)));
                None
            }
            Ok(Message::Response(response)) => {
                router::response(&response, &agreement);
                None
            }
            Err(bad) => Some(Reply::error_on_stream(
                bad.id.as_ref(),
                &bad.error,
                Some(agreement.version),
            )),
        }
    });
    let bodies: Vec<Vec<u8>> = join_all(answers)
        .await
        .into_iter()
        .flatten()
        .map(|reply| reply.body)
        .collect();
    let mut array = Vec::new();
    reply::batch(&mut array, bodies.iter().map(Vec::as_slice));
    (!array.is_empty()).then_some(array)
}
