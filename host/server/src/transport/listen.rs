//! Listening sockets: binding, accepting, counting and refusing connections.
//!
//! It owns a connection until it is handed to what speaks over it. It never
//! reads a byte.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::counted::Counted;
use super::stream::{Door, Ended};
use super::tls::Tls;
use super::{door, http, quic, stream};
use crate::config::{Config, Listener, Scheme, Socket};
use crate::host::Host;
use crate::inherited::Inherited;
use crate::origin::{Carrier, Origin};
use crate::refusal::millis_up;
use crate::successor::Handle;

/// How long accepting rests after the system refused (out of descriptors, say).
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// How long a peer has to close its side, once this side is closed.
const LINGER: Duration = Duration::from_secs(1);

/// What an HTTP client gets when the host has no room for its connection.
const HTTP_FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
retry-after: 1\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 125\r\n\r\n\
{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":\"too many connections\",\"data\":{\"reason\":\"overloaded\",\"retryAfterMs\":1000}}}";

/// The same on a newline-delimited stream.
const STREAM_FULL: &[u8] = b"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":\"too many connections\",\"data\":{\"reason\":\"overloaded\",\"retryAfterMs\":1000}}}\n";

/// What is said there by a host that takes nobody new.
const STREAM_DRAINS: &[u8] = b"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32010,\"message\":\"the host is shutting down\",\"data\":{\"reason\":\"shutting_down\",\"retryAfterMs\":1000}}}\n";

/// A bound socket.
pub struct Bound {
    socket: Listening,
    /// what is spoken over it
    pub scheme: Scheme,
    /// where it really is: a port of 0 was chosen by the system
    pub addr: SocketAddr,
    /// what it shows, if it is encrypted
    pub(crate) tls: Option<Tls>,
    /// for the host that takes this one's place
    pub(crate) handle: Handle,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.addr)
    }
}

/// The kinds of sockets.
enum Listening {
    Tcp(Arc<TcpListener>),
    Quic(Arc<quic::Listener>),
}

/// Binds a listener, or takes the socket that is there for it. `tls` is there if any
/// listener is encrypted.
///
/// # Errors
/// The system's, for instance if the port is taken.
pub fn bind(
    listener: &Listener,
    config: &Config,
    tls: Option<&Tls>,
    inherited: &mut Inherited,
) -> io::Result<Bound> {
    let (socket, addr, handle) = match (listener.scheme, tls) {
        (Scheme::Quic, Some(tls)) => {
            let udp = match inherited.udp(listener)? {
                Some(udp) => udp,
                None => quic::socket(listener.addr)?,
            };
            let (addr, handle) = (udp.local_addr()?, udp.as_fd().try_clone_to_owned()?);
            let quic = quic::Listener::new(udp, tls.clone(), config.quic);
            (Listening::Quic(Arc::new(quic)), addr, handle)
        }
        _ => {
            let tcp = match inherited.tcp(listener)? {
                Some(tcp) => TcpListener::from_std(tcp)?,
                None => bind_tcp(listener, &config.socket)?,
            };
            let (addr, handle) = (tcp.local_addr()?, tcp.as_fd().try_clone_to_owned()?);
            (Listening::Tcp(Arc::new(tcp)), addr, handle)
        }
    };
    Ok(Bound {
        addr,
        handle: Handle {
            listener: *listener,
            socket: handle,
        },
        scheme: listener.scheme,
        tls: tls.filter(|_| listener.scheme.is_encrypted()).cloned(),
        socket,
    })
}

