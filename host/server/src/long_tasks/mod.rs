//! Tasks: calls that outlive their request, kept in a store and asked for later.
//!
//! It owns what is kept of a task from its creation to its end: who may change it
//! and when. It never runs one (`task_run` does, by the same way as every call),
//! and it knows no transport.

mod redb;
mod store;
pub(crate) mod view;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dashmap::DashMap;
use fusebox_protocol::reply::TaskStatus;
use fusebox_protocol::{Reason, RefusalData, RpcError};
use serde_json::value::RawValue;
use tokio::sync::{OnceCell, broadcast};
use tokio_util::sync::CancellationToken;

pub use store::{Held, Record, Room, StoreError, StoredQuestion, TaskStore};
pub(crate) use view::changed;

use crate::auth::Audience;
use crate::config;
use crate::random_id::random_id;
use crate::refusal::millis_up;

/// The file name that stands for none: tasks end with the process.
pub const IN_MEMORY: &str = ":memory:";

/// Changes of tasks that a slow listener may lag behind. One that lags further
/// misses some, as it may: clients are told to ask as well.
const CHANGES_MAX: usize = 256;

/// The tasks of a host.
pub struct LongTasks {
    settings: config::Tasks,
    file: Option<PathBuf>,
    store: OnceCell<Arc<dyn TaskStore>>,
    /// those that run in this process, and how each is told to end
    pub(crate) running: DashMap<String, CancellationToken>,
    /// who wants to know of changes listens here
    pub changes: broadcast::Sender<Arc<Record>>,
}

impl LongTasks {
    /// No task yet, and no file touched.
    pub fn new(settings: config::Tasks, shards: usize) -> Self {
        Self {
            file: settings.file(|name| std::env::var_os(name)),
            settings,
            store: OnceCell::new(),
            running: DashMap::with_shard_amount(shards),
            changes: broadcast::Sender::new(CHANGES_MAX),
        }
    }

    /// Whether calls become tasks.
    pub fn enabled(&self) -> bool {
        self.settings.enabled
    }

    /// How much is kept; nothing before the store is opened.
    pub fn held(&self) -> Held {
        self.store.get().map_or_else(Held::default, |s| s.held())
    }

    /// Tasks that run now.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// Forgets the tasks whose time is over, and ends those of them that run.
    pub async fn sweep(&self) {
        if self.store.get().is_none() {
            return;
        }
        match self.on_store(|store| store.forget_ended(unix_ms())).await {
            Ok(gone) => {
                for id in gone {
                    if let Some((_, running)) = self.running.remove(&id) {
                        running.cancel();
                    }
                }
            }
            Err(error) => tracing::warn!(error = %error.message, "ended tasks can't be forgotten"),
        }
    }

    /// Does something with the store, on a thread that may block.
    pub(crate) async fn on_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn TaskStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, RpcError> {
        let store = self.open().await?;
        let done = tokio::task::spawn_blocking(move || work(store.as_ref())).await;
        match done {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(self.refusal(&error)),
            Err(panic) => Err(RpcError::internal(format!(
                "the task store failed: {panic}"
            ))),
        }
    }

    /// The store, opened by the first who needs it. A failure is tried again by
    /// the next.
    async fn open(&self) -> Result<Arc<dyn TaskStore>, RpcError> {
        let open = || async {
            let file = self.file.clone();
            let opened = tokio::task::spawn_blocking(move || open_store(file.as_deref())).await;
            match opened {
                Ok(Ok(store)) => Ok(store),
                Ok(Err(error)) => {
                    tracing::error!(file = ?self.file, %error, "the task store can't be opened");
                    Err(self.refusal(&error))
                }
                Err(panic) => Err(RpcError::internal(format!(
                    "the task store failed: {panic}"
                ))),
            }
        };
        self.store.get_or_try_init(open).await.cloned()
    }

