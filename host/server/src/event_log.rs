//! What a legacy session's streams have said, kept for a client that lost its
//! connection and comes back with the id of the last event it saw.
//!
//! It owns event ids, what is kept and for how long, and who reads a stream now.
//! It never reads a clock, never waits and never writes to a socket. A session
//! whose streams are all gone holds nothing.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::Stream as Messages;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::outbound::QUEUE_MAX_MESSAGES;

#[cfg(test)]
mod tests;

/// What an event costs beside its data.
const EVENT_BYTES: usize = 64;

/// Streams that one session may have. One more takes the place of the oldest
/// that nobody reads.
const STREAMS_MAX: usize = 64;

/// How much may be kept.
#[derive(Clone, Copy, Debug)]
pub struct LogLimits {
    /// events of one session
    pub max_events: usize,
    /// bytes of one session
    pub max_bytes: usize,
    /// bytes of all sessions
    pub total_max_bytes: usize,
    /// how long a stream is kept that has ended or that nobody reads
    pub keep: Duration,
}

/// What all logs of a host share.
#[derive(Debug)]
pub struct LogRoom {
    limits: LogLimits,
    used_bytes: AtomicUsize,
    random: RandomState,
}

impl LogRoom {
    /// Room for logs of nothing yet.
    pub fn new(limits: LogLimits) -> Self {
        Self {
            limits,
            used_bytes: AtomicUsize::new(0),
            random: RandomState::new(),
        }
    }

    fn take(&self, bytes: usize) -> bool {
        let max = self.limits.total_max_bytes;
        self.used_bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(bytes).filter(|sum| *sum <= max)
            })
            .is_ok()
    }

    fn give(&self, bytes: usize) {
        self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Changes, one JSON-RPC message each, until the host ends.
pub type Source = Pin<Box<dyn Messages<Item = Bytes> + Send>>;

/// Changes that one reader after the other takes from.
pub type SharedSource = Arc<tokio::sync::Mutex<Source>>;

/// One event of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// names the session, the stream and the place in it
    pub id: String,
    /// one JSON-RPC message
    pub data: Bytes,
}

/// Who reads a call's stream now.
#[derive(Clone, Debug)]
pub struct Live {
    /// takes the events
    pub events: mpsc::Sender<Event>,
    /// raised when another reader has taken its place
    pub replaced: CancellationToken,
}

/// What a reader goes on with.
pub enum Follow {
    /// nothing: the stream has ended
    Nothing,
    /// the events of a call, to its answer
    Call(mpsc::Receiver<Event>),
    /// changes, which the reader records as it takes them
    Changes(SharedSource),
}

/// A reader of a stream; the one before it is told to end.
pub struct Reader {
    /// the stream
    pub stream: u64,
    /// of the readers of this stream, which
    pub serial: u64,
    /// what is to be said first
    pub missed: VecDeque<Event>,
    /// and then
    pub follow: Follow,
    /// raised when another reader has taken its place
    pub replaced: CancellationToken,
}

/// Why a stream can't be taken up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// The id is none of this session, or its stream is forgotten.
    #[error(
        "`Last-Event-ID` names no stream of this session that can be taken up again \
         (`session.event_log_keep_ms` says how long one is kept); send the request again, \
         or a GET without it"
    )]
    Unknown,
    /// Events after the one named are gone.
    #[error(
        "events after this `Last-Event-ID` are gone (raise `session.event_log_max_events`, \
         `session.event_log_max_bytes` or `session.event_logs_max_bytes`); send the request \
         again, or a GET without it"
    )]
    Dropped,
}

/// The log of one session.
#[derive(Debug)]
pub struct EventLog {
    room: Arc<LogRoom>,
    /// so that an id of another session is none of this one
    tag: u32,
    next_stream: AtomicU64,
    kept: Mutex<Option<Box<Kept>>>,
}

#[derive(Debug, Default)]
struct Kept {
    streams: BTreeMap<u64, Stream>,
    /// the stream of each kept event, oldest first
    order: VecDeque<u64>,
    bytes: usize,
}

struct Stream {
    /// the place of the next event; the priming event has place 0
    next_seq: u64,
    /// the last events, without a gap
    events: VecDeque<Bytes>,
    feed: Feed,
    readers: u64,
    replaced: CancellationToken,
    /// since when it can be forgotten
    idle_since: Option<Instant>,
}

enum Feed {
    Call(Option<mpsc::Sender<Event>>),
    Changes(SharedSource),
    Ended,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("next_seq", &self.next_seq)
            .field("events", &self.events.len())
            .finish_non_exhaustive()
    }
}

