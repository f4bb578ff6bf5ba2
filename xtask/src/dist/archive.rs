//! The archive: the program and all that an operator takes from beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::program::Program;
use super::{Dist, checksums, copy};
use crate::process;

/// What of the repository goes along, with its place.
const FILES: [&str; 4] = ["LICENSE", "README.md", "CHANGELOG.md", "deny.toml"];

/// Makes `NAME.tar.gz`, in which everything is below `NAME/`.
///
/// # Errors
/// If a file is missing, or `tar` fails.
pub(super) fn make(dist: &Dist<'_>, program: &Program, sbom: &Path) -> Result<PathBuf> {
    let folder = dist.fresh(&dist.name)?;
    copy(&program.path, &folder.join("fusebox"))?;
    copy(sbom, &folder.join("sbom.cdx.json"))?;
    for name in FILES {
        dist.copy(name, &folder.join(name))?;
    }
    copy_all(&dist.project.root.join("config"), &folder.join("config"))?;
    copy_all(&program.man, &folder.join("man/man1"))?;
    copy_all(&program.completions, &folder.join("completions"))?;
    checksums(&folder, &files(&folder)?)?;

    let archive = dist.folder.join(format!("{}.tar.gz", dist.name));
    let mut tar = Command::new("tar");
    tar.current_dir(&dist.folder)
        .args(["--create", "--sort=name", "--owner=0", "--group=0"])
        .args(["--numeric-owner", "--mode=u+rwX,go+rX,go-w"])
        .arg(format!("--mtime=@{}", dist.date))
        // Without the time of compression: the same sources give the same bytes.
        .arg("--use-compress-program=gzip -9 -n")
        .arg("--file")
        .arg(&archive)
        .arg(&dist.name);
    process::run(&mut tar)?;
    Ok(archive)
}

/// All files below a folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries =
        fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        match path.is_dir() {
            true => found.extend(files(&path)?),
            false => found.push(path),
        }
    }
    Ok(found)
}

/// Copies a folder with all that is below it.
fn copy_all(from: &Path, to: &Path) -> Result<()> {
    for file in files(from)? {
        let below = file.strip_prefix(from)?;
        copy(&file, &to.join(below))?;
    }
    Ok(())
}
