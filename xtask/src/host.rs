//! Building the host. What it does is its own business.

use anyhow::Result;

use crate::process::{self, say};
use crate::project::Project;

/// Builds the host's program. The whole workspace is selected, so that shared
/// dependencies get the same features here and in the tests: selecting one
/// package would make cargo build wasmtime once more for the other step.
///
/// # Errors
/// If cargo fails.
pub(crate) fn build(project: &Project) -> Result<()> {
    say("building the host (the first time, this takes about ten minutes)");
    process::run(
        project
            .cargo()
            .args(["build", "--release", "--workspace", "--bins"]),
    )
}
