//! Params of the notifications that the host sends.
//!
//! Owns their shapes. To whom they go, and whether a client asked for them, is
//! for the caller to know.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::{Meta, entry};
use crate::json::{JsonKind, RawJson};
use crate::params::{LogLevel, SubscriptionFilter};
use crate::request_id::RequestId;
use crate::version::ProtocolVersion;

/// `notifications/message`
#[derive(Debug, Clone, Copy, Serialize)]
pub struct LogMessage<'a> {
    /// how grave
    pub level: LogLevel,
    /// which part says it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logger: Option<&'a str>,
    /// any value
    pub data: &'a RawJson,
}

/// `notifications/progress`
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress<'a> {
    progress_token: &'a RawValue,
    progress: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

impl<'a> Progress<'a> {
    /// Progress for the request that brought this token. `None` if `progress`
    /// is infinite or no number, which JSON can't say, or if the token is
    /// neither string nor number; such a `total` is left out. So is the
    /// message for 2024-11-05.
    pub fn new(
        version: ProtocolVersion,
        progress_token: &'a RawValue,
        progress: f64,
        total: Option<f64>,
        message: Option<&'a str>,
    ) -> Option<Self> {
        let fits = progress.is_finite()
            && matches!(
                JsonKind::of(progress_token),
                JsonKind::String | JsonKind::Number
            );
        fits.then(|| Self {
            progress_token,
            progress,
            total: total.filter(|total| total.is_finite()),
            message: message.filter(|_| version.has_audio()),
        })
    }
}

/// `notifications/cancelled`: the host gives up a request that it sent to an
/// older client.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cancelled<'a> {
    /// the request that is not wanted any more
    pub request_id: &'a RequestId,
    /// why
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
}

/// `notifications/tools/list_changed` and its likes for prompts and resources.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListChanged<'a> {
    /// the id of the `subscriptions/listen` that asked; `None` for older clients
    pub subscription: Option<&'a RequestId>,
}

impl Serialize for ListChanged<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let meta = self.subscription.map(|id| Meta {
            subscription: Some(id),
            ..Meta::default()
        });
        entry(&mut map, "_meta", meta.as_ref())?;
        map.end()
    }
}

/// `notifications/resources/updated`
#[derive(Debug, Clone, Copy)]
pub struct ResourceUpdated<'a> {
    /// what has changed
    pub uri: &'a str,
    /// the id of the `subscriptions/listen` that asked for it
    pub subscription: Option<&'a RequestId>,
}

impl Serialize for ResourceUpdated<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let meta = Meta {
            subscription: self.subscription,
            ..Meta::default()
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("uri", self.uri)?;
        entry(&mut map, "_meta", meta.is_some().then_some(&meta))?;
        map.end()
    }
}

/// `notifications/subscriptions/acknowledged`, the first message of a stream.
#[derive(Debug, Clone, Copy)]
pub struct SubscriptionsAcknowledged<'a> {
    /// the id of the `subscriptions/listen`
    pub subscription: &'a RequestId,
    /// what the host agrees to, a part of what was asked for
    pub notifications: &'a SubscriptionFilter,
}

impl Serialize for SubscriptionsAcknowledged<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(
            "_meta",
            &Meta {
                subscription: Some(self.subscription),
                ..Meta::default()
            },
        )?;
        map.serialize_entry("notifications", self.notifications)?;
        map.end()
    }
}

impl Serialize for SubscriptionFilter {
    /// What is not agreed to is left out.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        entry(
            &mut map,
            "toolsListChanged",
            self.tools_list_changed.then_some(&true),
        )?;
        entry(
            &mut map,
            "promptsListChanged",
            self.prompts_list_changed.then_some(&true),
        )?;
        entry(
            &mut map,
            "resourcesListChanged",
            self.resources_list_changed.then_some(&true),
        )?;
        let uris = Some(&self.resource_subscriptions).filter(|uris| !uris.is_empty());
        entry(&mut map, "resourceSubscriptions", uris)?;
        entry(
            &mut map,
            "taskIds",
            Some(&self.task_ids).filter(|ids| !ids.is_empty()),
        )?;
        map.end()
    }
}
