//! The token of the operator's interface, the file that it is kept in, and the cookie
//! that stands for it in a browser.
//!
//! It owns the comparison. The token is never in the log, in an error or in an answer.

use std::fs::{self, DirBuilder};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

/// What every token begins with, so that scanners of leaked secrets know it.
const PREFIX: &str = "fba_";

const SECRET_BYTES: usize = 32;

/// The largest file that can hold a token.
const FILE_MAX_BYTES: u64 = 1024;

/// Who has it is the operator. It is made anew at each start.
pub(super) struct Token {
    secret: String,
    /// what a browser keeps in its place: it opens the same, and is no token
    cookie: String,
}

impl Token {
    /// A token that nobody knows yet.
    ///
    /// # Errors
    /// If the system has no random bytes to give.
    pub(super) fn draw() -> Result<Self, getrandom::Error> {
        let mut bytes = [0_u8; SECRET_BYTES];
        getrandom::fill(&mut bytes)?;
        let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
        let cookie = Sha256::new()
            .chain_update("cookie ")
            .chain_update(&secret)
            .finalize();
        let cookie = URL_SAFE_NO_PAD.encode(cookie);
        Ok(Self { secret, cookie })
    }

    /// Whether it is this one. How long this takes says nothing of how much was right.
    pub(super) fn is(&self, shown: &str) -> bool {
        same(&self.secret, shown)
    }

    /// The same for the cookie.
    pub(super) fn is_cookie(&self, shown: &str) -> bool {
        same(&self.cookie, shown)
    }

    /// What a browser keeps.
    pub(super) fn cookie(&self) -> &str {
        &self.cookie
    }
}

/// Digests are as long as each other, whatever was shown.
fn same(known: &str, shown: &str) -> bool {
    let (known, shown) = (Sha256::digest(known), Sha256::digest(shown));
    known.ct_eq(&shown).into()
}

/// The file with the token of a running host. It goes with this value.
pub(super) struct TokenFile {
    path: PathBuf,
    text: String,
}

impl TokenFile {
    /// Writes a token, whole or not at all, for its owner alone.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn write(path: PathBuf, token: &Token) -> io::Result<Self> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let text = format!("{}\n", token.secret);
        // A temporary file is its owner's alone from the beginning.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(Self { path, text })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        // A host that was started since may have put its own there.
        if fs::read_to_string(&self.path).is_ok_and(|text| text == self.text) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The token in a file.
///
/// # Errors
/// In plain words, if there is none.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > FILE_MAX_BYTES {
        return Err(format!("it is larger than {FILE_MAX_BYTES} bytes"));
    }
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let token = text.trim();
    let is_one = token.starts_with(PREFIX) && token.bytes().all(|byte| byte.is_ascii_graphic());
    is_one
        .then(|| token.to_owned())
        .ok_or_else(|| "it holds no token of an admin interface".to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_token_is_itself_and_nothing_else() {
        let (token, other) = (Token::draw().unwrap(), Token::draw().unwrap());
        assert!(token.is(&token.secret) && token.is_cookie(token.cookie()));
        let shorter = &token.secret[..token.secret.len() - 1];
        for wrong in ["", &*other.secret, shorter, token.cookie()] {
            assert!(!token.is(wrong), "{wrong}");
        }
        assert!(!token.is_cookie(&token.secret));
        assert!(!token.is_cookie(other.cookie()));
    }

    #[test]
    fn the_file_is_its_owners_and_goes_with_its_host() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("t");
        let token = Token::draw().unwrap();
        let file = TokenFile::write(path.clone(), &token).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(read(&path).unwrap(), token.secret);
        // Of another host, which took its place.
        let later = Token::draw().unwrap();
        let theirs = TokenFile::write(path.clone(), &later).unwrap();
        drop(file);
        assert_eq!(read(&path).unwrap(), later.secret);
        drop(theirs);
        assert!(!path.exists());
    }

    #[test]
    fn what_holds_no_token_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t");
        assert!(read(&path).unwrap_err().contains("No such file"));
        for text in ["", "x", "fba_a b", &"x".repeat(2000)] {
            fs::write(&path, text).unwrap();
            assert!(read(&path).is_err(), "{text}");
        }
    }
}
