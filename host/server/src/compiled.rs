//! Functions of plugins as they were compiled, in memory: a plugin that comes again with
//! a few others is compiled in a fraction of the time.
//!
//! It owns which are kept, and how many bytes of them. They are never read from a disk: a
//! store is trusted with code. See [`FunctionStore`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fusebox_engine::FunctionStore;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

/// What an entry costs beside its code.
const ENTRY_BYTES: usize = 256;

type Key = [u8; 32];

/// The functions that were compiled or found lately.
#[derive(Debug)]
pub struct CompiledFunctions {
    kept: Cache<Key, Arc<[u8]>>,
    /// since they were last told
    found: AtomicU64,
    /// compiled, since they were not there
    made: AtomicU64,
}

impl CompiledFunctions {
    /// Room for so many bytes; none if that is nothing.
    pub fn of(max_bytes: u64) -> Option<Arc<Self>> {
        let weight =
            |_: &Key, code: &Arc<[u8]>| u32::try_from(code.len() + ENTRY_BYTES).unwrap_or(u32::MAX);
        let keep = || Self {
            kept: Cache::builder()
                .max_capacity(max_bytes)
                .weigher(weight)
                // Which functions are asked for often says nothing: each build asks once
                // for all that it has.
                .eviction_policy(EvictionPolicy::lru())
                .build(),
            found: AtomicU64::new(0),
            made: AtomicU64::new(0),
        };
        (max_bytes > 0).then(|| Arc::new(keep()))
    }

    /// Says what became of the functions of this plugin, and of others that were compiled
    /// at the same time.
    pub fn tell(&self, plugin: &str) {
        self.kept.run_pending_tasks();
        tracing::debug!(
            plugin,
            found = self.found.swap(0, Ordering::Relaxed),
            compiled = self.made.swap(0, Ordering::Relaxed),
            kept = self.kept.entry_count(),
            bytes = self.kept.weighted_size(),
            "functions of a plugin"
        );
    }
}

impl FunctionStore for CompiledFunctions {
    fn get(&self, key: &Key) -> Option<Arc<[u8]>> {
        let found = self.kept.get(key)?;
        self.found.fetch_add(1, Ordering::Relaxed);
        Some(found)
    }

    fn keep(&self, key: &Key, code: Arc<[u8]>) {
        self.made.fetch_add(1, Ordering::Relaxed);
        self.kept.insert(*key, code);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> Key {
        let mut key = Key::default();
        key[..8].copy_from_slice(&number.to_le_bytes());
        key
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_goes() {
        const CODE: usize = 1000;
        let entry = (CODE + ENTRY_BYTES) as u64;
        let store = CompiledFunctions::of(10 * entry).unwrap();
        for number in 0..100 {
            store.keep(&key(number), vec![number as u8; CODE].into());
            store.kept.run_pending_tasks();
            assert!(store.kept.weighted_size() <= 10 * entry);
        }
        assert_eq!(store.get(&key(0)), None);
        assert_eq!(store.get(&key(99)).as_deref(), Some(&[99; CODE][..]));
        assert_eq!(store.kept.entry_count(), 10);
        let counted = [&store.found, &store.made].map(|count| count.load(Ordering::Relaxed));
        assert_eq!(counted, [1, 100]);
    }

    #[test]
    fn no_room_is_no_store() {
        assert!(CompiledFunctions::of(0).is_none());
    }
}
