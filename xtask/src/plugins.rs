//! `cargo xtask plugins`: from the plugins' sources to components. A component
//! appears in the folder whole or not at all, since a host may be watching it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use wit_component::ComponentEncoder;

use crate::process;
use crate::project::Project;
use crate::toolchain::{TARGET, Toolchain};

/// Builds every plugin into the plugins' folder.
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
    let names = project.plugin_names(sources)?;
    if names.is_empty() {
        bail!("no plugin in {}", sources.display());
    }
    let toolchain = Toolchain::choose(project)?;
    let modules = project.target.join("wasm");
    process::run(
        toolchain
            .cargo()
            .current_dir(sources)
            .args(["build", "--release", "--target", TARGET, "--target-dir"])
            .arg(&modules)
            .args(toolchain.cargo_arguments()),
    )
    .context("failed to build the plugins")?;

    fs::create_dir_all(folder)
        .with_context(|| format!("failed to make the folder {}", folder.display()))?;
    let modules = modules.join(TARGET).join("release");
    for name in &names {
        let module = modules.join(format!("{}.wasm", name.replace('-', "_")));
        let component = componentize(&module)?;
        let path = folder.join(format!("{name}.wasm"));
        let what = if publish(&path, &component)? {
            "wrote"
        } else {
            "unchanged:"
        };
        process::say(&format!(
            "{what} {} ({:.1} KiB)",
            path.display(),
            component.len() as f64 / 1024.0
        ));
    }
    Ok(())
}

/// Wraps a core module that carries component-type metadata into a component.
fn componentize(module: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(module).with_context(|| format!("failed to read {}", module.display()))?;
    ComponentEncoder::default()
        .validate(true)
        .module(&bytes)
        .and_then(|encoder| encoder.encode())
        .with_context(|| format!("failed to make a component of {}", module.display()))
}

/// Puts `bytes` at `path` in one step and says whether anything changed. A file
/// that already holds them is left alone: a host would load it again.
fn publish(path: &Path, bytes: &[u8]) -> Result<bool> {
    if fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok(false);
    }
    // Hidden, and not called `.wasm`: a host that watches the folder skips it.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    fs::write(&temporary, bytes)
        .and_then(|()| fs::rename(&temporary, path))
        .with_context(|| format!("failed to write {}", path.display()))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_published_once_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hello.wasm");
        assert!(publish(&path, b"one").unwrap());
        assert!(!publish(&path, b"one").unwrap());
        assert!(publish(&path, b"two").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"two");
        // Nothing else is left for a host to find.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_module_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text.wasm");
        assert!(format!("{:#}", componentize(&path).unwrap_err()).contains("failed to read"));
        fs::write(&path, "text").unwrap();
        let error = format!("{:#}", componentize(&path).unwrap_err());
        assert!(error.contains("failed to make a component of"), "{error}");
        assert!(error.contains("text.wasm"), "{error}");
    }
}
