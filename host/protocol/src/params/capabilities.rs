//! What a client can do for the host.
//!
//! Owns [`ClientCapabilities`]: the capabilities that a host acts upon, read
//! from what the client declares and written as what the host demands.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::read::object;
use crate::error::RpcError;
use crate::json::{JsonKind, member_of, members_of};
use crate::scan::Member;
use crate::version::ProtocolVersion;

/// The name of the tasks extension.
pub const TASKS_EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// What a client declared. The default is nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClientCapabilities {
    /// can show a form; `elicitation: {}` means this one
    pub elicitation_form: bool,
    /// can send the user to an address
    pub elicitation_url: bool,
    /// can ask its model
    pub sampling: bool,
    /// lets the model use tools while it does so
    pub sampling_tools: bool,
    /// can list its roots
    pub roots: bool,
    /// takes a task in place of a result (the extension of 2026-07-28)
    pub tasks: bool,
}

impl ClientCapabilities {
    /// Whether all of `wanted` was declared.
    pub fn cover(self, wanted: Self) -> bool {
        let Self {
            elicitation_form,
            elicitation_url,
            sampling,
            sampling_tools,
            roots,
            tasks,
        } = wanted;
        (self.elicitation_form || !elicitation_form)
            && (self.elicitation_url || !elicitation_url)
            && (self.sampling || !sampling)
            && (self.sampling_tools || !sampling_tools)
            && (self.roots || !roots)
            && (self.tasks || !tasks)
    }

    /// What is in either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            elicitation_form: self.elicitation_form || other.elicitation_form,
            elicitation_url: self.elicitation_url || other.elicitation_url,
            sampling: self.sampling || other.sampling,
            sampling_tools: self.sampling_tools || other.sampling_tools,
            roots: self.roots || other.roots,
            tasks: self.tasks || other.tasks,
        }
    }

    /// What of it a version has messages for: nobody is asked what his version
    /// doesn't know, whatever he declared.
    #[must_use]
    pub fn known_to(self, version: ProtocolVersion) -> Self {
        Self {
            elicitation_form: self.elicitation_form && version >= ProtocolVersion::V2025_06_18,
            elicitation_url: self.elicitation_url && version >= ProtocolVersion::V2025_11_25,
            sampling_tools: self.sampling_tools && version >= ProtocolVersion::V2025_11_25,
            tasks: self.tasks && version.is_modern(),
            ..self
        }
    }

    /// Reads the object that a client sends. A capability counts as declared
    /// if its value is an object; unknown ones are passed over.
    pub(super) fn read(member: Member, raw: &RawValue) -> Result<Self, RpcError> {
        let raw = object(member, raw)?;
        let mut declared = Self::default();
        if raw.get() == "{}" {
            return Ok(declared);
        }
        for (name, value) in members_of(raw).unwrap_or_default() {
            if JsonKind::of(value) != JsonKind::Object {
                continue;
            }
            match &*name {
                "elicitation" => {
                    declared.elicitation_url = has(value, "url");
                    declared.elicitation_form = has(value, "form") || !declared.elicitation_url;
                }
                "sampling" => {
                    declared.sampling = true;
                    declared.sampling_tools = has(value, "tools");
                }
                "roots" => declared.roots = true,
                "extensions" => declared.tasks = has(value, TASKS_EXTENSION),
                _ => {}
            }
        }
        Ok(declared)
    }
}

fn has(object: &RawValue, name: &str) -> bool {
    member_of(object, name).is_some_and(|raw| JsonKind::of(raw) == JsonKind::Object)
}

/// An object whose members are empty objects, but for those that have some.
struct Names<'a>(&'a [&'a str]);

impl Serialize for Names<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for name in self.0 {
            map.serialize_entry(name, &Names(&[]))?;
        }
        map.end()
    }
}

impl Serialize for ClientCapabilities {
    /// The object of capabilities, as `data.requiredCapabilities` holds it.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let modes: &[&str] = match (self.elicitation_form, self.elicitation_url) {
            (true, true) => &["form", "url"],
            (true, false) => &["form"],
            (false, true) => &["url"],
            (false, false) => &[],
        };
        if !modes.is_empty() {
            map.serialize_entry("elicitation", &Names(modes))?;
        }
        if self.sampling || self.sampling_tools {
            let features: &[&str] = if self.sampling_tools { &["tools"] } else { &[] };
            map.serialize_entry("sampling", &Names(features))?;
        }
        if self.roots {
            map.serialize_entry("roots", &Names(&[]))?;
        }
        if self.tasks {
            map.serialize_entry("extensions", &Names(&[TASKS_EXTENSION]))?;
        }
        map.end()
    }
}
