//! Connections.

use std::net::{IpAddr, SocketAddr};

use fusebox_sdk::prelude::*;

use crate::names::addresses;
use crate::wasi::io::streams::{InputStream, OutputStream, StreamError};
use crate::wasi::sockets::instance_network::instance_network;
use crate::wasi::sockets::network::ErrorCode;
use crate::wasi::sockets::tcp::TcpSocket;
use crate::wasi::sockets::tcp_create_socket::create_tcp_socket;
use crate::{compute, family, to_wasi, told};

/// A socket and its streams, which have to go before it does.
struct Connection {
    input: InputStream,
    output: OutputStream,
    _socket: TcpSocket,
}

/// Says something to a server, and gives what it says to that.
#[tool]
pub(crate) fn ask_tcp(
    /// a name or an address
    host: String,
    port: u16,
    text: String,
    /// milliseconds to compute before there is a connection
    compute_first_ms: Option<u64>,
    /// milliseconds to compute once there is one
    compute_then_ms: Option<u64>,
) -> Result<String, HandlerError> {
    compute(compute_first_ms.unwrap_or_default());
    let connection = connect_to(&host, port).map_err(told)?;
    compute(compute_then_ms.unwrap_or_default());
    let broken = |error: StreamError| HandlerError::new(format!("{error:?}"));
    connection
        .output
        .blocking_write_and_flush(text.as_bytes())
        .map_err(broken)?;
    let mut heard = Vec::new();
    while heard.len() < text.len() {
        match connection.input.blocking_read(1 << 16) {
            Ok(bytes) => heard.extend(bytes),
            Err(StreamError::Closed) => break,
            Err(error) => return Err(broken(error)),
        }
    }
    Ok(String::from_utf8(heard)?)
}

/// Waits for what a server says by itself.
#[tool]
pub(crate) fn hear(host: String, port: u16) -> Result<String, HandlerError> {
    let connection = connect_to(&host, port).map_err(told)?;
    let heard = connection.input.blocking_read(1 << 16);
    let heard = heard.map_err(|error| HandlerError::new(format!("{error:?}")))?;
    Ok(String::from_utf8(heard)?)
}

/// How far it came.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Opened {
    open: usize,
    error: Option<String>,
}

/// Opens connections until it has enough, or one is refused, and waits for the last
/// of them to be told something.
#[tool]
pub(crate) fn open_many(host: String, port: u16, count: usize, wait: Option<bool>) -> Opened {
    let mut open = Vec::new();
    let mut error = None;
    while open.len() < count {
        match connect_to(&host, port) {
            Ok(connection) => open.push(connection),
            Err(code) => {
                error = Some(code.name().to_owned());
                break;
            }
        }
    }
    if wait == Some(true)
        && let Some(last) = open.last()
    {
        let _ = last.input.blocking_read(1);
    }
    Opened {
        open: open.len(),
        error,
    }
}

/// Waits for others to connect.
#[tool]
pub(crate) fn listen(address: String, port: u16) -> Result<(), HandlerError> {
    let address: IpAddr = address.parse()?;
    let socket = create_tcp_socket(family(address)).map_err(told)?;
    let own = to_wasi(SocketAddr::new(address, port));
    socket
        .start_bind(&instance_network(), own)
        .and_then(|()| socket.finish_bind())
        .map_err(|code| HandlerError::new(format!("bind: {}", code.name())))?;
    socket
        .start_listen()
        .and_then(|()| socket.finish_listen())
        .map_err(|code| HandlerError::new(format!("listen: {}", code.name())))
}

fn connect_to(host: &str, port: u16) -> Result<Connection, ErrorCode> {
    let found = match host.parse() {
        Ok(address) => vec![address],
        Err(_) => addresses(host)?,
    };
    let mut last = ErrorCode::NameUnresolvable;
    for address in found {
        match connect(SocketAddr::new(address, port)) {
            Ok(connection) => return Ok(connection),
            Err(code) => last = code,
        }
    }
    Err(last)
}

fn connect(peer: SocketAddr) -> Result<Connection, ErrorCode> {
    let socket = create_tcp_socket(family(peer.ip()))?;
    socket.start_connect(&instance_network(), to_wasi(peer))?;
    loop {
        match socket.finish_connect() {
            Ok((input, output)) => {
                return Ok(Connection {
                    input,
                    output,
                    _socket: socket,
                });
            }
            Err(ErrorCode::WouldBlock) => socket.subscribe().block(),
            Err(code) => return Err(code),
        }
    }
}
