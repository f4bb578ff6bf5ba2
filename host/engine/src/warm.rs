//! The shelf of warm instances of one plugin.
//!
//! It owns which instances may serve again. It never makes one, and it never
//! takes back one that has faulted.

use parking_lot::Mutex;
use wasmtime::Store;
use wasmtime::component::Instance;

use crate::limits::Isolation;
use crate::state::State;

/// An instance with its store.
pub(crate) struct Warm {
    pub(crate) store: Store<State>,
    pub(crate) instance: Instance,
    /// calls it has served
    pub(crate) calls: u32,
}

/// Idle instances, most recently used last: the hottest serves next.
pub(crate) struct Shelf {
    idle: Mutex<Vec<Warm>>,
    isolation: Isolation,
}

impl Shelf {
    pub(crate) fn new(isolation: Isolation) -> Self {
        Self {
            idle: Mutex::new(Vec::new()),
            isolation,
        }
    }

    /// An idle instance, if this plugin keeps any.
    pub(crate) fn take(&self) -> Option<Warm> {
        match self.isolation {
            Isolation::Call => None,
            Isolation::Pooled { .. } => self.idle.lock().pop(),
        }
    }

    /// Takes back an instance after a clean call; drops it if it is worn out or
    /// the shelf is full.
    pub(crate) fn put_back(&self, warm: Warm) {
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
        let mut idle = self.idle.lock();
        if idle.len() < idle_max {
            idle.push(warm);
        }
    }
}
