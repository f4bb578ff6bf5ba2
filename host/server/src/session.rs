//! Legacy sessions (versions up to 2025-11-25 over HTTP), and what any request
//! brings with it once its session is known: the call context.
//!
//! It owns the table of sessions and their end. It never reads a clock and
//! never looks into a message.

mod list;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use dashmap::DashMap;
use fusebox_engine::SessionStores;
use fusebox_protocol::params::{ClientCapabilities, LogLevel};
use fusebox_protocol::{ProtocolVersion, RawJson, RequestId};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::ask::Pending;
use crate::auth::Audience;
use crate::changes::Inbox;
use crate::event_log::{EventLog, LogLimits, LogRoom};
use crate::meters::{GaugeGuard, Meters};
use crate::metrics::Lasting;
use crate::origin::Origin;
pub use list::SessionView;
pub(crate) use list::beginning;

/// What a request brings with it. Nothing after this point knows whether it came
/// from a stored session or from `_meta`.
#[derive(Clone, Debug)]
pub struct CallContext {
    /// the version the answer is written in
    pub version: ProtocolVersion,
    /// what the client can do
    pub client: ClientCapabilities,
    /// who it is, and what it is shown
    pub audience: Audience,
    /// the connection it came by
    pub origin: Origin,
    /// the least grave log messages it wants; none: no logs at all
    pub log_level: Option<LogLevel>,
    /// as the client gave it
    pub progress_token: Option<RawJson>,
    /// where a legacy client's answers to questions come in; a modern client is
    /// sent for them instead
    pub pending: Option<Arc<Pending>>,
    /// the session, where there is one: what is kept for it is kept for nobody else
    pub session: Option<SessionRef>,
    /// raised if the call does more than answer, where that matters
    pub impure: Option<Arc<AtomicBool>>,
    /// raised by a handler whose client need not hold its stream open, where that
    /// client can take it up again
    pub close: Option<Arc<Notify>>,
}

/// The session that a call belongs to.
#[derive(Clone, Debug)]
pub struct SessionRef {
    /// no other one of this process has it
    pub serial: u64,
    /// what plugins keep for it, until it ends
    pub stores: Arc<SessionStores>,
}

/// What an `initialize` agreed on.
#[derive(Debug)]
pub struct Agreement {
    /// no other one of this process has it
    pub serial: u64,
    /// the negotiated version
    pub version: ProtocolVersion,
    /// what the client can do
    pub client: ClientCapabilities,
    /// who it is, and what it is shown
    pub audience: Audience,
    /// the host's questions that wait for this client
    pub pending: Arc<Pending>,
    log_level: AtomicU8,
    subscribed: Mutex<Subscribed>,
    /// what plugins keep for this session: it ends with it
    stores: Arc<SessionStores>,
}

/// The resources that a client wants to hear of, and the streams that tell it.
#[derive(Debug, Default)]
struct Subscribed {
    resources: HashSet<String>,
    inboxes: Vec<Weak<Inbox>>,
}

/// Resources that one legacy client may subscribe to.
const SUBSCRIBED_MAX: usize = 1000;

