//! Finds and starts other programs; a failure names the command. Never goes
//! through a shell.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::Error;

/// How often a program that may be ended is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Tells what was started with it to end.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Tells it, once and for ever.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Runs a command to its end. What it writes goes straight to the terminal.
///
/// # Errors
/// If it cannot be started or does not exit with 0.
pub fn run(command: &mut Command) -> Result<(), Error> {
    let status = command.status();
    judge(command, status)
}

/// The same, but ends the command, with all that it has started, when `stop` says so.
///
/// # Errors
/// As [`run`]; [`Error::Stopped`] if it was ended.
pub fn run_until(command: &mut Command, stop: &Stop) -> Result<(), Error> {
    // A group of its own, so that a compiler ends with the cargo that started it.
    let child = command.process_group(0).spawn();
    let status = child.and_then(|mut child| {
        loop {
            match child.try_wait()? {
                Some(status) => return Ok(Some(status)),
                None if stop.is_set() => {
                    end_group(&mut child);
                    return Ok(None);
                }
                None => std::thread::sleep(LOOK_INTERVAL),
            }
        }
    });
    match status.transpose() {
        Some(status) => judge(command, status),
        None => Err(Error::Stopped),
    }
}

/// Ends a program and all of its group, and waits for the program.
fn end_group(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // It may have ended by itself in the meantime: nothing is lost then.
    let _ = group.map(|group| kill_process_group(group, Signal::KILL));
    let _ = child.wait();
}

fn judge(command: &Command, status: std::io::Result<ExitStatus>) -> Result<(), Error> {
    let status = status.map_err(|source| Error::Start {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn script(line: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", line]);
        command
    }

    #[test]
    fn a_command_that_ends_by_itself_is_judged_by_its_exit_code() {
        let stop = Stop::default();
        assert!(run_until(&mut script("exit 0"), &stop).is_ok());
        let failed = run_until(&mut script("exit 3"), &stop);
        assert!(matches!(failed, Err(Error::Failed { .. })), "{failed:?}");
        let missing = run_until(&mut Command::new("/no/such/program"), &stop);
        assert!(matches!(missing, Err(Error::Start { .. })), "{missing:?}");
    }

    #[test]
    fn what_a_command_has_started_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let told = folder.path().join("child");
        // The child holds a pipe open: its reader sees the end when the child is gone.
        let line = format!("sleep 1000 & echo $! > {}; wait", told.display());
        let stop = Stop::default();
        let stopping = stop.clone();
        let (reader, writer) = std::io::pipe().unwrap();
        let running =
            std::thread::spawn(move || run_until(script(&line).stdout(writer), &stopping));
        while !std::fs::read_to_string(&told).is_ok_and(|id| id.ends_with('\n')) {
            std::thread::sleep(LOOK_INTERVAL);
        }
        stop.set();
        let ended = running.join().unwrap();
        assert!(matches!(ended, Err(Error::Stopped)), "{ended:?}");
        assert_eq!(std::io::read_to_string(reader).unwrap(), "");
    }
}
