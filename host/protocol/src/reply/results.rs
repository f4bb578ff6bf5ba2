//! Results of single methods: `initialize`, `server/discover`, `tools/call`,
//! and the empty one.
//!
//! Owns their shapes in each version. It never decides what the host offers.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::content::In;
use super::{Content, Dialect, begin_result, end_result, entry};
use crate::json::{JsonError, JsonKind, RawJson};
use crate::params::TASKS_EXTENSION;
use crate::request_id::RequestId;
use crate::version::ProtocolVersion;

/// Who may share a kept answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheScope {
    /// anybody
    Public,
    /// this caller only
    Private,
}

/// How long, and by whom, an answer may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheHint {
    /// milliseconds; 0: not at all
    pub ttl_ms: u64,
    /// by whom
    pub scope: CacheScope,
}

impl CacheHint {
    /// What holds for something that both are said of.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        Self {
            ttl_ms: self.ttl_ms.min(other.ttl_ms),
            scope: match (self.scope, other.scope) {
                (CacheScope::Public, CacheScope::Public) => CacheScope::Public,
                _ => CacheScope::Private,
            },
        }
    }

    /// Writes the hint for modern clients, who can't do without it.
    pub(super) fn write<M: SerializeMap>(
        &self,
        map: &mut M,
        version: ProtocolVersion,
    ) -> Result<(), M::Error> {
        entry(map, "ttlMs", version.is_modern().then_some(&self.ttl_ms))?;
        entry(
            map,
            "cacheScope",
            version.is_modern().then_some(&self.scope),
        )
    }
}

/// This host, as it introduces itself.
#[derive(Debug, Clone, Copy)]
pub struct Implementation<'a> {
    /// its name
    pub name: &'a str,
    /// its version
    pub version: &'a str,
    /// a name for people
    pub title: Option<&'a str>,
    /// what it is
    pub description: Option<&'a str>,
    /// where to read more
    pub website_url: Option<&'a str>,
}

impl Implementation<'_> {
    /// The introduction as one version words it.
    ///
    /// # Errors
    /// None that these fields can cause.
    pub fn render(&self, version: ProtocolVersion) -> Result<RawJson, JsonError> {
        RawJson::of(&In(version, self))
    }
}

impl Serialize for In<&Implementation<'_>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(version, peer) = *self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", peer.name)?;
        map.serialize_entry("version", peer.version)?;
        entry(
            &mut map,
            "title",
            peer.title.filter(|_| version.has_structured_content()),
        )?;
        entry(
            &mut map,
            "description",
            peer.description.filter(|_| version.has_icons()),
        )?;
        entry(
            &mut map,
            "websiteUrl",
            peer.website_url.filter(|_| version.has_icons()),
        )?;
        map.end()
    }
}

/// What the host offers of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourcesCapability {
    /// tells of changed contents
    pub subscribe: bool,
    /// tells of a changed list
    pub list_changed: bool,
}

/// What the host offers. `None` or `false` leaves a capability out; in the
/// three lists `Some(true)` says that the host tells of changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServerCapabilities {
    /// tools, and whether it tells of a changed list
    pub tools: Option<bool>,
    /// prompts, and whether it tells of a changed list
    pub prompts: Option<bool>,
    /// resources
    pub resources: Option<ResourcesCapability>,
    /// log messages
    pub logging: bool,
    /// completion of arguments (from 2025-03-26 on)
    pub completions: bool,
    /// the tasks extension (from 2026-07-28 on)
    pub tasks: bool,
}

/// An object of flags; those that are false are left out, so that none gives
/// `{}`, which is what every client expects of a bare capability.
struct Flags<'a>(&'a [(&'static str, bool)]);

impl Serialize for Flags<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, _) in self.0.iter().filter(|(_, set)| *set) {
            map.serialize_entry(name, &true)?;
        }
        map.end()
    }
}

impl Serialize for In<&ServerCapabilities> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(version, offered) = *self;
        let mut map = serializer.serialize_map(None)?;
        if let Some(list_changed) = offered.tools {
            map.serialize_entry("tools", &Flags(&[("listChanged", list_changed)]))?;
        }
        if let Some(list_changed) = offered.prompts {
            map.serialize_entry("prompts", &Flags(&[("listChanged", list_changed)]))?;
        }
        if let Some(resources) = offered.resources {
            let flags = [
                ("subscribe", resources.subscribe),
                ("listChanged", resources.list_changed),
            ];
            map.serialize_entry("resources", &Flags(&flags))?;
        }
        entry(&mut map, "logging", offered.logging.then_some(&Flags(&[])))?;
        entry(
            &mut map,
            "completions",
            (offered.completions && version.has_audio()).then_some(&Flags(&[])),
        )?;
        let tasks = offered.tasks && version.is_modern();
        let extensions = BTreeMap::from([(TASKS_EXTENSION, Flags(&[]))]);
        entry(&mut map, "extensions", tasks.then_some(&extensions))?;
        map.end()
    }
}

