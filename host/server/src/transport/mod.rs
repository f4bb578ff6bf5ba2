//! The ways in: listeners and what speaks over each of them.
//!
//! It owns sockets. It never looks into a message.

pub mod http;
pub mod listen;
mod peer;
pub mod stream;
