//! What a plugin keeps for one session: in memory, and gone with the session.
//!
//! It owns these values and their count. It knows no session: who drops it ends it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fusebox_engine::{KeyChange, KeyPage, KeyValue, KeyValueError};
use parking_lot::Mutex;

use super::kept::PAGE_KEYS;
use super::quota::{Quota, Used, sum};

/// The values of one plugin in one session.
#[derive(Debug)]
pub(super) struct PassingStore {
    quota: Quota,
    held: Mutex<Held>,
    /// sessions for which this plugin keeps something
    sessions: Arc<AtomicU64>,
}

#[derive(Clone, Debug, Default)]
struct Held {
    values: BTreeMap<String, Vec<u8>>,
    used: Used,
}

impl PassingStore {
    /// An empty one, which counts itself in `sessions` while it holds something.
    pub(super) fn new(quota: Quota, sessions: Arc<AtomicU64>) -> Self {
        Self {
            quota,
            held: Mutex::default(),
            sessions,
        }
    }

    /// Makes a change, or leaves everything as it was.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Under<'_>) -> Result<T, KeyValueError>,
    ) -> Result<T, KeyValueError> {
        let mut held = self.held.lock();
        let before = held.used;
        let mut under = Under {
            quota: &self.quota,
            held: &mut held,
            undo: Vec::new(),
        };
        let changed = change(&mut under).and_then(|changed| {
            self.count(before, under.held.used)?;
            Ok(changed)
        });
        if changed.is_err() {
            under.take_back();
            held.used = before;
        }
        changed
    }

    /// Counts this store among those that hold something, or no longer.
    fn count(&self, before: Used, after: Used) -> Result<(), KeyValueError> {
        match (before.keys, after.keys) {
            (0, 1..) => {
                let others = self.sessions.fetch_add(1, Ordering::Relaxed);
                self.quota.check_owners(others).inspect_err(|_| {
                    self.sessions.fetch_sub(1, Ordering::Relaxed);
                })
            }
            (1.., 0) => {
                self.sessions.fetch_sub(1, Ordering::Relaxed);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Drop for PassingStore {
    fn drop(&mut self) {
        if self.held.get_mut().used.keys > 0 {
            self.sessions.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A change under way, and what was there before.
struct Under<'a> {
    quota: &'a Quota,
    held: &'a mut Held,
    undo: Vec<(String, Option<Vec<u8>>)>,
}

impl Under<'_> {
    fn set(&mut self, key: String, value: Vec<u8>) -> Result<(), KeyValueError> {
        self.quota.check_pair(&key, &value)?;
        let held = &mut *self.held;
        let before = held.values.get(&key).map(Vec::len);
        held.used.set(&key, &value, before);
        let before = held.values.insert(key.clone(), value);
        self.undo.push((key, before));
        self.quota.check_used(self.held.used)
    }

    fn delete(&mut self, key: String) {
        if let Some(before) = self.held.values.remove(&key) {
            self.held.used.delete(&key, before.len());
            self.undo.push((key, Some(before)));
        }
    }

    fn take_back(&mut self) {
        while let Some((key, before)) = self.undo.pop() {
            match before {
                Some(value) => self.held.values.insert(key, value),
                None => self.held.values.remove(&key),
            };
        }
    }
}

impl KeyValue for PassingStore {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KeyValueError> {
        Ok(self.held.lock().values.get(key).cloned())
    }

    fn apply(&self, changes: Vec<KeyChange>) -> Result<(), KeyValueError> {
        self.change(|under| {
            for change in changes {
                match change {
                    KeyChange::Set(key, value) => under.set(key, value)?,
                    KeyChange::Delete(key) => under.delete(key),
                }
            }
            Ok(())
        })
    }

    fn increment(&self, key: &str, delta: u64) -> Result<u64, KeyValueError> {
        self.change(|under| {
            let sum = sum(under.held.values.get(key).map(Vec::as_slice), delta)?;
            under.set(key.to_owned(), sum.to_string().into_bytes())?;
            Ok(sum)
        })
    }

    fn keys(&self, cursor: u64) -> Result<KeyPage, KeyValueError> {
        let held = self.held.lock();
        let skip = usize::try_from(cursor).unwrap_or(usize::MAX);
        let mut keys = held.values.keys().skip(skip);
        let page: Vec<String> = keys.by_ref().take(PAGE_KEYS).cloned().collect();
        let more = keys.next().map(|_| cursor + PAGE_KEYS as u64);
        Ok((page, more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::KeyValueGrant;

    fn store() -> PassingStore {
        let grant = KeyValueGrant {
            max_keys: 2,
            max_bytes: 20,
            value_max_bytes: 8,
        };
        PassingStore::new(Quota::of_all("t".to_owned(), grant), Arc::default())
    }

    fn sets(pairs: &[(&str, &str)]) -> Vec<KeyChange> {
        let set = |(key, value): &(&str, &str)| KeyChange::Set((*key).to_owned(), (*value).into());
        pairs.iter().map(set).collect()
    }

    #[test]
    fn a_change_is_made_whole_or_not_at_all() {
        let store = store();
        store.apply(sets(&[("a", "1"), ("b", "2")])).unwrap();
        let mut changes = vec![KeyChange::Delete("b".to_owned())];
        changes.extend(sets(&[("a", "3"), ("c", "123456789")]));
        let error = store.apply(changes).unwrap_err().0;
        assert_eq!(
            error,
            "quota: this plugin may keep no larger value (8); `value_max_bytes` in [t] raises it"
        );
        assert_eq!(store.get("a"), Ok(Some("1".into())));
        assert_eq!(store.get("b"), Ok(Some("2".into())));
        assert_eq!(store.keys(0).unwrap().0, ["a", "b"]);
        let used = Used { keys: 2, bytes: 4 };
        assert_eq!(store.held.lock().used, used);
        store.apply(sets(&[("c", "")])).unwrap_err();
        assert_eq!(store.increment("a", 41), Ok(42));
        assert_eq!(store.held.lock().used, Used { keys: 2, bytes: 5 });
    }

    #[test]
    fn keys_come_in_pages() {
        let grant = KeyValueGrant {
            max_keys: 5000,
            max_bytes: 1 << 20,
            value_max_bytes: 8,
        };
        let store = PassingStore::new(Quota::of_all("t".to_owned(), grant), Arc::default());
        for number in 0..PAGE_KEYS + 1 {
            store.apply(sets(&[(&format!("{number:05}"), "")])).unwrap();
        }
        let (page, more) = store.keys(0).unwrap();
        assert_eq!((page.len(), more), (PAGE_KEYS, Some(PAGE_KEYS as u64)));
        assert_eq!(
            store.keys(PAGE_KEYS as u64),
            Ok((vec!["01000".to_owned()], None))
        );
    }
}
