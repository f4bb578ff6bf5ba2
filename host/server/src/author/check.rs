//! What a file is: its exports and imports, what it offers, how long it takes.
//!
//! It owns the report. It never calls a tool.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use fusebox_engine::{Capability, Foreign};
use serde::Serialize;

use super::{Loaded, needs};
use crate::plugin_entry::Offers;
use crate::signatures::SignatureReport;

/// What `fusebox plugin check` says of a file that a host would serve.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    /// as it was given
    pub file: String,
    /// the name a host would know it by
    pub plugin: String,
    /// of the file
    pub bytes: usize,
    /// of the file's bytes, in hex
    pub sha256: String,
    /// whose it is, if the configuration asks
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignatureReport>,
    /// for compiling (or finding it in the cache) and listing, in milliseconds
    pub load_ms: f64,
    /// interfaces of the contract that it exports
    pub exports: Vec<&'static str>,
    /// everything that it imports
    pub imports: Vec<String>,
    /// those that are there, and always empty: the standard streams
    pub empty_imports: Vec<String>,
    /// what it asks for and is granted some of
    pub granted: Vec<&'static str>,
    /// what it asks for and is denied
    pub denied: Vec<&'static str>,
    /// what the runtime of its language imports, and the plugin doesn't ask for
    pub runtime: Vec<&'static str>,
    /// what its author asks the operator for, a line each
    pub asks: Vec<String>,
    /// what of that is not granted
    pub asks_ungranted: Vec<String>,
    /// lines for the configuration that would grant what is denied and asked for
    pub grants_needed: String,
    /// names
    pub tools: Vec<String>,
    /// addresses
    pub resources: Vec<String>,
    /// patterns of addresses
    pub resource_templates: Vec<String>,
    /// names
    pub prompts: Vec<String>,
    /// of a component for other hosts: the function behind each tool
    pub functions: BTreeMap<String, String>,
    /// of such a component: functions that are no tools, and why
    pub not_served: BTreeMap<String, String>,
    /// patterns and tables of the configuration that concern no tool of it
    pub unmatched: Vec<String>,
}

impl Loaded {
    /// Says what the file is.
    pub fn report(&self) -> CheckReport {
        let (core, offers) = (&self.plugin.core, &self.plugin.offers);
        let exports = core.exports();
        let foreign = core.code.foreign();
        let exported = [
            ("tools", exports.tools && foreign.is_none()),
            ("resources", exports.resources),
            ("prompts", exports.prompts),
            ("completions", exports.completions),
        ];
        let imports = core.code.imports();
        let empty = imports.iter().filter(|name| is_empty_world(name));
        let (asked, runtime) = self.asked();
        let (granted, missing) = needs::split(&asked, &core.settings.grants);
        let named = |some: &[Capability]| some.iter().map(|one| needs::name(*one)).collect();
        CheckReport {
            file: self.file.clone(),
            plugin: core.name.clone(),
            bytes: self.bytes,
            sha256: core.sha256.clone(),
            signature: self.verdict.report(),
            load_ms: self.took.as_secs_f64() * 1e3,
            exports: exported
                .into_iter()
                .filter_map(|(name, there)| there.then_some(name))
                .collect(),
            empty_imports: empty.cloned().collect(),
            granted: named(&granted),
            denied: named(&missing),
            runtime: named(&runtime),
            asks: core.asks.lines(),
            asks_ungranted: core.unmet.lines(),
            grants_needed: self.grants_needed(),
            imports,
            tools: names(&offers.tools, |tool| &tool.handler.name),
            resources: names(&offers.resources, |entry| &entry.handler.name),
            resource_templates: names(&offers.templates, |entry| &entry.handler.name),
            prompts: names(&offers.prompts, |prompt| &prompt.handler.name),
            functions: foreign.map_or_else(BTreeMap::new, |foreign| functions(foreign, offers)),
            not_served: foreign
                .into_iter()
                .flat_map(Foreign::not_served)
                .map(|one| (one.function.clone(), one.reason.clone()))
                .collect(),
            unmatched: offers.unmatched.clone(),
        }
    }
}

