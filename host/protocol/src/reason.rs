//! The host's own refusals: the one table from which the wire, the metrics,
//! the breakers and the book take what they say.
//!
//! Owns the codes -32000..-32019, their names and what follows from them. The
//! codes that MCP and JSON-RPC define are in [`crate::error`].

use std::borrow::Cow;

use serde::{Serialize, Serializer};

/// Who has to act so that the call succeeds the next time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// whoever sent the request
    Caller,
    /// whoever wrote the plugin
    Plugin,
    /// nobody: the host is busy or stopping
    Host,
    /// whoever runs the host
    Operator,
}

/// Why the host itself ends or refuses a request.
// -32002 is left out on purpose: older versions of MCP gave it a meaning, and
// 2026-07-28 forbids it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// -32000
    Overloaded,
    /// -32001
    RateLimited,
    /// -32003
    BreakerOpen,
    /// -32004
    OutOfFuel,
    /// -32005
    DeadlineExceeded,
    /// -32006
    MemoryLimit,
    /// -32007
    Trapped,
    /// -32008
    InvalidPluginOutput,
    /// -32009
    PluginUnavailable,
    /// -32010
    ShuttingDown,
    /// -32011
    OutputLimit,
    /// -32012
    LogLimit,
    /// -32013
    StackOverflow,
    /// -32014
    Panicked,
    /// -32015
    DeniedCapability,
    /// -32016
    TaskStoreUnavailable,
    /// -32017
    Interrupted,
    /// -32018
    ConnectionLost,
    /// -32019
    Unauthenticated,
}

/// One line of the table.
struct Row {
    code: i64,
    name: &'static str,
    blame: Blame,
    retryable: bool,
    fault: bool,
}

const fn row(code: i64, name: &'static str, blame: Blame) -> Row {
    Row {
        code,
        name,
        blame,
        retryable: false,
        fault: false,
    }
}

impl Row {
    /// A fault of the plugin: it counts against the breaker.
    const fn fault(self) -> Self {
        Self {
            fault: true,
            ..self
        }
    }

    /// The same call may succeed later.
    const fn retryable(self) -> Self {
        Self {
            retryable: true,
            ..self
        }
    }
}

impl Reason {
    /// Every reason, in the order of the codes.
    pub const ALL: [Self; 19] = [
        Self::Overloaded,
        Self::RateLimited,
        Self::BreakerOpen,
        Self::OutOfFuel,
        Self::DeadlineExceeded,
        Self::MemoryLimit,
        Self::Trapped,
        Self::InvalidPluginOutput,
        Self::PluginUnavailable,
        Self::ShuttingDown,
        Self::OutputLimit,
        Self::LogLimit,
        Self::StackOverflow,
        Self::Panicked,
        Self::DeniedCapability,
        Self::TaskStoreUnavailable,
        Self::Interrupted,
        Self::ConnectionLost,
        Self::Unauthenticated,
    ];

    const fn row(self) -> Row {
        use Blame::{Caller, Host, Operator, Plugin};
        match self {
            Self::Overloaded => row(-32000, "overloaded", Host).retryable(),
            Self::RateLimited => row(-32001, "rate_limited", Caller).retryable(),
            Self::BreakerOpen => row(-32003, "breaker_open", Plugin).retryable(),
            Self::OutOfFuel => row(-32004, "out_of_fuel", Plugin).fault(),
            Self::DeadlineExceeded => row(-32005, "deadline_exceeded", Plugin).fault(),
            Self::MemoryLimit => row(-32006, "memory_limit", Plugin).fault(),
            Self::Trapped => row(-32007, "trapped", Plugin).fault(),
            Self::InvalidPluginOutput => row(-32008, "invalid_plugin_output", Plugin).fault(),
            Self::PluginUnavailable => row(-32009, "plugin_unavailable", Operator).retryable(),
            Self::ShuttingDown => row(-32010, "shutting_down", Host).retryable(),
            Self::OutputLimit => row(-32011, "output_limit", Plugin).fault(),
            Self::LogLimit => row(-32012, "log_limit", Plugin).fault(),
            Self::StackOverflow => row(-32013, "stack_overflow", Plugin).fault(),
            Self::Panicked => row(-32014, "panicked", Plugin).fault(),
            Self::DeniedCapability => row(-32015, "denied_capability", Operator).fault(),
            Self::TaskStoreUnavailable => {
                row(-32016, "task_store_unavailable", Operator).retryable()
            }
            Self::Interrupted => row(-32017, "interrupted", Host).retryable(),
            Self::ConnectionLost => row(-32018, "connection_lost", Operator).retryable(),
            Self::Unauthenticated => row(-32019, "unauthenticated", Caller),
        }
    }

    /// The JSON-RPC error code.
    pub const fn code(self) -> i64 {
        self.row().code
    }

    /// What `data.reason` says, in snake case.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// Who has to act.
    pub const fn blame(self) -> Blame {
        self.row().blame
    }

    /// Whether the same call may succeed later, with nothing changed.
    pub const fn retryable(self) -> bool {
        self.row().retryable
    }

    /// Whether it counts against the breaker of the tool.
    pub const fn counts_as_fault(self) -> bool {
        self.row().fault
    }

    /// One sentence or two for whoever meets the error.
    pub const fn what_it_means(self) -> &'static str {
        match self {
            Self::Overloaded => {
                "The host has as much work as it can do; try again after \
                 `retryAfterMs`."
            }
            Self::RateLimited => {
                "This caller sends more than it is allowed to; slow down, and try again \
                 after `retryAfterMs`."
            }
            Self::BreakerOpen => {
                "This tool failed several times in a row and rests; the call was not \
                 tried. Try again after `retryAfterMs`."
            }
            Self::OutOfFuel => "The tool executed more instructions than one call may.",
            Self::DeadlineExceeded => {
                "The tool did not answer within the time that one call may take."
            }
            Self::MemoryLimit => "The tool asked for more memory than one call may use.",
            Self::Trapped => "The tool did something that WebAssembly forbids and was stopped.",
            Self::InvalidPluginOutput => {
                "The tool answered with something that breaks its contract, such as \
                 text that is not JSON."
            }
            Self::PluginUnavailable => "The plugin that has this tool can't be run at the moment.",
            Self::ShuttingDown => "The host is stopping and takes no new calls; connect again.",
            Self::OutputLimit => "The tool answered with more bytes than one call may.",
            Self::LogLimit => "The tool logged more than one call may.",
            Self::StackOverflow => "The tool's calls were nested deeper than its stack allows.",
            Self::Panicked => {
                "The tool's own code gave up (a panic); the host's log has its message."
            }
            Self::TaskStoreUnavailable => {
                "The call would be answered with a task, and tasks can't be kept at the \
                 moment."
            }
            Self::Interrupted => {
                "The host stopped while the task ran; nobody knows how far it came. Call \
                 the tool again."
            }
            Self::ConnectionLost => {
                "`fusebox bridge` lost the host, or can't reach it, and nobody knows \
                 how far the request came."
            }
            Self::Unauthenticated => {
                "Who calls must say who it is, with a key that holds: \
                 `Authorization: Bearer KEY` over HTTP, `fusebox/authenticate` on a \
                 stream of lines."
            }
            Self::DeniedCapability => {
                "The tool used a capability that the operator has not granted to its \
                 plugin."
            }
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What a refusal says beside its code. `data` on the wire is this object with
/// `reason` before it; what is `None` is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusalData {
    /// the plugin concerned
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// its tool
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// milliseconds after which a retry makes sense
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// the value of the limit that was met, in the unit that `key` ends with
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// the key of the configuration that raises the limit
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Cow<'static, str>>,
}
