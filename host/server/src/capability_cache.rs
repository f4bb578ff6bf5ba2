//! Rendered lists, kept for the next client that asks for the same one.
//!
//! It owns what is kept and for how long. It never renders: whoever asks brings
//! that along, and nothing here is needed for a right answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fusebox_protocol::{ProtocolVersion, RawJson};
use moka::sync::Cache;

use crate::catalogue::ViewName;

/// Bytes of all lists together. Many more than the pages of a thousand tools take
/// in each version.
const MAX_BYTES: u64 = 16 << 20;

/// What an entry costs beside its text.
const ENTRY_BYTES: usize = 256;

/// One page of one list, or what `server/discover` says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// the snapshot that it was rendered from
    pub catalogue: u64,
    /// what is shown
    pub view: ViewName,
    /// and what of it; none: all
    pub role: Option<Arc<str>>,
    /// the kind of list; none: `server/discover`
    pub kind: Option<usize>,
    /// in the words of which version
    pub version: ProtocolVersion,
    /// where the page begins
    pub cursor: Option<String>,
}

/// The lists that were asked for lately.
#[derive(Debug)]
pub struct CapabilityCache {
    /// none: nothing is kept
    lists: Option<Cache<Key, Arc<RawJson>>>,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// What `/health` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheView {
    /// answers that were there
    pub hits: u64,
    /// answers that had to be made
    pub misses: u64,
    /// answers that are kept
    pub entries: u64,
    /// bytes of them
    pub bytes: u64,
}

impl CapabilityCache {
    /// One that keeps lists for so long; not at all if that is no time.
    pub fn new(ttl: Duration) -> Self {
        let weight = |key: &Key, list: &Arc<RawJson>| {
            let cursor = key.cursor.as_ref().map_or(0, String::len);
            u32::try_from(list.as_str().len() + cursor + ENTRY_BYTES).unwrap_or(u32::MAX)
        };
        let cache = || {
            Cache::builder()
                .max_capacity(MAX_BYTES)
                .weigher(weight)
                .time_to_live(ttl)
                .build()
        };
        Self {
            lists: (!ttl.is_zero()).then(cache),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// The list of this key, rendered now if it isn't kept.
    ///
    /// # Errors
    /// Those of `render`; nothing is kept then.
    pub fn get<E>(
        &self,
        key: Key,
        render: impl FnOnce() -> Result<RawJson, E>,
    ) -> Result<Arc<RawJson>, E> {
        let Some(lists) = &self.lists else {
            return render().map(Arc::new);
        };
        if let Some(list) = lists.get(&key) {
            self.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(list);
        }
        let list = Arc::new(render()?);
        self.misses.fetch_add(1, Ordering::Relaxed);
        lists.insert(key, list.clone());
        Ok(list)
    }

    /// Forgets everything: the plugins have changed.
    pub fn clear(&self) {
        if let Some(lists) = &self.lists {
            lists.invalidate_all();
        }
    }

    /// The figures, for `/health`.
    pub fn view(&self) -> CacheView {
        let (entries, bytes) = self.lists.as_ref().map_or((0, 0), |lists| {
            lists.run_pending_tasks();
            (lists.entry_count(), lists.weighted_size())
        });
        CacheView {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            entries,
            bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(cursor: Option<&str>) -> Key {
        Key {
            catalogue: 1,
            view: None,
            role: None,
            kind: Some(0),
            version: ProtocolVersion::V2026_07_28,
            cursor: cursor.map(str::to_owned),
        }
    }

    fn ask(cache: &CapabilityCache, key: Key) -> bool {
        let mut rendered = false;
        let list = cache.get(key, || {
            rendered = true;
            RawJson::of(&"list").map_err(|_| ())
        });
        assert_eq!(list.unwrap().as_str(), "\"list\"");
        rendered
    }

    #[test]
    fn a_list_is_rendered_once_for_each_key_until_all_change() {
        let cache = CapabilityCache::new(Duration::from_secs(60));
        assert!(ask(&cache, key(None)));
        assert!(!ask(&cache, key(None)));
        assert!(ask(&cache, key(Some("next"))));
        let view = cache.view();
        assert_eq!((view.hits, view.misses, view.entries), (1, 2, 2));
        cache.clear();
        assert!(ask(&cache, key(None)));
    }

    #[test]
    fn without_time_nothing_is_kept() {
        let cache = CapabilityCache::new(Duration::ZERO);
        assert!(ask(&cache, key(None)) && ask(&cache, key(None)));
        assert_eq!(cache.view().entries, 0);
    }

    #[test]
    fn an_error_is_not_kept() {
        let cache = CapabilityCache::new(Duration::from_secs(60));
        assert_eq!(cache.get(key(None), || Err(7)).map(drop), Err(7));
        assert!(ask(&cache, key(None)));
    }
}
