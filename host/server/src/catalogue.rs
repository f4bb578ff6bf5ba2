//! The catalogue: which plugins are served and which tools they offer, as one
//! immutable snapshot that is swapped whole.
//!
//! It owns the order, the collisions and the ready-made lists. It never loads a
//! plugin and never changes once it is published.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use fusebox_protocol::{ProtocolVersion, RawJson};

use crate::plugin_entry::{Handler, LoadedPlugin};
use crate::render;

/// A file that is not served, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedFile {
    /// of its bytes, in hex; none if it couldn't be read whole
    pub sha256: Option<String>,
    /// in plain words
    pub reason: String,
}

/// What stands in the folder under one name.
#[derive(Clone, Debug, Default)]
pub struct Slot {
    /// the version that serves
    pub serving: Option<Arc<LoadedPlugin>>,
    /// the newest file, if it can't be served
    pub failed: Option<FailedFile>,
}

/// A tool that is not offered because another plugin has its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collision {
    /// the name both claim
    pub tool: String,
    /// the plugin that keeps it
    pub kept_by: String,
    /// the plugin that doesn't get it
    pub refused_to: String,
}

/// An immutable snapshot of all plugins.
#[derive(Debug, Default)]
pub struct Catalogue {
    slots: BTreeMap<String, Slot>,
    tools: HashMap<String, Arc<Handler>>,
    order: Vec<Arc<Handler>>,
    collisions: Vec<Collision>,
    lists: [OnceLock<Vec<RawJson>>; ProtocolVersion::ALL.len()],
}

impl Catalogue {
    /// Builds a snapshot. Plugins come in the order of their names, tools in the
    /// order in which their plugin lists them; of two that claim one name, the
    /// plugin that comes first keeps it.
    pub fn new(slots: BTreeMap<String, Slot>) -> Self {
        let mut catalogue = Self::default();
        for plugin in slots.values().filter_map(|slot| slot.serving.as_ref()) {
            for handler in &plugin.handlers {
                catalogue.offer(handler);
            }
        }
        catalogue.slots = slots;
        catalogue
    }

    fn offer(&mut self, handler: &Arc<Handler>) {
        let name = &handler.tool.name;
        if let Some(first) = self.tools.get(name) {
            self.collisions.push(Collision {
                tool: name.clone(),
                kept_by: first.core.name.clone(),
                refused_to: handler.core.name.clone(),
            });
            return;
        }
        self.tools.insert(name.clone(), handler.clone());
        self.order.push(handler.clone());
    }

    /// The handler of a tool.
    pub fn tool(&self, name: &str) -> Option<&Arc<Handler>> {
        self.tools.get(name)
    }

    /// Every tool that is offered, in order.
    pub fn handlers(&self) -> &[Arc<Handler>] {
        &self.order
    }

    /// What stands in the folder, by name.
    pub fn slots(&self) -> &BTreeMap<String, Slot> {
        &self.slots
    }

    /// Tools that are not offered because of their name.
    pub fn collisions(&self) -> &[Collision] {
        &self.collisions
    }

    /// The members of `tools` in `tools/list` for a version, made once for a
    /// snapshot.
    pub fn tool_list(&self, version: ProtocolVersion) -> &[RawJson] {
        self.lists[version as usize].get_or_init(|| render::tool_list(&self.order, version))
    }

    /// Whether clients would see other tools than in `older`.
    pub fn lists_other_tools_than(&self, older: &Self) -> bool {
        let newest = ProtocolVersion::V2026_07_28;
        self.tool_list(newest) != older.tool_list(newest)
    }
}
