//! The life of a task: begun by a call, run like every call, asked for, answered,
//! cancelled.
//!
//! It owns what happens to a task in which order: first durable, then told. It
//! never decides whether a call becomes a task.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use bytestring::ByteString;
use fusebox_protocol::params::{ClientCapabilities, UpdateTaskParams};
use fusebox_protocol::reply::{self, EmptyResult, TaskStatus};
use fusebox_protocol::{ProtocolVersion, RawJson, Reason, RefusalData, RequestId, RpcError};
use opentelemetry::context::FutureExt as _;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio_util::sync::CancellationToken;

use crate::ask::{Known, Questions};
use crate::audit::End;
use crate::auth::Audience;
use crate::call::{Call, ROUNDS_MAX, Round, Step, Target};
use crate::canary::Turn;
use crate::host::Host;
use crate::long_tasks::{Record, StoredQuestion, from_base64, to_base64, unix_ms, view};
use crate::origin::Origin;
use crate::plugin_entry::Handler;
use crate::refusal::millis_up;
use crate::render::dialect;
use crate::reply::Outcome;
use crate::session::CallContext;
use crate::supervise::Contained;
use crate::telemetry::Observed;

/// The extension exists in this version alone.
const VERSION: ProtocolVersion = ProtocolVersion::V2026_07_28;

/// Makes a task of a call: it is durable before this gives the answer.
///
/// # Errors
/// If there is no room for it, or no store.
pub(crate) async fn begin(call: &Call, known: Known) -> Result<Vec<u8>, RpcError> {
    let Target::Tool { arguments } = &call.target else {
        return Err(RpcError::internal("only tools become tasks"));
    };
    let tasks = &call.host.long_tasks;
    let mut record = tasks.record(&call.handler.name, &call.context.audience, arguments)?;
    record.trace = call.observed.as_ref().and_then(Observed::traceparent);
    let (kept, room) = (record.clone(), tasks.room());
    // Known as this process's own before it is in the store: whoever opens that ends
    // what nobody runs.
    tasks
        .running
        .insert(record.id.clone(), CancellationToken::new());
    let inserted = tasks.on_store(move |store| store.insert(&kept, room)).await;
    if let Err(error) = inserted {
        tasks.running.remove(&record.id);
        return Err(error);
    }
    let body = view::created(&call.id, call.context.version, &record, poll_ms(&call.host));
    let client = call.context.client;
    let audience = call.context.audience.clone();
    spawn(
        &call.host,
        (call.handler.clone(), call.turn.clone()),
        &record,
        (client, audience),
        known,
    );
    Ok(body)
}

/// `tasks/get`
///
/// # Errors
/// If there is no such task (any more), or no store.
pub(crate) async fn get(
    host: &Host,
    id: &RequestId,
    wanted: String,
    audience: &Audience,
) -> Result<Vec<u8>, RpcError> {
    let looked_up = wanted.clone();
    let tasks = &host.long_tasks;
    let found = tasks.on_store(move |store| store.get(&looked_up)).await?;
    let record = found.filter(|record| record.ends_ms() > unix_ms() && record.is_of(audience));
    let record = record.ok_or_else(|| unknown(&wanted))?;
    Ok(view::current(id, VERSION, &record, poll_ms(host)))
}

/// What `tasks/update` brings.
pub(crate) struct Update {
    wanted: String,
    given: Vec<(String, Box<RawValue>)>,
}

impl Update {
    /// A copy of its own, for the request is gone when the store answers.
    pub(crate) fn of(params: UpdateTaskParams<'_>) -> Self {
        let responses = params.input_responses.into_iter();
        Self {
            wanted: params.task_id.into_owned(),
            given: responses
                .map(|(key, answer)| (key.into_owned(), answer.to_owned()))
                .collect(),
        }
    }
}

/// `tasks/update`: takes the answers that the task waits for, and runs it again
/// when it has all of them. Other answers are passed over.
///
/// # Errors
/// If there is no such task (any more), or no store.
pub(crate) async fn update(
    host: &Arc<Host>,
    id: &RequestId,
    update: Update,
    client: ClientCapabilities,
    audience: Audience,
) -> Result<Vec<u8>, RpcError> {
    let Update { wanted, given } = update;
    let seen = audience.clone();
    let answered = move |record: &mut Record| match record.is_of(&seen) {
        true => answer(record, &given),
        false => None,
    };
    let (record, ready) = host.long_tasks.change(&wanted, answered).await?;
    let record = record.filter(|record| record.is_of(&audience));
    let record = record.ok_or_else(|| unknown(&wanted))?;
    if ready == Some(Ready::Yes) {
        resume(host, &record, client, audience).await;
    }
    Ok(empty(id))
}

