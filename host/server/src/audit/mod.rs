//! The audit log: one line of JSON for each call that has ended, for requests that were
//! refused before they were one, and for each deed of the operator.
//!
//! It owns what is written and that no call waits for it. It never writes a value that a
//! rule leaves out.

mod allowance;
mod record;
mod redact;
mod refused;
mod state;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use fusebox_protocol::{Reason, RefusalData, RpcError};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

pub use state::AuditReport;

use crate::call::Call;
use crate::config;
use crate::config::{Arguments, Overflow};
use crate::refusal::millis_up;
use crate::supervise::Parts;
use crate::telemetry::Observed;
use allowance::Allowances;
pub(crate) use record::End;
use record::{Asker, Deed, Record};
use redact::Redaction;
use refused::Rest;
pub(crate) use refused::{Asked, Refused, Sender, Why};
use state::State;
use writer::{Message, Open, Writer};

/// Lines that may wait to be written.
const LINES_MAX: usize = 4096;

/// How long a stop waits for the last of them.
const LAST_LINES: Duration = Duration::from_secs(3);

/// When a call is to be tried again that could not have been written.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The audit log of one host.
#[derive(Debug)]
pub struct Audit {
    file: String,
    lines: mpsc::Sender<Message>,
    methods: Vec<String>,
    on_overflow: Overflow,
    /// the most that is written of arguments; none: nothing
    arguments_max: Option<usize>,
    redaction: Arc<Redaction>,
    allowances: Allowances,
    state: Arc<State>,
    ending: Arc<AtomicBool>,
    writer: Arc<Writer>,
}

/// Why there is no audit log.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// Its file.
    #[error("the audit log `{file}` (`audit.file`) can't be written: {error}")]
    File {
        /// which
        file: String,
        /// the system's reason
        error: String,
    },
}

impl Audit {
    /// What the configuration asks for; none: no audit log.
    ///
    /// # Errors
    /// If its file can't be written.
    pub fn open(settings: &config::Audit) -> Result<Option<Self>, AuditError> {
        if settings.file.as_os_str().is_empty() {
            return Ok(None);
        }
        let open = writer::open(settings)?;
        Ok(Some(Self::with(settings, open)))
    }

    fn with(settings: &config::Audit, open: Box<Open>) -> Self {
        let (lines, messages) = mpsc::channel(LINES_MAX);
        let redaction = Arc::new(Redaction::new(settings));
        let (state, ending) = (Arc::<State>::default(), Arc::<AtomicBool>::default());
        let writer = Writer {
            messages: Mutex::new(messages),
            redaction: redaction.clone(),
            state: state.clone(),
            open,
            ending: ending.clone(),
        };
        Self {
            file: writer::shown(&settings.file),
            lines,
            methods: settings.methods.clone(),
            on_overflow: settings.on_overflow,
            arguments_max: match settings.arguments {
                Arguments::None => None,
                _ => Some(settings.arguments_max_bytes),
            },
            redaction,
            allowances: Allowances::new(settings.refusals_per_minute),
            state,
            ending,
            writer: Arc::new(writer),
        }
    }

    /// Begins to write: until then lines wait.
    pub(crate) fn start(&self, parts: &Arc<Parts>) {
        let writer = self.writer.clone();
        let part = parts.part("audit");
        part.keep_thread(move |turns| writer.work(turns));
    }

