//! `wasi:http` for plugins: from the host functions to whoever sends a request.
//!
//! It owns the words for why a request is not answered. It never opens a socket,
//! and decides on no address: what stands behind [`Outbound`] does.

use std::fmt::Debug;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use crate::call::RequestSink;
use crate::grants::Grants;
use crate::state::State;
use crate::watch::{HostCall, HostCallEnd, join_trace};

/// The body of a request or of a response.
pub type Body = UnsyncBoxBody<Bytes, OutboundError>;

/// A request on its way.
pub type Sending =
    Pin<Box<dyn Future<Output = Result<http::Response<Body>, OutboundError>> + Send>>;

/// How long a plugin wants to wait; what the operator says holds as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patience {
    /// until there is a connection
    pub connect: Option<Duration>,
    /// until there is the head of a response
    pub first_byte: Option<Duration>,
    /// from one piece of its body to the next
    pub between_bytes: Option<Duration>,
}

/// Why a request is not answered, or an answer ends early.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The operator doesn't allow it; says what would.
    #[error("{0}")]
    Denied(String),
    /// There are as many requests on their way as may be.
    #[error("{0}")]
    TooManyAtOnce(String),
    /// The name has no address.
    #[error("the name has no address: {0}")]
    Name(String),
    /// Nobody takes the connection.
    #[error("no connection: {0}")]
    Connect(String),
    /// The other side doesn't show a certificate that is trusted.
    #[error("no encrypted connection: {0}")]
    Tls(String),
    /// There was no connection in time.
    #[error("no connection in time")]
    ConnectTimeout,
    /// There was no response in time, or not all of it.
    #[error("no response in time")]
    ResponseTimeout,
    /// The request's body is larger than it may be.
    #[error("the request has more than {0} bytes")]
    RequestTooLarge(u64),
    /// The response's body is larger than it may be.
    #[error("the response has more than {0} bytes")]
    ResponseTooLarge(u64),
    /// What was said is no HTTP, or ended too early.
    #[error("no good HTTP: {0}")]
    Protocol(String),
}

impl OutboundError {
    /// The kind of it, in one word that says nothing of the request.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Denied(_) => "denied",
            Self::TooManyAtOnce(_) => "too_many_at_once",
            Self::Name(_) => "name",
            Self::Connect(_) => "connect",
            Self::Tls(_) => "tls",
            Self::ConnectTimeout | Self::ResponseTimeout => "timeout",
            Self::RequestTooLarge(_) => "request_too_large",
            Self::ResponseTooLarge(_) => "response_too_large",
            Self::Protocol(_) => "protocol",
        }
    }
}

/// Sends the requests of one plugin, as far as they are allowed.
pub trait Outbound: Debug + Send + Sync {
    /// Sends one request. Follows no redirect. Dropping what it gives ends it.
    fn send(&self, request: http::Request<Body>, patience: Patience) -> Sending;
    /// Whether they carry the trace of their call on.
    fn propagates_trace(&self) -> bool;
}

/// What `wasi:http` keeps in a store. Made only if the plugin asks for it.
pub(crate) struct HttpState {
    context: WasiHttpCtx,
    hooks: Hooks,
}

struct Hooks {
    grants: Arc<Grants>,
    /// of the call that is being served
    sink: Option<Arc<dyn RequestSink>>,
}

impl HttpState {
    /// Lets go of the call.
    pub(crate) fn forget_call(&mut self) {
        self.hooks.sink = None;
    }
}

