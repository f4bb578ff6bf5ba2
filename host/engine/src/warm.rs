//! The shelf of warm instances of one plugin, in shards: each thread takes from
//! the one it put back to, so that the hottest instance serves next and no lock
//! is shared by all.
//!
//! It owns which instances may serve again. It never makes one, and it never
//! takes back one that has faulted.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use wasmtime::Store;

use crate::limits::Isolation;
use crate::state::State;

/// Shards of a shelf at most: more threads than that share them.
const SHARDS_MAX: usize = 16;

/// An instance with its store.
pub(crate) struct Warm<Bound> {
    pub(crate) store: Store<State>,
    pub(crate) instance: Bound,
    /// calls it has served
    pub(crate) calls: u32,
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
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            shards: (0..threads.min(SHARDS_MAX))
                .map(|_| Shard(Mutex::new(Vec::new())))
                .collect(),
            idle: AtomicUsize::new(0),
            isolation,
        }
    }

    /// An idle instance, if this plugin keeps any: this thread's, else another's.
    pub(crate) fn take(&self) -> Option<Warm<Bound>> {
        if self.isolation == Isolation::Call || self.idle.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let (before, home) = self.shards.split_at(self.home());
        let warm = home
            .iter()
            .chain(before)
            .find_map(|shard| shard.0.lock().pop())?;
        self.idle.fetch_sub(1, Ordering::Relaxed);
        Some(warm)
    }

    /// Takes back an instance after a clean call; drops it if it is worn out or
    /// the shelf is full.
    pub(crate) fn put_back(&self, warm: Warm<Bound>) {
        let Isolation::Pooled {
            max_calls_per_instance,
            idle_max,
        } = self.isolation
        else {
            return;
        };
        if warm.calls >= max_calls_per_instance {
            return;
        }
        if self.idle.fetch_add(1, Ordering::Relaxed) >= idle_max {
            self.idle.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        self.shards[self.home()].0.lock().push(warm);
    }

    /// The shard of this thread.
    fn home(&self) -> usize {
        thread_number() % self.shards.len()
    }
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