impl Agreement {
    /// What a client and the host agreed on; logs from `info` on until it asks
    /// for others.
    pub fn new(version: ProtocolVersion, client: ClientCapabilities, audience: Audience) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            serial: NEXT.fetch_add(1, Ordering::Relaxed),
            version,
            client,
            audience,
            pending: Arc::default(),
            log_level: AtomicU8::new(LogLevel::Info as u8),
            subscribed: Mutex::default(),
            stores: Arc::default(),
        }
    }

    /// Serves `resources/subscribe`.
    ///
    /// # Errors
    /// In plain words, if the client subscribes to too much.
    pub fn subscribe(&self, uri: String) -> Result<(), String> {
        let mut subscribed = self.subscribed.lock();
        let resources = &subscribed.resources;
        if resources.len() >= SUBSCRIBED_MAX && !resources.contains(&uri) {
            return Err(format!(
                "this session is subscribed to {SUBSCRIBED_MAX} resources already; unsubscribe from one"
            ));
        }
        for inbox in subscribed.inboxes.iter().filter_map(Weak::upgrade) {
            inbox.watch(&uri);
        }
        subscribed.resources.insert(uri);
        Ok(())
    }

    /// Serves `resources/unsubscribe`.
    pub fn unsubscribe(&self, uri: &str) {
        let mut subscribed = self.subscribed.lock();
        for inbox in subscribed.inboxes.iter().filter_map(Weak::upgrade) {
            inbox.unwatch(uri);
        }
        subscribed.resources.remove(uri);
    }

    /// Whether the client wants to hear of this resource.
    pub fn is_subscribed(&self, uri: &str) -> bool {
        self.subscribed.lock().resources.contains(uri)
    }

    /// Lets a stream of this client hear of what the client is subscribed to, now
    /// and later.
    pub fn tell(&self, inbox: &Arc<Inbox>) {
        let mut subscribed = self.subscribed.lock();
        subscribed.resources.iter().for_each(|uri| inbox.watch(uri));
        subscribed.inboxes.retain(|other| other.strong_count() > 0);
        subscribed.inboxes.push(Arc::downgrade(inbox));
    }

    /// What a client gets that never initialized: the version that the
    /// specification says to assume.
    pub fn assumed(audience: Audience) -> Self {
        Self::new(
            ProtocolVersion::WITHOUT_HEADER,
            ClientCapabilities::default(),
            audience,
        )
    }

    /// The least grave messages the client wants.
    pub fn log_level(&self) -> LogLevel {
        let stored = self.log_level.load(Ordering::Relaxed);
        LogLevel::ALL
            .into_iter()
            .find(|level| *level as u8 == stored)
            .unwrap_or(LogLevel::Info)
    }

    /// Serves `logging/setLevel`.
    pub fn set_log_level(&self, level: LogLevel) {
        self.log_level.store(level as u8, Ordering::Relaxed);
    }

    /// The context of a request of this client.
    pub fn context(&self, origin: &Origin, progress_token: Option<RawJson>) -> CallContext {
        CallContext {
            version: self.version,
            client: self.client,
            audience: self.audience.clone(),
            origin: origin.clone(),
            log_level: Some(self.log_level()),
            progress_token,
            pending: Some(self.pending.clone()),
            session: Some(SessionRef {
                serial: self.serial,
                stores: self.stores.clone(),
            }),
            impure: None,
            close: None,
        }
    }
}

/// A stored session.
#[derive(Debug)]
pub struct Session {
    /// visible ASCII, not to be guessed
    pub id: String,
    /// what `initialize` agreed on
    pub agreement: Arc<Agreement>,
    /// calls that run
    pub calls: Arc<CallsInFlight>,
    /// what its streams said, for a client that comes back
    pub log: EventLog,
    /// where messages go that come on another path than their answers
    /// (HTTP+SSE); none: every request gets its own answer
    pub inbox: OnceLock<mpsc::Sender<Bytes>>,
    /// tells how long it lasted, when it has ended
    pub(crate) lasting: OnceLock<Lasting>,
    /// raised when the session ends
    pub ended: CancellationToken,
    last_seen_ms: AtomicU64,
    _counted: GaugeGuard,
}

/// The calls of one client that run and can be cancelled by their id.
#[derive(Debug, Default)]
pub struct CallsInFlight {
    next: AtomicU64,
    table: Table,
}

/// Which call has an id now, by its serial number, and how it is told to end.
type Table = Arc<Mutex<HashMap<RequestId, (u64, CancellationToken)>>>;

/// A call in the table, for as long as it lives.
#[derive(Debug)]
pub struct Registered {
    table: Table,
    id: RequestId,
    serial: u64,
    /// raised when the client cancels the call
    pub cancelled: CancellationToken,
}

impl CallsInFlight {
    /// Enters a call; a second call under the same id takes the place of the
    /// first, which can't be cancelled any more.
    pub fn register(&self, id: RequestId) -> Registered {
        let cancelled = CancellationToken::new();
        let serial = self.next.fetch_add(1, Ordering::Relaxed);
        let mut table = self.table.lock();
        table.insert(id.clone(), (serial, cancelled.clone()));
        drop(table);
        Registered {
            table: self.table.clone(),
            id,
            serial,
            cancelled,
        }
    }

