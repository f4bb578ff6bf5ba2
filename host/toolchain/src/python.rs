//! From a project in Python to its component, with `componentize-py`.
//!
//! It owns its pinned version, and what it is told. It never touches the Python of the
//! system: packages go into an environment of their own.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::error::Error;
use crate::installed::{self, Build};
use crate::process;
use crate::script::{Manifest, Script, Settings};
use crate::world;

/// The package that makes components.
pub(crate) const COMPONENTIZE: &str = "componentize-py==0.25.1";

/// The folder that it is installed in.
const FOLDER: &str = "componentize-py-0.25.1";

/// What it is to be asked of any Python.
const CHECK: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";

/// Its program, without the script that names a place it may have moved from.
const RUN: &str = "import sys, componentize_py; sys.exit(componentize_py.script())";

/// The file whose classes are the component's exports.
const ENTRY: &str = "fusebox_entry";

/// What a component of this project is made with.
pub(crate) struct Tools {
    /// of the environment with `componentize-py`
    python: PathBuf,
}

/// Reads a `pyproject.toml`.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn manifest(text: &str) -> Result<Manifest, String> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Project {
        name: Option<String>,
        dependencies: Vec<String>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Tool {
        fusebox: Settings,
    }
    #[derive(Deserialize)]
    struct Whole {
        #[serde(default)]
        project: Project,
        #[serde(default)]
        tool: Tool,
    }
    let Whole { project, tool } =
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    let main = tool.fusebox.module.clone();
    Ok(Manifest {
        name: project.name,
        main: main.unwrap_or_else(|| "plugin".to_owned()),
        settings: tool.fusebox,
        dependencies: project.dependencies,
    })
}

impl Tools {
    /// Finds them, or installs them into the user's folder.
    ///
    /// # Errors
    /// If Python is missing or too old, or the package can't be had.
    pub(crate) fn install(build: &mut Build<'_>) -> Result<Self, Error> {
        let folder = installed::folder(FOLDER, build, |folder, build| {
            let usable = process::output(Command::new("python3").args(["-c", CHECK]));
            usable.map_err(|_| Error::MissingProgram {
                what: "Python 3.10 or later with its module `venv`",
                language: "Python",
                install: "on Debian or Ubuntu `apt-get install python3 python3-venv`; \
                          on Fedora `dnf install python3`; on macOS `brew install python`",
            })?;
            (build.say)("installing componentize-py, once for all projects (20 MB to download)");
            build.run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
            build.run(&mut pip(&folder.join("bin/python"), [COMPONENTIZE]))
        })?;
        let python = folder.join("bin/python");
        // It leads to the Python of the system, which may have gone since.
        match process::output(Command::new(&python).arg("--version")) {
            Ok(_) => Ok(Self { python }),
            Err(error) => Err(Error::Broken {
                folder,
                reason: error.to_string(),
            }),
        }
    }

    /// Installs the packages that a plugin depends on, unless they are there. Only those
    /// in Python alone: there is no machine's code in a component.
    ///
    /// # Errors
    /// If one can't be had.
    pub(crate) fn packages(&self, project: &Script, build: &mut Build<'_>) -> Result<(), Error> {
        let wanted = project.dependencies.join("\n");
        let stamp = project.work().join("packages.txt");
        let installed = fs::read_to_string(&stamp).unwrap_or_default();
        if installed == wanted {
            return Ok(());
        }
        let folder = packages_of(project);
        // What isn't there can't be removed, and needn't be.
        let _ = fs::remove_dir_all(&folder);
        if !project.dependencies.is_empty() {
            (build.say)(&format!(
                "installing {} for the plugin",
                project.dependencies.join(", ")
            ));
            let options = ["--only-binary", ":all:", "--platform", "any"];
            let options = options.into_iter().chain(["--target"]).map(OsStr::new);
            let mut command = pip(&self.python, options);
            command.arg(&folder).args(&project.dependencies);
            build.run(&mut command)?;
        }
        project.put("packages.txt", &wanted).map(drop)
    }

    /// What the kit says of the plugin, as JSON.
    ///
    /// # Errors
    /// If the plugin can't be loaded, with what Python says.
    pub(crate) fn describe(&self, project: &Script) -> Result<String, Error> {
        let mut command = Command::new(&self.python);
        command
            .args(["-B", "-m", "fusebox", &project.main])
            .current_dir(&project.folder)
            .env("PYTHONPATH", packages_of(project));
        process::output(&mut command)
    }

    /// Makes the component; gives its file.
    ///
    /// # Errors
    /// If `componentize-py` fails; it has said why.
    pub(crate) fn componentize(
        &self,
        project: &Script,
        world: &Path,
        build: &mut Build<'_>,
    ) -> Result<PathBuf, Error> {
        let sockets = match project.asks("sockets") {
            // What names are looked up with; a component takes no module along that is
            // imported only when it runs.
            true => "import encodings.idna\n",
            false => "",
        };
        let text = format!(
            "{sockets}import {}\nfrom fusebox import component\n\nglobals().update(component.exports())\n",
            project.main
        );
        let entries = project.work().join("entry");
        fs::create_dir_all(&entries).map_err(|source| Error::Write {
            path: entries.clone(),
            source,
        })?;
        project.put(&format!("entry/{ENTRY}.py"), &text)?;
        let file = project.work().join("plugin.wasm");
        let mut command = Command::new(&self.python);
        command
            .args(["-c", RUN, "-w", world::NAME, "-d"])
            .arg(world);
        command.args(["componentize", ENTRY, "-o"]).arg(&file);
        for place in [&entries, &project.folder, &packages_of(project)] {
            if place.is_dir() {
                command.arg("-p").arg(place);
            }
        }
        build.run(command.current_dir(&project.folder))?;
        Ok(file)
    }
}

fn packages_of(project: &Script) -> PathBuf {
    project.work().join("packages")
}

fn pip<S: AsRef<OsStr>>(python: &Path, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(python);
    command
        .args(["-m", "pip", "install", "--quiet"])
        .args(["--disable-pip-version-check", "--no-input"])
        .args(arguments);
    command
}
