//! `cargo xtask run`: the plugins and the host, built and started. What the
//! host serves, and how, is the host's own business.

use std::process::Command;

use anyhow::Result;

use crate::project::Project;
use crate::{host, plugins};

/// Builds the plugins and the host, and becomes the host.
///
/// # Errors
/// If something can't be built, or the host fails.
pub(crate) fn run(project: &Project, arguments: &[String]) -> Result<()> {
    plugins::build(project)?;
    host::build(project)?;
    let name = format!("fusebox{}", std::env::consts::EXE_SUFFIX);
    let mut host = Command::new(project.target.join("release").join(name));
    host.args(["serve", "--plugins"])
        .arg(project.plugins())
        .args(arguments);
    start(&mut host)
}

/// Replaces this process, so that signals reach the host itself.
#[cfg(unix)]
fn start(program: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    let error = program.exec();
    Err(error).map_err(|error| {
        anyhow::anyhow!(
            "failed to start {}: {error}",
            program.get_program().to_string_lossy()
        )
    })
}

#[cfg(not(unix))]
fn start(program: &mut Command) -> Result<()> {
    crate::process::run(program)
}
