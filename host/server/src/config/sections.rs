//! The tables of the configuration as plain types. Holds what `rules` and
//! `validate` have checked; what each key does is said in `fusebox.toml`.

use std::ffi::OsString;
use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::durations::{millis, optional_millis};

/// `[http]`: the Streamable HTTP transport.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// The path of the MCP endpoint.
    pub path: String,
    /// The largest request body.
    pub body_max_bytes: usize,
    /// How long the head of a request may take.
    #[serde(rename = "header_timeout_ms", with = "millis")]
    pub header_timeout: Duration,
    /// How long the body of a request may take.
    #[serde(rename = "body_timeout_ms", with = "millis")]
    pub body_timeout: Duration,
    /// How long a connection may be without a request; none: for ever.
    #[serde(rename = "idle_timeout_ms", with = "optional_millis")]
    pub idle_timeout: Option<Duration>,
    /// The largest head of a request.
    pub head_max_bytes: u32,
    /// Headers of one request.
    pub head_max_fields: usize,
    /// Requests that one HTTP/2 connection may have open.
    pub http2_streams_max: u32,
    /// How often an HTTP/2 client is asked whether it is there; none: never.
    #[serde(rename = "http2_ping_ms", with = "optional_millis")]
    pub http2_ping: Option<Duration>,
    /// How often a quiet event stream gets a comment.
    #[serde(rename = "sse_keep_alive_ms", with = "millis")]
    pub sse_keep_alive: Duration,
    /// How long a client whose stream has ended waits before it comes back.
    #[serde(rename = "sse_retry_ms", with = "millis")]
    pub sse_retry: Duration,
    /// The path of the event stream of HTTP+SSE (2024-11-05); empty: none.
    pub sse_path: String,
    /// The path that takes the messages of HTTP+SSE.
    pub messages_path: String,
    /// `Origin` values that may call, `*` for every one; empty: loopback only.
    pub allowed_origins: Vec<String>,
    /// `Host` values, with or without a port, `*` for every one; empty: loopback
    /// names only on a loopback listener, every name on another.
    pub allowed_hosts: Vec<String>,
}

/// `[stream]`: TCP and stdio, one message on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// The longest line.
    pub frame_max_bytes: usize,
    /// Calls of one connection in flight; reading pauses at it.
    pub calls_in_flight_max: usize,
    /// How long a TCP connection may be idle; none: for ever.
    #[serde(rename = "idle_timeout_ms", with = "optional_millis")]
    pub idle_timeout: Option<Duration>,
}

/// `[buffers]`: what connections read into and write from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Buffers {
    /// Bytes of unused buffers that are kept.
    pub pool_max_bytes: usize,
}

/// `[session]`: sessions of the older protocol versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Sessions kept at once.
    pub max_sessions: usize,
    /// How long a session may be idle.
    #[serde(rename = "idle_timeout_ms", with = "millis")]
    pub idle_timeout: Duration,
    /// How long a question to a user may wait for its answer.
    #[serde(rename = "ask_timeout_ms", with = "millis")]
    pub ask_timeout: Duration,
    /// Events of one session that are kept for a client that comes back.
    pub event_log_max_events: usize,
    /// Bytes of one session's events that are kept.
    pub event_log_max_bytes: usize,
    /// Bytes of all sessions' events that are kept.
    pub event_logs_max_bytes: usize,
    /// How long a stream that has ended, or that nobody reads, is kept.
    #[serde(rename = "event_log_keep_ms", with = "millis")]
    pub event_log_keep: Duration,
}

/// `[socket]`: options of TCP sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Socket {
    /// Connections that the kernel holds ready.
    pub backlog: u32,
    /// `TCP_NODELAY`.
    pub nodelay: bool,
    /// `SO_KEEPALIVE`.
    pub keepalive: bool,
    /// `SO_REUSEADDR`.
    pub reuseaddr: bool,
    /// How long a peer may refuse to read.
    #[serde(rename = "write_timeout_ms", with = "millis")]
    pub write_timeout: Duration,
    /// Bytes of answers that may wait for one connection.
    pub undelivered_max_bytes: usize,
}

/// `[lists]`: what clients are shown of tools, resources and prompts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lists {
    /// Items of one page.
    pub page_size: NonZeroUsize,
    /// How long clients may keep lists whose plugins don't say.
    #[serde(rename = "cache_ttl_ms", with = "millis")]
    pub cache_ttl: Duration,
}

