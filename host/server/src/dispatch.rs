//! What becomes of a call: arguments that don't fit are told, a long one becomes a
//! task, and all others run, round by round, to their answer.
//!
//! It owns the order of these. It never runs a round itself, and never knows
//! which transport the call came by.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use fusebox_protocol::RpcError;
use fusebox_protocol::params::ClientCapabilities;
use opentelemetry::context::FutureExt as _;
use serde_json::value::RawValue;

use crate::ask;
use crate::audit::End;
use crate::call::{Call, ROUNDS_MAX, Step, Target};
use crate::call_log;
use crate::catalogue::RolledBack;
use crate::metrics::Refusal;
use crate::outbound::Outbound;
use crate::plugin_entry::TaskRule;
use crate::refusal;
use crate::render::{self, Answered};
use crate::reply::Reply;
use crate::result_cache::{Key, Scope};
use crate::round;
use crate::supervise::{Contained, Panic};
use crate::task_run;
use crate::telemetry::Observed;

impl Call {
    /// Runs the call to its answer. Dropping the future ends the call.
    // Boxed as it is: each function that had it by value would copy it twice.
    pub async fn run(mut self: Box<Self>, outbound: Option<Outbound>) -> Reply {
        let began = Instant::now();
        let era = self.context.version.era();
        let answered = match self.host.audit.as_ref().map(|audit| audit.begin(&self)) {
            Some(Err(error)) => {
                self.handler.counters.refusal();
                call_log::spared(&self.handler, &error.message);
                Err(error)
            }
            audited => {
                // A failure of the host's own ends this call and nothing else.
                let ran = match self.observed.as_ref().and_then(Observed::log_context) {
                    // Few calls are traced: the others need not carry it.
                    Some(traced) => {
                        Contained(Box::pin(self.rounds(outbound).with_context(traced))).await
                    }
                    None => Contained(pin!(self.rounds(outbound))).await,
                };
                let answered = ran.unwrap_or_else(|panic| Err(self.contained(&panic)));
                if let Some(Ok(Some(entry))) = audited {
                    entry.end(End::of(&answered));
                }
                answered
            }
        };
        let reply = match answered {
            Ok(answered) => Reply::answered(answered),
            Err(error) => Reply::error(Some(&self.id), &error, era),
        };
        let now = Instant::now();
        self.host.meters.message(now);
        let took = now.saturating_duration_since(began);
        let requests = &self.host.metrics.requests;
        let is_error = reply.outcome.is_error();
        requests.answered(&self.target, took, is_error);
        if is_error {
            self.host.meters.error(now);
        }
        if let Some(observed) = self.observed.take() {
            observed.end(now, reply.outcome);
        }
        reply
    }

    /// Counts and tells a panic of the host's own while it served this call; what the
    /// caller is told of it.
    pub(crate) fn contained(&self, panic: &Panic) -> RpcError {
        self.host.parts.contained();
        let (plugin, handler) = (&self.handler.core.name, &self.handler.name);
        let Panic { words, trace } = panic;
        tracing::error!(%plugin, %handler, words, %trace, "the host itself failed in a call");
        RpcError::internal("the host itself failed in this call; its log says why")
    }

