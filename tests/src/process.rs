//! Processes of the tests: how they are ended and signalled, and what the system and
//! their output say of them.
//!
//! It owns no process; whoever started one does.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// How long a host that is not needed any more may take to stop.
const GRACE: Duration = Duration::from_secs(5);

/// How many lines of its log are kept for the message of a failing test.
const LOG_LINES: usize = 2_000;

/// Ends a process: politely, and after a while by force.
pub(crate) fn stop(child: &mut Child) {
    if !matches!(child.try_wait(), Ok(None)) {
        return;
    }
    signal(child.id(), "TERM");
    let end = Instant::now() + GRACE;
    while Instant::now() < end {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    // It can have ended by itself just now.
    let _ = child.kill();
    let _ = child.wait();
}

/// The resident memory of a process, in KiB.
pub(crate) fn resident_kib(process: u32) -> u64 {
    let path = Path::new("/proc").join(process.to_string()).join("status");
    let status = fs::read_to_string(path).expect("the process is alive");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok())
        .expect("a process has resident memory")
}

/// Sends a signal, by the shell's own `kill`: minimal systems have no such program.
pub fn signal(process: u32, name: &str) {
    let status = Command::new("sh")
        .args(["-c", &format!("kill -{name} {process}")])
        .status();
    assert!(status.is_ok(), "a signal can be sent: {status:?}");
}

/// Keeps what a process writes, line by line.
pub(crate) fn collect(
    source: Option<impl Read + Send + 'static>,
    log: &Arc<Mutex<VecDeque<String>>>,
    lines: mpsc::Sender<String>,
) {
    let (source, log) = (source.expect("the output is piped"), Arc::clone(log));
    thread::spawn(move || {
        for line in BufReader::new(source).lines().map_while(Result::ok) {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            if log.len() == LOG_LINES {
                log.pop_front();
            }
            log.push_back(line.clone());
            drop(log);
            let _ = lines.send(line); // Once it is ready, nobody listens.
        }
    });
}
