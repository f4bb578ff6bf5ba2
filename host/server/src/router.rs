//! From a request to whoever answers it: one method, one arm.
//!
//! It owns which methods exist in which era. It never waits: what takes time it
//! hands back as a call or a subscription for the transport to drive.

use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use fusebox_protocol::era::{self, ModernRequest};
use fusebox_protocol::params::{
    CallToolParams, CancelledParams, InitializeParams, ListParams, Meta, SetLevelParams,
    SubscriptionsListenParams,
};
use fusebox_protocol::reply::{
    CacheHint, CacheScope, DiscoverResult, EmptyResult, InitializeResult, ListToolsResult,
    ServerCapabilities,
};
use fusebox_protocol::{Era, Notification, ProtocolVersion, RawJson, Request, RequestId, RpcError};
use http::HeaderMap;

use crate::call::ToolCall;
use crate::host::Host;
use crate::render::{SERVER, dialect};
use crate::reply::Reply;
use crate::session::{Agreement, CallContext, CallsInFlight};
use crate::subscription::Subscription;

/// For how long a modern client may keep a list without asking again, in
/// milliseconds. Clients that must know at once use `subscriptions/listen`.
const LIST_CACHE: CacheHint = CacheHint {
    ttl_ms: 5_000,
    scope: CacheScope::Public,
};

/// What this host offers to everybody.
const CAPABILITIES: ServerCapabilities = ServerCapabilities {
    tools: Some(true),
    prompts: None,
    resources: None,
    logging: true,
    completions: false,
};

/// What a request leads to.
pub enum Routed {
    /// an answer, at once
    Ready(Reply),
    /// a call to drive
    Call(Box<ToolCall>),
    /// a stream of changes until the client goes away
    Listen(Subscription),
}

/// Routes a request of the modern era. `headers` are those of HTTP; other
/// transports have none.
pub fn modern(
    host: &Arc<Host>,
    frame: &Bytes,
    request: &Request<'_>,
    headers: Option<&HeaderMap>,
) -> Routed {
    match try_modern(host, frame, request, headers) {
        Ok(routed) => routed,
        Err(error) => failed(host, &request.id, &error, Era::Modern),
    }
}

fn try_modern(
    host: &Arc<Host>,
    frame: &Bytes,
    request: &Request<'_>,
    headers: Option<&HeaderMap>,
) -> Result<Routed, RpcError> {
    let ModernRequest {
        version,
        capabilities: client,
        meta,
    } = era::check_modern(request, headers)?;
    let id = &request.id;
    match &*request.method {
        "server/discover" => Ok(Routed::Ready(Reply::result(id, &discover(version)))),
        "tools/list" => tools_list(host, request, version),
        "tools/call" => {
            let context = CallContext {
                version,
                client,
                log_level: meta.log_level,
                progress_token: progress_token(&meta)?,
            };
            tools_call(host, frame, request, context, headers)
        }
        "subscriptions/listen" => {
            let params = SubscriptionsListenParams::from_params(&request.params)?;
            let listen = Subscription::new(host, id.clone(), params.notifications);
            Ok(Routed::Listen(listen))
        }
        other => Err(RpcError::method_not_found(other)),
    }
}

/// Routes a request of a legacy client, whose `initialize` (if any) agreed on
/// `agreement`.
pub fn legacy(
    host: &Arc<Host>,
    frame: &Bytes,
    request: &Request<'_>,
    agreement: &Agreement,
) -> Routed {
    match try_legacy(host, frame, request, agreement) {
        Ok(routed) => routed,
        Err(error) => failed(host, &request.id, &error, Era::Legacy),
    }
}

fn try_legacy(
    host: &Arc<Host>,
    frame: &Bytes,
    request: &Request<'_>,
    agreement: &Agreement,
) -> Result<Routed, RpcError> {
    let id = &request.id;
    match &*request.method {
        "ping" => Ok(Routed::Ready(Reply::result(id, &empty(agreement.version)))),
        "tools/list" => tools_list(host, request, agreement.version),
        "tools/call" => {
            let meta = Meta::from_params(&request.params)?;
            let context = agreement.context(progress_token(&meta)?);
            tools_call(host, frame, request, context, None)
        }
        "logging/setLevel" => {
            let params = SetLevelParams::from_params(&request.params)?;
            agreement.set_log_level(params.level);
            Ok(Routed::Ready(Reply::result(id, &empty(agreement.version))))
        }
        "initialize" => Err(RpcError::invalid_request(
            "this session is initialized already; open a new one",
        )),
        other => Err(RpcError::method_not_found(other)),
    }
}

