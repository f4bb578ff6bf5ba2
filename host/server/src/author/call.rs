//! One call of one tool, and what it used.
//!
//! It owns the call's way around breaker and admission, which nobody waits for
//! here. The limits are the host's, and so are the checks and the words.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytestring::ByteString;
use fusebox_engine::contract::types::{CallContext, ClientCapabilities};
use fusebox_engine::{Change, Invocation, RequestEvent, RequestSink, SessionStores};
use fusebox_protocol::{Era, ProtocolVersion, RequestId, RpcError};
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{AuthorError, Loaded, needs};
use crate::plugin_entry::ToolEntry;
use crate::refusal;
use crate::render::{self, Rendered};
use crate::reply::Reply;

/// What a call came to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// a result, as a client of 2026-07-28 gets it; `isError` may be in it
    Result(Value),
    /// a question for the user, as that client gets it
    Asks(Value),
    /// an error, as every client gets it
    Error(Value),
}

/// What `fusebox plugin call` says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallReport {
    /// what the client would get
    pub outcome: Outcome,
    /// what the tool said meanwhile, a line each
    pub said: Vec<String>,
    /// units of fuel, and how many it may use
    pub fuel: u64,
    /// see `fuel`
    pub fuel_max: u64,
    /// wall-clock time, in milliseconds, and how long it may take
    pub elapsed_ms: f64,
    /// see `elapsed_ms`
    pub deadline_ms: f64,
    /// bytes of linear memory at the end, and how many it may have
    pub memory_bytes: usize,
    /// see `memory_bytes`
    pub memory_max_bytes: usize,
    /// lines for the configuration that would grant all that the plugin asks for and is
    /// denied, whichever this call met first; empty if it did what was asked of it
    pub grants_needed: String,
}

impl CallReport {
    /// Whether the tool did what was asked of it.
    pub fn is_success(&self) -> bool {
        match &self.outcome {
            Outcome::Result(result) => result["isError"] != Value::Bool(true),
            Outcome::Asks(_) | Outcome::Error(_) => false,
        }
    }
}

impl Loaded {
    /// Calls a tool with a JSON object of arguments.
    ///
    /// # Errors
    /// If there is no such tool, or the arguments are no object. All that a client
    /// would be told is in the report.
    pub async fn call(&self, tool: &str, arguments: &str) -> Result<CallReport, AuthorError> {
        let tools = &self.plugin.offers.tools;
        let entry = tools.iter().find(|entry| entry.handler.name == tool);
        let entry = entry.ok_or_else(|| AuthorError::NoTool {
            name: tool.to_owned(),
            known: tools
                .iter()
                .map(|entry| entry.handler.name.clone())
                .collect(),
        })?;
        if let Err(error) = serde_json::from_str::<Map<String, Value>>(arguments) {
            let reason = error.to_string();
            return Err(AuthorError::Arguments { reason });
        }
        let limits = self.plugin.core.code.limits();
        let mut report = CallReport {
            outcome: Outcome::Error(Value::Null),
            said: Vec::new(),
            fuel: 0,
            fuel_max: limits.fuel,
            elapsed_ms: 0.0,
            deadline_ms: limits.deadline.as_secs_f64() * 1e3,
            memory_bytes: 0,
            memory_max_bytes: limits.memory_max_bytes,
            grants_needed: String::new(),
        };
        let id = request_id();
        let schema = entry.handler.rules.input.as_ref();
        if let Some(misfit) = schema.and_then(|schema| schema.check(arguments).err()) {
            let body = render::invalid_arguments(&id, ProtocolVersion::V2026_07_28, &misfit);
            report.outcome = Outcome::Result(member(&body.body, "result"));
            return Ok(report);
        }
        self.enter(entry, &id, arguments, &mut report).await;
        if !report.is_success() {
            report.grants_needed = self.grants_needed();
        }
        Ok(report)
    }

