//! One loaded plugin: compiled, linked once, and called many times under its
//! limits.
//!
//! It owns the life of an instance from check-out to drop. It never decides
//! whether a call may run: admission and breakers have done that before.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use wasmtime::Store;
use wasmtime::component::{Component, InstancePre};

use crate::call::{Answer, Completed, Invocation, RequestSink, Usage};
use crate::contract::{PACKAGE, VERSION, completions, prompts, resources, tools};
use crate::engine::Engine;
use crate::fault::{CallError, Fault, FaultKind, classify};
use crate::lane::Driven;
use crate::limits::{Isolation, Limits};
use crate::load::{self, LoadError};
use crate::state::{State, on_epoch};
use crate::warm::{Shelf, Warm};

/// Ticks until a call counts as long: between one and two milliseconds, since
/// the first tick may be about to come.
const FIRST_SLICE_TICKS: u64 = 2;

/// Which interfaces of the contract a plugin exports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exports {
    /// it has tools
    pub tools: bool,
    /// it has resources
    pub resources: bool,
    /// it has prompts
    pub prompts: bool,
    /// it completes arguments
    pub completions: bool,
}

/// A shared handle to a loaded plugin.
#[derive(Clone)]
pub struct Plugin {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    pre: InstancePre<State>,
    indices: Indices,
    limits: Limits,
    shelf: Shelf,
}

/// Where the exports are, looked up once.
struct Indices {
    tools: Option<tools::GuestIndices>,
    resources: Option<resources::GuestIndices>,
    prompts: Option<prompts::GuestIndices>,
    completions: Option<completions::GuestIndices>,
}

impl Plugin {
    /// Compiles and links the bytes of a `.wasm` file, a component or a core
    /// module with component metadata. Takes up to seconds of the calling
    /// thread: never call it on a thread that serves.
    pub fn load(
        engine: &Engine,
        bytes: &[u8],
        limits: Limits,
        isolation: Isolation,
    ) -> Result<Self, LoadError> {
        let wasmtime = &engine.inner().wasmtime;
        let component = load::compile(wasmtime, bytes)?;
        let pre = engine
            .inner()
            .linker
            .instantiate_pre(&component)
            .map_err(mismatch)?;
        let indices = Indices::of(&component, &pre)?;
        if indices.exports() == Exports::default() {
            return Err(LoadError::NoExports {
                found: load::export_names(wasmtime, &component),
            });
        }
        Ok(Self {
            inner: Arc::new(Inner {
                engine: engine.clone(),
                pre,
                indices,
                limits,
                shelf: Shelf::new(isolation),
            }),
        })
    }

    /// Which interfaces it exports.
    pub fn exports(&self) -> Exports {
        self.inner.indices.exports()
    }