/// Answers `initialize`, and says what was agreed on.
///
/// # Errors
/// If the params are no `initialize` params.
pub fn initialize(request: &Request<'_>) -> Result<(Reply, Agreement), RpcError> {
    let params = InitializeParams::from_params(&request.params)?;
    let version = ProtocolVersion::negotiate(&params.protocol_version);
    let result = InitializeResult {
        version,
        capabilities: CAPABILITIES,
        server_info: SERVER,
        instructions: None,
    };
    let reply = Reply::result(&request.id, &result);
    Ok((reply, Agreement::new(version, params.capabilities)))
}

fn discover(version: ProtocolVersion) -> DiscoverResult<'static> {
    DiscoverResult {
        dialect: dialect(version),
        supported_versions: &ProtocolVersion::MODERN,
        capabilities: CAPABILITIES,
        instructions: None,
        cache: LIST_CACHE,
    }
}

fn tools_list(
    host: &Arc<Host>,
    request: &Request<'_>,
    version: ProtocolVersion,
) -> Result<Routed, RpcError> {
    let params = ListParams::from_params(&request.params)?;
    if params.cursor.is_some() {
        return Err(RpcError::invalid_params(
            "`cursor` is none that this server gave out",
        ));
    }
    let catalogue = host.catalogue.load();
    let tools: Vec<&RawJson> = catalogue.tool_list(version).iter().collect();
    let result = ListToolsResult {
        dialect: dialect(version),
        tools: &tools,
        next_cursor: None,
        cache: LIST_CACHE,
    };
    Ok(Routed::Ready(Reply::result(&request.id, &result)))
}

fn tools_call(
    host: &Arc<Host>,
    frame: &Bytes,
    request: &Request<'_>,
    context: CallContext,
    headers: Option<&HeaderMap>,
) -> Result<Routed, RpcError> {
    let params = CallToolParams::from_params(&request.params)?;
    let catalogue = host.catalogue.load();
    let handler = catalogue
        .tool(&params.name)
        .ok_or_else(|| RpcError::invalid_params(format!("unknown tool `{}`", params.name)))?;
    if let Some(headers) = headers {
        handler.header_params.check(headers, params.arguments)?;
    }
    Ok(Routed::Call(Box::new(ToolCall {
        host: host.clone(),
        handler: handler.clone(),
        id: request.id.clone(),
        arguments: slice_of(frame, params.arguments),
        context,
    })))
}

/// The part of a frame that `text` points into, without a copy. Text that was
/// not cut from this frame (such as the `{}` of absent arguments) is copied.
fn slice_of(frame: &Bytes, text: &str) -> ByteString {
    let begin = frame.as_ptr() as usize;
    let at = text.as_ptr() as usize;
    let inside = at >= begin && at + text.len() <= begin + frame.len();
    if !inside {
        return ByteString::from(text);
    }
    ByteString::try_from(frame.slice_ref(text.as_bytes()))
        .unwrap_or_else(|_| ByteString::from(text))
}

fn empty(version: ProtocolVersion) -> EmptyResult<'static> {
    EmptyResult {
        dialect: dialect(version),
        subscription: None,
    }
}

fn progress_token(meta: &Meta<'_>) -> Result<Option<RawJson>, RpcError> {
    meta.progress_token
        .map(|raw| RawJson::of(raw).map_err(|error| RpcError::invalid_params(error.to_string())))
        .transpose()
}

fn failed(host: &Host, id: &RequestId, error: &RpcError, era: Era) -> Routed {
    host.meters.error(std::time::Instant::now());
    Routed::Ready(Reply::error(Some(id), error, era))
}

/// Takes a notification. Those that mean nothing here are ignored, as JSON-RPC
/// demands.
pub fn notification(notification: &Notification<'_>, calls: &CallsInFlight) {
    if notification.method == "notifications/cancelled" {
        match CancelledParams::from_params(&notification.params) {
            Ok(params) => calls.cancel(&params.request_id),
            Err(error) => tracing::debug!(%error, "a cancellation that names no request"),
        }
    }
}
