//! Opening a connection: the socket, the handshake of the era, and single
//! exchanges outside of the load.
//!
//! It owns sockets until the load begins. It never measures.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::LoadError;
use super::call::Call;
use super::framing::{Framing, http_request, request, version};
use super::multiplexed::{self, Sender};
use super::quic::{Quic, Stream};
use super::settings::{Era, Protocol, Settings};
use super::template::{PROBE_ID, digits};

/// Of a connection that is read slowly: so little that the server notices.
const SLOW_RECEIVE_BYTES: u32 = 4096;

/// An open connection.
pub(super) enum Link {
    Stream(TcpStream),
    Quic(Box<Stream>),
    Multiplexed(Sender),
}

/// One answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    session: Option<String>,
}

/// An open connection, and the session that calls on it belong to.
pub(super) struct Opened {
    pub(super) link: Link,
    pub(super) session: Option<String>,
}

/// Opens the connections of one thread.
pub(super) struct Dialer {
    settings: Arc<Settings>,
    /// what QUIC connections share
    quic: Option<Quic>,
}

impl Dialer {
    pub(super) fn new(settings: &Arc<Settings>) -> Result<Self, LoadError> {
        let is_quic = settings.protocol.is_quic();
        Ok(Self {
            settings: settings.clone(),
            quic: is_quic.then(|| Quic::new(settings)).transpose()?,
        })
    }

    /// Ends what connections share.
    pub(super) async fn close(&self) {
        if let Some(quic) = &self.quic {
            quic.close().await;
        }
    }

    async fn link(&self, number: usize, slow: bool) -> Result<Link, LoadError> {
        if let Some(quic) = &self.quic {
            if self.settings.protocol == Protocol::H3 {
                let sender = Sender::H3(quic.http3(number).await?);
                return Ok(Link::Multiplexed(sender));
            }
            return Ok(Link::Quic(Box::new(quic.open(number).await?)));
        }
        let stream = connect(&self.settings, number, slow).await?;
        Ok(match self.settings.protocol {
            Protocol::H2 => Link::Multiplexed(Sender::H2(multiplexed::handshake(stream).await?)),
            _ => Link::Stream(stream),
        })
    }

    /// Opens the connection with this number and agrees on what its era needs.
    pub(super) async fn open(&self, number: usize, slow: bool) -> Result<Opened, LoadError> {
        let mut opened = Opened {
            link: self.link(number, slow).await?,
            session: None,
        };
        let settings = &*self.settings;
        if settings.protocol.is_mcp() && settings.era == Era::Legacy {
            opened.initialize(settings).await?;
        }
        Ok(opened)
    }
}

impl Opened {
    async fn initialize(&mut self, settings: &Settings) -> Result<(), LoadError> {
        let hello = json!({
            "jsonrpc": "2.0", "id": PROBE_ID, "method": "initialize",
            "params": {
                "protocolVersion": version(Era::Legacy),
                "capabilities": {},
                "clientInfo": { "name": "loadgen", "version": env!("CARGO_PKG_VERSION") },
            },
        });
        let answer = self.exchange_body(settings, hello.to_string()).await?;
        let agreed: serde_json::Value = serde_json::from_slice(&answer.body)
            .map_err(|error| LoadError::other("the answer to `initialize`", error))?;
        if agreed["result"]["protocolVersion"] != json!(version(Era::Legacy)) {
            return Err(LoadError::Wrong(format!("to `initialize`: {agreed}")));
        }
        self.session = answer.session;
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let ready = ready.to_string();
        match (&mut self.link, settings.protocol) {
            // A notification has no answer on a stream of lines.
            (Link::Stream(stream), Protocol::Tcp) => write(stream, ready + "\n").await,
            (Link::Quic(stream), _) => write(stream, ready + "\n").await,
            _ => self.exchange_body(settings, ready).await.map(drop),
        }
    }

