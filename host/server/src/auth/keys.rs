//! API keys: how one is made, and the file that knows them by their digests.
//!
//! It owns the form of keys and of their file. No key is ever in the file, in the
//! log or in an error: who has the file can't call.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

/// What every key begins with, so that scanners of leaked secrets know it.
const PREFIX: &str = "fbx";

/// Random bytes of the part that tells keys apart, and of the secret.
const ID_BYTES: usize = 6;
const SECRET_BYTES: usize = 32;

/// The largest file, and keys in it.
const FILE_MAX_BYTES: u64 = 4 << 20;
const KEYS_MAX: usize = 10_000;

const NAME_MAX_BYTES: usize = 64;

const HEADER: &str = "# The keys of callers, by their digests: written by `fusebox key`.\n\n";

/// What is kept of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// whose it is, in the operator's words
    pub name: String,
    /// the part of the key that is no secret
    pub id: String,
    /// of the whole key, in hex
    pub sha256: String,
    /// what it may see and call
    pub role: String,
    /// when it was made, by RFC 3339
    pub created: String,
    /// from when on it holds no more, by RFC 3339; none: it holds until revoked
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// The file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    #[serde(default)]
    keys: Vec<Entry>,
}

/// Why there are no keys to be had.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file can't be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is too large to be one.
    #[error("it is larger than {FILE_MAX_BYTES} bytes")]
    TooLarge,
    /// It has more keys than there may be.
    #[error("it has more than {KEYS_MAX} keys; revoke those that nobody uses")]
    TooMany,
    /// It isn't what `fusebox key` writes.
    #[error("{0}")]
    Malformed(String),
    /// A name that is no name.
    #[error("`{0}` is no name of a key: use 1 to {NAME_MAX_BYTES} of A-Z a-z 0-9 - _ . @")]
    Name(String),
    /// There is such a key.
    #[error("there is a key `{0}` already: revoke it first, or choose another name")]
    Taken(String),
    /// There is no such key.
    #[error("there is no key `{0}`")]
    Unknown(String),
    /// The system has no random bytes.
    #[error("the system gave no random bytes: {0}")]
    Random(String),
}

/// Why a key doesn't open anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// nobody has it
    Unknown,
    /// its time is over; the name of its entry
    Expired(String),
}

/// All keys of a file.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    entries: Vec<(Entry, Option<SystemTime>)>,
    by_id: HashMap<String, usize>,
}

impl Keys {
    /// Reads a file.
    ///
    /// # Errors
    /// If it can't be read, or isn't what `fusebox key` writes.
    pub fn read(path: &Path) -> Result<Self, KeysError> {
        let mut text = String::new();
        File::open(path)?
            .take(FILE_MAX_BYTES + 1)
            .read_to_string(&mut text)?;
        if text.len() as u64 > FILE_MAX_BYTES {
            return Err(KeysError::TooLarge);
        }
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, KeysError> {
        let malformed = |error: toml::de::Error| KeysError::Malformed(error.to_string());
        let contents: Contents = toml::from_str(text).map_err(malformed)?;
        if contents.keys.len() > KEYS_MAX {
            return Err(KeysError::TooMany);
        }
        let mut keys = Self::default();
        for entry in contents.keys {
            keys.take(entry)?;
        }
        Ok(keys)
    }

    fn take(&mut self, entry: Entry) -> Result<(), KeysError> {
        let of_entry = |what: &str| KeysError::Malformed(format!("key `{}`: {what}", entry.name));
        check_name(&entry.name)?;
        if entry.sha256.len() != 64 || !entry.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(of_entry("`sha256` must be 64 hex digits"));
        }
        let ends = entry.expires.as_deref().map(humantime::parse_rfc3339_weak);
        let ends = ends
            .transpose()
            .map_err(|error| of_entry(&format!("`expires`: {error}")))?;
        if self.entries.iter().any(|(one, _)| one.name == entry.name) {
            return Err(of_entry("there are two of this name"));
        }
        let at = self.entries.len();
        if self.by_id.insert(entry.id.clone(), at).is_some() {
            return Err(of_entry("another key has the same `id`"));
        }
        self.entries.push((entry, ends));
        Ok(())
    }