    fn refusal(&self, error: &StoreError) -> RpcError {
        let mut data = RefusalData {
            retry_after_ms: Some(millis_up(self.settings.poll_interval)),
            ..RefusalData::default()
        };
        let (reason, key, limit) = match error {
            StoreError::TooMany => (
                Reason::Overloaded,
                "tasks.max_tasks",
                Some(self.settings.max_tasks),
            ),
            StoreError::TooLarge => (
                Reason::Overloaded,
                "tasks.max_bytes",
                Some(self.settings.max_bytes),
            ),
            StoreError::Broken(_) => (Reason::TaskStoreUnavailable, "tasks.store", None),
        };
        data.key = Some(key.into());
        data.limit = limit;
        let what = match reason {
            Reason::Overloaded => format!("the host is overloaded: {error} (raise `{key}`)"),
            _ => format!("the task can't be kept: {error} (see `{key}`)"),
        };
        RpcError::refusal(reason, what, data)
    }

    /// A task in its first state.
    pub(crate) fn record(
        &self,
        tool: &str,
        audience: &Audience,
        arguments: &str,
    ) -> Result<Record, RpcError> {
        let id = random_id().map_err(|error| {
            RpcError::internal(format!("the system gave no random bytes: {error}"))
        })?;
        let arguments = RawValue::from_string(arguments.to_owned())
            .map_err(|error| RpcError::invalid_params(error.to_string()))?;
        let now = unix_ms();
        Ok(Record {
            id,
            tool: tool.to_owned(),
            view: audience.view.as_deref().map(str::to_owned),
            owner: audience.subject().to_owned(),
            version: None,
            arguments,
            status: TaskStatus::Working,
            status_message: None,
            created_ms: now,
            updated_ms: now,
            ttl_ms: millis_up(self.settings.ttl),
            questions: Vec::new(),
            answers: std::collections::BTreeMap::new(),
            state: None,
            result: None,
            error: None,
        })
    }

    pub(crate) fn room(&self) -> Room {
        Room {
            tasks: self.settings.max_tasks,
            bytes: self.settings.max_bytes,
        }
    }

    /// Changes a task and tells of it; what `change` gives is none if it left the
    /// task alone.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        id: &str,
        change: impl Fn(&mut Record) -> Option<T> + Send + 'static,
    ) -> Result<(Option<Record>, Option<T>), RpcError> {
        let id = id.to_owned();
        let changed = self
            .on_store(move |store| {
                let mut done = None;
                let record = store.change(&id, &mut |record| {
                    done = change(record);
                    done.is_some()
                })?;
                Ok((record, done))
            })
            .await?;
        let (record, done) = changed;
        if let Some(record) = record.as_ref().filter(|_| done.is_some()) {
            // Nobody listening is no error.
            let _ = self.changes.send(Arc::new(record.clone()));
        }
        Ok((record, done))
    }
}

/// Opens the store, and ends what a process before this one left running: its
/// call is gone, and nobody knows how far it came. What waits for answers goes on
/// waiting.
fn open_store(file: Option<&Path>) -> Result<Arc<dyn TaskStore>, StoreError> {
    let store: Arc<dyn TaskStore> = match file {
        Some(file) if file == Path::new(IN_MEMORY) => Arc::new(redb::RedbStore::in_memory()?),
        Some(file) => Arc::new(redb::RedbStore::open(file)?),
        None => {
            return Err(StoreError::Broken(
                "the user has no home for the file".to_owned(),
            ));
        }
    };
    let now = unix_ms();
    let error = RpcError::refusal(
        Reason::Interrupted,
        "the host stopped while this ran; call the tool again",
        RefusalData::default(),
    );
    let error = serde_json::value::to_raw_value(&error)
        .map_err(|error| StoreError::Broken(error.to_string()))?;
    for id in store.ids()? {
        store.change(&id, &mut |record| {
            if record.status != TaskStatus::Working {
                return false;
            }
            record.error = Some(error.clone());
            record.end(TaskStatus::Failed, now)
        })?;
    }
    Ok(store)
}

/// Milliseconds since 1970, which stay the same if the process doesn't.
pub(crate) fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, millis_up)
}

pub(crate) fn to_base64(state: &[u8]) -> String {
    STANDARD.encode(state)
}

pub(crate) fn from_base64(state: &str) -> Option<Vec<u8>> {
    STANDARD.decode(state).ok()
}
