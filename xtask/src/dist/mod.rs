//! `cargo xtask dist`: what is given to operators, in `<target>/dist`. This file has
//! the order of things and the names; each part has a module. What is in a part is
//! written in `config/` and in `host/server/Cargo.toml`.

mod archive;
mod image;
mod package;
mod program;
mod sbom;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::process::{self, say};
use crate::project::Project;

/// What to make.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only this part; may be given several times: `archive`, `package`, `image` or `sbom`.
    #[arg(long, value_name = "PART", value_parser = PARTS)]
    only: Vec<String>,
    /// Take this program as it is, static or not, and build none.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Take this bill of materials, and make none.
    #[arg(long, value_name = "FILE")]
    bill: Option<PathBuf>,
}

const PARTS: [&str; 4] = ["archive", "package", "image", "sbom"];

/// Where everything goes, and what all parts have in common.
struct Dist<'a> {
    project: &'a Project,
    /// what is made
    folder: PathBuf,
    /// such as `fusebox-0.1.0-linux-x86_64`
    name: String,
    /// seconds since 1970 that everything made is dated with, so that the same
    /// sources give the same bytes
    date: String,
}

/// Makes the parts that `options` name, or all.
///
/// # Errors
/// If something can't be built, or a tool is missing and can't be installed.
pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    let wanted = |part: &str| options.only.is_empty() || options.only.iter().any(|one| one == part);
    let dist = Dist::new(project)?;
    let mut made = Vec::new();
    let sbom = (wanted("sbom") || wanted("archive"))
        .then(|| match &options.bill {
            Some(bill) => sbom::take(&dist, bill),
            None => sbom::make(&dist),
        })
        .transpose()?;
    made.extend(sbom.clone());
    if wanted("archive") || wanted("image") || wanted("package") {
        let program = program::make(&dist, options.program.as_deref())?;
        if wanted("image") {
            image::make(&dist, &program)?;
        }
        if let Some(sbom) = sbom.filter(|_| wanted("archive")) {
            made.push(archive::make(&dist, &program, &sbom)?);
        }
        if wanted("package") {
            made.push(package::make(&dist)?);
        }
    }
    if !made.is_empty() {
        checksums(&dist.folder, &made)?;
    }
    for path in made {
        say(&format!("made {}", path.display()));
    }
    Ok(())
}

impl<'a> Dist<'a> {
    fn new(project: &'a Project) -> Result<Self> {
        let folder = project.target.join("dist");
        fs::create_dir_all(&folder)
            .with_context(|| format!("failed to make the folder {}", folder.display()))?;
        let name = format!(
            "fusebox-{}-{}-{}",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::OS,
            std::env::consts::ARCH
        );
        Ok(Self {
            project,
            folder,
            name,
            date: date(project),
        })
    }

    /// A folder of this name in that of the parts, with nothing in it.
    fn fresh(&self, name: &str) -> Result<PathBuf> {
        fresh(&self.folder.join(name))
    }

    /// Copies a file of the repository.
    fn copy(&self, from: &str, to: &Path) -> Result<()> {
        copy(&self.project.root.join(from), to)
    }
}

/// That of the last commit, unless the environment has one (SOURCE_DATE_EPOCH); outside
/// of git there is none, and everything is from 1970.
fn date(project: &Project) -> String {
    if let Ok(date) = std::env::var("SOURCE_DATE_EPOCH") {
        return date;
    }
    let mut git = Command::new("git");
    git.args(["log", "-1", "--format=%ct"])
        .current_dir(&project.root);
    process::output(&mut git).map_or_else(|_| "0".to_owned(), |date| date.trim().to_owned())
}

/// Makes a folder, with nothing in it.
fn fresh(folder: &Path) -> Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("failed to empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder)
        .with_context(|| format!("failed to make the folder {}", folder.display()))?;
    Ok(folder.to_path_buf())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("failed to make the folder {}", folder.display()))?;
    }
    fs::copy(from, to)
        .map(|_| ())
        .with_context(|| format!("failed to copy {} to {}", from.display(), to.display()))
}

/// Writes `SHA256SUMS` beside files that all lie in `folder`.
fn checksums(folder: &Path, files: &[PathBuf]) -> Result<()> {
    let mut names = Vec::new();
    for file in files {
        let name = file.strip_prefix(folder);
        names.push(name.with_context(|| format!("{} is elsewhere", file.display()))?);
    }
    names.sort();
    ensure!(!names.is_empty(), "there is nothing to sum up");
    let sums = process::output(Command::new("sha256sum").args(&names).current_dir(folder))?;
    fs::write(folder.join("SHA256SUMS"), sums).context("failed to write the checksums")
}
