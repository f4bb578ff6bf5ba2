//! Making an instance before a call needs it.
//!
//! It owns which instances may be made so: only what acts on nothing while it is
//! made, and says nothing, since no call is there to answer for it. When one is
//! made is for `ready` to say.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use wasmtime::Store;

use crate::call::{Change, RequestEvent, RequestSink};
use crate::exports::{quick, sliced};
use crate::plugin::Inner;
use crate::ready::{Filling, Made};
use crate::state::{Current, State};

/// Ticks that an instance in one go may take to be made. It is made on a thread
/// that gives way to all others, and yields to nobody while it is at it.
const TICKS_MAX: u64 = 100;

/// An instance of one kind, as it is made ahead of a call.
pub(crate) trait MadeAhead: Sized {
    /// Has instances of this plugin made by the threads for long calls.
    fn fill(inner: &Arc<Inner>, filling: Filling<Self>);
}

impl MadeAhead for quick::Bound {
    fn fill(inner: &Arc<Inner>, filling: Filling<Self>) {
        let plugin = inner.clone();
        let make = move || std::future::ready(plugin.make_quick());
        inner.engine.inner().long_lane.spawn(filling.fill(make));
    }
}

impl MadeAhead for sliced::Bound {
    fn fill(inner: &Arc<Inner>, filling: Filling<Self>) {
        let plugin = inner.clone();
        let make = move || plugin.clone().make_sliced();
        inner.engine.inner().long_lane.spawn(filling.fill(make));
    }
}

impl Inner {
    fn make_quick(&self) -> wasmtime::Result<Made<quick::Bound>> {
        let Some(quick) = &self.quick else {
            return Err(wasmtime::Error::msg("it is not called in one go"));
        };
        let _busy = self.engine.inner().ticker.busy();
        let unheard = Arc::new(Unheard::default());
        let deadline = Instant::now() + self.limits.deadline;
        let call = Current::in_one_go(unheard.clone(), deadline, &self.limits);
        let mut store = self.new_store();
        self.begin(&mut store, call, self.limits.fuel)?;
        store.set_epoch_deadline(TICKS_MAX);
        let instance = quick.pre.instantiate(&mut store)?.into();
        made(store, instance, &unheard)
    }

    async fn make_sliced(self: Arc<Self>) -> wasmtime::Result<Made<sliced::Bound>> {
        let _busy = self.engine.inner().ticker.busy();
        let unheard = Arc::new(Unheard::default());
        let deadline = Instant::now() + self.limits.deadline;
        let long = Arc::new(AtomicBool::new(false));
        let call = Current::in_slices(unheard.clone(), None, deadline, long, &self.limits);
        let mut store = self.new_store();
        self.begin(&mut store, call, self.limits.fuel)?;
        let instance = self.sliced.pre.instantiate_async(&mut store).await?.into();
        made(store, instance, &unheard)
    }
}

/// An instance to which nothing has happened yet.
fn made<Bound>(
    mut store: Store<State>,
    instance: Bound,
    unheard: &Unheard,
) -> wasmtime::Result<Made<Bound>> {
    if unheard.spoke.load(Ordering::Relaxed) {
        let spoke = "it says something while it is made, which is for a call to hear";
        return Err(wasmtime::Error::msg(spoke));
    }
    store.data_mut().end();
    let fuel_left = store.get_fuel()?;
    Ok(Made {
        store,
        instance,
        fuel_left,
    })
}

/// Notes that something was said where nobody listens.
#[derive(Default)]
struct Unheard {
    spoke: AtomicBool,
}

impl Unheard {
    fn note(&self) {
        self.spoke.store(true, Ordering::Relaxed);
    }
}

impl RequestSink for Unheard {
    fn emit(&self, _event: RequestEvent) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.note();
        Box::pin(std::future::ready(()))
    }
    fn changed(&self, _change: Change) {
        self.note();
    }
    fn panicked(&self, _message: &str) {
        self.note();
    }
    fn is_cancelled(&self) -> bool {
        false
    }
    fn close_stream(&self) {
        self.note();
    }
}