/// The answer to `initialize`. Legacy versions only.
#[derive(Debug, Clone, Copy)]
pub struct InitializeResult<'a> {
    /// what [`ProtocolVersion::negotiate`] gave
    pub version: ProtocolVersion,
    /// what the host offers
    pub capabilities: ServerCapabilities,
    /// who it is
    pub server_info: Implementation<'a>,
    /// guidance for the model
    pub instructions: Option<&'a str>,
}

impl Serialize for InitializeResult<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("protocolVersion", self.version.as_str())?;
        map.serialize_entry("capabilities", &In(self.version, &self.capabilities))?;
        map.serialize_entry("serverInfo", &In(self.version, &self.server_info))?;
        entry(&mut map, "instructions", self.instructions)?;
        map.end()
    }
}

/// The answer to `server/discover`. Modern versions only.
#[derive(Debug, Clone, Copy)]
pub struct DiscoverResult<'a> {
    /// for whom
    pub dialect: Dialect<'a>,
    /// must hold all of [`ProtocolVersion::MODERN`], which error -32022 lists
    pub supported_versions: &'a [ProtocolVersion],
    /// what the host offers
    pub capabilities: ServerCapabilities,
    /// guidance for the model
    pub instructions: Option<&'a str>,
    /// how long this may be kept
    pub cache: CacheHint,
}

impl Serialize for DiscoverResult<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        begin_result(&mut map, self.dialect)?;
        map.serialize_entry("supportedVersions", self.supported_versions)?;
        map.serialize_entry(
            "capabilities",
            &In(self.dialect.version, &self.capabilities),
        )?;
        entry(&mut map, "instructions", self.instructions)?;
        self.cache.write(&mut map, self.dialect.version)?;
        end_result(&mut map, self.dialect, None, None)?;
        map.end()
    }
}

/// The answer to `tools/call`.
#[derive(Debug, Clone, Copy)]
pub struct CallToolResult<'a> {
    /// for whom
    pub dialect: Dialect<'a>,
    /// for the model to read
    pub content: &'a [Content<'a>],
    /// For a program to read. Versions before 2026-07-28 are given it only if
    /// it is an object, those before 2025-06-18 never.
    pub structured: Option<&'a RawJson>,
    /// the tool itself reports that it failed
    pub is_error: bool,
    /// an object
    pub meta: Option<&'a RawJson>,
}

impl Serialize for CallToolResult<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let version = self.dialect.version;
        let fits = |structured: &&RawJson| {
            version.is_modern()
                || (version.has_structured_content() && structured.kind() == JsonKind::Object)
        };
        let mut map = serializer.serialize_map(None)?;
        begin_result(&mut map, self.dialect)?;
        map.serialize_entry("content", &In(version, self.content))?;
        entry(&mut map, "structuredContent", self.structured.filter(fits))?;
        entry(&mut map, "isError", self.is_error.then_some(&true))?;
        end_result(&mut map, self.dialect, self.meta, None)?;
        map.end()
    }
}

/// The answer to `ping`, `logging/setLevel` and the like, and what ends a
/// `subscriptions/listen`: `{}`, but for what modern results must have.
#[derive(Debug, Clone, Copy)]
pub struct EmptyResult<'a> {
    /// for whom
    pub dialect: Dialect<'a>,
    /// the id of the `subscriptions/listen` that ends
    pub subscription: Option<&'a RequestId>,
}

impl Serialize for EmptyResult<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        begin_result(&mut map, self.dialect)?;
        end_result(&mut map, self.dialect, None, self.subscription)?;
        map.end()
    }
}

/// A question to the user, as a result carries it.
#[derive(Debug, Clone, Copy)]
pub struct InputQuestion<'a> {
    /// under which the answer is expected
    pub key: &'a str,
    /// such as `elicitation/create`
    pub method: &'a str,
    /// an object
    pub params: Option<&'a RawJson>,
}

/// Questions by their keys.
pub(super) struct Questions<'a>(pub(super) &'a [InputQuestion<'a>]);

impl Serialize for Questions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Request<'a> {
            method: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            params: Option<&'a RawJson>,
        }
        serializer.collect_map(self.0.iter().map(|question| {
            let request = Request {
                method: question.method,
                params: question.params,
            };
            (question.key, request)
        }))
    }
}

/// The answer of a handler that has to know more first. Only for versions from
/// 2026-07-28 on.
#[derive(Debug, Clone, Copy)]
pub struct InputRequiredResult<'a> {
    /// for whom
    pub dialect: Dialect<'a>,
    /// what is asked
    pub questions: &'a [InputQuestion<'a>],
    /// what the client is to bring back
    pub request_state: Option<&'a str>,
}

impl Serialize for InputRequiredResult<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("resultType", "input_required")?;
        let requests = Questions(self.questions);
        let asks = !self.questions.is_empty();
        entry(&mut map, "inputRequests", asks.then_some(&requests))?;
        entry(&mut map, "requestState", self.request_state)?;
        end_result(&mut map, self.dialect, None, None)?;
        map.end()
    }
}