/// Binds a socket of TCP, with the options of `[socket]`.
pub(crate) fn bind_tcp(listener: &Listener, socket: &Socket) -> io::Result<TcpListener> {
    let tcp = match listener.addr {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    tcp.set_reuseaddr(socket.reuseaddr)?;
    // Accepted connections inherit it.
    tcp.set_keepalive(socket.keepalive)?;
    tcp.bind(listener.addr)?;
    tcp.listen(socket.backlog)
}

impl Bound {
    /// Lets new connections over QUIC begin with what `tls` shows now.
    pub(crate) fn renewal(&self) -> Option<impl Fn(&Tls) + Send + Sync + use<>> {
        let Listening::Quic(quic) = &self.socket else {
            return None;
        };
        let quic = quic.clone();
        Some(move |tls: &Tls| {
            if let Err(error) = quic.renew(tls) {
                tracing::error!(%error, "QUIC shows the certificate from before");
            }
        })
    }

    /// Accepts until the host stops; each connection is a task of its own. What is left
    /// is for the host that takes this one's place.
    pub(crate) fn accept(self, host: &Arc<Host>) -> Handle {
        // Awaited: QUIC says its last words after its last connection has ended.
        let part = host.parts.part(format!("listener {self}")).is_awaited();
        let (host, local) = (host.clone(), self.addr);
        match self.socket {
            Listening::Quic(quic) => {
                part.keep(move |_| quic::accept(quic.clone(), host.clone(), local));
            }
            Listening::Tcp(listener) => {
                let way = Arc::new(Way {
                    scheme: self.scheme,
                    local,
                    tls: self.tls,
                });
                part.keep(move |_| accept_tcp(host.clone(), listener.clone(), way.clone()));
            }
        }
        self.handle
    }
}

/// What becomes of the connections of one TCP socket.
struct Way {
    scheme: Scheme,
    local: SocketAddr,
    tls: Option<Tls>,
}

async fn accept_tcp(host: Arc<Host>, listener: Arc<TcpListener>, way: Arc<Way>) {
    loop {
        let accepted = tokio::select! {
            () = host.stopping.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => way.take(&host, stream, peer),
            Err(error) => {
                host.meters.accept_failed();
                tracing::warn!(%error, listener = %way.local, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

impl Way {
    /// Tells a connection that there is no room for it.
    fn turn_away(&self, host: &Arc<Host>, stream: TcpStream) {
        let (host, local, scheme) = (host.clone(), self.local, self.scheme);
        tokio::spawn(async move {
            match host.probes.try_acquire() {
                Ok(_room) if scheme == Scheme::Http => {
                    http::serve_probe(host.clone(), stream, local).await;
                }
                _ => refuse(stream, scheme, host.is_draining()).await,
            }
        });
    }

    fn take(&self, host: &Arc<Host>, stream: TcpStream, peer: SocketAddr) {
        tune(&stream, &host.live().socket);
        if host.is_draining() {
            return self.turn_away(host, stream);
        }
        let Some(counted) = Counted::enter(host, self.scheme, peer) else {
            return self.turn_away(host, stream);
        };
        let (serving, local) = (host.clone(), self.local);
        // A task for each kind: one that can be any of them would take as much
        // memory for each connection as the largest.
        match (self.scheme, self.tls.clone()) {
            (Scheme::Tcp | Scheme::Quic, _) => {
                host.tasks
                    .spawn(speak_lines(serving, stream, peer, counted));
            }
            (_, None) => {
                host.tasks
                    .spawn(speak_http(serving, stream, peer, local, counted));
            }
            (_, Some(tls)) => {
                let speaking = speak_https(serving, stream, peer, local, tls.acceptor(), counted);
                host.tasks.spawn(speaking);
            }
        }
    }
}

/// Sets what a connection doesn't inherit from its listener.
fn tune(stream: &TcpStream, socket: &Socket) {
    if let Err(error) = stream.set_nodelay(socket.nodelay) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
}

/// A client in the middle of nothing can't be told why: it is not understood yet.
async fn refuse(mut stream: TcpStream, scheme: Scheme, draining: bool) {
    let words = match scheme {
        Scheme::Http => HTTP_FULL,
        Scheme::Tcp if draining => STREAM_DRAINS,
        Scheme::Tcp => STREAM_FULL,
        Scheme::Https | Scheme::Quic => return,
    };
    // Whoever doesn't read the refusal has lost only that.
    let _ = timeout(Duration::from_secs(1), stream.write_all(words)).await;
}

async fn speak_http(
    host: Arc<Host>,
    stream: TcpStream,
    peer: SocketAddr,
    local: SocketAddr,
    _counted: Counted,
) {
    http::serve(host, stream, local, Origin::new(peer, Carrier::Tcp, None)).await;
}

async fn speak_https(
    host: Arc<Host>,
    stream: TcpStream,
    peer: SocketAddr,
    local: SocketAddr,
    tls: TlsAcceptor,
    _counted: Counted,
) {
    let handshake = timeout(host.live().tls.handshake_timeout, tls.accept(stream));
    let shaken = tokio::select! {
        shaken = handshake => shaken,
        () = host.closing.cancelled() => return,
    };
    match shaken {
        Ok(Ok(stream)) => {
            let shown = stream.get_ref().1.peer_certificates();
            let first = shown.and_then(|chain| chain.first());
            let certified = host.auth.certified(&host.live(), first.map(AsRef::as_ref));
            match certified {
                Ok(who) => {
                    let origin = Origin::new(peer, Carrier::Tcp, who);
                    http::serve(host, stream, local, origin).await;
                }
                Err(denied) => {
                    let origin = Origin::new(peer, Carrier::Tcp, None);
                    door::not_let_in(&host, &denied, &origin);
                    tracing::info!(%peer, %denied, "connection ended");
                }
            }
        }
        Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS"),
        Err(_elapsed) => {
            tracing::debug!(%peer, "the handshake took longer than `tls.handshake_timeout_ms`");
        }
    }
}

async fn speak_lines(host: Arc<Host>, mut stream: TcpStream, peer: SocketAddr, _counted: Counted) {
    let idle_timeout = host.live().stream.idle_timeout;
    let (mut reader, mut writer) = stream.split();
    let origin = Origin::new(peer, Carrier::Tcp, None);
    let served = stream::serve(
        host.clone(),
        &mut reader,
        &mut writer,
        idle_timeout,
        Door::of(&host, &origin),
        origin,
    )
    .await;
    match served {
        Ok(Ended::Stopping | Ended::Idle) => linger(stream).await,
        Ok(Ended::SlowReader) if !host.is_stopping() => {
            host.meters.slow_reader();
            tracing::warn!(
                %peer,
                write_timeout_ms = millis_up(host.live().socket.write_timeout),
                "connection ended: it does not read what it asked for"
            );
        }
        Ok(ended) => tracing::debug!(%peer, ?ended, "connection ended"),
        Err(error) => tracing::debug!(%peer, %error, "connection lost"),
    }
}

/// Says that nothing more comes, and passes over what the peer still sends: closed
/// with something unread, a socket would take the last answers along.
async fn linger(mut stream: TcpStream) {
    let mut passed = [0; 1024];
    let passing = async {
        stream.shutdown().await?;
        while stream.read(&mut passed).await? > 0 {}
        io::Result::Ok(())
    };
    // Whoever doesn't close its side has lost nothing.
    let _ = timeout(LINGER, passing).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusals_are_whole_messages() {
        let text = std::str::from_utf8(HTTP_FULL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("content-length: {}", body.len())),
            "{}",
            body.len()
        );
        assert_eq!(format!("{body}\n").as_bytes(), STREAM_FULL);
        assert!(serde_json::from_str::<serde::de::IgnoredAny>(body).is_ok());
        let draining: serde_json::Value = serde_json::from_slice(STREAM_DRAINS).unwrap();
        assert_eq!(draining["error"]["data"]["reason"], "shutting_down");
    }
}
