//! The program that runs on any Linux: it has its C library inside. And what it says of
//! itself: completions and manual pages.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{Dist, copy, fresh};
use crate::process::{self, find, say, search_path};

/// The file names of completions, as the shells look for them.
const SHELLS: [(&str, &str); 3] = [
    ("bash", "fusebox"),
    ("zsh", "_fusebox"),
    ("fish", "fusebox.fish"),
];

/// What was made.
pub(super) struct Program {
    /// the program
    pub(super) path: PathBuf,
    /// the folder of the manual pages
    pub(super) man: PathBuf,
    /// the folder of the completions
    pub(super) completions: PathBuf,
}

/// Builds it, or takes the one that is given, and asks it what it has to say.
///
/// # Errors
/// If it can't be built, isn't static, or doesn't run.
pub(super) fn make(dist: &Dist<'_>, given: Option<&Path>) -> Result<Program> {
    // cargo-deb finds what lies below `release`, wherever cargo's target folder is.
    let folder = dist.project.target.join("release/package");
    let folder = fresh(&folder)?;
    let path = folder.join("fusebox");
    match given {
        Some(program) => copy(program, &path)?,
        None => {
            build(dist)?;
            copy(&dist.project.target.join("release/fusebox"), &path)?;
            check_static(&path)?;
        }
    }
    strip(&path)?;

    let man = folder.join("man");
    process::run(Command::new(&path).arg("man").arg(&man))?;
    compress(&man)?;
    let completions = folder.join("completions");
    fs::create_dir_all(&completions)
        .with_context(|| format!("failed to make the folder {}", completions.display()))?;
    for (shell, name) in SHELLS {
        let script = process::output(Command::new(&path).args(["completions", shell]))?;
        fs::write(completions.join(name), script)
            .with_context(|| format!("failed to write the completions for {shell}"))?;
    }
    Ok(Program {
        path,
        man,
        completions,
    })
}

fn build(dist: &Dist<'_>) -> Result<()> {
    say("building the static program");
    let mut cargo = dist.project.cargo();
    cargo
        // The whole workspace, as everywhere: another selection builds wasmtime anew.
        .args(["build", "--release", "--workspace", "--bin", "fusebox"])
        .env(
            "RUSTC_WORKSPACE_WRAPPER",
            dist.project.root.join("xtask/static-rustc.sh"),
        );
    process::run(&mut cargo)
}

/// A program that asks for an interpreter needs the machine's C library.
fn check_static(program: &Path) -> Result<()> {
    let mut readelf = Command::new("readelf");
    readelf.arg("--program-headers").arg(program);
    let headers = process::output(&mut readelf)?;
    ensure!(
        !headers.contains("INTERP"),
        "{} is not static: is the static C library there (libc6-dev)?",
        program.display()
    );
    Ok(())
}

/// Names of functions stay, for backtraces; lines go.
fn strip(program: &Path) -> Result<()> {
    if find("strip", search_path()).is_none() {
        say("there is no `strip`: the program keeps its debug information");
        return Ok(());
    }
    process::run(Command::new("strip").arg("--strip-debug").arg(program))
}

/// Manual pages are installed compressed.
fn compress(man: &Path) -> Result<()> {
    let pages = fs::read_dir(man).with_context(|| format!("failed to read {}", man.display()))?;
    for page in pages {
        let page = page?.path();
        if page.extension() == Some(OsStr::new("1")) {
            process::run(Command::new("gzip").args(["-9", "-n", "-f"]).arg(page))?;
        }
    }
    Ok(())
}
