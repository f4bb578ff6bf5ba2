//! The loader: keeps the catalogue in step with the plugins folder, and with what
//! comes from elsewhere.
//!
//! It owns the watch, the wait until a file is whole, and the swap of the
//! catalogue. It never touches the path of a request: compiling happens beside
//! it, and a swap is one pointer.

mod candidate;
mod elsewhere;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use fusebox_engine::{Change, Foreign};
use fusebox_protocol::reply::ListKind;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::catalogue::{Catalogue, FailedFile, Slot};
use crate::folder::{self, Found, Stamp};
use crate::host::Host;
use crate::metrics::Load;
use crate::plugin_entry::{EntryError, LoadedPlugin};
use crate::signatures::Verdict;
use crate::sources::News;
use candidate::Candidate;

/// Things that a plugin asks for which the log names.
const UNMET_TOLD_MAX: usize = 16;

/// What the loader knows of one file: how it looked when it was last taken in,
/// and how it looked at the last glance.
#[derive(Default)]
struct Seen {
    taken: Option<Stamp>,
    glanced: Option<Stamp>,
}

/// News that wait for the loader; who brings more waits too.
const NEWS_MAX: usize = 16;

/// The loader of one host.
pub struct Loader {
    host: Arc<Host>,
    dir: PathBuf,
    seen: BTreeMap<String, Seen>,
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
        Self {
            host,
            dir,
            seen: BTreeMap::new(),
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
        self.pass(Glance::TakeAll).await;
        self.begin_elsewhere().await;
    }

    /// Watches the folder until `stop`: by the system's notifications, and by a
    /// look every `reload.poll_interval_ms` where those don't come.
    pub async fn watch(mut self, stop: CancellationToken) {
        let (events, mut event) = mpsc::channel(1);
        let _watcher = self.start_watcher(events);
        let (poll, settle) = {
            let reload = &self.host.config.reload;
            (reload.poll_interval, reload.settle)
        };
        let mut next = Instant::now() + poll;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(()) = event.recv() => {}
                Some(news) = self.news.recv() => {
                    self.hear(news).await;
                    // The folder is looked at when it would have been.
                    continue;
                }
                () = tokio::time::sleep_until(next) => {}
            }
            // A file that changed is looked at again after it had time to settle.
            let is_unsettled = self.pass(Glance::TakeSettled).await;
            next = Instant::now() + if is_unsettled { settle } else { poll };
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
        self.remove_missing(&found);
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

    fn remove_missing(&mut self, found: &[Found]) {
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
            self.publish(&name, None);
            self.host.metrics.loads.add(Load::Removed);
            tracing::info!(plugin = name, "plugin removed");
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
        if folder::check_name(&name).is_ok() && !self.host.config.plugin(&name).enabled {
            tracing::info!(plugin = name, "plugin is switched off");
            let mut slot = self.slot(&name);
            slot.disabled = true;
            self.publish(&name, Some(slot));
            return;
        }
        let candidate = match folder::check_name(&name) {
            Ok(()) => {
                let (path, max) = (file.path, self.host.config.reload.file_max_bytes);
                let signatures = self.host.signatures.clone();
                Candidate::of_file(path, max, signatures).await
            }
            Err(reason) => Err(FailedFile {
                sha256: None,
                reason,
            }),
        };
        self.take_candidate(&name, candidate).await;
    }

    /// What there is under a name now.
    fn slot(&self, name: &str) -> Slot {
        let slot = self.host.catalogue.load().slots().get(name).cloned();
        slot.unwrap_or_default()
    }

    /// Makes bytes the version that serves, or notes why not. True if they serve.
    async fn take_candidate(&self, name: &str, candidate: Result<Candidate, FailedFile>) -> bool {
        let before = self.slot(name);
        let mut slot = before.clone();
        let loaded = match candidate {
            Ok(candidate) => self.load(name, candidate, slot.serving.as_deref()).await,
            Err(failed) => Err(failed),
        };
        let is_good = loaded.is_ok();
        match loaded {
            // Nothing has changed since the last look.
            Ok((None, verdict))
                if before.failed.is_none() && before.signed.as_ref() == Some(&verdict) =>
            {
                return true;
            }
            Ok((plugin, verdict)) => {
                tell_verdict(name, &verdict);
                slot.signed = Some(verdict);
                slot.failed = None;
                if let Some(plugin) = plugin {
                    let replaces = slot.serving.is_some();
                    let load = if replaces { Load::Swap } else { Load::New };
                    self.host.metrics.loads.add(load);
                    tell_loaded(name, &plugin, replaces);
                    slot.serving = Some(Arc::new(plugin));
                }
            }
            // It is known: whoever looks again has told it before.
            Err(failed) if before.failed.as_ref() == Some(&failed) => return false,
            Err(failed) => {
                self.host.metrics.loads.add(Load::Failed);
                tracing::warn!(
                    plugin = name,
                    reason = failed.reason,
                    still_serving = slot.serving.is_some(),
                    "plugin file failed"
                );
                slot.failed = Some(failed);
            }
        }
        self.publish(name, Some(slot));
        is_good
    }

