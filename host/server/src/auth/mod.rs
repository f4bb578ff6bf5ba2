//! Who may call: keys, and what those are shown who have one.
//!
//! It owns the belief that somebody is who they say. It never reads a request:
//! transports bring what it judges, and nothing of that goes any further.

mod caller;
mod keys;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use caller::{Audience, Caller};
pub use keys::{Entry, Keys, KeysError, Unfit};

use crate::config::{Config, EVERYTHING};

/// How often the file is looked at where the system reports no changes.
const POLL: Duration = Duration::from_secs(10);

/// How long a file that has changed is left to settle.
const SETTLE: Duration = Duration::from_millis(50);

/// Who may call this host.
#[derive(Debug)]
pub struct Auth(Option<Asked>);

/// Callers are asked who they are.
#[derive(Debug)]
struct Asked {
    file: PathBuf,
    known: ArcSwap<Known>,
    /// who shows nothing is this caller; none: is refused
    stranger: Option<Caller>,
    roles: Vec<(Arc<str>, bool)>,
    trouble: Mutex<Option<String>>,
}

/// The keys of a moment, and the caller behind each, by its id.
#[derive(Debug)]
struct Known {
    keys: Keys,
    callers: HashMap<String, Caller>,
}

/// Why somebody isn't let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nothing was shown.
    #[error("a key is needed")]
    Missing,
    /// What was shown is none of the host's keys.
    #[error("the key is none that this host knows; ask its operator for one")]
    Unknown,
    /// Its time is over.
    #[error("the key `{0}` has expired; ask the host's operator for another")]
    Expired(String),
    /// What was shown is no key.
    #[error("a key is needed, and this is none")]
    Malformed,
    /// It was taken back, or has expired, after its connection was let in.
    #[error("the key was revoked or has expired")]
    Revoked,
    /// Its role may not be here; the name of the role.
    #[error("the role `{0}` may not enter this endpoint")]
    Entry(String),
}

/// Why a host doesn't start.
#[derive(Debug, thiserror::Error)]
#[error(
    "the file of keys `{file}` (`auth.keys_file`) can't be used: {problem}; `fusebox key new NAME --file {file}` makes one"
)]
pub struct AuthError {
    file: String,
    problem: String,
}

impl Auth {
    /// What the configuration asks for.
    ///
    /// # Errors
    /// If its file of keys can't be used.
    pub fn new(config: &Config) -> Result<Self, AuthError> {
        let file = &config.auth.keys_file;
        if file.as_os_str().is_empty() {
            return Ok(Self(None));
        }
        let roles: Vec<(Arc<str>, bool)> = config
            .roles
            .iter()
            .map(|(name, role)| (Arc::from(name.as_str()), role.health))
            .collect();
        let known = Known::read(file, &roles).map_err(|problem| AuthError {
            file: file.display().to_string(),
            problem,
        })?;
        let stranger = (!config.auth.anonymous.is_empty())
            .then(|| caller("anonymous".to_owned(), &config.auth.anonymous, None, &roles))
            .transpose()
            .map_err(|problem| AuthError {
                file: file.display().to_string(),
                problem,
            })?;
        Ok(Self(Some(Asked {
            file: file.clone(),
            known: ArcSwap::from_pointee(known),
            stranger,
            roles,
            trouble: Mutex::new(None),
        })))
    }

    /// Whether callers are asked who they are.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Who it is that shows nothing; none: nobody is asked.
    ///
    /// # Errors
    /// [`Denied::Missing`] where something must be shown.
    pub fn stranger(&self) -> Result<Option<Caller>, Denied> {
        match &self.0 {
            None => Ok(None),
            Some(asked) => asked.stranger.clone().map(Some).ok_or(Denied::Missing),
        }
    }

    /// Who it is that shows `key`; none: nobody is asked.
    ///
    /// # Errors
    /// [`Denied`] if the key opens nothing.
    pub fn caller(&self, key: &str) -> Result<Option<Caller>, Denied> {
        let Some(asked) = &self.0 else {
            return Ok(None);
        };
        let known = asked.known.load();
        let entry = known
            .keys
            .find(key, SystemTime::now())
            .map_err(|unfit| match unfit {
                Unfit::Unknown => Denied::Unknown,
                Unfit::Expired(name) => Denied::Expired(name),
            })?;
        let found = known.callers.get(&entry.id);
        found.cloned().map(Some).ok_or(Denied::Unknown)
    }

    /// What is wrong with the file of keys now; none: nothing.
    pub fn trouble(&self) -> Option<String> {
        self.0.as_ref().and_then(|asked| asked.trouble.lock().clone())
    }

    /// Keeps the keys in step with their file, until `stop`.
    pub async fn watch(&self, stop: CancellationToken) {
        let Some(asked) = &self.0 else { return };
        let (events, mut event) = mpsc::channel(1);
        let _watcher = start_watcher(&asked.file, events);
        let mut before = std::fs::read(&asked.file).ok();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(()) = event.recv() => tokio::time::sleep(SETTLE).await,
                () = tokio::time::sleep(POLL) => {}
            }
            let now = std::fs::read(&asked.file).ok();
            if now != before {
                asked.reload();
                before = now;
            }
        }
    }
}

