//! One loaded plugin: compiled, linked once, and called many times under its
//! limits.
//!
//! It owns what is linked, and which way a call is run: in one go, or in slices. It
//! never decides whether a call may run: admission and breakers have done that before.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use wasmtime::component::{Component, InstancePre, Val};

use crate::call::{Answer, Completed, Invocation, RequestSink, Usage};
use crate::engine::{self, Engine};
use crate::exports::{Exports, quick, sliced};
use crate::fault::{CallError, Fault, FaultKind};
use crate::foreign::{Bounds, Foreign};
use crate::grants::{Capability, Grants};
use crate::habit::Habit;
use crate::instance::{Found, Ran};
use crate::lane::Driven;
use crate::limits::{Isolation, Limits};
use crate::load::{self, LoadError};
use crate::ready::Ready;
use crate::state::{Current, Reach, State};
use crate::warm::Shelf;
use crate::watch::Stage;

/// A shared handle to a loaded plugin.
#[derive(Clone)]
pub struct Plugin {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) limits: Limits,
    /// what it needs from the start
    sizes: load::Sizes,
    /// how much data a call may hand over to the host at once
    pub(crate) handover_max: usize,
    /// none: it asks for nothing that has to be granted, and has no secret
    pub(crate) reach: Option<Arc<Reach>>,
    pub(crate) sliced: Linked<sliced::Indices, sliced::Bound>,
    /// none: it imports what may wait
    pub(crate) quick: Option<Linked<quick::Indices, quick::Bound>>,
}

/// Compiled code, and what it needs from the start.
struct Made {
    component: Component,
    sizes: load::Sizes,
}

/// A component with one kind of imports, and its warm instances.
pub(crate) struct Linked<Indices, Bound> {
    pub(crate) pre: InstancePre<State>,
    pub(crate) indices: Indices,
    pub(crate) shelf: Shelf<Bound>,
    pub(crate) ready: Arc<Ready<Bound>>,
}

impl Plugin {
    /// Loads a plugin to which nothing is granted; see [`Plugin::load_granted`].
    pub fn load(
        engine: &Engine,
        bytes: &[u8],
        limits: Limits,
        isolation: Isolation,
    ) -> Result<Self, LoadError> {
        let nothing = Grants::nothing("plugins.NAME.grants");
        Self::load_granted(engine, bytes, limits, isolation, nothing)
    }

    /// Compiles and links the bytes of a `.wasm` file, a component or a core
    /// module with component metadata. Takes up to seconds of the calling
    /// thread: never call it on a thread that serves.
    pub fn load_granted(
        engine: &Engine,
        bytes: &[u8],
        limits: Limits,
        isolation: Isolation,
        grants: Grants,
    ) -> Result<Self, LoadError> {
        let sizes = load::Sizes::of(bytes);
        sizes.check(&limits)?;
        let parts = engine.inner();
        let compile = || load::compile(&parts.wasmtime, bytes);
        let component = parts.compilers.install(compile)?;
        let foreign = |component: &Component| foreign(&parts.wasmtime, component, bytes, &limits);
        let made = Made { component, sizes };
        Self::link(engine, made, foreign, limits.clone(), isolation, grants)
    }

    /// The same code under other limits, with other grants: for calls that begin with
    /// it. Instances that are warm stay with the one that they belong to.
    ///
    /// # Errors
    /// If it needs more from the start than it may have now.
    pub fn with(
        &self,
        limits: Limits,
        isolation: Isolation,
        grants: Grants,
    ) -> Result<Self, LoadError> {
        let sizes = self.inner.sizes;
        sizes.check(&limits)?;
        let bounds = conversion(&limits);
        let foreign = self.foreign().map(|foreign| Arc::new(foreign.with(bounds)));
        let made = Made {
            component: self.inner.sliced.pre.component().clone(),
            sizes,
        };
        let none = || LoadError::NoExports {
            found: "nothing".to_owned(),
            not_served: Vec::new(),
        };
        let same = move |_: &Component| foreign.ok_or_else(none);
        Self::link(&self.inner.engine, made, same, limits, isolation, grants)
    }

