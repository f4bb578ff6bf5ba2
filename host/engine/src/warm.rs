//! The shelf of warm instances of one plugin, in shards: each thread takes from
//! the one it put back to, so that the hottest instance serves next and no lock
//! is shared by all.
//!
//! It owns which instances may serve again, and whom. It never makes one, and it
//! never takes back one that has faulted.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use wasmtime::Store;

use crate::call::{Invocation, RequestSink};
use crate::keyvalue::SessionStores;
use crate::limits::Isolation;
use crate::state::State;

/// Shards of a shelf at most: more threads than that share them.
const SHARDS_MAX: usize = 16;

/// Whom an instance may serve.
pub(crate) enum Whose {
    /// whoever calls
    Everybody,
    /// one caller, in all of its sessions
    Caller(Box<str>),
    /// one session of a caller that isn't known. The address alone wouldn't do:
    /// a later session can be at the same one, unless something still holds it.
    Session(Weak<SessionStores>),
    /// the call that it was made for, and nobody else
    Nobody,
}

impl Whose {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Everybody, Self::Everybody) => true,
            (Self::Caller(one), Self::Caller(other)) => one == other,
            (Self::Session(one), Self::Session(other)) => one.ptr_eq(other),
            _ => false,
        }
    }

    /// Whether it can't call again.
    fn has_gone(&self) -> bool {
        matches!(self, Self::Session(session) if session.strong_count() == 0)
    }
}

/// An instance with its store.
pub(crate) struct Warm<Bound> {
    pub(crate) store: Store<State>,
    pub(crate) instance: Bound,
    /// calls it has served
    pub(crate) calls: u32,
    pub(crate) whose: Whose,
}

/// Idle instances, most recently used last.
pub(crate) struct Shelf<Bound> {
    shards: Box<[Shard<Bound>]>,
    idle: AtomicUsize,
    isolation: Isolation,
}

/// Two cache lines, because processors fetch them in pairs.
#[repr(align(128))]
struct Shard<Bound>(Mutex<Vec<Warm<Bound>>>);

impl<Bound> Shelf<Bound> {
    pub(crate) fn new(isolation: Isolation) -> Self {
        Self {
            shards: (0..shards())
                .map(|_| Shard(Mutex::new(Vec::new())))
                .collect(),
            idle: AtomicUsize::new(0),
            isolation,
        }
    }

    /// Whose instance may serve a call.
    pub(crate) fn whose(&self, invocation: &Invocation, sink: &Arc<dyn RequestSink>) -> Whose {
        match self.isolation {
            Isolation::Call => Whose::Nobody,
            Isolation::Pooled { .. } => Whose::Everybody,
            Isolation::Caller { .. } => match (invocation.caller(), sink.session()) {
                (Some(caller), _) => Whose::Caller(caller.into()),
                (None, Some(session)) => Whose::Session(Arc::downgrade(&session)),
                (None, None) => Whose::Nobody,
            },
        }
    }

    /// An idle instance that may serve this caller, if this plugin keeps any: this
    /// thread's, else another's.
    pub(crate) fn take(&self, whose: &Whose) -> Option<Warm<Bound>> {
        if matches!(whose, Whose::Nobody) || self.idle.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let (before, home) = self.shards.split_at(self.home());
        let warm = home.iter().chain(before).find_map(|shard| {
            let mut idle = shard.0.lock();
            let place = idle.iter().rposition(|warm| warm.whose.is(whose))?;
            Some(idle.remove(place))
        })?;
        self.idle.fetch_sub(1, Ordering::Relaxed);
        Some(warm)
    }

    /// Takes back an instance after a clean call; drops it if it is worn out, may
    /// serve nobody, or the shelf is full.
    pub(crate) fn put_back(&self, warm: Warm<Bound>) {
        let (calls_max, idle_max) = match self.isolation {
            Isolation::Call => return,
            Isolation::Pooled {
                max_calls_per_instance,
                idle_max,
            }
            | Isolation::Caller {
                max_calls_per_instance,
                idle_max,
            } => (max_calls_per_instance, idle_max),
        };
        if warm.calls >= calls_max || matches!(warm.whose, Whose::Nobody) {
            return;
        }
        if matches!(warm.whose, Whose::Session(_)) {
            self.drop_gone_of(self.home());
        }
        if self.idle.fetch_add(1, Ordering::Relaxed) >= idle_max {
            self.idle.fetch_sub(1, Ordering::Relaxed);
            // Any of everybody's is as good as this one. Of callers, who called
            // last is the likeliest to call next.
            if matches!(warm.whose, Whose::Everybody) || !self.drop_oldest() {
                return;
            }
            self.idle.fetch_add(1, Ordering::Relaxed);
        }
        self.shards[self.home()].0.lock().push(warm);
    }

    /// Lets go of what sessions left here that have ended. It costs a look where nothing
    /// is idle.
    pub(crate) fn drop_gone(&self) {
        let of_callers = matches!(self.isolation, Isolation::Caller { .. });
        if of_callers && self.idle.load(Ordering::Relaxed) > 0 {
            (0..self.shards.len()).for_each(|shard| self.drop_gone_of(shard));
        }
    }

    fn drop_gone_of(&self, shard: usize) {
        let mut idle = self.shards[shard].0.lock();
        let gone: Vec<_> = idle.extract_if(.., |one| one.whose.has_gone()).collect();
        // Their memory is given back without the lock.
        drop(idle);
        self.idle.fetch_sub(gone.len(), Ordering::Relaxed);
    }

    /// Lets go of the one that has been idle for the longest time in its shard.
    fn drop_oldest(&self) -> bool {
        let (before, home) = self.shards.split_at(self.home());
        let oldest = home.iter().chain(before).find_map(|shard| {
            let mut idle = shard.0.lock();
            (!idle.is_empty()).then(|| idle.remove(0))
        });
        if oldest.is_some() {
            self.idle.fetch_sub(1, Ordering::Relaxed);
        }
        oldest.is_some()
    }

    /// The shard of this thread.
    fn home(&self) -> usize {
        home(self.shards.len())
    }
}

/// Shards of whatever threads keep apart.
pub(crate) fn shards() -> usize {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    threads.min(SHARDS_MAX)
}

/// This thread's of so many shards.
pub(crate) fn home(shards: usize) -> usize {
    thread_number() % shards
}

/// Threads are numbered as they first ask.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: Cell<Option<usize>> = const { Cell::new(None) };
    }
    NUMBER.with(|number| {
        number.get().unwrap_or_else(|| {
            let taken = NEXT.fetch_add(1, Ordering::Relaxed);
            number.set(Some(taken));
            taken
        })
    })
}
