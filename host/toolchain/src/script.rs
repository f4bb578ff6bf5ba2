//! A project in a scripting language, as its manifest says: its name, its file, and
//! which capabilities it asks for. And the way from it to a component, which both
//! languages have in common.
//!
//! What is particular to one of them is in [`python`] and [`javascript`].

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::Error;
use crate::installed::Build;
use crate::language::Language;
use crate::{asks, javascript, python, world};

/// The folder of a project for what a build leaves, hidden from watchers.
const WORK: &str = ".fusebox";

/// The folder of a project for the kit that it carries along.
const KIT: &str = "fusebox";

/// A project.
#[derive(Debug)]
pub struct Script {
    /// of the plugin
    pub name: String,
    pub(crate) language: Language,
    /// absolute
    pub(crate) folder: PathBuf,
    /// Python's module, or JavaScript's file
    pub(crate) main: String,
    capabilities: Vec<String>,
    /// what it would like to be granted, as TOML; empty: nothing more
    request: String,
    /// packages that the build installs
    pub(crate) dependencies: Vec<String>,
}

/// What a manifest says to Fusebox.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Python's module
    pub(crate) module: Option<String>,
    pub(crate) capabilities: Vec<String>,
    /// what the operator is asked for
    pub(crate) asks: toml::Table,
}

/// What a kit says of a plugin.
#[derive(Deserialize)]
struct Description {
    exports: Vec<String>,
}

/// What a manifest was read into.
pub(crate) struct Manifest {
    pub(crate) name: Option<String>,
    pub(crate) main: String,
    pub(crate) settings: Settings,
    pub(crate) dependencies: Vec<String>,
}

impl Script {
    /// Reads the manifest of a project.
    ///
    /// # Errors
    /// If it can't be read, or says what isn't known.
    pub fn read(folder: &Path, language: Language) -> Result<Self, Error> {
        let path = folder.join(language.manifest());
        let text = fs::read_to_string(&path).map_err(|source| Error::Read {
            path: path.clone(),
            source,
        })?;
        let unfit = |reason: String| Error::Manifest {
            path: path.clone(),
            reason,
        };
        let parsed = match language {
            Language::Python => python::manifest(&text),
            Language::JavaScript | Language::Rust => javascript::manifest(&text),
        };
        let manifest = parsed.map_err(unfit)?;
        let known = world::known();
        let mut asked = manifest.settings.capabilities.iter();
        if let Some(unknown) = asked.find(|one| !known.contains(&one.as_str())) {
            return Err(unfit(format!(
                "there is no capability `{unknown}`; there are {}",
                known.join(", ")
            )));
        }
        let request = toml::to_string(&manifest.settings.asks)
            .map_err(|error| unfit(format!("what it asks for can't be written: {error}")))?;
        let whole = folder.canonicalize().map_err(|source| Error::Read {
            path: folder.to_path_buf(),
            source,
        })?;
        let name = manifest
            .name
            .ok_or_else(|| unfit("it has no name".into()))?;
        Ok(Self {
            name,
            language,
            folder: whole,
            main: manifest.main,
            capabilities: manifest.settings.capabilities,
            request,
            dependencies: manifest.dependencies,
        })
    }

    /// Makes its component.
    ///
    /// # Errors
    /// If a program is missing, the plugin can't be loaded, or offers nothing.
    pub fn component(&self, build: &mut Build<'_>) -> Result<Vec<u8>, Error> {
        let work = self.work();
        fs::create_dir_all(&work).map_err(|source| Error::Write {
            path: work.clone(),
            source,
        })?;
        let file = match self.language {
            Language::Python => {
                let python = python::Tools::install(build)?;
                python.packages(self, build)?;
                let world = self.world(&python.describe(self)?)?;
                python.componentize(self, &world, build)?
            }
            Language::JavaScript | Language::Rust => {
                let node = javascript::Tools::install(build)?;
                let world = self.world(&node.describe(self)?)?;
                node.componentize(self, &world, build)?
            }
        };
        let made = fs::read(&file).map_err(|source| Error::Read { path: file, source })?;
        let made = asks::put(made, &self.capabilities);
        Ok(asks::put_request(made, self.request.clone()))
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.folder.join(WORK)
    }

