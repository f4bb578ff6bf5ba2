//! The host: what every connection shares, and how it starts and stops.
//!
//! It owns the order of starting and stopping. It never looks into a message.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};
use fusebox_engine::{Engine, EngineConfig, EngineError};
use fusebox_protocol::ProtocolVersion;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::Admission;
use crate::audit::{Audit, AuditError};
use crate::auth::{Audience, Auth, AuthError, Beliefs, Denied};
use crate::buffers::BufferPool;
use crate::capability_cache::CapabilityCache;
use crate::catalogue::{Catalogue, ViewName};
use crate::changes::Changes;
use crate::compiled::CompiledFunctions;
use crate::config::{self, Config};
use crate::control::Control;
use crate::descriptors::Descriptors;
use crate::event_log::LogLimits;
use crate::granter::Granter;
use crate::journal::Journal;
use crate::log_control::LogControl;
use crate::long_tasks::LongTasks;
use crate::meters::Meters;
use crate::metrics::{Lasting, Metrics};
use crate::origin::Origin;
use crate::plugin_entry::Handler;
use crate::rates::Rates;
use crate::reconfigure::Configuration;
use crate::reply::Outcome;
use crate::result_cache::ResultCache;
use crate::seal::{KEY_BYTES, Sealer};
use crate::session::Sessions;
use crate::signatures::Signatures;
use crate::sources::{FetchError, Sources};
use crate::supervise::{Parts, Watchdog};
use crate::telemetry::{Arrival, Observed, Telemetry};

/// Connections beyond `max_connections` that are answered if they only ask how the
/// host is. Further ones get a refusal and nothing else.
const PROBES_MAX: usize = 32;

/// How long connections that are open may go on asking once another host has taken
/// this one's place: each is told with its next answer that it ends.
const LINGER: Duration = Duration::from_secs(1);

/// How long what was told to end has for it.
const LAST_GRACE: Duration = Duration::from_secs(1);

/// Says what the log shows, whatever the configuration says.
const LOG_VARIABLE: &str = "FUSEBOX_LOG";

/// What every connection shares.
pub struct Host {
    /// the settings that it was started with: what only a start takes in is read here
    pub config: Config,
    /// the settings in force: see [`Host::live`]
    live: ArcSwap<Config>,
    /// the paths of its views, and their names
    view_paths: ArcSwap<Vec<(String, Arc<str>)>>,
    /// how the settings in force came to be
    pub configuration: Configuration,
    /// runs wasm
    pub engine: Engine,
    /// what it has compiled; none: nothing of it is kept in memory
    pub functions: Option<Arc<CompiledFunctions>>,
    /// what plugins are given of what the configuration grants them
    pub granter: Granter,
    /// plugins from elsewhere
    pub sources: Arc<Sources>,
    /// whose plugins are loaded
    pub signatures: Arc<Signatures>,
    /// what is served; swapped whole by the loader
    pub catalogue: ArcSwap<Catalogue>,
    /// orders to the loader, and what it did
    pub control: Control,
    /// lists that were rendered from it
    pub capabilities: CapabilityCache,
    /// results of tools that may be kept
    pub results: ResultCache,
    /// lets calls in
    pub admission: Admission,
    /// how fast they may
    pub rates: Rates,
    /// who called what, for later; none: nobody writes it down
    pub audit: Option<Audit>,
    /// who may call
    pub auth: Arc<Auth>,
    /// seals what handlers leave with modern clients
    pub sealer: Sealer,
    /// legacy HTTP sessions
    pub sessions: Sessions,
    /// who wants to know of changes
    pub changes: Arc<Changes>,
    /// calls that outlive their request
    pub long_tasks: LongTasks,
    /// what connections read into and write from
    pub buffers: BufferPool,
    /// live figures
    pub meters: Arc<Meters>,
    /// who is told of requests; none: nobody
    pub telemetry: Option<Arc<Telemetry>>,
    /// what has happened lately
    pub journal: Journal,
    /// what is counted for `/metrics` alone
    pub(crate) metrics: Metrics,
    /// one permit for each connection that may be open
    pub connections: Arc<Semaphore>,
    /// one permit for each further one that is answered if it only asks how the
    /// host is
    pub probes: Semaphore,
    /// open files that the system allows
    pub descriptors: Descriptors,
    /// raised when the host begins to stop: take nothing new. Its lock is one for
    /// all: a connection waits on a child of its own, and a request asks
    /// [`Host::is_stopping`].
    pub stopping: CancellationToken,
    /// raised when the time to stop is over: end what still runs
    pub stopped: CancellationToken,
    /// raised when connections that say nothing are closed: with `stopping`, and a
    /// moment later if another host takes this one's place
    pub closing: CancellationToken,
    /// raised when no other host has to do with the sockets and the files of this one
    pub alone: CancellationToken,
    stopping_now: AtomicBool,
    handing_over: AtomicBool,
    draining: AtomicBool,
    /// how much the log says, where that can be changed
    pub log: OnceLock<LogControl>,
    /// every connection and every call that outlives its connection
    pub tasks: TaskTracker,
    /// what runs beside them
    pub parts: Arc<Parts>,
    watchdog: OnceLock<Watchdog>,
}

