//! One version of one plugin as it is served: its code, its handlers, and what
//! each handler carries with it (fuse, counters, header rules).
//!
//! It owns what belongs to a version and dies with it. It never loads one and
//! never runs a call.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use fusebox_engine::contract::types::{TaskSupport, Tool};
use fusebox_engine::{
    Answer, CallError, Discard, Engine, Invocation, Isolation, Limits, LoadError,
};
use fusebox_protocol::header_params::HeaderParams;
use fusebox_protocol::{JsonKind, RawJson};
use tokio::sync::Semaphore;

use crate::breaker::Breaker;
use crate::config::{self, CircuitBreaker, PluginSettings};
use crate::meters::HandlerCounters;

/// Tools that one plugin may offer.
const TOOLS_MAX: usize = 1000;

/// Characters of a tool's name.
const TOOL_NAME_MAX_CHARS: usize = 128;

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
    /// its limits, and which key raises each
    pub settings: PluginSettings,
    /// one permit for each call that may run at once
    pub permits: Arc<Semaphore>,
    /// calls that wait for a permit
    pub waiting: AtomicUsize,
    in_flight: AtomicUsize,
}

/// One tool of one version of a plugin.
#[derive(Debug)]
pub struct Handler {
    /// the version it belongs to
    pub core: Arc<PluginCore>,
    /// as the catalogue lists it
    pub tool: ToolInfo,
    /// its fuse
    pub breaker: Arc<Breaker>,
    /// what it has done
    pub counters: HandlerCounters,
    /// which of its arguments travel as HTTP headers too
    pub header_params: HeaderParams,
}

/// A tool whose JSON was checked.
#[derive(Debug)]
#[expect(
    missing_docs,
    reason = "the fields are those of `tool` in wit/plugin.wit"
)]
pub struct ToolInfo {
    pub name: String,
    pub title: Option<String>,
    pub description: Option<String>,
    pub input_schema: RawJson,
    pub output_schema: Option<RawJson>,
    pub annotations: Option<RawJson>,
    pub icons: Option<RawJson>,
    pub task_support: TaskSupport,
    pub meta: Option<RawJson>,
}

/// One version of one plugin.
#[derive(Debug)]
pub struct LoadedPlugin {
    /// what its handlers share
    pub core: Arc<PluginCore>,
    /// in the order in which the plugin lists them
    pub handlers: Vec<Arc<Handler>>,
}

/// Why a file is not served.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// It can't be compiled or linked.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It failed while it listed what it offers.
    #[error("it failed while listing its tools: {0}")]
    List(CallError),
    /// It refused to list what it offers.
    #[error("it refused to list its tools: {0}")]
    Refused(String),
    /// What it lists breaks the contract.
    #[error("tool `{tool}`: {reason}")]
    Tool {
        /// which
        tool: String,
        /// what is wrong with it
        reason: String,
    },
    /// Too many tools.
    #[error("it lists {count} tools; at most {TOOLS_MAX} are served for one plugin")]
    TooMany {
        /// how many
        count: usize,
    },
}

impl LoadedPlugin {
    /// Compiles the bytes of a file and asks it, under its limits, what it
    /// offers. Blocks its thread for as long as the compilation takes.
    pub async fn load(
        engine: &Engine,
        settings: PluginSettings,
        breaker: CircuitBreaker,
        sha256: String,
        bytes: Vec<u8>,
        slots: usize,
    ) -> Result<Self, EntryError> {
        let limits = engine_limits(&settings.limits);
        let isolation = isolation(&settings.limits, slots);
        let compiling = engine.clone();
        let code = tokio::task::spawn_blocking(move || {
            fusebox_engine::Plugin::load(&compiling, &bytes, limits, isolation)
        })
        .await
        .map_err(|panic| LoadError::Invalid {
            reason: format!("the compiler failed: {panic}"),
        })??;
        let tools = list_tools(&code).await?;
        let core = Arc::new(PluginCore {
            name: settings.name.clone(),
            sha256,
            code,
            permits: Arc::new(Semaphore::new(settings.limits.concurrent_calls_max)),
            waiting: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            settings,
        });
        let handlers = handlers(&core, tools, breaker)?;
        Ok(Self { core, handlers })
    }
}

