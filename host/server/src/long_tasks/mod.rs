//! Tasks: calls that outlive their request, kept in a store and asked for later.
//!
//! It owns what is kept of a task from its creation to its end: who may change it
//! and when. It never runs one (`task_run` does, by the same way as every call),
//! and it knows no transport.

mod list;
mod redb;
mod store;
pub(crate) mod view;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwapOption;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dashmap::DashMap;
use fusebox_protocol::reply::TaskStatus;
use fusebox_protocol::{Reason, RefusalData, RpcError};
use serde_json::value::RawValue;
use tokio::sync::{Mutex, OwnedMutexGuard, broadcast};
use tokio_util::sync::CancellationToken;

pub use list::TaskShown;
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

/// How long the file is waited for while another host has turns with it.
const TURN_PATIENCE: Duration = Duration::from_secs(10);

/// How long it is left to the other after each turn.
const TURN_PAUSE: Duration = Duration::from_millis(1);

/// A store that is open.
struct Kept(Box<dyn TaskStore>);

/// The tasks of a host.
pub struct LongTasks {
    settings: config::Tasks,
    file: Option<PathBuf>,
    store: ArcSwapOption<Kept>,
    /// another host uses the same file, and this one has it open only in its turns
    shared: AtomicBool,
    /// whoever opens the file, or has a turn with it
    turn: Arc<Mutex<()>>,
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
            store: ArcSwapOption::empty(),
            shared: AtomicBool::new(false),
            turn: Arc::default(),
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
        let store = self.store.load();
        store.as_ref().map_or_else(Held::default, |s| s.0.held())
    }

    /// Tasks that run now.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// Forgets the tasks whose time is over, and ends those of them that run.
    pub async fn sweep(&self) {
        if self.store.load().is_none() {
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
        let turn = match self.is_shared() {
            true => Some(self.turn.clone().lock_owned().await),
            false => None,
        };
        // It may have been the last turn that was waited for.
        let done = match turn.filter(|_| self.is_shared()) {
            Some(turn) => {
                let file = self.file.clone();
                tokio::task::spawn_blocking(move || in_turn(file.as_deref(), turn, work)).await
            }
            None => {
                let store = self.open().await?;
                tokio::task::spawn_blocking(move || work(store.0.as_ref())).await
            }
        };
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
    async fn open(&self) -> Result<Arc<Kept>, RpcError> {
        if let Some(store) = self.store.load_full() {
            return Ok(store);
        }
        let _turn = self.turn.lock().await;
        if let Some(store) = self.store.load_full() {
            return Ok(store);
        }
        let file = self.file.clone();
        let mine = self.running.iter().map(|one| one.key().clone()).collect();
        let opened = tokio::task::spawn_blocking(move || open_store(file.as_deref(), &mine)).await;
        match opened {
            Ok(Ok(store)) => {
                let store = Arc::new(Kept(store));
                // Another host may have come for it just now.
                if !self.is_shared() {
                    self.store.store(Some(store.clone()));
                }
                Ok(store)
            }
            Ok(Err(error)) => {
                tracing::error!(file = ?self.file, %error, "the task store can't be opened");
                Err(self.refusal(&error))
            }
            Err(panic) => Err(RpcError::internal(format!(
                "the task store failed: {panic}"
            ))),
        }
    }

    fn is_shared(&self) -> bool {
        self.shared.load(Ordering::Relaxed)
    }

    /// From now on another host uses the same file: it is open for as long as it takes
    /// to read or change a task, and no longer.
    pub(crate) async fn share(&self) {
        if self.is_in_memory() {
            return;
        }
        let _turn = self.turn.lock().await;
        self.shared.store(true, Ordering::Relaxed);
        self.store.store(None);
    }

    /// The same for a host that has not served yet.
    pub(crate) fn share_from_the_start(&self) {
        self.shared.store(!self.is_in_memory(), Ordering::Relaxed);
    }

    /// No other host uses the same file any more. What that one left running has
    /// ended with it, which is written when the file is opened.
    pub(crate) async fn keep(&self) {
        if !self.is_shared() {
            return;
        }
        let turn = self.turn.lock().await;
        self.shared.store(false, Ordering::Relaxed);
        drop(turn);
        // A host that never had a task has no file.
        if self.file.as_deref().is_some_and(Path::exists) {
            // A failure is told, and tried again by whoever needs it.
            let _ = self.open().await;
        }
    }

    fn is_in_memory(&self) -> bool {
        self.file.as_deref() == Some(Path::new(IN_MEMORY))
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
            StoreError::Broken(_) | StoreError::Taken => {
                (Reason::TaskStoreUnavailable, "tasks.store", None)
            }
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
            trace: None,
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

/// Does something with a file that another host uses too, and lets go of it.
fn in_turn<T>(
    file: Option<&Path>,
    turn: OwnedMutexGuard<()>,
    work: impl FnOnce(&dyn TaskStore) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let end = Instant::now() + TURN_PATIENCE;
    let store = loop {
        match find_store(file) {
            Err(StoreError::Taken) if Instant::now() < end => std::thread::sleep(TURN_PAUSE),
            found => break found?,
        }
    };
    let done = work(store.as_ref());
    drop(store);
    std::thread::sleep(TURN_PAUSE);
    drop(turn);
    done
}

fn find_store(file: Option<&Path>) -> Result<Box<dyn TaskStore>, StoreError> {
    match file {
        Some(file) if file == Path::new(IN_MEMORY) => Ok(Box::new(redb::RedbStore::in_memory()?)),
        Some(file) => Ok(Box::new(redb::RedbStore::open(file)?)),
        None => Err(StoreError::Broken(
            "the user has no home for the file".to_owned(),
        )),
    }
}

/// Opens the store, and ends what a process before this one left running: its
/// call is gone, and nobody knows how far it came. What runs in this one goes on, as
/// does what waits for answers.
fn open_store(
    file: Option<&Path>,
    mine: &BTreeSet<String>,
) -> Result<Box<dyn TaskStore>, StoreError> {
    let store = find_store(file)?;
    let now = unix_ms();
    let error = RpcError::refusal(
        Reason::Interrupted,
        "the host stopped while this ran; call the tool again",
        RefusalData::default(),
    );
    let error = serde_json::value::to_raw_value(&error)
        .map_err(|error| StoreError::Broken(error.to_string()))?;
    for id in store.ids()?.into_iter().filter(|id| !mine.contains(id)) {
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

#[cfg(test)]
mod tests;
