//! Where things are: the repository, cargo's target folder, cargo itself.
//! Reads the environment and asks cargo; changes nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use fusebox_toolchain::Workspace;
use fusebox_toolchain::process::clean;

/// The folders and programs that every job needs.
pub(crate) struct Project {
    /// the root of the repository
    pub(crate) root: PathBuf,
    /// cargo's target folder, absolute
    pub(crate) target: PathBuf,
    /// the cargo that started this program
    pub(crate) cargo: PathBuf,
}

impl Project {
    /// Finds the folders.
    ///
    /// # Errors
    /// If cargo can't be asked.
    pub(crate) fn locate() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("failed to find the repository: this package has no parent folder")?
            .to_path_buf();
        let cargo = std::env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from);
        let target = Workspace::read(&cargo, &root)?.target;
        Ok(Self {
            root,
            target,
            cargo,
        })
    }

    /// The folder that holds the plugins' sources.
    pub(crate) fn plugin_sources(&self) -> PathBuf {
        self.root.join("plugins")
    }

    /// The folder that the built plugins are put into.
    pub(crate) fn plugins(&self) -> PathBuf {
        self.target.join("plugins")
    }

    /// `cargo` with the toolchain that started this program, in the root.
    pub(crate) fn cargo(&self) -> Command {
        let mut cargo = Command::new(&self.cargo);
        cargo.current_dir(&self.root);
        clean(&mut cargo);
        cargo
    }
}
