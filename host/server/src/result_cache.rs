//! Results of tools that depend on their arguments alone, kept for the same call.
//!
//! It owns for whom a result is kept, for how long, and how many bytes all take.
//! It never decides whether a call is fit to be kept: [`crate::dispatch`] does.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fusebox_protocol::ProtocolVersion;
use moka::Expiry;
use moka::sync::Cache;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::capability_cache::CacheView;
use crate::config;
use crate::plugin_entry::{CacheRule, Handler};

/// What an entry costs beside its text.
const ENTRY_BYTES: usize = 256;

/// For whom a result is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// everybody
    Public,
    /// one session
    Session(u64),
}

/// One call of one version of a plugin, for one caller or for all: the digest of
/// all that the result depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of a call with these arguments, answered in a version.
    pub fn new(handler: &Handler, scope: Scope, version: ProtocolVersion, arguments: &str) -> Self {
        let mut digest = Sha256::new();
        // None of the names has a zero byte in it.
        for part in [&handler.core.name, &handler.core.sha256, &handler.own_name] {
            digest.update(part);
            digest.update([0]);
        }
        let session = match scope {
            Scope::Public => 0,
            Scope::Session(id) => id + 1,
        };
        digest.update(session.to_le_bytes());
        digest.update([version as u8]);
        digest.update(arguments);
        Self(digest.finalize().into())
    }
}

struct Kept {
    result: Box<RawValue>,
    ttl: Duration,
}

struct Ttl;

impl Expiry<Key, Arc<Kept>> for Ttl {
    fn expire_after_create(&self, _: &Key, kept: &Arc<Kept>, _: Instant) -> Option<Duration> {
        Some(kept.ttl)
    }

    fn expire_after_update(
        &self,
        _: &Key,
        kept: &Arc<Kept>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(kept.ttl)
    }
}

/// The results.
pub struct ResultCache {
    results: Cache<Key, Arc<Kept>>,
    settings: config::ResultCache,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl fmt::Debug for ResultCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultCache")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl ResultCache {
    /// An empty one.
    pub fn new(settings: config::ResultCache) -> Self {
        let weight = |_: &Key, kept: &Arc<Kept>| weight(&kept.result);
        Self {
            results: Cache::builder()
                .max_capacity(settings.max_bytes)
                .weigher(weight)
                .expire_after(Ttl)
                .build(),
            settings,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// The result that is kept for a call, given to `answer`.
    pub fn get<R>(&self, key: &Key, answer: impl FnOnce(&RawValue) -> R) -> Option<R> {
        match self.results.get(key) {
            Some(kept) => {
                self.hits.fetch_add(1, Ordering::Relaxed);
                Some(answer(&kept.result))
            }
            None => {
                self.misses.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }

    /// Keeps a result, unless it is too large.
    pub fn keep(&self, key: Key, rule: CacheRule, result: &RawValue) {
        if result.get().len() > self.settings.entry_max_bytes {
            return;
        }
        let kept = Kept {
            result: result.to_owned(),
            ttl: rule.ttl.min(self.settings.ttl_max),
        };
        self.results.insert(key, Arc::new(kept));
    }

    /// The figures, for `/health`.
    pub fn view(&self) -> CacheView {
        self.results.run_pending_tasks();
        CacheView {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            entries: self.results.entry_count(),
            bytes: self.results.weighted_size(),
        }
    }
}

fn weight(result: &RawValue) -> u32 {
    u32::try_from(result.get().len() + ENTRY_BYTES).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: CacheRule = CacheRule {
        ttl: Duration::from_secs(60),
        shared: true,
    };

    fn cache(max_bytes: u64) -> ResultCache {
        ResultCache::new(config::ResultCache {
            max_bytes,
            entry_max_bytes: 1024,
            ttl_max: Duration::from_secs(60),
        })
    }

    fn raw(length: usize) -> Box<RawValue> {
        RawValue::from_string(format!("\"{}\"", "x".repeat(length - 2))).unwrap()
    }

    fn key(number: u8) -> Key {
        Key([number; 32])
    }

    #[test]
    fn what_is_kept_is_found_under_its_key_alone() {
        let cache = cache(1 << 20);
        cache.keep(key(1), RULE, &raw(10));
        let length = |key| cache.get(&key, |result| result.get().len());
        assert_eq!((length(key(1)), length(key(2))), (Some(10), None));
        let view = cache.view();
        assert_eq!(
            (view.hits, view.misses, view.entries, view.bytes),
            (1, 1, 1, 266)
        );
    }

    #[test]
    fn the_bytes_of_all_and_of_each_are_bounded() {
        let cache = cache(4096);
        for number in 0..100 {
            cache.keep(key(number), RULE, &raw(1000));
        }
        let view = cache.view();
        assert!(view.bytes <= 4096 && view.entries > 0, "{view:?}");
        let before = view.entries;
        cache.keep(key(200), RULE, &raw(1025));
        assert_eq!(cache.view().entries, before);
        assert!(cache.get(&key(200), |_| ()).is_none());
    }

    #[test]
    fn each_is_kept_for_its_own_time() {
        let cache = cache(1 << 20);
        let brief = CacheRule {
            ttl: Duration::from_millis(1),
            ..RULE
        };
        cache.keep(key(1), brief, &raw(10));
        cache.keep(key(2), RULE, &raw(10));
        std::thread::sleep(Duration::from_millis(5));
        assert!(cache.get(&key(1), |_| ()).is_none());
        assert!(cache.get(&key(2), |_| ()).is_some());
    }
}