type Sent = Result<
    (
        http::Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let Some(outbound) = &self.grants.http else {
            let denied = denied(&self.grants.table, &request);
            return Box::new(ready(Err(told(denied))));
        };
        let options = options.unwrap_or_default();
        let patience = Patience {
            connect: options.connect_timeout,
            first_byte: options.first_byte_timeout,
            between_bytes: options.between_bytes_timeout,
        };
        // The guest's own end of a request's body fails only if the guest is gone.
        let broken = |error: Error| OutboundError::Protocol(error.to_string());
        let mut request = request.map(|body| body.map_err(broken).boxed_unsync());
        let watch = self.sink.as_ref().and_then(|sink| {
            sink.host_call(HostCall::Http {
                method: request.method(),
                uri: request.uri(),
            })
        });
        if let Some(watch) = &watch
            && outbound.propagates_trace()
        {
            join_trace(&**watch, request.headers_mut());
        }
        let sending = outbound.send(request, patience);
        Box::new(async move {
            let sent = sending.await;
            if let Some(watch) = watch {
                watch.ended(match &sent {
                    Ok(response) => HostCallEnd::Status(response.status().as_u16()),
                    Err(error) => HostCallEnd::Failed(error.kind()),
                });
            }
            let response = sent.map_err(told)?;
            let response = response.map(|body| body.map_err(told).boxed_unsync());
            let done: Box<dyn Future<Output = _> + Send> = Box::new(ready(Ok(())));
            Ok((response, done))
        })
    }

    /// Whoever speaks HTTP sets it, as the version of the protocol wants it.
    fn set_host_header(&mut self) -> bool {
        false
    }
}

fn denied(table: &str, request: &http::Request<WasiBody>) -> OutboundError {
    let origin = origin(request.uri());
    OutboundError::Denied(format!(
        "not granted: this plugin may send no request; [{table}.http] with allow = [\"{origin}\"] would allow {} {origin}",
        request.method()
    ))
}

/// An address without its path.
fn origin(uri: &http::Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("https");
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    format!("{scheme}://{authority}")
}

/// In the words of `wasi:http`. Where those have no place for a text and the text
/// matters, it is an internal error, which has one.
fn told(error: OutboundError) -> Error {
    match error {
        OutboundError::ConnectTimeout => Error::ConnectionTimeout,
        OutboundError::ResponseTimeout => Error::HttpResponseTimeout,
        OutboundError::RequestTooLarge(max) => Error::HttpRequestBodySize(Some(max)),
        OutboundError::ResponseTooLarge(max) => Error::HttpResponseBodySize(Some(max)),
        other => Error::InternalError(Some(other.to_string())),
    }
}

/// Puts two functions of WASI right. What an error says to a plugin must not have
/// the host's own backtrace, which it has where the operator asked for those; and
/// a response that ends early must say why, which it can't where the code is
/// looked for under another type than it has.
pub(crate) fn correct_errors(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    linker.instance("wasi:io/error@0.2.12")?.func_wrap(
        "[method]error.to-debug-string",
        |store: StoreContextMut<'_, State>, (error,): (Resource<wasmtime::Error>,)| {
            let error = store.data().resources.get(&error)?;
            Ok((format!("{error:#}"),))
        },
    )?;
    linker.instance("wasi:http/types@0.2.12")?.func_wrap(
        "http-error-code",
        |store: StoreContextMut<'_, State>, (error,): (Resource<wasmtime::Error>,)| {
            let error = store.data().resources.get(&error)?;
            Ok((error_code(error),))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// The code of an error of a body; none: it is no error of HTTP.
fn error_code(error: &wasmtime::Error) -> Option<ErrorCode> {
    if let Some(code) = error.downcast_ref::<ErrorCode>() {
        return Some(code.clone());
    }
    Some(match error.downcast_ref::<Error>()? {
        Error::ConnectionTimeout => ErrorCode::ConnectionTimeout,
        Error::HttpResponseTimeout => ErrorCode::HttpResponseTimeout,
        Error::HttpRequestBodySize(max) => ErrorCode::HttpRequestBodySize(*max),
        Error::HttpResponseBodySize(max) => ErrorCode::HttpResponseBodySize(*max),
        Error::InternalError(text) => ErrorCode::InternalError(text.clone()),
        other => ErrorCode::InternalError(Some(other.to_string())),
    })
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let grants = self.grants();
        let sink = self.sink().cloned();
        let http = self.http.get_or_insert_with(|| {
            Box::new(HttpState {
                context: WasiHttpCtx::new(),
                hooks: Hooks { grants, sink: None },
            })
        });
        // A store outlives the call that it was made for.
        http.hooks.sink = sink;
        WasiHttpCtxView {
            hooks: &mut http.hooks,
            table: &mut self.resources,
            ctx: &mut http.context,
        }
    }
}
