//! Listening sockets: binding, accepting, counting and refusing connections.
//!
//! It owns a connection until it is handed to what speaks over it. It never
//! reads a byte.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::OwnedSemaphorePermit;

use super::{http, stream};
use crate::config::{Listener, Scheme, Socket};
use crate::host::Host;
use crate::meters::GaugeGuard;

/// How long accepting rests after the system refused (out of descriptors, say).
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// What an HTTP client gets when the host has no room for its connection.
const HTTP_FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
retry-after: 1\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 135\r\n\r\n\
{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,\"message\":\"too many connections\",\"data\":{\"reason\":\"overloaded\",\"retryAfterMs\":1000}}}";

/// The same on a newline-delimited stream.
const STREAM_FULL: &[u8] = b"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,\"message\":\"too many connections\",\"data\":{\"reason\":\"overloaded\",\"retryAfterMs\":1000}}}\n";

/// A bound socket.
pub struct Bound {
    listener: TcpListener,
    /// what is spoken over it
    pub scheme: Scheme,
    /// where it really is: a port of 0 was chosen by the system
    pub addr: SocketAddr,
}

/// A connection that counts for as long as this lives.
struct Counted {
    _permit: OwnedSemaphorePermit,
    _gauge: GaugeGuard,
}

/// Binds a listener.
///
/// # Errors
/// The system's, for instance if the port is taken.
pub fn bind(listener: &Listener, socket: &Socket) -> io::Result<Bound> {
    let tcp = match listener.addr {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    tcp.set_reuseaddr(socket.reuseaddr)?;
    // Accepted connections inherit it.
    tcp.set_keepalive(socket.keepalive)?;
    tcp.bind(listener.addr)?;
    let bound = tcp.listen(socket.backlog)?;
    Ok(Bound {
        addr: bound.local_addr()?,
        scheme: listener.scheme,
        listener: bound,
    })
}

impl Bound {
    /// Accepts until the host stops; each connection is a task of its own.
    pub async fn accept(self, host: Arc<Host>) {
        loop {
            let accepted = tokio::select! {
                () = host.stopping.cancelled() => return,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.take(&host, stream, peer),
                Err(error) => {
                    tracing::warn!(%error, listener = %self.addr, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }

    fn take(&self, host: &Arc<Host>, stream: TcpStream, peer: SocketAddr) {
        if let Err(error) = stream.set_nodelay(host.config.socket.nodelay) {
            tracing::debug!(%error, %peer, "no TCP_NODELAY");
        }
        let scheme = self.scheme;
        let Ok(permit) = host.connections.clone().try_acquire_owned() else {
            tracing::warn!(%peer, max_connections = host.config.max_connections, "connection refused: too many");
            host.meters.error(std::time::Instant::now());
            tokio::spawn(refuse(stream, scheme));
            return;
        };
        let counted = Counted {
            _permit: permit,
            _gauge: host.meters.connection(),
        };
        let (host, local) = (host.clone(), self.addr);
        let tracker = host.tasks.clone();
        tracker.spawn(async move {
            match scheme {
                Scheme::Http => http::serve(host, stream, local).await,
                Scheme::Tcp => speak_lines(host, stream, peer).await,
            }
            drop(counted);
        });
    }
}

async fn refuse(mut stream: TcpStream, scheme: Scheme) {
    let words = match scheme {
        Scheme::Http => HTTP_FULL,
        Scheme::Tcp => STREAM_FULL,
    };
    // Whoever doesn't read the refusal has lost only that.
    let _ = tokio::time::timeout(Duration::from_secs(1), stream.write_all(words)).await;
}

async fn speak_lines(host: Arc<Host>, mut stream: TcpStream, peer: SocketAddr) {
    let idle_timeout = host.config.stream.idle_timeout;
    let (reader, writer) = stream.split();
    match stream::serve(host, reader, writer, idle_timeout, None).await {
        Ok(ended) => tracing::debug!(%peer, ?ended, "connection ended"),
        Err(error) => tracing::debug!(%peer, %error, "connection lost"),
    }
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
    }
}
