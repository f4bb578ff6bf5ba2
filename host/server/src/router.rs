//! From a request to whoever answers it: one method, one arm.
//!
//! It owns which methods exist in which era. It never waits: what takes time it
//! hands back as a call or a subscription for the transport to drive.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use fusebox_protocol::era::{self, ModernRequest};
use fusebox_protocol::params::{
    CancelledParams, ClientCapabilities, InitializeParams, ListParams, Meta, SetLevelParams,
    SubscribeParams, SubscriptionsListenParams, TaskParams, UpdateTaskParams,
};
use fusebox_protocol::reply::{
    CacheHint, CacheScope, DiscoverResult, EmptyResult, InitializeResult, ListKind, ListResult,
    ResourcesCapability, ServerCapabilities,
};
use fusebox_protocol::{
    Era, Notification, ProtocolVersion, RawJson, Request, RequestId, Response, RpcError,
};
use http::HeaderMap;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::audit::{Asked, Refused, Sender, Why};
use crate::auth::Audience;
use crate::call::Call;
use crate::capability_cache::Key;
use crate::host::Host;
use crate::origin::Origin;
use crate::paging;
use crate::render::{SERVER, dialect};
use crate::reply::{Outcome, Reply};
use crate::session::{Agreement, CallContext, CallsInFlight};
use crate::subscription::Subscription;
use crate::target;
use crate::task_run;
use crate::telemetry::Observed;

/// What this host offers to everybody. Plugins come and go while clients stay,
/// so it is the same whatever is loaded.
const CAPABILITIES: ServerCapabilities = ServerCapabilities {
    tools: Some(true),
    prompts: Some(true),
    resources: Some(ResourcesCapability {
        subscribe: true,
        list_changed: true,
    }),
    logging: true,
    completions: true,
    tasks: true,
};

/// What a request leads to.
pub enum Routed {
    /// an answer, at once
    Ready(Reply),
    /// a call to drive
    Call(Box<Call>),
    /// an answer that takes a moment, and that nobody can cancel
    Later(Later),
    /// a stream of changes until the client goes away
    Listen(Subscription),
}

impl Routed {
    /// Lets somebody look on until the answer. A subscription is answered with its
    /// beginning.
    #[must_use]
    pub(crate) fn observed(self, observed: Option<Observed>) -> Self {
        let Some(mut observed) = observed else {
            return self;
        };
        match self {
            Self::Ready(reply) => {
                observed.end(Instant::now(), reply.outcome);
                Self::Ready(reply)
            }
            Self::Call(mut call) => {
                observed.calls(&call.handler);
                call.observed = Some(observed);
                Self::Call(call)
            }
            Self::Later(answer) => Self::Later(Box::pin(async move {
                let reply = answer.await;
                observed.end(Instant::now(), reply.outcome);
                reply
            })),
            Self::Listen(subscription) => {
                observed.end(Instant::now(), Outcome::Answered);
                Self::Listen(subscription)
            }
        }
    }
}

/// An answer in the making.
pub type Later = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// Routes a request of the modern era. `headers` are those of HTTP; other
/// transports have none.
pub fn modern(
    host: &Arc<Host>,
    frame: &Bytes,
    request: &Request<'_>,
    headers: Option<&HeaderMap>,
    audience: &Audience,
    origin: &Origin,
) -> Routed {
    match try_modern(host, frame, request, headers, audience, origin) {
        Ok(routed) => routed,
        Err(error) => {
            let sender = Sender {
                audience,
                origin,
                session: None,
            };
            failed(host, request, sender, &error, Era::Modern)
        }
    }
}

fn try_modern(
    host: &Arc<Host>,
    frame: &Bytes,
    request: &Request<'_>,
    headers: Option<&HeaderMap>,
    audience: &Audience,
    origin: &Origin,
) -> Result<Routed, RpcError> {
    let ModernRequest {
        version,
        capabilities: client,
        meta,
    } = era::check_modern(request, headers)?;
    let id = &request.id;
    match &*request.method {
        "server/discover" => {
            let told = host
                .capabilities
                .get(discover_key(version), || rendered(&discover(host, version)))?;
            Ok(Routed::Ready(Reply::result(id, &*told)))
        }
        "tasks/get" | "tasks/update" | "tasks/cancel" if host.long_tasks.enabled() => {
            task(host, request, client, audience)
        }
        "subscriptions/listen" => {
            let params = SubscriptionsListenParams::from_params(&request.params)?;
            let wanted = params.notifications;
            let listen = Subscription::modern(host, id.clone(), wanted, client, audience.clone());
            Ok(Routed::Listen(listen))
        }
        _ => {
            let context = CallContext {
                version,
                client,
                audience: audience.clone(),
                origin: origin.clone(),
                log_level: meta.log_level,
                progress_token: progress_token(&meta)?,
                pending: None,
                session: None,
                close: None,
                impure: None,
            };
            common(host, frame, request, context, headers)
        }
    }
}

