//! The requests of one plugin: checked, sent, and counted.
//!
//! It owns where they may go: the origin by the operator's list, and each address
//! that a name leads to by what it is. A connection is made to the address that
//! was checked, so no name can change its meaning in between; connections are kept
//! for this plugin alone, so none that another may have is used. It follows no
//! redirect.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use fusebox_engine::{Body, Outbound, OutboundError, Patience, Sending};
use http::{Method, Request, Uri};
use http_body_util::BodyExt as _;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use tower_service::Service;

use super::address::refused;
use super::response::{Counted, Watched};
use crate::config::{AddressRange, HttpGrant, normal_host};
use crate::transport::tls::provider;

/// Connections without a request that are kept for one origin.
const IDLE_MAX: usize = 8;

/// How long each of them is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

type Connector = HttpsConnector<HttpConnector<Resolver>>;

/// Sends the requests of one plugin.
pub(super) struct HttpClient {
    table: Arc<str>,
    grant: HttpGrant,
    client: Client<Connector, Body>,
    places: Arc<Semaphore>,
    /// the connections live here, wherever a call is
    runtime: Handle,
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("grant", &self.grant)
            .finish_non_exhaustive()
    }
}

/// Whom the system trusts.
pub(crate) fn system_trust() -> ClientConfig {
    trust(rustls_native_certs::load_native_certs().certs)
}

/// Trusts whom these certificates stand for.
pub(crate) fn trust(certificates: Vec<CertificateDer<'static>>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    // A system has certificates that no library reads; the others count.
    roots.add_parsable_certificates(certificates);
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap_or_else(|_| unreachable!("the provider has the versions of its own"))
        .with_root_certificates(roots)
        .with_no_client_auth()
}

impl HttpClient {
    /// For the plugin with this grant, which stands in `table`.
    pub(super) fn new(table: String, grant: HttpGrant, tls: Arc<ClientConfig>) -> Self {
        let table: Arc<str> = table.into();
        let resolver = Resolver {
            table: table.clone(),
            addresses: grant.addresses.clone().into(),
        };
        let mut http = HttpConnector::new_with_resolver(resolver);
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(grant.timeout));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(ClientConfig::clone(&tls))
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_MAX)
            .build(connector);
        Self {
            table,
            client,
            places: Arc::new(Semaphore::new(grant.concurrent_max)),
            runtime: Handle::current(),
            grant,
        }
    }

    /// Whether a request may leave at all; its address is looked at later.
    fn check(&self, method: &Method, uri: &Uri) -> Result<(), OutboundError> {
        let denied = |what: String| Err(OutboundError::Denied(format!("not granted: {what}")));
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return denied("the address of a request must be whole".to_owned());
        };
        if authority.as_str().contains('@') {
            return denied("an address with a user in it; send the header `authorization`".into());
        }
        if method == Method::CONNECT {
            return denied("a tunnel through another server (CONNECT)".to_owned());
        }
        let encrypted = scheme == "https";
        let host = normal_host(authority.host());
        let port = authority
            .port_u16()
            .unwrap_or(if encrypted { 443 } else { 80 });
        let allow = &self.grant.allow;
        let fits =
            |one: &crate::config::Destination| one.allows(method.as_str(), encrypted, &host, port);
        if !allow.iter().any(fits) {
            let table = &self.table;
            return denied(format!(
                "{method} {scheme}://{authority}; \"{scheme}://{authority}\" in `allow` of [{table}] would allow it"
            ));
        }
        match host.parse::<IpAddr>() {
            Ok(address) => check_address(&self.table, &self.grant.addresses, &host, address),
            Err(_) => Ok(()),
        }
    }
}

impl Outbound for HttpClient {
    fn propagates_trace(&self) -> bool {
        self.grant.propagate_trace
    }