    async fn exchange_body(
        &mut self,
        settings: &Settings,
        body: String,
    ) -> Result<Answer, LoadError> {
        let session = self.session.as_deref();
        match &mut self.link {
            Link::Multiplexed(sender) => {
                let head = multiplexed::head(settings, None, session)?;
                sender.exchange(head, body.into()).await
            }
            Link::Stream(stream) => {
                let bytes = match settings.protocol {
                    Protocol::Http => http_request(settings, body.as_bytes(), None, session),
                    _ => (body + "\n").into_bytes(),
                };
                exchange(stream, Framing::of(settings.protocol), &bytes).await
            }
            Link::Quic(stream) => exchange(stream, Framing::Lines, (body + "\n").as_bytes()).await,
        }
    }

    /// Makes one call with this number.
    pub(super) async fn call(
        &mut self,
        settings: &Settings,
        call: &Call,
        id: u64,
    ) -> Result<Answer, LoadError> {
        let session = self.session.as_deref();
        let mut bytes = Vec::new();
        request(settings, call, session).write(&digits(id), &mut bytes);
        match &mut self.link {
            Link::Multiplexed(sender) => {
                let head = multiplexed::head(settings, Some(&call.tool), session)?;
                sender.exchange(head, bytes.into()).await
            }
            Link::Stream(stream) => {
                let framing = Framing::of(settings.protocol);
                exchange(stream, framing, &bytes).await
            }
            Link::Quic(stream) => exchange(stream, Framing::Lines, &bytes).await,
        }
    }

    /// Puts what will be asked for into a Redis server.
    pub(super) async fn set_redis_value(&mut self, value: &[u8]) -> Result<(), LoadError> {
        let Link::Stream(stream) = &mut self.link else {
            return Ok(());
        };
        let mut command =
            format!("*3\r\n$3\r\nSET\r\n$5\r\nbench\r\n${}\r\n", value.len()).into_bytes();
        command.extend_from_slice(value);
        command.extend_from_slice(b"\r\n");
        let answer = exchange(stream, Framing::Redis, &command).await?;
        if answer.body != b"+OK" {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            return Err(LoadError::Wrong(text));
        }
        Ok(())
    }
}

async fn connect(settings: &Settings, number: usize, slow: bool) -> Result<TcpStream, LoadError> {
    let failed =
        |error| LoadError::io(format!("connection {number} to {}", settings.target), error);
    let socket = match settings.target {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }
    .map_err(failed)?;
    let sources = settings.source_addresses();
    if sources > 1 && settings.target.is_ipv4() {
        let last = 1 + u8::try_from(number % sources).unwrap_or(0);
        let source = IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
        socket.bind((source, 0).into()).map_err(failed)?;
    }
    if slow {
        socket
            .set_recv_buffer_size(SLOW_RECEIVE_BYTES)
            .map_err(failed)?;
    }
    let stream = socket.connect(settings.target).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    Ok(stream)
}

async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    bytes: impl AsRef<[u8]>,
) -> Result<(), LoadError> {
    let written = stream.write_all(bytes.as_ref()).await;
    written.map_err(|error| LoadError::io("failed to write", error))
}

/// Sends one request and reads its answer.
async fn exchange(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    framing: Framing,
    bytes: &[u8],
) -> Result<Answer, LoadError> {
    write(stream, bytes).await?;
    let mut input = Vec::new();
    loop {
        if let Some(frame) = framing.next(&input)? {
            if frame.taken != input.len() {
                return Err(LoadError::Malformed("more than one answer".to_owned()));
            }
            return Ok(Answer {
                status: frame.status,
                body: frame.body.into_owned(),
                session: frame.session,
            });
        }
        let read = stream.read_buf(&mut input).await;
        if read.map_err(|error| LoadError::io("failed to read", error))? == 0 {
            return Err(LoadError::Closed { waiting: 1 });
        }
    }
}

impl Answer {
    /// What came with this head of HTTP.
    pub(super) fn new(head: &http::response::Parts, body: Vec<u8>) -> Self {
        let session = head.headers.get("mcp-session-id");
        Self {
            status: head.status.as_u16(),
            body,
            session: session.and_then(|id| id.to_str().ok()).map(str::to_owned),
        }
    }
}
