//! From what a plugin lists to what clients are shown in lists.
//!
//! It owns the translation of list items. It never orders or filters them.

use std::sync::Arc;

use fusebox_protocol::reply::{
    Prompt, PromptArgument, Resource, ResourceTemplate, TaskSupport, Tool,
};
use fusebox_protocol::{ProtocolVersion, RawJson};

use crate::plugin_entry::{PromptEntry, ResourceEntry, TemplateEntry, ToolEntry};
use crate::render::{annotations, audience, link};

/// The members of `tools`.
pub(crate) fn tools(entries: &[Arc<ToolEntry>], version: ProtocolVersion) -> Vec<RawJson> {
    entries
        .iter()
        .filter_map(|entry| tool(entry).render(version).ok())
        .collect()
}

fn tool(entry: &ToolEntry) -> Tool<'_> {
    Tool {
        name: &entry.handler.name,
        title: entry.tool.title.as_deref(),
        description: entry.tool.description.as_deref(),
        input_schema: &entry.json.input_schema,
        output_schema: entry.json.output_schema.as_ref(),
        annotations: entry.json.annotations.as_ref(),
        icons: entry.json.icons.as_ref(),
        // It speaks of the tasks of 2025-11-25, which this host doesn't serve: to
        // clients of that version every tool answers at once.
        task_support: TaskSupport::Forbidden,
        meta: entry.json.meta.as_ref(),
    }
}

/// The members of `resources`.
pub(crate) fn resources(entries: &[Arc<ResourceEntry>], version: ProtocolVersion) -> Vec<RawJson> {
    entries
        .iter()
        .filter_map(|entry| {
            let roles = audience(entry.resource.annotations.as_ref());
            let shown = Resource {
                link: link(&entry.resource, entry.icons.as_ref()),
                annotations: annotations(entry.resource.annotations.as_ref(), &roles),
                meta: entry.meta.as_ref(),
            };
            shown.render(version).ok()
        })
        .collect()
}

/// The members of `resourceTemplates`.
pub(crate) fn templates(entries: &[Arc<TemplateEntry>], version: ProtocolVersion) -> Vec<RawJson> {
    entries
        .iter()
        .filter_map(|entry| {
            let template = &entry.template;
            let roles = audience(template.annotations.as_ref());
            let shown = ResourceTemplate {
                uri_template: &template.uri_template,
                name: &template.name,
                title: template.title.as_deref(),
                description: template.description.as_deref(),
                mime_type: template.mime_type.as_deref(),
                annotations: annotations(template.annotations.as_ref(), &roles),
                icons: entry.icons.as_ref(),
                meta: entry.meta.as_ref(),
            };
            shown.render(version).ok()
        })
        .collect()
}

/// The members of `prompts`.
pub(crate) fn prompts(entries: &[Arc<PromptEntry>], version: ProtocolVersion) -> Vec<RawJson> {
    entries
        .iter()
        .filter_map(|entry| {
            let prompt = &entry.prompt;
            let arguments: Vec<PromptArgument<'_>> = prompt
                .arguments
                .iter()
                .map(|argument| PromptArgument {
                    name: &argument.name,
                    title: argument.title.as_deref(),
                    description: argument.description.as_deref(),
                    required: argument.required,
                })
                .collect();
            let shown = Prompt {
                name: &entry.handler.name,
                title: prompt.title.as_deref(),
                description: prompt.description.as_deref(),
                arguments: &arguments,
                icons: entry.icons.as_ref(),
                meta: entry.meta.as_ref(),
            };
            shown.render(version).ok()
        })
        .collect()
}
