//! Watching one HTTP connection: how long its requests take to come, how long it
//! is idle, and whether it takes what is written to it.
//!
//! It owns these times and what they lead to. It never reads or writes a byte
//! itself, and while a connection is served it touches no timer.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::config::Config;

/// Read at once while it isn't known what comes; on the stack.
const FIRST_BYTES: usize = 1024;

/// Why a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// the head of a request came too slowly, or none after connecting
    SlowHead,
    /// no request for a while
    Idle,
    /// it doesn't read what it asked for
    SlowReader,
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    head: Duration,
    idle: Option<Duration>,
    write: Duration,
}

impl Limits {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            head: config.http.header_timeout,
            idle: config.http.idle_timeout,
            write: config.socket.write_timeout,
        }
    }

    /// The time after which to look again where nothing is due.
    pub(crate) fn longest(&self) -> Duration {
        self.head.max(self.write).max(self.idle.unwrap_or_default())
    }
}

/// What is going on on a connection. Times are milliseconds since it began, plus
/// one: 0 is never.
#[derive(Debug)]
pub(crate) struct Activity {
    start: Instant,
    open_requests: AtomicUsize,
    /// when the first byte of a head came that is not whole yet
    head_since: AtomicU64,
    idle_since: AtomicU64,
    /// when the socket took nothing more
    blocked_since: AtomicU64,
    /// HTTP/2 has frames of its own between requests: they are no heads
    multiplexed: AtomicBool,
    /// the one open request is a stream of events that has nothing to say
    stream_waits: AtomicBool,
}

impl Activity {
    /// A connection that has just begun, and has to send its first head.
    pub(crate) fn new(start: Instant) -> Arc<Self> {
        Arc::new(Self {
            start,
            open_requests: AtomicUsize::new(0),
            head_since: AtomicU64::new(1),
            idle_since: AtomicU64::new(1),
            blocked_since: AtomicU64::new(0),
            multiplexed: AtomicBool::new(false),
            stream_waits: AtomicBool::new(false),
        })
    }

    /// A request has come; it is open until the guard is dropped.
    pub(crate) fn open(self: &Arc<Self>, multiplexed: bool) -> Open {
        self.open_requests.fetch_add(1, Ordering::Relaxed);
        self.head_since.store(0, Ordering::Relaxed);
        if multiplexed {
            self.multiplexed.store(true, Ordering::Relaxed);
        }
        Open(self.clone())
    }

    /// When to look again, or why the connection ends now.
    pub(crate) fn look(&self, limits: &Limits, now: Instant) -> Result<Option<Instant>, Ended> {
        match self.due(limits) {
            Some((due, why)) if due <= now => Err(why),
            due => Ok(due.map(|(due, _)| due)),
        }
    }

    /// The end that comes first if nothing happens before.
    pub(crate) fn due(&self, limits: &Limits) -> Option<(Instant, Ended)> {
        let after = |since: u64, limit: Duration, why| {
            (since > 0).then(|| (self.start + Duration::from_millis(since - 1) + limit, why))
        };
        let blocked = self.blocked_since.load(Ordering::Relaxed);
        let blocked = after(blocked, limits.write, Ended::SlowReader);
        if self.open_requests.load(Ordering::Relaxed) > 0 {
            return blocked;
        }
        let head = self.head_since.load(Ordering::Relaxed);
        let head = after(head, limits.head, Ended::SlowHead);
        let since = self.idle_since.load(Ordering::Relaxed);
        let idle = limits
            .idle
            .and_then(|limit| after(since, limit, Ended::Idle));
        let all = [blocked, head, idle].into_iter().flatten();
        all.min_by_key(|(due, _)| *due)
    }

    /// When nothing will have gone on for that long, if nothing goes on now.
    pub(crate) fn quiet(&self, long: Duration) -> Option<Instant> {
        let waits = usize::from(self.stream_waits.load(Ordering::Relaxed));
        let busy = self.open_requests.load(Ordering::Relaxed) > waits
            || self.head_since.load(Ordering::Relaxed) > 0
            || self.blocked_since.load(Ordering::Relaxed) > 0;
        let since = self.idle_since.load(Ordering::Relaxed).saturating_sub(1);
        (!busy).then(|| self.start + Duration::from_millis(since) + long)
    }