impl EventLog {
    /// An empty log of the session of this id.
    pub fn new(room: Arc<LogRoom>, session: &str) -> Self {
        let tag = u32::try_from(room.random.hash_one(session) >> 32).unwrap_or(0);
        Self {
            room,
            tag,
            next_stream: AtomicU64::new(0),
            kept: Mutex::new(None),
        }
    }

    /// Opens the stream of a call.
    pub fn open_call(&self, now: Instant) -> Reader {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX_MESSAGES);
        self.open(Feed::Call(Some(sender)), Follow::Call(receiver), now)
    }

    /// Opens a stream of changes.
    pub fn open_changes(&self, source: Source, now: Instant) -> Reader {
        let source = Arc::new(tokio::sync::Mutex::new(source));
        self.open(Feed::Changes(source.clone()), Follow::Changes(source), now)
    }

    fn open(&self, feed: Feed, follow: Follow, now: Instant) -> Reader {
        let stream = self.next_stream.fetch_add(1, Ordering::Relaxed);
        let replaced = CancellationToken::new();
        let mut guard = self.kept.lock();
        let kept = guard.get_or_insert_default();
        kept.purge(&self.room, now);
        if kept.streams.len() >= STREAMS_MAX
            && let Some(oldest) = kept.oldest_idle()
        {
            kept.forget(&self.room, oldest);
        }
        let opened = Stream {
            next_seq: 1,
            events: VecDeque::new(),
            feed,
            readers: 0,
            replaced: replaced.clone(),
            idle_since: None,
        };
        kept.streams.insert(stream, opened);
        drop(guard);
        Reader {
            stream,
            serial: 0,
            missed: VecDeque::new(),
            follow,
            replaced,
        }
    }

    /// The id of the event that begins a stream and says nothing.
    pub fn priming_id(&self, stream: u64) -> String {
        self.id(stream, 0)
    }

    fn id(&self, stream: u64, seq: u64) -> String {
        format!("{:08x}-{stream}-{seq}", self.tag)
    }

    /// Keeps what a stream says, and gives it its id and the reader it goes to
    /// now. None: the stream is forgotten.
    pub fn record(&self, stream: u64, data: Bytes) -> Option<(Event, Option<Live>)> {
        let mut guard = self.kept.lock();
        let kept = guard.as_mut()?;
        let said = kept.streams.get_mut(&stream)?;
        let seq = said.next_seq;
        said.next_seq += 1;
        let live = match &said.feed {
            Feed::Call(Some(events)) => Some(Live {
                events: events.clone(),
                replaced: said.replaced.clone(),
            }),
            _ => None,
        };
        kept.keep(&self.room, stream, data.clone());
        let id = self.id(stream, seq);
        Some((Event { id, data }, live))
    }

    /// Sends a call's reader away; what the call says is kept for the next one.
    pub fn hang_up(&self, stream: u64) {
        self.with(stream, |said| {
            if let Feed::Call(reader) = &mut said.feed {
                *reader = None;
            }
        });
    }

    /// A call has said everything.
    pub fn end(&self, stream: u64, now: Instant) {
        self.with(stream, |said| {
            said.feed = Feed::Ended;
            said.idle_since = Some(now);
        });
    }

    /// A reader of changes has gone.
    pub fn left(&self, stream: u64, serial: u64, now: Instant) {
        self.with(stream, |said| {
            if said.readers == serial && matches!(said.feed, Feed::Changes(_)) {
                said.idle_since = Some(now);
            }
        });
    }

    fn with(&self, stream: u64, change: impl FnOnce(&mut Stream)) {
        let mut guard = self.kept.lock();
        if let Some(said) = guard
            .as_mut()
            .and_then(|kept| kept.streams.get_mut(&stream))
        {
            change(said);
        }
    }

    /// Forgets a stream: its call was cancelled.
    pub fn forget(&self, stream: u64) {
        if let Some(kept) = self.kept.lock().as_mut() {
            kept.forget(&self.room, stream);
        }
    }

    /// Forgets what was kept long enough.
    pub fn purge(&self, now: Instant) {
        let mut guard = self.kept.lock();
        if let Some(kept) = guard.as_mut() {
            kept.purge(&self.room, now);
            if kept.streams.is_empty() {
                *guard = None;
            }
        }
    }

    /// Takes up the stream of the last event that a client saw.
    ///
    /// # Errors
    /// [`Lost`] if something would be missing.
    pub fn resume(&self, last: &str, now: Instant) -> Result<Reader, Lost> {
        let (stream, seq) = self.parse(last).ok_or(Lost::Unknown)?;
        let mut guard = self.kept.lock();
        let kept = guard.as_mut().ok_or(Lost::Unknown)?;
        kept.purge(&self.room, now);
        let said = kept.streams.get_mut(&stream).ok_or(Lost::Unknown)?;
        if seq >= said.next_seq {
            return Err(Lost::Unknown);
        }
        let missing = usize::try_from(said.next_seq - 1 - seq).map_err(|_| Lost::Dropped)?;
        let first = said
            .events
            .len()
            .checked_sub(missing)
            .ok_or(Lost::Dropped)?;
        let missed = said
            .events
            .iter()
            .skip(first)
            .zip(seq + 1..)
            .map(|(data, seq)| Event {
                id: self.id(stream, seq),
                data: data.clone(),
            })
            .collect();
        said.replaced.cancel();
        said.replaced = CancellationToken::new();
        said.readers += 1;
        let follow = match &mut said.feed {
            Feed::Call(reader) => {
                let (sender, receiver) = mpsc::channel(QUEUE_MAX_MESSAGES);
                *reader = Some(sender);
                Follow::Call(receiver)
            }
            Feed::Changes(source) => {
                said.idle_since = None;
                Follow::Changes(source.clone())
            }
            Feed::Ended => Follow::Nothing,
        };
        Ok(Reader {
            stream,
            serial: said.readers,
            missed,
            follow,
            replaced: said.replaced.clone(),
        })
    }

    fn parse(&self, id: &str) -> Option<(u64, u64)> {
        let mut parts = id.split('-');
        let tag = parts.next()?;
        let (stream, seq) = (parts.next()?, parts.next()?);
        let (stream, seq) = (stream.parse().ok()?, seq.parse().ok()?);
        // Only what this log would write itself.
        (parts.next().is_none() && tag.len() == 8 && self.id(stream, seq) == id)
            .then_some((stream, seq))
    }
}

