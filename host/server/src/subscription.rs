//! A client's wish to hear of changes, and the notifications that fulfil it.
//!
//! It owns which change becomes which message. It never writes to a socket.

use std::sync::Arc;

use bytes::Bytes;
use fusebox_engine::Change;
use fusebox_protocol::params::{ClientCapabilities, SubscriptionFilter};
use fusebox_protocol::reply::{self, EmptyResult, ListChanged, ResourceUpdated};
use fusebox_protocol::{ProtocolVersion, RequestId};
use tokio::sync::broadcast::{self, error::RecvError};

use crate::auth::{Audience, Caller};
use crate::changes::Inbox;
use crate::host::Host;
use crate::long_tasks::{self, Record};
use crate::refusal::millis_up;
use crate::render;
use crate::session::Agreement;

/// One receiver of changes.
pub struct Subscription {
    changes: Arc<Inbox>,
    /// changes of tasks, if any are wanted
    tasks: Option<broadcast::Receiver<Arc<Record>>>,
    poll_interval_ms: u64,
    who: Option<Caller>,
    style: Style,
}

enum Style {
    /// `subscriptions/listen`: what was asked for, marked with its id
    Modern {
        id: RequestId,
        filter: SubscriptionFilter,
        audience: Audience,
    },
    /// an initialized legacy client: every list change and the resources it
    /// subscribed to, unmarked
    Legacy { agreement: Arc<Agreement> },
}

impl Subscription {
    /// Begins to listen for a modern client.
    pub fn modern(
        host: &Host,
        id: RequestId,
        wanted: SubscriptionFilter,
        client: ClientCapabilities,
        audience: Audience,
    ) -> Self {
        let mut filter = accepted(wanted, client.tasks && host.long_tasks.enabled());
        if audience.role().is_some() {
            // Who isn't shown a resource doesn't hear of it either.
            let catalogue = host.catalogue.load();
            let offered = catalogue.offered_to(&audience);
            filter
                .resource_subscriptions
                .retain(|uri| offered.reader(uri).is_some());
        }
        let tasks = &host.long_tasks.changes;
        let lists = filter.tools_list_changed
            || filter.prompts_list_changed
            || filter.resources_list_changed;
        let changes = host.changes.listen(lists);
        for uri in &*filter.resource_subscriptions {
            changes.watch(uri);
        }
        Self {
            tasks: (!filter.task_ids.is_empty()).then(|| tasks.subscribe()),
            poll_interval_ms: millis_up(host.live().tasks.poll_interval),
            changes: Arc::new(changes),
            who: audience.who.clone(),
            style: Style::Modern {
                id,
                filter,
                audience,
            },
        }
    }

    /// Begins to listen for a legacy client.
    pub fn legacy(host: &Host, agreement: Arc<Agreement>) -> Self {
        let changes = Arc::new(host.changes.listen(true));
        agreement.tell(&changes);
        Self {
            changes,
            tasks: None,
            poll_interval_ms: 0,
            who: agreement.audience.who.clone(),
            style: Style::Legacy { agreement },
        }
    }

    /// The first message of a modern subscription: what will be sent.
    pub fn acknowledgement(&self) -> Option<Bytes> {
        let Style::Modern { id, filter, .. } = &self.style else {
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

    /// The next message; none: whoever listens is let in no more.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            tokio::select! {
                () = over(self.who.as_ref()) => return None,
                change = self.changes.next() => {
                    if let Some(message) = self.message(&change) {
                        return Some(message);
                    }
                }
                Some(task) = next_task(&mut self.tasks) => {
                    if let Some(message) = self.task_message(&task) {
                        return Some(message);
                    }
                }
            }
        }
    }

    fn task_message(&self, task: &Record) -> Option<Bytes> {
        match &self.style {
            Style::Modern {
                id,
                filter,
                audience,
            } if filter.task_ids.contains(&task.id) && task.is_of(audience) => {
                Some(long_tasks::changed(task, self.poll_interval_ms, id))
            }
            _ => None,
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
            Style::Modern { id, filter, .. } if wants(filter, change) => Some(id),
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

async fn over(who: Option<&Caller>) {
    match who {
        Some(who) => who.over().await,
        None => std::future::pending().await,
    }
}

/// The next change of any task; never one if none are wanted. Who lags misses
/// some: clients ask for their tasks as well.
async fn next_task(tasks: &mut Option<broadcast::Receiver<Arc<Record>>>) -> Option<Arc<Record>> {
    let Some(tasks) = tasks else {
        return std::future::pending().await;
    };
    loop {
        match tasks.recv().await {
            Ok(task) => return Some(task),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}

/// The part of a wish that this host fulfils: all, but tasks only for who knows
/// them.
fn accepted(mut wanted: SubscriptionFilter, tasks: bool) -> SubscriptionFilter {
    if !tasks {
        wanted.task_ids.clear();
    }
    wanted
}
