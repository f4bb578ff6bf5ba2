//! Where things are: the repository, cargo's target folder, cargo itself.
//! Reads the environment and asks cargo; changes nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, anyhow};

use crate::process;

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
        // Cargo knows every way of setting its target folder.
        let metadata = metadata(&cargo, &root)?;
        let target = metadata["target_directory"]
            .as_str()
            .ok_or_else(|| anyhow!("`cargo metadata` names no target folder"))?
            .into();
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

    /// The names of the plugins in a folder: the packages of its workspace that
    /// make a `cdylib`.
    ///
    /// # Errors
    /// If cargo can't read the workspace.
    pub(crate) fn plugin_names(&self, sources: &Path) -> Result<Vec<String>> {
        let metadata = metadata(&self.cargo, sources)?;
        let packages = metadata["packages"].as_array();
        let is_plugin = |package: &&serde_json::Value| {
            let targets = package["targets"].as_array();
            targets.into_iter().flatten().any(|target| {
                let kinds = target["kind"].as_array();
                kinds.into_iter().flatten().any(|kind| kind == "cdylib")
            })
        };
        Ok(packages
            .into_iter()
            .flatten()
            .filter(is_plugin)
            .filter_map(|package| package["name"].as_str().map(str::to_owned))
            .collect())
    }
}

/// Takes out of a command's environment what `cargo run` set for this program
/// and what would be wrong for the program that is started.
pub(crate) fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_")
            || name.starts_with("CARGO_MANIFEST_")
            || name.starts_with("CARGO_BIN_")
            || matches!(
                &*name,
                "CARGO" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE" | "RUST_RECURSION_COUNT"
            )
        {
            command.env_remove(&*name);
        }
    }
}

fn metadata(cargo: &Path, folder: &Path) -> Result<serde_json::Value> {
    let mut command = Command::new(cargo);
    clean(&mut command);
    let text = process::output(
        command
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .current_dir(folder),
    )?;
    serde_json::from_str(&text).context("failed to read what `cargo metadata` wrote")
}