/// Why a host can't be made.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The engine didn't start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// What they do can't be written down.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Callers can't be told apart.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// Certificates for plugins from elsewhere can't be read.
    #[error(transparent)]
    Sources(#[from] FetchError),
    /// There is no key to seal with.
    #[error("the system gave no random bytes: {0}")]
    Random(getrandom::Error),
}

impl Host {
    /// A host that serves nothing yet.
    ///
    /// # Errors
    /// If the engine doesn't start, the file of keys can't be used, or the system has no random bytes to give.
    pub fn new(config: Config, telemetry: Option<Arc<Telemetry>>) -> Result<Arc<Self>, HostError> {
        let sealer = Sealer::new().map_err(HostError::Random)?;
        let host = Self::sealing(config, telemetry, sealer)?;
        host.alone.cancel();
        Ok(host)
    }

    /// A host that takes the place of another, which sealed with this key, and still
    /// runs: until [`Host::stand_alone`] the two take turns with their files.
    ///
    /// # Errors
    /// As [`Host::new`].
    pub fn succeeding(
        config: Config,
        telemetry: Option<Arc<Telemetry>>,
        seal: [u8; KEY_BYTES],
    ) -> Result<Arc<Self>, HostError> {
        let host = Self::sealing(config, telemetry, Sealer::with_key(seal))?;
        host.granter.share();
        host.long_tasks.share_from_the_start();
        Ok(host)
    }

    fn sealing(
        config: Config,
        telemetry: Option<Arc<Telemetry>>,
        sealer: Sealer,
    ) -> Result<Arc<Self>, HostError> {
        let start = Instant::now();
        let meters = Arc::new(Meters::new(start));
        let functions = CompiledFunctions::of(config.engine.functions_max_bytes);
        let engine = Engine::new(&EngineConfig {
            functions: functions.clone().map(|store| store as _),
            ..engine_config(&config)
        })?;
        let descriptors = Descriptors::prepare(config.max_connections);
        let (stopping, tasks) = (CancellationToken::new(), TaskTracker::new());
        Ok(Arc::new(Self {
            engine,
            functions,
            granter: Granter::new(&config.keyvalue),
            rates: Rates::new(&config.rate_limits),
            audit: Audit::open(&config.audit)?,
            auth: Arc::new(Auth::new(&config)?),
            sources: Arc::new(Sources::new(&config)?),
            signatures: Arc::new(Signatures::new(&config.signatures)),
            sealer,
            catalogue: ArcSwap::from_pointee(Catalogue::default()),
            control: Control::default(),
            capabilities: CapabilityCache::new(config.capability_cache_ttl),
            results: ResultCache::new(config.result_cache),
            admission: Admission::new(&config, meters.clone()),
            sessions: Sessions::new(
                config.session.max_sessions,
                config.registry_shards,
                config.session.idle_timeout,
                log_limits(&config),
                start,
                meters.clone(),
            ),
            changes: Changes::new(config.registry_shards),
            long_tasks: LongTasks::new(config.tasks.clone(), config.registry_shards),
            buffers: BufferPool::new(config.buffers.pool_max_bytes),
            metrics: Metrics::new(config.metrics),
            meters,
            telemetry,
            journal: Journal::default(),
            connections: Arc::new(Semaphore::new(descriptors.connections_max)),
            probes: Semaphore::new(PROBES_MAX),
            descriptors,
            parts: Parts::new(start, stopping.clone(), tasks.clone()),
            stopping,
            closing: CancellationToken::new(),
            alone: CancellationToken::new(),
            stopping_now: AtomicBool::new(false),
            handing_over: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            log: OnceLock::new(),
            stopped: CancellationToken::new(),
            view_paths: ArcSwap::from_pointee(view_paths(&config)),
            live: ArcSwap::from_pointee(config.clone()),
            configuration: Configuration::default(),
            tasks,
            watchdog: OnceLock::new(),
            config,
        }))
    }

    /// The settings in force. What can be changed while it runs is read here, each time
    /// that it is needed.
    pub fn live(&self) -> Guard<Arc<Config>> {
        self.live.load()
    }

    /// Puts other settings in force, and whom they let in. Plugins are the loader's.
    pub(crate) fn take(&self, next: Arc<Config>, beliefs: Beliefs) {
        self.admission.set(&next);
        self.rates.set(&next.rate_limits);
        self.view_paths.store(view_paths(&next).into());
        self.set_log_level(&next.log);
        self.live.store(next);
        self.auth.take(beliefs);
    }

    /// Lets the log say more or less, unless the environment has said how much.
    fn set_log_level(&self, log: &config::Log) {
        let is_same = log.level == self.live().log.level;
        if is_same || std::env::var_os(LOG_VARIABLE).is_some() {
            return;
        }
        // A level is a filter: it is taken.
        let set = self
            .log
            .get()
            .map(|control| control.set(log.level.as_str()));
        if let Some(Err(error)) = set {
            tracing::warn!(%error, "the log says as much as before");
        }
    }