/// Routes a request of a legacy client, whose `initialize` (if any) agreed on
/// `agreement`.
pub fn legacy(
    host: &Arc<Host>,
    frame: &Bytes,
    request: &Request<'_>,
    agreement: &Agreement,
    origin: &Origin,
) -> Routed {
    match try_legacy(host, frame, request, agreement, origin) {
        Ok(routed) => routed,
        Err(error) => {
            let sender = Sender {
                audience: &agreement.audience,
                origin,
                session: Some(agreement.serial),
            };
            failed(host, request, sender, &error, Era::Legacy)
        }
    }
}

fn try_legacy(
    host: &Arc<Host>,
    frame: &Bytes,
    request: &Request<'_>,
    agreement: &Agreement,
    origin: &Origin,
) -> Result<Routed, RpcError> {
    match &*request.method {
        "ping" => {}
        "logging/setLevel" => {
            let params = SetLevelParams::from_params(&request.params)?;
            agreement.set_log_level(params.level);
        }
        "resources/subscribe" => {
            let params = SubscribeParams::from_params(&request.params)?;
            let catalogue = host.catalogue.load();
            let offered = catalogue.offered_to(&agreement.audience);
            if offered.reader(&params.uri).is_none() {
                return Err(RpcError::resource_not_found(Era::Legacy, &params.uri));
            }
            agreement
                .subscribe(params.uri.into_owned())
                .map_err(RpcError::invalid_params)?;
        }
        "resources/unsubscribe" => {
            let params = SubscribeParams::from_params(&request.params)?;
            agreement.unsubscribe(&params.uri);
        }
        "initialize" => {
            return Err(RpcError::invalid_request(
                "this session is initialized already; open a new one",
            ));
        }
        _ => {
            let meta = Meta::from_params(&request.params)?;
            let context = agreement.context(origin, progress_token(&meta)?);
            return common(host, frame, request, context, None);
        }
    }
    let empty = EmptyResult {
        dialect: dialect(agreement.version),
        subscription: None,
    };
    Ok(Routed::Ready(Reply::result(&request.id, &empty)))
}

/// The methods of the tasks extension.
fn task(
    host: &Arc<Host>,
    request: &Request<'_>,
    client: ClientCapabilities,
    audience: &Audience,
) -> Result<Routed, RpcError> {
    if !client.tasks {
        let wanted = ClientCapabilities {
            tasks: true,
            ..ClientCapabilities::default()
        };
        let words = "tasks are for clients that declare the extension";
        return Err(RpcError::missing_capability(words, wanted));
    }
    let (host, id, audience) = (host.clone(), request.id.clone(), audience.clone());
    let answered = |id: RequestId, answer: Result<Vec<u8>, RpcError>| match answer {
        Ok(body) => Reply::written(body),
        Err(error) => Reply::error(Some(&id), &error, Era::Modern),
    };
    let later: Later = match &*request.method {
        "tasks/update" => {
            let params = UpdateTaskParams::from_params(&request.params)?;
            let update = task_run::Update::of(params);
            Box::pin(async move {
                let answer = task_run::update(&host, &id, update, client, audience).await;
                answered(id, answer)
            })
        }
        method => {
            let task = TaskParams::from_params(&request.params)?
                .task_id
                .into_owned();
            let cancel = method == "tasks/cancel";
            Box::pin(async move {
                let answer = match cancel {
                    true => task_run::cancel(&host, &id, task, audience).await,
                    false => task_run::get(&host, &id, task, &audience).await,
                };
                answered(id, answer)
            })
        }
    };
    Ok(Routed::Later(later))
}

/// The methods of both eras.
fn common(
    host: &Arc<Host>,
    frame: &Bytes,
    request: &Request<'_>,
    context: CallContext,
    headers: Option<&HeaderMap>,
) -> Result<Routed, RpcError> {
    let found = match &*request.method {
        "tools/list" => return list(host, request, &context, ListKind::Tools),
        "resources/list" => return list(host, request, &context, ListKind::Resources),
        "resources/templates/list" => {
            return list(host, request, &context, ListKind::ResourceTemplates);
        }
        "prompts/list" => return list(host, request, &context, ListKind::Prompts),
        "tools/call" => target::tool(host, frame, request, headers, &context.audience)?,
        "resources/read" => target::resource(host, request, &context)?,
        "prompts/get" => target::prompt(host, request, &context.audience)?,
        "completion/complete" => match target::completion(host, request, &context.audience)? {
            Some(found) => found,
            None => {
                let nothing = target::no_completion(context.version);
                return Ok(Routed::Ready(Reply::result(&request.id, &nothing)));
            }
        },
        other => return Err(RpcError::method_not_found(other)),
    };
    Ok(Routed::Call(Box::new(Call {
        host: host.clone(),
        handler: found.handler,
        id: request.id.clone(),
        target: found.target,
        round: found.round,
        context,
        as_task: false,
        turn: found.turn,
        observed: None,
    })))
}

