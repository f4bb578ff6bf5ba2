//! The bill of materials: every crate that the program is made of, with its version,
//! checksum and licence (CycloneDX, JSON); and whether all of them may be used.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::tools::Tool;
use super::{Dist, copy};
use crate::process;

const CYCLONEDX: Tool = Tool {
    name: "cyclonedx",
    version: "0.5.9",
};

const DENY: Tool = Tool {
    name: "deny",
    version: "0.20.2",
};

/// How cyclonedx names what it writes beside the manifest of each program.
const SUFFIX: &str = "_bin.cdx.json";

/// Takes one that was made before as `NAME.cdx.json`.
///
/// # Errors
/// If it isn't there.
pub(super) fn take(dist: &Dist<'_>, bill: &Path) -> Result<PathBuf> {
    let path = place(dist);
    copy(bill, &path)?;
    Ok(path)
}

fn place(dist: &Dist<'_>) -> PathBuf {
    dist.folder.join(format!("{}.cdx.json", dist.name))
}

/// Makes `NAME.cdx.json`.
///
/// # Errors
/// If `deny.toml` forbids a crate, or a tool can't be installed.
pub(super) fn make(dist: &Dist<'_>) -> Result<PathBuf> {
    // What is known of vulnerabilities has to be fetched, which a release does apart:
    // `cargo deny check advisories`.
    let mut deny = DENY.command(dist)?;
    process::run(deny.args([
        "--log-level",
        "error",
        "check",
        "bans",
        "licenses",
        "sources",
    ]))?;
    let written = write(dist);
    let text = written
        .as_ref()
        .map(|bill| fs::read_to_string(bill).context("failed to read the bill of materials"));
    // It writes one for each program of the workspace, into the sources.
    for bill in bills(&dist.project.root)? {
        fs::remove_file(&bill).with_context(|| format!("failed to remove {}", bill.display()))?;
    }
    let text = match text {
        Ok(text) => text?,
        Err(_) => return written,
    };
    let path = place(dist);
    // Nobody needs to know where it was made.
    let root = dist.project.root.display().to_string();
    fs::write(&path, text.replace(&root, "")).context("failed to write the bill of materials")?;
    Ok(path)
}

fn write(dist: &Dist<'_>) -> Result<PathBuf> {
    let mut cyclonedx = CYCLONEDX.command(dist)?;
    cyclonedx
        .args(["--format", "json", "--spec-version", "1.5"])
        .args(["--describe", "binaries", "--no-build-deps", "--quiet"])
        .env("SOURCE_DATE_EPOCH", &dist.date);
    process::run(&mut cyclonedx)?;
    let folder = dist.project.root.join("host/server");
    Ok(folder.join(format!("fusebox{SUFFIX}")))
}

/// What it has written, in the folders of the workspace.
fn bills(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in folders(root)? {
        for folder in folders(&folder)?.into_iter().chain([folder]) {
            for entry in fs::read_dir(&folder)? {
                let path = entry?.path();
                let name = path.file_name().map(|name| name.to_string_lossy());
                if name.is_some_and(|name| name.ends_with(SUFFIX)) {
                    found.push(path);
                }
            }
        }
    }
    Ok(found)
}

/// The folders in a folder, but for those that hold no sources.
fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))?;
    let paths: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    let is_source = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy());
        path.is_dir() && name.is_some_and(|name| name != "target" && !name.starts_with('.'))
    };
    Ok(paths.into_iter().filter(is_source).collect())
}
