//! The UDP socket of a QUIC listener, and how its connections are tuned and
//! bounded.
//!
//! It owns figures. It never accepts a connection.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use quinn::{
    AckFrequencyConfig, Endpoint, EndpointConfig, IdleTimeout, MtuDiscoveryConfig, ServerConfig,
    TransportConfig, VarInt,
};
use socket2::{Domain, Protocol, Socket, Type};

use super::turns::Turns;
use crate::config::Quic;
use crate::transport::tls::Tls;

/// What the kernel may hold for the socket in each direction. It grants less where
/// `net.core.rmem_max` and `wmem_max` are lower.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;

/// The largest packet that is tried: an Ethernet jumbo frame without its headers.
/// Loopback and many data centres carry it; elsewhere smaller ones are found.
const UDP_PAYLOAD_MAX_BYTES: u16 = 8972;

/// What one stream may send before it is read.
const STREAM_WINDOW_BYTES: u32 = 512 << 10;

/// What all streams of a connection may send before they are read, and what of the
/// host's answers may wait for the client.
const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;

/// HTTP/3 has three streams in one direction; a few more may be there for what a
/// client only tries.
const ONE_WAY_STREAMS_MAX: u32 = 8;

/// First packets that wait to be looked at, and their bytes.
const INCOMING_MAX: usize = 1024;
const INCOMING_BYTES: u64 = 16 << 10;
const INCOMING_TOTAL_BYTES: u64 = 4 << 20;

/// A socket of UDP, and the endpoint on it once this host is the only one that reads
/// from it.
pub(in crate::transport) struct Listener {
    socket: UdpSocket,
    tls: Tls,
    settings: Quic,
    endpoint: Mutex<Option<Endpoint>>,
}

impl Listener {
    /// Reads nothing yet.
    pub(in crate::transport) fn new(socket: UdpSocket, tls: Tls, settings: Quic) -> Self {
        Self {
            socket,
            tls,
            settings,
            endpoint: Mutex::new(None),
        }
    }

    /// Begins to read from the socket, unless it does that already.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn endpoint(&self) -> io::Result<Endpoint> {
        let mut begun = self.endpoint.lock();
        if let Some(endpoint) = &*begun {
            return Ok(endpoint.clone());
        }
        let mut config = EndpointConfig::default();
        config
            .max_udp_payload_size(UDP_PAYLOAD_MAX_BYTES)
            .map_err(io::Error::other)?;
        let server = server(&self.tls, &self.settings)?;
        let (socket, runtime) = (self.socket.try_clone()?, Arc::new(Turns));
        let endpoint = Endpoint::new(config, Some(server), socket, runtime)?;
        *begun = Some(endpoint.clone());
        Ok(endpoint)
    }

    /// Lets go of the endpoint, which ends with its last connection.
    pub(super) fn end(&self) {
        *self.endpoint.lock() = None;
    }

    /// Lets new connections begin with what `tls` shows now.
    ///
    /// # Errors
    /// If that doesn't do for QUIC.
    pub(in crate::transport) fn renew(&self, tls: &Tls) -> io::Result<()> {
        let server = server(tls, &self.settings)?;
        if let Some(endpoint) = &*self.endpoint.lock() {
            endpoint.set_server_config(Some(server));
        }
        Ok(())
    }
}

/// What new connections begin with.
fn server(tls: &Tls, settings: &Quic) -> io::Result<ServerConfig> {
    let mut server = ServerConfig::with_crypto(tls.quic());
    server
        .transport_config(Arc::new(transport(settings)?))
        .max_incoming(INCOMING_MAX)
        .incoming_buffer_size(INCOMING_BYTES)
        .incoming_buffer_size_total(INCOMING_TOTAL_BYTES);
    Ok(server)
}

/// Binds a socket.
///
/// # Errors
/// The system's, for instance if the port is taken.
pub(in crate::transport) fn socket(addr: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    // Larger is better, and less is no reason not to serve.
    let granted = socket
        .set_recv_buffer_size(SOCKET_BUFFER_BYTES)
        .and(socket.set_send_buffer_size(SOCKET_BUFFER_BYTES));
    if let Err(error) = granted {
        tracing::debug!(%error, "the UDP socket keeps its buffers");
    }
    socket.bind(&addr.into())?;
    Ok(socket.into())
}

fn transport(settings: &Quic) -> io::Result<TransportConfig> {
    let idle = IdleTimeout::try_from(settings.idle_timeout).map_err(io::Error::other)?;
    let mut mtu = MtuDiscoveryConfig::default();
    mtu.upper_bound(UDP_PAYLOAD_MAX_BYTES);
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(settings.streams_max))
        .max_concurrent_uni_streams(VarInt::from_u32(ONE_WAY_STREAMS_MAX))
        .max_idle_timeout(Some(idle))
        .keep_alive_interval(Some(keep_alive(settings.idle_timeout)))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW_BYTES))
        .send_window(CONNECTION_WINDOW_BYTES.into())
        .datagram_receive_buffer_size(None)
        .mtu_discovery_config(Some(mtu))
        .ack_frequency_config(Some(AckFrequencyConfig::default()));
    Ok(transport)
}

/// How often a quiet client is asked for a sign of life: one lost packet is not its
/// end.
fn keep_alive(idle_timeout: Duration) -> Duration {
    idle_timeout / 3
}
