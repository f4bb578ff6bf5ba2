//! A client's wish to hear of changes, and the notifications that fulfil it.
//!
//! It owns which change becomes which message. It never writes to a socket.

use std::sync::Arc;

use bytes::Bytes;
use fusebox_engine::Change;
use fusebox_protocol::params::SubscriptionFilter;
use fusebox_protocol::reply::{self, EmptyResult, ListChanged, ResourceUpdated};
use fusebox_protocol::{ProtocolVersion, RequestId};
use tokio::sync::broadcast::{self, error::RecvError};

use crate::host::Host;
use crate::render;
use crate::session::Agreement;

/// One receiver of changes.
pub struct Subscription {
    changes: broadcast::Receiver<Change>,
    /// changes that are still to be told
    missed: Vec<Change>,
    style: Style,
}

enum Style {
    /// `subscriptions/listen`: what was asked for, marked with its id
    Modern {
        id: RequestId,
        filter: SubscriptionFilter,
    },
    /// an initialized legacy client: every list change and the resources it
    /// subscribed to, unmarked
    Legacy { agreement: Arc<Agreement> },
}

impl Subscription {
    /// Begins to listen for a modern client.
    pub fn modern(host: &Host, id: RequestId, wanted: SubscriptionFilter) -> Self {
        Self {
            changes: host.changes.subscribe(),
            missed: Vec::new(),
            style: Style::Modern {
                id,
                filter: accepted(wanted),
            },
        }
    }

    /// Begins to listen for a legacy client.
    pub fn legacy(host: &Host, agreement: Arc<Agreement>) -> Self {
        Self {
            changes: host.changes.subscribe(),
            missed: Vec::new(),
            style: Style::Legacy { agreement },
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
            if let Some(change) = self.missed.pop() {
                if let Some(message) = self.message(&change) {
                    return Some(message);
                }
                continue;
            }
            match self.changes.recv().await {
                Ok(change) => self.missed.push(change),
                // Whoever lags so far can't know what was missed: all lists.
                Err(RecvError::Lagged(_)) => {
                    self.missed = vec![Change::Resources, Change::Prompts, Change::Tools];
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn message(&self, change: &Change) -> Option<Bytes> {
        let subscription = match &self.style {
            Style::Legacy { agreement } => {
                if let Change::Resource(uri) = change
                    && !agreement.is_subscribed(uri)
                {
                    return None;
                }
                None
            }
            Style::Modern { id, filter } if wants(filter, change) => Some(id),
            Style::Modern { .. } => return None,
        };
        let mut out = Vec::new();
        let method = match change {
            Change::Tools => "notifications/tools/list_changed",
            Change::Prompts => "notifications/prompts/list_changed",
            Change::Resources => "notifications/resources/list_changed",
            Change::Resource(uri) => {
                let params = ResourceUpdated { uri, subscription };
                reply::notification(&mut out, "notifications/resources/updated", &params);
                return Some(out.into());
            }
        };
        reply::notification(&mut out, method, &ListChanged { subscription });
        Some(out.into())
    }
}

fn wants(filter: &SubscriptionFilter, change: &Change) -> bool {
    match change {
        Change::Tools => filter.tools_list_changed,
        Change::Prompts => filter.prompts_list_changed,
        Change::Resources => filter.resources_list_changed,
        Change::Resource(uri) => filter.resource_subscriptions.contains(uri),
    }
}

/// The part of a wish that this host fulfils: all but tasks.
fn accepted(wanted: SubscriptionFilter) -> SubscriptionFilter {
    SubscriptionFilter {
        task_ids: Vec::new(),
        ..wanted
    }
}
