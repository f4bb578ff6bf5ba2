//! Files, through WASI itself: what a component has that was written for any host.

use fusebox_sdk::prelude::*;

wit_bindgen::generate!({ path: "wit", world: "files", generate_all });

use wasi::filesystem::preopens::get_directories;
use wasi::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags};

/// The folders that are there.
#[tool]
pub(crate) fn folders() -> Vec<String> {
    get_directories()
        .into_iter()
        .map(|(_, name)| name)
        .collect()
}

/// What is in a file.
#[tool]
pub(crate) fn read_file(folder: String, path: String) -> Result<String, HandlerError> {
    let file = open(&folder, &path, OpenFlags::empty(), DescriptorFlags::READ)?;
    let (bytes, _) = file.read(1 << 16, 0).map_err(|code| told(&path, code))?;
    Ok(String::from_utf8(bytes)?)
}

/// Writes a file.
#[tool]
pub(crate) fn write_file(folder: String, path: String, text: String) -> Result<(), HandlerError> {
    let how = OpenFlags::CREATE | OpenFlags::TRUNCATE;
    let file = open(&folder, &path, how, DescriptorFlags::WRITE)?;
    file.write(text.as_bytes(), 0)
        .map_err(|code| told(&path, code))?;
    Ok(())
}

fn open(
    folder: &str,
    path: &str,
    how: OpenFlags,
    flags: DescriptorFlags,
) -> Result<Descriptor, HandlerError> {
    let found = get_directories()
        .into_iter()
        .find(|(_, name)| name == folder);
    let (root, _) = found.ok_or_else(|| HandlerError::new(format!("no folder {folder}")))?;
    root.open_at(PathFlags::SYMLINK_FOLLOW, path, how, flags)
        .map_err(|code| told(path, code))
}

fn told(path: &str, code: ErrorCode) -> HandlerError {
    HandlerError::new(format!("{path}: {}", code.name()))
}
