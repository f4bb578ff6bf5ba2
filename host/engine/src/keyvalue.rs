//! `wasi:keyvalue` for plugins: what a plugin keeps beyond a call.
//!
//! It owns the way from the host functions to whoever keeps the values. It never
//! keeps one itself.

use std::fmt::Debug;
use std::sync::Arc;

use wasmtime::component::Resource;

use crate::contract::capabilities::{atomics, batch, store};
use crate::state::State;

/// Names of the one store that a plugin has.
const NAMES: [&str; 2] = ["default", ""];

/// One change of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyChange {
    /// the key has this value from now on
    Set(String, Vec<u8>),
    /// there is no such key any more
    Delete(String),
}

/// Why a store doesn't do what it should; the text is for the plugin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeyValueError(pub String);

/// A part of all keys, and where the next part begins if there are more.
pub type KeyPage = (Vec<String>, Option<u64>);

/// Keeps the values of one plugin. Everything that it says it did is durable;
/// every call may block.
pub trait KeyValue: Debug + Send + Sync {
    /// The value of a key.
    ///
    /// # Errors
    /// If the file is the trouble.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KeyValueError>;

    /// Makes all of these changes, or none.
    ///
    /// # Errors
    /// If a quota would be passed, or the file is the trouble.
    fn apply(&self, changes: Vec<KeyChange>) -> Result<(), KeyValueError>;

    /// Adds to a number, alone: nobody else changes it meanwhile.
    ///
    /// # Errors
    /// If there is something else than a number, and as [`KeyValue::apply`].
    fn increment(&self, key: &str, delta: u64) -> Result<u64, KeyValueError>;

    /// The keys from a place on.
    ///
    /// # Errors
    /// If the file is the trouble.
    fn keys(&self, cursor: u64) -> Result<KeyPage, KeyValueError>;
}

/// A store that a plugin has opened.
#[derive(Debug)]
#[allow(unreachable_pub, reason = "the bindings re-export it")]
pub struct OpenBucket(Arc<dyn KeyValue>);

/// What a host function gives: the outer error ends the call.
type Told<T> = wasmtime::Result<Result<T, store::Error>>;

impl State {
    /// Runs what may block on a thread that may.
    async fn with_store<T: Send + 'static>(
        &mut self,
        bucket: &Resource<OpenBucket>,
        run: impl FnOnce(&dyn KeyValue) -> Result<T, KeyValueError> + Send + 'static,
    ) -> Told<T> {
        let kept = self.resources.get(bucket)?.0.clone();
        let ran = tokio::task::spawn_blocking(move || run(&*kept)).await?;
        Ok(ran.map_err(|KeyValueError(text)| store::Error::Other(text)))
    }
}

impl store::Host for State {
    async fn open(&mut self, identifier: String) -> Told<Resource<OpenBucket>> {
        let grants = self.grants();
        let Some(kept) = grants.keyvalue.clone() else {
            let table = &grants.table;
            return Ok(Err(store::Error::Other(format!(
                "not granted: this plugin may keep nothing; [{table}.keyvalue] would allow it"
            ))));
        };
        if !NAMES.contains(&identifier.as_str()) {
            return Ok(Err(store::Error::NoSuchStore));
        }
        Ok(Ok(self.resources.push(OpenBucket(kept))?))
    }
}

impl store::HostBucket for State {
    async fn get(&mut self, bucket: Resource<OpenBucket>, key: String) -> Told<Option<Vec<u8>>> {
        self.with_store(&bucket, move |kept| kept.get(&key)).await
    }

    async fn set(&mut self, bucket: Resource<OpenBucket>, key: String, value: Vec<u8>) -> Told<()> {
        let changes = vec![KeyChange::Set(key, value)];
        self.with_store(&bucket, |kept| kept.apply(changes)).await
    }

    async fn delete(&mut self, bucket: Resource<OpenBucket>, key: String) -> Told<()> {
        let changes = vec![KeyChange::Delete(key)];
        self.with_store(&bucket, |kept| kept.apply(changes)).await
    }

    async fn exists(&mut self, bucket: Resource<OpenBucket>, key: String) -> Told<bool> {
        let look = move |kept: &dyn KeyValue| Ok(kept.get(&key)?.is_some());
        self.with_store(&bucket, look).await
    }

    async fn list_keys(
        &mut self,
        bucket: Resource<OpenBucket>,
        cursor: Option<u64>,
    ) -> Told<store::KeyResponse> {
        let list = move |kept: &dyn KeyValue| {
            let (keys, cursor) = kept.keys(cursor.unwrap_or_default())?;
            Ok(store::KeyResponse { keys, cursor })
        };
        self.with_store(&bucket, list).await
    }

    async fn drop(&mut self, bucket: Resource<OpenBucket>) -> wasmtime::Result<()> {
        self.resources.delete(bucket)?;
        Ok(())
    }
}

impl atomics::Host for State {
    async fn increment(
        &mut self,
        bucket: Resource<OpenBucket>,
        key: String,
        delta: u64,
    ) -> Told<u64> {
        let add = move |kept: &dyn KeyValue| kept.increment(&key, delta);
        self.with_store(&bucket, add).await
    }
}

impl batch::Host for State {
    async fn get_many(
        &mut self,
        bucket: Resource<OpenBucket>,
        keys: Vec<String>,
    ) -> Told<Vec<Option<(String, Vec<u8>)>>> {
        let look = move |kept: &dyn KeyValue| {
            let pair = |key: String| Ok(kept.get(&key)?.map(|value| (key, value)));
            keys.into_iter().map(pair).collect()
        };
        self.with_store(&bucket, look).await
    }

    async fn set_many(
        &mut self,
        bucket: Resource<OpenBucket>,
        pairs: Vec<(String, Vec<u8>)>,
    ) -> Told<()> {
        let set = |(key, value)| KeyChange::Set(key, value);
        let changes = pairs.into_iter().map(set).collect();
        self.with_store(&bucket, |kept| kept.apply(changes)).await
    }

    async fn delete_many(&mut self, bucket: Resource<OpenBucket>, keys: Vec<String>) -> Told<()> {
        let changes = keys.into_iter().map(KeyChange::Delete).collect();
        self.with_store(&bucket, |kept| kept.apply(changes)).await
    }
}
