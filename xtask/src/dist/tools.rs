//! Programs of others that make a part of a release: subcommands of cargo, in pinned
//! versions, in `<target>/tools`. Knows nothing of what they are for.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::Dist;
use crate::process::{self, say};

/// A subcommand of cargo.
pub(super) struct Tool {
    /// what follows `cargo`
    pub(super) name: &'static str,
    pub(super) version: &'static str,
}

impl Tool {
    /// `cargo NAME`, installed before if it isn't there.
    ///
    /// # Errors
    /// If it can't be installed.
    pub(super) fn command(&self, dist: &Dist<'_>) -> Result<Command> {
        let tools = dist.project.target.join("tools");
        let package = format!("cargo-{}", self.name);
        let program = tools.join("bin").join(&package);
        if !self.is_current(&program) {
            say(&format!("installing {package} {}", self.version));
            self.install(dist, &package, &tools)?;
        }
        let mut command = Command::new(program);
        command
            .arg(self.name)
            .current_dir(&dist.project.root)
            .env("CARGO", &dist.project.cargo);
        Ok(command)
    }

    fn is_current(&self, program: &Path) -> bool {
        let mut version = Command::new(program);
        version.args([self.name, "--version"]);
        process::output(&mut version).is_ok_and(|said| {
            let mut words = said.split_whitespace();
            words.any(|word| word == self.version)
        })
    }

    fn install(&self, dist: &Dist<'_>, package: &str, tools: &Path) -> Result<()> {
        let mut cargo = dist.project.cargo();
        cargo
            .args(["install", "--locked", "--quiet", package, "--version"])
            .arg(self.version)
            .arg("--root")
            .arg(tools)
            // They run for seconds: compiling them well would take longer.
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
            .env("CARGO_PROFILE_RELEASE_LTO", "off");
        process::run(&mut cargo).with_context(|| format!("failed to install {package}"))
    }
}