impl Asked {
    fn reload(&self) {
        match Known::read(&self.file, &self.roles) {
            Ok(mut known) => {
                *self.trouble.lock() = None;
                let before = self.known.load_full();
                known.keep_callers(&before);
                let gone = before.revoke_all_but(&known);
                tracing::info!(
                    keys = known.callers.len(),
                    revoked = gone,
                    "the file of keys was read again"
                );
                self.known.store(Arc::new(known));
            }
            Err(problem) => {
                tracing::error!(
                    file = %self.file.display(),
                    problem,
                    "the file of keys can't be used; the keys from before hold on"
                );
                *self.trouble.lock() = Some(problem);
            }
        }
    }
}

impl Known {
    fn read(file: &Path, roles: &[(Arc<str>, bool)]) -> Result<Self, String> {
        let keys = Keys::read(file).map_err(|error| error.to_string())?;
        let callers = keys
            .with_ends()
            .map(|(entry, ends)| {
                let caller = caller(format!("key:{}", entry.name), &entry.role, ends, roles)
                    .map_err(|problem| format!("key `{}`: {problem}", entry.name))?;
                Ok((entry.id.clone(), caller))
            })
            .collect::<Result<_, String>>()?;
        Ok(Self { keys, callers })
    }

    /// Whoever was there before is the same caller now.
    fn keep_callers(&mut self, before: &Self) {
        for (id, caller) in &mut self.callers {
            let same = before.callers.get(id);
            if let Some(same) = same.filter(|other| *other == caller) {
                *caller = same.clone();
            }
        }
    }

    fn revoke_all_but(&self, kept: &Self) -> usize {
        let gone = |(id, caller): &(&String, &Caller)| kept.callers.get(*id) != Some(*caller);
        let gone = self.callers.iter().filter(gone);
        gone.inspect(|(_, caller)| caller.revoke()).count()
    }
}

fn caller(
    subject: String,
    role: &str,
    ends: Option<SystemTime>,
    roles: &[(Arc<str>, bool)],
) -> Result<Caller, String> {
    if role == EVERYTHING {
        return Ok(Caller::new(subject, None, true, ends));
    }
    match roles.iter().find(|(name, _)| &**name == role) {
        Some((name, health)) => Ok(Caller::new(subject, Some(name.clone()), *health, ends)),
        None => Err(format!(
            "there is no role `{role}`: define [roles.{role}], or use `{EVERYTHING}`"
        )),
    }
}

fn start_watcher(file: &Path, events: mpsc::Sender<()>) -> Option<RecommendedWatcher> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let handler = move |event: notify::Result<notify::Event>| {
        // Each look at the file opens it, and must not lead to the next.
        if event.is_ok_and(|event| !event.kind.is_access()) {
            // A full channel means that a look is due already.
            let _ = events.try_send(());
        }
    };
    let started = notify::recommended_watcher(handler).and_then(|mut watcher| {
        // The folder: the file itself is replaced, not changed.
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    started
        .inspect_err(|error| tracing::warn!(%error, "the file of keys is only looked at from time to time"))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles() -> Vec<(Arc<str>, bool)> {
        vec![(Arc::from("reader"), false)]
    }

    fn known(keys: Keys) -> Known {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        keys.write(&path).unwrap();
        Known::read(&path, &roles()).unwrap()
    }

    #[test]
    fn a_key_that_is_gone_or_has_another_role_is_revoked() {
        let now = SystemTime::now();
        let mut keys = Keys::default();
        for (name, role) in [("a", "all"), ("b", "all"), ("c", "reader")] {
            keys.make(name, role, now, None).unwrap();
        }
        let before = known(keys);
        let mut entries: Vec<Entry> = before.keys.entries().cloned().collect();
        entries.remove(1);
        entries[1].role = "all".to_owned();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        let text = entries.iter().fold(String::new(), |text, entry| {
            text + &format!("[[keys]]\n{}", toml::to_string(entry).unwrap())
        });
        std::fs::write(&path, text).unwrap();
        let mut after = Known::read(&path, &roles()).unwrap();
        after.keep_callers(&before);
        assert_eq!(before.revoke_all_but(&after), 2);
        let holds = |known: &Known, name: &str| {
            let subject = format!("key:{name}");
            let mut callers = known.callers.values();
            callers.find(|caller| caller.subject() == subject).map(|caller| caller.holds())
        };
        let names = ["a", "b", "c"];
        assert_eq!(names.map(|name| holds(&before, name)), [Some(true), Some(false), Some(false)]);
        assert_eq!(names.map(|name| holds(&after, name)), [Some(true), None, Some(true)]);
    }

    #[test]
    fn a_role_that_is_not_there_is_named() {
        let mut keys = Keys::default();
        keys.make("a", "writer", SystemTime::now(), None).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        keys.write(&path).unwrap();
        assert_eq!(
            Known::read(&path, &roles()).unwrap_err(),
            "key `a`: there is no role `writer`: define [roles.writer], or use `all`"
        );
    }
}
