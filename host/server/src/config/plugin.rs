//! What the configuration says about one plugin, and which key to name when one
//! of its limits is hit. Enforces no limit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::canary::CanaryChoice;
use super::grants::{GRANTS, Grants};
use super::overlay::{named_table, plugin_key};
use super::sections::Limits;
use super::source::PluginSource;
use super::tools::{TOOLS, ToolSettings};

/// The settings of one plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginSettings {
    /// The plugin: its file without the suffix.
    #[serde(skip)]
    pub name: String,
    /// Whether it is loaded.
    pub enabled: bool,
    /// What stands before the names of its tools and prompts.
    pub prefix: String,
    /// Patterns of its tools that are offered; none: all.
    #[serde(default)]
    pub include: Vec<String>,
    /// Patterns of its tools that are not offered, whatever `include` says.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Whether its new versions get their calls step by step.
    #[serde(default)]
    pub canary: CanaryChoice,
    /// `[plugins.NAME]` over `[limits]`.
    #[serde(flatten)]
    pub limits: Limits,
    /// `[plugins.NAME.tools.TOOL]`, by the names that the plugin gives them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tools: BTreeMap<String, ToolSettings>,
    /// `[plugins.NAME.grants]`
    #[serde(default)]
    pub grants: Grants,
    /// `[plugins.NAME.source]`; none: it is a file in `plugins_dir`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<PluginSource>,
}

impl PluginSettings {
    /// The key that raises `limit` for this plugin alone, such as
    /// `plugins.hello.memory_max_bytes`.
    pub fn key_of(&self, limit: Limit) -> String {
        self.key(limit.key())
    }

    /// A key of this plugin, such as `plugins.hello.include`.
    pub fn key(&self, name: &str) -> String {
        plugin_key(&self.name, name)
    }

    /// The table of one of its tools, such as `plugins.hello.tools.add`.
    pub fn tool_table(&self, tool: &str) -> String {
        named_table(&self.key(TOOLS), tool)
    }

    /// The table with its grants, such as `plugins.hello.grants`.
    pub fn grants_table(&self) -> String {
        plugin_key(&self.name, GRANTS)
    }
}

/// A limit that a call can run into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Instructions.
    Fuel,
    /// Wall-clock time.
    Deadline,
    /// Linear memory.
    Memory,
    /// Table entries.
    TableElements,
    /// Bytes returned.
    Output,
    /// Bytes logged.
    Log,
    /// Calls at once.
    ConcurrentCalls,
    /// Calls waiting.
    Queue,
}

impl Limit {
    /// Its key in `[limits]` and in `[plugins.NAME]`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Fuel => "fuel",
            Self::Deadline => "deadline_ms",
            Self::Memory => "memory_max_bytes",
            Self::TableElements => "table_elements_max",
            Self::Output => "output_max_bytes",
            Self::Log => "log_max_bytes",
            Self::ConcurrentCalls => "concurrent_calls_max",
            Self::Queue => "queue_max",
        }
    }
}
