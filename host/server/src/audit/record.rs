//! One line of the audit log: what is known of one call, or of one deed of the operator.
//!
//! It owns the names in the line. It holds what it is made of as it is, for whoever
//! makes it writes nothing: the writer does.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytestring::ByteString;
use fusebox_protocol::{Reason, RequestId, RpcError};
use opentelemetry::trace::TraceId;
use serde_json::{Map, Value};

use super::redact::{self, Redaction};
use super::refused::{Refusal, Rest};
use crate::auth::Audience;
use crate::call::Target;
use crate::config::EVERYTHING;
use crate::origin::{Carrier, Origin};
use crate::plugin_entry::Handler;
use crate::render::Answered;

/// What the writer makes a line of.
#[derive(Debug)]
pub(super) enum Record {
    Call(Box<Call>),
    Refused(Box<Refusal>),
    /// refusals that have no line
    Rest(Rest),
    Admin(Deed),
}

/// Who asked, and what that came by.
#[derive(Debug)]
pub(super) struct Asker {
    pub(super) audience: Audience,
    /// none: it runs for a task, which no connection waits for
    pub(super) origin: Option<Origin>,
    pub(super) session: Option<u64>,
}

impl Asker {
    pub(super) fn put_role(&self, line: &mut Map<String, Value>) {
        // Nobody is asked who they are where no subject is known.
        let who = self.audience.who.as_ref();
        let role = |role: Option<&Arc<str>>| role.map_or(EVERYTHING, |role| role).to_owned();
        put(line, "role", who.map(|who| role(who.role())).into());
        put(line, "view", self.audience.view.as_deref().into());
    }

    pub(super) fn put_origin(&self, line: &mut Map<String, Value>) {
        if let Some(origin) = &self.origin {
            let address = origin.address().map(|address| address.to_string());
            put(line, "address", address.into());
            put(line, "transport", transport(origin).into());
            put(line, "connection", origin.id().into());
        }
        put(line, "session", self.session.into());
    }
}

/// Adds a member, if there is something to say.
pub(super) fn put(line: &mut Map<String, Value>, name: &str, value: Value) {
    if !value.is_null() {
        line.insert(name.to_owned(), value);
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// with a result
    Ok,
    /// with the result of a tool that says it failed
    IsError,
    /// with an error
    Error {
        /// its code
        code: i64,
        /// why the host refused, or what the fault was, if it says so
        reason: Option<Reason>,
    },
    /// with nothing: its client has gone away
    Cancelled,
}

impl End {
    /// Of what a call came to.
    pub(crate) fn of(answered: &Result<Answered, RpcError>) -> Self {
        match answered {
            Ok(answered) if answered.is_error => Self::IsError,
            Ok(_) => Self::Ok,
            Err(error) => Self::of_error(error),
        }
    }

    /// Of an error that a call ended with.
    pub(crate) fn of_error(error: &RpcError) -> Self {
        Self::Error {
            code: error.code,
            reason: error.reason(),
        }
    }
}

/// A call that has ended.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) at: SystemTime,
    pub(super) took: Duration,
    pub(super) asker: Asker,
    pub(super) handler: Arc<Handler>,
    pub(super) target: Target,
    /// of arguments that are too long to be written, and are not in `target`
    pub(super) left_out: Option<usize>,
    pub(super) id: RequestId,
    pub(super) trace: Option<TraceId>,
    pub(super) as_task: bool,
    pub(super) end: End,
}

/// What the operator has done.
#[derive(Debug)]
pub(super) struct Deed {
    pub(super) at: SystemTime,
    pub(super) who: String,
    pub(super) action: String,
    pub(super) outcome: String,
}

impl Record {
    /// The line, without its end.
    pub(super) fn line(&self, redaction: &Redaction) -> String {
        let members = match self {
            Self::Call(call) => call.members(redaction),
            Self::Refused(refusal) => refusal.members(),
            Self::Rest(rest) => rest.members(),
            Self::Admin(deed) => deed.members(),
        };
        Value::Object(members).to_string()
    }
}

impl Deed {
    fn members(&self) -> Map<String, Value> {
        let mut line = Map::new();
        line.insert("time".into(), time(self.at));
        line.insert("caller".into(), self.who.clone().into());
        line.insert("action".into(), self.action.clone().into());
        line.insert("outcome".into(), self.outcome.clone().into());
        line
    }
}