    /// Calls the handler until it has all it needs. A modern client makes each
    /// round itself; a legacy one is asked here.
    async fn rounds(&mut self, outbound: Option<Outbound>) -> Result<Answered, RpcError> {
        // Before anything is spent on it: a refusal has to be cheap.
        let _underway = self
            .host
            .admission
            .begin(&self.context.origin)
            .map_err(|refused| {
                self.handler.counters.refusal();
                let error = refusal::not_admitted(&self.handler, refused);
                call_log::spared(&self.handler, &error.message);
                error
            })?;
        if matches!(self.target, Target::Tool { .. }) {
            let allowed = self.host.rates.tool(&self.handler.name);
            allowed.map_err(|too_fast| {
                self.handler.counters.refusal();
                let (plugin, tool) = (&self.handler.core.name, &self.handler.name);
                let error = too_fast.refusal(Some(plugin), Some(tool));
                call_log::spared(&self.handler, &error.message);
                error
            })?;
        }
        let key = self.result_key();
        let kept = |key| {
            let answer = |result: &RawValue| Reply::result(&self.id, &result).body;
            self.host.results.get(key, answer)
        };
        if let Some(body) = key.as_ref().and_then(kept) {
            call_log::spared(&self.handler, "ok, a result that was kept");
            return Ok(Answered::result(body));
        }
        let (mut known, version) = self.round.open(
            &self.host,
            &self.handler,
            &self.target,
            &self.context.audience,
        )?;
        if let Some(version) = version {
            self.go_on_with(&version)?;
        }
        if let Some(misfit) = self.misfit() {
            self.handler.counters.refusal();
            let refusals = &self.host.metrics.refusals;
            refusals.add(Refusal::InvalidArguments);
            call_log::spared(&self.handler, &misfit);
            return Ok(render::invalid_arguments(
                &self.id,
                self.context.version,
                &misfit,
            ));
        }
        if self.becomes_task()? {
            let begun = Box::pin(task_run::begin(self, known)).await?;
            return Ok(Answered::result(begun));
        }
        self.context.impure = key.map(|_| Arc::default());
        for round in 0..ROUNDS_MAX {
            let questions = match self.attempt(&known, outbound.clone()).await? {
                Step::Answer(answered) => {
                    if let Some(key) = key.filter(|_| round == 0 && !answered.is_error) {
                        self.keep(key, &answered.body);
                    }
                    return Ok(answered);
                }
                Step::Ask(questions) => questions,
            };
            if let Some(lacking) = questions.beyond(self.context.client) {
                let words = "this has to ask for something that the client can't do";
                return Err(RpcError::missing_capability(words, lacking));
            }
            let Some(pending) = &self.context.pending else {
                let state = questions.state.as_deref();
                let sealed = {
                    let audience = &self.context.audience;
                    // Who is compared with another version must be found again.
                    let always = self.turn.is_some();
                    let state = round::State { state, always };
                    round::seal(&self.host, &self.handler, &self.target, audience, state)?
                };
                let (id, version) = (&self.id, self.context.version);
                let asked = render::input_required(id, version, &questions, sealed.as_deref());
                return Ok(Answered::result(asked));
            };
            let patience = self.host.live().session.ask_timeout;
            let asked = ask::legacy(pending, outbound.as_ref(), questions, patience);
            known = Box::pin(asked).await?;
        }
        Err(RpcError::internal(format!(
            "it asked {ROUNDS_MAX} times and wants to ask again"
        )))
    }

    /// Goes on with the version of the plugin that sealed what is brought back.
    fn go_on_with(&mut self, version: &str) -> Result<(), RpcError> {
        let found = self.host.catalogue.load().go_on(&self.handler, version);
        let gone = |gone: RolledBack| RpcError::invalid_params(gone.to_string());
        (self.handler, self.turn) = found.map_err(gone)?;
        Ok(())
    }

    /// Under which key the result of this call is kept; none if it isn't. What was
    /// asked of a user is never kept.
    fn result_key(&self) -> Option<Key> {
        let rule = self.handler.rules.cache?;
        let Target::Tool { arguments } = &self.target else {
            return None;
        };
        let first = self.round.is_first();
        let scope = match rule.shared {
            true => Scope::Public,
            false => Scope::Session(self.context.session.as_ref()?.serial),
        };
        let version = self.context.version;
        first.then(|| Key::new(&self.handler, scope, version, arguments))
    }

    /// Keeps a result, if it is one and the call did nothing else.
    fn keep(&self, key: Key, body: &[u8]) {
        let impure = self.context.impure.as_ref();
        if impure.is_none_or(|impure| impure.load(Ordering::Relaxed)) {
            return;
        }
        let result = task_run::result_of(body);
        if let (Some(result), Some(rule)) = (result, self.handler.rules.cache) {
            self.host.results.keep(key, rule, &result);
        }
    }

    /// Whether this call is answered with a task. A handler that asks before it
    /// becomes one is called in the first round, and becomes one with the answers.
    fn becomes_task(&self) -> Result<bool, RpcError> {
        let context = &self.context;
        if self.as_task || !context.version.is_modern() || !self.host.long_tasks.enabled() {
            return Ok(false);
        }
        let ask_first = match self.handler.rules.task {
            TaskRule::Never => return Ok(false),
            TaskRule::Optional { .. } if !context.client.tasks => return Ok(false),
            TaskRule::Required { .. } if !context.client.tasks => {
                let wanted = ClientCapabilities {
                    tasks: true,
                    ..ClientCapabilities::default()
                };
                let words = "this tool is answered with a task, which the client doesn't take";
                return Err(RpcError::missing_capability(words, wanted));
            }
            TaskRule::Optional { ask_first } | TaskRule::Required { ask_first } => ask_first,
        };
        Ok(!ask_first || self.round.responses.is_some())
    }

    /// What the tool's schema has against the arguments. It is asked before the
    /// breaker, for nothing that a caller writes may cost a handler anything.
    fn misfit(&self) -> Option<String> {
        let Target::Tool { arguments } = &self.target else {
            return None;
        };
        let schema = self.handler.rules.input.as_ref()?;
        schema.check(arguments).err()
    }
}
