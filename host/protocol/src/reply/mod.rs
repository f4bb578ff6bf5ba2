//! What the host writes: responses, errors, notifications and its own requests.
//!
//! Owns the bytes of outgoing messages, each on one line without a line end,
//! and what an older version is not to be told. Results borrow what they say
//! and are written straight to the output; no tree is built.

use serde::Serialize;
use serde::ser::SerializeMap;

use crate::error::RpcError;
use crate::json::{JsonKind, RawJson, members_of};
use crate::request_id::RequestId;
use crate::version::ProtocolVersion;

mod content;
mod lists;
mod notices;
mod prompts;
mod resources;
mod results;
mod tasks;

pub use content::{
    Annotations, Content, ContentKind, ResourceBody, ResourceContents, ResourceLink, Role,
};
pub use lists::{ListKind, ListResult, TaskSupport, Tool};
pub use notices::{
    Cancelled, ListChanged, LogMessage, Progress, ResourceUpdated, SubscriptionsAcknowledged,
};
pub use prompts::{CompleteResult, GetPromptResult, Prompt, PromptArgument, PromptMessage};
pub use resources::{ReadResourceResult, Resource, ResourceTemplate};
pub use results::{
    CacheHint, CacheScope, CallToolResult, DiscoverResult, EmptyResult, Implementation,
    InitializeResult, InputQuestion, InputRequiredResult, ResourcesCapability, ServerCapabilities,
};

pub use tasks::{TaskChanged, TaskCreated, TaskOutcome, TaskStatus, TaskView};

/// For whom a result is worded.
#[derive(Debug, Clone, Copy)]
pub struct Dialect<'a> {
    /// the version that the client speaks
    pub version: ProtocolVersion,
    /// [`Implementation::render`] of this host, for the `_meta` of modern results
    pub server_info: Option<&'a RawJson>,
}

/// Writes a response with a result.
///
/// A result that refuses to be serialised (none of this crate's does) becomes
/// an internal error, so that the request is answered in any case.
pub fn response<R: Serialize + ?Sized>(out: &mut Vec<u8>, id: &RequestId, result: &R) {
    let start = out.len();
    begin(out, id.as_str());
    out.extend_from_slice(br#","result":"#);
    match serde_json::to_writer(&mut *out, result) {
        Ok(()) => out.push(b'}'),
        Err(e) => {
            out.truncate(start);
            error(
                out,
                Some(id),
                &RpcError::internal(format!("the result can't be written: {e}")),
            );
        }
    }
}

/// Writes a response with an error. Without an id, as after a message that
/// could not be read, it has none: so do the schemas from 2025-11-25 on, and the
/// bodies of refusals over HTTP.
pub fn error(out: &mut Vec<u8>, id: Option<&RequestId>, error: &RpcError) {
    match id {
        Some(id) => begin(out, id.as_str()),
        None => out.extend_from_slice(br#"{"jsonrpc":"2.0""#),
    }
    end_error(out, error);
}

/// Writes an error to a message whose id could not be read, for a peer on a
/// stream of messages that speaks `version`, if that is known.
pub fn error_without_id(out: &mut Vec<u8>, version: Option<ProtocolVersion>, error: &RpcError) {
    if version.is_none_or(ProtocolVersion::has_response_without_id) {
        return self::error(out, None, error);
    }
    begin(out, "null");
    end_error(out, error);
}

fn end_error(out: &mut Vec<u8>, error: &RpcError) {
    out.extend_from_slice(br#","error":"#);
    if serde_json::to_writer(&mut *out, error).is_err() {
        // Only writing to `out` could fail, and a vector takes all; still the
        // text must stay JSON.
        out.extend_from_slice(br#"{"code":-32603,"message":"internal error"}"#);
    }
    out.push(b'}');
}

/// Writes a notification. If the params refuse to be serialised, nothing is
/// written and `false` is returned.
pub fn notification<P: Serialize + ?Sized>(out: &mut Vec<u8>, method: &str, params: &P) -> bool {
    call(out, None, method, params)
}

/// Writes a request of the host, for older clients. If the params refuse to be
/// serialised, nothing is written and `false` is returned.
pub fn request<P: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    id: &RequestId,
    method: &str,
    params: &P,
) -> bool {
    call(out, Some(id), method, params)
}

/// Writes several messages that are already rendered as one batch; nothing if
/// there is none, since a batch of notifications alone is not answered.
pub fn batch<'m>(out: &mut Vec<u8>, messages: impl IntoIterator<Item = &'m [u8]>) {
    let mut opener = b'[';
    for message in messages {
        out.push(std::mem::replace(&mut opener, b','));
        out.extend_from_slice(message);
    }
    if opener == b',' {
        out.push(b']');
    }
}

fn begin(out: &mut Vec<u8>, id: &str) {
    out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    out.extend_from_slice(id.as_bytes());
}

fn call<P: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    id: Option<&RequestId>,
    method: &str,
    params: &P,
) -> bool {
    #[derive(Serialize)]
    struct Call<'a, P: ?Sized> {
        jsonrpc: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a RequestId>,
        method: &'a str,
        params: &'a P,
    }
    let start = out.len();
    let written = serde_json::to_writer(
        &mut *out,
        &Call {
            jsonrpc: "2.0",
            id,
            method,
            params,
        },
    )
    .is_ok();
    if !written {
        out.truncate(start);
    }
    written
}

/// Writes `key` if there is a value.
fn entry<M: SerializeMap, V: Serialize + ?Sized>(
    map: &mut M,
    key: &str,
    value: Option<&V>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(key, value))
}

/// Begins a result: `resultType`, which modern clients can't do without.
fn begin_result<M: SerializeMap>(map: &mut M, dialect: Dialect<'_>) -> Result<(), M::Error> {
    entry(
        map,
        "resultType",
        dialect.version.is_modern().then_some("complete"),
    )
}

/// Ends a result: `_meta`, of what a plugin gave and what the host adds.
fn end_result<M: SerializeMap>(
    map: &mut M,
    dialect: Dialect<'_>,
    given: Option<&RawJson>,
    subscription: Option<&RequestId>,
) -> Result<(), M::Error> {
    let server_info = dialect.server_info.filter(|_| dialect.version.is_modern());
    let meta = Meta {
        server_info,
        subscription,
        given: given.filter(|given| given.kind() == JsonKind::Object),
    };
    entry(map, "_meta", meta.is_some().then_some(&meta))
}

const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";

/// `_meta` of what the host sends. The host's own keys win over given ones.
#[derive(Default)]
struct Meta<'a> {
    server_info: Option<&'a RawJson>,
    subscription: Option<&'a RequestId>,
    given: Option<&'a RawJson>,
}

impl Meta<'_> {
    fn is_some(&self) -> bool {
        self.server_info.is_some() || self.subscription.is_some() || self.given.is_some()
    }
}

impl Serialize for Meta<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        entry(&mut map, SERVER_INFO, self.server_info)?;
        entry(&mut map, SUBSCRIPTION_ID, self.subscription)?;
        let given = self
            .given
            .and_then(|given| members_of(given.as_raw()))
            .unwrap_or_default();
        for (key, value) in given
            .iter()
            .filter(|(key, _)| key != SERVER_INFO && key != SUBSCRIPTION_ID)
        {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}
