//! The life of an instance, from check-out to drop.
//!
//! It owns which instance serves a call, and puts the call's limits in force. It
//! never runs a call.

use std::sync::Arc;

use wasmtime::Store;

use crate::ahead::MadeAhead;
use crate::call::{Answer, Usage};
use crate::fault::{CallError, classify};
use crate::plugin::{Inner, Linked};
use crate::spans::Ending;
use crate::state::{Current, State, on_epoch};
use crate::warm::{Shelf, Warm, Whose};

/// Ticks until a call counts as long: between one and two milliseconds, since
/// the first tick may be about to come.
pub(crate) const FIRST_SLICE_TICKS: u64 = 2;

/// What a call runs in.
pub(crate) struct Found<Bound> {
    pub(crate) store: Store<State>,
    /// none: it has to be made
    pub(crate) instance: Option<Bound>,
    /// calls that it has served
    pub(crate) calls: u32,
    /// what the call may use
    pub(crate) fuel: u64,
}

/// What a round in an instance came to: the instance, and the answer of its
/// export. The error is the runtime's.
pub(crate) type Ran<Bound> = wasmtime::Result<(Bound, Result<Answer, CallError>)>;

impl Inner {
    /// An instance that may serve this caller, warm or ready, or a store for a fresh
    /// one. For one that was ready another is made.
    pub(crate) fn check_out<Indices, Bound: MadeAhead + Send + 'static>(
        self: &Arc<Self>,
        linked: &Linked<Indices, Bound>,
        whose: &Whose,
    ) -> Found<Bound> {
        if let Some(warm) = linked.shelf.take(whose) {
            return Found {
                store: warm.store,
                instance: Some(warm.instance),
                calls: warm.calls,
                fuel: self.limits.fuel,
            };
        }
        let (made, filling) = match whose {
            // Many calls share the cost of making one.
            Whose::Everybody => (None, None),
            _ => linked.ready.take(),
        };
        if let Some(filling) = filling {
            Bound::fill(self, filling);
        }
        match made {
            Some(made) => Found {
                store: made.store,
                instance: Some(made.instance),
                calls: 0,
                fuel: made.fuel_left,
            },
            None => Found {
                store: self.new_store(),
                instance: None,
                calls: 0,
                fuel: self.limits.fuel,
            },
        }
    }

    /// Puts the limits of one call in force.
    pub(crate) fn begin(
        &self,
        store: &mut Store<State>,
        call: Current,
        fuel: u64,
    ) -> wasmtime::Result<()> {
        store.data_mut().begin(call);
        store.set_epoch_deadline(FIRST_SLICE_TICKS);
        store.set_fuel(fuel)
    }

    /// Judges how a call ended, and keeps the instance if it may serve again.
    pub(crate) fn end<Bound>(
        &self,
        shelf: &Shelf<Bound>,
        mut store: Store<State>,
        (whose, calls): (Whose, u32),
        result: Ran<Bound>,
    ) -> (Result<Answer, CallError>, Usage) {
        let usage = self.usage(&store);
        let ending = match result {
            Ok((_, Ok(_))) => Ending::LeftOpen,
            _ => Ending::CutOff,
        };
        store.data_mut().settle(ending);
        let mut answer = match result {
            Ok((instance, Ok(answer))) => {
                store.data_mut().end();
                shelf.put_back(Warm {
                    store,
                    instance,
                    calls: calls + 1,
                    whose,
                });
                Ok(answer)
            }
            Ok((_, Err(error))) => Err(error),
            Err(error) => {
                let slots = self.engine.inner().max_instances;
                Err(classify(&error, store.data().seen(), slots))
            }
        };
        if let Some(reach) = &self.reach
            && !reach.redactor.is_idle()
        {
            match &mut answer {
                Ok(answer) => reach.redactor.answer(answer),
                Err(error) => reach.redactor.error(error),
            }
        }
        (answer, usage)
    }

    pub(crate) fn new_store(&self) -> Store<State> {
        let state = State::new(&self.limits, self.reach.clone());
        let mut store = Store::new(&self.engine.inner().wasmtime, state);
        store.limiter(|state| &mut state.guard);
        store.epoch_deadline_callback(on_epoch);
        store.set_hostcall_fuel(self.handover_max);
        store
    }

    fn usage(&self, store: &Store<State>) -> Usage {
        Usage {
            fuel: self
                .limits
                .fuel
                .saturating_sub(store.get_fuel().unwrap_or(0)),
            memory_bytes: store.data().guard.memory_bytes(),
            ..Usage::default()
        }
    }
}
