//! From a module to a component in its place. A component appears in a folder
//! whole or not at all, since a host may be watching it.

use std::fs;
use std::path::Path;

use wit_component::ComponentEncoder;

use crate::docs;
use crate::error::Error;

/// The component of a module, with the doc comments of its WIT, which is in the folder
/// `wit` if there is one.
///
/// # Errors
/// If the module can't be wrapped, or that WIT can't be read.
pub fn described(module: &Path, wit: &Path) -> Result<Vec<u8>, Error> {
    let component = componentize(module)?;
    if !wit.is_dir() {
        return Ok(component);
    }
    docs::keep(component, wit).map_err(|reason| Error::Component {
        module: module.to_path_buf(),
        reason,
    })
}

/// Wraps a core module that carries component-type metadata into a component.
///
/// # Errors
/// If the file can't be read, or is no such module.
pub fn componentize(module: &Path) -> Result<Vec<u8>, Error> {
    let bytes = fs::read(module).map_err(|source| Error::Read {
        path: module.to_path_buf(),
        source,
    })?;
    ComponentEncoder::default()
        .validate(true)
        .module(&bytes)
        .and_then(|encoder| encoder.encode())
        .map_err(|error| Error::Component {
            module: module.to_path_buf(),
            reason: format!("{error:#}"),
        })
}

/// Puts `bytes` at `path` in one step and says whether anything changed. A file
/// that already holds them is left alone: a host would load it again.
///
/// # Errors
/// If it can't be written.
pub fn publish(path: &Path, bytes: &[u8]) -> Result<bool, Error> {
    if fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok(false);
    }
    // Hidden, and not called `.wasm`: a host that watches the folder skips it.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let written = fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|source| {
        // It is of no use to anybody; that it stays does no harm.
        let _ = fs::remove_file(&temporary);
        Error::Write {
            path: path.to_path_buf(),
            source,
        }
    })?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_published_once_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hello.wasm");
        assert!(publish(&path, b"one").unwrap());
        assert!(!publish(&path, b"one").unwrap());
        assert!(publish(&path, b"two").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"two");
        // Nothing else is left for a host to find.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_module_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text.wasm");
        let error = componentize(&path).unwrap_err().to_string();
        assert!(error.contains("failed to read"), "{error}");
        fs::write(&path, "text").unwrap();
        let error = componentize(&path).unwrap_err().to_string();
        assert!(error.contains("failed to make a component of"), "{error}");
        assert!(error.contains("text.wasm"), "{error}");
    }
}
