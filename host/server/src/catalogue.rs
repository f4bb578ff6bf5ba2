//! The catalogue: which plugins are served and what they offer, as one immutable
//! snapshot that is swapped whole.
//!
//! It owns the order, the collisions and the views. It never loads a
//! plugin and never changes once it is published.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::auth::Audience;
use crate::canary::{Trial, Turn};
use crate::config::{Role, View};
use crate::control::{Orders, PassedOver};
use crate::offered::{Collision, Offered};
use crate::plugin_entry::{Handler, LoadedPlugin};
use crate::signatures::Verdict;

/// A file that is not served, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedFile {
    /// of its bytes, in hex; none if it couldn't be read whole
    pub sha256: Option<String>,
    /// in plain words
    pub reason: String,
}

/// What there is under one name, in the folder or from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Slot {
    /// the version that serves
    pub serving: Option<Arc<LoadedPlugin>>,
    /// whose it is; none: nothing serves
    pub signed: Option<Verdict>,
    /// the newest file, if it can't be served
    pub failed: Option<FailedFile>,
    /// the configuration switched it off
    pub disabled: bool,
    /// a new version that gets its share of the calls
    pub trial: Option<Arc<Trial>>,
    /// good bytes that are not to be served
    pub passed_over: Option<PassedOver>,
    /// what the operator ordered
    pub orders: Arc<Orders>,
}

impl Slot {
    fn has_rolled_back(&self, version: &str) -> bool {
        let passed_over = self.passed_over.as_ref().filter(|one| one.rolled_back);
        passed_over.is_some_and(|one| one.sha256.starts_with(version))
    }
}

/// A call can't go on: the version that it began with was rolled back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the version of the plugin that asked was rolled back; begin again")]
pub struct RolledBack;

/// The name of a view; none: everything.
pub type ViewName = Option<Arc<str>>;

/// What roles are shown of one place, made when first asked for.
type Roles = BTreeMap<Arc<str>, (View, OnceLock<Offered>)>;

/// A view, and what roles are shown of it.
#[derive(Debug)]
struct Part {
    offered: Offered,
    roles: Roles,
}

/// An immutable snapshot of all plugins. What it offers is what [`Offered`] looks
/// up and lists; a view shows a part of it.
#[derive(Debug, Default)]
pub struct Catalogue {
    id: u64,
    slots: BTreeMap<String, Slot>,
    offered: Offered,
    views: BTreeMap<String, Part>,
    roles: Roles,
    collisions: Vec<Collision>,
    has_trials: bool,
}

impl Deref for Catalogue {
    type Target = Offered;

    fn deref(&self) -> &Offered {
        &self.offered
    }
}

impl Catalogue {
    /// Builds a snapshot. Plugins come in the order of their names, what they
    /// offer in the order in which they list it; of two that claim one name, the
    /// plugin that comes first keeps it.
    pub fn new(
        slots: BTreeMap<String, Slot>,
        views: &BTreeMap<String, View>,
        roles: &BTreeMap<String, Role>,
    ) -> Self {
        let mut offered = Offered::default();
        let mut collisions = Vec::new();
        for plugin in slots.values().filter_map(|slot| slot.serving.as_ref()) {
            collisions.extend(offered.take(plugin));
        }
        let views = views
            .iter()
            .map(|(name, view)| {
                let part = Part {
                    offered: offered.part(view),
                    roles: shown(roles),
                };
                (name.clone(), part)
            })
            .collect();
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            has_trials: slots.values().any(|slot| slot.trial.is_some()),
            slots,
            offered,
            views,
            roles: shown(roles),
            collisions,
        }
    }

    /// No other snapshot of this process has it; that of nothing at all has 0.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// What a view shows.
    pub fn view(&self, name: &ViewName) -> &Offered {
        let view = name.as_deref().and_then(|name| self.views.get(name));
        view.map_or(&self.offered, |view| &view.offered)
    }

    /// What of a view this audience is shown. Of a role that isn't there, nothing is.
    pub fn offered_to(&self, audience: &Audience) -> &Offered {
        static NOTHING: OnceLock<Offered> = OnceLock::new();
        let whole = self.view(&audience.view);
        let Some(role) = audience.role() else {
            return whole;
        };
        let view = audience
            .view
            .as_deref()
            .and_then(|name| self.views.get(name));
        let roles = view.map_or(&self.roles, |view| &view.roles);
        match roles.get(role) {
            Some((shown, part)) => part.get_or_init(|| whole.part(shown)),
            None => NOTHING.get_or_init(Offered::default),
        }
    }

    /// The handler that a new call goes to, of the version that lists it or of the one
    /// that is tried beside it.
    pub(crate) fn pick(&self, handler: &Arc<Handler>) -> (Arc<Handler>, Option<Turn>) {
        match self.trial_of(handler) {
            Some(trial) => trial.pick(handler),
            None => (handler.clone(), None),
        }
    }

    /// The handler for a call that began with the version whose SHA-256 begins so: the
    /// one on trial, or else the one that serves now.
    ///
    /// # Errors
    /// If that version was rolled back: what it left is not for the one before it.
    pub(crate) fn go_on(
        &self,
        handler: &Arc<Handler>,
        version: &str,
    ) -> Result<(Arc<Handler>, Option<Turn>), RolledBack> {
        if handler.core.sha256.starts_with(version) {
            return Ok((handler.clone(), None));
        }
        let trial = self.trial_of(handler);
        let trial = trial.filter(|trial| trial.canary().core.sha256.starts_with(version));
        if let Some(found) = trial.and_then(|trial| trial.twin(handler)) {
            return Ok(found);
        }
        let slot = self.slots.get(&handler.core.name);
        match slot.is_some_and(|slot| slot.has_rolled_back(version)) {
            true => Err(RolledBack),
            false => Ok((handler.clone(), None)),
        }
    }

    fn trial_of(&self, handler: &Handler) -> Option<&Arc<Trial>> {
        if !self.has_trials {
            return None;
        }
        self.slots.get(&handler.core.name)?.trial.as_ref()
    }

    /// The handler that completes arguments for a plugin.
    pub fn completion_of(&self, plugin: &str) -> Option<&Arc<Handler>> {
        let serving = self.slots.get(plugin)?.serving.as_ref()?;
        serving.offers.completion.as_ref()
    }

    /// What stands in the folder, by name.
    pub fn slots(&self) -> &BTreeMap<String, Slot> {
        &self.slots
    }

    /// What is not offered because of its name.
    pub fn collisions(&self) -> &[Collision] {
        &self.collisions
    }
}

fn shown(roles: &BTreeMap<String, Role>) -> Roles {
    let shown = roles.iter();
    shown
        .map(|(name, role)| (Arc::from(name.as_str()), (role.as_view(), OnceLock::new())))
        .collect()
}