impl Call {
    fn members(&self, redaction: &Redaction) -> Map<String, Value> {
        let mut line = Map::new();
        put(&mut line, "time", time(self.at));
        put(&mut line, "method", method(&self.target).into());
        let who = self.asker.audience.who.as_ref();
        let caller = who.map(|who| who.subject().to_string());
        put(&mut line, "caller", caller.into());
        self.asker.put_role(&mut line);
        self.asker.put_origin(&mut line);
        let id = serde_json::to_value(&self.id).unwrap_or_default();
        put(&mut line, "request", id);
        let trace = self.trace.map(|trace| trace.to_string());
        put(&mut line, "trace", trace.into());
        let core = &self.handler.core;
        put(&mut line, "plugin", core.name.as_str().into());
        put(&mut line, "version", core.sha256.as_str().into());
        put(&mut line, what(&self.target), self.name(redaction).into());
        put(&mut line, "arguments", self.arguments(redaction));
        put(&mut line, "task", self.as_task.then_some(true).into());
        let (outcome, reason, code) = words(self.end);
        put(&mut line, "outcome", outcome.into());
        put(&mut line, "reason", reason.into());
        put(&mut line, "code", code.into());
        let micros = u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX);
        put(&mut line, "duration_us", micros.into());
        line
    }

    fn arguments(&self, redaction: &Redaction) -> Value {
        match self.left_out {
            Some(bytes) => redact::left_out(bytes),
            None => arguments(&self.target, redaction),
        }
    }

    /// What clients know it by.
    fn name(&self, redaction: &Redaction) -> String {
        match &self.target {
            Target::Resource { uri } => redaction.address(uri),
            _ => self.handler.name.clone(),
        }
    }
}

/// As much of a target as is written. What it holds is its own: a call's buffer may be
/// far larger than what is in it. And the length of arguments that are left out.
pub(super) fn held(target: &Target, arguments_max: Option<usize>) -> (Target, Option<usize>) {
    let nothing = |target: &Target| match target {
        Target::Tool { .. } => Target::Tool {
            arguments: ByteString::new(),
        },
        Target::Resource { uri } => Target::Resource {
            uri: ByteString::from(uri.to_string()),
        },
        Target::Prompt { .. } => Target::Prompt {
            arguments: Vec::new(),
        },
        Target::Completion { reference, .. } => Target::Completion {
            reference: reference.clone(),
            name: ByteString::new(),
            value: ByteString::new(),
            known: Vec::new(),
        },
    };
    let bytes = match target {
        Target::Tool { arguments } => arguments.len(),
        Target::Resource { .. } => 0,
        Target::Prompt { arguments } => arguments.iter().map(|(a, b)| a.len() + b.len()).sum(),
        Target::Completion { name, value, .. } => name.len() + value.len(),
    };
    match (target, arguments_max) {
        (_, None) => (nothing(target), None),
        (_, Some(max)) if bytes > max => (nothing(target), Some(bytes)),
        (Target::Tool { arguments }, _) => {
            let arguments = ByteString::from(arguments.to_string());
            (Target::Tool { arguments }, None)
        }
        (Target::Prompt { .. }, _) => (target.clone(), None),
        (Target::Completion { name, value, .. }, _) => {
            let mut held = nothing(target);
            if let Target::Completion {
                name: n, value: v, ..
            } = &mut held
            {
                *n = ByteString::from(name.to_string());
                *v = ByteString::from(value.to_string());
            }
            (held, None)
        }
        (Target::Resource { .. }, _) => (nothing(target), None),
    }
}

pub(super) fn method(target: &Target) -> &'static str {
    match target {
        Target::Tool { .. } => "tools/call",
        Target::Resource { .. } => "resources/read",
        Target::Prompt { .. } => "prompts/get",
        Target::Completion { .. } => "completion/complete",
    }
}

fn what(target: &Target) -> &'static str {
    match target {
        Target::Tool { .. } => "tool",
        Target::Resource { .. } => "resource",
        Target::Prompt { .. } => "prompt",
        Target::Completion { .. } => "completion",
    }
}

fn arguments(target: &Target, redaction: &Redaction) -> Value {
    let object = |pairs: &[(String, String)]| {
        let members = pairs.iter();
        let members: Map<String, Value> = members
            .map(|(name, value)| (name.clone(), value.as_str().into()))
            .collect();
        Value::Object(members).to_string()
    };
    let json = match target {
        Target::Tool { arguments } => return redaction.arguments(arguments).unwrap_or_default(),
        Target::Resource { .. } => return Value::Null,
        Target::Prompt { arguments } => object(arguments),
        Target::Completion { name, value, .. } => object(&[(name.to_string(), value.to_string())]),
    };
    redaction.arguments(&json).unwrap_or_default()
}

/// What the call came by.
fn transport(origin: &Origin) -> String {
    match (origin.http_version(), origin.carrier()) {
        (Some(version), _) => format!("http/{version}"),
        (None, Carrier::Pipe) => "stdio".to_owned(),
        (None, Carrier::Tcp) => "tcp".to_owned(),
        (None, Carrier::Quic) => "quic".to_owned(),
    }
}

/// How it ended: in a word, why, and the code of the error.
fn words(end: End) -> (&'static str, Option<&'static str>, Option<i64>) {
    match end {
        End::Ok => ("ok", None, None),
        End::IsError => ("is_error", None, None),
        End::Cancelled => ("cancelled", None, None),
        End::Error { code, reason } => {
            let is_fault = reason.is_some_and(Reason::counts_as_fault);
            let word = if is_fault { "fault" } else { "refused" };
            (word, reason.map(Reason::name), Some(code))
        }
    }
}

pub(super) fn time(at: SystemTime) -> Value {
    humantime::format_rfc3339_micros(at).to_string().into()
}
