//! What was fetched, on disk: files under their digest, and for each address what
//! was last good.
//!
//! It owns the folder, and that a file in it is whole or not there. It fetches
//! nothing, and trusts nothing that it reads: whoever loads a file looks at its
//! digest again.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::whole_file::write_whole;

/// The largest record.
const RECORD_MAX_BYTES: u64 = 256 << 10;

/// How long a file stays that no record names: another host may be about to write
/// one that does.
const UNNAMED_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// What was last good at one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// the address
    pub(crate) url: String,
    /// of what stands there: the manifest, or the file; `sha256:` and hex
    pub(crate) digest: String,
    /// of the plugin's bytes, in hex
    pub(crate) sha256: String,
    /// the texts of its signatures
    #[serde(default)]
    pub(crate) signatures: Vec<String>,
}

/// The folder.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    dir: PathBuf,
}

impl Cache {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Where the file with this digest lies, or would.
    pub(crate) fn file(&self, sha256: &str) -> PathBuf {
        self.files().join(format!("{sha256}.wasm"))
    }

    fn files(&self) -> PathBuf {
        self.dir.join("sha256")
    }

    fn records(&self) -> PathBuf {
        self.dir.join("urls")
    }

    fn record_path(&self, url: &str) -> PathBuf {
        self.records().join(format!("{}.json", hex(url.as_bytes())))
    }

    /// Whether the file with this digest is there, whole and unchanged.
    pub(crate) fn holds(&self, sha256: &str, max_bytes: u64) -> bool {
        let read = crate::folder::read(&self.file(sha256), max_bytes);
        read.is_ok_and(|(_, found)| found == sha256)
    }

    /// Keeps bytes under their digest, which it gives in hex.
    pub(crate) fn keep(&self, bytes: &[u8]) -> io::Result<String> {
        let sha256 = hex(bytes);
        write_whole(&self.file(&sha256), bytes)?;
        Ok(sha256)
    }

    /// What was last good at this address, if its file is still there.
    pub(crate) fn record(&self, url: &str, max_bytes: u64) -> Option<Record> {
        let record = read_record(&self.record_path(url))?;
        (record.url == url && self.holds(&record.sha256, max_bytes)).then_some(record)
    }

    /// Remembers what is good at an address, and drops files that are good at none.
    pub(crate) fn remember(&self, record: &Record) -> io::Result<()> {
        let text = serde_json::to_vec(record)?;
        write_whole(&self.record_path(&record.url), &text)?;
        self.sweep()
    }

    fn sweep(&self) -> io::Result<()> {
        let mut named = HashSet::new();
        for entry in fs::read_dir(self.records())? {
            if let Some(record) = read_record(&entry?.path()) {
                named.insert(self.file(&record.sha256));
            }
        }
        for entry in fs::read_dir(self.files())? {
            let entry = entry?;
            let age = entry.metadata().and_then(|data| data.modified());
            let is_old = age.is_ok_and(|age| age.elapsed().is_ok_and(|age| age > UNNAMED_KEPT));
            if is_old && !named.contains(&entry.path()) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

fn read_record(path: &Path) -> Option<Record> {
    let mut text = Vec::new();
    let file = fs::File::open(path).ok()?;
    file.take(RECORD_MAX_BYTES).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

/// The SHA-256 of bytes, in hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(url: &str, sha256: &str) -> Record {
        Record {
            url: url.to_owned(),
            digest: "sha256:m".to_owned(),
            sha256: sha256.to_owned(),
            signatures: vec!["s".to_owned()],
        }
    }

    #[test]
    fn what_was_remembered_is_there_until_its_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().join("cache"));
        assert_eq!(cache.record("u", 100), None);
        let sha256 = cache.keep(b"bytes").unwrap();
        assert_eq!(sha256, hex(b"bytes"));
        cache.remember(&record("u", &sha256)).unwrap();
        assert_eq!(cache.record("u", 100), Some(record("u", &sha256)));
        assert_eq!(cache.record("v", 100), None, "another address");
        assert_eq!(cache.record("u", 4), None, "larger than is taken");
        fs::write(cache.file(&sha256), b"other").unwrap();
        assert_eq!(cache.record("u", 100), None, "changed on the disk");
    }

    #[test]
    fn old_files_that_nothing_names_are_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().to_owned());
        let [old, fresh, named] = [b"old", b"new", b"now"].map(|bytes| cache.keep(bytes).unwrap());
        let long_ago = std::time::SystemTime::now() - 2 * UNNAMED_KEPT;
        for sha256 in [&old, &named] {
            let file = fs::File::options().write(true).open(cache.file(sha256));
            file.unwrap().set_modified(long_ago).unwrap();
        }
        cache.remember(&record("u", &named)).unwrap();
        let there = [&old, &fresh, &named].map(|sha256| cache.file(sha256).exists());
        assert_eq!(there, [false, true, true]);
        let left = fs::read_dir(cache.files()).unwrap().count();
        assert_eq!(left, 2, "no temporary file is left");
    }
}
