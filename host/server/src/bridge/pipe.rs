//! Hosts that speak lines: over TCP, and on a stream of QUIC.
//!
//! It owns both directions of one such stream. It reads lines only as far as it
//! must to know which requests are open.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use fusebox_protocol::RpcError;
use fusebox_protocol::frame::LineDecoder;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, RecvStream, SendStream, TransportConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::lookup_host;
use tokio::time::timeout;

use super::ends::{Ends, Input, MESSAGE_MAX_BYTES, Output};
use super::open::{Open, too_many};
use super::{BridgeError, CONNECT_TIMEOUT, Options, Target, trust};
use crate::transport::tls::LINES;

/// How long the host may take for what is left when the client has ended.
const LAST_ANSWERS: Duration = Duration::from_secs(60);

/// How often the host is asked for a sign of life, and how long it may give none.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// How long a close has to reach the host.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

const READ_BYTES: usize = 16 << 10;

/// Joins both sides until the client's has ended and the host has answered.
pub(super) async fn serve<R, S, D>(
    url: &Target,
    mut to_host: S,
    from_host: D,
    ends: Ends<R>,
) -> Result<(), BridgeError>
where
    R: AsyncRead + Unpin,
    S: AsyncWrite + Unpin,
    D: AsyncRead + Unpin,
{
    let Ends {
        mut input,
        output,
        writing,
    } = ends;
    let open = Open::default();
    let ended = join(url, &mut input, &mut to_host, from_host, &open, &output).await;
    if let Err(error) = &ended {
        open.fail(&output, &error.to_string()).await;
    }
    // The writer ends when nobody can send to it any more.
    drop(output);
    // A client that has gone reads no last words.
    let _ = writing.await;
    ended
}

async fn join<R, S, D>(
    url: &Target,
    input: &mut Input<R>,
    to_host: &mut S,
    from_host: D,
    open: &Open,
    output: &Output,
) -> Result<(), BridgeError>
where
    R: AsyncRead + Unpin,
    S: AsyncWrite + Unpin,
    D: AsyncRead + Unpin,
{
    let reading = read(from_host, open, output);
    tokio::pin!(reading);
    tokio::select! {
        read = &mut reading => Err(url.lost(why(read))),
        sent = send(input, to_host, open, output) => match sent {
            // The client has ended; the host sees that, answers, and closes.
            Ok(()) => match timeout(LAST_ANSWERS, &mut reading).await {
                Ok(_closed) if open.is_answered() => Ok(()),
                Ok(read) => Err(url.lost(why(read))),
                Err(_elapsed) => Err(url.lost("it didn't answer all that was asked")),
            },
            Err(Sending::Client(error)) => Err(error.into()),
            Err(Sending::Host(error)) => Err(url.lost(error)),
        },
    }
}

/// Which side failed while the client's words were carried to the host.
enum Sending {
    Client(io::Error),
    Host(io::Error),
}

async fn send<R, S>(
    input: &mut Input<R>,
    to_host: &mut S,
    open: &Open,
    output: &Output,
) -> Result<(), Sending>
where
    R: AsyncRead + Unpin,
    S: AsyncWrite + Unpin,
{
    loop {
        match input.next().await.map_err(Sending::Client)? {
            Some(Ok(frame)) => {
                if let Err(refused) = open.asked(&frame) {
                    output.error(Some(&refused), &too_many()).await;
                    continue;
                }
                let sent = async {
                    to_host.write_all(&frame).await?;
                    to_host.write_all(b"\n").await?;
                    to_host.flush().await
                };
                sent.await.map_err(Sending::Host)?;
            }
            Some(Err(too_long)) => {
                let error = RpcError::invalid_request(too_long.to_string());
                output.error(None, &error).await;
            }
            None => return to_host.shutdown().await.map_err(Sending::Host),
        }
    }
}

async fn read<D: AsyncRead + Unpin>(
    mut from_host: D,
    open: &Open,
    output: &Output,
) -> io::Result<()> {
    let mut decoder = LineDecoder::new(MESSAGE_MAX_BYTES);
    let mut buffer = BytesMut::new();
    loop {
        while let Some(line) = decoder.next(&mut buffer).transpose() {
            let frame = line.map_err(io::Error::other)?;
            open.answered(&frame);
            if output.send(frame).await.is_err() {
                return Ok(());
            }
        }
        buffer.reserve(READ_BYTES);
        if from_host.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

fn why(read: io::Result<()>) -> String {
    match read {
        Ok(()) => "the host closed it".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// A session over QUIC: a stream of a connection of its own.
pub(super) struct QuicSession {
    endpoint: Endpoint,
    connection: Connection,
    pub(super) send: SendStream,
    pub(super) recv: RecvStream,
}

/// Opens a connection and a stream on it.
pub(super) async fn quic(url: &Target, options: &Options) -> Result<QuicSession, BridgeError> {
    let mut tls = trust::client(options)?;
    tls.alpn_protocols = vec![LINES.to_vec()];
    let tls = QuicClientConfig::try_from(tls).map_err(|error| url.unreachable(error))?;
    let mut config = ClientConfig::new(Arc::new(tls));
    let mut transport = TransportConfig::default();
    let silence_max = SILENCE_MAX
        .try_into()
        .map_err(|error| url.unreachable(error))?;
    transport
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_idle_timeout(Some(silence_max));
    config.transport_config(Arc::new(transport));
    let opening = async {
        let mut last = "the name has no address".to_owned();
        let found = lookup_host((url.host.as_str(), url.port)).await;
        for address in found.map_err(|error| url.unreachable(error))? {
            match connect(address, &url.host, &config).await {
                Ok(opened) => return Ok(opened),
                Err(error) => last = error,
            }
        }
        Err(url.unreachable(last))
    };
    match timeout(CONNECT_TIMEOUT, opening).await {
        Ok(opened) => opened,
        Err(_elapsed) => Err(url.unreachable("it takes too long")),
    }
}

async fn connect(
    address: SocketAddr,
    name: &str,
    config: &ClientConfig,
) -> Result<QuicSession, String> {
    let any = match address {
        SocketAddr::V4(_) => "0.0.0.0:0",
        SocketAddr::V6(_) => "[::]:0",
    };
    let any = any.parse().map_err(|_| "no local address".to_owned())?;
    let endpoint = Endpoint::client(any).map_err(|error| error.to_string())?;
    let connecting = endpoint.connect_with(config.clone(), address, name);
    let connecting = connecting.map_err(|error| error.to_string())?;
    let connection = connecting.await.map_err(|error| error.to_string())?;
    let (send, recv) = connection
        .open_bi()
        .await
        .map_err(|error| error.to_string())?;
    Ok(QuicSession {
        endpoint,
        connection,
        send,
        recv,
    })
}

/// Joins both sides, and then tells the host that nothing more comes.
pub(super) async fn serve_quic<R: AsyncRead + Unpin>(
    url: &Target,
    session: QuicSession,
    ends: Ends<R>,
) -> Result<(), BridgeError> {
    let QuicSession {
        endpoint,
        connection,
        send,
        recv,
    } = session;
    let ended = serve(url, send, recv, ends).await;
    connection.close(0_u32.into(), b"");
    // The words go out while this waits; they are not worth more than a moment.
    let _ = timeout(CLOSE_TIMEOUT, endpoint.wait_idle()).await;
    ended
}
