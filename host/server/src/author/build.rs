//! From a project to its component, in the folder that a host serves.
//!
//! It owns the choice of the folder and the report. How a plugin is built is
//! [`fusebox_toolchain`]'s.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use fusebox_toolchain::component::publish;
use fusebox_toolchain::{Error, Stop, Toolchain, Workspace};
use serde::Serialize;

/// The folder of a project for what is built, which `fusebox serve` looks into.
const PLUGINS: &str = "plugins";

/// What `fusebox plugin build` made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildReport {
    /// one for each plugin of the project
    pub components: Vec<Component>,
    /// where they are
    pub folder: PathBuf,
    /// for all of it, in milliseconds
    pub elapsed_ms: f64,
}

/// A file of a plugin.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// its file
    pub path: PathBuf,
    /// of the file
    pub bytes: usize,
    /// whether the file is another one than before
    pub changed: bool,
}

/// Builds the project in `folder` into its folder `plugins`, or into `out`. `say`
/// is told what happens; the compiler writes to standard error by itself.
///
/// # Errors
/// If it is no project of a plugin, a toolchain is missing, or it doesn't compile.
pub fn build(
    folder: &Path,
    out: Option<&Path>,
    say: &mut dyn FnMut(&str),
) -> Result<BuildReport, Error> {
    let began = Instant::now();
    check_project(folder)?;
    let project = Project::read(folder)?;
    let out = out.map_or_else(|| plugins_of(folder), Path::to_path_buf);
    let components = project.build(&out, say, None)?;
    Ok(BuildReport {
        components,
        folder: out,
        elapsed_ms: began.elapsed().as_secs_f64() * 1e3,
    })
}

/// # Errors
/// If `folder` holds no project.
pub(super) fn check_project(folder: &Path) -> Result<(), Error> {
    if folder.join("Cargo.toml").is_file() {
        return Ok(());
    }
    let folder = folder.to_path_buf();
    Err(Error::NoProject { folder })
}

/// A project as its manifest says it is now.
pub(super) struct Project {
    cargo: PathBuf,
    pub(super) workspace: Workspace,
}

impl Project {
    /// # Errors
    /// If cargo can't read it, or it makes no plugin.
    pub(super) fn read(folder: &Path) -> Result<Self, Error> {
        // Set where cargo itself starts this program.
        let cargo = std::env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from);
        let workspace = Workspace::read(&cargo, folder)?;
        if workspace.plugins.is_empty() {
            let folder = folder.to_path_buf();
            return Err(Error::NoPlugin { folder });
        }
        Ok(Self { cargo, workspace })
    }

    /// Builds it into `out`; until `stop` says otherwise, if there is one.
    ///
    /// # Errors
    /// If a toolchain is missing, it doesn't compile, or is told to stop.
    pub(super) fn build(
        &self,
        out: &Path,
        say: &mut dyn FnMut(&str),
        stop: Option<&Stop>,
    ) -> Result<Vec<Component>, Error> {
        let Self { cargo, workspace } = self;
        let toolchain = Toolchain::choose(cargo, &workspace.target, say)?;
        match stop {
            Some(stop) => workspace.build_until(&toolchain, &workspace.target, stop)?,
            None => workspace.build(&toolchain, &workspace.target)?,
        }
        fs::create_dir_all(out).map_err(|source| Error::Write {
            path: out.to_path_buf(),
            source,
        })?;
        let mut components = Vec::new();
        for plugin in &workspace.plugins {
            let component = plugin.component(&workspace.target)?;
            let path = out.join(format!("{}.wasm", plugin.name));
            components.push(Component {
                changed: publish(&path, &component)?,
                bytes: component.len(),
                path,
            });
        }
        Ok(components)
    }
}

/// Shown without `./` in front.
pub(super) fn plugins_of(folder: &Path) -> PathBuf {
    match folder == Path::new(".") {
        true => PLUGINS.into(),
        false => folder.join(PLUGINS),
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.changed {
            true => "wrote",
            false => "unchanged:",
        };
        let kib = self.bytes as f64 / 1024.0;
        write!(f, "{what} {} ({kib:.1} KiB)", self.path.display())
    }
}

impl fmt::Display for BuildReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for component in &self.components {
            writeln!(f, "{component}")?;
        }
        writeln!(f, "built in {:.1} s; next:", self.elapsed_ms / 1e3)?;
        for component in &self.components {
            writeln!(f, "  fusebox plugin check {}", component.path.display())?;
        }
        match self.folder == Path::new(PLUGINS) {
            true => writeln!(f, "  fusebox serve"),
            false => writeln!(f, "  fusebox serve --plugins {}", self.folder.display()),
        }
    }
}
