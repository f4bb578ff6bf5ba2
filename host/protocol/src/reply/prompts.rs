//! Prompts as lists show them, what getting one gives, and completions.
//!
//! Owns which of their members each version knows. Fills in nothing.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::content::In;
use super::{Content, Dialect, Role, begin_result, end_result, entry};
use crate::json::{JsonError, RawJson};
use crate::version::ProtocolVersion;

/// Values that one completion may propose.
const COMPLETIONS_MAX: usize = 100;

/// An argument of a prompt.
#[derive(Debug, Clone, Copy)]
pub struct PromptArgument<'a> {
    /// its name
    pub name: &'a str,
    /// a name for people
    pub title: Option<&'a str>,
    /// what it means
    pub description: Option<&'a str>,
    /// whether it must be given
    pub required: bool,
}

/// A prompt, as `prompts/list` shows it.
#[derive(Debug, Clone, Copy)]
pub struct Prompt<'a> {
    /// the name it is got by
    pub name: &'a str,
    /// a name for people
    pub title: Option<&'a str>,
    /// what it is for
    pub description: Option<&'a str>,
    /// what it takes
    pub arguments: &'a [PromptArgument<'a>],
    /// an array
    pub icons: Option<&'a RawJson>,
    /// an object
    pub meta: Option<&'a RawJson>,
}

impl Prompt<'_> {
    /// The prompt as one version words it.
    ///
    /// # Errors
    /// None that these fields can cause.
    pub fn render(&self, version: ProtocolVersion) -> Result<RawJson, JsonError> {
        RawJson::of(&In(version, self))
    }
}

impl Serialize for In<&Prompt<'_>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(version, prompt) = *self;
        let titled = version.has_structured_content();
        let arguments: Vec<_> = prompt
            .arguments
            .iter()
            .map(|one| In(version, one))
            .collect();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", prompt.name)?;
        entry(&mut map, "title", prompt.title.filter(|_| titled))?;
        entry(&mut map, "description", prompt.description)?;
        entry(
            &mut map,
            "arguments",
            Some(&arguments).filter(|list| !list.is_empty()),
        )?;
        entry(
            &mut map,
            "icons",
            prompt.icons.filter(|_| version.has_icons()),
        )?;
        entry(&mut map, "_meta", prompt.meta.filter(|_| titled))?;
        map.end()
    }
}

impl Serialize for In<&PromptArgument<'_>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(version, argument) = *self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", argument.name)?;
        let title = argument.title.filter(|_| version.has_structured_content());
        entry(&mut map, "title", title)?;
        entry(&mut map, "description", argument.description)?;
        map.serialize_entry("required", &argument.required)?;
        map.end()
    }
}

/// One message of a prompt.
#[derive(Debug, Clone, Copy)]
pub struct PromptMessage<'a> {
    /// who says it
    pub role: Role,
    /// what is said
    pub content: Content<'a>,
}

impl Serialize for In<&PromptMessage<'_>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(version, message) = *self;
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("role", &message.role)?;
        map.serialize_entry("content", &In(version, &message.content))?;
        map.end()
    }
}

/// The answer to `prompts/get`.
#[derive(Debug, Clone, Copy)]
pub struct GetPromptResult<'a> {
    /// for whom
    pub dialect: Dialect<'a>,
    /// what the prompt is for
    pub description: Option<&'a str>,
    /// the conversation to begin with
    pub messages: &'a [PromptMessage<'a>],
    /// an object
    pub meta: Option<&'a RawJson>,
}

impl Serialize for GetPromptResult<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let version = self.dialect.version;
        let messages: Vec<_> = self.messages.iter().map(|one| In(version, one)).collect();
        let mut map = serializer.serialize_map(None)?;
        begin_result(&mut map, self.dialect)?;
        entry(&mut map, "description", self.description)?;
        map.serialize_entry("messages", &messages)?;
        end_result(&mut map, self.dialect, self.meta, None)?;
        map.end()
    }
}

/// The answer to `completion/complete`.
#[derive(Debug, Clone, Copy)]
pub struct CompleteResult<'a> {
    /// for whom
    pub dialect: Dialect<'a>,
    /// best first; the first 100 are written
    pub values: &'a [String],
    /// how many there are in all
    pub total: Option<u32>,
    /// whether there are more than these
    pub has_more: bool,
}

impl Serialize for CompleteResult<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Completion<'a> {
            values: &'a [String],
            #[serde(skip_serializing_if = "Option::is_none")]
            total: Option<u32>,
            has_more: bool,
        }
        let shown = &self.values[..self.values.len().min(COMPLETIONS_MAX)];
        let completion = Completion {
            values: shown,
            total: self.total,
            has_more: self.has_more || shown.len() < self.values.len(),
        };
        let mut map = serializer.serialize_map(None)?;
        begin_result(&mut map, self.dialect)?;
        map.serialize_entry("completion", &completion)?;
        end_result(&mut map, self.dialect, None, None)?;
        map.end()
    }
}
