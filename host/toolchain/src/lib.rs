//! From the sources of a plugin to its component: which Rust builds it, what cargo is
//! told, and how the module is wrapped and put in its place; and for JavaScript and
//! Python, which programs make it, and where they are installed.
//!
//! Also what a component says of itself. It owns no command line, and prints
//! nothing by itself. It never installs packages of a system, and knows nothing of
//! the host that loads components.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod asks;
pub mod component;
mod docs;
mod error;
mod installed;
mod javascript;
mod language;
pub mod process;
mod python;
mod script;
mod toolchain;
pub mod wit;
mod workspace;
mod world;

pub use asks::asks;
pub use error::Error;
pub use installed::{Build, VARIABLE};
pub use language::Language;
pub use process::Stop;
pub use script::Script;
pub use toolchain::{PACKAGES, TARGET, Toolchain};
pub use workspace::{Plugin, WIT, Workspace};