    /// Loads bytes; none if they are what is served already.
    async fn load(
        &self,
        name: &str,
        candidate: Candidate,
        serving: Option<&LoadedPlugin>,
    ) -> Result<(Option<LoadedPlugin>, Verdict), FailedFile> {
        let Candidate { file, verdict } = candidate;
        let is_served = |serving: &LoadedPlugin| {
            serving.core.sha256 == file.sha256 && serving.core.beside == file.beside
        };
        if serving.is_some_and(is_served) {
            return Ok((None, verdict));
        }
        let sha256 = file.sha256.clone();
        let loaded = LoadedPlugin::load(
            &self.host.engine,
            &self.host.granter,
            self.host.config.plugin(name),
            self.host.config.circuit_breaker,
            file,
            self.host.config.engine.max_instances as usize,
        );
        match loaded.await {
            Ok(plugin) => {
                self.host.metrics.tallies.follow(&plugin);
                Ok((Some(plugin), verdict))
            }
            Err(error) => Err(failed(Some(sha256), &error)),
        }
    }

    /// Swaps in a catalogue with `slot` under `name`, and tells clients if they
    /// see other lists now. Only the loader swaps, so nothing comes in between.
    fn publish(&self, name: &str, slot: Option<Slot>) {
        let before = self.host.catalogue.load_full();
        let mut slots = before.slots().clone();
        match slot {
            Some(slot) => slots.insert(name.to_owned(), slot),
            None => slots.remove(name),
        };
        let after = Arc::new(Catalogue::new(
            slots,
            &self.host.config.views,
            &self.host.config.roles,
        ));
        for collision in after.collisions() {
            if !before.collisions().contains(collision) {
                tracing::warn!(
                    what = collision.what,
                    name = collision.name,
                    kept_by = collision.kept_by,
                    refused_to = collision.refused_to,
                    "two plugins claim one name"
                );
            }
        }
        let lists = [
            (ListKind::Tools, Change::Tools),
            (ListKind::Prompts, Change::Prompts),
            (ListKind::Resources, Change::Resources),
            (ListKind::ResourceTemplates, Change::Resources),
        ];
        let mut changes: Vec<Change> = lists
            .into_iter()
            .filter(|(kind, _)| after.differs(&before, *kind))
            .map(|(_, change)| change)
            .collect();
        changes.dedup();
        self.host.catalogue.store(after);
        self.host.capabilities.clear();
        for change in changes {
            self.host.changes.publish(&change);
        }
    }
}

fn failed(sha256: Option<String>, error: &EntryError) -> FailedFile {
    FailedFile {
        sha256,
        reason: error.to_string(),
    }
}

fn tell_verdict(name: &str, verdict: &Verdict) {
    if let Verdict::Tolerated(error) = verdict {
        tracing::warn!(
            plugin = name,
            reason = %error,
            "a plugin is loaded without a good signature"
        );
    }
}

fn tell_loaded(name: &str, plugin: &LoadedPlugin, replaced: bool) {
    tracing::info!(
        plugin = name,
        sha256 = &plugin.core.sha256[..12],
        tools = plugin.offers.tools.len(),
        replaced,
        "plugin loaded"
    );
    tell_not_served(name, plugin);
    tell_unmet(name, plugin);
    for unmatched in &plugin.offers.unmatched {
        tracing::warn!(
            plugin = name,
            setting = unmatched,
            "the configuration names a tool that isn't there"
        );
    }
}

/// Which functions of a component for other hosts are no tools, and why.
fn tell_not_served(name: &str, plugin: &LoadedPlugin) {
    let foreign = plugin.core.code.foreign();
    for one in foreign.into_iter().flat_map(Foreign::not_served) {
        tracing::info!(
            plugin = name,
            function = one.function,
            reason = one.reason,
            "a function is no tool"
        );
    }
}

/// What its author asks for and the configuration doesn't give.
fn tell_unmet(name: &str, plugin: &LoadedPlugin) {
    let unmet = plugin.core.unmet.lines();
    if !unmet.is_empty() {
        let more = unmet.len().saturating_sub(UNMET_TOLD_MAX);
        let asks = unmet[..unmet.len() - more].join(", ");
        tracing::info!(
            plugin = name,
            asks,
            more,
            "it asks for what it isn't granted; `fusebox plugin check` prints the lines that would grant it"
        );
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Glance {
    /// at the start: whatever stands there
    TakeAll,
    /// later: what looks the same as at the last glance
    TakeSettled,
}
