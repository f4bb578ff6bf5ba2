//! Where tasks are kept: the interface, and what is kept of a task.
//!
//! It owns the record and what a store promises. It never runs a task, and no
//! store reads a clock.

use std::collections::BTreeMap;

use fusebox_protocol::reply::TaskStatus;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::auth::Audience;

/// A task, as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// not to be guessed
    pub id: String,
    /// the name its caller called
    pub tool: String,
    /// the view in which it was called, and in which alone it is known
    #[serde(default)]
    pub view: Option<String>,
    /// the caller whose it is, and who alone knows of it; empty: nobody was asked
    #[serde(default)]
    pub owner: String,
    /// how the SHA-256 of the version that asked begins, if it waits for answers
    #[serde(default)]
    pub version: Option<String>,
    /// the `traceparent` of the request that began it, if that was recorded
    #[serde(default)]
    pub trace: Option<String>,
    /// a JSON object, as it was written
    pub arguments: Box<RawValue>,
    /// how far it is
    pub status: TaskStatus,
    /// the same for people
    pub status_message: Option<String>,
    /// milliseconds since 1970
    pub created_ms: u64,
    /// milliseconds since 1970
    pub updated_ms: u64,
    /// how long it is kept from `created_ms` on
    pub ttl_ms: u64,
    /// what it asks and has no answer to
    pub questions: Vec<StoredQuestion>,
    /// what was answered since it last ran, by the key of the question
    pub answers: BTreeMap<String, Box<RawValue>>,
    /// what its handler wants to find again, in base64
    pub state: Option<String>,
    /// the result of its call
    pub result: Option<Box<RawValue>>,
    /// the error of its call
    pub error: Option<Box<RawValue>>,
}

/// A question of a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredQuestion {
    /// under which its answer comes
    pub key: String,
    /// such as `elicitation/create`
    pub method: String,
    /// an object
    pub params: Option<Box<RawValue>>,
}

impl Record {
    /// Whether this caller may know of it.
    pub fn is_of(&self, audience: &Audience) -> bool {
        self.view.as_deref() == audience.view.as_deref() && self.owner == audience.subject()
    }

    /// The millisecond from which on it is gone.
    pub fn ends_ms(&self) -> u64 {
        self.created_ms.saturating_add(self.ttl_ms)
    }

    /// Ends it, unless it has ended; true if this did it.
    pub fn end(&mut self, status: TaskStatus, now_ms: u64) -> bool {
        if self.status.is_final() {
            return false;
        }
        self.status = status;
        self.updated_ms = now_ms.max(self.updated_ms);
        self.status_message = None;
        self.questions.clear();
        self.answers.clear();
        self.state = None;
        true
    }
}

/// How much a store may hold.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// tasks
    pub tasks: u64,
    /// bytes of all records
    pub bytes: u64,
}

/// How much a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// tasks
    pub tasks: u64,
    /// bytes of all records
    pub bytes: u64,
}

/// Why a store doesn't do what it should.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room for another task.
    #[error("as many tasks are kept as may be")]
    TooMany,
    /// No room for its bytes.
    #[error("the tasks that are kept take all of their bytes")]
    TooLarge,
    /// The file belongs to one process at a time.
    #[error("another process has it open")]
    Taken,
    /// The file is the trouble.
    #[error("{0}")]
    Broken(String),
}

/// Keeps tasks. Everything that it says it did is durable; every call may block.
pub trait TaskStore: Send + Sync {
    /// Keeps a new task.
    ///
    /// # Errors
    /// If there is no room, or the file is the trouble.
    fn insert(&self, record: &Record, room: Room) -> Result<(), StoreError>;

    /// A task, if there is one of this id.
    ///
    /// # Errors
    /// If the file is the trouble.
    fn get(&self, id: &str) -> Result<Option<Record>, StoreError>;

    /// Changes a task, alone: nobody else changes it meanwhile. `change` says
    /// whether it did. Gives the task as it is afterwards, if there is one.
    ///
    /// # Errors
    /// If the file is the trouble; then nothing has changed.
    fn change(
        &self,
        id: &str,
        change: &mut dyn FnMut(&mut Record) -> bool,
    ) -> Result<Option<Record>, StoreError>;

    /// Forgets the tasks that end before `now_ms`, and gives their ids.
    ///
    /// # Errors
    /// If the file is the trouble.
    fn forget_ended(&self, now_ms: u64) -> Result<Vec<String>, StoreError>;

    /// The ids of all tasks.
    ///
    /// # Errors
    /// If the file is the trouble.
    fn ids(&self) -> Result<Vec<String>, StoreError>;

    /// How much it holds.
    fn held(&self) -> Held;
}
