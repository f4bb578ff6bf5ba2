//! The engine: the only crate that names wasmtime.
//!
//! It owns how a component is compiled, limited, linked, instantiated and
//! called. It never opens a socket, never speaks JSON-RPC, and knows nothing of
//! sessions, breakers or the registry: it takes a name and arguments, and gives
//! an outcome or a typed fault.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod ahead;
mod asks;
mod call;
pub mod contract;
mod engine;
mod exports;
mod fault;
mod foreign;
mod functions;
mod grants;
mod habit;
mod instance;
mod keyvalue;
mod lane;
mod limits;
mod load;
mod outbound;
mod plugin;
mod quick;
mod ready;
mod redact;
mod settings;
mod sockets;
mod spans;
mod state;
pub mod swap;
mod ticker;
mod warm;
mod watch;

pub use asks::asks_of;
pub use call::{Answer, Change, Completed, Discard, Invocation, RequestEvent, RequestSink, Usage};
pub use contract::SpanValue;
pub use engine::{Engine, EngineConfig, EngineError};
pub use exports::Exports;
pub use fault::{CallError, Fault, FaultKind};
pub use foreign::{Foreign, NotServed};
pub use functions::FunctionStore;
pub use grants::{Capability, Folder, Grants, Secret, Variable};
pub use habit::Habit;
pub use keyvalue::{
    KeyChange, KeyPage, KeyValue, KeyValueError, NoStore, Owner, Scope, SessionStores, Stores,
};
pub use limits::{Isolation, Limits};
pub use load::LoadError;
pub use outbound::{Body, Outbound, OutboundError, Patience, Sending};
pub use plugin::Plugin;
pub use sockets::{Contact, Judging, LookingUp, LookupError, Network, SocketPlace, Sockets};
pub use spans::{Ending, OwnSpan, SpanNumber};
pub use watch::{HostCall, HostCallEnd, HostCallWatch, Stage};
