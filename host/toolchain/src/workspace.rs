//! What cargo says of a folder: the plugins in it, and where it builds. Builds
//! them; puts nothing where a host looks.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::component::described;
use crate::error::Error;
use crate::process::{self, Stop};
use crate::toolchain::{TARGET, Toolchain};

/// The folder of a project for its WIT, as the binding generators have it.
pub const WIT: &str = "wit";

/// A folder with one plugin, or with a workspace of them.
#[derive(Debug)]
pub struct Workspace {
    /// cargo's target folder, absolute
    pub target: PathBuf,
    /// those that cargo builds in that folder
    pub plugins: Vec<Plugin>,
    /// where the sources of its packages are, and of packages beside it that they use
    pub sources: BTreeSet<PathBuf>,
    folder: PathBuf,
}

/// A package that makes a `cdylib`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugin {
    /// of the package
    pub name: String,
    /// of what it makes, without its ending
    library: String,
    /// where its sources are
    folder: PathBuf,
}

impl Workspace {
    /// Asks cargo.
    ///
    /// # Errors
    /// If cargo can't read the workspace.
    pub fn read(cargo: &Path, folder: &Path) -> Result<Self, Error> {
        let mut command = Command::new(cargo);
        process::clean(&mut command);
        let text = process::output(
            command
                .args(["metadata", "--no-deps", "--format-version", "1"])
                .current_dir(folder),
        );
        let text = text.map_err(|error| match error {
            Error::Start { ref source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Error::NoRust {
                    reason: error.to_string(),
                }
            }
            error => error,
        })?;
        let unreadable = |reason: String| Error::Metadata {
            of: "`cargo metadata`",
            reason,
        };
        let metadata: Value =
            serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        // Cargo knows every way of setting its target folder.
        let target = metadata["target_directory"].as_str();
        let target = target.ok_or_else(|| unreadable("it names no target folder".to_owned()))?;
        Ok(Self {
            target: target.into(),
            plugins: plugins(&metadata, folder),
            sources: sources(&metadata),
            folder: folder.to_path_buf(),
        })
    }

    /// Builds all plugins with `target` as cargo's target folder.
    ///
    /// # Errors
    /// If cargo fails; the compiler has said why.
    pub fn build(&self, toolchain: &Toolchain, target: &Path) -> Result<(), Error> {
        process::run(&mut self.cargo_build(toolchain, target))
    }

    /// The same, until `stop` says that nobody wants it any more.
    ///
    /// # Errors
    /// If cargo fails, or is ended.
    pub fn build_until(
        &self,
        toolchain: &Toolchain,
        target: &Path,
        stop: &Stop,
    ) -> Result<(), Error> {
        process::run_until(&mut self.cargo_build(toolchain, target), stop)
    }

    fn cargo_build(&self, toolchain: &Toolchain, target: &Path) -> Command {
        let mut command = toolchain.cargo();
        command
            .current_dir(&self.folder)
            .args(["build", "--release", "--target", TARGET, "--target-dir"])
            .arg(target)
            .args(toolchain.cargo_arguments());
        command
    }
}

impl Plugin {
    /// Where a build into `target` puts the module.
    pub fn module(&self, target: &Path) -> PathBuf {
        let name = format!("{}.wasm", self.library);
        target.join(TARGET).join("release").join(name)
    }

    /// Makes the component of what a build into `target` has put there, with the
    /// doc comments of the WIT beside its sources, if there is any.
    ///
    /// # Errors
    /// If the module can't be wrapped, or that WIT can't be read.
    pub fn component(&self, target: &Path) -> Result<Vec<u8>, Error> {
        described(&self.module(target), &self.folder.join(WIT))
    }
}

/// The folders of all packages, and of those that they name by a path.
fn sources(metadata: &Value) -> BTreeSet<PathBuf> {
    let mut sources = BTreeSet::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let manifest = package["manifest_path"].as_str().map(Path::new);
        sources.extend(manifest.and_then(Path::parent).map(Path::to_path_buf));
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let beside = dependencies.filter_map(|one| one["path"].as_str());
        sources.extend(beside.map(PathBuf::from));
    }
    sources
}

/// In the folder of a package, cargo builds that one alone.
fn plugins(metadata: &Value, folder: &Path) -> Vec<Plugin> {
    let packages = metadata["packages"].as_array();
    let packages = || packages.into_iter().flatten();
    let manifest = folder.canonicalize().map(|path| path.join("Cargo.toml"));
    let is_here = |package: &&Value| {
        let path = package["manifest_path"].as_str().map(Path::new);
        path.is_some_and(|path| manifest.as_ref().is_ok_and(|manifest| manifest == path))
    };
    match packages().find(is_here) {
        Some(package) => plugin(package).into_iter().collect(),
        None => packages().filter_map(plugin).collect(),
    }
}

fn plugin(package: &Value) -> Option<Plugin> {
    let targets = package["targets"].as_array()?;
    let library = targets.iter().find(|target| {
        let kinds = target["kind"].as_array();
        kinds.into_iter().flatten().any(|kind| kind == "cdylib")
    })?;
    Some(Plugin {
        name: package["name"].as_str()?.to_owned(),
        library: library["name"].as_str()?.replace('-', "_"),
        folder: Path::new(package["manifest_path"].as_str()?)
            .parent()?
            .into(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(name: &str, kind: &str, folder: &Path) -> Value {
        json!({
            "name": name,
            "manifest_path": folder.join(name).join("Cargo.toml"),
            "targets": [{"name": "a_test", "kind": ["test"]}, {"name": name, "kind": [kind]}],
        })
    }

    #[test]
    fn a_folder_of_a_workspace_stands_for_its_package_and_the_root_for_all() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for name in ["one-tool", "two", "library"] {
            std::fs::create_dir(root.join(name)).unwrap();
        }
        let metadata = json!({"packages": [
            package("one-tool", "cdylib", &root),
            package("two", "cdylib", &root),
            package("library", "rlib", &root),
        ]});
        let names = |folder: &Path| -> Vec<String> {
            let plugins = plugins(&metadata, folder).into_iter();
            plugins.map(|plugin| plugin.library).collect()
        };
        assert_eq!(names(&root), ["one_tool", "two"]);
        assert_eq!(names(&root.join("two")), ["two"]);
        assert_eq!(names(&root.join("library")), [""; 0]);
    }

    #[test]
    fn the_sources_are_those_of_all_packages_and_of_what_they_use_by_a_path() {
        let mut one = package("one", "cdylib", Path::new("/project"));
        one["dependencies"] = json!([
            {"name": "serde", "path": null},
            {"name": "beside", "path": "/elsewhere/beside"},
        ]);
        let metadata = json!({"packages": [one, package("two", "rlib", Path::new("/project"))]});
        let expected = ["/elsewhere/beside", "/project/one", "/project/two"];
        assert_eq!(sources(&metadata), expected.map(PathBuf::from).into());
    }
}
