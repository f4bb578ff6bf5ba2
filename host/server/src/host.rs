//! The host: what every connection shares, and how it starts and stops.
//!
//! It owns the order of starting and stopping. It never looks into a message.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use fusebox_engine::{Change, Engine, EngineConfig, EngineError};
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::Admission;
use crate::buffers::BufferPool;
use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::event_log::LogLimits;
use crate::long_tasks::LongTasks;
use crate::meters::Meters;
use crate::seal::Sealer;
use crate::session::Sessions;

/// Changes that a slow listener may lag behind. One that lags further is told
/// that everything has changed.
const CHANGES_MAX: usize = 64;

/// How long what was told to end has for it.
const LAST_GRACE: Duration = Duration::from_secs(1);

/// What every connection shares.
pub struct Host {
    /// the settings in force
    pub config: Config,
    /// runs wasm
    pub engine: Engine,
    /// what is served; swapped whole by the loader
    pub catalogue: ArcSwap<Catalogue>,
    /// lets calls in
    pub admission: Admission,
    /// seals what handlers leave with modern clients
    pub sealer: Sealer,
    /// legacy HTTP sessions
    pub sessions: Sessions,
    /// who wants to know of changes listens here
    pub changes: broadcast::Sender<Change>,
    /// the paths of the views, and their names
    pub view_paths: Vec<(String, Arc<str>)>,
    /// calls that outlive their request
    pub long_tasks: LongTasks,
    /// what connections read into and write from
    pub buffers: BufferPool,
    /// live figures
    pub meters: Arc<Meters>,
    /// one permit for each connection that may be open
    pub connections: Arc<Semaphore>,
    /// raised when the host begins to stop: take nothing new
    pub stopping: CancellationToken,
    /// raised when the time to stop is over: end what still runs
    pub stopped: CancellationToken,
    /// every connection and every call that outlives its connection
    pub tasks: TaskTracker,
}

/// Why a host can't be made.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The engine didn't start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// There is no key to seal with.
    #[error("the system gave no random bytes: {0}")]
    Random(getrandom::Error),
}

impl Host {
    /// A host that serves nothing yet.
    ///
    /// # Errors
    /// If the engine doesn't start, or the system has no random bytes to give.
    pub fn new(config: Config) -> Result<Arc<Self>, HostError> {
        let start = Instant::now();
        let meters = Arc::new(Meters::new(start));
        let engine = Engine::new(&engine_config(&config))?;
        Ok(Arc::new(Self {
            engine,
            sealer: Sealer::new().map_err(HostError::Random)?,
            catalogue: ArcSwap::from_pointee(Catalogue::default()),
            admission: Admission::new(
                config.engine.max_instances as usize,
                config.message_queue,
                meters.clone(),
            ),
            sessions: Sessions::new(
                config.session.max_sessions,
                config.session.idle_timeout,
                log_limits(&config),
                start,
                meters.clone(),
            ),
            changes: broadcast::Sender::new(CHANGES_MAX),
            view_paths: config
                .views
                .iter()
                .map(|(name, view)| (view.path.clone(), Arc::from(name.as_str())))
                .collect(),
            long_tasks: LongTasks::new(config.tasks.clone()),
            buffers: BufferPool::new(config.buffers.pool_max_bytes),
            meters,
            connections: Arc::new(Semaphore::new(config.max_connections)),
            stopping: CancellationToken::new(),
            stopped: CancellationToken::new(),
            tasks: TaskTracker::new(),
            config,
        }))
    }

    /// Stops: nothing new is taken, what runs may finish until
    /// `shutdown_timeout_ms`, and then ends. True if nothing had to be ended.
    pub async fn stop(&self) -> bool {
        self.stopping.cancel();
        self.tasks.close();
        let finished = tokio::time::timeout(self.config.shutdown_timeout, self.tasks.wait())
            .await
            .is_ok();
        self.stopped.cancel();
        if !finished {
            // Whatever doesn't even take notice ends with the process.
            let _ = tokio::time::timeout(LAST_GRACE, self.tasks.wait()).await;
        }
        finished
    }
}

fn log_limits(config: &Config) -> LogLimits {
    let session = &config.session;
    LogLimits {
        max_events: session.event_log_max_events,
        max_bytes: session.event_log_max_bytes,
        total_max_bytes: session.event_logs_max_bytes,
        keep: session.event_log_keep,
    }
}

fn engine_config(config: &Config) -> EngineConfig {
    let plugins = config.all_limits();
    let defaults = EngineConfig::default();
    EngineConfig {
        max_instances: config.engine.max_instances,
        memory_ceiling_bytes: plugins
            .iter()
            .map(|l| l.memory_max_bytes)
            .max()
            .unwrap_or(0),
        table_ceiling_elements: plugins
            .iter()
            .map(|l| l.table_elements_max)
            .max()
            .unwrap_or(0),
        cache_dir: config.engine.cache_folder(|name| std::env::var_os(name)),
        long_call_threads: match config.engine.long_call_threads {
            0 => defaults.long_call_threads,
            threads => threads,
        },
        ..defaults
    }
}
