//! `cargo xtask plugins`: from the sources of the plugins in Rust to components. A component
//! appears in the folder whole or not at all, since a host may be watching it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use fusebox_toolchain::component::publish;
use fusebox_toolchain::{Error, PACKAGES, Toolchain, Workspace};

use crate::apt;
use crate::process::say;
use crate::project::Project;

/// Builds every plugin in Rust into the plugins' folder.
///
/// # Errors
/// If there is no toolchain for WebAssembly, or a plugin can't be built.
pub(crate) fn build(project: &Project) -> Result<()> {
    build_into(project, &project.plugin_sources(), &project.plugins())
}

/// Builds every plugin of the workspace in `sources` into `folder`.
///
/// # Errors
/// As above.
pub(crate) fn build_into(project: &Project, sources: &Path, folder: &Path) -> Result<()> {
    let workspace = Workspace::read(&project.cargo, sources)?;
    if workspace.plugins.is_empty() {
        bail!("no plugin in {}", sources.display());
    }
    let modules = project.target.join("wasm");
    workspace
        .build(&toolchain(project)?, &modules)
        .context("failed to build the plugins")?;

    fs::create_dir_all(folder)
        .with_context(|| format!("failed to make the folder {}", folder.display()))?;
    for plugin in &workspace.plugins {
        let component = plugin.component(&modules)?;
        let path = folder.join(format!("{}.wasm", plugin.name));
        let what = if publish(&path, &component)? {
            "wrote"
        } else {
            "unchanged:"
        };
        say(&format!(
            "{what} {} ({:.1} KiB)",
            path.display(),
            component.len() as f64 / 1024.0
        ));
    }
    Ok(())
}

/// The Rust that builds for WebAssembly; installs a distribution's where that can
/// be done without asking.
fn toolchain(project: &Project) -> Result<Toolchain> {
    match Toolchain::choose(&project.cargo, &project.target, &mut say) {
        Err(Error::Missing { what }) if apt::is_usable() => {
            apt::install(what, &PACKAGES)?;
            Ok(Toolchain::distribution(&project.target, &mut say)?)
        }
        chosen => Ok(chosen?),
    }
}
