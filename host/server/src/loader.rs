//! The loader: keeps the catalogue in step with the plugins folder.
//!
//! It owns the watch, the wait until a file is whole, and the swap of the
//! catalogue. It never touches the path of a request: compiling happens beside
//! it, and a swap is one pointer.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use fusebox_engine::{Change, Foreign};
use fusebox_protocol::reply::ListKind;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::catalogue::{Catalogue, FailedFile, Slot};
use crate::folder::{self, Found, Stamp};
use crate::host::Host;
use crate::plugin_entry::{EntryError, LoadedPlugin};

/// Things that a plugin asks for which the log names.
const UNMET_TOLD_MAX: usize = 16;

/// What the loader knows of one file: how it looked when it was last taken in,
/// and how it looked at the last glance.
#[derive(Default)]
struct Seen {
    taken: Option<Stamp>,
    glanced: Option<Stamp>,
}

/// The loader of one host.
pub struct Loader {
    host: Arc<Host>,
    dir: PathBuf,
    seen: BTreeMap<String, Seen>,
}

impl Loader {
    /// A loader that has looked at nothing yet.
    pub fn new(host: Arc<Host>) -> Self {
        let dir = host.config.plugins_dir.clone();
        Self {
            host,
            dir,
            seen: BTreeMap::new(),
        }
    }

    /// Takes in every file that stands in the folder now. Files are taken as
    /// they are: whatever is still being written is taken again by the watch.
    pub async fn load_all(&mut self) {
        self.pass(Glance::TakeAll).await;
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
        let mut wait = poll;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(()) = event.recv() => {}
                () = tokio::time::sleep(wait) => {}
            }
            // A file that changed is looked at again after it had time to settle.
            wait = if self.pass(Glance::TakeSettled).await {
                settle
            } else {
                poll
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
            self.publish(&name, None);
            tracing::info!(plugin = name, "plugin removed");
        }
    }

    /// Takes in one file: a new version if it is good, else a reason beside the
    /// version that serves.
    async fn take(&mut self, file: Found) {
        let name = file.name.clone();
        let before = self.host.catalogue.load().slots().get(&name).cloned();
        let mut slot = before.unwrap_or_default();
        if folder::check_name(&name).is_ok() && !self.host.config.plugin(&name).enabled {
            tracing::info!(plugin = name, "plugin is switched off");
            slot.disabled = true;
            self.publish(&name, Some(slot));
            return;
        }
        match self.load(&file, slot.serving.as_deref()).await {
            Ok(Some(plugin)) => {
                tracing::info!(
                    plugin = name,
                    sha256 = &plugin.core.sha256[..12],
                    tools = plugin.offers.tools.len(),
                    replaced = slot.serving.is_some(),
                    "plugin loaded"
                );
                tell_not_served(&name, &plugin);
                tell_unmet(&name, &plugin);
                for unmatched in &plugin.offers.unmatched {
                    tracing::warn!(
                        plugin = name,
                        setting = unmatched,
                        "the configuration names a tool that isn't there"
                    );
                }
                slot.serving = Some(Arc::new(plugin));
                slot.failed = None;
            }
            Ok(None) => slot.failed = None,
            Err(failed) => {
                tracing::warn!(
                    plugin = name,
                    reason = failed.reason,
                    still_serving = slot.serving.is_some(),
                    "plugin file failed"
                );
                slot.failed = Some(failed);
            }
        }
        self.publish(&name, Some(slot));
    }

    /// Reads and loads a file; none if it is what is served already.
    async fn load(
        &self,
        file: &Found,
        serving: Option<&LoadedPlugin>,
    ) -> Result<Option<LoadedPlugin>, FailedFile> {
        let failed = |sha256: Option<String>, reason: String| FailedFile { sha256, reason };
        folder::check_name(&file.name).map_err(|reason| failed(None, reason))?;
        let settings = self.host.config.plugin(&file.name);
        let (path, max) = (file.path.clone(), self.host.config.reload.file_max_bytes);
        let read = tokio::task::spawn_blocking(move || folder::read(&path, max)).await;
        let (bytes, sha256) = match read {
            Ok(Ok(read)) => read,
            Ok(Err(reason)) => return Err(failed(None, reason)),
            Err(panic) => return Err(failed(None, panic.to_string())),
        };
        if serving.is_some_and(|serving| serving.core.sha256 == sha256) {
            return Ok(None);
        }
        LoadedPlugin::load(
            &self.host.engine,
            &self.host.granter,
            settings,
            self.host.config.circuit_breaker,
            sha256.clone(),
            bytes,
            self.host.config.engine.max_instances as usize,
        )
        .await
        .map(Some)
        .map_err(|error: EntryError| failed(Some(sha256), error.to_string()))
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
        let after = Arc::new(Catalogue::new(slots, &self.host.config.views));
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
