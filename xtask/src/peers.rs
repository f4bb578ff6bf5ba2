//! Builds the programs that the tests run against the host and that are written
//! with rmcp, in a workspace and a target folder of their own.

use std::path::PathBuf;

use anyhow::Result;

use crate::process;
use crate::project::Project;

/// Their workspace.
pub(crate) fn sources(project: &Project) -> PathBuf {
    project.root.join("tests").join("peers")
}

/// Their target folder.
pub(crate) fn target(project: &Project) -> PathBuf {
    project.target.join("test-peers")
}

/// Where the programs are.
pub(crate) fn programs(project: &Project) -> PathBuf {
    target(project).join("release")
}

/// Builds them.
///
/// # Errors
/// If they can't be built; the compiler has said why.
pub(crate) fn build(project: &Project) -> Result<()> {
    process::run(
        project
            .cargo()
            .current_dir(sources(project))
            .args(["build", "--release", "--target-dir"])
            .arg(target(project)),
    )
}
