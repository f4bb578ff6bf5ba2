//! Tasks as their operator is shown them.
//!
//! It owns what is shown: neither an id, which lets its holder in, nor arguments or
//! results, which are the caller's.

use fusebox_protocol::RpcError;
use fusebox_protocol::reply::TaskStatus;
use serde::Serialize;

use super::{LongTasks, Record};
use crate::session::beginning;

/// One task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TaskShown {
    /// the beginning of its id
    pub id: String,
    /// the tool that was called
    pub tool: String,
    /// whose it is
    pub caller: String,
    /// the view that it was called in
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
    /// how far it is
    pub status: TaskStatus,
    /// in milliseconds since 1970
    pub created_ms: u64,
    /// the same
    pub updated_ms: u64,
    /// the same: from then on it is forgotten
    pub ends_ms: u64,
}

impl From<Record> for TaskShown {
    fn from(record: Record) -> Self {
        Self {
            id: beginning(&record.id),
            ends_ms: record.ends_ms(),
            tool: record.tool,
            caller: record.owner,
            view: record.view,
            status: record.status,
            created_ms: record.created_ms,
            updated_ms: record.updated_ms,
        }
    }
}

impl LongTasks {
    /// The newest of the first `max` tasks of the store first, and how many there are.
    ///
    /// # Errors
    /// If the store can't be read.
    pub async fn list(&self, max: usize) -> Result<(Vec<TaskShown>, usize), RpcError> {
        self.on_store(move |store| {
            let ids = store.ids()?;
            let mut shown = Vec::new();
            for id in ids.iter().take(max) {
                // One that was forgotten meanwhile is left out.
                shown.extend(store.get(id)?.map(TaskShown::from));
            }
            shown.sort_by_key(|one| std::cmp::Reverse(one.updated_ms));
            Ok((shown, ids.len()))
        })
        .await
    }
}
