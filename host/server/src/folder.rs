//! The plugins folder as a place on disk: which files stand there, how they
//! look, and reading one whole.
//!
//! It owns names and sizes. It never compiles and never remembers.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::{asks, signatures};

/// Characters of a plugin's name.
const NAME_MAX_CHARS: usize = 64;

/// A `.wasm` file in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// the file's name without `.wasm`
    pub(crate) name: String,
    /// where it is
    pub(crate) path: PathBuf,
    /// how it looks
    pub(crate) stamp: Stamp,
}

/// How a file looks from outside: two equal stamps mean that nobody wrote to it
/// in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    size_bytes: u64,
    modified: Option<SystemTime>,
    inode: u64,
    /// of the signature beside it
    signature: Option<(u64, SystemTime)>,
    /// of the request beside it
    asks: Option<(u64, SystemTime)>,
}

/// Every `.wasm` file of a folder, in the order of the names. Hidden files are
/// passed over: that is where careful tools write before they rename.
///
/// # Errors
/// If the folder can't be read.
pub(crate) fn scan(dir: &Path) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let Some(name) = plugin_name(&path) else {
            continue;
        };
        // Follows links; a file that vanished meanwhile is simply not there.
        let Ok(metadata) = fs::metadata(&path) else {
            continue;
        };
        if metadata.is_file() {
            found.push(Found {
                name,
                stamp: Stamp {
                    signature: look(&signatures::beside(&path)),
                    asks: look(&asks::beside(&path)),
                    ..stamp(&metadata)
                },
                path,
            });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn plugin_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy();
    let stem = name.strip_suffix(".wasm")?;
    (!stem.is_empty() && !stem.starts_with('.')).then(|| stem.to_owned())
}

pub(crate) fn stamp(metadata: &fs::Metadata) -> Stamp {
    Stamp {
        size_bytes: metadata.len(),
        modified: metadata.modified().ok(),
        #[cfg(unix)]
        inode: std::os::unix::fs::MetadataExt::ino(metadata),
        #[cfg(not(unix))]
        inode: 0,
        signature: None,
        asks: None,
    }
}

/// What lies beside a file may come after it.
fn look(beside: &Path) -> Option<(u64, SystemTime)> {
    let metadata = fs::metadata(beside).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

/// Whether a file's name can be a plugin's: it stands in config keys, logs and
/// `/health`.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.len() > NAME_MAX_CHARS || !name.chars().all(good) {
        return Err(format!(
            "a plugin's file name is 1 to {NAME_MAX_CHARS} of `A-Z a-z 0-9 _ - .` before `.wasm`; rename the file"
        ));
    }
    Ok(())
}

/// Reads a file whole: its bytes and their SHA-256 in hex.
///
/// # Errors
/// In plain words, if it is larger than `max_bytes` or can't be read.
pub(crate) fn read(path: &Path, max_bytes: u64) -> Result<(Vec<u8>, String), String> {
    let too_large =
        || format!("the file is larger than {max_bytes} bytes (raise `reload.file_max_bytes`)");
    let unreadable = |error: io::Error| format!("the file can't be read: {error}");
    let file = fs::File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.len() > max_bytes {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // It may grow while it is read.
    file.take(max_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > max_bytes {
        return Err(too_large());
    }
    let sha256 = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok((bytes, sha256))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_wasm_files_are_found_in_order() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.wasm", "a.wasm", ".hidden.wasm", "c.txt", ".wasm"] {
            fs::write(dir.path().join(name), b"x").unwrap();
        }
        fs::create_dir(dir.path().join("d.wasm")).unwrap();
        let names: Vec<String> = scan(dir.path())
            .unwrap()
            .into_iter()
            .map(|file| file.name)
            .collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn a_file_is_read_up_to_the_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wasm");
        fs::write(&path, b"abc").unwrap();
        let (bytes, sha256) = read(&path, 3).unwrap();
        assert_eq!(bytes, b"abc");
        assert_eq!(&sha256[..8], "ba7816bf");
        assert_eq!(
            read(&path, 2).unwrap_err(),
            "the file is larger than 2 bytes (raise `reload.file_max_bytes`)"
        );
    }

    #[test]
    fn names_that_would_not_fit_in_a_config_key_are_refused() {
        assert_eq!(check_name("hello-2.1_x"), Ok(()));
        assert!(check_name("two words").is_err());
        assert!(check_name(&"x".repeat(65)).is_err());
    }
}
