//! QUIC connections: their streams, each a session of lines, or HTTP/3 on them.
//!
//! It owns the endpoint and the connections of one thread, tuned as the host's
//! are. It never looks into a stream.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{
    AckFrequencyConfig, ClientConfig, Connection, Endpoint, EndpointConfig, MtuDiscoveryConfig,
    RecvStream, SendStream, TokioRuntime, TransportConfig, VarInt,
};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use socket2::{Domain, Socket, Type};
use tokio::io::{Join, join};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::LoadError;
use super::http3;
use super::settings::{Protocol, Settings};

/// What is spoken on the streams, as the handshake names it.
const LINES: &[u8] = b"mcp-ndjson";
const HTTP3: &[u8] = b"h3";

/// The name that certificates for this machine have.
const NAME: &str = "localhost";

/// What the kernel may hold for the socket, if it grants that much.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;

/// The largest packet that is tried.
const UDP_PAYLOAD_MAX_BYTES: u16 = 8972;

/// How long connections may take to close.
const CLOSING: Duration = Duration::from_secs(1);

/// Room for the answers of a connection.
const WINDOW_BYTES: u32 = 16 << 20;

/// Both directions of a stream.
pub(super) type Stream = Join<RecvStream, SendStream>;

/// The connections of one thread.
pub(super) struct Quic {
    endpoint: Endpoint,
    target: SocketAddr,
    /// streams of one connection, counted over all threads
    together: usize,
    connections: Mutex<BTreeMap<usize, Connection>>,
    http3: Mutex<BTreeMap<usize, http3::Sender>>,
}

impl Quic {
    /// An endpoint without connections.
    pub(super) fn new(settings: &Settings) -> Result<Self, LoadError> {
        let certificate = settings.certificate.as_deref().unwrap_or(Path::new(""));
        let roots = trusted(certificate)?;
        let alpn = match settings.protocol {
            Protocol::H3 => HTTP3,
            _ => LINES,
        };
        let config =
            client(roots, alpn).map_err(|error| LoadError::other("the client of QUIC", error))?;
        let mut endpoint = endpoint().map_err(|error| LoadError::io("a UDP socket", error))?;
        endpoint.set_default_client_config(config);
        Ok(Self {
            endpoint,
            target: settings.target,
            together: settings.streams * settings.threads,
            connections: Mutex::default(),
            http3: Mutex::default(),
        })
    }

    /// The connection that this number belongs to.
    async fn connection(&self, number: usize) -> Result<Connection, LoadError> {
        let mut connections = self.connections.lock().await;
        if let Some(connection) = connections.get(&(number / self.together)) {
            return Ok(connection.clone());
        }
        let connecting = self.endpoint.connect(self.target, NAME);
        let connecting = connecting.map_err(|error| self.failed(number, &error))?;
        let connection = connecting.await;
        let connection = connection.map_err(|error| self.failed(number, &error))?;
        connections.insert(number / self.together, connection.clone());
        Ok(connection)
    }

    fn failed(&self, number: usize, error: &dyn std::fmt::Display) -> LoadError {
        LoadError::Malformed(format!("stream {number} to {}: {error}", self.target))
    }

    /// Opens a stream of lines.
    pub(super) async fn open(&self, number: usize) -> Result<Stream, LoadError> {
        let opened = self.connection(number).await?.open_bi().await;
        let (send, recv) = opened.map_err(|error| self.failed(number, &error))?;
        Ok(join(recv, send))
    }

    /// Tells the server that its clients are gone: it would keep them until they have
    /// been silent for long.
    pub(super) async fn close(&self) {
        self.endpoint.close(VarInt::from_u32(0), b"");
        // What does not get through is what the server has to bear from any client.
        let _ = timeout(CLOSING, self.endpoint.wait_idle()).await;
    }

    /// Speaks HTTP/3.
    pub(super) async fn http3(&self, number: usize) -> Result<http3::Sender, LoadError> {
        let mut senders = self.http3.lock().await;
        if let Some(sender) = senders.get(&(number / self.together)) {
            return Ok(sender.clone());
        }
        let sender = http3::handshake(self.connection(number).await?).await?;
        senders.insert(number / self.together, sender.clone());
        Ok(sender)
    }
}

fn trusted(certificate: &Path) -> Result<RootCertStore, LoadError> {
    let failed = |error: &dyn std::fmt::Display| {
        LoadError::Settings(format!("{}: {error}", certificate.display()))
    };
    let mut roots = RootCertStore::empty();
    let read = CertificateDer::from_pem_file(certificate).map_err(|error| failed(&error))?;
    roots.add(read).map_err(|error| failed(&error))?;
    Ok(roots)
}

fn client(roots: RootCertStore, alpn: &[u8]) -> Result<ClientConfig, Box<dyn std::error::Error>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![alpn.to_vec()];
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    let mut mtu = MtuDiscoveryConfig::default();
    mtu.upper_bound(UDP_PAYLOAD_MAX_BYTES);
    let mut transport = TransportConfig::default();
    transport
        .stream_receive_window(VarInt::from_u32(WINDOW_BYTES))
        .receive_window(VarInt::from_u32(WINDOW_BYTES))
        .send_window(WINDOW_BYTES.into())
        .mtu_discovery_config(Some(mtu))
        .ack_frequency_config(Some(AckFrequencyConfig::default()));
    config.transport_config(Arc::new(transport));
    Ok(config)
}

fn endpoint() -> io::Result<Endpoint> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(socket2::Protocol::UDP))?;
    // Less than this is no reason not to measure.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    let mut config = EndpointConfig::default();
    let sized = config.max_udp_payload_size(UDP_PAYLOAD_MAX_BYTES);
    sized.map_err(io::Error::other)?;
    let socket = UdpSocket::from(socket);
    Endpoint::new(config, None, socket, Arc::new(TokioRuntime))
}