    /// The view at a path.
    pub fn view_at(&self, path: &str) -> ViewName {
        let paths = self.view_paths.load();
        let found = paths.iter().find(|(at, _)| at == path);
        found.map(|(_, view)| view.clone())
    }

    /// Checks that a caller may enter the view that it asks.
    ///
    /// # Errors
    /// [`Denied::Entry`] if its role may not.
    pub fn check_entry(&self, audience: &Audience) -> Result<(), Denied> {
        let Some(role) = audience.role() else {
            return Ok(());
        };
        let live = self.live();
        let settings = live.roles.get(&**role);
        match settings.is_some_and(|settings| settings.enters(audience.view.as_deref())) {
            true => Ok(()),
            false => Err(Denied::Entry(role.to_string())),
        }
    }

    /// Begins to observe a request, if anybody wants to know.
    pub(crate) fn observe(&self, arrival: &Arrival<'_>) -> Option<Observed> {
        let telemetry = self.telemetry.as_ref()?;
        Some(telemetry.begin(arrival))
    }

    /// Tells whoever wants to know of a notification that was taken in, in a session with
    /// this id (over HTTP alone) and version.
    pub(crate) fn notified(
        &self,
        arrival: &Arrival<'_>,
        session: Option<(Option<&str>, ProtocolVersion)>,
    ) {
        let Some(observed) = self.observe(arrival) else {
            return;
        };
        if let Some((id, version)) = session {
            observed.in_session(id, version);
        }
        observed.end(Instant::now(), Outcome::Answered);
    }

    /// A session begins with this connection, and lasts until what this gives is dropped.
    pub(crate) fn session_begins(&self, origin: &Origin, version: ProtocolVersion) -> Lasting {
        let times = &self.metrics.sessions;
        Lasting::begin(times, self.telemetry.as_ref(), origin, version)
    }

    /// Begins to observe the run of a task, if the request that began it was recorded.
    pub(crate) fn observe_task(
        &self,
        beginning: Option<&str>,
        handler: &Arc<Handler>,
    ) -> Option<Observed> {
        self.telemetry.as_ref()?.begin_task(beginning?, handler)
    }

    /// Whether it has begun to stop, without a lock.
    pub fn is_stopping(&self) -> bool {
        self.stopping_now.load(Ordering::Relaxed)
    }

    /// Lets the watchdog look after its parts. `alive` is called from time to time, at
    /// least every `every`, while the runtime turns.
    pub(crate) fn watch(&self, every: Option<Duration>, alive: impl Fn() + Send + 'static) {
        self.watchdog
            .get_or_init(|| Watchdog::start(&self.parts, every, alive));
    }

    /// Whether it answers requests with no more than that it stops, without a lock.
    pub fn is_refusing(&self) -> bool {
        self.is_stopping() && !self.handing_over.load(Ordering::Relaxed)
    }

    /// The host before this one has ended: its sockets and files are this one's.
    pub async fn stand_alone(&self) {
        self.granter.keep();
        self.long_tasks.keep().await;
        self.alone.cancel();
    }

    /// Waits until another host has taken this one's place.
    pub(crate) async fn handed_over(&self) {
        self.stopping.cancelled().await;
        if self.is_refusing() {
            std::future::pending().await
        }
    }

    /// Stops for another host that serves already: what comes on connections that are
    /// open is still answered. True if nothing had to be ended.
    pub async fn hand_over(&self) -> bool {
        self.handing_over.store(true, Ordering::Relaxed);
        self.stopping_now.store(true, Ordering::Relaxed);
        self.granter.share();
        self.long_tasks.share().await;
        self.stopping.cancel();
        tokio::time::sleep(LINGER.min(self.config.shutdown_timeout / 2)).await;
        self.stop().await
    }

    /// Whether it takes nobody new: neither connections nor sessions. Whoever is there
    /// is served on.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Lets it take nobody new, or everybody again. True if that is a change.
    pub fn drain(&self, on: bool) -> bool {
        self.draining.swap(on, Ordering::Relaxed) != on
    }

    /// Stops: nothing new is taken, what runs may finish until
    /// `shutdown_timeout_ms`, and then ends. True if nothing had to be ended.
    pub async fn stop(&self) -> bool {
        self.stopping_now.store(true, Ordering::Relaxed);
        self.stopping.cancel();
        self.closing.cancel();
        self.tasks.close();
        let finished = tokio::time::timeout(self.live().shutdown_timeout, self.tasks.wait())
            .await
            .is_ok();
        self.stopped.cancel();
        if !finished {
            // Whatever doesn't even take notice ends with the process.
            let _ = tokio::time::timeout(LAST_GRACE, self.tasks.wait()).await;
        }
        if let Some(audit) = &self.audit {
            audit.close().await;
        }
        finished
    }
}

fn view_paths(config: &Config) -> Vec<(String, Arc<str>)> {
    let views = config.views.iter();
    views
        .map(|(name, view)| (view.path.clone(), Arc::from(name.as_str())))
        .collect()
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

/// The engine that these settings ask for.
pub(crate) fn engine_config(config: &Config) -> EngineConfig {
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