    /// The limits of each of its calls.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Runs one call to its end, its first fault or its deadline: `not_after`, or
    /// the plugin's own from now on if nothing else is said. Runs in place while it is short
    /// and leaves the worker when it is not. Dropping the future ends the call.
    pub async fn call(
        &self,
        invocation: Invocation,
        sink: Arc<dyn RequestSink>,
        not_after: Option<Instant>,
    ) -> Completed {
        let began = Instant::now();
        let deadline = not_after.unwrap_or_else(|| began + self.inner.limits.deadline);
        let long = Arc::new(AtomicBool::new(false));
        let run = self
            .inner
            .clone()
            .run(invocation, sink, deadline, long.clone());
        let lane = &self.inner.engine.inner().long_lane;
        let (answer, mut usage) = match lane.drive(Box::pin(run), long, deadline).await {
            Driven::Done(done) => done,
            Driven::DeadlinePassed => (Err(deadline_passed()), Usage::default()),
            Driven::Panicked(words) => (Err(host_panic(words)), Usage::default()),
        };
        usage.elapsed = began.elapsed();
        Completed { answer, usage }
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
    async fn run(
        self: Arc<Self>,
        invocation: Invocation,
        sink: Arc<dyn RequestSink>,
        deadline: Instant,
        long: Arc<AtomicBool>,
    ) -> (Result<Answer, CallError>, Usage) {
        let _busy = self.engine.inner().ticker.busy();
        let warm = self.shelf.take();
        let (mut store, instance, calls) = match warm {
            Some(warm) => (warm.store, Some(warm.instance), warm.calls),
            None => (self.new_store(), None, 0),
        };
        store.data_mut().begin(sink, deadline, long, &self.limits);
        let result = async {
            store.set_fuel(self.limits.fuel)?;
            store.set_epoch_deadline(FIRST_SLICE_TICKS);
            let instance = match instance {
                Some(instance) => instance,
                None => self.pre.instantiate_async(&mut store).await?,
            };
            let answer = self.invoke(&mut store, &instance, invocation).await?;
            wasmtime::Result::<_>::Ok((instance, answer))
        }
        .await;
        let usage = self.usage(&store);
        let answer = match result {
            Ok((instance, Ok(answer))) => {
                store.data_mut().end();
                self.shelf.put_back(Warm {
                    store,
                    instance,
                    calls: calls + 1,
                });
                Ok(answer)
            }
            Ok((_, Err(error))) => Err(error),
            Err(error) => {
                let slots = self.engine.inner().max_instances;
                Err(classify(&error, store.data().seen(), slots))
            }
        };
        (answer, usage)
    }

    fn new_store(&self) -> Store<State> {
        let mut store = Store::new(&self.engine.inner().wasmtime, State::new(&self.limits));
        store.limiter(|state| &mut state.guard);
        store.epoch_deadline_callback(on_epoch);
        store.set_hostcall_fuel(self.limits.output_max_bytes);
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

    async fn invoke(
        &self,
        mut store: &mut Store<State>,
        instance: &wasmtime::component::Instance,
        invocation: Invocation,
    ) -> wasmtime::Result<Result<Answer, CallError>> {
        /// Loads the guest of an interface, or answers that it isn't exported.
        macro_rules! guest {
            ($interface:ident) => {
                match &self.indices.$interface {
                    Some(indices) => indices.load(&mut store, instance)?,
                    None => {
                        let interface = stringify!($interface);
                        return Ok(Err(CallError::NotExported { interface }));
                    }
                }
            };
        }
        let answer = match invocation {
            Invocation::ListTools => {
                Answer::Tools(guest!(tools).call_list_tools(&mut store).await?)
            }
            Invocation::CallTool {
                name,
                arguments,
                context,
            } => {
                let guest = guest!(tools);
                let called = guest.call_call_tool(&mut store, &name, &arguments, &context);
                Answer::Tool(called.await?)
            }
            Invocation::ListResources => {
                Answer::Resources(guest!(resources).call_list_resources(&mut store).await?)
            }
            Invocation::ListResourceTemplates => {
                let guest = guest!(resources);
                Answer::ResourceTemplates(guest.call_list_resource_templates(&mut store).await?)
            }
            Invocation::ReadResource { uri, context } => {
                let guest = guest!(resources);
                Answer::Resource(guest.call_read_resource(&mut store, &uri, &context).await?)
            }
            Invocation::ListPrompts => {
                Answer::Prompts(guest!(prompts).call_list_prompts(&mut store).await?)
            }
            Invocation::GetPrompt {
                name,
                arguments,
                context,
            } => {
                let guest = guest!(prompts);
                let got = guest.call_get_prompt(&mut store, &name, &arguments, &context);
                Answer::Prompt(got.await?)
            }
            Invocation::Complete {
                reference,
                name,
                value,
                known,
            } => {
                let guest = guest!(completions);
                let completed = guest.call_complete(&mut store, &reference, &name, &value, &known);
                Answer::Completion(completed.await?)
            }
        };
        Ok(Ok(answer))
    }
}

impl Indices {
    fn of(component: &Component, pre: &InstancePre<State>) -> Result<Self, LoadError> {
        /// Looks an interface up: absent is fine, another shape is not.
        macro_rules! indices {
            ($interface:ident) => {{
                let name = format!("{PACKAGE}/{}@{VERSION}", stringify!($interface));
                match component.get_export_index(None, &name) {
                    Some(_) => Some($interface::GuestIndices::new(pre).map_err(mismatch)?),
                    None => None,
                }
            }};
        }
        Ok(Self {
            tools: indices!(tools),
            resources: indices!(resources),
            prompts: indices!(prompts),
            completions: indices!(completions),
        })
    }

    fn exports(&self) -> Exports {
        Exports {
            tools: self.tools.is_some(),
            resources: self.resources.is_some(),
            prompts: self.prompts.is_some(),
            completions: self.completions.is_some(),
        }
    }
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
