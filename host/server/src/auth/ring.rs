//! The keys of a running host: in step with their file, and the caller behind each.
//!
//! It owns when the file is read, and that a caller whose key is gone is told so. It
//! never changes the file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use super::keys::{Keys, Unfit};
use super::roles::Roles;
use super::{Caller, Denied};
use crate::file_watch::FileWatch;

/// The keys of one file.
#[derive(Debug)]
pub(super) struct Ring {
    file: PathBuf,
    known: ArcSwap<Known>,
}

/// The keys of a moment, and the caller behind each, by its id.
#[derive(Debug)]
struct Known {
    keys: Keys,
    callers: HashMap<String, Caller>,
}

impl Ring {
    /// Reads a file.
    ///
    /// # Errors
    /// In plain words, if it can't be used.
    pub(super) fn read(file: &Path, roles: &Roles) -> Result<Self, String> {
        Ok(Self {
            file: file.to_owned(),
            known: ArcSwap::from_pointee(Known::read(file, roles)?),
        })
    }

    /// Who has a key.
    ///
    /// # Errors
    /// [`Denied`] if nobody has, or not any more.
    pub(super) fn caller(&self, key: &str) -> Result<Caller, Denied> {
        let known = self.known.load();
        let found = known.keys.find(key, SystemTime::now());
        let entry = found.map_err(|unfit| match unfit {
            Unfit::Unknown => Denied::Unknown,
            Unfit::Expired(name) => Denied::Expired(name),
        })?;
        known.callers.get(&entry.id).cloned().ok_or(Denied::Unknown)
    }

    /// Keeps the keys in step with their file until `stop`; what is wrong with it goes
    /// to `tell`.
    pub(super) async fn watch(
        &self,
        roles: &Roles,
        stop: CancellationToken,
        tell: impl Fn(Option<String>),
    ) {
        let mut watch = FileWatch::new(vec![self.file.clone()]).await;
        // What changed before the watch began.
        tell(self.reload(roles).err());
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = watch.changed() => tell(self.reload(roles).err()),
            }
        }
    }

    /// Takes the place of another ring: whoever both know is the same caller.
    pub(super) fn succeed(&self, before: &Self) {
        let before = before.known.load_full();
        let now = self.known.load_full();
        let mut known = Known {
            keys: now.keys.clone(),
            callers: now.callers.clone(),
        };
        known.keep_callers(&before);
        let known = Arc::new(known);
        self.known.store(known.clone());
        before.revoke_all_but(&known);
    }

    /// Takes back every key.
    pub(super) fn revoke_all(&self) {
        self.known.load().callers.values().for_each(Caller::revoke);
    }

    fn reload(&self, roles: &Roles) -> Result<(), String> {
        let mut known = Known::read(&self.file, roles).inspect_err(|problem| {
            tracing::error!(
                file = %self.file.display(),
                problem,
                "the file of keys can't be used; the keys from before hold on"
            );
        })?;
        let before = self.known.load_full();
        if known.keys.entries().eq(before.keys.entries()) {
            return Ok(());
        }
        known.keep_callers(&before);
        let known = Arc::new(known);
        // Nobody comes in by a key after its callers were told.
        self.known.store(known.clone());
        let revoked = before.revoke_all_but(&known);
        let keys = known.callers.len();
        tracing::info!(keys, revoked, "the file of keys was read again");
        Ok(())
    }
}

impl Known {
    fn read(file: &Path, roles: &Roles) -> Result<Self, String> {
        let keys = Keys::read(file).map_err(|error| error.to_string())?;
        let callers = keys
            .with_ends()
            .map(|(entry, ends)| {
                let caller = roles
                    .caller(format!("key:{}", entry.name), &entry.role, ends)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn file_of(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn entry(name: &str, role: &str) -> String {
        let digest = "0".repeat(64);
        format!(
            "[[keys]]\nname='{name}'\nid='{name}'\nsha256='{digest}'\nrole='{role}'\ncreated=''\n"
        )
    }

    #[test]
    fn a_key_that_is_gone_or_has_another_role_is_revoked() {
        let roles = Roles::named("reader");
        let (_folder, path) =
            file_of(&(entry("a", "all") + &entry("b", "all") + &entry("c", "reader")));
        let ring = Ring::read(&path, &roles).unwrap();
        let before = ring.known.load_full();
        std::fs::write(&path, entry("a", "all") + &entry("c", "all")).unwrap();
        ring.reload(&roles).unwrap();
        let holds = |known: &Known, id: &str| known.callers.get(id).map(Caller::holds);
        let names = ["a", "b", "c"];
        assert_eq!(
            names.map(|name| holds(&before, name)),
            [Some(true), Some(false), Some(false)]
        );
        let after = ring.known.load();
        assert_eq!(
            names.map(|name| holds(&after, name)),
            [Some(true), None, Some(true)]
        );
        std::fs::write(&path, "x").unwrap();
        assert!(ring.reload(&roles).is_err());
        assert!(holds(&ring.known.load(), "a") == Some(true), "it holds on");
    }

    #[test]
    fn a_role_that_is_not_there_is_named() {
        let (_folder, path) = file_of(&entry("a", "writer"));
        assert_eq!(
            Ring::read(&path, &Roles::named("reader")).unwrap_err(),
            "key `a`: there is no role `writer`: define [roles.writer], or use `all`"
        );
    }
}
