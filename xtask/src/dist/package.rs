//! The Debian package. What is in it is said in `host/server/Cargo.toml`
//! (`package.metadata.deb`), its scripts are in `config/debian`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::Dist;
use super::tools::Tool;
use crate::process;

const CARGO_DEB: Tool = Tool {
    name: "deb",
    version: "3.8.0",
};

/// Makes `NAME.deb`.
///
/// # Errors
/// If the tool can't be installed, or a file is missing.
pub(super) fn make(dist: &Dist<'_>) -> Result<PathBuf> {
    let path = dist.folder.join(format!("{}.deb", dist.name));
    let mut deb = CARGO_DEB.command(dist)?;
    deb.args([
        "--package",
        "fusebox",
        "--no-build",
        "--no-strip",
        "--output",
    ])
    .arg(&path)
    .env("CARGO_TARGET_DIR", &dist.project.target)
    .env("SOURCE_DATE_EPOCH", &dist.date);
    process::run(&mut deb).context("failed to make the Debian package")?;
    Ok(path)
}
