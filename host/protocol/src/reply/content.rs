//! Pieces of content, as tools and prompts answer with them.
//!
//! Owns the shape of each kind of content in each version, and what stands in
//! for a kind that a version lacks. Bytes are encoded while they are written.

use base64::display::Base64Display;
use base64::prelude::BASE64_STANDARD;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::entry;
use crate::json::RawJson;
use crate::version::ProtocolVersion;

/// Whom a piece of content is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// the human
    User,
    /// the model
    Assistant,
}

/// Hints on how to use a piece of content.
#[derive(Debug, Clone, Copy, Default)]
pub struct Annotations<'a> {
    /// empty: nobody in particular
    pub audience: &'a [Role],
    /// from 0.0 to 1.0; what is outside is left out
    pub priority: Option<f64>,
    /// ISO 8601
    pub last_modified: Option<&'a str>,
}

/// One piece of content.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    /// what it is
    pub kind: ContentKind<'a>,
    /// hints for the client
    pub annotations: Option<Annotations<'a>>,
    /// an object
    pub meta: Option<&'a RawJson>,
}

impl<'a> Content<'a> {
    /// Plain text without hints.
    pub fn text(text: &'a str) -> Self {
        Self {
            kind: ContentKind::Text(text),
            annotations: None,
            meta: None,
        }
    }
}

/// The kinds of content.
#[derive(Debug, Clone, Copy)]
pub enum ContentKind<'a> {
    /// characters
    Text(&'a str),
    /// a picture
    Image {
        /// the raw bytes
        data: &'a [u8],
        /// such as `image/png`
        mime_type: &'a str,
    },
    /// A sound. Before 2025-03-26 a text says that there was one.
    Audio {
        /// the raw bytes
        data: &'a [u8],
        /// such as `audio/wav`
        mime_type: &'a str,
    },
    /// A pointer to a resource. Before 2025-06-18 a text with its address.
    ResourceLink(ResourceLink<'a>),
    /// a resource itself
    Resource(ResourceContents<'a>),
}

/// A resource, as a link in a result shows it.
#[derive(Debug, Clone, Copy)]
pub struct ResourceLink<'a> {
    /// where it is
    pub uri: &'a str,
    /// its name
    pub name: &'a str,
    /// a name for people
    pub title: Option<&'a str>,
    /// what it holds
    pub description: Option<&'a str>,
    /// its media type
    pub mime_type: Option<&'a str>,
    /// its size in bytes
    pub size: Option<u64>,
    /// an array
    pub icons: Option<&'a RawJson>,
}

/// The body of a resource.
#[derive(Debug, Clone, Copy)]
pub enum ResourceBody<'a> {
    /// characters
    Text(&'a str),
    /// bytes
    Blob(&'a [u8]),
}

/// What a resource holds.
#[derive(Debug, Clone, Copy)]
pub struct ResourceContents<'a> {
    /// what was read
    pub uri: &'a str,
    /// its media type
    pub mime_type: Option<&'a str>,
    /// its body
    pub body: ResourceBody<'a>,
    /// an object
    pub meta: Option<&'a RawJson>,
}

/// A value as one version words it.
pub(super) struct In<T>(pub(super) ProtocolVersion, pub(super) T);

impl Serialize for In<&[Content<'_>]> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.1.iter().map(|content| In(self.0, content)))
    }
}

impl Serialize for In<&Content<'_>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(version, content) = *self;
        let mut map = serializer.serialize_map(None)?;
        match &content.kind {
            ContentKind::Text(text) => text_entries(&mut map, text)?,
            ContentKind::Image { data, mime_type } => {
                media_entries(&mut map, "image", data, mime_type)?
            }
            ContentKind::Audio { data, mime_type } if version.has_audio() => {
                media_entries(&mut map, "audio", data, mime_type)?;
            }
            ContentKind::Audio { data, mime_type } => {
                let note = format!(
                    "[audio, {mime_type}, {} bytes: protocol version {version} can't carry it]",
                    data.len()
                );
                text_entries(&mut map, &note)?;
            }
            ContentKind::ResourceLink(link) if version.has_structured_content() => {
                map.serialize_entry("type", "resource_link")?;
                link_entries(&mut map, link, version)?;
            }
            ContentKind::ResourceLink(link) => {
                let label = link.title.unwrap_or(link.name);
                text_entries(&mut map, &format!("[{label}]({})", link.uri))?;
            }
            ContentKind::Resource(contents) => {
                map.serialize_entry("type", "resource")?;
                map.serialize_entry("resource", &In(version, contents))?;
            }
        }
        let annotations = content
            .annotations
            .as_ref()
            .map(|annotations| In(version, annotations));
        entry(
            &mut map,
            "annotations",
            annotations
                .as_ref()
                .filter(|annotations| annotations.is_some()),
        )?;
        entry(
            &mut map,
            "_meta",
            content.meta.filter(|_| version.has_structured_content()),
        )?;
        map.end()
    }
}

impl Serialize for In<&ResourceContents<'_>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(version, contents) = *self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("uri", contents.uri)?;
        entry(&mut map, "mimeType", contents.mime_type)?;
        match contents.body {
            ResourceBody::Text(text) => map.serialize_entry("text", text)?,
            ResourceBody::Blob(bytes) => map.serialize_entry("blob", &Base64(bytes))?,
        }
        entry(
            &mut map,
            "_meta",
            contents.meta.filter(|_| version.has_structured_content()),
        )?;
        map.end()
    }
}

impl In<&Annotations<'_>> {
    fn priority(&self) -> Option<f64> {
        self.1
            .priority
            .filter(|priority| (0.0..=1.0).contains(priority))
    }

    fn last_modified(&self) -> Option<&str> {
        self.1
            .last_modified
            .filter(|_| self.0.has_structured_content())
    }

    pub(super) fn is_some(&self) -> bool {
        !self.1.audience.is_empty() || self.priority().is_some() || self.last_modified().is_some()
    }
}

impl Serialize for In<&Annotations<'_>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        entry(
            &mut map,
            "audience",
            Some(self.1.audience).filter(|audience| !audience.is_empty()),
        )?;
        entry(&mut map, "priority", self.priority().as_ref())?;
        entry(&mut map, "lastModified", self.last_modified())?;
        map.end()
    }
}

fn text_entries<M: SerializeMap>(map: &mut M, text: &str) -> Result<(), M::Error> {
    map.serialize_entry("type", "text")?;
    map.serialize_entry("text", text)
}

fn media_entries<M: SerializeMap>(
    map: &mut M,
    kind: &str,
    data: &[u8],
    mime_type: &str,
) -> Result<(), M::Error> {
    map.serialize_entry("type", kind)?;
    map.serialize_entry("data", &Base64(data))?;
    map.serialize_entry("mimeType", mime_type)
}

pub(super) fn link_entries<M: SerializeMap>(
    map: &mut M,
    link: &ResourceLink<'_>,
    version: ProtocolVersion,
) -> Result<(), M::Error> {
    map.serialize_entry("uri", link.uri)?;
    map.serialize_entry("name", link.name)?;
    let title = link.title.filter(|_| version.has_structured_content());
    entry(map, "title", title)?;
    entry(map, "description", link.description)?;
    entry(map, "mimeType", link.mime_type)?;
    entry(map, "size", link.size.as_ref())?;
    entry(map, "icons", link.icons.filter(|_| version.has_icons()))
}

/// Bytes as a base64 string, encoded piece by piece into the output.
struct Base64<'a>(&'a [u8]);

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(self.0, &BASE64_STANDARD))
    }
}
