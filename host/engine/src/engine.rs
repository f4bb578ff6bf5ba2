//! One wasmtime engine for the process, with its allocator, its linker, its
//! ticker and its long lane.
//!
//! It owns the runtime's settings. It never loads a plugin by itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rayon::{ThreadPool, ThreadPoolBuilder};
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{
    Cache, CacheConfig, Config, Enabled, InstanceAllocationStrategy, OptLevel,
    PoolingAllocationConfig,
};
use wasmtime_wasi::p2::bindings::LinkOptions;

use crate::contract::{capabilities, quick, sliced, trace};
use crate::functions::{FunctionStore, Kept};
use crate::lane::{LongLane, yield_to_short_calls};
use crate::outbound;
use crate::ready::{self, Places};
use crate::sockets;
use crate::state::State;
use crate::swap;
use crate::ticker::Ticker;

/// Stack of a guest; deeper recursion is a fault.
const WASM_STACK_MAX_BYTES: usize = 512 << 10;

/// Stack of the fiber a guest runs on: the guest's own and room for the host.
const FIBER_STACK_BYTES: usize = 1 << 20;

/// Core instances, tables and memories that one component may bring, on average.
/// A component made by `wit-component` has the author's module and small shims.
const CORE_INSTANCES_PER_COMPONENT: u32 = 4;

/// What a used slot keeps of its linear memory, written over with the plugin's
/// own initial contents, so that the next instance has no page faults.
const KEEP_MEMORY_BYTES: usize = 1 << 20;

/// The same for a table.
const KEEP_TABLE_BYTES: usize = 64 << 10;

/// Files of the compilation cache are dropped when it grows past this.
const CACHE_SIZE_SOFT_MAX_BYTES: u64 = 4 << 30;

/// Settings of an engine.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Instances alive at once, of all plugins together.
    pub max_instances: u32,
    /// Ceiling of every plugin's `memory_max_bytes`.
    pub memory_ceiling_bytes: usize,
    /// Ceiling of every plugin's `table_elements_max`.
    pub table_ceiling_elements: usize,
    /// Where compiled code is kept between runs; none: nowhere.
    pub cache_dir: Option<PathBuf>,
    /// Functions that were compiled in this process, for components that have them too;
    /// none: each component is compiled whole.
    pub functions: Option<Arc<dyn FunctionStore>>,
    /// Threads for calls that compute for longer than a slice.
    pub long_call_threads: usize,
    /// Reset the memory of a used slot page by page, by the kernel's record of
    /// what was written (Linux 6.7 or later; elsewhere it changes nothing). Only
    /// safe while the machine doesn't swap: see [`crate::swap`].
    pub pagemap_scan: bool,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            max_instances: 1000,
            memory_ceiling_bytes: 128 << 20,
            table_ceiling_elements: 20_000,
            cache_dir: None,
            functions: None,
            long_call_threads: std::thread::available_parallelism().map_or(1, usize::from),
            pagemap_scan: swap::is_off(),
        }
    }
}

/// The engine did not start.
#[derive(Debug, thiserror::Error)]
#[error("the wasm engine did not start ({what}): {reason}")]
pub struct EngineError {
    what: &'static str,
    reason: String,
}

impl EngineError {
    fn new(what: &'static str, reason: impl std::fmt::Display) -> Self {
        Self {
            what,
            reason: reason.to_string(),
        }
    }
}

/// A shared handle to the engine.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) wasmtime: wasmtime::Engine,
    /// everything that a plugin may import
    pub(crate) linker: Linker<State>,
    /// what a plugin imports whose calls can run in one go
    pub(crate) quick_linker: Linker<State>,
    pub(crate) ticker: Ticker,
    pub(crate) long_lane: LongLane,
    /// compile, and leave the processors to whoever has a call to run
    pub(crate) compilers: ThreadPool,
    pub(crate) max_instances: u32,
    pub(crate) ready_places: Arc<Places>,
    pagemap_scan: bool,
}

