//! The one who writes the audit log: a thread of its own, beside all calls.
//!
//! It owns the file, its rotation and what becomes of a line that can't be written now.
//! It never decides what is written, and no call waits for it.

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
use tokio::sync::{mpsc, oneshot};

use super::AuditError;
use super::record::Record;
use super::redact::Redaction;
use super::state::State;
use crate::config;

/// How long a line that could not be written waits for the next try.
const RETRY: Duration = Duration::from_secs(1);

/// How long the last lines may take when the host stops.
const LAST_TRIES: Duration = Duration::from_secs(2);

/// What comes to the writer.
pub(super) enum Message {
    /// a line
    Record(Record),
    /// tell when all that came before is in the file
    Flush(oneshot::Sender<()>),
}

pub(super) struct Writer {
    pub(super) messages: mpsc::Receiver<Message>,
    pub(super) redaction: Redaction,
    pub(super) state: Arc<State>,
    pub(super) file: FileRotate<AppendCount>,
    /// raised when the host stops
    pub(super) ending: Arc<AtomicBool>,
}

/// Opens the file, for its owner alone.
///
/// # Errors
/// If it can't be written.
pub(super) fn open(settings: &config::Audit) -> Result<FileRotate<AppendCount>, AuditError> {
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
    let limit = ContentLimit::BytesSurpassed(settings.max_bytes);
    let path = std::path::absolute(path).map_err(failed)?;
    let count = AppendCount::new(settings.keep);
    let file = FileRotate::new(path, count, limit, Compression::None, Some(options));
    Ok(file)
}

impl Writer {
    /// Writes what comes until nobody is left to say anything.
    pub(super) fn start(mut self) -> io::Result<()> {
        let name = "fusebox-audit".to_owned();
        thread::Builder::new().name(name).spawn(move || {
            while let Some(message) = self.messages.blocking_recv() {
                match message {
                    Message::Record(record) => {
                        let mut line = record.line(&self.redaction);
                        line.push('\n');
                        self.write(line);
                    }
                    Message::Flush(done) => {
                        // Whoever asked may have gone.
                        let _ = done.send(());
                    }
                }
            }
        })?;
        Ok(())
    }

    /// Writes a line, however long that takes; when the host stops, not much longer.
    fn write(&mut self, mut line: String) {
        let mut end = None;
        loop {
            match self.file.write_all(line.as_bytes()) {
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
            thread::sleep(RETRY.min(Duration::from_millis(if is_ending { 100 } else { 1000 })));
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
