//! Which handlers of two versions a client can't tell apart by what it was shown.
//!
//! It owns the rule: a client was shown the old version's lists, so that a call goes
//! to the new version only where it keeps what they promise: the same name, and the
//! same schemas. Words for people may differ. It never calls anything.

use std::collections::HashMap;
use std::sync::Arc;

use fusebox_protocol::RawJson;
use serde_json::Value;

use crate::plugin_entry::{Handler, Offers, PromptEntry, ToolEntry};

/// Pairs of the old version's handlers and the new one's.
pub(super) fn pairs(stable: &Offers, canary: &Offers) -> Vec<(Arc<Handler>, Arc<Handler>)> {
    let mut pairs = Vec::new();
    let mut pair = |old: &Arc<Handler>, new: &Arc<Handler>| pairs.push((old.clone(), new.clone()));
    let tools = by_name(&canary.tools, |one| &one.handler);
    for old in &stable.tools {
        let new = tools.get(old.handler.name.as_str());
        if let Some(new) = new.filter(|new| same_tool(old, new)) {
            pair(&old.handler, &new.handler);
        }
    }
    let resources = by_name(&canary.resources, |one| &one.handler);
    for old in &stable.resources {
        let new = resources.get(old.handler.name.as_str());
        if let Some(new) = new.filter(|new| new.resource.mime_type == old.resource.mime_type) {
            pair(&old.handler, &new.handler);
        }
    }
    let templates = by_name(&canary.templates, |one| &one.handler);
    for old in &stable.templates {
        let new = templates.get(old.handler.name.as_str());
        if let Some(new) = new.filter(|new| new.template.mime_type == old.template.mime_type) {
            pair(&old.handler, &new.handler);
        }
    }
    let prompts = by_name(&canary.prompts, |one| &one.handler);
    for old in &stable.prompts {
        let new = prompts.get(old.handler.name.as_str());
        if let Some(new) = new.filter(|new| arguments(old) == arguments(new)) {
            pair(&old.handler, &new.handler);
        }
    }
    if let (Some(old), Some(new)) = (&stable.completion, &canary.completion) {
        pair(old, new);
    }
    pairs
}

fn by_name<E>(entries: &[Arc<E>], handler: impl Fn(&E) -> &Arc<Handler>) -> HashMap<&str, &Arc<E>> {
    let named = entries.iter();
    named.map(|one| (handler(one).name.as_str(), one)).collect()
}

fn same_tool(old: &ToolEntry, new: &ToolEntry) -> bool {
    let optional = |old: &Option<RawJson>, new: &Option<RawJson>| match (old, new) {
        (Some(old), Some(new)) => same(old, new),
        (old, new) => old.is_none() && new.is_none(),
    };
    same(&old.json.input_schema, &new.json.input_schema)
        && optional(&old.json.output_schema, &new.json.output_schema)
        && old.handler.rules.task == new.handler.rules.task
}

/// Whether two texts say the same: the order of members is nobody's concern.
fn same(old: &RawJson, new: &RawJson) -> bool {
    let value = |raw: &RawJson| serde_json::from_str::<Value>(raw.as_str()).ok();
    old == new || (value(old).is_some() && value(old) == value(new))
}

fn arguments(entry: &PromptEntry) -> Vec<(&str, bool)> {
    let arguments = entry.prompt.arguments.iter();
    arguments
        .map(|one| (one.name.as_str(), one.required))
        .collect()
}