/// `[message_queue]`: calls that wait for their turn.
/// `warn_threshold <= reject_threshold <= max_size`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageQueue {
    /// How many may wait, for the host and for plugins together.
    pub max_size: usize,
    /// From here on the host warns.
    pub warn_threshold: usize,
    /// How many may wait for the host; more are refused.
    pub reject_threshold: usize,
    /// Calls of one connection that run or wait.
    pub connection_max: usize,
}

/// `[backpressure]`: when new calls are refused early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backpressure {
    /// Whether they are at all.
    pub enabled: bool,
    /// Percent of the memory.
    pub memory_threshold: u32,
    /// Percent of the processors' time.
    pub cpu_threshold: u32,
    /// Percent of `message_queue.max_size`.
    pub queue_threshold: u32,
    /// How late a task of a host that keeps up may be.
    #[serde(rename = "lag_threshold_ms", with = "millis")]
    pub lag_threshold: Duration,
    /// How often the figures are taken.
    #[serde(rename = "sample_interval_ms", with = "millis")]
    pub sample_interval: Duration,
}

/// `[result_cache]`: results that are kept for the same call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultCache {
    /// Bytes of all together.
    pub max_bytes: u64,
    /// The largest.
    pub entry_max_bytes: usize,
    /// How long one is kept at most.
    #[serde(rename = "ttl_max_ms", with = "millis")]
    pub ttl_max: Duration,
}

/// `[circuit_breaker]`: one for each handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CircuitBreaker {
    /// Faults in a row that open it.
    pub failure_threshold: NonZeroU32,
    /// How long it stays open.
    #[serde(rename = "timeout_ms", with = "millis")]
    pub timeout: Duration,
    /// Good probes that close it.
    pub half_open_requests: NonZeroU32,
}

/// `[limits]`: what one call, and one plugin, may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Fuel of one call.
    pub fuel: u64,
    /// Wall-clock time of one call, waiting included.
    #[serde(rename = "deadline_ms", with = "millis")]
    pub deadline: Duration,
    /// Linear memory of one instance.
    pub memory_max_bytes: usize,
    /// Entries in all tables of one instance.
    pub table_elements_max: usize,
    /// What one call may return.
    pub output_max_bytes: usize,
    /// What one call may log.
    pub log_max_bytes: usize,
    /// Calls of one plugin that run at once.
    pub concurrent_calls_max: usize,
    /// Calls of one plugin that wait.
    pub queue_max: usize,
    /// Whether instances are used again.
    pub isolation: Isolation,
    /// Calls that one pooled instance serves.
    pub max_calls_per_instance: u32,
    /// Instances that are made before a call needs them, for each worker.
    pub ready_instances: usize,
    /// Whether the host checks arguments before it calls a tool.
    pub validate_arguments: bool,
    /// Whether the host checks what a tool with an output schema answers.
    pub validate_output: bool,
    /// Whether results of tools that allow it are kept.
    pub result_cache: bool,
}

/// What the calls of one plugin share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// Nothing: a fresh instance for each call.
    Call,
    /// Warm instances of one caller each, or one session.
    Caller,
    /// Warm instances, one call at a time each.
    Pooled,
}

/// `[engine]`: the machinery that runs wasm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    /// Instances alive at once.
    pub max_instances: u32,
    /// Whether compiled plugins are kept on disk.
    pub cache: bool,
    /// The folder for them as the file has it, perhaps empty; see
    /// [`Engine::cache_folder`].
    pub cache_dir: PathBuf,
    /// Bytes of compiled functions that are kept in memory; 0: none are.
    pub functions_max_bytes: u64,
    /// Threads for long calls; 0: one for each core.
    pub long_call_threads: usize,
}

impl Engine {
    /// The folder for compiled plugins; none if there is to be no cache, or if
    /// the user has no home. `variable` looks up an environment variable
    /// (`std::env::var_os`).
    pub fn cache_folder(&self, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        if !self.cache {
            return None;
        }
        if !self.cache_dir.as_os_str().is_empty() {
            return Some(self.cache_dir.clone());
        }
        xdg_folder("XDG_CACHE_HOME", ".cache", variable).map(|caches| caches.join("fusebox"))
    }
}

