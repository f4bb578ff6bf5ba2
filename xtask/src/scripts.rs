//! The plugins in Python and JavaScript: from their projects in `plugins/` to components,
//! as `fusebox plugin build` makes them. Beside each project it puts what
//! `fusebox plugin new` and `npm install` would: the kit, and the packages.
//!
//! It owns when one has to be built anew. How it is built is the toolchain's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context as _, Result, anyhow};
use fusebox_toolchain::component::publish;
use fusebox_toolchain::{Build, Language, Script};

use crate::process::{self, say};
use crate::project::Project;
use crate::stamp::Stamp;

/// The folder of a project for the kit that it carries along.
const KIT: &str = "fusebox";

/// A project in `plugins/`.
struct Source<'a> {
    project: &'a Project,
    folder: PathBuf,
    language: Language,
}

/// Builds all of them into the plugins' folder, each in a thread of its own: what builds
/// one uses one processor. `installed` is where the programs are that build them, instead
/// of the user's folder for them.
///
/// # Errors
/// If Python, Node or npm is missing, a package can't be had, or one can't be built.
pub(crate) fn build(project: &Project, installed: Option<&Path>) -> Result<()> {
    let sources = sources(project)?;
    thread::scope(|scope| {
        let building = |source| scope.spawn(move || Source::build(source, installed));
        let threads: Vec<_> = sources.iter().map(building).collect();
        threads.into_iter().try_for_each(|thread| {
            let built = thread.join();
            built.map_err(|_| anyhow!("building a plugin panicked"))?
        })
    })
}

fn sources(project: &Project) -> Result<Vec<Source<'_>>> {
    let root = project.plugin_sources();
    let entries = fs::read_dir(&root);
    let entries = entries.with_context(|| format!("failed to read {}", root.display()))?;
    let mut found: Vec<Source<'_>> = entries
        .flatten()
        .filter_map(|entry| {
            let folder = entry.path();
            let language = Language::of(&folder).ok()?;
            (language != Language::Rust).then_some(Source {
                project,
                folder,
                language,
            })
        })
        .collect();
    found.sort_by(|one, other| one.folder.cmp(&other.folder));
    Ok(found)
}

impl Source<'_> {
    fn build(&self, installed: Option<&Path>) -> Result<()> {
        let script = Script::read(&self.folder, self.language)?;
        let path = self.project.plugins().join(format!("{}.wasm", script.name));
        let root = &self.project.root;
        self.kit()?;
        self.packages()?;
        let of = [
            self.folder.clone(),
            root.join("wit"),
            root.join("host/toolchain/src"),
        ];
        let stamp = Stamp::of_folders(self.folder.join(".fusebox/built"), &of)?;
        if path.is_file() && stamp.is_current() {
            say(&format!("unchanged: {}", path.display()));
            return Ok(());
        }
        stamp.clear()?;
        let component = script
            .component(&mut Build {
                say: &mut say,
                stop: None,
                installed,
            })
            .with_context(|| format!("failed to build the plugin {}", script.name))?;
        fs::create_dir_all(self.project.plugins()).context("failed to make the folder")?;
        publish(&path, &component)?;
        say(&format!(
            "wrote {} ({:.1} KiB)",
            path.display(),
            component.len() as f64 / 1024.0
        ));
        stamp.set()
    }

    /// Puts the kit of this repository into the project.
    fn kit(&self) -> Result<()> {
        let kit = self.folder.join(KIT);
        if kit.is_dir() {
            // One of an older commit may have files that are gone.
            fs::remove_dir_all(&kit)
                .with_context(|| format!("failed to remove {}", kit.display()))?;
        }
        let root = &self.project.root;
        let own = root.join("plugin-sdk").join(self.language.name()).join(KIT);
        copy(&own, &kit)?;
        copy(&root.join("wit"), &kit.join("wit"))
    }

    /// Installs the packages that a project in JavaScript uses, in their exact versions.
    fn packages(&self) -> Result<()> {
        if self.language != Language::JavaScript {
            return Ok(());
        }
        let installed = self.folder.join("node_modules");
        let stamp = Stamp::new(&installed, &self.folder, &["package-lock.json"])?;
        if stamp.is_current() {
            return Ok(());
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-progress", "--loglevel=error"])
            .arg("--ignore-scripts")
            .current_dir(&self.folder);
        process::run(&mut npm).with_context(|| {
            let folder = self.folder.display();
            format!("failed to install the packages of {folder} (it needs Node 20 with npm)")
        })?;
        stamp.set()
    }
}

/// Copies a folder, but for what Python leaves in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let failed = || format!("failed to copy {} to {}", from.display(), to.display());
    fs::create_dir_all(to).with_context(failed)?;
    for entry in fs::read_dir(from).with_context(failed)? {
        let entry = entry.with_context(failed)?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true if entry.file_name() == "__pycache__" => {}
            true => copy(&path, &target)?,
            false => fs::copy(&path, &target).map(drop).with_context(failed)?,
        }
    }
    Ok(())
}
