//! What clients are told of a task.
//!
//! It owns the way from a record to messages. It never changes a record.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use fusebox_protocol::reply::{
    self, InputQuestion, TaskChanged, TaskCreated, TaskOutcome, TaskView,
};
use fusebox_protocol::{ProtocolVersion, RawJson, RequestId};
use humantime::format_rfc3339_millis;
use serde_json::value::RawValue;

use super::Record;
use crate::render::dialect;

/// What a view borrows from: times as text, JSON as the protocol has it.
struct Parts<'a> {
    record: &'a Record,
    created_at: String,
    last_updated_at: String,
    poll_interval_ms: u64,
    params: Vec<Option<RawJson>>,
    outcome: Option<RawJson>,
}

impl<'a> Parts<'a> {
    fn of(record: &'a Record, poll_interval_ms: u64) -> Self {
        let json =
            |raw: &Option<Box<RawValue>>| raw.as_deref().and_then(|raw| RawJson::of(raw).ok());
        Self {
            created_at: rfc3339(record.created_ms),
            last_updated_at: rfc3339(record.updated_ms),
            poll_interval_ms,
            params: record
                .questions
                .iter()
                .map(|one| json(&one.params))
                .collect(),
            outcome: json(&record.result).or_else(|| json(&record.error)),
            record,
        }
    }

    fn task(&self) -> TaskView<'_> {
        TaskView {
            task_id: &self.record.id,
            status: self.record.status,
            status_message: self.record.status_message.as_deref(),
            created_at: &self.created_at,
            last_updated_at: &self.last_updated_at,
            ttl_ms: self.record.ttl_ms,
            poll_interval_ms: self.poll_interval_ms,
        }
    }

    fn questions(&self) -> Vec<InputQuestion<'_>> {
        let questions = self.record.questions.iter().zip(&self.params);
        questions
            .map(|(one, params)| InputQuestion {
                key: &one.key,
                method: &one.method,
                params: params.as_ref(),
            })
            .collect()
    }

    fn outcome<'b>(&'b self, questions: &'b [InputQuestion<'b>]) -> TaskOutcome<'b> {
        match &self.outcome {
            Some(result) if self.record.result.is_some() => TaskOutcome::Result(result),
            Some(error) => TaskOutcome::Error(error),
            None if !questions.is_empty() => TaskOutcome::Asks(questions),
            None => TaskOutcome::None,
        }
    }
}

/// The answer to the call that became this task.
pub(crate) fn created(
    id: &RequestId,
    version: ProtocolVersion,
    record: &Record,
    poll_interval_ms: u64,
) -> Vec<u8> {
    let parts = Parts::of(record, poll_interval_ms);
    let mut out = Vec::new();
    let result = TaskCreated {
        dialect: dialect(version),
        task: parts.task(),
    };
    reply::response(&mut out, id, &result);
    out
}

/// The answer to `tasks/get`.
pub(crate) fn current(
    id: &RequestId,
    version: ProtocolVersion,
    record: &Record,
    poll_interval_ms: u64,
) -> Vec<u8> {
    let parts = Parts::of(record, poll_interval_ms);
    let questions = parts.questions();
    let mut out = Vec::new();
    let result = TaskChanged {
        dialect: Some(dialect(version)),
        task: parts.task(),
        outcome: parts.outcome(&questions),
        subscription: None,
    };
    reply::response(&mut out, id, &result);
    out
}

/// `notifications/tasks` for one who listens, marked with the id of the
/// subscription.
pub(crate) fn changed(record: &Record, poll_interval_ms: u64, subscription: &RequestId) -> Bytes {
    let parts = Parts::of(record, poll_interval_ms);
    let questions = parts.questions();
    let mut out = Vec::new();
    let params = TaskChanged {
        dialect: None,
        task: parts.task(),
        outcome: parts.outcome(&questions),
        subscription: Some(subscription),
    };
    reply::notification(&mut out, "notifications/tasks", &params);
    out.into()
}

fn rfc3339(unix_ms: u64) -> String {
    format_rfc3339_millis(SystemTime::UNIX_EPOCH + Duration::from_millis(unix_ms)).to_string()
}
