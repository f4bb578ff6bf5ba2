//! What goes into a call and what comes out of it.
//!
//! It owns the vocabulary between the host and the engine: invocation, answer,
//! events, usage. It never runs anything.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;

use crate::contract::types::{
    CallContext, Completion, CompletionReference, Failure, LogLevel, Prompt, PromptOutcome,
    Resource, ResourceOutcome, ResourceTemplate, Tool, ToolOutcome,
};
use crate::fault::CallError;
use crate::keyvalue::SessionStores;
use crate::spans::{OwnSpan, SpanNumber};
use crate::watch::{HostCall, HostCallWatch, Stage};

/// One call of one export.
#[derive(Debug)]
pub enum Invocation {
    /// `tools.list-tools`
    ListTools,
    /// `tools.call-tool`; the arguments are a slice of whatever buffer they came in
    CallTool {
        /// the tool's name
        name: ByteString,
        /// a JSON object
        arguments: ByteString,
        /// who calls, and what is known already
        context: CallContext,
    },
    /// `resources.list-resources`
    ListResources,
    /// `resources.list-resource-templates`
    ListResourceTemplates,
    /// `resources.read-resource`
    ReadResource {
        /// what to read
        uri: ByteString,
        /// who calls, and what is known already
        context: CallContext,
    },
    /// `prompts.list-prompts`
    ListPrompts,
    /// `prompts.get-prompt`
    GetPrompt {
        /// the prompt's name
        name: ByteString,
        /// names and values
        arguments: Vec<(String, String)>,
        /// who calls, and what is known already
        context: CallContext,
    },
    /// `completions.complete`
    Complete {
        /// what is completed
        reference: CompletionReference,
        /// the argument's name
        name: ByteString,
        /// what is typed so far
        value: ByteString,
        /// what was chosen before
        known: Vec<(String, String)>,
    },
}

impl Invocation {
    /// The authenticated caller, where there is one.
    pub(crate) fn caller(&self) -> Option<&str> {
        match self {
            Self::CallTool { context, .. }
            | Self::ReadResource { context, .. }
            | Self::GetPrompt { context, .. } => context.caller.as_deref(),
            _ => None,
        }
    }
}

/// What an export answered: the same variant as its invocation.
#[derive(Debug)]
pub enum Answer {
    /// to `ListTools`
    Tools(Result<Vec<Tool>, Failure>),
    /// to `CallTool`
    Tool(Result<ToolOutcome, Failure>),
    /// to `ListResources`
    Resources(Result<Vec<Resource>, Failure>),
    /// to `ListResourceTemplates`
    ResourceTemplates(Result<Vec<ResourceTemplate>, Failure>),
    /// to `ReadResource`
    Resource(Result<ResourceOutcome, Failure>),
    /// to `ListPrompts`
    Prompts(Result<Vec<Prompt>, Failure>),
    /// to `GetPrompt`
    Prompt(Result<PromptOutcome, Failure>),
    /// to `Complete`
    Completion(Result<Completion, Failure>),
}

/// A call that has ended.
#[derive(Debug)]
pub struct Completed {
    /// what it answered, or why it didn't
    pub answer: Result<Answer, CallError>,
    /// what it used
    pub usage: Usage,
}

/// What a call used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// units of fuel
    pub fuel: u64,
    /// bytes of linear memory at the end
    pub memory_bytes: usize,
    /// wall-clock time
    pub elapsed: Duration,
}

/// What a plugin says while it works.
#[derive(Clone, Debug, PartialEq)]
pub enum RequestEvent {
    /// a log message
    Log {
        /// how grave
        level: LogLevel,
        /// JSON text, unchecked
        data: String,
        /// who says it
        logger: Option<String>,
    },
    /// how far the work is
    Progress {
        /// grows
        progress: f64,
        /// what it grows to
        total: Option<f64>,
        /// for people
        message: Option<String>,
    },
}

/// What has changed outside any one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// the list of tools
    Tools,
    /// the list of prompts
    Prompts,
    /// the lists of resources and templates
    Resources,
    /// the contents of one resource
    Resource(String),
}

/// Where a call's events go. Two kinds stand: the host's sink, which reaches the
/// client, and [`Discard`](struct@crate::call::Discard), for calls without one.
pub trait RequestSink: Send + Sync + 'static {
    /// Takes one event. Pending while the client is too slow: the call waits,
    /// under its deadline.
    fn emit(&self, event: RequestEvent) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
    /// Takes one change.
    fn changed(&self, change: Change);
    /// Takes the words of a panic, for the host's log.
    fn panicked(&self, message: &str);
    /// Whether nobody waits for the answer any more.
    fn is_cancelled(&self) -> bool;
    /// Takes the hint that the client need not hold a stream open for this call.
    fn close_stream(&self);
    /// What is kept for the session of the call; none: it has no session.
    fn session(&self) -> Option<Arc<SessionStores>> {
        None
    }
    /// Takes the stage that the call has come to.
    fn stage(&self, _stage: Stage) {}
    /// Whoever looks on at what begins now; none: nobody does.
    fn host_call(&self, _call: HostCall<'_>) -> Option<Box<dyn HostCallWatch>> {
        None
    }
    /// Whether spans of the plugin's own are recorded.
    fn records_spans(&self) -> bool {
        false
    }
    /// Takes the beginning of one, and gives its number; none: it isn't recorded.
    fn span_begins(&self) -> Option<SpanNumber> {
        None
    }
    /// From now on this span is the innermost that is open; none: the call itself is.
    fn within(&self, _span: Option<SpanNumber>) {}
    /// Takes a span that has ended.
    fn span_ended(&self, _span: OwnSpan) {}
    /// The place of what the plugin does now, in the form of W3C Trace Context; none: it
    /// belongs to no trace.
    fn traceparent(&self) -> Option<String> {
        None
    }
}

/// A sink for calls that no client waits for, such as the lists at load.
#[derive(Debug)]
pub struct Discard;

impl RequestSink for Discard {
    fn emit(&self, _event: RequestEvent) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
    fn changed(&self, _change: Change) {}
    fn panicked(&self, message: &str) {
        tracing::warn!(panic = message, "a plugin panicked while it was loaded");
    }
    fn is_cancelled(&self) -> bool {
        false
    }
    fn close_stream(&self) {}
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} fuel, {} KiB, {:?}",
            self.fuel,
            self.memory_bytes >> 10,
            self.elapsed
        )
    }
}
