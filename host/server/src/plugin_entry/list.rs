//! Asking a plugin, under its limits, what it offers.
//!
//! It owns the calls of the list functions at load. It never checks what they
//! answer.

use std::sync::Arc;

use fusebox_engine::contract::types::{Failure, Prompt, Resource, ResourceTemplate, Tool};
use fusebox_engine::{Answer, CallError, Discard, Habit, Invocation};

use super::{EntryError, OFFERS_MAX, PluginCore};
use crate::refusal;

/// `tools.list-tools`
pub(super) async fn tools(core: &PluginCore) -> Result<Vec<Tool>, EntryError> {
    if !core.exports().tools {
        return Ok(Vec::new());
    }
    match ask(core, "tools", Invocation::ListTools).await? {
        Answer::Tools(listed) => bounded("tools", listed),
        other => Err(confused("tools", &other)),
    }
}

/// `resources.list-resources`
pub(super) async fn resources(core: &PluginCore) -> Result<Vec<Resource>, EntryError> {
    if !core.exports().resources {
        return Ok(Vec::new());
    }
    match ask(core, "resources", Invocation::ListResources).await? {
        Answer::Resources(listed) => bounded("resources", listed),
        other => Err(confused("resources", &other)),
    }
}

/// `resources.list-resource-templates`
pub(super) async fn templates(core: &PluginCore) -> Result<Vec<ResourceTemplate>, EntryError> {
    if !core.exports().resources {
        return Ok(Vec::new());
    }
    let what = "resource templates";
    match ask(core, what, Invocation::ListResourceTemplates).await? {
        Answer::ResourceTemplates(listed) => bounded(what, listed),
        other => Err(confused(what, &other)),
    }
}

/// `prompts.list-prompts`
pub(super) async fn prompts(core: &PluginCore) -> Result<Vec<Prompt>, EntryError> {
    if !core.exports().prompts {
        return Ok(Vec::new());
    }
    match ask(core, "prompts", Invocation::ListPrompts).await? {
        Answer::Prompts(listed) => bounded("prompts", listed),
        other => Err(confused("prompts", &other)),
    }
}

async fn ask(
    core: &PluginCore,
    what: &'static str,
    invocation: Invocation,
) -> Result<Answer, EntryError> {
    let completed = core
        .code
        .call(invocation, Arc::new(Discard), None, &Habit::default())
        .await;
    completed.answer.map_err(|error| {
        if let CallError::Fault(fault) = &error {
            tracing::warn!(plugin = core.name, detail = %fault.detail, "a plugin failed while it was loaded");
        }
        let error = match &error {
            CallError::Fault(fault) => refusal::fault_words(&core.settings, &fault.kind),
            error => error.to_string(),
        };
        EntryError::List { what, error }
    })
}

fn bounded<T>(what: &'static str, listed: Result<Vec<T>, Failure>) -> Result<Vec<T>, EntryError> {
    match listed {
        Ok(list) if list.len() > OFFERS_MAX => Err(EntryError::TooMany {
            what,
            count: list.len(),
        }),
        Ok(list) => Ok(list),
        Err(
            Failure::InvalidParams(reason) | Failure::NotFound(reason) | Failure::Failed(reason),
        ) => Err(EntryError::Refused { what, reason }),
    }
}

/// The engine answers each invocation with its own kind.
fn confused(what: &'static str, answer: &Answer) -> EntryError {
    EntryError::Refused {
        what,
        reason: format!("{answer:?} in answer"),
    }
}
