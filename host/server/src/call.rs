//! One `tools/call` on its way: breaker, admission, engine, answer.
//!
//! It owns the order of these stages and what counts as a fault. It never knows
//! which transport the call came by.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytestring::ByteString;
use fusebox_engine::contract::types::{CallContext as PluginContext, ClientCapabilities};
use fusebox_engine::{Answer, CallError, Completed, FaultKind, Invocation};
use fusebox_protocol::{Reason, RequestId, RpcError};
use parking_lot::Mutex;

use crate::breaker::Permit;
use crate::host::Host;
use crate::outbound::{ClientSink, Outbound};
use crate::plugin_entry::Handler;
use crate::refusal;
use crate::render::{self, Rendered};
use crate::reply::Reply;
use crate::session::CallContext;

/// A call that may be polled where it was read and moved elsewhere if it lasts.
pub struct ToolCall {
    /// the host it runs in
    pub host: Arc<Host>,
    /// whom it is for
    pub handler: Arc<Handler>,
    /// the request's id
    pub id: RequestId,
    /// a JSON object: a slice of the buffer it was read into
    pub arguments: ByteString,
    /// who calls
    pub context: CallContext,
}

impl ToolCall {
    /// Whether the client takes messages beside the answer.
    pub fn may_emit(&self) -> bool {
        self.context.progress_token.is_some() || self.context.log_level.is_some()
    }

    /// Runs the call to its answer. Dropping the future ends the call.
    pub async fn run(self, outbound: Option<Outbound>) -> Reply {
        let began = Instant::now();
        let era = self.context.version.era();
        let host = self.host.clone();
        let id = self.id.clone();
        let reply = match self.attempt(began, outbound).await {
            Ok(body) => Reply {
                body,
                status: 200,
                retry_after_ms: None,
                is_error: false,
            },
            Err(error) => Reply::error(Some(&id), &error, era),
        };
        host.meters.message(began);
        if reply.is_error {
            host.meters.error(began);
        }
        reply
    }

    async fn attempt(
        self,
        began: Instant,
        outbound: Option<Outbound>,
    ) -> Result<Vec<u8>, RpcError> {
        let handler = self.handler.clone();
        let refused = |error: RpcError| {
            handler.counters.refusal();
            error
        };
        let permit = handler
            .breaker
            .try_acquire(began)
            .map_err(|open| refused(refusal::breaker_open(&handler, open)))?;
        let deadline = handler.core.deadline(began);
        let _admitted = self
            .host
            .admission
            .admit(&handler.core, deadline)
            .await
            .map_err(|reason| refused(refusal::not_admitted(&handler, reason)))?;
        let _running = handler.core.enter();
        handler.counters.call();
        let (id, version) = (self.id.clone(), self.context.version);
        let completed = self.enter_plugin(deadline, outbound).await;
        judge(&handler, permit, completed, |answer| {
            render::tool_answer(&id, version, answer)
        })
    }

    async fn enter_plugin(self, deadline: Instant, outbound: Option<Outbound>) -> Completed {
        let left = deadline.saturating_duration_since(Instant::now());
        let context = PluginContext {
            caller: None,
            deadline_ms: u32::try_from(left.as_millis()).unwrap_or(u32::MAX),
            client: plugin_view(&self.context),
            input_responses: None,
            request_state: None,
        };
        let invocation = Invocation::CallTool {
            name: ByteString::from(self.handler.tool.name.as_str()),
            arguments: self.arguments,
            context,
        };
        let sink = Arc::new(ClientSink {
            version: self.context.version,
            outbound,
            progress_token: self.context.progress_token,
            log_level: self.context.log_level,
            handler: self.handler.clone(),
            changes: self.host.changes.clone(),
            progress: Mutex::new(None),
        });
        let code = &self.handler.core.code;
        code.call(invocation, sink, Some(deadline)).await
    }
}

/// Tells the breaker how the call ended, and words what the caller gets.
fn judge(
    handler: &Handler,
    permit: Permit,
    completed: Completed,
    render: impl FnOnce(Answer) -> Rendered,
) -> Result<Vec<u8>, RpcError> {
    let answer = match completed.answer {
        Ok(answer) => answer,
        Err(error) => {
            let refusal = refusal::call_failed(handler, &error);
            if let CallError::Fault(fault) = &error {
                // The host's queue, not the plugin, is to blame for a call that
                // had little of its time left when it began.
                let starved = fault.kind == FaultKind::Deadline
                    && completed.usage.elapsed < handler.core.settings.limits.deadline / 2;
                if !starved {
                    blame(handler, permit, &refusal, &fault.detail);
                }
            }
            return Err(refusal);
        }
    };
    match render(answer) {
        Rendered::Answer(body) => {
            if permit.success() {
                tracing::info!(plugin = %handler.core.name, tool = %handler.tool.name, "breaker closed");
            }
            Ok(body)
        }
        Rendered::Refused(error) => {
            permit.success();
            Err(error)
        }
        Rendered::Invalid(what) => {
            let refusal = refusal::invalid_output(handler, &what);
            blame(handler, permit, &refusal, &what);
            Err(refusal)
        }
    }
}

/// Counts a fault, and says in the log what the caller isn't told.
fn blame(handler: &Handler, permit: Permit, refusal: &RpcError, detail: &str) {
    let (plugin, tool) = (&handler.core.name, &handler.tool.name);
    let reason = refusal.reason().map_or("unknown", Reason::name);
    handler.counters.fault(reason, SystemTime::now());
    tracing::warn!(%plugin, %tool, reason, detail, "fault");
    if permit.fault(Instant::now()) {
        tracing::warn!(%plugin, %tool, reason, "breaker opened");
    }
}

fn plugin_view(context: &CallContext) -> ClientCapabilities {
    let client = &context.client;
    let mut view = ClientCapabilities::empty();
    if client.elicitation_form {
        view |= ClientCapabilities::ELICIT_FORM;
    }
    if client.elicitation_url {
        view |= ClientCapabilities::ELICIT_URL;
    }
    if client.sampling {
        view |= ClientCapabilities::SAMPLE;
    }
    if client.roots {
        view |= ClientCapabilities::LIST_ROOTS;
    }
    view
}
