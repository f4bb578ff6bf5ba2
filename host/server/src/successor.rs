//! Restart without a gap: this program is started once more, with the listening
//! sockets of this process, and takes its place once it is ready.
//!
//! It owns the start of the process that comes after, and what the two say to each
//! other. It never stops this one: that follows from its answer.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream as StdStream;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::config::Listener;
use crate::inherited::{Predecessor, Program, SOCKETS};
use crate::seal::KEY_BYTES;

/// What a host says that is ready.
const READY: &[u8] = b"ready\n";

/// How long the next host may take to get ready: it compiles what it has not in its
/// cache.
const READY_PATIENCE: Duration = Duration::from_secs(300);

/// A listening socket that can be handed over.
#[derive(Debug)]
pub(crate) struct Handle {
    /// what it is for, as the configuration has it
    pub(crate) listener: Listener,
    /// the socket
    pub(crate) socket: OwnedFd,
}

/// Why this host goes on as before.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSuccessor {
    /// Whoever starts a process with the number 1 watches it alone.
    #[error("this is process 1, whose end is the end of its container: replace the container")]
    First,
    /// There is no file to start.
    #[error("the system doesn't say which file this program is")]
    NoFile,
    /// It can't be started, or not be spoken to.
    #[error("the new host could not be started: {0}")]
    Io(#[from] io::Error),
    /// It has ended; its own words are in the log.
    #[error("the new host ended before it was ready ({0}); its reason is above")]
    Ended(ExitStatus),
    /// It has not said that it is ready.
    #[error("the new host was not ready within {} s", READY_PATIENCE.as_secs())]
    Late,
}

/// The process that comes after this one. It goes on by itself.
#[derive(Debug)]
pub(crate) struct Successor {
    /// its number
    pub(crate) process: u32,
    /// it waits for the end of this
    _line: UnixStream,
}

impl Successor {
    /// Starts the program again and waits until it is ready. Ended, if this is
    /// dropped before.
    ///
    /// # Errors
    /// If it doesn't get ready; it is gone then.
    pub(crate) async fn start(
        program: &Program,
        handles: &[Handle],
        seal: &[u8; KEY_BYTES],
    ) -> Result<Self, NoSuccessor> {
        if std::process::id() == 1 {
            return Err(NoSuccessor::First);
        }
        let (child, mut line) = spawn(program, handles)?;
        let mut pending = Pending {
            child,
            is_ready: false,
        };
        let child = &mut pending.child;
        line.write_all(seal).await?;
        let mut said = [0; READY.len()];
        let waiting = timeout(READY_PATIENCE, line.read_exact(&mut said));
        tokio::select! {
            biased;
            heard = waiting => match heard {
                Ok(Ok(_)) => {}
                // It closes its end when it ends.
                Ok(Err(_)) => return Err(NoSuccessor::Ended(end(child).await?)),
                Err(_elapsed) => {
                    end(child).await?;
                    return Err(NoSuccessor::Late);
                }
            },
            ended = child.wait() => return Err(NoSuccessor::Ended(ended?)),
        }
        let process = child.id().unwrap_or_default();
        // It outlives this process, and nobody waits for it.
        pending.is_ready = true;
        Ok(Self {
            process,
            _line: line,
        })
    }
}

/// A process that is ended with this, unless it has become the next host.
struct Pending {
    child: Child,
    is_ready: bool,
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.is_ready {
            // It can have ended by itself just now.
            let _ = self.child.start_kill();
        }
    }
}

/// How it ended; by force, if it is still there.
async fn end(child: &mut Child) -> io::Result<ExitStatus> {
    const GRACE: Duration = Duration::from_secs(1);
    if let Ok(ended) = timeout(GRACE, child.wait()).await {
        return ended;
    }
    child.kill().await?;
    child.wait().await
}

fn spawn(program: &Program, handles: &[Handle]) -> Result<(Child, UnixStream), NoSuccessor> {
    let path = program.path.as_ref().ok_or(NoSuccessor::NoFile)?;
    let (ours, theirs) = StdStream::pair()?;
    // Copies, which are left open by the system when it starts the program; these
    // themselves are not.
    let mut copies = Vec::new();
    for handle in handles {
        let copy = handle.socket.try_clone()?;
        SockRef::from(&copy).set_cloexec(false)?;
        copies.push((handle.listener, copy));
    }
    let numbers = copies.iter().map(|(_, copy)| copy.as_raw_fd());
    let first = numbers.clone().min().unwrap_or(3);
    let count = numbers.max().map_or(0, |last| last - first + 1);
    let places = copies
        .iter()
        .map(|(listener, copy)| format!("{}={listener}", copy.as_raw_fd() - first));
    let mut command = Command::new(path);
    command
        .args(&program.arguments)
        // As systemd hands over sockets, with a first number of our own.
        .env("LISTEN_FDS", count.to_string())
        .env("LISTEN_FDS_FIRST_FD", first.to_string())
        .env_remove("LISTEN_PID")
        .env_remove("LISTEN_FDNAMES")
        // It is for this process that systemd wrote its number there.
        .env_remove("WATCHDOG_PID")
        .env(SOCKETS, places.collect::<Vec<_>>().join(","))
        .stdin(Stdio::from(OwnedFd::from(theirs)));
    let child = command.spawn()?;
    ours.set_nonblocking(true)?;
    Ok((child, UnixStream::from_std(ours)?))
}

impl Predecessor {
    /// Tells the host before that this one is ready, and resolves when that process
    /// has ended.
    pub(crate) async fn take_over(self) {
        let Ok(mut line) = UnixStream::from_std(self.line) else {
            return;
        };
        if line.write_all(READY).await.is_ok() {
            // It has nothing more to say, and closes its end when it ends.
            let _ = line.read(&mut [0; 1]).await;
        }
    }
}
