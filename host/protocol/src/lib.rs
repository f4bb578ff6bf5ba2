//! MCP on the wire: bytes to frames, frames to JSON-RPC, JSON-RPC to MCP
//! messages, and replies back to bytes.
//!
//! This crate owns every name, code and shape that the protocol fixes, for the
//! five versions from 2024-11-05 to 2026-07-28. It never opens a socket, reads
//! a clock, spawns a task or knows what WebAssembly is: it takes bytes and
//! gives values, or takes values and gives bytes.
//!
//! The way of a message: [`frame::LineDecoder`] cuts a stream into lines (HTTP
//! bodies need no cutting), [`envelope::parse`] scans a message once and keeps
//! slices of it, [`era::of_message`] says which rules it falls under,
//! [`era::check_modern`] applies those of 2026-07-28, a type of [`params`]
//! gives the members their types, and [`reply`] writes the answer.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod envelope;
pub mod era;
pub mod error;
pub mod frame;
pub mod header_params;
pub mod headers;
pub mod json;
pub mod params;
pub mod reason;
pub mod reply;
pub mod request_id;
pub mod scan;
pub mod sse;
pub mod version;

pub use envelope::{Incoming, MalformedMessage, Message, Notification, Request, Response};
pub use error::RpcError;
pub use json::{JsonError, JsonKind, RawJson};
pub use reason::{Reason, RefusalData};
pub use request_id::RequestId;
pub use scan::Params;
pub use version::{Era, ProtocolVersion};
