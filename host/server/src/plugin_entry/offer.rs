//! What a version of a plugin offers: tools, resources, templates, prompts and
//! completions, checked and with a handler behind each.
//!
//! It owns the entries that the catalogue lists. It never decides which of two
//! plugins gets a name.

use std::sync::Arc;
use std::time::Duration;

use fusebox_engine::contract::types;
use fusebox_protocol::header_params::HeaderParams;
use fusebox_protocol::{JsonKind, RawJson};

use super::choice::{self, ChosenTool};
use super::marks::{self, Marks};
use super::{
    CacheRule, EntryError, Fuses, Handler, HandlerKind, PluginCore, TaskRule, ToolRules, check,
    list,
};
use crate::schema::Schema;
use crate::uri_template::UriTemplate;

/// Everything a version offers, in the order in which the plugin lists it.
#[derive(Debug, Default)]
pub struct Offers {
    /// what can be called
    pub tools: Vec<Arc<ToolEntry>>,
    /// what can be read
    pub resources: Vec<Arc<ResourceEntry>>,
    /// families of what can be read
    pub templates: Vec<Arc<TemplateEntry>>,
    /// what can be filled in
    pub prompts: Vec<Arc<PromptEntry>>,
    /// what completes arguments, if anything does
    pub completion: Option<Arc<Handler>>,
    /// patterns and tables of the configuration that concern no tool of it
    pub unmatched: Vec<String>,
}

/// A tool.
#[derive(Debug)]
pub struct ToolEntry {
    /// its fuse and counters
    pub handler: Arc<Handler>,
    /// as listed
    pub tool: types::Tool,
    /// its JSON, checked
    pub json: ToolJson,
    /// which of its arguments travel as HTTP headers too
    pub header_params: HeaderParams,
}

/// The JSON of a tool.
#[derive(Debug)]
#[expect(
    missing_docs,
    reason = "the fields are those of `tool` in wit/plugin.wit"
)]
pub struct ToolJson {
    pub input_schema: RawJson,
    pub output_schema: Option<RawJson>,
    pub annotations: Option<RawJson>,
    pub icons: Option<RawJson>,
    pub meta: Option<RawJson>,
}

/// A resource.
#[derive(Debug)]
pub struct ResourceEntry {
    /// its fuse and counters
    pub handler: Arc<Handler>,
    /// as listed
    pub resource: types::Resource,
    /// an array, checked
    pub icons: Option<RawJson>,
    /// an object, checked
    pub meta: Option<RawJson>,
}

/// A family of resources.
#[derive(Debug)]
pub struct TemplateEntry {
    /// its fuse and counters
    pub handler: Arc<Handler>,
    /// as listed
    pub template: types::ResourceTemplate,
    /// which addresses belong to it
    pub addresses: UriTemplate,
    /// an array, checked
    pub icons: Option<RawJson>,
    /// an object, checked
    pub meta: Option<RawJson>,
}

/// A prompt.
#[derive(Debug)]
pub struct PromptEntry {
    /// its fuse and counters
    pub handler: Arc<Handler>,
    /// as listed
    pub prompt: types::Prompt,
    /// an array, checked
    pub icons: Option<RawJson>,
    /// an object, checked
    pub meta: Option<RawJson>,
}

impl Offers {
    /// Every handler, kind by kind.
    pub fn handlers(&self) -> impl Iterator<Item = &Arc<Handler>> {
        let tools = self.tools.iter().map(|entry| &entry.handler);
        let resources = self.resources.iter().map(|entry| &entry.handler);
        let templates = self.templates.iter().map(|entry| &entry.handler);
        let prompts = self.prompts.iter().map(|entry| &entry.handler);
        tools
            .chain(resources)
            .chain(templates)
            .chain(prompts)
            .chain(&self.completion)
    }
}

/// Asks a plugin for everything it offers, and checks it.
pub(super) async fn ask(core: &Arc<PluginCore>, fuses: Fuses<'_>) -> Result<Offers, EntryError> {
    let maker = Maker { core, fuses };
    let chosen = choice::choose(&core.settings, list::tools(core).await?)?;
    let resources = list::resources(core).await?;
    let templates = list::templates(core).await?;
    let prompts = list::prompts(core).await?;
    Ok(Offers {
        tools: entries(
            "tool",
            chosen.tools,
            |chosen| &chosen.tool.name,
            |chosen| maker.tool(chosen),
        )?,
        resources: entries(
            "resource",
            resources,
            |resource| &resource.uri,
            |resource| maker.resource(resource),
        )?,
        templates: entries(
            "resource template",
            templates,
            |template| &template.uri_template,
            |template| maker.template(template),
        )?,
        prompts: entries(
            "prompt",
            prompts,
            |prompt| &prompt.name,
            |prompt| maker.prompt(prompt),
        )?,
        completion: core.exports().completions.then(|| {
            let kind = HandlerKind::Completion;
            maker.handler(kind, "completion/complete", Marks::default())
        }),
        unmatched: chosen.unmatched,
    })
}

