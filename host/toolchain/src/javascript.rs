//! From a project in JavaScript to its component, with `esbuild` and `componentize-js`.
//!
//! It owns their pinned versions, and the program that calls them. It installs nothing
//! into a project: what a plugin depends on is there by `npm install`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::error::Error;
use crate::installed::{self, Build};
use crate::process;
use crate::script::{Manifest, Script, Settings};
use crate::world;

/// The folder that they are installed in.
const FOLDER: &str = "componentize-js-0.23.0";

/// Their exact versions.
pub(crate) const PINS: [(&str, &str); 3] = [
    ("package.json", include_str!("javascript/package.json")),
    (
        "package-lock.json",
        include_str!("javascript/package-lock.json"),
    ),
    (".npmrc", include_str!("javascript/npmrc")),
];

/// Calls them as libraries: their own programs look for files beside the working folder.
const PROGRAM: &str = include_str!("javascript/build.mjs");

/// The oldest Node that they run on.
const NODE_MIN: u32 = 20;

/// What a component of this project is made with.
pub(crate) struct Tools {
    /// the folder `node_modules`
    modules: PathBuf,
}

/// Reads a `package.json`.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn manifest(text: &str) -> Result<Manifest, String> {
    #[derive(Deserialize)]
    struct Whole {
        name: Option<String>,
        main: Option<String>,
        #[serde(default)]
        fusebox: Settings,
    }
    let whole: Whole = serde_json::from_str(text).map_err(|error| error.to_string())?;
    // A name in a scope is no name of a file.
    let name = whole.name.map(|name| {
        let own = name.rsplit('/').next().unwrap_or_default();
        own.to_owned()
    });
    Ok(Manifest {
        name,
        main: whole.main.unwrap_or_else(|| "plugin.js".to_owned()),
        settings: whole.fusebox,
        dependencies: Vec::new(),
    })
}

impl Tools {
    /// Finds them, or installs them into the user's folder.
    ///
    /// # Errors
    /// If npm is missing, or a package can't be had.
    pub(crate) fn install(build: &mut Build<'_>) -> Result<Self, Error> {
        let folder = installed::folder(FOLDER, build, |folder, build| {
            let npm = process::output(Command::new("npm").arg("--version"));
            npm.map_err(|_| missing("npm"))?;
            (build.say)(
                "installing componentize-js and esbuild, once for all projects (70 MB to download)",
            );
            for (name, text) in PINS {
                let path = folder.join(name);
                fs::write(&path, text).map_err(|source| Error::Write { path, source })?;
            }
            let mut command = Command::new("npm");
            command.args([
                "ci",
                "--no-progress",
                "--loglevel=error",
                "--ignore-scripts",
            ]);
            build.run(command.current_dir(folder))
        })?;
        Ok(Self {
            modules: folder.join("node_modules"),
        })
    }

    /// What the kit says of the plugin, as JSON.
    ///
    /// # Errors
    /// If Node is missing or too old, or the plugin can't be loaded, with what Node says.
    pub(crate) fn describe(&self, project: &Script) -> Result<String, Error> {
        process::output(&mut self.program(project, "describe")?)
    }

    /// Makes the component; gives its file.
    ///
    /// # Errors
    /// If `componentize-js` fails; it has said why.
    pub(crate) fn componentize(
        &self,
        project: &Script,
        world: &Path,
        build: &mut Build<'_>,
    ) -> Result<PathBuf, Error> {
        let file = project.work().join("plugin.wasm");
        let mut command = self.program(project, "componentize")?;
        command.arg(world).arg(world::NAME).arg(&file);
        let asked = world::known().into_iter().filter(|one| project.asks(one));
        build.run(command.args(asked))?;
        Ok(file)
    }

    fn program(&self, project: &Script, mode: &str) -> Result<Command, Error> {
        let program = project.put("build.mjs", PROGRAM)?;
        check_node()?;
        let mut command = Command::new("node");
        command.arg(program).arg(mode).arg(&self.modules);
        command.arg(&project.main).current_dir(&project.folder);
        Ok(command)
    }
}

fn check_node() -> Result<(), Error> {
    let version = process::output(Command::new("node").arg("--version"));
    let version = version.map_err(|_| missing("Node"))?;
    let major = version.trim().strip_prefix('v').and_then(|rest| {
        let digits = rest.split('.').next()?;
        digits.parse::<u32>().ok()
    });
    match major {
        Some(major) if major >= NODE_MIN => Ok(()),
        _ => Err(missing("Node 20 or later")),
    }
}

fn missing(what: &'static str) -> Error {
    Error::MissingProgram {
        what,
        language: "JavaScript",
        install: "Node 20 or later with npm, from https://nodejs.org; \
                  on Debian or Ubuntu `apt-get install nodejs npm`; on macOS `brew install node`",
    }
}
