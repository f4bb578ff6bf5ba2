//! Starts other programs, and says what happens. A failure names the command.

use std::process::Command;

use anyhow::Result;
pub(crate) use fusebox_toolchain::process::{find, search_path};

/// Prints one line on what happens now. Standard output is left to the
/// programs that are started.
pub(crate) fn say(line: &str) {
    eprintln!("xtask: {line}");
}

/// Runs a command to its end. What it writes goes straight to the terminal.
///
/// # Errors
/// If it cannot be started or does not exit with 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    Ok(fusebox_toolchain::process::run(command)?)
}

/// Runs a command to its end and gives what it wrote to its standard output.
///
/// # Errors
/// If it cannot be started or does not exit with 0; then with what it wrote to
/// its standard error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    Ok(fusebox_toolchain::process::output(command)?)
}
