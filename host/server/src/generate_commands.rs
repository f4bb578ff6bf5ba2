//! `fusebox completions` and `fusebox man`: what a shell and a reader of manuals are
//! told of the command line.
//!
//! All of it is made of the flags and their help in `cli`; no word of it stands here.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::Cli;

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder for the pages, which is made if it isn't there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Prints a script that completes the command line in a shell.
pub(crate) fn completions(wanted: &Completions) -> anyhow::Result<()> {
    // It is made whole before it is written: the generator panics where a reader of
    // standard output has gone.
    let mut script = Vec::new();
    clap_complete::generate(wanted.shell, &mut Cli::command(), "fusebox", &mut script);
    match std::io::stdout().write_all(&script) {
        // `fusebox completions bash | head` is no failure.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("failed to print the script"),
    }
}

/// Writes a page for the program and one for each command of it.
pub(crate) fn man(wanted: &Man) -> anyhow::Result<()> {
    let folder: &Path = &wanted.folder;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("failed to make the folder {}", folder.display()))?;
    clap_mangen::generate_to(Cli::command(), folder)
        .with_context(|| format!("failed to write the pages into {}", folder.display()))
}
