//! The catalogue: which plugins are served and what they offer, as one immutable
//! snapshot that is swapped whole.
//!
//! It owns the order, the collisions and the ready-made lists. It never loads a
//! plugin and never changes once it is published.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use fusebox_protocol::reply::ListKind;
use fusebox_protocol::{ProtocolVersion, RawJson};

use crate::listing;
use crate::plugin_entry::{
    Handler, LoadedPlugin, PromptEntry, ResourceEntry, TemplateEntry, ToolEntry,
};

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
    /// the configuration switched it off
    pub disabled: bool,
}

/// Something that is not offered because another plugin has its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collision {
    /// tool, resource ...
    pub what: &'static str,
    /// the name both claim
    pub name: String,
    /// the plugin that keeps it
    pub kept_by: String,
    /// the plugin that doesn't get it
    pub refused_to: String,
}

/// The lists of one kind, one for each version, made when first asked for.
type Lists = [OnceLock<Vec<RawJson>>; ProtocolVersion::ALL.len()];

/// One kind of thing that plugins offer: by name, and in order.
#[derive(Debug)]
struct Shelf<E> {
    what: &'static str,
    by_name: HashMap<String, Arc<E>>,
    order: Vec<Arc<E>>,
}

/// An immutable snapshot of all plugins.
#[derive(Debug)]
pub struct Catalogue {
    slots: BTreeMap<String, Slot>,
    tools: Shelf<ToolEntry>,
    resources: Shelf<ResourceEntry>,
    templates: Shelf<TemplateEntry>,
    prompts: Shelf<PromptEntry>,
    collisions: Vec<Collision>,
    lists: [Lists; 4],
}

impl<E> Shelf<E> {
    fn new(what: &'static str) -> Self {
        Self {
            what,
            by_name: HashMap::new(),
            order: Vec::new(),
        }
    }

    /// Takes an entry, unless its name is taken.
    fn offer(&mut self, entry: &Arc<E>, handler: impl Fn(&E) -> &Handler) -> Option<Collision> {
        let name = &handler(entry).name;
        if let Some(first) = self.by_name.get(name) {
            return Some(Collision {
                what: self.what,
                name: name.clone(),
                kept_by: handler(first).core.name.clone(),
                refused_to: handler(entry).core.name.clone(),
            });
        }
        self.by_name.insert(name.clone(), entry.clone());
        self.order.push(entry.clone());
        None
    }
}

impl Default for Catalogue {
    fn default() -> Self {
        Self::new(BTreeMap::new())
    }
}

impl Catalogue {
    /// Builds a snapshot. Plugins come in the order of their names, what they
    /// offer in the order in which they list it; of two that claim one name, the
    /// plugin that comes first keeps it.
    pub fn new(slots: BTreeMap<String, Slot>) -> Self {
        let mut catalogue = Self {
            slots: BTreeMap::new(),
            tools: Shelf::new("tool"),
            resources: Shelf::new("resource"),
            templates: Shelf::new("resource template"),
            prompts: Shelf::new("prompt"),
            collisions: Vec::new(),
            lists: Default::default(),
        };
        for plugin in slots.values().filter_map(|slot| slot.serving.as_ref()) {
            catalogue.take(plugin);
        }
        catalogue.slots = slots;
        catalogue
    }

    fn take(&mut self, plugin: &LoadedPlugin) {
        let offers = &plugin.offers;
        let found = &mut self.collisions;
        for tool in &offers.tools {
            found.extend(self.tools.offer(tool, |entry| &entry.handler));
        }
        for resource in &offers.resources {
            found.extend(self.resources.offer(resource, |entry| &entry.handler));
        }
        for template in &offers.templates {
            found.extend(self.templates.offer(template, |entry| &entry.handler));
        }
        for prompt in &offers.prompts {
            found.extend(self.prompts.offer(prompt, |entry| &entry.handler));
        }
    }

    /// A tool, by its name.
    pub fn tool(&self, name: &str) -> Option<&Arc<ToolEntry>> {
        self.tools.by_name.get(name)
    }

    /// Every tool that is offered, in order.
    pub fn tools(&self) -> &[Arc<ToolEntry>] {
        &self.tools.order
    }

    /// A prompt, by its name.
    pub fn prompt(&self, name: &str) -> Option<&Arc<PromptEntry>> {
        self.prompts.by_name.get(name)
    }

    /// Who reads an address: the resource of that address, or else the first
    /// family that it fits.
    pub fn reader(&self, uri: &str) -> Option<&Arc<Handler>> {
        if let Some(resource) = self.resources.by_name.get(uri) {
            return Some(&resource.handler);
        }
        let mut families = self.templates.order.iter();
        families
            .find(|family| family.addresses.fits(uri))
            .map(|family| &family.handler)
    }

    /// A family, by the text of its template.
    pub fn template(&self, template: &str) -> Option<&Arc<TemplateEntry>> {
        self.templates.by_name.get(template)
    }

    /// The handler that completes arguments for a plugin.
    pub fn completion_of(&self, plugin: &str) -> Option<&Arc<Handler>> {
        let serving = self.slots.get(plugin)?.serving.as_ref()?;
        serving.offers.completion.as_ref()
    }

    /// What stands in the folder, by name.
    pub fn slots(&self) -> &BTreeMap<String, Slot> {
        &self.slots
    }

    /// What is not offered because of its name.
    pub fn collisions(&self) -> &[Collision] {
        &self.collisions
    }

    /// The items of a list for a version, made once for a snapshot.
    pub fn list(&self, kind: ListKind, version: ProtocolVersion) -> &[RawJson] {
        self.lists[kind as usize][version as usize].get_or_init(|| match kind {
            ListKind::Tools => listing::tools(&self.tools.order, version),
            ListKind::Resources => listing::resources(&self.resources.order, version),
            ListKind::ResourceTemplates => listing::templates(&self.templates.order, version),
            ListKind::Prompts => listing::prompts(&self.prompts.order, version),
        })
    }

    /// The handlers behind the items of a list, in the same order.
    pub fn handlers(&self, kind: ListKind) -> Vec<&Handler> {
        fn of<E>(shelf: &Shelf<E>, handler: impl Fn(&E) -> &Handler) -> Vec<&Handler> {
            shelf.order.iter().map(|entry| handler(entry)).collect()
        }
        match kind {
            ListKind::Tools => of(&self.tools, |entry| &entry.handler),
            ListKind::Resources => of(&self.resources, |entry| &entry.handler),
            ListKind::ResourceTemplates => of(&self.templates, |entry| &entry.handler),
            ListKind::Prompts => of(&self.prompts, |entry| &entry.handler),
        }
    }

    /// Whether clients would see another list than in `older`.
    pub fn differs(&self, older: &Self, kind: ListKind) -> bool {
        let newest = ProtocolVersion::V2026_07_28;
        self.list(kind, newest) != older.list(kind, newest)
    }
}