    fn send(&self, request: Request<Body>, patience: Patience) -> Sending {
        if let Err(denied) = self.check(request.method(), request.uri()) {
            return Box::pin(std::future::ready(Err(denied)));
        }
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            let max = self.grant.concurrent_max;
            let full = OutboundError::TooManyAtOnce(format!(
                "{max} requests of this plugin are on their way; `concurrent_max` in [{}] raises that",
                self.table
            ));
            return Box::pin(std::future::ready(Err(full)));
        };
        let (request_max, response_max) =
            (self.grant.request_max_bytes, self.grant.response_max_bytes);
        let request = request.map(|body| {
            let too_large = OutboundError::RequestTooLarge(request_max);
            Counted::new(body, request_max, too_large).boxed_unsync()
        });
        let end = Instant::now() + self.grant.timeout;
        let wants = [patience.connect, patience.first_byte]
            .into_iter()
            .flatten();
        // Both begin now, for a connection that is there takes no time.
        let head_end = match (patience.connect, patience.first_byte) {
            (_, Some(_)) => (Instant::now() + wants.sum::<Duration>()).min(end),
            _ => end,
        };
        let client = self.client.clone();
        let task = AbortOnDropHandle::new(self.runtime.spawn(async move {
            let response = tokio::time::timeout_at(head_end, client.request(request))
                .await
                .map_err(|_| OutboundError::ResponseTimeout)?
                .map_err(|error| reason(&error))?;
            let too_large = OutboundError::ResponseTooLarge(response_max);
            Ok(response.map(|body| {
                let body = body.map_err(|error| reason(&error));
                let counted = Counted::new(body, response_max, too_large);
                Watched::new(counted, end, patience.between_bytes, place).boxed_unsync()
            }))
        }));
        Box::pin(async move {
            match task.await {
                Ok(sent) => sent,
                Err(error) => Err(OutboundError::Protocol(error.to_string())),
            }
        })
    }
}

/// Refuses an address that is not public, unless the operator has named it.
fn check_address(
    table: &str,
    granted: &[AddressRange],
    host: &str,
    address: IpAddr,
) -> Result<(), OutboundError> {
    let Some(kind) = refused(address, granted) else {
        return Ok(());
    };
    let leads = match host.parse::<IpAddr>() {
        Ok(_) => host.to_owned(),
        Err(_) => format!("{host} leads to {address}"),
    };
    Err(OutboundError::Denied(format!(
        "not granted: {leads}, which is {kind}; \"{address}\" in `addresses` of [{table}] would allow it"
    )))
}

/// Looks names up, and gives only addresses that may be connected to.
#[derive(Clone)]
struct Resolver {
    table: Arc<str>,
    addresses: Arc<[AddressRange]>,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = OutboundError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Self { table, addresses } = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found = found.map_err(|error| OutboundError::Name(error.to_string()))?;
            let mut allowed = Vec::new();
            let mut denied = OutboundError::Name("there is none".to_owned());
            for address in found {
                match check_address(&table, &addresses, name.as_str(), address.ip()) {
                    Ok(()) => allowed.push(address),
                    Err(error) => denied = error,
                }
            }
            if allowed.is_empty() {
                return Err(denied);
            }
            Ok(allowed.into_iter())
        })
    }
}

/// The reason at the root of an error, in our words.
fn reason(error: &(dyn StdError + 'static)) -> OutboundError {
    let mut next = Some(error);
    let mut connects = false;
    let mut words = error.to_string();
    while let Some(error) = next {
        if let Some(ours) = error.downcast_ref::<OutboundError>() {
            return ours.clone();
        }
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return OutboundError::Tls(tls.to_string());
        }
        if let Some(client) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
            connects |= client.is_connect();
        }
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            if connects && io.kind() == std::io::ErrorKind::TimedOut {
                return OutboundError::ConnectTimeout;
            }
            // An error in it is not its source.
            if let Some(inner) = io.get_ref() {
                let inner: &(dyn StdError + 'static) = inner;
                if let OutboundError::Tls(words) = reason(inner) {
                    return OutboundError::Tls(words);
                }
            }
        }
        words = error.to_string();
        next = error.source();
    }
    match connects {
        true => OutboundError::Connect(words),
        false => OutboundError::Protocol(words),
    }
}
