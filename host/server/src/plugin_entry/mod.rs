//! One version of one plugin as it is served: its code, what it offers, and the
//! handler (fuse and counters) behind each offer.
//!
//! It owns what belongs to a version and dies with it. It never runs a call of
//! a client.

mod check;
mod choice;
mod list;
mod marks;
mod offer;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fusebox_engine::contract::types;
use fusebox_engine::{Engine, Exports, Habit, Isolation, Limits, LoadError};

pub use offer::{Offers, PromptEntry, ResourceEntry, TemplateEntry, ToolEntry, ToolJson};

use crate::admission::Places;
use crate::asks::{Asks, AsksError, Beside};
use crate::breaker::Breaker;
use crate::config::{self, CircuitBreaker, PluginSettings};
use crate::granter::{GrantError, Granter};
use crate::meters::HandlerCounters;
use crate::metrics::VersionMeter;
use crate::schema::Schema;

/// Things of one kind (tools, resources ...) that one plugin may offer.
const OFFERS_MAX: usize = 1000;

/// Idle instances kept for one plugin in pooled isolation, as a share of all
/// slots: warm instances of one plugin must never starve the others.
const IDLE_SHARE: usize = 8;

/// What all handlers of a version share.
#[derive(Debug)]
pub struct PluginCore {
    /// the plugin's name: its file's name without `.wasm`
    pub name: String,
    /// of the file's bytes, in hex
    pub sha256: String,
    /// the compiled code
    pub code: fusebox_engine::Plugin,
    /// what its author asks the operator for, and what of it isn't granted
    pub asks: Asks,
    /// see `asks`
    pub unmet: Asks,
    /// the text that lay beside its file
    pub beside: Beside,
    /// its limits, and which key raises each
    pub settings: PluginSettings,
    /// one place for each call that may run at once, and the line before it
    pub places: Places,
    /// what its calls take
    pub meter: Arc<VersionMeter>,
    in_flight: AtomicUsize,
}

/// What a handler handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandlerKind {
    /// one tool
    Tool,
    /// one resource
    Resource,
    /// one family of resources
    ResourceTemplate,
    /// one prompt
    Prompt,
    /// all completions of a plugin
    Completion,
}

/// One thing that a version of a plugin can do, with its fuse.
#[derive(Debug)]
pub struct Handler {
    /// the version it belongs to
    pub core: Arc<PluginCore>,
    /// what it handles
    pub kind: HandlerKind,
    /// what clients know it by: a tool's or prompt's name, which the operator may
    /// have changed, with the prefix of its plugin, a resource's address or template
    pub name: String,
    /// what the plugin itself knows it by
    pub own_name: String,
    /// what goes in and comes out, and how; nothing to say if it is no tool
    pub rules: ToolRules,
    /// how long clients may keep lists that it is in, if its plugin says so
    pub lists: Option<types::CacheHint>,
    /// its fuse
    pub breaker: Arc<Breaker>,
    /// what it has done
    pub counters: Arc<HandlerCounters>,
    /// how its calls have run
    pub habit: Habit,
}

/// What a tool takes and answers, as far as the host checks it, and whether it
/// may become a task.
#[derive(Debug, Default)]
pub struct ToolRules {
    /// none: any object is taken, or nobody wants it checked
    pub input: Option<Schema>,
    /// none: it promises nothing, or nobody wants it checked
    pub output: Option<Schema>,
    /// whether its calls become tasks
    pub task: TaskRule,
    /// whether its results are kept
    pub cache: Option<CacheRule>,
}

/// What a tool says of its results, as far as the operator lets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheRule {
    /// how long a result stays good
    pub ttl: Duration,
    /// the same for every caller
    pub shared: bool,
}

/// Whether the calls of a tool become tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TaskRule {
    /// never
    #[default]
    Never,
    /// where the client knows tasks
    Optional {
        /// asks its user first, in the same call
        ask_first: bool,
    },
    /// a modern client that knows no tasks is refused
    Required {
        /// asks its user first, in the same call
        ask_first: bool,
    },
}

