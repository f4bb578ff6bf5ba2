//! What stands against the files: which plugins are disabled, pinned or rolled back,
//! in a file of its own.
//!
//! It owns that an order survives a restart, and which version it wants to serve.
//! It never loads anything.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::control::{PassedOver, Refused};
use crate::whole_file::write_whole;

/// The file, in the state folder.
const FILE: &str = "orders.json";

/// The largest file that is read.
const FILE_MAX_BYTES: u64 = 16 << 20;

/// Versions of one plugin that are remembered as rolled back.
const REFUSED_MAX: usize = 16;

/// What stands against the files of one plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Standing {
    /// nothing of it is served
    #[serde(skip_serializing_if = "is_false")]
    pub(super) disabled: bool,
    /// this version serves, whatever comes
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pinned: Option<String>,
    /// this version serves until another comes that wasn't refused
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) held: Option<String>,
    /// the newest last
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) refused: Vec<Refused>,
}

impl Standing {
    /// Why these good bytes are not to be served, if they are not.
    pub(super) fn objection(&self, sha256: &str) -> Option<PassedOver> {
        let refused = self.refused.iter().find(|one| one.sha256 == sha256);
        let (reason, rolled_back) = match (&self.pinned, refused) {
            (Some(pinned), _) if pinned == sha256 => return None,
            (Some(pinned), _) => (format!("the plugin is pinned to {pinned}"), false),
            (None, Some(refused)) => (format!("rolled back: {}", refused.reason), true),
            (None, None) => return None,
        };
        let sha256 = sha256.to_owned();
        Some(PassedOver {
            sha256,
            reason,
            rolled_back,
        })
    }

    /// The version that serves where there are no bytes that may.
    pub(super) fn instead(&self) -> Option<&String> {
        self.pinned.as_ref().or(self.held.as_ref())
    }

    /// Whether a version was rolled back.
    pub(super) fn refuses(&self, sha256: &str) -> bool {
        self.refused.iter().any(|one| one.sha256 == sha256)
    }

    /// Rolls a version back.
    pub(super) fn refuse(&mut self, refused: Refused) {
        self.allow(&refused.sha256);
        if self.refused.len() == REFUSED_MAX {
            self.refused.remove(0);
        }
        self.refused.push(refused);
    }

    /// Lets a version be taken again.
    pub(super) fn allow(&mut self, sha256: &str) {
        self.refused.retain(|one| one.sha256 != sha256);
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_false(value: &bool) -> bool {
    !value
}

/// What stands against the files of all plugins.
#[derive(Debug, Default)]
pub(super) struct Book {
    file: Option<PathBuf>,
    plugins: BTreeMap<String, Standing>,
}

impl Book {
    /// What was written before. A file that can't be read is put aside, for nobody
    /// can tell what it said: the plugins are served as they stand in the folder.
    pub(super) fn open(dir: Option<&Path>) -> Self {
        let Some(file) = dir.map(|dir| dir.join(FILE)) else {
            return Self::default();
        };
        let plugins = match read(&file) {
            Ok(plugins) => plugins,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => {
                let aside = file.with_extension("json.broken");
                let _ = fs::rename(&file, &aside);
                tracing::error!(
                    file = %file.display(),
                    %error,
                    aside = %aside.display(),
                    "the orders that were given before can't be read; plugins are served as they stand in the folder"
                );
                BTreeMap::new()
            }
        };
        Self {
            file: Some(file),
            plugins,
        }
    }

    /// What stands against the files of one plugin.
    pub(super) fn of(&self, plugin: &str) -> Standing {
        self.plugins.get(plugin).cloned().unwrap_or_default()
    }

    /// Those that something stands against.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.plugins.keys()
    }

    /// Changes it, and writes it down. True if it survives a restart.
    pub(super) async fn change(
        &mut self,
        plugin: &str,
        change: impl FnOnce(&mut Standing),
    ) -> bool {
        let before = self.of(plugin);
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return self.file.is_some();
        }
        match after == Standing::default() {
            true => self.plugins.remove(plugin),
            false => self.plugins.insert(plugin.to_owned(), after),
        };
        self.write().await
    }

