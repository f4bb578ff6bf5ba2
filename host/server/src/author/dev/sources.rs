//! The sources of a project as they lie on disk: how they look, and when they look
//! otherwise.
//!
//! It owns which files count. It reads none of them, and never builds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use crate::folder::{Stamp, stamp};

/// How often everything is looked at, for file systems that report no changes.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How long files must have looked the same: an editor writes in steps, and a
/// checkout many files.
const SETTLE: Duration = Duration::from_millis(50);

/// Files that are looked at. No plugin has as many.
const FILES_MAX: usize = 20_000;

/// What cargo leaves in the folder that it builds into.
const BUILT: &str = "CACHEDIR.TAG";

/// Where the sources are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sources {
    folders: BTreeSet<PathBuf>,
    /// what a build writes
    output: PathBuf,
}

/// How they looked at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    files: BTreeMap<PathBuf, Stamp>,
    folders: BTreeSet<PathBuf>,
}

impl Sources {
    /// Those in `folders` and below, but for the folder `output`.
    pub(super) fn new<'a>(folders: impl IntoIterator<Item = &'a Path>, output: &Path) -> Self {
        let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let all: BTreeSet<PathBuf> = folders.into_iter().map(whole).collect();
        let below = |folder: &&PathBuf| folder.ancestors().skip(1).any(|above| all.contains(above));
        Self {
            folders: all.iter().filter(|one| !below(one)).cloned().collect(),
            output: whole(output),
        }
    }

    /// Looks at all of them. What can't be read is not there.
    pub(super) fn look(&self) -> Look {
        let mut look = Look::default();
        let mut left: Vec<PathBuf> = self.folders.iter().cloned().collect();
        while let Some(folder) = left.pop() {
            if folder == self.output || folder.join(BUILT).exists() {
                continue;
            }
            let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
            for entry in entries.filter(|entry| counts(&entry.file_name().to_string_lossy())) {
                let path = entry.path();
                // A link to a folder could lead back to where it is.
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    left.push(path);
                } else if let Ok(metadata) = fs::metadata(&path)
                    && metadata.is_file()
                    && look.files.len() < FILES_MAX
                {
                    look.files.insert(path, stamp(&metadata));
                }
            }
            look.folders.insert(folder);
        }
        look
    }
}

/// Whether a file or folder of this name is a source: no hidden one, no copy that an
/// editor keeps, and not what cargo, npm and Python write themselves.
fn counts(name: &str) -> bool {
    const WRITTEN: [&str; 3] = ["Cargo.lock", "node_modules", "__pycache__"];
    !name.starts_with('.') && !name.ends_with('~') && !WRITTEN.contains(&name)
}

impl Look {
    /// Which files are others than in `older`, gone and new ones too.
    pub(super) fn changed<'a>(&'a self, older: &'a Self) -> Vec<&'a Path> {
        let differs = |path: &&PathBuf| self.files.get(*path) != older.files.get(*path);
        let paths: BTreeSet<&PathBuf> = self.files.keys().chain(older.files.keys()).collect();
        let changed = paths.into_iter().filter(differs);
        changed.map(PathBuf::as_path).collect()
    }
}

/// Waits for changes: by the system's notifications, and by a look now and then.
pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    events: mpsc::Receiver<()>,
}

impl Watch {
    pub(super) fn new() -> Self {
        let (sender, events) = mpsc::channel(1);
        let handler = move |event: notify::Result<notify::Event>| {
            // Each look opens the folders, and must not lead to the next.
            if event.is_ok_and(|event| event.kind.is_access()) {
                return;
            }
            // A full channel means that a look is due already.
            let _ = sender.try_send(());
        };
        let watcher = notify::recommended_watcher(handler);
        Self {
            watcher: watcher.ok(),
            watched: BTreeSet::new(),
            events,
        }
    }

    /// Waits until the sources look otherwise than in `known`, and have settled.
    pub(super) async fn next(&mut self, sources: &Sources, known: &Look) -> Look {
        let mut last = known.clone();
        loop {
            let look = looked(sources).await;
            self.follow(&look);
            let changed = !look.changed(known).is_empty();
            let settled = look == last;
            last = look;
            match (changed, settled) {
                (true, true) => return last,
                (true, false) => tokio::time::sleep(SETTLE).await,
                (false, _) => tokio::select! {
                    Some(()) = self.events.recv() => {}
                    () = tokio::time::sleep(LOOK_INTERVAL) => {}
                },
            }
        }
    }

    /// Folders that the system won't watch are still looked at.
    fn follow(&mut self, look: &Look) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        for gone in self.watched.difference(&look.folders) {
            // It may be gone from the system's list as well.
            let _ = watcher.unwatch(gone);
        }
        for new in look.folders.difference(&self.watched) {
            let _ = watcher.watch(new, RecursiveMode::NonRecursive);
        }
        self.watched.clone_from(&look.folders);
    }
}

/// A look, off the threads that serve.
async fn looked(sources: &Sources) -> Look {
    let sources = sources.clone();
    let looking = tokio::task::spawn_blocking(move || sources.look());
    looking.await.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_count_and_what_tools_write_does_not() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let write = |name: &str| {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        };
        for name in [
            "Cargo.toml",
            "Cargo.lock",
            "src/lib.rs",
            "src/lib.rs~",
            "src/.lib.rs.swp",
            ".git/index",
            "node_modules/one/index.js",
            "__pycache__/one.pyc",
            "plugins/one.wasm",
            "built/CACHEDIR.TAG",
            "built/release/one.wasm",
        ] {
            write(name);
        }
        let (src, plugins) = (root.join("src"), root.join("plugins"));
        let sources = Sources::new([root.as_path(), src.as_path()], &plugins);
        let first = sources.look();
        let names = |look: &Look, older: &Look| -> Vec<String> {
            let changed = look.changed(older);
            let names = changed.iter().map(|path| path.strip_prefix(&root).unwrap());
            names.map(|path| path.display().to_string()).collect()
        };
        assert_eq!(
            names(&first, &Look::default()),
            ["Cargo.toml", "src/lib.rs"]
        );
        assert_eq!(first.folders, BTreeSet::from([root.clone(), src]));

        assert_eq!(names(&sources.look(), &first), [""; 0]);
        write("src/more/words.txt");
        fs::remove_file(root.join("Cargo.toml")).unwrap();
        fs::write(root.join("src/lib.rs"), "other").unwrap();
        let second = sources.look();
        assert_eq!(
            names(&second, &first),
            ["Cargo.toml", "src/lib.rs", "src/more/words.txt"]
        );
    }
}