/// What a version of a plugin is made of.
#[derive(Debug)]
pub struct PluginFile {
    /// the component, or the module
    pub bytes: Vec<u8>,
    /// of the bytes, in hex
    pub sha256: String,
    /// what lies beside it
    pub beside: Beside,
}

/// One version of one plugin.
#[derive(Debug)]
pub struct LoadedPlugin {
    /// what its handlers share
    pub core: Arc<PluginCore>,
    /// what it offers
    pub offers: Offers,
}

/// Why a file is not served.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// It can't be compiled or linked.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It can't be given what the configuration grants it.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// What it asks its operator for is no good.
    #[error(transparent)]
    Asks(#[from] AsksError),
    /// It needs more from the start than it may have.
    #[error("{error} (raise `{key}`)")]
    TooLarge {
        /// of what, and how much
        error: LoadError,
        /// the key that raises the limit
        key: String,
    },
    /// It failed while it listed what it offers.
    #[error("it failed while listing its {what}: {error}")]
    List {
        /// tools, resources ...
        what: &'static str,
        /// how: which limit, and the key that raises it
        error: String,
    },
    /// It refused to list what it offers.
    #[error("it refused to list its {what}: {reason}")]
    Refused {
        /// tools, resources ...
        what: &'static str,
        /// its own words
        reason: String,
    },
    /// What it lists breaks the contract.
    #[error("{what} `{name}`: {reason}")]
    Offer {
        /// tool, resource ...
        what: &'static str,
        /// which
        name: String,
        /// what is wrong with it
        reason: String,
    },
    /// Too many of a kind.
    #[error("it lists {count} {what}; at most {OFFERS_MAX} are served for one plugin")]
    TooMany {
        /// tools, resources ...
        what: &'static str,
        /// how many
        count: usize,
    },
}

impl LoadedPlugin {
    /// Compiles the bytes of a file and asks it, under its limits, what it
    /// offers. Compiling blocks a thread of its own, never the caller's.
    ///
    /// # Errors
    /// Why the file is not served.
    pub async fn load(
        engine: &Engine,
        granter: &Granter,
        settings: PluginSettings,
        breaker: CircuitBreaker,
        file: PluginFile,
        slots: usize,
    ) -> Result<Self, EntryError> {
        let limits = engine_limits(&settings.limits);
        let isolation = isolation(&settings.limits, slots);
        let grants = granter.grant(&settings).await?;
        let PluginFile {
            bytes,
            sha256,
            beside,
        } = file;
        let (compiling, its, text) = (engine.clone(), settings.clone(), beside.clone());
        let (code, asks) = tokio::task::spawn_blocking(move || {
            let asks = Asks::of_file(&its.name, &bytes, &text)?;
            let code =
                fusebox_engine::Plugin::load_granted(&compiling, &bytes, limits, isolation, grants);
            Ok::<_, EntryError>((code.map_err(|error| refused(&its, error))?, asks))
        })
        .await
        .map_err(|panic| LoadError::Invalid {
            reason: format!("the compiler failed: {panic}"),
        })??;
        let core = Arc::new(PluginCore {
            name: settings.name.clone(),
            sha256,
            code,
            unmet: asks.unmet(&settings),
            asks,
            beside,
            places: Places::new(&settings),
            meter: Arc::default(),
            in_flight: AtomicUsize::new(0),
            settings,
        });
        let fuses = Fuses {
            settings: breaker,
            before: None,
        };
        let offers = offer::ask(&core, fuses).await?;
        Ok(Self { core, offers })
    }

    /// The same version under other settings: its code is linked anew, and it is asked
    /// again what it offers. What its fuses have seen stays.
    ///
    /// # Errors
    /// Why it could not be served so.
    pub async fn with(
        &self,
        granter: &Granter,
        settings: PluginSettings,
        breaker: CircuitBreaker,
        slots: usize,
    ) -> Result<Self, EntryError> {
        let limits = engine_limits(&settings.limits);
        let isolation = isolation(&settings.limits, slots);
        let grants = granter.grant(&settings).await?;
        let code = self.core.code.with(limits, isolation, grants);
        let core = Arc::new(PluginCore {
            name: settings.name.clone(),
            sha256: self.core.sha256.clone(),
            code: code.map_err(|error| refused(&settings, error))?,
            unmet: self.core.asks.unmet(&settings),
            asks: self.core.asks.clone(),
            beside: self.core.beside.clone(),
            places: Places::new(&settings),
            meter: Arc::default(),
            in_flight: AtomicUsize::new(0),
            settings,
        });
        let fuses = Fuses {
            settings: breaker,
            before: Some(self),
        };
        let offers = offer::ask(&core, fuses).await?;
        Ok(Self { core, offers })
    }

