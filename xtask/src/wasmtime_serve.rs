//! Installs the program `wasmtime`, of the version that the host is built with, for
//! the case that compares with `wasmtime serve`. It never touches one that the user
//! has installed.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use crate::process::{self, say};
use crate::project::Project;

/// The version of wasmtime in the workspace's `Cargo.toml`.
const VERSION: &str = "48.0.8";

/// What `wasmtime serve` needs. The default features have, besides, hooks at each
/// call for profilers, which would only slow it down.
const FEATURES: &str = "run,serve,cranelift,component-model,component-model-async,\
                        pooling-allocator,cache,parallel-compilation";

/// Where it is installed, in the folder `bin`.
pub(crate) fn folder(project: &Project) -> PathBuf {
    project.target.join("bench-tools")
}

/// Installs it, if that has not been done.
///
/// # Errors
/// If it can't be fetched or built.
pub(crate) fn install(project: &Project) -> Result<()> {
    let root = folder(project);
    let build = root.join("build");
    let installed =
        process::output(std::process::Command::new(root.join("bin/wasmtime")).arg("--version"));
    if installed.is_ok_and(|text| text.split_whitespace().nth(1) == Some(VERSION)) {
        return Ok(());
    }
    say("building wasmtime to compare with (once; a quarter of an hour of CPU time or more)");
    process::run(
        project
            .cargo()
            .args(["install", "wasmtime-cli", "--locked", "--version"])
            .arg(format!("={VERSION}"))
            .args(["--no-default-features", "--features", FEATURES, "--root"])
            .arg(&root)
            .arg("--target-dir")
            .arg(&build),
    )?;
    // A gigabyte that nobody needs again; if it stays, it does no harm.
    let _ = fs::remove_dir_all(build);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::VERSION;

    #[test]
    fn the_host_is_built_with_the_same_version() {
        let manifest = include_str!("../../Cargo.toml");
        let line = format!("wasmtime = {{ version = \"{VERSION}\"");
        assert!(manifest.contains(&line), "{line}");
    }
}