    async fn write(&self) -> bool {
        let Some(file) = self.file.clone() else {
            tracing::warn!(
                "there is no folder for orders, which end with this process: set `reload.state_dir`"
            );
            return false;
        };
        let text = serde_json::to_vec_pretty(&self.plugins);
        let path = file.clone();
        let writing = move || {
            text.map_err(io::Error::from)
                .and_then(|text| write_whole(&path, &text))
        };
        let written = tokio::task::spawn_blocking(writing).await;
        let written = written.map_err(io::Error::other).and_then(|done| done);
        if let Err(error) = &written {
            tracing::error!(
                file = %file.display(),
                %error,
                "an order is carried out, but can't be kept for the next start: see `reload.state_dir`"
            );
        }
        written.is_ok()
    }
}

fn read(file: &Path) -> io::Result<BTreeMap<String, Standing>> {
    let mut text = Vec::new();
    fs::File::open(file)?
        .take(FILE_MAX_BYTES)
        .read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(sha256: &str) -> Refused {
        Refused {
            sha256: sha256.to_owned(),
            reason: "r".to_owned(),
            at_unix_ms: 1,
        }
    }

    #[test]
    fn orders_say_which_version_serves() {
        let mut standing = Standing::default();
        let kept_out = |standing: &Standing, sha256: &str| {
            let objection = standing.objection(sha256);
            objection.map(|one| (one.reason, one.rolled_back))
        };
        assert_eq!(kept_out(&standing, "new"), None);
        standing.refuse(refused("bad"));
        standing.held = Some("good".to_owned());
        let rolled_back = Some(("rolled back: r".to_owned(), true));
        assert_eq!(kept_out(&standing, "bad"), rolled_back);
        assert_eq!(kept_out(&standing, "new"), None);
        assert_eq!(standing.instead(), Some(&"good".to_owned()));
        standing.pinned = Some("pin".to_owned());
        let pinned = Some(("the plugin is pinned to pin".to_owned(), false));
        for file in ["bad", "new"] {
            assert_eq!(kept_out(&standing, file), pinned);
        }
        assert_eq!(kept_out(&standing, "pin"), None);
        assert_eq!(standing.instead(), Some(&"pin".to_owned()));
    }

    #[test]
    fn the_versions_that_were_rolled_back_are_bounded() {
        let mut standing = Standing::default();
        for number in 0..REFUSED_MAX + 3 {
            standing.refuse(refused(&number.to_string()));
        }
        assert_eq!(standing.refused.len(), REFUSED_MAX);
        standing.refuse(refused("5"));
        assert_eq!(standing.refused.len(), REFUSED_MAX, "one is there once");
        assert_eq!(standing.refused.last(), Some(&refused("5")));
        standing.allow("5");
        assert!(!standing.refuses("5") && standing.refuses("6"));
    }

    #[tokio::test]
    async fn what_was_ordered_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut book = Book::open(Some(folder.path()));
        assert!(book.change("a", |standing| standing.disabled = true).await);
        let pin = |standing: &mut Standing| standing.pinned = Some("x".to_owned());
        assert!(book.change("b", pin).await);
        let mut again = Book::open(Some(folder.path()));
        assert_eq!(again.plugins, book.plugins);
        assert!(
            again
                .change("a", |standing| *standing = Standing::default())
                .await
        );
        let names: Vec<String> = Book::open(Some(folder.path())).names().cloned().collect();
        assert_eq!(names, ["b"]);
    }

    #[tokio::test]
    async fn a_broken_file_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        fs::write(&file, b"{\"a\":").unwrap();
        let mut book = Book::open(Some(folder.path()));
        assert_eq!(book.of("a"), Standing::default());
        assert_eq!(
            fs::read(file.with_extension("json.broken")).unwrap(),
            b"{\"a\":"
        );
        assert!(book.change("a", |standing| standing.disabled = true).await);
    }

    #[tokio::test]
    async fn without_a_folder_an_order_ends_with_the_process() {
        let mut book = Book::open(None);
        assert!(!book.change("a", |standing| standing.disabled = true).await);
        assert!(book.of("a").disabled);
    }
}
