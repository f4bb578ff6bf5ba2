//! From the sources of a plugin in Rust to its component: which Rust builds it,
//! what cargo is told, and how the module is wrapped and put in its place.
//!
//! Also what a component says of itself. It owns no command line, and prints
//! nothing by itself. It never installs packages of a system, and knows nothing of
//! the host that loads components.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod component;
mod docs;
mod error;
pub mod process;
mod toolchain;
pub mod wit;
mod workspace;

pub use error::Error;
pub use process::Stop;
pub use toolchain::{PACKAGES, TARGET, Toolchain};
pub use workspace::{Plugin, Workspace};
