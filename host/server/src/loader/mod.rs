//! The loader: keeps the catalogue in step with the plugins folder, and with what
//! comes from elsewhere.
//!
//! It owns the watch, the wait until a file is whole, the operator's orders, and the
//! swap of the catalogue. It never touches the path of a request: compiling happens
//! beside it, and a swap is one pointer.

mod book;
mod candidate;
mod configure;
mod elsewhere;
mod kept;
mod orders;
mod publish;
mod taking;
mod trials;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::catalogue::{FailedFile, Slot};
use crate::folder::{self, Found, Stamp};
use crate::host::Host;
use crate::sources::{self, News};
use book::Book;
use candidate::Candidate;
use kept::Kept;

/// What the loader knows of one file: how it looked when it was last taken in,
/// and how it looked at the last glance.
#[derive(Default)]
struct Seen {
    taken: Option<Stamp>,
    glanced: Option<Stamp>,
}

/// What is remembered of a version with its bytes.
#[derive(Clone, Debug, Default)]
struct Papers {
    sha256: String,
    /// the texts of its signatures
    signatures: Vec<String>,
    /// what lies beside it
    asks: Option<String>,
    /// where it comes from, if it isn't from the folder
    source: Option<sources::Record>,
}

/// News that wait for the loader; who brings more waits too.
const NEWS_MAX: usize = 16;

/// The loader of one host.
pub struct Loader {
    host: Arc<Host>,
    dir: PathBuf,
    seen: BTreeMap<String, Seen>,
    /// what the operator ordered
    book: Book,
    /// good versions on disk
    kept: Kept,
    told_not_kept: AtomicBool,
    /// which there are, by plugin, the newest first
    versions: BTreeMap<String, Vec<kept::Record>>,
    /// what is to be remembered of each version on trial once it is good
    papers: BTreeMap<String, Papers>,
    /// when those are looked at
    look_due: Instant,
    /// what each source said last
    heard: BTreeMap<String, sources::Record>,
    news: mpsc::Receiver<News>,
    /// kept, so that there may always be news
    tell: mpsc::Sender<News>,
    /// who brings news ends with the loader
    following: CancellationToken,
    _end: DropGuard,
}

impl Loader {
    /// A loader that has looked at nothing yet.
    pub fn new(host: Arc<Host>) -> Self {
        let dir = host.config.plugins_dir.clone();
        let (tell, news) = mpsc::channel(NEWS_MAX);
        let following = host.stopping.child_token();
        let state = host.config.state_folder(|name| std::env::var_os(name));
        let versions = state.as_ref().map(|state| state.join("versions"));
        Self {
            book: Book::open(state.as_deref()),
            kept: Kept::new(versions, host.config.reload.keep_versions),
            told_not_kept: AtomicBool::new(false),
            versions: BTreeMap::new(),
            papers: BTreeMap::new(),
            look_due: Instant::now(),
            heard: BTreeMap::new(),
            seen: known(&host),
            host,
            dir,
            news,
            tell,
            _end: following.clone().drop_guard(),
            following,
        }
    }

    /// Takes in every file that stands in the folder now. Files are taken as
    /// they are: whatever is still being written is taken again by the watch. What
    /// comes from elsewhere is taken from the cache, or waited for.
    pub async fn load_all(&mut self) {
        self.drop_all_trials().await;
        self.pass(Glance::TakeAll).await;
        self.begin_elsewhere().await;
        self.take_orphans().await;
    }

    /// Carries out orders until `stop`, and watches the folder, if that is wanted: by
    /// the system's notifications, and by a look every `reload.poll_interval_ms` where
    /// those don't come.
    pub async fn watch(mut self, stop: CancellationToken) {
        let watches = self.host.config.reload.enabled;
        if !watches {
            self.following.cancel();
        }
        let mut inbox = self.host.control.inbox().await;
        let nudge = self.host.control.nudge();
        let (events, mut event) = mpsc::channel(1);
        let _watcher = watches.then(|| self.start_watcher(events));
        let mut next = Instant::now() + self.host.live().reload.poll_interval;
        loop {
            let has_trials = !self.papers.is_empty();
            // Only an event, or the time for it, leads to a look at the folder.
            tokio::select! {
                () = stop.cancelled() => {
                    // Whoever waits for an answer is told that there is none.
                    inbox.close();
                    while inbox.try_recv().is_ok() {}
                    return;
                }
                Some(message) = inbox.recv() => {
                    self.obey(message).await;
                    continue;
                }
                () = nudge.notified() => {
                    self.look_at_trials().await;
                    continue;
                }
                () = tokio::time::sleep_until(self.look_due), if has_trials => {
                    self.look_at_trials().await;
                    continue;
                }
                Some(news) = self.news.recv() => {
                    self.hear(news).await;
                    continue;
                }
                Some(()) = event.recv() => {}
                () = tokio::time::sleep_until(next), if watches => {}
            }
            // A file that changed is looked at again after it had time to settle.
            let is_unsettled = self.pass(Glance::TakeSettled).await;
            next = Instant::now() + {
                let reload = &self.host.live().reload;
                if is_unsettled {
                    reload.settle
                } else {
                    reload.poll_interval
                }
            };
        }
    }