    /// A stream of events, the only response under way, has something to say or
    /// has not.
    pub(crate) fn stream_waits(&self, waits: bool) {
        if self.stream_waits.swap(waits, Ordering::Relaxed) != waits && waits {
            self.idle_since.store(self.now(), Ordering::Relaxed);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    pub(crate) fn has_read(&self) {
        let waits_for_head = self.open_requests.load(Ordering::Relaxed) == 0
            && self.head_since.load(Ordering::Relaxed) == 0
            && !self.multiplexed.load(Ordering::Relaxed);
        if waits_for_head {
            self.head_since.store(self.now(), Ordering::Relaxed);
        }
    }

    fn has_written(&self, written: &Poll<io::Result<usize>>) {
        let blocked = self.blocked_since.load(Ordering::Relaxed) > 0;
        match written {
            Poll::Pending if !blocked => self.blocked_since.store(self.now(), Ordering::Relaxed),
            Poll::Ready(_) if blocked => self.blocked_since.store(0, Ordering::Relaxed),
            _ => {}
        }
    }
}

/// A request until its response is made and handed on.
#[derive(Debug)]
pub(crate) struct Open(Arc<Activity>);

impl Drop for Open {
    fn drop(&mut self) {
        let activity = &self.0;
        if activity.open_requests.fetch_sub(1, Ordering::Relaxed) == 1 {
            activity.idle_since.store(activity.now(), Ordering::Relaxed);
        }
    }
}

/// A socket whose bytes are noticed.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    pub(crate) stream: S,
    pub(crate) activity: Arc<Activity>,
    /// read already, and to be read once more before anything else
    pub(crate) first: Bytes,
}

impl<S> Watched<S> {
    /// Puts back what was read and not used: the begin of a head, which came
    /// together with a request before it.
    pub(crate) fn put_back(&mut self, read: &[u8]) {
        if !read.is_empty() {
            self.activity.has_read();
            self.first = [read, &self.first].concat().into();
        }
    }
}

impl<S: AsyncRead + Unpin> Watched<S> {
    /// Reads what is there, behind what was read before. False at the end.
    pub(crate) fn poll_first(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut room = [0; FIRST_BYTES];
        let mut buffer = ReadBuf::new(&mut room);
        let polled = Pin::new(&mut self.stream).poll_read(cx, &mut buffer);
        polled.map_ok(|()| {
            let read = buffer.filled();
            if !read.is_empty() {
                self.activity.has_read();
                self.first = [&self.first[..], read].concat().into();
            }
            !read.is_empty()
        })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.first.is_empty() {
            let length = self.first.len().min(buffer.remaining());
            buffer.put_slice(&self.first.split_to(length));
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.has_read();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.activity.has_written(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.activity.has_written(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        head: Duration::from_secs(10),
        idle: Some(Duration::from_secs(100)),
        write: Duration::from_secs(30),
    };

    /// What ends the connection, and when, in seconds after its start.
    fn due(activity: &Activity, limits: &Limits) -> Option<(u64, Ended)> {
        let due = activity.due(limits);
        due.map(|(due, why)| ((due - activity.start).as_secs(), why))
    }

    fn set(cell: &AtomicU64, seconds: u64) {
        cell.store(seconds * 1000 + 1, Ordering::Relaxed);
    }

    #[test]
    fn the_first_head_is_due_after_connecting_and_later_ones_after_their_first_byte() {
        let activity = Activity::new(Instant::now());
        assert_eq!(due(&activity, &LIMITS), Some((10, Ended::SlowHead)));
        let open = activity.open(false);
        assert_eq!(due(&activity, &LIMITS), None);
        drop(open);
        set(&activity.idle_since, 7);
        assert_eq!(due(&activity, &LIMITS), Some((107, Ended::Idle)));
        activity.has_read();
        set(&activity.head_since, 90);
        assert_eq!(due(&activity, &LIMITS), Some((100, Ended::SlowHead)));
        let forever = Limits {
            idle: None,
            ..LIMITS
        };
        activity.open(false);
        assert_eq!(due(&activity, &forever), None);
    }

    #[test]
    fn a_connection_is_quiet_while_nothing_is_open_begun_or_stuck() {
        let second = Duration::from_secs(1);
        let activity = Activity::new(Instant::now());
        assert_eq!(activity.quiet(second), None, "its first head is to come");
        let open = activity.open(false);
        assert_eq!(activity.quiet(second), None);
        drop(open);
        set(&activity.idle_since, 7);
        let quiet = activity.quiet(second).map(|at| at - activity.start);
        assert_eq!(quiet, Some(Duration::from_secs(8)));
        activity.has_written(&Poll::Pending);
        assert_eq!(activity.quiet(second), None);
        activity.has_written(&Poll::Ready(Ok(1)));
        activity.has_read();
        assert_eq!(activity.quiet(second), None);
    }

    #[tokio::test]
    async fn what_is_put_back_is_read_before_the_rest() {
        use tokio::io::AsyncReadExt as _;

        let mut watched = Watched {
            stream: &b"the rest"[..],
            activity: Activity::new(Instant::now()),
            first: Bytes::from_static(b"second, "),
        };
        watched.put_back(b"first, ");
        let mut all = String::new();
        watched.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "first, second, the rest");
    }

    #[test]
    fn frames_between_requests_of_http_2_are_no_heads() {
        let activity = Activity::new(Instant::now());
        drop(activity.open(true));
        activity.has_read();
        set(&activity.idle_since, 0);
        assert_eq!(due(&activity, &LIMITS), Some((100, Ended::Idle)));
    }

    #[test]
    fn a_peer_that_takes_nothing_is_ended_whatever_is_open() {
        let activity = Activity::new(Instant::now());
        let _open = activity.open(false);
        activity.has_written(&Poll::Pending);
        set(&activity.blocked_since, 5);
        activity.has_written(&Poll::Pending);
        assert_eq!(due(&activity, &LIMITS), Some((35, Ended::SlowReader)));
        let now = activity.start + Duration::from_secs(35);
        assert_eq!(activity.look(&LIMITS, now), Err(Ended::SlowReader));
        activity.has_written(&Poll::Ready(Ok(1)));
        assert_eq!(activity.look(&LIMITS, now), Ok(None));
    }
}
