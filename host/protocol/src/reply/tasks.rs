//! The tasks extension: a task in place of a result, a task as it stands, and
//! the notification that it has changed.
//!
//! Owns their shapes. It never decides what becomes a task, and knows no clock:
//! times come as text.

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use super::results::Questions;
use super::{Dialect, InputQuestion, Meta, end_result, entry};
use crate::json::RawJson;
use crate::request_id::RequestId;

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// it runs, or waits for its turn
    Working,
    /// it waits for answers
    InputRequired,
    /// it has a result, perhaps one that says it failed
    Completed,
    /// it ended with an error of the protocol
    Failed,
    /// its caller ended it
    Cancelled,
}

impl TaskStatus {
    /// Whether nothing will change any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// What all messages about a task say.
#[derive(Debug, Clone, Copy)]
pub struct TaskView<'a> {
    /// its id
    pub task_id: &'a str,
    /// how far it is
    pub status: TaskStatus,
    /// the same for people
    pub status_message: Option<&'a str>,
    /// RFC 3339
    pub created_at: &'a str,
    /// RFC 3339
    pub last_updated_at: &'a str,
    /// how long it is kept from its creation on, in milliseconds
    pub ttl_ms: u64,
    /// how often to ask, in milliseconds
    pub poll_interval_ms: u64,
}

impl TaskView<'_> {
    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("taskId", self.task_id)?;
        map.serialize_entry("status", &self.status)?;
        entry(map, "statusMessage", self.status_message)?;
        map.serialize_entry("createdAt", self.created_at)?;
        map.serialize_entry("lastUpdatedAt", self.last_updated_at)?;
        map.serialize_entry("ttlMs", &self.ttl_ms)?;
        map.serialize_entry("pollIntervalMs", &self.poll_interval_ms)
    }
}

/// The answer to a call that has become a task.
#[derive(Debug, Clone, Copy)]
pub struct TaskCreated<'a> {
    /// for whom
    pub dialect: Dialect<'a>,
    /// the task
    pub task: TaskView<'a>,
}

impl Serialize for TaskCreated<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("resultType", "task")?;
        self.task.write(&mut map)?;
        end_result(&mut map, self.dialect, None, None)?;
        map.end()
    }
}

/// What there is to say of a task beside its status.
#[derive(Debug, Clone, Copy)]
pub enum TaskOutcome<'a> {
    /// nothing
    None,
    /// what it asks
    Asks(&'a [InputQuestion<'a>]),
    /// the result of its call
    Result(&'a RawJson),
    /// the error of its call
    Error(&'a RawJson),
}

impl TaskOutcome<'_> {
    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        match self {
            Self::None => Ok(()),
            Self::Asks(questions) => map.serialize_entry("inputRequests", &Questions(questions)),
            Self::Result(result) => map.serialize_entry("result", result),
            Self::Error(error) => map.serialize_entry("error", error),
        }
    }
}

/// A task as it stands: the answer to `tasks/get`, and, without a dialect and
/// with a subscription, `notifications/tasks`.
#[derive(Debug, Clone, Copy)]
pub struct TaskChanged<'a> {
    /// for whom, if it is a result
    pub dialect: Option<Dialect<'a>>,
    /// the task
    pub task: TaskView<'a>,
    /// what it came to
    pub outcome: TaskOutcome<'a>,
    /// the id of the `subscriptions/listen` that asked for it
    pub subscription: Option<&'a RequestId>,
}

impl Serialize for TaskChanged<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        entry(
            &mut map,
            "resultType",
            self.dialect.map(|_| "complete").as_ref(),
        )?;
        self.task.write(&mut map)?;
        self.outcome.write(&mut map)?;
        match (self.dialect, self.subscription) {
            (Some(dialect), _) => end_result(&mut map, dialect, None, None)?,
            (None, Some(subscription)) => {
                let meta = Meta {
                    subscription: Some(subscription),
                    ..Meta::default()
                };
                map.serialize_entry("_meta", &meta)?;
            }
            (None, None) => {}
        }
        map.end()
    }
}
