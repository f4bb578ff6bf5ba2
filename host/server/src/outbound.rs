//! Messages from the server to a client beside the answer itself: log and
//! progress of a call, and what has changed.
//!
//! It owns the queue towards one receiver and the sink that a call's events go
//! to. It never writes to a socket.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use fusebox_engine::contract::types;
use fusebox_engine::{
    Change, HostCall, HostCallWatch, OwnSpan, RequestEvent, RequestSink, SessionStores, SpanNumber,
    Stage,
};
use fusebox_protocol::params::LogLevel;
use fusebox_protocol::{ProtocolVersion, RawJson, reply};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};

use crate::call_log::WORDS;
use crate::changes::Changes;
use crate::plugin_entry::Handler;
use crate::telemetry::{Joined, Round};

/// Messages that wait for a slow receiver before the call that makes them waits too.
pub const QUEUE_MAX_MESSAGES: usize = 16;

/// Where messages beside the answer go. Each is one JSON-RPC message without a
/// line end.
pub type Outbound = mpsc::Sender<Bytes>;

/// The sink of one call of a client.
pub struct ClientSink {
    /// the version the client speaks
    pub version: ProtocolVersion,
    /// the receiver, if the client takes messages beside the answer
    pub outbound: Option<Outbound>,
    /// as the client gave it
    pub progress_token: Option<RawJson>,
    /// the least grave messages that the client wants; none: no logs at all
    pub log_level: Option<LogLevel>,
    /// what is called
    pub handler: Arc<Handler>,
    /// everyone who wants to know of changes
    pub changes: Arc<Changes>,
    /// raised when the client need not hold its stream open; none: its stream
    /// can't be taken up again
    pub close: Option<Arc<Notify>>,
    /// raised if the call does more than answer, where that matters
    pub impure: Option<Arc<AtomicBool>>,
    /// what is kept for the session; none: there is no session
    pub session: Option<Arc<SessionStores>>,
    /// the last progress that was sent
    pub progress: Mutex<Option<f64>>,
    /// the trace that the call belongs to
    pub(crate) joined: Joined,
    /// what is said is kept with the trace, for nobody sends the log
    pub(crate) keeps_words: bool,
}

impl RequestSink for ClientSink {
    fn emit(&self, event: RequestEvent) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.note_effect();
        Box::pin(async move {
            let message = match event {
                RequestEvent::Log {
                    level,
                    data,
                    logger,
                } => self.log(level, data, logger),
                RequestEvent::Progress {
                    progress,
                    total,
                    message,
                } => self.progress(progress, total, message),
            };
            if let (Some(outbound), Some(message)) = (&self.outbound, message) {
                // A receiver that has gone away wants no more messages; whether
                // the call goes on is for its transport to say.
                let _ = outbound.send(message).await;
            }
        })
    }

    fn changed(&self, change: Change) {
        self.note_effect();
        self.changes.publish(&change);
    }

    fn panicked(&self, message: &str) {
        tracing::error!(
            plugin = %self.handler.core.name,
            handler = %self.handler.name,
            panic = message,
            "a handler panicked"
        );
    }

    fn is_cancelled(&self) -> bool {
        self.outbound.as_ref().is_some_and(mpsc::Sender::is_closed)
    }

    fn session(&self) -> Option<Arc<SessionStores>> {
        self.session.clone()
    }

    fn stage(&self, stage: Stage) {
        if let Some(round) = self.joined.recorded() {
            round.stage(stage);
        }
    }

    fn host_call(&self, call: HostCall<'_>) -> Option<Box<dyn HostCallWatch>> {
        self.joined.watch(call)
    }

    fn records_spans(&self) -> bool {
        self.joined.recorded().is_some_and(Round::records_own)
    }

    fn span_begins(&self) -> Option<SpanNumber> {
        self.joined.recorded()?.begin_own()
    }

    fn within(&self, span: Option<SpanNumber>) {
        if let Some(round) = self.joined.recorded() {
            round.within(span);
        }
    }

    fn span_ended(&self, span: OwnSpan) {
        if let Some(round) = self.joined.recorded() {
            round.end_own(span, &self.handler.core.name);
        }
    }

    fn traceparent(&self) -> Option<String> {
        self.joined.traceparent()
    }

    fn close_stream(&self) {
        self.note_effect();
        if let Some(close) = &self.close {
            close.notify_one();
        }
    }
}

impl ClientSink {
    /// Who does this does more than answer.
    fn note_effect(&self) {
        if let Some(impure) = &self.impure {
            impure.store(true, Ordering::Relaxed);
        }
    }

    fn log(&self, level: types::LogLevel, data: String, logger: Option<String>) -> Option<Bytes> {
        let level = wire_level(level);
        self.to_host_log(level, &data, logger.as_deref());
        if self.log_level.is_none_or(|least| level < least) {
            return None;
        }
        // A plugin that says something else than JSON has said a string.
        let data = RawJson::parse(data.clone())
            .or_else(|_| RawJson::of(&data))
            .ok()?;
        let mut out = Vec::new();
        let params = reply::LogMessage {
            level,
            logger: logger.as_deref(),
            data: &data,
        };
        reply::notification(&mut out, "notifications/message", &params);
        Some(out.into())
    }

    fn to_host_log(&self, level: LogLevel, data: &str, logger: Option<&str>) {
        let _joined = match &self.joined {
            Joined::Recorded(round) if self.keeps_words => {
                round.said(level.as_str(), logger, data);
                None
            }
            // A long call says this on a thread where nothing else of its trace is.
            Joined::Recorded(round) => Some(round.log_context().attach()),
            Joined::Passed(_) | Joined::None => None,
        };
        let (plugin, handler) = (&self.handler.core.name, &self.handler.name);
        match level {
            LogLevel::Debug => {
                tracing::debug!(target: WORDS, %plugin, %handler, logger, "{data}");
            }
            LogLevel::Info | LogLevel::Notice => {
                tracing::info!(target: WORDS, %plugin, %handler, logger, "{data}");
            }
            LogLevel::Warning => {
                tracing::warn!(target: WORDS, %plugin, %handler, logger, "{data}");
            }
            _ => tracing::error!(target: WORDS, %plugin, %handler, logger, "{data}"),
        }
    }

    /// MCP demands that progress grows: what doesn't is not sent.
    fn progress(
        &self,
        progress: f64,
        total: Option<f64>,
        message: Option<String>,
    ) -> Option<Bytes> {
        let token = self.progress_token.as_ref()?;
        let mut last = self.progress.lock();
        if last.is_some_and(|last| progress <= last) {
            return None;
        }
        *last = Some(progress);
        drop(last);
        let mut out = Vec::new();
        let params = reply::Progress::new(
            self.version,
            token.as_raw(),
            progress,
            total,
            message.as_deref(),
        )?;
        reply::notification(&mut out, "notifications/progress", &params);
        Some(out.into())
    }
}

fn wire_level(level: types::LogLevel) -> LogLevel {
    match level {
        types::LogLevel::Debug => LogLevel::Debug,
        types::LogLevel::Info => LogLevel::Info,
        types::LogLevel::Notice => LogLevel::Notice,
        types::LogLevel::Warning => LogLevel::Warning,
        types::LogLevel::Error => LogLevel::Error,
        types::LogLevel::Critical => LogLevel::Critical,
        types::LogLevel::Alert => LogLevel::Alert,
        types::LogLevel::Emergency => LogLevel::Emergency,
    }
}