    /// Every handler of this version.
    pub fn handlers(&self) -> impl Iterator<Item = &Arc<Handler>> {
        self.offers.handlers()
    }
}

impl Handler {
    fn new(
        core: &Arc<PluginCore>,
        kind: HandlerKind,
        (own_name, shown_name): (String, &str),
        rules: ToolRules,
        lists: Option<types::CacheHint>,
        fuses: Fuses<'_>,
    ) -> Arc<Self> {
        let prefix = match kind {
            HandlerKind::Tool | HandlerKind::Prompt => core.settings.prefix.as_str(),
            _ => "",
        };
        Arc::new(Self {
            core: core.clone(),
            kind,
            name: format!("{prefix}{shown_name}"),
            breaker: fuses.of(kind, &own_name),
            own_name,
            rules,
            lists,
            counters: Arc::default(),
            habit: Habit::default(),
        })
    }

    /// What its fuse is called: tools go by their name; what may have the same name
    /// says what it is.
    pub fn fuse_name(&self) -> String {
        match self.kind {
            HandlerKind::Prompt => format!("prompt {}", self.name),
            _ => self.name.clone(),
        }
    }
}

impl PluginCore {
    /// Which interfaces of the contract its code exports.
    pub fn exports(&self) -> Exports {
        self.code.exports()
    }

    /// Calls that run now.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Counts a call for as long as the guard lives.
    pub fn enter(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self.clone())
    }

    /// When a call that begins now must have ended.
    pub fn deadline(&self, now: Instant) -> Instant {
        now + self.settings.limits.deadline
    }
}

/// The fuses of a version's handlers: new ones, or those of the same handlers before.
#[derive(Clone, Copy)]
struct Fuses<'a> {
    settings: CircuitBreaker,
    before: Option<&'a LoadedPlugin>,
}

impl Fuses<'_> {
    fn of(self, kind: HandlerKind, own_name: &str) -> Arc<Breaker> {
        let mut before = self.before.into_iter().flat_map(LoadedPlugin::handlers);
        let same = before.find(|one| one.kind == kind && one.own_name == own_name);
        same.map_or_else(|| Breaker::new(self.settings), |same| same.breaker.clone())
    }
}

/// A call that runs.
#[derive(Debug)]
pub struct InFlight(Arc<PluginCore>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Names the key where a limit is in the way.
fn refused(settings: &PluginSettings, error: LoadError) -> EntryError {
    let limit = match &error {
        LoadError::Memory { .. } => config::Limit::Memory,
        LoadError::Table { .. } => config::Limit::TableElements,
        _ => return error.into(),
    };
    let key = settings.key_of(limit);
    EntryError::TooLarge { error, key }
}

fn engine_limits(limits: &config::Limits) -> Limits {
    Limits {
        fuel: limits.fuel,
        deadline: limits.deadline,
        memory_max_bytes: limits.memory_max_bytes,
        table_elements_max: limits.table_elements_max,
        output_max_bytes: limits.output_max_bytes,
        log_max_bytes: limits.log_max_bytes,
        ready_instances: limits.ready_instances,
    }
}

fn isolation(limits: &config::Limits, slots: usize) -> Isolation {
    let max_calls_per_instance = limits.max_calls_per_instance;
    let idle_max = limits.concurrent_calls_max.min((slots / IDLE_SHARE).max(1));
    match limits.isolation {
        config::Isolation::Call => Isolation::Call,
        config::Isolation::Caller => Isolation::Caller {
            max_calls_per_instance,
            idle_max,
        },
        config::Isolation::Pooled => Isolation::Pooled {
            max_calls_per_instance,
            idle_max,
        },
    }
}
