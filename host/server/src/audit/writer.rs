//! The one who writes the audit log: a thread of its own, beside all calls.
//!
//! It owns the file, its rotation and what becomes of a line that can't be written now.
//! It never decides what is written, and no call waits for it.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use file_rotate::compression::Compression;
use file_rotate::suffix::AppendCount;
use file_rotate::{ContentLimit, FileRotate};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::AuditError;
use super::record::Record;
use super::redact::Redaction;
use super::state::State;
use crate::config;
use crate::supervise::Turns;

/// How long a line that could not be written waits for the next try.
const RETRY: Duration = Duration::from_secs(1);

/// The same while the host stops.
const RETRY_AT_THE_END: Duration = Duration::from_millis(100);

/// How long the last lines may take when the host stops.
const LAST_TRIES: Duration = Duration::from_secs(2);

/// What comes to the writer.
pub(super) enum Message {
    /// a line
    Record(Record),
    /// tell when all that came before is in the file
    Flush(oneshot::Sender<()>),
}

/// What lines are written to, anew for each thread: of one that has failed nothing is
/// trusted.
pub(super) type Open = dyn Fn() -> Box<dyn Write> + Send + Sync;

/// What outlives the thread that writes: who comes after it goes on with what waits.
pub(super) struct Writer {
    pub(super) messages: Mutex<mpsc::Receiver<Message>>,
    pub(super) redaction: Arc<Redaction>,
    pub(super) state: Arc<State>,
    pub(super) open: Box<Open>,
    /// raised when the host stops
    pub(super) ending: Arc<AtomicBool>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

/// Opens the file, for its owner alone: the way to do it again.
///
/// # Errors
/// If it can't be written.
pub(super) fn open(settings: &config::Audit) -> Result<Box<Open>, AuditError> {
    let path = &settings.file;
    let failed = |error: io::Error| AuditError::File {
        file: path.display().to_string(),
        error: error.to_string(),
    };
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600);
    if let Some(folder) = path.parent().filter(|one| !one.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    options.open(path).map_err(failed)?;
    let limit = settings.max_bytes;
    let path = std::path::absolute(path).map_err(failed)?;
    let keep = settings.keep;
    Ok(Box::new(move || {
        let limit = ContentLimit::BytesSurpassed(limit);
        let count = AppendCount::new(keep);
        let options = Some(options.clone());
        Box::new(FileRotate::new(
            &path,
            count,
            limit,
            Compression::None,
            options,
        ))
    }))
}

/// A line that is neither written nor given up yet. One that is dropped went with its
/// thread.
struct AtHand<'a>(Option<&'a State>);

impl AtHand<'_> {
    fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for AtHand<'_> {
    fn drop(&mut self) {
        if let Some(state) = self.0 {
            state.lost();
        }
    }
}

impl Writer {
    /// Writes what comes until nobody is left to say anything.
    pub(super) fn work(&self, turns: &Turns) {
        let mut file = (self.open)();
        while !turns.is_over() {
            turns.waits();
            // Not held while it is worked on: a thread that hangs there keeps nobody out.
            let message = self.messages.lock().blocking_recv();
            turns.works();
            match message {
                None => return,
                Some(Message::Record(record)) => {
                    let at_hand = AtHand(Some(&self.state));
                    let mut line = record.line(&self.redaction);
                    line.push('\n');
                    self.write(&mut *file, line, turns);
                    at_hand.done();
                }
                Some(Message::Flush(done)) => {
                    // Whoever asked may have gone.
                    let _ = done.send(());
                }
            }
        }
    }

    /// Writes a line, however long that takes; when the host stops, not much longer.
    fn write(&self, file: &mut dyn Write, mut line: String, turns: &Turns) {
        let mut end = None;
        loop {
            match file.write_all(line.as_bytes()) {
                Ok(()) => {
                    self.state.written();
                    return;
                }
                Err(error) => self.state.failed(&error),
            }
            let is_ending = self.ending.load(Ordering::Relaxed);
            let now = Instant::now();
            if is_ending && now >= *end.get_or_insert(now + LAST_TRIES) {
                self.state.lost();
                return;
            }
            thread::sleep(if is_ending { RETRY_AT_THE_END } else { RETRY });
            turns.works();
            // What was written of it stays a line of its own.
            if !line.starts_with('\n') {
                line.insert(0, '\n');
            }
        }
    }
}

/// The path of the file, as it is told.
pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests;
