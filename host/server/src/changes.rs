//! Who wants to hear of which change: a table of those who want to know of lists,
//! and one of those who want to know of a resource, by its address.
//!
//! It owns both tables, in shards, and what waits for a receiver that is slow. A
//! changed resource wakes those who asked for it, and nobody else. It never words
//! a message.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use fusebox_engine::Change;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The tables.
#[derive(Debug)]
pub struct Changes {
    lists: DashMap<u64, Arc<Mailbox>>,
    resources: DashMap<String, HashMap<u64, Arc<Mailbox>>>,
    next: AtomicU64,
}

/// What waits for one receiver. Each change waits once, however often it comes, so
/// that no receiver can be too slow for it.
#[derive(Debug, Default)]
struct Mailbox {
    waiting: Mutex<VecDeque<Change>>,
    ready: Notify,
}

/// One receiver of changes, until it is dropped.
#[derive(Debug)]
pub struct Inbox {
    id: u64,
    mailbox: Arc<Mailbox>,
    resources: Mutex<HashSet<String>>,
    changes: Arc<Changes>,
}

impl Changes {
    /// Nobody listens yet. The tables have so many shards.
    pub fn new(shards: usize) -> Arc<Self> {
        Arc::new(Self {
            lists: DashMap::with_shard_amount(shards),
            resources: DashMap::with_shard_amount(shards),
            next: AtomicU64::new(0),
        })
    }

    /// A new receiver; with `lists`, of every changed list.
    pub fn listen(self: &Arc<Self>, lists: bool) -> Inbox {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mailbox = Arc::<Mailbox>::default();
        if lists {
            self.lists.insert(id, mailbox.clone());
        }
        Inbox {
            id,
            mailbox,
            resources: Mutex::default(),
            changes: self.clone(),
        }
    }

    /// Tells those who want to know. Nobody listening is no error.
    pub fn publish(&self, change: &Change) {
        match change {
            Change::Resource(uri) => {
                if let Some(readers) = self.resources.get(uri) {
                    readers.values().for_each(|mailbox| mailbox.put(change));
                }
            }
            _ => self.lists.iter().for_each(|entry| entry.put(change)),
        }
    }
}

impl Mailbox {
    fn put(&self, change: &Change) {
        let mut waiting = self.waiting.lock();
        if !waiting.contains(change) {
            waiting.push_back(change.clone());
        }
        drop(waiting);
        self.ready.notify_one();
    }
}

impl Inbox {
    /// Hears of this resource too.
    pub fn watch(&self, uri: &str) {
        if self.resources.lock().insert(uri.to_owned()) {
            let mut readers = self.changes.resources.entry(uri.to_owned()).or_default();
            readers.insert(self.id, self.mailbox.clone());
        }
    }

    /// Hears of it no more.
    pub fn unwatch(&self, uri: &str) {
        if self.resources.lock().remove(uri) {
            self.leave(uri);
        }
    }

    /// The next change.
    pub async fn next(&self) -> Change {
        loop {
            if let Some(change) = self.mailbox.waiting.lock().pop_front() {
                return change;
            }
            self.mailbox.ready.notified().await;
        }
    }

    fn leave(&self, uri: &str) {
        let table = &self.changes.resources;
        if let Some(mut readers) = table.get_mut(uri) {
            readers.remove(&self.id);
        }
        table.remove_if(uri, |_, readers| readers.is_empty());
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.changes.lists.remove(&self.id);
        for uri in std::mem::take(self.resources.get_mut()) {
            self.leave(&uri);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn heard(inbox: &Inbox) -> Vec<Change> {
        std::iter::from_fn(|| inbox.next().now_or_never()).collect()
    }

    fn resource(uri: &str) -> Change {
        Change::Resource(uri.to_owned())
    }

    #[test]
    fn each_hears_of_what_it_asked_for() {
        let changes = Changes::new(4);
        let (one, other) = (changes.listen(true), changes.listen(false));
        one.watch("a");
        other.watch("a");
        other.watch("b");
        for change in [Change::Tools, resource("a"), resource("b"), resource("c")] {
            changes.publish(&change);
        }
        assert_eq!(heard(&one), [Change::Tools, resource("a")]);
        assert_eq!(heard(&other), [resource("a"), resource("b")]);
        one.unwatch("a");
        changes.publish(&resource("a"));
        assert_eq!(heard(&one), []);
        assert_eq!(heard(&other), [resource("a")]);
    }

    #[test]
    fn a_slow_receiver_hears_of_each_change_once() {
        let changes = Changes::new(4);
        let slow = changes.listen(true);
        for _ in 0..1000 {
            changes.publish(&Change::Prompts);
            changes.publish(&Change::Tools);
        }
        assert_eq!(heard(&slow), [Change::Prompts, Change::Tools]);
    }

    #[test]
    fn who_has_gone_leaves_nothing_behind() {
        let changes = Changes::new(4);
        let (one, other) = (changes.listen(true), changes.listen(true));
        one.watch("a");
        other.watch("a");
        drop(one);
        assert_eq!((changes.lists.len(), changes.resources.len()), (1, 1));
        drop(other);
        assert_eq!((changes.lists.len(), changes.resources.len()), (0, 0));
        changes.publish(&resource("a"));
    }

    #[tokio::test]
    async fn a_change_wakes_who_waits() {
        let changes = Changes::new(4);
        let inbox = changes.listen(true);
        let waiting = tokio::spawn(async move { inbox.next().await });
        tokio::task::yield_now().await;
        changes.publish(&Change::Tools);
        assert_eq!(waiting.await.unwrap(), Change::Tools);
    }
}
