//! A bare quinn server: what comes on a stream goes back as it is. The least that
//! any server on quinn can cost, with the host's socket buffers, windows and
//! packets. Its argument is the file that its certificate is written to.
#![forbid(unsafe_code)]

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{
    AckFrequencyConfig, Endpoint, EndpointConfig, Incoming, MtuDiscoveryConfig, RecvStream,
    SendStream, ServerConfig, TokioRuntime, TransportConfig, VarInt,
};
use rustls::pki_types::PrivateKeyDer;
use socket2::{Domain, Protocol, Socket, Type};

const SOCKET_BUFFER_BYTES: usize = 4 << 20;
const UDP_PAYLOAD_MAX_BYTES: u16 = 8972;
const STREAM_WINDOW_BYTES: u32 = 512 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;
const STREAMS_MAX: u32 = 256;

/// As much as the host reads at once.
const READ_BYTES: usize = 16 << 10;

fn main() -> Result<()> {
    let certificate = std::env::args_os()
        .nth(1)
        .context("a file is to be named")?;
    let (config, pem) = config()?;
    std::fs::write(certificate, pem)?;
    fusebox_bench_peers::runtime()?.block_on(async {
        let endpoint = endpoint(config)?;
        fusebox_bench_peers::announce(endpoint.local_addr()?)?;
        while let Some(incoming) = endpoint.accept().await {
            tokio::spawn(async move {
                // A client that goes away is no concern of the others.
                let _ = connection(incoming).await;
            });
        }
        Ok(())
    })
}

async fn connection(incoming: Incoming) -> Result<()> {
    let connection = incoming.await?;
    loop {
        let (send, recv) = connection.accept_bi().await?;
        tokio::spawn(async move {
            let _ = echo(send, recv).await;
        });
    }
}

/// Copies nothing: the chunks that came are the chunks that go.
async fn echo(mut send: SendStream, mut recv: RecvStream) -> Result<()> {
    while let Some(chunk) = recv.read_chunk(READ_BYTES, true).await? {
        send.write_chunk(chunk.bytes).await?;
    }
    Ok(send.finish()?)
}

/// A certificate for this machine, and its text for clients.
fn config() -> Result<(ServerConfig, String)> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())
        .map_err(|error| anyhow::anyhow!(error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    tls.alpn_protocols = vec![b"mcp-ndjson".to_vec()];
    let mut mtu = MtuDiscoveryConfig::default();
    mtu.upper_bound(UDP_PAYLOAD_MAX_BYTES);
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(STREAMS_MAX))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW_BYTES))
        .send_window(CONNECTION_WINDOW_BYTES.into())
        .datagram_receive_buffer_size(None)
        .mtu_discovery_config(Some(mtu))
        .ack_frequency_config(Some(AckFrequencyConfig::default()));
    let mut server = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    server.transport_config(Arc::new(transport));
    Ok((server, made.cert.pem()))
}

fn endpoint(server: ServerConfig) -> Result<Endpoint> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES)?;
    socket.set_send_buffer_size(SOCKET_BUFFER_BYTES)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    let mut config = EndpointConfig::default();
    config.max_udp_payload_size(UDP_PAYLOAD_MAX_BYTES)?;
    let socket = UdpSocket::from(socket);
    Endpoint::new(config, Some(server), socket, Arc::new(TokioRuntime)).context("an endpoint")
}