/// `tasks/cancel`: ends the task and its wasm. One that has ended stays as it is.
///
/// # Errors
/// If there is no such task (any more), or no store.
pub(crate) async fn cancel(
    host: &Host,
    id: &RequestId,
    wanted: String,
    audience: Audience,
) -> Result<Vec<u8>, RpcError> {
    let now = unix_ms();
    let seen = audience.clone();
    let end = move |record: &mut Record| {
        let ended = record.is_of(&seen) && record.end(TaskStatus::Cancelled, now);
        ended.then_some(())
    };
    let (record, _) = host.long_tasks.change(&wanted, end).await?;
    let record = record.filter(|record| record.is_of(&audience));
    record.ok_or_else(|| unknown(&wanted))?;
    if let Some((_, running)) = host.long_tasks.running.remove(&wanted) {
        running.cancel();
    }
    Ok(empty(id))
}

/// Whether a task has all the answers that it waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ready {
    Yes,
    No,
}

/// Moves answers to where they are waited for; none if none is.
fn answer(record: &mut Record, given: &[(String, Box<RawValue>)]) -> Option<Ready> {
    if record.status != TaskStatus::InputRequired {
        return None;
    }
    let before = record.questions.len();
    for (key, answer) in given {
        let asked = record.questions.iter().position(|one| &one.key == key);
        if let Some(asked) = asked {
            record.questions.remove(asked);
            record.answers.insert(key.clone(), answer.clone());
        }
    }
    if record.questions.len() == before {
        return None;
    }
    record.updated_ms = unix_ms().max(record.updated_ms);
    if !record.questions.is_empty() {
        return Some(Ready::No);
    }
    record.status = TaskStatus::Working;
    Some(Ready::Yes)
}

/// Runs a task again, on the version of its plugin that asked, if that is tried beside
/// another, or else on the one that serves now.
async fn resume(host: &Arc<Host>, record: &Record, client: ClientCapabilities, audience: Audience) {
    let known = Known {
        responses: serde_json::to_string(&record.answers).ok(),
        state: record.state.as_deref().and_then(from_base64),
    };
    let catalogue = host.catalogue.load_full();
    let found = catalogue.offered_to(&audience).tool(&record.tool);
    let found = found
        .ok_or_else(|| format!("the tool `{}` is not there any more", record.tool))
        .and_then(|entry| {
            let version = record.version.as_deref().unwrap_or_default();
            let found = catalogue.go_on(&entry.handler, version);
            found.map_err(|gone| gone.to_string())
        });
    match found {
        Ok(handler) => spawn(host, handler, record, (client, audience), known),
        Err(words) => {
            let data = RefusalData::default();
            let error = RpcError::refusal(Reason::PluginUnavailable, words, data);
            settle(host, &record.id, Err(error), "").await;
        }
    }
}

/// A task that runs in this process; dropped, it doesn't.
struct Running {
    host: Arc<Host>,
    id: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.host.long_tasks.running.remove(&self.id);
    }
}

fn spawn(
    host: &Arc<Host>,
    (handler, turn): (Arc<Handler>, Option<Turn>),
    record: &Record,
    (client, audience): (ClientCapabilities, Audience),
    known: Known,
) {
    let observed = host.observe_task(record.trace.as_deref(), &handler);
    let mut call = Call {
        host: host.clone(),
        handler,
        id: RequestId::from(0),
        target: Target::Tool {
            arguments: ByteString::from(record.arguments.get()),
        },
        context: CallContext {
            version: VERSION,
            client,
            audience,
            origin: Origin::default(),
            log_level: None,
            progress_token: None,
            pending: None,
            session: None,
            impure: None,
            close: None,
        },
        round: Round::default(),
        as_task: true,
        turn,
        observed,
    };
    let stop = CancellationToken::new();
    let running = Running {
        host: host.clone(),
        id: record.id.clone(),
    };
    let ends = std::time::Duration::from_millis(record.ends_ms().saturating_sub(unix_ms()));
    host.long_tasks
        .running
        .insert(record.id.clone(), stop.clone());
    host.tasks.spawn(async move {
        let host = running.host.clone();
        let step = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            () = host.stopped.cancelled() => None,
            () = tokio::time::sleep(ends) => None,
            step = Contained(pin!(traced(&call, known))) => {
                Some(step.unwrap_or_else(|panic| Err(call.contained(&panic))))
            }
        };
        // Without a step it is dropped, which tells that it was cancelled.
        if let (Some(step), Some(observed)) = (&step, call.observed.take()) {
            observed.end(Instant::now(), outcome(step));
        }
        let id = running.id.clone();
        // Before anybody learns of its state, for the next round may begin then.
        drop(running);
        if let Some(step) = step {
            settle(&host, &id, step, &call.handler.core.sha256).await;
        }
    });
}

/// The same, with what it says joined to its trace, if it has one.
async fn traced(call: &Call, known: Known) -> Result<Step, RpcError> {
    match call.observed.as_ref().and_then(Observed::log_context) {
        Some(traced) => Box::pin(audited(call, known).with_context(traced)).await,
        None => audited(call, known).await,
    }
}

