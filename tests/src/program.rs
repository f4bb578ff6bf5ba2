//! Runs programs that end by themselves, with an end in any case, and gives what
//! they printed. Judges nothing.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use crate::host::host_command;
use crate::place;
use crate::process::stop;
use crate::script;
use crate::wait::{PROGRAM, until_for};

/// What a command of the host did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// the exit code; none if a signal ended it
    pub code: Option<i32>,
    /// standard output
    pub stdout: String,
    /// standard error
    pub stderr: String,
}

/// Runs a command of the host that ends by itself, in `folder`.
///
/// # Panics
/// If it doesn't end.
pub fn fusebox(folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = host_command();
    command.current_dir(folder).args(arguments);
    ran(command)
}

/// Runs a line as an author would type it, in `folder`.
///
/// # Panics
/// If it doesn't end.
pub fn typed(folder: &Path, line: &str) -> Ran {
    ran(shell(folder, line))
}

/// A shell for a line, which finds the host's program by its name, and the Node that
/// the tests installed. What cargo builds there, and what other languages are built
/// with, lies in folders that all tests share, so that it is compiled or installed once.
pub fn shell(folder: &Path, line: &str) -> Command {
    let program = place::host_binary();
    let mut folders: Vec<PathBuf> = program
        .parent()
        .map(Path::to_path_buf)
        .into_iter()
        .chain(script::node_program().parent().map(Path::to_path_buf))
        .collect();
    let given = env::var_os("PATH").unwrap_or_default();
    folders.extend(env::split_paths(&given));
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", line])
        .current_dir(folder)
        .envs(
            host_command()
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("PATH", env::join_paths(folders).expect("folders"))
        .env("CARGO_TARGET_DIR", place::authors_target())
        .env("FUSEBOX_TOOLCHAINS", place::toolchains())
        .env_remove("CARGO")
        .env_remove("FUSEBOX_PLUGINS");
    command
}

fn ran(command: Command) -> Ran {
    let output = output(command);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran {
        code: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

/// Runs a program to its end, which must come.
pub(crate) fn output(mut command: Command) -> Output {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child =
        Ended(child.unwrap_or_else(|error| panic!("failed to start {command:?}: {error}")));
    let stdout = read(child.0.stdout.take());
    let stderr = read(child.0.stderr.take());
    let status = until_for(PROGRAM, "a program has ended", || {
        child.0.try_wait().expect("a child can be waited for")
    });
    Output {
        status,
        stdout: stdout.join().expect("the output is read"),
        stderr: stderr.join().expect("the output is read"),
    }
}

fn read(source: Option<impl std::io::Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut source) = source {
            // What was read before an error is what there is to show.
            let _ = source.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// A process that ends with the value that stands for it.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        stop(&mut self.0);
    }
}
