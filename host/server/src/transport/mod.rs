//! The ways in: listeners and what speaks over each of them.
//!
//! It owns sockets. It never looks into a message.

mod counted;
mod door;
pub mod http;
pub mod listen;
mod peer;
mod quic;
pub mod stream;
pub mod tls;

pub(crate) use door::AUTHENTICATE;
