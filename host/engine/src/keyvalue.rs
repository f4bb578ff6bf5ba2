//! `wasi:keyvalue` for plugins: what a plugin keeps beyond a call.
//!
//! It owns the way from the host functions to whoever keeps the values. It never
//! keeps one itself.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use parking_lot::Mutex;
use wasmtime::component::Resource;

use crate::contract::capabilities::{atomics, batch, store};
use crate::state::State;
use crate::watch::{HostCall, HostCallEnd};

/// Who sees what a plugin keeps, and for how long it stays. Each scope is a store
/// of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// the plugin, whoever calls it; for good
    Plugin,
    /// one session, until it ends
    Session,
    /// one caller, in all of its sessions; for good
    Caller,
}

impl Scope {
    /// The scope of the store that a plugin opens by this name.
    fn of_store(name: &str) -> Option<Self> {
        Some(match name {
            "default" | "" => Self::Plugin,
            "session" => Self::Session,
            "caller" => Self::Caller,
            _ => return None,
        })
    }

    /// The table below a plugin's grants that grants it.
    pub fn section(self) -> &'static str {
        match self {
            Self::Plugin => "keyvalue",
            Self::Session => "keyvalue_session",
            Self::Caller => "keyvalue_caller",
        }
    }
}

/// Whose call it is.
#[derive(Clone, Debug, Default)]
pub struct Owner {
    /// the authenticated caller; none: anybody
    pub caller: Option<String>,
    /// what is kept for the session; none: there is no session
    pub session: Option<Arc<SessionStores>>,
}

/// What is kept for one session, by plugin. It ends with its last owner, which is
/// the session.
#[derive(Debug, Default)]
pub struct SessionStores(Mutex<BTreeMap<String, Arc<dyn KeyValue>>>);

impl SessionStores {
    /// The store of this plugin, made with the first use.
    pub fn of(&self, plugin: &str, make: impl FnOnce() -> Arc<dyn KeyValue>) -> Arc<dyn KeyValue> {
        let mut stores = self.0.lock();
        if let Some(store) = stores.get(plugin) {
            return store.clone();
        }
        let store = make();
        stores.insert(plugin.to_owned(), store.clone());
        store
    }
}

/// Why a store can't be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoStore {
    /// The operator doesn't allow it.
    NotGranted,
    /// It is for a session, and there is none.
    NoSession,
}

/// Opens the stores of one plugin.
pub trait Stores: Debug + Send + Sync {
    /// The store of this scope and owner. Touches no file.
    ///
    /// # Errors
    /// If it isn't granted, or has no owner.
    fn open(&self, scope: Scope, owner: &Owner) -> Result<Arc<dyn KeyValue>, NoStore>;
}

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

/// Keeps the values of one store. Everything that it says it did lasts as long as
/// its scope; every call may block.
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
        operation: &'static str,
        bucket: &Resource<OpenBucket>,
        run: impl FnOnce(&dyn KeyValue) -> Result<T, KeyValueError> + Send + 'static,
    ) -> Told<T> {
        let kept = self.resources.get(bucket)?.0.clone();
        let watch = self
            .sink()
            .and_then(|sink| sink.host_call(HostCall::KeyValue { operation }));
        let ran = tokio::task::spawn_blocking(move || run(&*kept)).await?;
        if let Some(watch) = watch {
            watch.ended(match &ran {
                Ok(_) => HostCallEnd::Done,
                Err(_) => HostCallEnd::Failed("store"),
            });
        }
        Ok(ran.map_err(|KeyValueError(text)| store::Error::Other(text)))
    }
}

impl store::Host for State {
    async fn open(&mut self, identifier: String) -> Told<Resource<OpenBucket>> {
        let Some(scope) = Scope::of_store(&identifier) else {
            return Ok(Err(store::Error::NoSuchStore));
        };
        let grants = self.grants();
        let opened = match &grants.keyvalue {
            Some(stores) => stores.open(scope, &self.owner()),
            None => Err(NoStore::NotGranted),
        };
        match opened {
            Ok(kept) => Ok(Ok(self.resources.push(OpenBucket(kept))?)),
            Err(why) => Ok(Err(store::Error::Other(told(scope, why, &grants.table)))),
        }
    }
}

/// Says why a store can't be opened, and what would help.
fn told(scope: Scope, why: NoStore, table: &str) -> String {
    match (why, scope) {
        (NoStore::NoSession, _) => "there is no session: this client speaks a version of MCP \
            without sessions, or the call is a task; the store `caller` keeps values for who calls"
            .to_owned(),
        (NoStore::NotGranted, scope) => {
            let whom = match scope {
                Scope::Plugin => "nothing",
                Scope::Session => "nothing for a session",
                Scope::Caller => "nothing for a caller",
            };
            let section = scope.section();
            format!("not granted: this plugin may keep {whom}; [{table}.{section}] would allow it")
        }
    }
}

impl store::HostBucket for State {
    async fn get(&mut self, bucket: Resource<OpenBucket>, key: String) -> Told<Option<Vec<u8>>> {
        self.with_store("get", &bucket, move |kept| kept.get(&key))
            .await
    }

    async fn set(&mut self, bucket: Resource<OpenBucket>, key: String, value: Vec<u8>) -> Told<()> {
        let changes = vec![KeyChange::Set(key, value)];
        self.with_store("set", &bucket, |kept| kept.apply(changes))
            .await
    }

    async fn delete(&mut self, bucket: Resource<OpenBucket>, key: String) -> Told<()> {
        let changes = vec![KeyChange::Delete(key)];
        self.with_store("delete", &bucket, |kept| kept.apply(changes))
            .await
    }

    async fn exists(&mut self, bucket: Resource<OpenBucket>, key: String) -> Told<bool> {
        let look = move |kept: &dyn KeyValue| Ok(kept.get(&key)?.is_some());
        self.with_store("exists", &bucket, look).await
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
        self.with_store("list_keys", &bucket, list).await
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
        self.with_store("increment", &bucket, add).await
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
        self.with_store("get_many", &bucket, look).await
    }

    async fn set_many(
        &mut self,
        bucket: Resource<OpenBucket>,
        pairs: Vec<(String, Vec<u8>)>,
    ) -> Told<()> {
        let set = |(key, value)| KeyChange::Set(key, value);
        let changes = pairs.into_iter().map(set).collect();
        self.with_store("set_many", &bucket, |kept| kept.apply(changes))
            .await
    }

    async fn delete_many(&mut self, bucket: Resource<OpenBucket>, keys: Vec<String>) -> Told<()> {
        let changes = keys.into_iter().map(KeyChange::Delete).collect();
        self.with_store("delete_many", &bucket, |kept| kept.apply(changes))
            .await
    }
}
