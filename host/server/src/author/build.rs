//! From a project to its component, in the folder that a host serves.
//!
//! It owns the choice of the folder and the report. How a plugin is built is
//! [`fusebox_toolchain`]'s.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use fusebox_toolchain::component::{described, publish};
use fusebox_toolchain::{Build, Error, Language, Script, Stop, Toolchain, WIT, Workspace};
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

/// Builds the project in `folder` into its folder `plugins`, or into `out`; a file is a
/// module that another compiler made, with its WIT beside it. `say` is told what
/// happens; the compiler writes to standard error by itself.
///
/// # Errors
/// If it is no project of a plugin, a toolchain is missing, or it doesn't compile.
pub fn build(
    folder: &Path,
    out: Option<&Path>,
    say: &mut dyn FnMut(&str),
) -> Result<BuildReport, Error> {
    let began = Instant::now();
    let (project, folder) = match folder.is_file() {
        true => (
            Project::Module(folder.to_path_buf()),
            folder.parent().unwrap_or(folder),
        ),
        false => (Project::read(folder)?, folder),
    };
    let out = out.map_or_else(|| plugins_of(folder), Path::to_path_buf);
    let components = project.build(&out, say, None)?;
    Ok(BuildReport {
        components,
        folder: out,
        elapsed_ms: began.elapsed().as_secs_f64() * 1e3,
    })
}

/// A project as its manifest says it is now.
pub(super) enum Project {
    /// in Rust
    Crates {
        cargo: PathBuf,
        workspace: Workspace,
    },
    /// in a scripting language
    Script(Script),
    /// in any other, compiled already
    Module(PathBuf),
}

impl Project {
    /// # Errors
    /// If there is none, its manifest can't be read, or it makes no plugin.
    pub(super) fn read(folder: &Path) -> Result<Self, Error> {
        let language = Language::of(folder)?;
        if language != Language::Rust {
            return Script::read(folder, language).map(Self::Script);
        }
        // Set where cargo itself starts this program.
        let cargo = std::env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from);
        let workspace = Workspace::read(&cargo, folder)?;
        if workspace.plugins.is_empty() {
            let folder = folder.to_path_buf();
            return Err(Error::NoPlugin { folder });
        }
        Ok(Self::Crates { cargo, workspace })
    }

    /// Where its sources are, beside its own folder.
    pub(super) fn sources(&self) -> impl Iterator<Item = &Path> {
        let beside = match self {
            Self::Crates { workspace, .. } => Some(&workspace.sources),
            Self::Script(_) | Self::Module(_) => None,
        };
        beside.into_iter().flatten().map(PathBuf::as_path)
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
        let made = match self {
            Self::Crates { cargo, workspace } => compiled(cargo, workspace, say, stop)?,
            Self::Script(script) => {
                let bytes = script.component(&mut Build {
                    say,
                    stop,
                    installed: None,
                })?;
                vec![(script.name.clone(), bytes)]
            }
            Self::Module(module) => {
                let name = module.file_stem().unwrap_or_default().to_string_lossy();
                let bytes = described(module, &module.with_file_name(WIT))?;
                vec![(name.into_owned(), bytes)]
            }
        };
        fs::create_dir_all(out).map_err(|source| Error::Write {
            path: out.to_path_buf(),
            source,
        })?;
        let mut components = Vec::new();
        for (name, component) in made {
            let path = out.join(format!("{name}.wasm"));
            components.push(Component {
                changed: publish(&path, &component)?,
                bytes: component.len(),
                path,
            });
        }
        Ok(components)
    }
}

/// The plugins of a workspace: their names and components.
fn compiled(
    cargo: &Path,
    workspace: &Workspace,
    say: &mut dyn FnMut(&str),
    stop: Option<&Stop>,
) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let toolchain = Toolchain::choose(cargo, &workspace.target, say)?;
    match stop {
        Some(stop) => workspace.build_until(&toolchain, &workspace.target, stop)?,
        None => workspace.build(&toolchain, &workspace.target)?,
    }
    let plugins = workspace.plugins.iter();
    let made =
        plugins.map(|plugin| Ok((plugin.name.clone(), plugin.component(&workspace.target)?)));
    made.collect()
}

/// Shown without `./` in front.
pub(super) fn plugins_of(folder: &Path) -> PathBuf {
    match folder == Path::new(".") || folder.as_os_str().is_empty() {
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
