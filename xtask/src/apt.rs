//! Installs packages of a Debian-like system, where that can be done without
//! asking. Knows nothing of what the packages are for.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process::{self, find, say, search_path};

/// Installs `packages`, which give `what`.
///
/// # Errors
/// If this is not a Debian-like system, the user is not root, or `apt-get`
/// fails; the message says what to install.
pub(crate) fn install(what: &str, packages: &[&str]) -> Result<()> {
    let packages_line = packages.join(" ");
    let Some(apt) = program() else {
        bail!(
            "{what} is missing; install it and run this again \
             (on Debian or Ubuntu, as root: `apt-get install {packages_line}`)"
        );
    };
    say(&format!(
        "{what} is missing: installing {packages_line} with apt-get"
    ));
    // A fresh machine has no list of packages; an old list is as good as a new
    // one if what it names can still be had.
    if let Err(error) = process::run(command(&apt).arg("update")) {
        say(&format!("{error:#}; trying with the lists that are there"));
    }
    process::run(
        command(&apt)
            .args(["install", "--yes", "--no-install-recommends"])
            .args(packages),
    )
    .with_context(|| format!("failed to install {packages_line}"))
}

/// Whether [`install`] can do anything here.
pub(crate) fn is_usable() -> bool {
    program().is_some()
}

fn program() -> Option<PathBuf> {
    find("apt-get", search_path()).filter(|_| is_root())
}

fn command(apt: &Path) -> Command {
    let mut command = Command::new(apt);
    command.arg("-qq").env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root() -> bool {
    process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
