//! Versions of plugins that were good, on disk: what can be rolled back to.
//!
//! It owns the folder, its bound, and that bytes are those of their name when they
//! are read. It never loads a plugin, and never says which version is to serve.

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::folder;
use crate::whole_file::write_whole;

/// The largest record.
const RECORD_MAX_BYTES: u64 = 256 << 10;

/// A version that served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// of its bytes, in hex
    pub(super) sha256: String,
    /// milliseconds since 1970: when it began to serve, the last time
    pub(super) served_ms: u64,
    /// the texts of its signatures
    #[serde(default)]
    pub(super) signatures: Vec<String>,
    /// what lay beside it: what its author asks the operator for
    #[serde(default)]
    pub(super) asks: Option<String>,
}

/// The versions of all plugins of one host.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    dir: Option<PathBuf>,
    /// beside the one that serves
    versions_max: usize,
}

impl Kept {
    /// Those in `dir`; without a folder, or with none to keep, nothing is kept.
    pub(super) fn new(dir: Option<PathBuf>, versions_max: usize) -> Self {
        Self {
            dir: dir.filter(|_| versions_max > 0),
            versions_max,
        }
    }

    /// Whether anything is.
    pub(super) fn is_on(&self) -> bool {
        self.dir.is_some()
    }

    /// The folder of one plugin.
    fn folder(&self, plugin: &str) -> Option<PathBuf> {
        let is_safe = folder::check_name(plugin).is_ok() && !plugin.starts_with('.');
        self.dir
            .as_ref()
            .filter(|_| is_safe)
            .map(|dir| dir.join(plugin))
    }

    fn file(&self, plugin: &str, sha256: &str) -> Option<PathBuf> {
        Some(self.folder(plugin)?.join(format!("{sha256}.wasm")))
    }

    /// Puts bytes down that may become a good version.
    pub(super) fn stage(&self, plugin: &str, sha256: &str, bytes: &[u8]) -> io::Result<()> {
        let Some(file) = self.file(plugin, sha256) else {
            return Ok(());
        };
        let there = fs::metadata(&file).is_ok_and(|data| data.len() == bytes.len() as u64);
        match there {
            true => Ok(()),
            false => write_whole(&file, bytes),
        }
    }

    /// Remembers a version as the one that serves now, and drops the oldest of more
    /// than may be kept.
    pub(super) fn remember(&self, plugin: &str, record: &Record) -> io::Result<()> {
        let Some(folder) = self.folder(plugin) else {
            return Ok(());
        };
        let newest = self.versions(plugin).into_iter().next();
        let is_known = |newest: &Record| {
            let served_ms = newest.served_ms;
            *newest
                == Record {
                    served_ms,
                    ..record.clone()
                }
        };
        if newest.as_ref().is_some_and(is_known) {
            return self.sweep(plugin, &record.sha256);
        }
        let text = serde_json::to_vec(record)?;
        write_whole(&folder.join(format!("{}.json", record.sha256)), &text)?;
        self.sweep(plugin, &record.sha256)
    }