/// A folder of the user's, by the XDG specification: the variable `name`, else
/// `in_home`. A path that is not absolute is to be ignored.
pub(super) fn xdg_folder(
    name: &str,
    in_home: &str,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Option<PathBuf> {
    let absolute = |name| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute(name).or_else(|| absolute("HOME").map(|home| home.join(in_home)))
}

/// `[reload]`: plugins that change while the host runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reload {
    /// Whether the folder is watched.
    pub enabled: bool,
    /// How often it is read through.
    #[serde(rename = "poll_interval_ms", with = "millis")]
    pub poll_interval: Duration,
    /// How long a file must stay the same.
    #[serde(rename = "settle_ms", with = "millis")]
    pub settle: Duration,
    /// The largest plugin file.
    pub file_max_bytes: u64,
    /// Good versions of each plugin that are kept beside the one that serves.
    pub keep_versions: usize,
    /// The folder for them and for orders as the file has it, perhaps empty; see
    /// [`Config::state_folder`](super::Config::state_folder).
    pub state_dir: PathBuf,
}

/// `[tasks]`: calls that outlive their request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tasks {
    /// Whether calls become tasks at all.
    pub enabled: bool,
    /// The file as the configuration has it, perhaps empty; see
    /// [`Tasks::file`].
    pub store: PathBuf,
    /// Tasks kept at once.
    pub max_tasks: u64,
    /// Bytes of all records together.
    pub max_bytes: u64,
    /// How long a task is kept.
    #[serde(rename = "ttl_ms", with = "millis")]
    pub ttl: Duration,
    /// Wall-clock time of one round of a task.
    #[serde(rename = "deadline_ms", with = "millis")]
    pub deadline: Duration,
    /// How often clients are told to ask.
    #[serde(rename = "poll_interval_ms", with = "millis")]
    pub poll_interval: Duration,
}

impl Tasks {
    /// The file of the store; none if the user has no home. `variable` looks up
    /// an environment variable (`std::env::var_os`).
    pub fn file(&self, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        if !self.store.as_os_str().is_empty() {
            return Some(self.store.clone());
        }
        xdg_folder("XDG_STATE_HOME", ".local/state", variable)
            .map(|states| states.join("fusebox").join("tasks.redb"))
    }
}

/// `[views.NAME]`: a part of what is offered, at a path of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// Its endpoint.
    pub path: String,
    /// The plugins that it shows; none: all.
    pub plugins: Vec<String>,
    /// Patterns of tools that it shows; none: all of its plugins.
    pub tools: Vec<String>,
    /// The same for resources and templates.
    pub resources: Vec<String>,
    /// The same for prompts.
    pub prompts: Vec<String>,
    /// Patterns of what it doesn't show, of any of these kinds, whatever they say.
    #[serde(default)]
    pub exclude: Vec<String>,
}

/// `[log]`: the host's own log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// The least grave that is shown.
    pub level: LogLevel,
    /// For people or for programs.
    pub format: LogFormat,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// Something failed.
    Error,
    /// Something may fail soon.
    Warn,
    /// What the host does.
    Info,
    /// How it does it.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The name in the file, which is also the one that tracing's filters take.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// What a line of the log looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// The key `host`: an address, or "" for none.
pub(super) mod host {
    use super::{Deserialize, IpAddr};
    use crate::config::listener::parse_host;
    use serde::{Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(
        host: &Option<IpAddr>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match host {
            Some(address) => to.collect_str(address),
            None => to.serialize_str(""),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<IpAddr>, D::Error> {
        let text = String::deserialize(from)?;
        if text.is_empty() {
            return Ok(None);
        }
        parse_host(&text)
            .map(Some)
            .ok_or_else(|| de::Error::custom("not an IP address"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cache: bool, dir: &str, variables: &[(&str, &str)], expected: Option<&str>) {
        let engine = Engine {
            max_instances: 1,
            cache,
            cache_dir: dir.into(),
            functions_max_bytes: 0,
            long_call_threads: 0,
        };
        let look_up = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| OsString::from(value))
        };
        assert_eq!(engine.cache_folder(look_up), expected.map(PathBuf::from));
    }

    #[test]
    fn the_cache_folder_is_the_given_one_or_the_users() {
        let both = [("XDG_CACHE_HOME", "/x"), ("HOME", "/home/u")];
        check(true, "/c", &both, Some("/c"));
        check(true, "", &both, Some("/x/fusebox"));
        check(true, "", &both[1..], Some("/home/u/.cache/fusebox"));
        check(
            true,
            "",
            &[("XDG_CACHE_HOME", "x"), ("HOME", "/u")],
            Some("/u/.cache/fusebox"),
        );
        check(true, "", &[("XDG_CACHE_HOME", ""), ("HOME", "")], None);
        check(true, "", &[], None);
        check(false, "/c", &both, None);
    }
}
