//! QUIC: one UDP port, on which a client chooses between HTTP/3 and JSON-RPC with
//! a session for each stream.
//!
//! It owns connections from the first packet to their close: who has to prove its
//! address, how long a handshake may take, and what is spoken after it. It never
//! looks into a stream: [`http3`] and [`lines`] do.

mod bind;
mod connection;
mod http3;
mod lines;
mod streams;
mod turns;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use quinn::crypto::rustls::HandshakeData;
use quinn::{Connecting, Connection, Endpoint, Incoming, VarInt};
use rustls::pki_types::CertificateDer;
use tokio::time::timeout;

pub(super) use bind::{Listener, socket};

use super::counted::Counted;
use super::door;
use super::tls::{H3, LINES};
use crate::auth::Denied;
use crate::config::Scheme;
use crate::host::Host;
use crate::origin::{Carrier, Origin};

/// How long accepting rests after the system refused.
const ACCEPT_RETRY: Duration = Duration::from_secs(1);

/// The connection ends, and nothing is wrong.
const NO_ERROR: VarInt = VarInt::from_u32(0);

/// The client and this host have no protocol in common.
const NO_PROTOCOL: VarInt = VarInt::from_u32(1);

/// The client's certificate lets it do nothing here.
const NOT_LET_IN: VarInt = VarInt::from_u32(3);

/// A handshake that counts for as long as this lives.
struct Handshake(Arc<AtomicUsize>);

impl Handshake {
    fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count.clone())
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Accepts until the host stops, and ends when the last connection has.
pub(super) async fn accept(listener: Arc<Listener>, host: Arc<Host>, local: SocketAddr) {
    // Two hosts that read from one socket would each get half of a connection.
    tokio::select! {
        () = host.alone.cancelled() => {}
        () = host.stopping.cancelled() => return,
    }
    match listener.endpoint() {
        Ok(endpoint) => accept_from(endpoint, host, local).await,
        Err(error) => {
            tracing::error!(%error, %local, "no QUIC: it is tried again");
            tokio::time::sleep(ACCEPT_RETRY).await;
        }
    }
    listener.end();
}

async fn accept_from(endpoint: Endpoint, host: Arc<Host>, local: SocketAddr) {
    let handshakes = Arc::new(AtomicUsize::new(0));
    loop {
        let incoming = tokio::select! {
            () = host.stopping.cancelled() => break,
            incoming = endpoint.accept() => incoming,
        };
        match incoming {
            Some(incoming) => take(&host, incoming, local, &handshakes),
            None => break,
        }
    }
    if host.is_refusing() {
        // From now on a new client is refused at once.
        endpoint.set_server_config(None);
    }
    loop {
        tokio::select! {
            () = endpoint.wait_idle() => return,
            () = host.stopped.cancelled() => return,
            // It tries again in a moment, and reaches the host that comes after.
            incoming = endpoint.accept() => match incoming {
                Some(incoming) => incoming.ignore(),
                None => return,
            },
        }
    }
}

fn take(host: &Arc<Host>, incoming: Incoming, local: SocketAddr, handshakes: &Arc<AtomicUsize>) {
    let busy = handshakes.load(Ordering::Relaxed) >= host.live().quic.retry_handshakes;
    let incoming = if busy && !incoming.remote_address_validated() {
        // Whoever lies about its address never sees the token that this sends, and
        // takes no memory here.
        match incoming.retry() {
            Ok(()) => return,
            Err(not_possible) => not_possible.into_incoming(),
        }
    } else {
        incoming
    };
    let peer = incoming.remote_address();
    if host.is_draining() {
        incoming.refuse();
        return;
    }
    let Some(counted) = Counted::enter(host, Scheme::Quic, peer) else {
        incoming.refuse();
        return;
    };
    let handshake = Handshake::begin(handshakes);
    let tracker = host.tasks.clone();
    let host = host.clone();
    tracker.spawn(async move {
        let gauge = host.meters.quic_connection();
        match shake_hands(&host, incoming).await {
            Ok(connection) => {
                drop(handshake);
                serve(host, connection, local).await;
            }
            Err(error) => tracing::debug!(%peer, error, "no QUIC connection"),
        }
        drop((counted, gauge));
    });
}

async fn shake_hands(host: &Host, incoming: Incoming) -> Result<Connection, String> {
    let connecting: Connecting = incoming.accept().map_err(|error| error.to_string())?;
    tokio::select! {
        shaken = timeout(host.live().tls.handshake_timeout, connecting) => match shaken {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_elapsed) => Err("the handshake took longer than `tls.handshake_timeout_ms`".into()),
        },
        () = host.stopping.cancelled() => Err("the host stops".into()),
    }
}

/// Who is at the other end: its address, and what its certificate says.
fn origin(host: &Host, connection: &Connection) -> Result<Origin, Denied> {
    let shown = connection.peer_identity();
    let shown = shown.and_then(|shown| shown.downcast::<Vec<CertificateDer<'static>>>().ok());
    let first = shown.as_ref().and_then(|chain| chain.first());
    let who = host
        .auth
        .certified(&host.live(), first.map(AsRef::as_ref))?;
    Ok(Origin::new(connection.remote_address(), Carrier::Quic, who))
}

async fn serve(host: Arc<Host>, connection: Connection, local: SocketAddr) {
    let origin = match origin(&host, &connection) {
        Ok(origin) => origin,
        Err(denied) => {
            let origin = Origin::new(connection.remote_address(), Carrier::Quic, None);
            door::not_let_in(&host, &denied, &origin);
            return connection.close(NOT_LET_IN, denied.to_string().as_bytes());
        }
    };
    let agreed = connection
        .handshake_data()
        .and_then(|data| data.downcast::<HandshakeData>().ok())
        .and_then(|data| data.protocol);
    match agreed.as_deref() {
        Some(H3) => http3::serve(host, connection, local, origin).await,
        Some(LINES) => lines::serve(host, connection, origin).await,
        // TLS has refused those already that don't name one.
        _ => connection.close(NO_PROTOCOL, b"choose h3 or mcp-ndjson by ALPN"),
    }
}
