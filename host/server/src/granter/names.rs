//! Looks up names for one plugin.
//!
//! It owns how long an answer is kept, how long anybody waits for one, and how many
//! lookups are under way at once. It judges neither names nor addresses.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(10);

/// Answers that are kept.
const NAMES_MAX: u64 = 256;

/// Lookups under way: each has a thread of the host until the system gives up.
const LOOKUPS_MAX: usize = 8;

/// How long anybody waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Names and where they lead.
pub(super) struct Names {
    found: Cache<String, Arc<[IpAddr]>>,
    places: Arc<Semaphore>,
    runtime: Handle,
}

impl Names {
    /// Names are looked up where this is called.
    pub(super) fn new() -> Self {
        Self {
            found: Cache::builder()
                .max_capacity(NAMES_MAX)
                .time_to_live(KEPT)
                .build(),
            places: Arc::new(Semaphore::new(LOOKUPS_MAX)),
            runtime: Handle::current(),
        }
    }

    /// Where [`Names::of`] has to be called.
    pub(super) fn runtime(&self) -> Handle {
        self.runtime.clone()
    }

    /// The addresses of a name, perhaps none at all; nothing if there is no answer in
    /// time.
    pub(super) async fn of(&self, name: &str) -> Option<Arc<[IpAddr]>> {
        if let Some(found) = self.found.get(name) {
            return Some(found);
        }
        timeout(PATIENCE, self.ask(name)).await.ok().flatten()
    }

    async fn ask(&self, name: &str) -> Option<Arc<[IpAddr]>> {
        let place = self.places.clone().acquire_owned().await.ok()?;
        if let Some(found) = self.found.get(name) {
            return Some(found);
        }
        let (name, cache) = (name.to_owned(), self.found.clone());
        // A lookup can't be stopped: it has its place until it ends, whoever waits.
        let task = self.runtime.spawn(async move {
            let _place = place;
            let found: Arc<[IpAddr]> = match tokio::net::lookup_host((&*name, 0)).await {
                Ok(found) => found.map(|one| one.ip().to_canonical()).collect(),
                Err(_) => Arc::default(),
            };
            cache.insert(name, found.clone());
            found
        });
        task.await.ok()
    }

    /// Knows an answer that nobody gave.
    #[cfg(test)]
    pub(super) fn know(&self, name: &str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|one| one.parse().unwrap()).collect();
        self.found.insert(name.to_owned(), addresses);
    }
}