impl Drop for EventLog {
    fn drop(&mut self) {
        if let Some(kept) = self.kept.get_mut() {
            self.room.give(kept.bytes);
        }
    }
}

impl Kept {
    /// Keeps an event, if need be in the place of older ones.
    fn keep(&mut self, room: &LogRoom, stream: u64, data: Bytes) {
        let bytes = data.len().saturating_add(EVENT_BYTES);
        let limits = &room.limits;
        if bytes > limits.max_bytes {
            // Whatever came before it could be replayed with a gap only.
            self.empty(room, stream);
            return;
        }
        while self.order.len() >= limits.max_events || self.bytes + bytes > limits.max_bytes {
            self.drop_oldest(room);
        }
        while !room.take(bytes) {
            if !self.drop_oldest(room) {
                return;
            }
        }
        self.bytes += bytes;
        self.order.push_back(stream);
        if let Some(said) = self.streams.get_mut(&stream) {
            said.events.push_back(data);
        }
    }

    /// Whether there was one.
    fn drop_oldest(&mut self, room: &LogRoom) -> bool {
        let Some(stream) = self.order.pop_front() else {
            return false;
        };
        let dropped = self
            .streams
            .get_mut(&stream)
            .and_then(|said| said.events.pop_front());
        self.release(room, dropped.as_ref());
        true
    }

    fn empty(&mut self, room: &LogRoom, stream: u64) {
        self.order.retain(|one| *one != stream);
        let events = self
            .streams
            .get_mut(&stream)
            .map(|said| std::mem::take(&mut said.events));
        for event in events.iter().flatten() {
            self.release(room, Some(event));
        }
    }

    fn release(&mut self, room: &LogRoom, event: Option<&Bytes>) {
        let bytes = event.map_or(0, |event| event.len() + EVENT_BYTES);
        self.bytes -= bytes;
        room.give(bytes);
    }

    fn forget(&mut self, room: &LogRoom, stream: u64) {
        self.empty(room, stream);
        // A reader still takes what it was given, and then sees the end.
        self.streams.remove(&stream);
    }

    fn purge(&mut self, room: &LogRoom, now: Instant) {
        let old: Vec<u64> = self
            .streams
            .iter()
            .filter(|(_, said)| {
                said.idle_since
                    .is_some_and(|since| now.saturating_duration_since(since) >= room.limits.keep)
            })
            .map(|(stream, _)| *stream)
            .collect();
        for stream in old {
            self.forget(room, stream);
        }
    }

    fn oldest_idle(&self) -> Option<u64> {
        let idle = self.streams.iter().filter(|(_, s)| s.idle_since.is_some());
        idle.min_by_key(|(_, said)| said.idle_since)
            .map(|(stream, _)| *stream)
    }
}
