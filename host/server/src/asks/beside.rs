//! The request that lies beside a component which has none in itself, in
//! `NAME.asks.toml`: for whoever can't add sections to a file, or didn't make it.
//!
//! It owns where that is and how much of it is read. It never reads what the text
//! says.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Bytes of the file, as of the section.
const MAX_BYTES: u64 = 16 << 10;

/// What lies beside a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Beside {
    /// nothing
    #[default]
    Nothing,
    /// this
    Text(String),
    /// something that is no request, for this reason
    Unreadable(String),
}

impl Beside {
    /// What lies beside a file of a plugin.
    pub(crate) fn of(file: &Path) -> Self {
        match read(&beside(file)) {
            Ok(text) => Self::Text(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::Nothing,
            Err(error) => Self::Unreadable(error.to_string()),
        }
    }
}

/// Its place.
pub(crate) fn beside(file: &Path) -> PathBuf {
    file.with_extension("asks.toml")
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let file = fs::File::open(path)?;
    file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    match text.len() as u64 > MAX_BYTES {
        true => Err(io::Error::other(format!(
            "it has more than {MAX_BYTES} bytes"
        ))),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_the_name_of_the_component_and_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a-1.2.wasm");
        assert_eq!(Beside::of(&file), Beside::Nothing);
        let path = folder.path().join("a-1.2.asks.toml");
        fs::write(&path, "[http]").unwrap();
        assert_eq!(Beside::of(&file), Beside::Text("[http]".to_owned()));
        let reason = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            match Beside::of(&file) {
                Beside::Unreadable(reason) => reason,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(reason(&[b'x'; 16385]), "it has more than 16384 bytes");
        assert!(reason(b"\xff").contains("UTF-8"));
    }
}