    pub(crate) fn asks(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|one| one == capability)
    }

    /// Writes a file of the build; gives its place.
    pub(crate) fn put(&self, name: &str, text: &str) -> Result<PathBuf, Error> {
        let path = self.work().join(name);
        match fs::write(&path, text) {
            Ok(()) => Ok(path),
            Err(source) => Err(Error::Write { path, source }),
        }
    }

    /// Of what a kit printed: the folder of its world.
    fn world(&self, described: &str) -> Result<PathBuf, Error> {
        // What the plugin itself prints while it is loaded comes before.
        let last = described.trim_end().lines().next_back().unwrap_or_default();
        let found: Description = serde_json::from_str(last).map_err(|error| Error::Metadata {
            of: "the kit",
            reason: error.to_string(),
        })?;
        if found.exports.is_empty() {
            return Err(Error::NoTools {
                main: self.main.clone(),
            });
        }
        let kit = self.folder.join(KIT).join("wit");
        let (exports, capabilities) = (&found.exports, &self.capabilities);
        world::write(&kit, &self.work(), exports, capabilities, self.language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(language: Language, text: &str) -> Result<Script, String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(language.manifest()), text).unwrap();
        Script::read(folder.path(), language).map_err(|error| error.to_string())
    }

    #[test]
    fn both_manifests_say_the_same_in_their_own_way() {
        let python = "[project]\nname = \"one\"\ndependencies = [\"idna==3\"]\n\
                      [tool.fusebox]\nmodule = \"app\"\ncapabilities = [\"http\"]\n";
        let python = read(Language::Python, python).unwrap();
        assert_eq!((&*python.name, &*python.main), ("one", "app"));
        assert_eq!(python.dependencies, ["idna==3"]);
        let js = r#"{"name": "@us/one", "main": "app.ts", "fusebox": {"capabilities": ["http"]}}"#;
        let js = read(Language::JavaScript, js).unwrap();
        assert_eq!((&*js.name, &*js.main), ("one", "app.ts"));
        for project in [python, js] {
            assert!(project.asks("http") && !project.asks("config"));
        }
        let bare = read(Language::Python, "[project]\nname = \"one\"\n").unwrap();
        assert_eq!((&*bare.main, bare.capabilities.len()), ("plugin", 0));
    }

    #[test]
    fn what_is_asked_for_is_the_same_text_from_both_manifests() {
        let python = "[project]\nname = \"one\"\n[tool.fusebox.asks]\nlimits = { fuel = 7 }\n\
                      http.allow = [\"GET https://api.example.org\"]\nkeyvalue = {}\n\
                      [tool.fusebox.asks.files]\n\"/out\" = { why = \"reports\", write = true }\n";
        let js = r#"{"name": "one", "fusebox": {"asks": {
            "limits": {"fuel": 7}, "http": {"allow": ["GET https://api.example.org"]},
            "keyvalue": {}, "files": {"/out": {"why": "reports", "write": true}}}}}"#;
        let expected = r#"[files."/out"]
why = "reports"
write = true

[http]
allow = ["GET https://api.example.org"]

[keyvalue]

[limits]
fuel = 7
"#;
        for (language, text) in [(Language::Python, python), (Language::JavaScript, js)] {
            assert_eq!(read(language, text).unwrap().request, expected);
        }
        let bare = read(Language::JavaScript, r#"{"name": "one"}"#).unwrap();
        assert_eq!(bare.request, "");
    }

    #[test]
    fn a_mistake_in_a_manifest_is_named() {
        let check = |language, text: &str, expected: &str| {
            let error = read(language, text).unwrap_err();
            assert!(error.ends_with(expected), "{error}");
        };
        check(Language::Python, "[project]\n", "it has no name");
        check(Language::JavaScript, "{}", "it has no name");
        let unknown = r#"{"name": "one", "fusebox": {"capabilities": ["htp"]}}"#;
        let words = "there is no capability `htp`; there are config, keyvalue, http, sockets, env, files, trace";
        check(Language::JavaScript, unknown, words);
        let unknown = "[project]\nname = \"one\"\n[tool.fusebox]\ncapability = []\n";
        let error = read(Language::Python, unknown).unwrap_err();
        assert!(error.contains("unknown field `capability`"), "{error}");
    }
}
