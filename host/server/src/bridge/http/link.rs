//! What all requests to one host share: the connections, the session of a legacy
//! client, and which requests run.
//!
//! It owns that state. It never reads a response.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use fusebox_protocol::headers::{PROTOCOL_VERSION, SESSION_ID};
use fusebox_protocol::{Era, RequestId};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use parking_lot::Mutex;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::headers::Headers;
use super::tools::Tools;
use crate::bridge::ends::Output;
use crate::bridge::open::Open;
use crate::bridge::{BridgeError, CONNECT_TIMEOUT, Options, Target, trust};

/// How often a quiet connection is asked for a sign of life.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Unused connections that are kept.
const IDLE_CONNECTIONS_MAX: usize = 8;

/// How long the end of a session may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

const BOTH: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Why a request had no response.
pub(super) type NoResponse = hyper_util::client::legacy::Error;

/// One host, and one client of it.
pub(super) struct Link {
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    uri: Uri,
    /// what the command line adds to each request
    fixed: HeaderMap,
    pub(super) output: Output,
    pub(super) open: Open,
    pub(super) tools: Tools,
    running: Mutex<HashMap<RequestId, (CancellationToken, Era)>>,
    session: Mutex<Session>,
    why: Mutex<Option<String>>,
    /// raised when the host is lost, and nothing more can come of it
    pub(super) lost: CancellationToken,
    /// raised when the client has ended
    pub(super) ending: CancellationToken,
}

/// What a legacy client agreed on.
#[derive(Default)]
struct Session {
    id: Option<HeaderValue>,
    version: Option<HeaderValue>,
    ended: CancellationToken,
}

/// A session to follow the changes of.
pub(super) struct Followed {
    pub(super) ended: CancellationToken,
}

impl Link {
    pub(super) fn new(
        url: &Target,
        options: &Options,
        output: Output,
    ) -> Result<Self, BridgeError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEP_ALIVE));
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(trust::client(options)?)
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(tcp);
        let http = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http2_keep_alive_interval(KEEP_ALIVE)
            .build(connector);
        let mut fixed = HeaderMap::new();
        for (name, value) in &options.headers {
            fixed.append(name.clone(), value.clone());
        }
        Ok(Self {
            http,
            uri: url.uri.clone(),
            fixed,
            output,
            open: Open::default(),
            tools: Tools::default(),
            running: Mutex::default(),
            session: Mutex::default(),
            why: Mutex::default(),
            lost: CancellationToken::new(),
            ending: CancellationToken::new(),
        })
    }

    /// Sends a message.
    pub(super) async fn post(
        &self,
        body: Bytes,
        headers: Headers,
    ) -> Result<Response<Incoming>, NoResponse> {
        let mut request = self.request(Method::POST, body, headers);
        let own = request.headers_mut();
        own.insert(ACCEPT, BOTH);
        own.insert(CONTENT_TYPE, JSON);
        self.http.request(request).await
    }

    /// Asks for a legacy stream.
    pub(super) async fn get(&self, headers: Headers) -> Result<Response<Incoming>, NoResponse> {
        let mut request = self.request(Method::GET, Bytes::new(), headers);
        request.headers_mut().insert(ACCEPT, EVENTS);
        self.http.request(request).await
    }

    fn request(&self, method: Method, body: Bytes, headers: Headers) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.fixed.clone();
        for (name, value) in headers {
            request.headers_mut().insert(name, value);
        }
        request
    }

    /// Notes that a request runs; the token is cancelled when its client gives up.
    pub(super) fn begin(&self, id: &RequestId) -> CancellationToken {
        let token = CancellationToken::new();
        let entry = (token.clone(), Era::Legacy);
        self.running.lock().insert(id.clone(), entry);
        token
    }

    /// Notes that a request is one of the modern era.
    pub(super) fn is_modern(&self, id: &RequestId) {
        if let Some((_, era)) = self.running.lock().get_mut(id) {
            *era = Era::Modern;
        }
    }

    pub(super) fn end(&self, id: &RequestId) {
        self.running.lock().remove(id);
    }

    /// The client gives a request up. Its era, if it runs.
    pub(super) fn cancel(&self, id: &RequestId) -> Option<Era> {
        let (token, era) = self.running.lock().get(id).cloned()?;
        token.cancel();
        Some(era)
    }

    /// What a message of a legacy client gets beside its body.
    pub(super) fn legacy_headers(&self) -> Headers {
        let session = self.session.lock();
        let id = session.id.clone();
        let version = session.version.clone();
        let named = |name, value: Option<HeaderValue>| {
            value.map(|value| (HeaderName::from_static(name), value))
        };
        let both = [named(SESSION_ID, id), named(PROTOCOL_VERSION, version)];
        both.into_iter().flatten().collect()
    }

    /// A new session is about to begin.
    pub(super) fn forget_session(&self) {
        let before = std::mem::take(&mut *self.session.lock());
        before.ended.cancel();
    }

    /// The session that `initialize` opened, if the host has sessions.
    pub(super) fn agreed_session(&self, id: Option<HeaderValue>) {
        self.session.lock().id = id;
    }

    /// The version that `initialize` agreed on.
    pub(super) fn agreed_version(&self, version: Option<HeaderValue>) {
        self.session.lock().version = version;
    }

    /// The session, if there is one.
    pub(super) fn session(&self) -> Option<Followed> {
        let session = self.session.lock();
        session.id.as_ref().map(|_| Followed {
            ended: session.ended.clone(),
        })
    }

    /// Ends the session, if there is one.
    pub(super) async fn close_session(&self) {
        if self.session().is_none() || self.lost.is_cancelled() {
            return;
        }
        let request = self.request(Method::DELETE, Bytes::new(), self.legacy_headers());
        match timeout(CLOSE_TIMEOUT, self.http.request(request)).await {
            Ok(Ok(response)) => tracing::debug!(status = %response.status(), "session ended"),
            Ok(Err(error)) => tracing::debug!(%error, "the session was not ended"),
            Err(_elapsed) => tracing::debug!("the session was not ended: the host is silent"),
        }
    }

    /// A session that the host doesn't know any more is lost, and the client has to
    /// begin anew.
    pub(super) fn note_status(&self, status: StatusCode) {
        if status == StatusCode::NOT_FOUND && self.session().is_some() {
            self.lose("the host has ended the session");
        }
    }

    /// Nothing more can come of this host.
    pub(super) fn lose(&self, why: &str) {
        self.why.lock().get_or_insert_with(|| why.to_owned());
        self.lost.cancel();
    }

    pub(super) fn why_lost(&self) -> String {
        self.why.lock().clone().unwrap_or_default()
    }
}
