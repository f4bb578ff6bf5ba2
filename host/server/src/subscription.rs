//! A client's wish to hear of changes, and the notifications that fulfil it.
//!
//! It owns which change becomes which message. It never writes to a socket.

use bytes::Bytes;
use fusebox_engine::Change;
use fusebox_protocol::params::SubscriptionFilter;
use fusebox_protocol::reply::{self, EmptyResult, ListChanged};
use fusebox_protocol::{ProtocolVersion, RequestId};
use tokio::sync::broadcast::{self, error::RecvError};

use crate::host::Host;
use crate::render;

/// One receiver of changes.
pub struct Subscription {
    changes: broadcast::Receiver<Change>,
    style: Style,
}

enum Style {
    /// `subscriptions/listen`: what was asked for, marked with its id
    Modern {
        id: RequestId,
        filter: SubscriptionFilter,
    },
    /// an initialized legacy client: every list change, unmarked
    Legacy,
}

impl Subscription {
    /// Begins to listen for a modern client.
    pub fn new(host: &Host, id: RequestId, wanted: SubscriptionFilter) -> Self {
        Self {
            changes: host.changes.subscribe(),
            style: Style::Modern {
                id,
                filter: accepted(wanted),
            },
        }
    }

    /// Begins to listen for a legacy client.
    pub fn legacy(host: &Host) -> Self {
        Self {
            changes: host.changes.subscribe(),
            style: Style::Legacy,
        }
    }

    /// The first message of a modern subscription: what will be sent.
    pub fn acknowledgement(&self) -> Option<Bytes> {
        let Style::Modern { id, filter } = &self.style else {
            return None;
        };
        let mut out = Vec::new();
        let params = reply::SubscriptionsAcknowledged {
            subscription: id,
            notifications: filter,
        };
        reply::notification(
            &mut out,
            "notifications/subscriptions/acknowledged",
            &params,
        );
        Some(out.into())
    }

    /// The last message of a modern subscription that the server ends.
    pub fn end(&self) -> Option<Bytes> {
        let Style::Modern { id, .. } = &self.style else {
            return None;
        };
        let mut out = Vec::new();
        let result = EmptyResult {
            dialect: render::dialect(ProtocolVersion::V2026_07_28),
            subscription: Some(id),
        };
        reply::response(&mut out, id, &result);
        Some(out.into())
    }

    /// The next message; none when the host is gone.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            let message = match self.changes.recv().await {
                Ok(change) => self.message(&change),
                // Whoever lags so far can't know what was missed: the lists.
                Err(RecvError::Lagged(_)) => self.message(&Change::Tools),
                Err(RecvError::Closed) => return None,
            };
            if message.is_some() {
                return message;
            }
        }
    }

    fn message(&self, change: &Change) -> Option<Bytes> {
        let method = match change {
            Change::Tools => "notifications/tools/list_changed",
            // Nothing lists prompts or resources yet, so nobody can have asked.
            Change::Prompts | Change::Resources | Change::Resource(_) => return None,
        };
        let mut out = Vec::new();
        let subscription = match &self.style {
            Style::Legacy => None,
            Style::Modern { id, filter } if filter.tools_list_changed => Some(id),
            Style::Modern { .. } => return None,
        };
        reply::notification(&mut out, method, &ListChanged { subscription });
        Some(out.into())
    }
}

/// The part of a wish that this host fulfils.
fn accepted(wanted: SubscriptionFilter) -> SubscriptionFilter {
    SubscriptionFilter {
        tools_list_changed: wanted.tools_list_changed,
        ..SubscriptionFilter::default()
    }
}
