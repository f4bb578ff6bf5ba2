//! Which tools of a plugin are offered, under which names and with which words, as
//! far as the operator says so.
//!
//! It owns what `include`, `exclude` and `[plugins.NAME.tools.TOOL]` lead to. It
//! never asks a plugin.

use std::collections::HashMap;

use fusebox_engine::contract::types::Tool;
use wildmatch::WildMatch;

use super::EntryError;
use crate::config::PluginSettings;

/// The tools that are offered.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) tools: Vec<ChosenTool>,
    /// what the operator said that concerns no tool, as messages show it
    pub(super) unmatched: Vec<String>,
}

/// A tool as clients see it, but for the prefix.
#[derive(Debug)]
pub(super) struct ChosenTool {
    /// what its plugin calls it
    pub(super) own_name: String,
    pub(super) tool: Tool,
}

/// Chooses among the tools that a plugin lists. Patterns are for the names that
/// the plugin itself gives them.
///
/// # Errors
/// If a tool's new name is that of another one.
pub(super) fn choose(settings: &PluginSettings, listed: Vec<Tool>) -> Result<Chosen, EntryError> {
    let include = patterns(&settings.include);
    let exclude = patterns(&settings.exclude);
    let fits = |patterns: &[WildMatch], name: &str| patterns.iter().any(|one| one.matches(name));
    let mut unmatched = Vec::new();
    for (key, patterns) in [("include", &include), ("exclude", &exclude)] {
        let idle = patterns
            .iter()
            .filter(|pattern| !listed.iter().any(|tool| pattern.matches(&tool.name)));
        unmatched.extend(idle.map(|pattern| format!("{}: `{pattern}`", settings.key(key))));
    }
    let offered = listed.into_iter().filter(|tool| {
        (include.is_empty() || fits(&include, &tool.name)) && !fits(&exclude, &tool.name)
    });
    let tools: Vec<ChosenTool> = offered.map(|tool| changed(settings, tool)).collect();
    let idle = settings
        .tools
        .keys()
        .filter(|name| !tools.iter().any(|tool| tool.own_name == **name));
    unmatched.extend(idle.map(|name| settings.tool_table(name)));
    check_new_names(settings, &tools)?;
    Ok(Chosen { tools, unmatched })
}

fn patterns(patterns: &[String]) -> Vec<WildMatch> {
    patterns.iter().map(|one| WildMatch::new(one)).collect()
}

fn changed(settings: &PluginSettings, mut tool: Tool) -> ChosenTool {
    let own_name = tool.name.clone();
    if let Some(said) = settings.tools.get(&own_name) {
        if !said.rename.is_empty() {
            tool.name.clone_from(&said.rename);
        }
        if !said.description.is_empty() {
            tool.description = Some(said.description.clone());
        }
    }
    ChosenTool { own_name, tool }
}

/// Two names that the plugin itself made equal are its own mistake, and told
/// elsewhere; here it is the operator's, who is told which line to change.
fn check_new_names(settings: &PluginSettings, tools: &[ChosenTool]) -> Result<(), EntryError> {
    let mut names: HashMap<&str, &ChosenTool> = HashMap::new();
    for one in tools {
        let Some(other) = names.insert(&one.tool.name, one) else {
            continue;
        };
        let renamed = [one, other]
            .into_iter()
            .find(|tool| tool.own_name != tool.tool.name);
        if let Some(renamed) = renamed {
            let table = settings.tool_table(&renamed.own_name);
            let reason = format!(
                "both `{}` and `{}` have this name; change `{table}.rename`",
                other.own_name, one.own_name
            );
            return Err(EntryError::Offer {
                what: "tool",
                name: one.tool.name.clone(),
                reason,
            });
        }
    }
    Ok(())
}