    /// What is kept of a plugin, the newest first.
    pub(super) fn versions(&self, plugin: &str) -> Vec<Record> {
        let entries = self
            .folder(plugin)
            .and_then(|folder| fs::read_dir(folder).ok());
        let paths = entries
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path());
        let mut versions: Vec<Record> = paths
            .filter(|path| path.extension().is_some_and(|end| end == "json"))
            .filter_map(|path| {
                let record = read_record(&path)?;
                let is_named_so = path.file_stem()? == record.sha256.as_str();
                let has_bytes = self.file(plugin, &record.sha256)?.is_file();
                (is_named_so && has_bytes).then_some(record)
            })
            .collect();
        versions.sort_by(|a, b| (b.served_ms, &b.sha256).cmp(&(a.served_ms, &a.sha256)));
        versions
    }

    /// The bytes of a version.
    ///
    /// # Errors
    /// In plain words, if they can't be read or are not those that were kept.
    pub(super) fn read(
        &self,
        plugin: &str,
        sha256: &str,
        max_bytes: u64,
    ) -> Result<(Vec<u8>, Record), String> {
        let versions = self.versions(plugin);
        let record = versions.into_iter().find(|one| one.sha256 == sha256);
        let (Some(file), Some(record)) = (self.file(plugin, sha256), record) else {
            return Err(format!("the version {sha256} is not kept"));
        };
        let (bytes, found) = folder::read(&file, max_bytes)?;
        match found == sha256 {
            true => Ok((bytes, record)),
            false => Err(format!("the kept version {sha256} was changed on the disk")),
        }
    }

    /// Drops a version that was staged and isn't good.
    pub(super) fn forget_staged(&self, plugin: &str, sha256: &str) {
        let is_good = self.versions(plugin).iter().any(|one| one.sha256 == sha256);
        if let Some(file) = self.file(plugin, sha256).filter(|_| !is_good) {
            // If it stays, the next sweep takes it.
            let _ = fs::remove_file(file);
        }
    }

    fn sweep(&self, plugin: &str, serving: &str) -> io::Result<()> {
        let Some(folder) = self.folder(plugin) else {
            return Ok(());
        };
        let versions = self.versions(plugin);
        let earlier = versions.into_iter().filter(|one| one.sha256 != serving);
        let mut good: Vec<String> = earlier
            .take(self.versions_max)
            .map(|one| one.sha256)
            .collect();
        good.push(serving.to_owned());
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            // Another process may be writing one just now.
            let is_half = stem.starts_with('.');
            if !is_half && !good.iter().any(|sha256| *sha256 == stem) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

fn read_record(path: &std::path::Path) -> Option<Record> {
    let mut text = Vec::new();
    let file = fs::File::open(path).ok()?;
    file.take(RECORD_MAX_BYTES).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn hex(bytes: &[u8]) -> String {
        let digest = Sha256::digest(bytes);
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn keep(kept: &Kept, bytes: &[u8], served_ms: u64) -> String {
        let sha256 = hex(bytes);
        kept.stage("a", &sha256, bytes).unwrap();
        let record = Record {
            sha256: sha256.clone(),
            served_ms,
            signatures: vec!["s".to_owned()],
            asks: None,
        };
        kept.remember("a", &record).unwrap();
        sha256
    }

    fn kept(folder: &tempfile::TempDir, versions_max: usize) -> Kept {
        Kept::new(Some(folder.path().join("versions")), versions_max)
    }

    fn names(kept: &Kept) -> Vec<String> {
        let versions = kept.versions("a").into_iter();
        versions.map(|one| one.sha256).collect()
    }

    #[test]
    fn the_last_versions_are_kept_the_newest_first() {
        let folder = tempfile::tempdir().unwrap();
        let kept = kept(&folder, 2);
        let all: Vec<String> = (0..5_u8)
            .map(|number| keep(&kept, &[number], u64::from(number)))
            .collect();
        let expected = [&all[4], &all[3], &all[2]];
        assert_eq!(names(&kept).iter().collect::<Vec<_>>(), expected);
        let files = fs::read_dir(folder.path().join("versions/a")).unwrap();
        assert_eq!(files.count(), 6, "what is not kept leaves no file");
        let (bytes, record) = kept.read("a", &all[2], 100).unwrap();
        assert_eq!((bytes, record.served_ms), (vec![2], 2));
    }

    #[test]
    fn one_that_serves_again_is_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let kept = kept(&folder, 2);
        let (first, second) = (keep(&kept, b"1", 1), keep(&kept, b"2", 2));
        keep(&kept, b"1", 3);
        assert_eq!(names(&kept), [first, second]);
    }

    #[test]
    fn what_was_changed_on_the_disk_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let kept = kept(&folder, 2);
        let sha256 = keep(&kept, b"good", 1);
        let file = folder.path().join(format!("versions/a/{sha256}.wasm"));
        fs::write(&file, b"evil").unwrap();
        let error = kept.read("a", &sha256, 100).unwrap_err();
        assert!(error.ends_with("was changed on the disk"), "{error}");
        fs::remove_file(&file).unwrap();
        let error = kept.read("a", &sha256, 100).unwrap_err();
        assert!(error.ends_with("is not kept"), "{error}");
        assert_eq!(names(&kept), [""; 0]);
    }

    #[test]
    fn what_was_only_staged_is_no_version() {
        let folder = tempfile::tempdir().unwrap();
        let kept = kept(&folder, 2);
        let good = keep(&kept, b"good", 1);
        let bad = hex(b"bad");
        kept.stage("a", &bad, b"bad").unwrap();
        assert_eq!(names(&kept), [good.as_str()]);
        for sha256 in [&bad, &good] {
            kept.forget_staged("a", sha256);
        }
        assert!(kept.read("a", &good, 100).is_ok());
        assert!(kept.read("a", &bad, 100).is_err());
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let kept = kept(&folder, 2);
        for name in ["..", "../x", ".", "a/b"] {
            kept.stage(name, "b", b"x").unwrap();
        }
        assert!(!folder.path().join("versions").exists());
        assert!(!folder.path().join("b.wasm").exists());
        assert!(!Kept::new(Some("x".into()), 0).is_on());
    }
}
