//! Instances of one plugin that are made before a call needs them, by the threads
//! of the long lane, so that a call finds its fresh instance ready.
//!
//! It owns how many there are and when more are made. It never gives out one that
//! has served: each is for one call and was seen by none before.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use wasmtime::Store;

use crate::state::State;
use crate::warm::{home, shards};

/// Calls for which nothing is made ahead after one that could not be made, or had no
/// place: each try costs what it costs, and would fail again.
const REST_CALLS: u32 = 256;

/// One ready instance at most for so many that serve calls.
const CALLS_FOR_EACH: u32 = 8;

/// Instances of both kinds at most, if any are made ahead: each takes a few GiB of
/// address space, of which a process has 128 TiB.
const TOGETHER_MAX: u32 = 10_000;

/// How many instances may be ready, of all plugins together.
pub(crate) struct Places {
    max: usize,
    taken: AtomicUsize,
    holders: Mutex<Vec<Weak<dyn Holder>>>,
}

/// Whoever holds ready instances.
trait Holder: Send + Sync {
    /// Lets go of all of them if no call has come since it was asked last.
    fn let_go_if_quiet(&self);
}

/// The place of one ready instance; given back when it is dropped.
struct Place(Arc<Places>);

/// How many may be ready beside so many that serve calls.
pub(crate) fn places(max_instances: u32) -> u32 {
    let share = max_instances / CALLS_FOR_EACH;
    share.min(TOGETHER_MAX.saturating_sub(max_instances))
}

impl Places {
    /// Places beside so many instances that serve calls.
    pub(crate) fn new(max_instances: u32) -> Self {
        Self {
            max: places(max_instances) as usize,
            taken: AtomicUsize::new(0),
            holders: Mutex::default(),
        }
    }

    /// Instances that are ready now.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// A place; if there is none, of a plugin that nobody calls at present.
    fn take(self: &Arc<Self>) -> Option<Place> {
        self.try_take().or_else(|| {
            let holders: Vec<_> = {
                let mut holders = self.holders.lock();
                holders.retain(|holder| holder.strong_count() > 0);
                holders.iter().filter_map(Weak::upgrade).collect()
            };
            for holder in holders {
                holder.let_go_if_quiet();
            }
            self.try_take()
        })
    }

    fn try_take(self: &Arc<Self>) -> Option<Place> {
        let one_more = |taken| (taken < self.max).then_some(taken + 1);
        self.taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .ok()?;
        Some(Place(self.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An instance that was never called.
pub(crate) struct Made<Bound> {
    pub(crate) store: Store<State>,
    pub(crate) instance: Bound,
    /// what making it has left of the fuel of its call
    pub(crate) fuel_left: u64,
}

/// The ready instances of one plugin, in shards as its warm ones are.
pub(crate) struct Ready<Bound> {
    places: Arc<Places>,
    /// instances in a shard
    each: usize,
    shards: Box<[Shard<Bound>]>,
    called: AtomicBool,
    /// calls to come for which nothing is made
    rest: AtomicU32,
}

/// Two cache lines, because processors fetch them in pairs.
#[repr(align(128))]
struct Shard<Bound> {
    made: Mutex<Vec<(Made<Bound>, Place)>>,
    filling: AtomicBool,
}

/// The duty to fill a shard, which one at a time has.
pub(crate) struct Filling<Bound> {
    ready: Arc<Ready<Bound>>,
    shard: usize,
}

impl<Bound: Send + 'static> Ready<Bound> {
    /// A shelf of `each` instances for each thread; 0: none is ever made.
    pub(crate) fn new(places: &Arc<Places>, each: usize) -> Arc<Self> {
        let shard = || Shard {
            made: Mutex::default(),
            filling: AtomicBool::new(false),
        };
        let ready = Arc::new(Self {
            places: places.clone(),
            each: each.min(places.max),
            shards: (0..shards()).map(|_| shard()).collect(),
            called: AtomicBool::new(false),
            rest: AtomicU32::new(0),
        });
        if ready.each > 0 {
            let weak = Arc::downgrade(&ready);
            places.holders.lock().push(weak);
        }
        ready
    }

    /// An instance for this thread, if one is ready; and the duty to make one in its
    /// place.
    pub(crate) fn take(self: &Arc<Self>) -> (Option<Made<Bound>>, Option<Filling<Bound>>) {
        if self.each == 0 {
            return (None, None);
        }
        let index = home(self.shards.len());
        let shard = &self.shards[index];
        let (taken, left) = {
            let mut made = shard.made.lock();
            (made.pop(), made.len())
        };
        self.called.store(true, Ordering::Relaxed);
        let fill = left < self.each && !self.rests();
        let filling = (fill && !shard.filling.swap(true, Ordering::Relaxed)).then(|| Filling {
            ready: self.clone(),
            shard: index,
        });
        (taken.map(|(made, _place)| made), filling)
    }

    /// Whether nothing is made for this call.
    fn rests(&self) -> bool {
        let one_less = |rest: u32| rest.checked_sub(1);
        self.rest
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
            .is_ok()
    }
}

impl<Bound: Send + 'static> Filling<Bound> {
    /// Makes instances until the shard is full, one can't be made, or there is no
    /// place for it.
    pub(crate) async fn fill<Making>(self, make: impl Fn() -> Making + Send)
    where
        Making: Future<Output = wasmtime::Result<Made<Bound>>> + Send,
    {
        let ready = &self.ready;
        let shard = &ready.shards[self.shard];
        while shard.made.lock().len() < ready.each {
            let made = match ready.places.take() {
                Some(place) => make().await.map(|made| (made, place)),
                None => Err(wasmtime::Error::msg("no place is left")),
            };
            match made {
                Ok(made) => shard.made.lock().push(made),
                Err(error) => {
                    tracing::debug!(error = %error, "no instance is made ahead of a call for now");
                    ready.rest.store(REST_CALLS, Ordering::Relaxed);
                    break;
                }
            }
            // Calls that are long have their turn.
            tokio::task::yield_now().await;
        }
    }
}

impl<Bound> Drop for Filling<Bound> {
    fn drop(&mut self) {
        let shard = &self.ready.shards[self.shard];
        shard.filling.store(false, Ordering::Relaxed);
    }
}

impl<Bound: Send> Holder for Ready<Bound> {
    fn let_go_if_quiet(&self) {
        if self.called.swap(false, Ordering::Relaxed) {
            return;
        }
        for shard in &self.shards {
            // Their memory is given back without the lock.
            let made = std::mem::take(&mut *shard.made.lock());
            drop(made);
        }
    }
}
