//! Why there is no component. Each message says what to do where there is
//! something to do.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use crate::toolchain::{PACKAGES, TARGET};

/// Why a plugin can't be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program is not there, or may not be run.
    #[error("failed to start `{command}`: {source}")]
    Start {
        /// which, with its arguments
        command: String,
        /// why
        source: io::Error,
    },
    /// A program ended otherwise than well.
    #[error("`{command}` failed ({status}){}", after(.stderr))]
    Failed {
        /// which, with its arguments
        command: String,
        /// how
        status: ExitStatus,
        /// what it said, where it hasn't gone to the terminal
        stderr: String,
    },
    /// A build was told to end.
    #[error("the build was ended")]
    Stopped,
    /// A part of a toolchain is not installed.
    #[error(
        "{what} is missing; to build plugins, install one of: `rustup target add {TARGET}`; \
         on Debian or Ubuntu `apt-get install {}`; \
         on Fedora `dnf install rust cargo rust-src lld`",
        PACKAGES.join(" ")
    )]
    Missing {
        /// which
        what: &'static str,
    },
    /// There is no Rust at all.
    #[error(
        "there is no Rust here ({reason}); install it from https://rustup.rs, \
         then run `rustup target add {TARGET}`"
    )]
    NoRust {
        /// how that was found out
        reason: String,
    },
    /// The folder holds no project.
    #[error(
        "there is no Cargo.toml in {}; `fusebox plugin new NAME` makes a project",
        .folder.display()
    )]
    NoProject {
        /// which
        folder: PathBuf,
    },
    /// The project makes no plugin.
    #[error(
        "no package in {} makes a plugin; its Cargo.toml must say `[lib] crate-type = [\"cdylib\"]`",
        .folder.display()
    )]
    NoPlugin {
        /// which
        folder: PathBuf,
    },
    /// Cargo's description of a project can't be read.
    #[error("failed to read what `cargo metadata` wrote: {reason}")]
    Metadata {
        /// why
        reason: String,
    },
    /// What the compiler made is no plugin.
    #[error("failed to make a component of {}: {reason}", .module.display())]
    Component {
        /// the file
        module: PathBuf,
        /// why
        reason: String,
    },
    /// A file can't be read.
    #[error("failed to read {}: {source}", .path.display())]
    Read {
        /// which
        path: PathBuf,
        /// why
        source: io::Error,
    },
    /// A file can't be written.
    #[error("failed to write {}: {source}", .path.display())]
    Write {
        /// which
        path: PathBuf,
        /// why
        source: io::Error,
    },
}

fn after(stderr: &str) -> String {
    match stderr.trim() {
        "" => String::new(),
        said => format!(": {said}"),
    }
}