/// Makes an entry of each listed thing, and refuses one that is listed twice.
fn entries<T, E>(
    what: &'static str,
    listed: Vec<T>,
    name: impl Fn(&T) -> &String,
    make: impl Fn(T) -> Result<E, String>,
) -> Result<Vec<Arc<E>>, EntryError> {
    let mut seen = std::collections::HashSet::new();
    listed
        .into_iter()
        .map(|thing| {
            let name = name(&thing).clone();
            let made = match seen.insert(name.clone()) {
                true => make(thing),
                false => Err("listed twice".to_owned()),
            };
            made.map(Arc::new)
                .map_err(|reason| EntryError::Offer { what, name, reason })
        })
        .collect()
}

/// What clients see of a `_meta`, and what was meant for the host.
fn own(meta: Option<String>) -> Result<(Option<RawJson>, Marks), String> {
    marks::take(check::optional("meta", meta, JsonKind::Object)?)
}

struct Maker<'a> {
    core: &'a Arc<PluginCore>,
    fuses: Fuses<'a>,
}

impl Maker<'_> {
    fn handler(&self, kind: HandlerKind, name: &str, marks: Marks) -> Arc<Handler> {
        self.ruled_handler(kind, (name, name), ToolRules::default(), marks)
    }

    fn ruled_handler(
        &self,
        kind: HandlerKind,
        (own_name, shown_name): (&str, &str),
        rules: ToolRules,
        marks: Marks,
    ) -> Arc<Handler> {
        let lists = marks.list_cache.map(Into::into);
        let names = (own_name.to_owned(), shown_name);
        Handler::new(self.core, kind, names, rules, lists, self.fuses)
    }

    /// Both are compiled whether they are asked or not: a tool whose schema is
    /// none can't be listed.
    fn rules(
        &self,
        json: &ToolJson,
        task: TaskRule,
        cache: Option<types::CacheHint>,
    ) -> Result<ToolRules, String> {
        let input = Schema::compile(json.input_schema.as_str())
            .map_err(|error| format!("input-schema: {error}"))?;
        let output = json
            .output_schema
            .as_ref()
            .map(|schema| Schema::compile(schema.as_str()))
            .transpose()
            .map_err(|error| format!("output-schema: {error}"))?;
        let limits = &self.core.settings.limits;
        // A task has a life of its own, which no kept result has.
        let kept =
            cache.filter(|hint| limits.result_cache && task == TaskRule::Never && hint.ttl_ms > 0);
        Ok(ToolRules {
            task,
            cache: kept.map(|hint| CacheRule {
                ttl: Duration::from_millis(hint.ttl_ms),
                shared: hint.shared,
            }),
            input: input.filter(|_| limits.validate_arguments),
            output: output.flatten().filter(|_| limits.validate_output),
        })
    }

    fn tool(&self, chosen: ChosenTool) -> Result<ToolEntry, String> {
        let ChosenTool { own_name, tool } = chosen;
        check::tool_name(&format!("{}{}", self.core.settings.prefix, tool.name))?;
        let (meta, marks) = own(tool.meta.clone())?;
        let json = ToolJson {
            input_schema: check::object_schema("input-schema", tool.input_schema.clone())?,
            output_schema: check::optional(
                "output-schema",
                tool.output_schema.clone(),
                JsonKind::Object,
            )?,
            annotations: check::optional(
                "annotations",
                tool.annotations.clone(),
                JsonKind::Object,
            )?,
            icons: check::optional("icons", tool.icons.clone(), JsonKind::Array)?,
            meta,
        };
        let ask_first = marks.ask_before_task;
        let task = match tool.task_support {
            types::TaskSupport::Forbidden => TaskRule::Never,
            types::TaskSupport::Optional => TaskRule::Optional { ask_first },
            types::TaskSupport::Required => TaskRule::Required { ask_first },
        };
        let header_params = HeaderParams::from_schema(json.input_schema.as_str())
            .map_err(|error| format!("x-mcp-header: {error}"))?;
        Ok(ToolEntry {
            handler: self.ruled_handler(
                HandlerKind::Tool,
                (&own_name, &tool.name),
                self.rules(&json, task, tool.cache)?,
                marks,
            ),
            tool,
            json,
            header_params,
        })
    }

    fn resource(&self, resource: types::Resource) -> Result<ResourceEntry, String> {
        check::address(&resource.uri)?;
        let (meta, marks) = own(resource.meta.clone())?;
        Ok(ResourceEntry {
            handler: self.handler(HandlerKind::Resource, &resource.uri, marks),
            icons: check::optional("icons", resource.icons.clone(), JsonKind::Array)?,
            meta,
            resource,
        })
    }

    fn template(&self, template: types::ResourceTemplate) -> Result<TemplateEntry, String> {
        check::address(&template.uri_template)?;
        let (meta, marks) = own(template.meta.clone())?;
        Ok(TemplateEntry {
            handler: self.handler(HandlerKind::ResourceTemplate, &template.uri_template, marks),
            addresses: UriTemplate::parse(&template.uri_template)?,
            icons: check::optional("icons", template.icons.clone(), JsonKind::Array)?,
            meta,
            template,
        })
    }

    fn prompt(&self, prompt: types::Prompt) -> Result<PromptEntry, String> {
        check::prompt_name(&prompt.name)?;
        let (meta, marks) = own(prompt.meta.clone())?;
        Ok(PromptEntry {
            handler: self.handler(HandlerKind::Prompt, &prompt.name, marks),
            icons: check::optional("icons", prompt.icons.clone(), JsonKind::Array)?,
            meta,
            prompt,
        })
    }
}