    /// Links compiled code. `foreign` is asked for the functions of a component that
    /// exports nothing of the contract.
    fn link(
        engine: &Engine,
        made: Made,
        foreign: impl FnOnce(&Component) -> Result<Arc<Foreign>, LoadError>,
        limits: Limits,
        isolation: Isolation,
        grants: Grants,
    ) -> Result<Self, LoadError> {
        let Made { component, sizes } = made;
        let parts = engine.inner();
        let pre = parts.linker.instantiate_pre(&component).map_err(mismatch)?;
        let mut indices = sliced::Indices::of(&component, &pre).map_err(mismatch)?;
        let foreign = match indices.exports() == Exports::default() {
            true => Some(foreign(&component)?),
            false => None,
        };
        // What imports more than the contract may wait for something, and then
        // its worker would wait too.
        let quick = match parts.quick_linker.instantiate_pre(&component) {
            Ok(pre) => {
                let mut indices = quick::Indices::of(&component, &pre).map_err(mismatch)?;
                if let Some(foreign) = &foreign {
                    indices.serve(foreign.clone());
                }
                Some(Linked {
                    indices,
                    pre,
                    shelf: Shelf::new(isolation),
                    ready: Ready::new(&parts.ready_places, limits.ready_instances),
                })
            }
            Err(_) => None,
        };
        let mut handover_max = limits.output_max_bytes;
        if let Some(foreign) = foreign {
            handover_max = conversion(&limits).room;
            indices.serve(foreign);
        }
        // Only what can't be called in one go needs instances for slices at once.
        let in_slices = match quick.is_none() && !grants.can_act() {
            true => limits.ready_instances,
            false => 0,
        };
        Ok(Self {
            inner: Arc::new(Inner {
                reach: reach(parts, &component, grants),
                engine: engine.clone(),
                limits,
                sizes,
                handover_max,
                sliced: Linked {
                    pre,
                    indices,
                    shelf: Shelf::new(isolation),
                    ready: Ready::new(&parts.ready_places, in_slices),
                },
                quick,
            }),
        })
    }

    /// Lets go of warm instances that serve nobody any more: their sessions have ended.
    pub fn drop_gone(&self) {
        self.inner.sliced.shelf.drop_gone();
        if let Some(quick) = &self.inner.quick {
            quick.shelf.drop_gone();
        }
    }

    /// Which interfaces it exports.
    pub fn exports(&self) -> Exports {
        self.inner.sliced.indices.exports()
    }

    /// Its functions that are tools, and those that aren't, if it was made for
    /// another host.
    pub fn foreign(&self) -> Option<&Foreign> {
        self.inner.sliced.indices.foreign()
    }

    /// The names of everything it imports, those of the contract included.
    pub fn imports(&self) -> Vec<String> {
        let component = self.inner.sliced.pre.component();
        imports(&self.inner.engine.inner().wasmtime, component)
    }

    /// Takes its secrets out of a text that came from it.
    #[must_use]
    pub fn redact(&self, mut text: String) -> String {
        if let Some(reach) = &self.inner.reach {
            reach.redactor.text(&mut text);
        }
        text
    }

    /// The limits of each of its calls.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Runs one call to its end, its first fault or its deadline: `not_after`, or
    /// the plugin's own from now on if nothing else is said. `habit` is what is
    /// known of this handler.
    ///
    /// A call runs in one go, on the thread of the caller, while that takes less
    /// than a slice and nothing that waits; if it has to, it is given up without a
    /// trace and run again from its beginning, in slices. Dropping the future ends
    /// the call.
    pub async fn call(
        &self,
        invocation: Invocation,
        sink: Arc<dyn RequestSink>,
        not_after: Option<Instant>,
        habit: &Habit,
    ) -> Completed {
        let began = Instant::now();
        let deadline = not_after.unwrap_or_else(|| began + self.inner.limits.deadline);
        let quick = self.inner.quick.as_ref().filter(|_| habit.try_quick());
        let tried = quick.and_then(|quick| {
            let tried = quick.try_call(&self.inner, &invocation, &sink, deadline);
            match tried {
                Some(_) => habit.hit(),
                None => habit.miss(),
            }
            tried
        });
        let (answer, mut usage) = match tried {
            Some(done) => done,
            // Boxed, for few calls come here: the others need not carry it.
            None => Box::pin(self.call_in_slices(invocation, sink, deadline)).await,
        };
        usage.elapsed = began.elapsed();
        Completed { answer, usage }
    }

