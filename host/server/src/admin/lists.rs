//! Sessions and tasks, as the interface lists them.
//!
//! It owns the bound of a list. What is shown of each is said where they are kept.

use std::time::Instant;

use serde::Serialize;

use super::problem::Problem;
use crate::host::Host;
use crate::long_tasks::TaskShown;
use crate::session::SessionView;

/// Items of one list.
const SHOWN_MAX: usize = 1000;

/// The sessions that were used last.
#[derive(Debug, Serialize)]
pub(super) struct SessionList {
    /// how many there are
    total: usize,
    sessions: Vec<SessionView>,
}

/// The tasks of the store.
#[derive(Debug, Serialize)]
pub(super) struct TaskList {
    /// how many there are
    total: usize,
    /// how many of them run
    running: usize,
    tasks: Vec<TaskShown>,
}

pub(super) fn sessions(host: &Host) -> SessionList {
    let (sessions, total) = host.sessions.list(SHOWN_MAX, Instant::now());
    SessionList { total, sessions }
}

pub(super) async fn tasks(host: &Host) -> Result<TaskList, Problem> {
    let listed = host.long_tasks.list(SHOWN_MAX).await;
    let (tasks, total) = listed.map_err(|error| Problem::Failed(error.message.into_owned()))?;
    Ok(TaskList {
        total,
        running: host.long_tasks.running(),
        tasks,
    })
}
