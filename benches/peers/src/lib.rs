//! The servers that Fusebox is compared with, one program each in `bin/`.
//!
//! This library owns nothing but what they share: their first line of output,
//! and a runtime for one processor.

#![forbid(unsafe_code)]

use std::io::Write as _;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;

/// As many connections may wait to be accepted as the host lets wait.
const BACKLOG: u32 = 1024;

/// Everything on one thread: the cheapest way to serve on one processor.
///
/// # Errors
/// If the system refuses.
pub fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("a runtime")
}

/// Listens on a free port of this machine and says which one, as the first line
/// of standard output.
///
/// # Errors
/// If the system refuses.
pub fn listen() -> Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let listener = socket.listen(BACKLOG)?;
    announce(listener.local_addr()?)?;
    Ok(listener)
}

/// Says where a server listens, as the first line of standard output.
///
/// # Errors
/// If nobody takes it.
pub fn announce(address: SocketAddr) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on {address}")?;
    Ok(out.flush()?)
}