    /// Cancels a call; an id that isn't there any more is no error.
    pub fn cancel(&self, id: &RequestId) {
        if let Some((_, token)) = self.table.lock().remove(id) {
            token.cancel();
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut table = self.table.lock();
        // A later call may have taken over the id.
        if table
            .get(&self.id)
            .is_some_and(|(serial, _)| *serial == self.serial)
        {
            table.remove(&self.id);
        }
    }
}

/// There is no room for another session.
#[derive(Debug, PartialEq, Eq)]
pub struct TooManySessions {
    /// how many there may be
    pub limit: usize,
}

/// The table of sessions.
#[derive(Debug)]
pub struct Sessions {
    table: DashMap<String, Arc<Session>>,
    /// sessions in the table: to ask it would lock each shard
    count: AtomicUsize,
    max: usize,
    idle_timeout: Duration,
    start: Instant,
    logs: Arc<LogRoom>,
    meters: Arc<Meters>,
}

impl Sessions {
    /// An empty table in so many shards; times are measured from `start`.
    pub fn new(
        max: usize,
        shards: usize,
        idle_timeout: Duration,
        logs: LogLimits,
        start: Instant,
        meters: Arc<Meters>,
    ) -> Self {
        Self {
            table: DashMap::with_shard_amount(shards),
            count: AtomicUsize::new(0),
            max,
            idle_timeout,
            start,
            logs: Arc::new(LogRoom::new(logs)),
            meters,
        }
    }

    /// Opens a session under an id that the caller drew at random.
    ///
    /// # Errors
    /// [`TooManySessions`] if the table is full.
    pub fn open(
        &self,
        id: String,
        agreement: Arc<Agreement>,
        now: Instant,
    ) -> Result<Arc<Session>, TooManySessions> {
        if !self.take_place() {
            self.sweep(now);
            if !self.take_place() {
                return Err(TooManySessions { limit: self.max });
            }
        }
        let session = Arc::new(Session {
            id: id.clone(),
            agreement,
            calls: Arc::default(),
            log: EventLog::new(self.logs.clone(), &id),
            inbox: OnceLock::new(),
            lasting: OnceLock::new(),
            ended: CancellationToken::new(),
            last_seen_ms: AtomicU64::new(self.millis(now)),
            _counted: self.meters.session(),
        });
        if self.table.insert(id, session.clone()).is_some() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(session)
    }

    fn take_place(&self) -> bool {
        let one_more = |count: usize| (count < self.max).then_some(count + 1);
        self.count
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .is_ok()
    }

    /// The session of this id, and that it was seen.
    pub fn get(&self, id: &str, now: Instant) -> Option<Arc<Session>> {
        let session = self.table.get(id).map(|entry| entry.value().clone())?;
        session
            .last_seen_ms
            .store(self.millis(now), Ordering::Relaxed);
        Some(session)
    }

    /// Ends a session; false if there was none.
    pub fn close(&self, id: &str) -> bool {
        match self.table.remove(id) {
            Some((_, session)) => {
                self.count.fetch_sub(1, Ordering::Relaxed);
                session.ended.cancel();
                true
            }
            None => false,
        }
    }

    /// Ends the sessions that nobody used for the idle time, and forgets what
    /// the others' streams said long ago.
    pub fn sweep(&self, now: Instant) {
        let now_ms = self.millis(now);
        let idle_ms = u64::try_from(self.idle_timeout.as_millis()).unwrap_or(u64::MAX);
        self.table.retain(|_, session| {
            let seen_ms = session.last_seen_ms.load(Ordering::Relaxed);
            // Whoever holds the session besides the table, a stream or a call,
            // uses it.
            let used = Arc::strong_count(session) > 1;
            let keep = used || now_ms.saturating_sub(seen_ms) < idle_ms;
            if keep {
                session.log.purge(now);
            } else {
                self.count.fetch_sub(1, Ordering::Relaxed);
                session.ended.cancel();
                if let Some(lasting) = session.lasting.get() {
                    lasting.timed_out();
                }
            }
            keep
        });
    }

    fn millis(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.start).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests;
