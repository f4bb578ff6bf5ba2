//! Why there is no component. Each message says what to do where there is
//! something to do.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use crate::installed::VARIABLE;
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
        "there is no Cargo.toml, pyproject.toml or package.json in {}; \
         `fusebox plugin new NAME` makes a project",
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
    /// The file offers nothing.
    #[error(
        "{main} offers no tool, no resource and no prompt: a function needs its decorator, \
         and in JavaScript a place in `plugin({{...}})`"
    )]
    NoTools {
        /// as its manifest names it
        main: String,
    },
    /// A manifest says what can't be.
    #[error("{}: {reason}", .path.display())]
    Manifest {
        /// which
        path: PathBuf,
        /// what
        reason: String,
    },
    /// A program of the system isn't there, or too old.
    #[error("{what} is missing; to build plugins in {language}, install it: {install}")]
    MissingProgram {
        /// which
        what: &'static str,
        /// of the project
        language: &'static str,
        /// how
        install: &'static str,
    },
    /// What was installed doesn't run any more.
    #[error("what is installed in {} doesn't run ({reason}); remove that folder, and build again", .folder.display())]
    Broken {
        /// where
        folder: PathBuf,
        /// why
        reason: String,
    },
    /// There is no folder for what has to be installed.
    #[error(
        "there is no folder to install programs in: neither HOME nor XDG_CACHE_HOME is set; \
         name one with {VARIABLE}"
    )]
    NoPlace,
    /// A description of a project can't be read.
    #[error("failed to read what {of} wrote: {reason}")]
    Metadata {
        /// the program
        of: &'static str,
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
