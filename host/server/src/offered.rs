//! What is offered in one place: everything, or the part of it that a view shows.
//! By name, in order, and as ready-made lists.
//!
//! It owns the lookups and the lists. It never decides which plugins there are,
//! and never changes once it is published.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use fusebox_protocol::reply::{CacheHint, ListKind};
use fusebox_protocol::{ProtocolVersion, RawJson};

use wildmatch::WildMatch;

use crate::config::View;
use crate::listing;
use crate::plugin_entry::{
    Handler, LoadedPlugin, PromptEntry, ResourceEntry, TemplateEntry, ToolEntry,
};
use crate::render;

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

/// What is offered in one place.
#[derive(Debug)]
pub struct Offered {
    tools: Shelf<ToolEntry>,
    resources: Shelf<ResourceEntry>,
    templates: Shelf<TemplateEntry>,
    prompts: Shelf<PromptEntry>,
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

    fn part(&self, shown: impl Fn(&E) -> bool) -> Self {
        let by_name = self.by_name.iter().filter(|(_, entry)| shown(entry));
        Self {
            what: self.what,
            by_name: by_name
                .map(|(name, entry)| (name.clone(), entry.clone()))
                .collect(),
            order: self
                .order
                .iter()
                .filter(|one| shown(one))
                .cloned()
                .collect(),
        }
    }
}

impl Default for Offered {
    fn default() -> Self {
        Self {
            tools: Shelf::new("tool"),
            resources: Shelf::new("resource"),
            templates: Shelf::new("resource template"),
            prompts: Shelf::new("prompt"),
            lists: Default::default(),
        }
    }
}

impl Offered {
    /// Takes what a plugin offers, but for what another one has the name of.
    pub(crate) fn take(&mut self, plugin: &LoadedPlugin) -> Vec<Collision> {
        let offers = &plugin.offers;
        let mut found = Vec::new();
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
        found
    }

    /// The part of it that a view shows, in the same order.
    pub(crate) fn part(&self, view: &View) -> Self {
        Self {
            tools: self
                .tools
                .part(|entry| shows(view, &entry.handler, &view.tools)),
            resources: self
                .resources
                .part(|entry| shows(view, &entry.handler, &view.resources)),
            templates: self
                .templates
                .part(|entry| shows(view, &entry.handler, &view.resources)),
            prompts: self
                .prompts
                .part(|entry| shows(view, &entry.handler, &view.prompts)),
            lists: Default::default(),
        }
    }

    /// How many things of a kind there are.
    pub fn count(&self, kind: ListKind) -> usize {
        match kind {
            ListKind::Tools => self.tools.order.len(),
            ListKind::Resources => self.resources.order.len(),
            ListKind::ResourceTemplates => self.templates.order.len(),
            ListKind::Prompts => self.prompts.order.len(),
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

    /// How long clients may keep a list: as long as all of its items allow. `default`
    /// is for those that say nothing, and for a list without items.
    pub fn list_cache(&self, kind: ListKind, default: CacheHint) -> CacheHint {
        let said = |handler: &Handler| handler.lists.map_or(default, render::cache_hint);
        let hints = self.handlers(kind).into_iter().map(said);
        hints.reduce(CacheHint::stricter).unwrap_or(default)
    }

    /// Whether clients would see another list than in `older`.
    pub fn differs(&self, older: &Self, kind: ListKind) -> bool {
        let newest = ProtocolVersion::V2026_07_28;
        self.list(kind, newest) != older.list(kind, newest)
    }
}

/// Whether a view shows what a handler handles. `patterns` are those for things
/// of its kind.
fn shows(view: &View, handler: &Handler, patterns: &[String]) -> bool {
    let of_plugin = view.plugins.is_empty() || view.plugins.contains(&handler.core.name);
    let fits = |pattern: &String| WildMatch::new(pattern).matches(&handler.name);
    of_plugin
        && (patterns.is_empty() || patterns.iter().any(fits))
        && !view.exclude.iter().any(fits)
}
