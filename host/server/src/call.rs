//! One call of a handler on its way: breaker, admission, engine, answer.
//!
//! It owns the order of these stages and what counts as a fault. It never knows
//! which transport the call came by.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytestring::ByteString;
use fusebox_engine::contract::types::{
    CallContext as PluginContext, ClientCapabilities as PluginClient, CompletionReference,
};
use fusebox_engine::{Answer, CallError, Completed, FaultKind, Invocation};
use fusebox_protocol::{Reason, RequestId, RpcError};
use parking_lot::Mutex;

use crate::ask::{Known, Questions};
use crate::breaker::Permit;
use crate::call_log;
use crate::canary::Turn;
use crate::host::Host;
use crate::journal::{BreakerChange, Event};
use crate::metrics::Refusal;
use crate::outbound::{ClientSink, Outbound};
use crate::plugin_entry::Handler;
use crate::refusal;
use crate::render::{self, Answered, Rendered};
use crate::session::CallContext;
use crate::telemetry::{self, Joined, Observed};

/// Rounds of questions that one call of a legacy client may take.
pub(crate) const ROUNDS_MAX: usize = 16;

/// What is called, with what.
#[derive(Clone, Debug)]
pub enum Target {
    /// a tool; the arguments are a slice of the buffer they were read into
    Tool {
        /// a JSON object
        arguments: ByteString,
    },
    /// a resource, fixed or of a family
    Resource {
        /// its address
        uri: ByteString,
    },
    /// a prompt
    Prompt {
        /// names and values
        arguments: Vec<(String, String)>,
    },
    /// an argument that is being typed
    Completion {
        /// of what
        reference: CompletionReference,
        /// its name
        name: ByteString,
        /// what is typed so far
        value: ByteString,
        /// what was chosen before
        known: Vec<(String, String)>,
    },
}

/// What a modern client brings back from the round before; nothing in the first.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// a JSON object: its answers, by key
    pub responses: Option<String>,
    /// the seal
    pub request_state: Option<String>,
}

impl Round {
    /// Whether nothing is brought back: it is the first.
    pub(crate) fn is_first(&self) -> bool {
        self.responses.is_none() && self.request_state.is_none()
    }
}

/// A call that may be polled where it was read and moved elsewhere if it lasts.
pub struct Call {
    /// the host it runs in
    pub host: Arc<Host>,
    /// whom it is for
    pub handler: Arc<Handler>,
    /// the request's id
    pub id: RequestId,
    /// what is called
    pub target: Target,
    /// who calls
    pub context: CallContext,
    /// what a modern client brings back from the round before
    pub round: Round,
    /// it runs as a task already, under the deadline of tasks
    pub as_task: bool,
    /// two versions of the plugin are compared, and this call counts for one
    pub turn: Option<Turn>,
    /// who looks on; none: telemetry is off
    pub observed: Option<Observed>,
}

/// How one round ends.
pub(crate) enum Step {
    Answer(Answered),
    Ask(Questions),
}

impl Call {
    /// Whether the client takes messages beside the answer.
    pub fn may_emit(&self) -> bool {
        self.context.progress_token.is_some() || self.context.log_level.is_some()
    }

    /// For how long a round may last on the clock, waiting included.
    fn patience(&self) -> Duration {
        match self.as_task {
            true => self.host.live().tasks.deadline,
            false => self.handler.core.settings.limits.deadline,
        }
    }

    /// What an error may have to name.
    fn about(&self) -> ByteString {
        match &self.target {
            Target::Resource { uri } => uri.clone(),
            _ => ByteString::new(),
        }
    }

    /// Calls the handler once: breaker, admission, engine, judgement.
    pub(crate) async fn attempt(
        &self,
        known: &Known,
        outbound: Option<Outbound>,
    ) -> Result<Step, RpcError> {
        let began = Instant::now();
        let handler = self.handler.clone();
        let refused = |error: RpcError| {
            handler.counters.refusal();
            call_log::spared(&handler, &error.message);
            error
        };
        let permit = handler.breaker.try_acquire(began).map_err(|open| {
            self.host.metrics.refusals.add(Refusal::BreakerOpen);
            refused(refusal::breaker_open(&handler, open))
        })?;
        let patience = self.patience();
        let deadline = began + patience;
        let traced = self.observed.as_ref().and_then(|one| one.round(began));
        let admitted = self
            .host
            .admission
            .admit(&handler.core.places, &self.context.origin, deadline)
            .await
            .map_err(|reason| refused(refusal::not_admitted(&handler, reason)));
        if let Some(traced) = &traced {
            let error = admitted.as_ref().err().and_then(RpcError::reason);
            traced.waited(error.map(Reason::name));
        }
        let admitted = admitted?;
        let _running = handler.core.enter();
        handler.counters.call();
        handler.core.meter.admitted(admitted.waited);
        let (id, version) = (self.id.clone(), self.context.version);
        let about = self.about();
        let left = patience.saturating_sub(admitted.waited);
        let completed = self
            .enter_plugin((deadline, left), known, outbound, traced.as_ref())
            .await;
        let usage = completed.usage;
        handler.core.places.observe(usage.elapsed);
        handler.core.meter.ran(&usage);
        let step = judge(self, permit, completed, |answer| {
            let promised = handler.rules.output.as_ref();
            render::answer(&id, version, &about, promised, answer)
        });
        call_log::ran(&handler, usage, &step);
        if let Some(traced) = &traced {
            traced.ran(usage, step.as_ref().err());
        }
        step
    }