impl PluginCore {
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

/// A call that runs.
#[derive(Debug)]
pub struct InFlight(Arc<PluginCore>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

fn engine_limits(limits: &config::Limits) -> Limits {
    Limits {
        fuel: limits.fuel,
        deadline: limits.deadline,
        memory_max_bytes: limits.memory_max_bytes,
        table_elements_max: limits.table_elements_max,
        output_max_bytes: limits.output_max_bytes,
        log_max_bytes: limits.log_max_bytes,
    }
}

fn isolation(limits: &config::Limits, slots: usize) -> Isolation {
    match limits.isolation {
        config::Isolation::Call => Isolation::Call,
        config::Isolation::Pooled => Isolation::Pooled {
            max_calls_per_instance: limits.max_calls_per_instance,
            idle_max: limits.concurrent_calls_max.min((slots / IDLE_SHARE).max(1)),
        },
    }
}

async fn list_tools(code: &fusebox_engine::Plugin) -> Result<Vec<Tool>, EntryError> {
    if !code.exports().tools {
        return Ok(Vec::new());
    }
    let listed = code
        .call(Invocation::ListTools, Arc::new(Discard), None)
        .await;
    match listed.answer {
        Ok(Answer::Tools(Ok(tools))) if tools.len() > TOOLS_MAX => {
            Err(EntryError::TooMany { count: tools.len() })
        }
        Ok(Answer::Tools(Ok(tools))) => Ok(tools),
        Ok(Answer::Tools(Err(failure))) => Err(EntryError::Refused(format!("{failure:?}"))),
        Ok(other) => Err(EntryError::Refused(format!("{other:?}"))),
        Err(error) => {
            if let CallError::Fault(fault) = &error {
                tracing::warn!(detail = %fault.detail, "a plugin failed while it was loaded");
            }
            Err(EntryError::List(error))
        }
    }
}

fn handlers(
    core: &Arc<PluginCore>,
    tools: Vec<Tool>,
    breaker: CircuitBreaker,
) -> Result<Vec<Arc<Handler>>, EntryError> {
    let mut handlers: Vec<Arc<Handler>> = Vec::with_capacity(tools.len());
    for tool in tools {
        let name = tool.name.clone();
        let fail = |reason: String| EntryError::Tool {
            tool: name.clone(),
            reason,
        };
        if handlers.iter().any(|other| other.tool.name == tool.name) {
            return Err(fail("listed twice".to_owned()));
        }
        let tool = check_tool(tool).map_err(fail)?;
        let header_params = HeaderParams::from_schema(tool.input_schema.as_str())
            .map_err(|error| fail(format!("x-mcp-header: {error}")))?;
        handlers.push(Arc::new(Handler {
            core: core.clone(),
            tool,
            breaker: Breaker::new(breaker),
            counters: HandlerCounters::default(),
            header_params,
        }));
    }
    Ok(handlers)
}

fn check_tool(tool: Tool) -> Result<ToolInfo, String> {
    check_name(&tool.name)?;
    Ok(ToolInfo {
        input_schema: schema("input-schema", tool.input_schema)?,
        output_schema: tool
            .output_schema
            .map(|text| schema("output-schema", text))
            .transpose()?,
        annotations: checked("annotations", tool.annotations, JsonKind::Object)?,
        icons: checked("icons", tool.icons, JsonKind::Array)?,
        meta: checked("meta", tool.meta, JsonKind::Object)?,
        name: tool.name,
        title: tool.title,
        description: tool.description,
        task_support: tool.task_support,
    })
}

fn check_name(name: &str) -> Result<(), String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    if name.is_empty() || name.len() > TOOL_NAME_MAX_CHARS || !name.chars().all(good) {
        return Err(format!(
            "a tool's name is 1 to {TOOL_NAME_MAX_CHARS} of `A-Z a-z 0-9 _ - . /`"
        ));
    }
    Ok(())
}

/// A schema whose top level describes an object.
fn schema(what: &str, text: String) -> Result<RawJson, String> {
    #[derive(serde::Deserialize)]
    struct Top<'a> {
        #[serde(borrow, rename = "type")]
        kind: Option<std::borrow::Cow<'a, str>>,
    }
    let json = of_kind(what, text, JsonKind::Object)?;
    match serde_json::from_str::<Top<'_>>(json.as_str()) {
        Ok(Top { kind: Some(kind) }) if kind == "object" => Ok(json),
        _ => Err(format!(
            "the top level of {what} must have `\"type\": \"object\"`"
        )),
    }
}

fn checked(what: &str, text: Option<String>, kind: JsonKind) -> Result<Option<RawJson>, String> {
    text.map(|text| of_kind(what, text, kind)).transpose()
}

fn of_kind(what: &str, text: String, kind: JsonKind) -> Result<RawJson, String> {
    let json = RawJson::parse(text).map_err(|error| format!("{what} is not JSON: {error}"))?;
    if json.kind() != kind {
        return Err(format!(
            "{what} is {}, and must be {}",
            json.kind().described(),
            kind.described()
        ));
    }
    Ok(json)
}
