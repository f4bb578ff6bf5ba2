//! Finds and starts other programs; a failure names the command. Never goes
//! through a shell.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::Error;

/// Runs a command to its end. What it writes goes straight to the terminal.
///
/// # Errors
/// If it cannot be started or does not exit with 0.
pub fn run(command: &mut Command) -> Result<(), Error> {
    let status = command.status().map_err(|source| Error::Start {
        command: shown(command),
        source,
    })?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Failed {
        command: shown(command),
        status,
        stderr: String::new(),
    })
}

/// Runs a command to its end and gives what it wrote to its standard output.
///
/// # Errors
/// If it cannot be started or does not exit with 0; then with what it wrote to
/// its standard error.
pub fn output(command: &mut Command) -> Result<String, Error> {
    let output = command.stderr(Stdio::piped()).output();
    let output = output.map_err(|source| Error::Start {
        command: shown(command),
        source,
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Error::Failed {
        command: shown(command),
        status: output.status,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Runs a command for `limit` at most, and says whether it exited with 0. A
/// command that takes longer is ended.
pub(crate) fn succeeds_within(command: &mut Command, limit: Duration) -> bool {
    let Ok(mut child) = command.spawn() else {
        return false;
    };
    let end = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(50)),
            Ok(None) | Err(_) => {
                // It may have ended by itself in the meantime: nothing is lost then.
                let _ = child.kill();
                let _ = child.wait();
                return false;
            }
        }
    }
}

/// The first file called `name` in one of the `folders`.
pub fn find(name: &str, folders: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    folders
        .into_iter()
        .map(|folder| folder.join(&name))
        .find(|path| path.is_file())
}

/// The folders in which programs are looked for, in order.
pub fn search_path() -> Vec<PathBuf> {
    std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default()
}

/// Takes out of a command's environment what `cargo run` and `cargo test` set for
/// the program that they start, and what would be wrong for a program that this
/// one starts.
pub fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_")
            || name.starts_with("CARGO_MANIFEST_")
            || name.starts_with("CARGO_BIN_")
            || matches!(
                &*name,
                "CARGO" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE" | "RUST_RECURSION_COUNT"
            )
        {
            command.env_remove(&*name);
        }
    }
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut line = program.display().to_string();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}