impl Engine {
    /// Starts an engine: reserves address space for its instances and starts
    /// the ticker and the long lane.
    pub fn new(config: &EngineConfig) -> Result<Self, EngineError> {
        let wasmtime = wasmtime::Engine::new(&settings(config)?)
            .map_err(|error| EngineError::new("settings", format!("{error:#}")))?;
        let host_functions =
            |error: wasmtime::Error| EngineError::new("host functions", format!("{error:#}"));
        let linker = link(&wasmtime).map_err(host_functions)?;
        let quick_linker = link_quick(&wasmtime).map_err(host_functions)?;
        let weak = wasmtime.weak();
        let ticker = Ticker::start(move || {
            if let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
            }
        })
        .map_err(|error| EngineError::new("epoch thread", error))?;
        let long_lane = LongLane::start(config.long_call_threads.max(1))
            .map_err(|error| EngineError::new("long-call threads", error))?;
        let compilers = ThreadPoolBuilder::new()
            .thread_name(|number| format!("fusebox-compile-{number}"))
            .start_handler(|_| yield_to_short_calls())
            .build()
            .map_err(|error| EngineError::new("compiling threads", error))?;
        Ok(Self {
            inner: Arc::new(Inner {
                wasmtime,
                linker,
                quick_linker,
                ticker,
                long_lane,
                compilers,
                max_instances: config.max_instances,
                ready_places: Arc::new(Places::new(config.max_instances)),
                pagemap_scan: config.pagemap_scan,
            }),
        })
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// Whether used slots are reset page by page although the machine may swap by
    /// now: what one caller wrote might then be seen by the next (see
    /// [`crate::swap`]). Only a restart changes how slots are reset.
    pub fn swaps_unsafely(&self) -> bool {
        self.inner.pagemap_scan && !swap::is_off()
    }

    /// Instances alive now, of all plugins together, but for those that are ready.
    pub fn instances_alive(&self) -> u64 {
        let metrics = self.inner.wasmtime.pooling_allocator_metrics();
        let all = metrics.map_or(0, |metrics| metrics.component_instances());
        all.saturating_sub(self.instances_ready())
    }

    /// Instances that wait for their first call.
    pub fn instances_ready(&self) -> u64 {
        self.inner.ready_places.taken() as u64
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("max_instances", &self.inner.max_instances)
            .finish_non_exhaustive()
    }
}

fn settings(config: &EngineConfig) -> Result<Config, EngineError> {
    let mut settings = Config::new();
    settings
        .cranelift_opt_level(OptLevel::Speed)
        .consume_fuel(true)
        .epoch_interruption(true)
        // An instance serves one call at a time.
        .concurrency_support(false)
        .max_wasm_stack(WASM_STACK_MAX_BYTES)
        .async_stack_size(FIBER_STACK_BYTES)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pooling(config)));
    if let Some(dir) = &config.cache_dir {
        settings.cache(Some(open_cache(dir)?));
    }
    if let Some(store) = &config.functions {
        let store = Arc::new(Kept(Arc::clone(store)));
        settings
            .enable_incremental_compilation(store)
            .map_err(|error| EngineError::new("kept functions", format!("{error:#}")))?;
    }
    Ok(settings)
}

fn pooling(config: &EngineConfig) -> PoolingAllocationConfig {
    // Those that are ready take no slot of a call's.
    let ready = ready::places(config.max_instances);
    let instances = config.max_instances.saturating_add(ready);
    let parts = instances.saturating_mul(CORE_INSTANCES_PER_COMPONENT);
    let mut pooling = PoolingAllocationConfig::new();
    pooling
        .total_component_instances(instances)
        .total_core_instances(parts)
        .total_tables(parts)
        .total_memories(instances.saturating_mul(2))
        .total_stacks(instances)
        .max_memory_size(config.memory_ceiling_bytes)
        .table_elements(config.table_ceiling_elements)
        .table_keep_resident(KEEP_TABLE_BYTES);
    if config.pagemap_scan {
        pooling
            .pagemap_scan(Enabled::Auto)
            .linear_memory_keep_resident(KEEP_MEMORY_BYTES);
    }
    pooling
}

fn open_cache(dir: &std::path::Path) -> Result<Cache, EngineError> {
    let mut cache = CacheConfig::new();
    cache
        .with_directory(dir)
        .with_files_total_size_soft_limit(CACHE_SIZE_SOFT_MAX_BYTES)
        .with_cleanup_interval(Duration::from_secs(3600));
    Cache::new(cache).map_err(|error| {
        EngineError::new(
            "compilation cache",
            format!(
                "{}: {error:#}; set `engine.cache_dir` or `engine.cache = false`",
                dir.display()
            ),
        )
    })
}

/// Everything a plugin may import. What has to be granted is there for all, and
/// looks at what its plugin was granted when it is called: without that it finds
/// no file and no environment, and has no request sent, no socket and nothing kept.
fn link(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    let mut options = LinkOptions::default();
    // What a component of JavaScript imports that has sockets, with all else of them.
    options.network_error_code(true);
    wasmtime_wasi::p2::add_to_linker_with_options_async(&mut linker, &options)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    outbound::correct_errors(&mut linker)?;
    sockets::guard(&mut linker)?;
    capabilities::config::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    capabilities::store::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    capabilities::atomics::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    capabilities::batch::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    sliced::request::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    sliced::notifications::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    trace::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    Ok(linker)
}

/// What never waits: the contract, and configuration.
fn link_quick(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    capabilities::config::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    quick::request::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    quick::notifications::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    trace::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    Ok(linker)
}
