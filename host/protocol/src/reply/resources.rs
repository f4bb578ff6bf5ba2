//! Resources and templates as lists show them, and what reading one gives.
//!
//! Owns which of their members each version knows. Finds and reads nothing.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::content::{In, link_entries};
use super::{
    Annotations, CacheHint, Dialect, ResourceContents, ResourceLink, begin_result, end_result,
    entry,
};
use crate::json::{JsonError, RawJson};
use crate::version::ProtocolVersion;

/// A resource, as `resources/list` shows it.
#[derive(Debug, Clone, Copy)]
pub struct Resource<'a> {
    /// where it is and what it is called
    pub link: ResourceLink<'a>,
    /// hints for the client
    pub annotations: Option<Annotations<'a>>,
    /// an object
    pub meta: Option<&'a RawJson>,
}

impl Resource<'_> {
    /// The resource as one version words it.
    ///
    /// # Errors
    /// None that these fields can cause.
    pub fn render(&self, version: ProtocolVersion) -> Result<RawJson, JsonError> {
        RawJson::of(&In(version, self))
    }
}

impl Serialize for In<&Resource<'_>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(version, resource) = *self;
        let mut map = serializer.serialize_map(None)?;
        link_entries(&mut map, &resource.link, version)?;
        hint_entries(
            &mut map,
            version,
            resource.annotations.as_ref(),
            resource.meta,
        )?;
        map.end()
    }
}

/// A family of resources, as `resources/templates/list` shows it.
#[derive(Debug, Clone, Copy)]
pub struct ResourceTemplate<'a> {
    /// by RFC 6570
    pub uri_template: &'a str,
    /// its name
    pub name: &'a str,
    /// a name for people
    pub title: Option<&'a str>,
    /// what it holds
    pub description: Option<&'a str>,
    /// the media type that all of them share
    pub mime_type: Option<&'a str>,
    /// hints for the client
    pub annotations: Option<Annotations<'a>>,
    /// an array
    pub icons: Option<&'a RawJson>,
    /// an object
    pub meta: Option<&'a RawJson>,
}

impl ResourceTemplate<'_> {
    /// The template as one version words it.
    ///
    /// # Errors
    /// None that these fields can cause.
    pub fn render(&self, version: ProtocolVersion) -> Result<RawJson, JsonError> {
        RawJson::of(&In(version, self))
    }
}

impl Serialize for In<&ResourceTemplate<'_>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(version, template) = *self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("uriTemplate", template.uri_template)?;
        map.serialize_entry("name", template.name)?;
        let title = template.title.filter(|_| version.has_structured_content());
        entry(&mut map, "title", title)?;
        entry(&mut map, "description", template.description)?;
        entry(&mut map, "mimeType", template.mime_type)?;
        entry(
            &mut map,
            "icons",
            template.icons.filter(|_| version.has_icons()),
        )?;
        hint_entries(
            &mut map,
            version,
            template.annotations.as_ref(),
            template.meta,
        )?;
        map.end()
    }
}

fn hint_entries<M: SerializeMap>(
    map: &mut M,
    version: ProtocolVersion,
    annotations: Option<&Annotations<'_>>,
    meta: Option<&RawJson>,
) -> Result<(), M::Error> {
    let annotations = annotations.map(|annotations| In(version, annotations));
    entry(
        map,
        "annotations",
        annotations
            .as_ref()
            .filter(|annotations| annotations.is_some()),
    )?;
    entry(
        map,
        "_meta",
        meta.filter(|_| version.has_structured_content()),
    )
}

/// The answer to `resources/read`.
#[derive(Debug, Clone, Copy)]
pub struct ReadResourceResult<'a> {
    /// for whom
    pub dialect: Dialect<'a>,
    /// what was read
    pub contents: &'a [ResourceContents<'a>],
    /// how long it may be kept; written for modern clients only
    pub cache: CacheHint,
}

impl Serialize for ReadResourceResult<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let version = self.dialect.version;
        let contents: Vec<_> = self.contents.iter().map(|one| In(version, one)).collect();
        let mut map = serializer.serialize_map(None)?;
        begin_result(&mut map, self.dialect)?;
        map.serialize_entry("contents", &contents)?;
        self.cache.write(&mut map, version)?;
        end_result(&mut map, self.dialect, None, None)?;
        map.end()
    }
}