    /// The entries, in the order of the file.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(|(entry, _)| entry)
    }

    /// The entries, and when each ends.
    pub fn with_ends(&self) -> impl Iterator<Item = (&Entry, Option<SystemTime>)> {
        self.entries.iter().map(|(entry, ends)| (entry, *ends))
    }

    /// The entry that a key belongs to. How long this takes says nothing of how
    /// much of a secret was right.
    ///
    /// # Errors
    /// [`Unfit`], if none does or its time is over.
    pub fn find(&self, key: &str, now: SystemTime) -> Result<&Entry, Unfit> {
        let id = id_of(key).unwrap_or_default();
        let (entry, ends) = self
            .by_id
            .get(id)
            .map(|&at| &self.entries[at])
            .ok_or(Unfit::Unknown)?;
        let digest = digest(key);
        if !bool::from(digest.as_bytes().ct_eq(entry.sha256.as_bytes())) {
            return Err(Unfit::Unknown);
        }
        if ends.is_some_and(|ends| ends <= now) {
            return Err(Unfit::Expired(entry.name.clone()));
        }
        Ok(entry)
    }

    /// Makes a key and its entry, which is to be [written](Self::write). The key
    /// itself is told once and never again.
    ///
    /// # Errors
    /// If the name is none or taken, or there are too many keys.
    pub fn make(
        &mut self,
        name: &str,
        role: &str,
        now: SystemTime,
        expires: Option<SystemTime>,
    ) -> Result<String, KeysError> {
        check_name(name)?;
        if self.entries().any(|entry| entry.name == name) {
            return Err(KeysError::Taken(name.to_owned()));
        }
        if self.entries.len() >= KEYS_MAX {
            return Err(KeysError::TooMany);
        }
        let (id, key) = draw()?;
        self.take(Entry {
            name: name.to_owned(),
            id,
            sha256: digest(&key),
            role: role.to_owned(),
            created: rfc3339(now),
            expires: expires.map(rfc3339),
        })?;
        Ok(key)
    }

    /// Takes a key out.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn revoke(&mut self, name: &str) -> Result<Entry, KeysError> {
        let at = self.entries().position(|entry| entry.name == name);
        let at = at.ok_or_else(|| KeysError::Unknown(name.to_owned()))?;
        let (gone, _) = self.entries.remove(at);
        self.by_id = (self.entries().enumerate())
            .map(|(at, entry)| (entry.id.clone(), at))
            .collect();
        Ok(gone)
    }

    /// Writes the file anew, whole or not at all; only its owner may read it.
    ///
    /// # Errors
    /// The system's.
    pub fn write(&self, path: &Path) -> Result<(), KeysError> {
        let contents = Contents {
            keys: self.entries().cloned().collect(),
        };
        let text =
            toml::to_string(&contents).map_err(|error| KeysError::Malformed(error.to_string()))?;
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // A temporary file is its owner's alone from the beginning.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(HEADER.as_bytes())?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        if let Ok(before) = fs::metadata(path) {
            file.as_file().set_permissions(before.permissions())?;
        }
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }
}

/// A new key: the part that is no secret, and all of it.
fn draw() -> Result<(String, String), KeysError> {
    let mut bytes = [0_u8; ID_BYTES + SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| KeysError::Random(error.to_string()))?;
    let (id, secret) = bytes.split_at(ID_BYTES);
    let id = hex(id);
    let key = format!("{PREFIX}_{id}_{}", URL_SAFE_NO_PAD.encode(secret));
    Ok((id, key))
}

fn id_of(key: &str) -> Option<&str> {
    let rest = key.strip_prefix(PREFIX)?.strip_prefix('_')?;
    rest.split_once('_').map(|(id, _)| id)
}

/// A key has 256 random bits: a plain digest can't be turned around by guessing.
fn digest(key: &str) -> String {
    hex(&Sha256::digest(key))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

fn check_name(name: &str) -> Result<(), KeysError> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    if name.is_empty() || name.len() > NAME_MAX_BYTES || !name.bytes().all(good) {
        return Err(KeysError::Name(name.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn later(seconds: u64) -> SystemTime {
        NOW + Duration::from_secs(seconds)
    }

    #[test]
    fn a_key_opens_its_own_entry_until_its_end() {
        let mut keys = Keys::default();
        let one = keys.make("one", "all", NOW, None).unwrap();
        let brief = keys.make("brief", "all", NOW, Some(later(10))).unwrap();
        assert_eq!(keys.find(&one, later(99)).unwrap().name, "one");
        assert_eq!(keys.find(&brief, later(9)).unwrap().name, "brief");
        assert_eq!(
            keys.find(&brief, later(10)),
            Err(Unfit::Expired("brief".to_owned()))
        );
        for at in 0..one.len() {
            let mut wrong = one.clone().into_bytes();
            wrong[at] = if wrong[at] == b'x' { b'y' } else { b'x' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert_eq!(keys.find(&wrong, NOW), Err(Unfit::Unknown), "{at}");
        }
        for nothing in ["", "fbx", "fbx__", &one[..one.len() - 1]] {
            assert_eq!(keys.find(nothing, NOW), Err(Unfit::Unknown));
        }
    }

    #[test]
    fn the_file_keeps_what_is_needed_and_never_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        let mut keys = Keys::default();
        let one = keys.make("one", "reader", NOW, Some(later(60))).unwrap();
        let other = keys.make("other", "all", NOW, None).unwrap();
        keys.write(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let secret = |key: &str| key.rsplit_once('_').unwrap().1.to_owned();
        assert!(!text.contains(&secret(&one)) && !text.contains(&secret(&other)));
        let mut read = Keys::read(&path).unwrap();
        assert!(read.entries().eq(keys.entries()));
        assert_eq!(read.find(&one, NOW).unwrap().role, "reader");
        assert_eq!(read.revoke("one").unwrap().name, "one");
        assert_eq!(read.find(&one, NOW), Err(Unfit::Unknown));
        assert_eq!(read.find(&other, NOW).unwrap().name, "other");
        assert!(matches!(read.revoke("one"), Err(KeysError::Unknown(_))));
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_may_read_the_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        Keys::default().write(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn what_is_no_file_of_keys_is_told() {
        let told = |text: &str| Keys::parse(text).unwrap_err().to_string();
        let entry = |name: &str, id: &str, more: &str| {
            let digest = "0".repeat(64);
            format!(
                "[[keys]]\nname='{name}'\nid='{id}'\nsha256='{digest}'\nrole='all'\ncreated=''\n{more}\n"
            )
        };
        assert!(Keys::parse(&entry("a", "1", "")).is_ok());
        assert!(told("keys = 1").contains("invalid type"));
        assert!(told(&entry("a", "1", "expires='soon'")).starts_with("key `a`: `expires`: "));
        let twice = entry("a", "1", "") + &entry("a", "2", "");
        assert_eq!(told(&twice), "key `a`: there are two of this name");
        let same_id = entry("a", "1", "") + &entry("b", "1", "");
        assert_eq!(told(&same_id), "key `b`: another key has the same `id`");
        assert!(told(&entry("a b", "1", "")).starts_with("`a b` is no name"));
    }
}