    async fn enter(
        &self,
        entry: &ToolEntry,
        id: &RequestId,
        arguments: &str,
        report: &mut CallReport,
    ) {
        let handler = &*entry.handler;
        let code = &self.plugin.core.code;
        let invocation = Invocation::CallTool {
            name: handler.own_name.as_str().into(),
            arguments: ByteString::from(arguments),
            context: CallContext {
                caller: None,
                deadline_ms: u32::try_from(code.limits().deadline.as_millis()).unwrap_or(u32::MAX),
                // Not `all()`: that sets bits beyond those of the contract, which some
                // languages' bindings take for a mistake.
                client: ClientCapabilities::ELICIT_FORM
                    | ClientCapabilities::ELICIT_URL
                    | ClientCapabilities::SAMPLE
                    | ClientCapabilities::LIST_ROOTS,
                input_responses: None,
                request_state: None,
            },
        };
        let sink = Arc::new(Said {
            lines: Mutex::default(),
            session: self.session.clone(),
        });
        let completed = code
            .call(invocation, sink.clone(), None, &handler.habit)
            .await;
        report.said = std::mem::take(&mut *sink.lines.lock());
        report.fuel = completed.usage.fuel;
        report.elapsed_ms = completed.usage.elapsed.as_secs_f64() * 1e3;
        report.memory_bytes = completed.usage.memory_bytes;
        let version = ProtocolVersion::V2026_07_28;
        let promised = handler.rules.output.as_ref();
        report.outcome = match completed.answer {
            Err(error) => refused(&refusal::call_failed(handler, &error)),
            Ok(answer) => match render::answer(id, version, "", promised, answer) {
                Rendered::Answer(answered) => Outcome::Result(member(&answered.body, "result")),
                Rendered::Ask(questions) => {
                    let body = render::input_required(id, version, &questions, None);
                    Outcome::Asks(member(&body, "result"))
                }
                Rendered::Refused(error) => refused(&error),
                Rendered::Invalid(what) => refused(&refusal::invalid_output(handler, &what)),
            },
        };
    }
}

fn refused(error: &RpcError) -> Outcome {
    let reply = Reply::error(None, error, Era::Modern);
    Outcome::Error(member(&reply.body, "error"))
}

/// A member of a JSON-RPC response of ours.
fn member(body: &[u8], name: &str) -> Value {
    let response: Value = serde_json::from_slice(body).unwrap_or_default();
    response[name].clone()
}

fn request_id() -> RequestId {
    let one = RawValue::from_string("1".to_owned()).ok();
    one.as_deref()
        .and_then(RequestId::from_raw)
        .unwrap_or_else(|| unreachable!("1 is an id"))
}

/// What a tool says while it works, in the order in which it says it.
struct Said {
    lines: Mutex<Vec<String>>,
    session: Arc<SessionStores>,
}

impl RequestSink for Said {
    fn emit(&self, event: RequestEvent) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let line = match event {
            RequestEvent::Log {
                level,
                data,
                logger,
            } => {
                let logger = logger.map(|logger| format!(" ({logger})"));
                let level = format!("{level:?}").to_lowercase();
                let level = level.rsplit("::").next().unwrap_or_default();
                format!("{level}{}: {data}", logger.unwrap_or_default())
            }
            RequestEvent::Progress {
                progress,
                total,
                message,
            } => {
                let total = total
                    .map(|total| format!(" of {total}"))
                    .unwrap_or_default();
                let message = message.map(|message| format!(": {message}"));
                format!("progress {progress}{total}{}", message.unwrap_or_default())
            }
        };
        self.lines.lock().push(line);
        Box::pin(std::future::ready(()))
    }

    fn changed(&self, change: Change) {
        self.lines.lock().push(match change {
            Change::Tools => "changed: the list of tools".to_owned(),
            Change::Prompts => "changed: the list of prompts".to_owned(),
            Change::Resources => "changed: the list of resources".to_owned(),
            Change::Resource(uri) => format!("changed: {uri}"),
        });
    }

    fn panicked(&self, message: &str) {
        self.lines.lock().push(format!("panic: {message}"));
    }

    fn is_cancelled(&self) -> bool {
        false
    }

    fn close_stream(&self) {}

    fn session(&self) -> Option<Arc<SessionStores>> {
        Some(self.session.clone())
    }
}

impl fmt::Display for CallReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.said {
            writeln!(f, "| {line}")?;
        }
        let (what, value) = match &self.outcome {
            Outcome::Result(value) => ("result", value),
            Outcome::Asks(value) => ("asks", value),
            Outcome::Error(value) => ("error", value),
        };
        writeln!(f, "{what} {value:#}")?;
        let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
        writeln!(
            f,
            "fuel {} of {}, {:.3} ms of {} ms, {:.2} MiB of {:.0} MiB",
            self.fuel,
            self.fuel_max,
            self.elapsed_ms,
            self.deadline_ms,
            mib(self.memory_bytes),
            mib(self.memory_max_bytes)
        )?;
        needs::show(&self.grants_needed, f)
    }
}
