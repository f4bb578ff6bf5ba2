//! Files that are read again when they change.
//!
//! It owns the watch: by the system's notifications, and by a look from time to time
//! where those don't come. It never knows what is in a file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// How often the files are looked at where the system reports no changes.
const POLL: Duration = Duration::from_secs(10);

/// How long a file that has changed is left to settle.
const SETTLE: Duration = Duration::from_millis(50);

/// What a file holds; none: it can't be read.
type Contents = Option<Vec<u8>>;

/// A watch of some files, small enough to be read whole.
pub(crate) struct FileWatch {
    files: Vec<PathBuf>,
    before: Vec<Contents>,
    event: mpsc::Receiver<()>,
    _watcher: Option<RecommendedWatcher>,
}

impl FileWatch {
    /// Begins to watch.
    pub(crate) async fn new(files: Vec<PathBuf>) -> Self {
        let (events, event) = mpsc::channel(1);
        let watcher = start(&files, events);
        Self {
            before: read(&files).await,
            files,
            event,
            _watcher: watcher,
        }
    }

    /// Resolves when one of the files holds something else than before.
    pub(crate) async fn changed(&mut self) {
        loop {
            tokio::select! {
                Some(()) = self.event.recv() => tokio::time::sleep(SETTLE).await,
                () = tokio::time::sleep(POLL) => {}
            }
            let now = read(&self.files).await;
            if now != self.before {
                self.before = now;
                return;
            }
        }
    }
}

async fn read(files: &[PathBuf]) -> Vec<Contents> {
    let mut all = Vec::new();
    for file in files {
        all.push(tokio::fs::read(file).await.ok());
    }
    all
}

fn start(files: &[PathBuf], events: mpsc::Sender<()>) -> Option<RecommendedWatcher> {
    let handler = move |event: notify::Result<notify::Event>| {
        // Each look at a file opens it, and must not lead to the next.
        if event.is_ok_and(|event| !event.kind.is_access()) {
            // A full channel means that a look is due already.
            let _ = events.try_send(());
        }
    };
    let mut folders: Vec<&Path> = files.iter().map(|file| folder_of(file)).collect();
    folders.sort();
    folders.dedup();
    let started = notify::recommended_watcher(handler).and_then(|mut watcher| {
        // Their folders: files are replaced rather than changed.
        for folder in folders {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
        Ok(watcher)
    });
    started
        .inspect_err(|error| {
            tracing::warn!(%error, ?files, "they are only looked at every {} s", POLL.as_secs());
        })
        .ok()
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_is_replaced_or_removed_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        std::fs::write(&file, "1").unwrap();
        let mut watch = FileWatch::new(vec![file.clone()]).await;
        let new = folder.path().join("new");
        std::fs::write(&new, "2").unwrap();
        std::fs::rename(&new, &file).unwrap();
        watch.changed().await;
        std::fs::remove_file(&file).unwrap();
        watch.changed().await;
    }
}
