//! `tools/list`: a tool, and a page of tools.
//!
//! Owns how a tool is shown in each version. A tool is rendered once for each
//! version when its plugin is loaded; a page only joins the rendered texts.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::content::In;
use super::results::CacheHint;
use super::{Dialect, begin_result, end_result, entry};
use crate::json::{JsonError, JsonKind, RawJson, member_of};
use crate::version::ProtocolVersion;

/// Whether a call may, or must, be answered as a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskSupport {
    /// never; what a client assumes by itself, so it is not written
    #[default]
    Forbidden,
    /// if the caller asks for it
    Optional,
    /// always
    Required,
}

/// A tool, as `tools/list` shows it. The JSON values are shown as they are.
#[derive(Debug, Clone, Copy)]
pub struct Tool<'a> {
    /// the name it is called by
    pub name: &'a str,
    /// a name for people
    pub title: Option<&'a str>,
    /// what it does, for the model that chooses it
    pub description: Option<&'a str>,
    /// an object whose `type` is `object`
    pub input_schema: &'a RawJson,
    /// an object; older versions are shown it only if its `type` is `object`
    pub output_schema: Option<&'a RawJson>,
    /// an object
    pub annotations: Option<&'a RawJson>,
    /// an array
    pub icons: Option<&'a RawJson>,
    /// whether a call may become a task
    pub task_support: TaskSupport,
    /// an object
    pub meta: Option<&'a RawJson>,
}

impl Tool<'_> {
    /// The tool as one version shows it.
    ///
    /// # Errors
    /// None that a tool of valid JSON can cause.
    pub fn render(&self, version: ProtocolVersion) -> Result<RawJson, JsonError> {
        RawJson::of(&In(version, self))
    }

    /// Whether this version may see the output schema. A legacy client that
    /// sees one insists on structured content, which there must be an object.
    fn shows_output_schema(&self, version: ProtocolVersion) -> bool {
        let gives_object = || {
            self.output_schema
                .filter(|schema| schema.kind() == JsonKind::Object)
                .and_then(|schema| member_of(schema.as_raw(), "type"))
                .is_some_and(|kind| kind.get() == "\"object\"")
        };
        version.is_modern() || (version.has_structured_content() && gives_object())
    }
}

impl Serialize for In<&Tool<'_>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Execution {
            task_support: TaskSupport,
        }
        let Self(version, tool) = *self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", tool.name)?;
        entry(
            &mut map,
            "title",
            tool.title.filter(|_| version.has_structured_content()),
        )?;
        entry(&mut map, "description", tool.description)?;
        map.serialize_entry("inputSchema", tool.input_schema)?;
        entry(
            &mut map,
            "outputSchema",
            tool.output_schema
                .filter(|_| tool.shows_output_schema(version)),
        )?;
        entry(
            &mut map,
            "annotations",
            tool.annotations.filter(|_| version.has_audio()),
        )?;
        entry(
            &mut map,
            "icons",
            tool.icons.filter(|_| version.has_icons()),
        )?;
        if version.has_task_support() && tool.task_support != TaskSupport::Forbidden {
            map.serialize_entry(
                "execution",
                &Execution {
                    task_support: tool.task_support,
                },
            )?;
        }
        entry(
            &mut map,
            "_meta",
            tool.meta.filter(|_| version.has_structured_content()),
        )?;
        map.end()
    }
}

/// What a list lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind {
    /// `tools/list`
    Tools,
    /// `resources/list`
    Resources,
    /// `resources/templates/list`
    ResourceTemplates,
    /// `prompts/list`
    Prompts,
}

impl ListKind {
    /// The member of the result that holds the items.
    pub const fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Resources => "resources",
            Self::ResourceTemplates => "resourceTemplates",
            Self::Prompts => "prompts",
        }
    }
}

/// A page of a list.
#[derive(Debug, Clone, Copy)]
pub struct ListResult<'a> {
    /// for whom
    pub dialect: Dialect<'a>,
    /// of what
    pub kind: ListKind,
    /// what `render` gave for this version, in the order of the catalogue
    pub items: &'a [&'a RawJson],
    /// where the next page begins; `None`: there is none
    pub next_cursor: Option<&'a str>,
    /// how long the page may be kept; written for modern clients only
    pub cache: CacheHint,
}

impl Serialize for ListResult<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        begin_result(&mut map, self.dialect)?;
        map.serialize_entry(self.kind.member(), self.items)?;
        entry(&mut map, "nextCursor", self.next_cursor)?;
        self.cache.write(&mut map, self.dialect.version)?;
        end_result(&mut map, self.dialect, None, None)?;
        map.end()
    }
}
