//! What the end-to-end tests share: a host process of their own, small clients
//! for each transport that show every byte, and the clients of the SDKs as
//! programs. It checks nothing by itself, and it links nothing of the host: what
//! is tested is the binary, over the wire.
//!
//! Everything here panics with a message when it can't go on, for that is how a
//! test fails; and everything that waits has an end.
#![forbid(unsafe_code)]

mod ask;
mod client;
mod conformance;
mod host;
mod http;
mod lines;
mod place;
mod program;
mod random;
mod script;
mod shown;
mod strict;
mod wait;

pub use ask::{Answer, Caller, EVERYWHERE, LEGACY_WAYS, MODERN_WAYS, Way, each, server_meta};
pub use client::{Client, Era, Exchange, modern_meta};
pub use conformance::{Suite, conformance};
pub use host::{Host, Setup, signal};
pub use http::{Connection, Events, Head, Response};
pub use lines::{Lines, Stdio, initialize_line};
pub use place::{changed, host_binary, peer, plugin, repository, test_environment};
pub use program::{Ran, fusebox, shell, typed};
pub use random::Random;
pub use script::{node, peer_says, python, python_of, with_plain_numbers};
pub use shown::{blocks, check_command, commands};
pub use strict::{Ledger, check};
pub use wait::{LONG, until, until_for};