/// What a run came to, for whoever looks on.
fn outcome(step: &Result<Step, RpcError>) -> Outcome {
    match step {
        Ok(Step::Answer(answered)) if answered.is_error => Outcome::ToolFailed,
        Ok(_) => Outcome::Answered,
        Err(error) => Outcome::of(error),
    }
}

/// Runs a task's part of a call, and writes down what it came to. One that is cut off
/// was cancelled.
async fn audited(call: &Call, known: Known) -> Result<Step, RpcError> {
    let audit = call.host.audit.as_ref();
    let entry = audit.map(|audit| audit.begin(call)).transpose()?;
    let step = rounds(call, known).await;
    if let Some(entry) = entry.flatten() {
        entry.end(match &step {
            Ok(Step::Answer(answered)) if answered.is_error => End::IsError,
            Ok(_) => End::Ok,
            Err(error) => End::of_error(error),
        });
    }
    step
}

/// Calls the handler until it has an answer or a question.
async fn rounds(call: &Call, mut known: Known) -> Result<Step, RpcError> {
    for _ in 0..ROUNDS_MAX {
        let questions = match call.attempt(&known, None).await? {
            Step::Ask(questions) => questions,
            answer @ Step::Answer(_) => return Ok(answer),
        };
        if let Some(lacking) = questions.beyond(call.context.client) {
            let words = "this has to ask for something that the client can't do";
            return Err(RpcError::missing_capability(words, lacking));
        }
        if !questions.views().is_empty() {
            return Ok(Step::Ask(questions));
        }
        // It asks nobody anything, and only wants to be called again.
        known = Known {
            responses: None,
            state: questions.state,
        };
    }
    Err(RpcError::internal(format!(
        "it came back {ROUNDS_MAX} times and wants to come back again"
    )))
}

/// Keeps what a round of this version came to.
async fn settle(host: &Host, id: &str, step: Result<Step, RpcError>, version: &str) {
    let now = unix_ms();
    let changed = match step {
        Ok(Step::Ask(questions)) => {
            let (stored, state) = stored(&questions);
            let version = version.to_owned();
            let ask = move |record: &mut Record| {
                ask(record, &stored, state.as_ref(), now)?;
                record.version = Some(version.clone());
                Some(())
            };
            host.long_tasks.change(id, ask).await.map(drop)
        }
        Ok(Step::Answer(answered)) => {
            let result = result_of(&answered.body);
            let complete = move |record: &mut Record| {
                let ended = record.end(TaskStatus::Completed, now);
                record.result = if ended {
                    result.clone()
                } else {
                    record.result.take()
                };
                ended.then_some(())
            };
            host.long_tasks.change(id, complete).await.map(drop)
        }
        Err(error) => {
            let error = to_raw_value(&error).ok();
            let fail = move |record: &mut Record| {
                let ended = record.end(TaskStatus::Failed, now);
                record.error = if ended {
                    error.clone()
                } else {
                    record.error.take()
                };
                ended.then_some(())
            };
            host.long_tasks.change(id, fail).await.map(drop)
        }
    };
    if let Err(error) = changed {
        tracing::error!(task = id, error = %error.message, "the end of a task can't be kept");
    }
}

/// Lets a task wait for answers.
fn ask(
    record: &mut Record,
    questions: &[StoredQuestion],
    state: Option<&String>,
    now: u64,
) -> Option<()> {
    if record.status != TaskStatus::Working {
        return None;
    }
    record.status = TaskStatus::InputRequired;
    record.updated_ms = now.max(record.updated_ms);
    record.questions = questions.to_vec();
    record.answers.clear();
    record.state = state.cloned();
    Some(())
}

fn stored(questions: &Questions) -> (Vec<StoredQuestion>, Option<String>) {
    let list = questions.views();
    let stored = list.iter().map(|one| StoredQuestion {
        key: one.key.to_owned(),
        method: one.method.to_owned(),
        params: one
            .params
            .map(|params: &RawJson| params.as_raw().to_owned()),
    });
    (stored.collect(), questions.state.as_deref().map(to_base64))
}

/// The result in the body of a response.
pub(crate) fn result_of(body: &[u8]) -> Option<Box<RawValue>> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        result: &'a RawValue,
    }
    let body = serde_json::from_slice::<Body<'_>>(body).ok()?;
    Some(body.result.to_owned())
}

fn empty(id: &RequestId) -> Vec<u8> {
    let mut out = Vec::new();
    let result = EmptyResult {
        dialect: dialect(VERSION),
        subscription: None,
    };
    reply::response(&mut out, id, &result);
    out
}

fn unknown(id: &str) -> RpcError {
    let shown: String = id.chars().take(64).collect();
    RpcError::invalid_params(format!(
        "no task `{shown}`: it never was, or its time is over"
    ))
}

fn poll_ms(host: &Host) -> u64 {
    millis_up(host.live().tasks.poll_interval)
}
