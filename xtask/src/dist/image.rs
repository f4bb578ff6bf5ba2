//! What an image of a container is made of, as two trees: `system`, which is root's, and
//! `var`, which is the host's. `config/docker/Dockerfile` puts them together.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::program::Program;
use super::{Dist, copy};

/// The folders that the host writes.
const WRITTEN: [&str; 3] = ["lib/fusebox", "cache/fusebox", "cache/fusebox-plugins"];

/// Where systems keep the certificates that they trust.
const CERTIFICATES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// Makes the two trees.
///
/// # Errors
/// If this system has no certificates to give along.
pub(super) fn make(dist: &Dist<'_>, program: &Program) -> Result<()> {
    let folder = dist.fresh("image")?;
    let system = folder.join("system");
    copy(&program.path, &system.join("usr/bin/fusebox"))?;
    dist.copy(
        "config/docker/fusebox.toml",
        &system.join("etc/fusebox/fusebox.toml"),
    )?;
    let mut there = CERTIFICATES.iter().map(Path::new);
    let Some(certificates) = there.find(|path| path.is_file()) else {
        bail!("this system has no certificates to put into the image: install ca-certificates");
    };
    copy(
        certificates,
        &system.join("etc/ssl/certs/ca-certificates.crt"),
    )?;
    make_folder(&system.join("plugins"))?;
    for name in WRITTEN {
        make_folder(&folder.join("var").join(name))?;
    }
    Ok(())
}

fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("failed to make {}", path.display()))
}