    async fn call_in_slices(
        &self,
        invocation: Invocation,
        sink: Arc<dyn RequestSink>,
        deadline: Instant,
    ) -> (Result<Answer, CallError>, Usage) {
        let long = Arc::new(AtomicBool::new(false));
        let inner = self.inner.clone();
        let run = inner.run_in_slices(invocation, sink, deadline, long.clone());
        let lane = &self.inner.engine.inner().long_lane;
        match lane.drive(Box::pin(run), long, deadline).await {
            Driven::Done(done) => done,
            Driven::DeadlinePassed => (Err(deadline_passed()), Usage::default()),
            Driven::Panicked(words) => (Err(host_panic(words)), Usage::default()),
        }
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin")
            .field("exports", &self.exports())
            .field("limits", &self.inner.limits)
            .finish_non_exhaustive()
    }
}

impl Inner {
    async fn run_in_slices(
        self: Arc<Self>,
        invocation: Invocation,
        sink: Arc<dyn RequestSink>,
        deadline: Instant,
        long: Arc<AtomicBool>,
    ) -> (Result<Answer, CallError>, Usage) {
        let _busy = self.engine.inner().ticker.busy();
        let Linked {
            pre,
            indices,
            shelf,
            ..
        } = &self.sliced;
        let whose = shelf.whose(&invocation, &sink);
        let Found {
            mut store,
            instance,
            calls,
            fuel,
        } = self.check_out(&self.sliced, &whose);
        let caller = invocation.caller().map(str::to_owned);
        let call = Current::in_slices(sink.clone(), caller, deadline, long, &self.limits);
        let result = async {
            self.begin(&mut store, call, fuel)?;
            let mut instance = match instance {
                Some(instance) => instance,
                None => {
                    sink.stage(Stage::Instantiate);
                    pre.instantiate_async(&mut store).await?.into()
                }
            };
            sink.stage(Stage::Execute);
            let answer = indices
                .invoke(&mut store, &mut instance, &invocation)
                .await?;
            Ran::Ok((instance, answer))
        }
        .await;
        self.end(shelf, store, (whose, calls), result)
    }
}

/// The tools of a component that was made for another host.
fn foreign(
    engine: &wasmtime::Engine,
    component: &Component,
    file: &[u8],
    limits: &Limits,
) -> Result<Arc<Foreign>, LoadError> {
    let foreign = Foreign::of(engine, component, file, conversion(limits));
    if foreign.functions().next().is_none() {
        return Err(LoadError::NoExports {
            found: load::export_names(engine, component),
            not_served: foreign.not_served().to_vec(),
        });
    }
    Ok(Arc::new(foreign))
}

/// What the host spends on the values of a call of such a component: a value takes
/// many times the memory of a byte, but never more than the plugin itself may have.
fn conversion(limits: &Limits) -> Bounds {
    let largest = limits.output_max_bytes.saturating_mul(size_of::<Val>());
    Bounds {
        room: largest.min(limits.memory_max_bytes),
        output_max: limits.output_max_bytes,
    }
}

fn imports(engine: &wasmtime::Engine, component: &Component) -> Vec<String> {
    let imports = component.component_type();
    let names = imports.imports(engine).map(|(name, _)| name.to_owned());
    names.collect()
}

/// What its stores have to know of its grants; nothing for a plugin that could
/// make no use of any and has no secret to lose.
fn reach(engine: &engine::Inner, component: &Component, grants: Grants) -> Option<Arc<Reach>> {
    let redactor = grants.redactor();
    let names = imports(&engine.wasmtime, component);
    let asks = Capability::of_imports(names.iter().map(String::as_str));
    if asks.is_empty() && redactor.is_idle() {
        return None;
    }
    Some(Arc::new(Reach::new(grants, redactor)))
}

fn mismatch(error: wasmtime::Error) -> LoadError {
    LoadError::Mismatch {
        reason: load::one_line(&error),
    }
}

fn deadline_passed() -> CallError {
    CallError::Fault(Fault {
        kind: FaultKind::Deadline,
        detail: "the deadline passed while the call waited".to_owned(),
    })
}

/// A panic of a host function is the host's mistake, but it ends only this call.
fn host_panic(words: String) -> CallError {
    CallError::Fault(Fault {
        kind: FaultKind::Trapped("the host failed while it served the call".to_owned()),
        detail: words,
    })
}
