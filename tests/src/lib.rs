//! What the end-to-end tests share: a host process of their own, small clients
//! for each transport that show every byte, and the clients of the SDKs as
//! programs. It checks nothing by itself, and it links nothing of the host: what
//! is tested is the binary, over the wire.
//!
//! Everything here panics with a message when it can't go on, for that is how a
//! test fails; and everything that waits has an end.
#![forbid(unsafe_code)]

mod ask;
mod authority;
mod browser;
mod client;
mod collected;
mod collector;
mod conformance;
mod crowd;
pub mod frames;
mod host;
mod http;
mod lines;
mod place;
mod process;
mod program;
mod random;
mod scrape;
mod script;
mod shown;
mod strict;
mod successors;
mod wait;

pub use ask::{Answer, Caller, EVERYWHERE, LEGACY_WAYS, MODERN_WAYS, Way, each, server_meta};
pub use authority::{Authority, Shown};
pub use browser::Browser;
pub use client::{Client, Era, Exchange, modern_meta};
pub use collected::{Collected, Line, Series, Span};
pub use collector::{Collector, Spoken};
pub use conformance::{Suite, conformance};
pub use crowd::{Crowd, QUICK, crowd, greeting};
pub use frames::Frames;
pub use host::{Host, Setup};
pub use http::{Connection, Events, Head, Response};
pub use lines::{Lines, Stdio, initialize_line};
pub use place::{changed, host_binary, load_generator, peer, plugin, repository, test_environment};
pub use process::signal;
pub use program::{Ran, fusebox, shell, typed};
pub use random::Random;
pub use scrape::{Described, Labels, Scrape};
pub use script::{node, peer_says, python, python_of, with_plain_numbers};
pub use shown::{blocks, check_command, commands};
pub use strict::{Ledger, check};
pub use successors::{Successors, process_of};
pub use wait::{LONG, until, until_for};