impl Loaded {
    /// What of the imports the plugin itself wants, and what they bring along without
    /// being wanted, where the file says which.
    fn asked(&self) -> (BTreeSet<Capability>, Vec<Capability>) {
        let imports = self.plugin.core.code.imports();
        let all = Capability::of_imports(imports.iter().map(String::as_str));
        let is_wanted = |capability: &Capability| {
            let name = needs::name(*capability);
            let asks = self.asks.as_ref();
            asks.is_none_or(|asks| asks.iter().any(|one| one == name))
        };
        let (asked, runtime): (BTreeSet<_>, BTreeSet<_>) = all.into_iter().partition(is_wanted);
        (asked, runtime.into_iter().collect())
    }

    /// Lines for the configuration that would grant what it asks for and is denied.
    pub(super) fn grants_needed(&self) -> String {
        let core = &self.plugin.core;
        let (_, missing) = needs::split(&self.asked().0, &core.settings.grants);
        needs::lines(core, &missing)
    }
}

/// The functions behind the tools that are offered, by the names of those.
fn functions(foreign: &Foreign, offers: &Offers) -> BTreeMap<String, String> {
    let functions: BTreeMap<&str, String> = foreign.functions().collect();
    let tools = offers.tools.iter().filter_map(|tool| {
        let function = functions.get(tool.handler.own_name.as_str())?;
        Some((tool.handler.name.clone(), function.clone()))
    });
    tools.collect()
}

/// Whether an import is linked to nothing, and nothing can be granted. Time and
/// random numbers are real.
fn is_empty_world(import: &str) -> bool {
    import.starts_with("wasi:cli/") && Capability::of_import(import).is_none()
}

fn names<T>(entries: &[T], name: impl Fn(&T) -> &str) -> Vec<String> {
    entries.iter().map(|entry| name(entry).to_owned()).collect()
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: a plugin that a host serves", self.file)?;
        let kib = self.bytes as f64 / 1024.0;
        writeln!(f, "  size      {kib:.1} KiB, sha256 {}", self.sha256)?;
        if let Some(SignatureReport { key, reason, .. }) = &self.signature {
            match (key, reason) {
                (Some(key), _) => writeln!(f, "  signature good, by the key {key}")?,
                (None, reason) => {
                    writeln!(
                        f,
                        "  signature none: {}",
                        reason.as_deref().unwrap_or_default()
                    )?;
                }
            }
        }
        writeln!(f, "  loaded    in {:.1} ms", self.load_ms)?;
        let lists: [(&str, String); 10] = [
            ("exports", self.exports.join(", ")),
            ("imports", self.imports.join(", ")),
            ("granted", self.granted.join(", ")),
            ("denied", self.denied.join(", ")),
            ("asks", self.asks.join(", ")),
            ("ungranted", self.asks_ungranted.join(", ")),
            ("tools", self.tools.join(", ")),
            ("resources", self.resources.join(", ")),
            ("templates", self.resource_templates.join(", ")),
            ("prompts", self.prompts.join(", ")),
        ];
        for (title, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
            writeln!(f, "  {title:<9} {list}")?;
        }
        if !self.functions.is_empty() {
            writeln!(
                f,
                "  note      it was made for other hosts; these of its functions are tools:"
            )?;
        }
        for (tool, function) in &self.functions {
            writeln!(f, "            {tool} is {function}")?;
        }
        for (function, reason) in &self.not_served {
            writeln!(f, "            not served: {function}: {reason}")?;
        }
        for unmatched in &self.unmatched {
            writeln!(f, "  note      no tool fits {unmatched}")?;
        }
        if !self.empty_imports.is_empty() {
            writeln!(f, "  note      the standard streams are there, and empty")?;
        }
        if !self.runtime.is_empty() {
            writeln!(
                f,
                "  note      the runtime of its language imports {}; the plugin doesn't ask for it",
                self.runtime.join(" and ")
            )?;
        }
        needs::show(&self.grants_needed, f)
    }
}