    async fn enter_plugin(
        &self,
        (deadline, left): (Instant, Duration),
        known: &Known,
        outbound: Option<Outbound>,
        traced: Option<&Arc<telemetry::Round>>,
    ) -> Completed {
        let context = PluginContext {
            caller: self.context.audience.authenticated().map(str::to_owned),
            deadline_ms: u32::try_from(left.as_millis()).unwrap_or(u32::MAX),
            client: plugin_view(&self.context),
            input_responses: known.responses.clone(),
            request_state: known.state.clone(),
        };
        let invocation = self
            .target
            .clone()
            .invocation(&self.handler.own_name, context);
        let sink = Arc::new(ClientSink {
            version: self.context.version,
            outbound,
            progress_token: self.context.progress_token.clone(),
            log_level: self.context.log_level,
            handler: self.handler.clone(),
            changes: self.host.changes.clone(),
            close: self.context.close.clone(),
            impure: self.context.impure.clone(),
            session: self.context.session.as_ref().map(|one| one.stores.clone()),
            progress: Mutex::new(None),
            joined: self
                .observed
                .as_ref()
                .map_or_else(Joined::default, |one| one.joined(traced)),
            keeps_words: self.observed.as_ref().is_some_and(Observed::keeps_words),
        });
        let code = &self.handler.core.code;
        let habit = &self.handler.habit;
        code.call(invocation, sink, Some(deadline), habit).await
    }
}

impl Target {
    fn invocation(self, name: &str, context: PluginContext) -> Invocation {
        match self {
            Self::Tool { arguments } => Invocation::CallTool {
                name: ByteString::from(name),
                arguments,
                context,
            },
            Self::Resource { uri } => Invocation::ReadResource { uri, context },
            Self::Prompt { arguments } => Invocation::GetPrompt {
                name: ByteString::from(name),
                arguments,
                context,
            },
            Self::Completion {
                reference,
                name,
                value,
                known,
            } => Invocation::Complete {
                reference,
                name,
                value,
                known,
            },
        }
    }
}

/// Tells the breaker how the call ended, and words what the caller gets.
fn judge(
    call: &Call,
    permit: Permit,
    completed: Completed,
    render: impl FnOnce(Answer) -> Rendered,
) -> Result<Step, RpcError> {
    let handler = &*call.handler;
    let took = completed.usage.elapsed;
    let good = |permit: Permit| {
        if let Some(turn) = &call.turn {
            turn.good(took);
        }
        permit.success()
    };
    let answer = match completed.answer {
        Ok(answer) => answer,
        Err(error) => {
            if matches!(error, CallError::NoSlot { .. }) {
                call.host.metrics.refusals.add(Refusal::NoInstance);
            }
            let refusal = match (&error, call.as_task) {
                (CallError::Fault(fault), true) if fault.kind == FaultKind::Deadline => {
                    refusal::task_deadline(handler, call.patience())
                }
                _ => refusal::call_failed(handler, &error),
            };
            if let CallError::Fault(fault) = &error {
                // The host's queue, not the plugin, is to blame for a call that
                // had little of its time left when it began.
                let starved = fault.kind == FaultKind::Deadline
                    && completed.usage.elapsed < call.patience() / 2;
                if !starved {
                    blame(call, permit, took, &refusal, &fault.detail);
                }
            }
            return Err(refusal);
        }
    };
    match render(answer) {
        Rendered::Answer(answered) => {
            if good(permit) {
                tracing::info!(plugin = %handler.core.name, handler = %handler.name, "breaker closed");
                note_breaker(call, BreakerChange::Closed);
            }
            Ok(Step::Answer(answered))
        }
        Rendered::Ask(questions) => {
            good(permit);
            Ok(Step::Ask(questions))
        }
        Rendered::Refused(error) => {
            good(permit);
            Err(error)
        }
        Rendered::Invalid(what) => {
            // It may quote the plugin.
            let what = handler.core.code.redact(what);
            let refusal = refusal::invalid_output(handler, &what);
            blame(call, permit, took, &refusal, &what);
            Err(refusal)
        }
    }
}

/// Counts a fault, and says in the log what the caller isn't told.
fn blame(call: &Call, permit: Permit, took: Duration, refusal: &RpcError, detail: &str) {
    let handler = &*call.handler;
    let (plugin, name) = (&handler.core.name, &handler.name);
    let reason = refusal.reason().map_or("unknown", Reason::name);
    let now = SystemTime::now();
    handler.counters.fault(reason, now);
    tracing::warn!(%plugin, handler = %name, reason, "fault: {}", refusal.message);
    tracing::debug!(%plugin, handler = %name, detail, "the fault in the runtime's words");
    let fault = Event::Fault {
        plugin: plugin.clone(),
        handler: name.clone(),
        reason,
        message: refusal.message.to_string(),
    };
    call.host.journal.note(fault, now);
    let has_opened = permit.fault(Instant::now());
    if has_opened {
        tracing::warn!(%plugin, handler = %name, reason, "breaker opened");
        note_breaker(call, BreakerChange::Open);
    }
    if let Some(turn) = &call.turn {
        turn.fault(took, handler, has_opened);
    }
}

fn note_breaker(call: &Call, state: BreakerChange) {
    let changed = Event::Breaker {
        plugin: call.handler.core.name.clone(),
        handler: call.handler.name.clone(),
        state,
    };
    call.host.journal.note(changed, SystemTime::now());
}

fn plugin_view(context: &CallContext) -> PluginClient {
    let client = &context.client;
    let mut view = PluginClient::empty();
    if client.elicitation_form {
        view |= PluginClient::ELICIT_FORM;
    }
    if client.elicitation_url {
        view |= PluginClient::ELICIT_URL;
    }
    if client.sampling {
        view |= PluginClient::SAMPLE;
    }
    if client.roots {
        view |= PluginClient::LIST_ROOTS;
    }
    view
}