    fn start_watcher(&self, events: mpsc::Sender<()>) -> Option<RecommendedWatcher> {
        let handler = move |event: notify::Result<notify::Event>| {
            // Each look at the folder opens it, and must not lead to the next.
            if event.is_ok_and(|event| event.kind.is_access()) {
                return;
            }
            // A full channel means that a look is due already.
            let _ = events.try_send(());
        };
        let started = notify::recommended_watcher(handler).and_then(|mut watcher| {
            watcher.watch(&self.dir, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        match started {
            Ok(watcher) => Some(watcher),
            Err(error) => {
                tracing::warn!(
                    dir = %self.dir.display(),
                    %error,
                    "the plugins folder can't be watched; it is only looked at every reload.poll_interval_ms"
                );
                None
            }
        }
    }

    /// Looks at the folder once. True if a file is not settled yet.
    async fn pass(&mut self, glance: Glance) -> bool {
        let scan_dir = self.dir.clone();
        let scanned = tokio::task::spawn_blocking(move || folder::scan(&scan_dir)).await;
        let found = match scanned {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                tracing::error!(dir = %self.dir.display(), %error, "the plugins folder can't be read; what was loaded goes on being served");
                return false;
            }
            Err(panic) => {
                tracing::error!(%panic, "the look at the plugins folder failed");
                return false;
            }
        };
        self.remove_missing(&found).await;
        let mut unsettled = false;
        for file in found {
            let seen = self.seen.entry(file.name.clone()).or_default();
            if seen.taken == Some(file.stamp) {
                continue;
            }
            let settled = seen.glanced.replace(file.stamp) == Some(file.stamp);
            if glance == Glance::TakeSettled && !settled {
                unsettled = true;
                continue;
            }
            seen.taken = Some(file.stamp);
            self.take(file).await;
        }
        unsettled
    }

    async fn remove_missing(&mut self, found: &[Found]) {
        let gone: Vec<String> = self
            .seen
            .keys()
            .filter(|name| !found.iter().any(|file| &file.name == *name))
            .cloned()
            .collect();
        for name in gone {
            self.seen.remove(&name);
            if self.host.sources.url_of(&name).is_some() {
                self.host.sources.note_file(&name, false);
                continue;
            }
            self.lose(&name).await;
        }
    }

    /// Takes in one file: a new version if it is good, else a reason beside the
    /// version that serves.
    async fn take(&mut self, file: Found) {
        let name = file.name.clone();
        if let Some(url) = self.host.sources.url_of(&name) {
            self.refuse_file(&name, url);
            return;
        }
        if folder::check_name(&name).is_ok() && !self.host.live().plugin(&name).enabled {
            tracing::info!(plugin = name, "plugin is switched off");
            let mut slot = self.slot(&name);
            slot.disabled = true;
            self.publish(&name, Some(slot));
            return;
        }
        let candidate = match folder::check_name(&name) {
            Ok(()) => {
                let (path, max) = (file.path, self.host.live().reload.file_max_bytes);
                let signatures = self.host.signatures.clone();
                Candidate::of_file(path, max, signatures).await
            }
            Err(reason) => Err(FailedFile {
                sha256: None,
                reason,
            }),
        };
        self.consider(&name, candidate, None).await;
    }

    /// What there is under a name now.
    fn slot(&self, name: &str) -> Slot {
        let slot = self.host.catalogue.load().slots().get(name).cloned();
        slot.unwrap_or_default()
    }
}

/// What a loader before this one has taken in: a file that has gone since is missed.
fn known(host: &Host) -> BTreeMap<String, Seen> {
    let catalogue = host.catalogue.load();
    let names = catalogue.slots().keys().cloned();
    names.map(|name| (name, Seen::default())).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Glance {
    /// at the start: whatever stands there
    TakeAll,
    /// later: what looks the same as at the last glance
    TakeSettled,
}