/// Answers `initialize`, and says what was agreed on.
///
/// # Errors
/// If the params are no `initialize` params.
pub fn initialize(
    request: &Request<'_>,
    audience: &Audience,
) -> Result<(Reply, Agreement), RpcError> {
    let params = InitializeParams::from_params(&request.params)?;
    let version = ProtocolVersion::negotiate(&params.protocol_version);
    let result = InitializeResult {
        version,
        capabilities: CAPABILITIES,
        server_info: SERVER,
        instructions: None,
    };
    let reply = Reply::result(&request.id, &result);
    Ok((
        reply,
        Agreement::new(
            version,
            params.capabilities.known_to(version),
            audience.clone(),
        ),
    ))
}

fn discover(host: &Host, version: ProtocolVersion) -> DiscoverResult<'static> {
    DiscoverResult {
        dialect: dialect(version),
        supported_versions: &ProtocolVersion::MODERN,
        capabilities: ServerCapabilities {
            tasks: host.long_tasks.enabled(),
            ..CAPABILITIES
        },
        instructions: None,
        cache: list_cache(host),
    }
}

/// For how long a modern client may keep what no plugin says anything about, without
/// asking again. Clients that must know at once use `subscriptions/listen`.
fn list_cache(host: &Host) -> CacheHint {
    let ttl = host.live().lists.cache_ttl;
    CacheHint {
        ttl_ms: u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX),
        scope: CacheScope::Public,
    }
}

fn list(
    host: &Arc<Host>,
    request: &Request<'_>,
    context: &CallContext,
    kind: ListKind,
) -> Result<Routed, RpcError> {
    let params = ListParams::from_params(&request.params)?;
    let catalogue = host.catalogue.load();
    let version = context.version;
    let key = Key {
        catalogue: catalogue.id(),
        view: context.audience.view.clone(),
        role: context.audience.role().cloned(),
        kind: Some(kind as usize),
        version,
        cursor: params.cursor.as_deref().map(str::to_owned),
    };
    let page_size = host.live().lists.page_size.get();
    let told = host.capabilities.get(key, || {
        let offered = catalogue.offered_to(&context.audience);
        let page = paging::page(&offered.handlers(kind), params.cursor.as_deref(), page_size)
            .map_err(|_| RpcError::invalid_params("`cursor` is none that this server gave out"))?;
        let items: Vec<&RawJson> = offered.list(kind, version)[page.items].iter().collect();
        rendered(&ListResult {
            dialect: dialect(version),
            kind,
            items: &items,
            next_cursor: page.next.as_deref(),
            cache: offered.list_cache(kind, list_cache(host)),
        })
    })?;
    Ok(Routed::Ready(Reply::result(&request.id, &*told)))
}

/// What `server/discover` says depends on no plugin.
fn discover_key(version: ProtocolVersion) -> Key {
    Key {
        catalogue: 0,
        view: None,
        role: None,
        kind: None,
        version,
        cursor: None,
    }
}

fn rendered<R: Serialize>(result: &R) -> Result<RawJson, RpcError> {
    RawJson::of(result).map_err(|error| RpcError::internal(error.to_string()))
}

fn progress_token(meta: &Meta<'_>) -> Result<Option<RawJson>, RpcError> {
    meta.progress_token
        .map(|raw| RawJson::of(raw).map_err(|error| RpcError::invalid_params(error.to_string())))
        .transpose()
}

fn failed(
    host: &Host,
    request: &Request<'_>,
    sender: Sender<'_>,
    error: &RpcError,
    era: Era,
) -> Routed {
    host.meters.error(Instant::now());
    if let Some(audit) = &host.audit {
        audit.refused(&Refused {
            sender,
            asked: Asked::Request(request),
            why: Why::Error(error),
        });
    }
    Routed::Ready(Reply::error(Some(&request.id), error, era))
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

/// Takes a client's answer to a question of the host. One that nobody asked for
/// is ignored.
pub fn response(response: &Response<'_>, agreement: &Agreement) {
    let Some(id) = &response.id else { return };
    let owned = |raw| RawJson::of::<RawValue>(raw);
    let outcome = match response.outcome {
        Ok(result) => owned(result).map(Ok),
        Err(error) => owned(error).map(Err),
    };
    if let Ok(outcome) = outcome {
        agreement.pending.resolve(id, outcome);
    }
}