    /// Begins to watch a call; none: calls like it are not written.
    ///
    /// # Errors
    /// If there is no room for its line, and such calls are to be refused.
    pub(crate) fn begin(&self, call: &Call) -> Result<Option<Entry>, RpcError> {
        let method = record::method(&call.target);
        if !self.methods.iter().any(|one| one == method) {
            return Ok(None);
        }
        let room = match self.lines.clone().try_reserve_owned() {
            Ok(room) => Some(room),
            Err(_full) if self.on_overflow == Overflow::Drop => None,
            Err(_full) => {
                self.state.refused();
                return Err(refusal());
            }
        };
        let (target, left_out) = record::held(&call.target, self.arguments_max);
        let record = record::Call {
            at: SystemTime::now(),
            took: Duration::ZERO,
            asker: Asker {
                audience: call.context.audience.clone(),
                origin: (!call.as_task).then(|| call.context.origin.clone()),
                session: call.context.session.as_ref().map(|one| one.serial),
            },
            handler: call.handler.clone(),
            target,
            left_out,
            id: call.id.clone(),
            trace: call.observed.as_ref().and_then(Observed::trace),
            as_task: call.as_task,
            end: End::Cancelled,
        };
        Ok(Some(Entry {
            began: Instant::now(),
            room,
            record: Some(Record::Call(Box::new(record))),
            state: self.state.clone(),
        }))
    }

    /// Writes what the operator has done, and what became of it.
    pub fn admin(&self, who: &str, action: &str, outcome: &str) {
        self.send(Record::Admin(Deed {
            at: SystemTime::now(),
            who: who.to_owned(),
            action: action.to_owned(),
            outcome: outcome.to_owned(),
        }));
    }

    /// Writes that a request was refused, if its caller may have one more line.
    pub(crate) fn refused(&self, refused: &Refused<'_>) {
        if !self.allowances.is_on() || !refused.is_of(&self.methods) {
            return;
        }
        match self.allowances.take(&refused.counts_for(), Instant::now()) {
            Some(unwritten) => {
                let held = refused.held(&self.redaction, unwritten);
                self.send(Record::Refused(Box::new(held)));
            }
            None => self.state.unwritten(),
        }
    }

    /// Writes how many refusals have no line, of callers whose minute is over.
    pub(crate) fn sweep(&self) {
        self.tell_rest(false);
    }

    fn tell_rest(&self, all: bool) {
        for (caller, unwritten) in self.allowances.sweep(Instant::now(), all) {
            self.send(Record::Rest(Rest {
                at: SystemTime::now(),
                caller,
                unwritten,
            }));
        }
    }

    fn send(&self, record: Record) {
        if self.lines.try_send(Message::Record(record)).is_err() {
            self.state.dropped();
        }
    }

    /// How it is, for `/health`.
    pub fn report(&self) -> AuditReport {
        self.state.report(self.file.clone())
    }

    /// What is wrong with it now.
    pub fn trouble(&self) -> Option<String> {
        self.state.trouble()
    }

    /// Waits until all that was said is in the file, if that can be.
    pub async fn close(&self) {
        self.tell_rest(true);
        self.ending.store(true, Ordering::Relaxed);
        let (done, flushed) = oneshot::channel();
        let flushing = async {
            if self.lines.send(Message::Flush(done)).await.is_ok() {
                // Whoever would answer has ended, and all is lost that can be.
                let _ = flushed.await;
            }
        };
        if tokio::time::timeout(LAST_LINES, flushing).await.is_err() {
            tracing::error!("the last lines of the audit log are not written");
        }
    }
}

fn refusal() -> RpcError {
    let data = RefusalData {
        key: Some("audit.on_overflow".into()),
        retry_after_ms: Some(millis_up(RETRY_AFTER)),
        ..RefusalData::default()
    };
    RpcError::refusal(
        Reason::Overloaded,
        "calls can't be written to the audit log now",
        data,
    )
}

/// A call that is watched. One that is dropped without an end was cancelled.
#[derive(Debug)]
pub(crate) struct Entry {
    began: Instant,
    /// none: there is none
    room: Option<mpsc::OwnedPermit<Message>>,
    record: Option<Record>,
    state: Arc<State>,
}

impl Entry {
    /// The call has ended.
    pub(crate) fn end(mut self, end: End) {
        self.write(end);
    }

    fn write(&mut self, end: End) {
        let Some(mut record) = self.record.take() else {
            return;
        };
        if let Record::Call(call) = &mut record {
            call.took = self.began.elapsed();
            call.end = end;
        }
        match self.room.take() {
            Some(room) => {
                room.send(Message::Record(record));
            }
            None => self.state.dropped(),
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.write(End::Cancelled);
    }
}
