//! A new project: a folder that builds as it is, from the templates and the SDK
//! that this program carries along.
//!
//! It owns what a project holds and which names it may have. It never builds.

mod kit;
mod manifest;
mod name;
mod sdk;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use fusebox_toolchain::Language;
use include_dir::{Dir, include_dir};
use serde::Serialize;

static RUST: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/rust");
static PYTHON: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/python");
static JAVASCRIPT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/js");

/// Why there is no new project.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// The name can't be a plugin's and a package's.
    #[error("`{name}` can't be the name of a plugin: {reason}{hint}")]
    Name {
        /// as it was given
        name: String,
        /// why
        reason: &'static str,
        /// one that can, if there is one
        hint: String,
    },
    /// Something is there already.
    #[error(
        "{} is there already, and not empty; choose another name, or another folder with `--into`",
        .0.display()
    )]
    Exists(PathBuf),
    /// A file can't be written.
    #[error("failed to write {}: {source}", .path.display())]
    Write {
        /// which
        path: PathBuf,
        /// why
        source: io::Error,
    },
    /// A manifest that the program carries along doesn't stand alone.
    #[error("this program carries an SDK along that can't be used: {0}")]
    Sdk(String),
}

/// What `fusebox plugin new` made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewReport {
    /// of the plugin
    pub name: String,
    /// of the project
    pub folder: PathBuf,
    /// that it is written in, as the command line has it
    pub lang: &'static str,
    /// the version of the SDK in it
    pub sdk: &'static str,
    #[serde(skip)]
    language: Language,
}

/// A file of a project: where, and what is in it.
type File = (PathBuf, String);

/// Makes the project `name` in `language` in the folder `into`.
///
/// # Errors
/// If the name is none, something is there, or it can't be written; nothing is
/// left behind then.
pub fn scaffold(name: &str, language: Language, into: &Path) -> Result<NewReport, ScaffoldError> {
    name::check(name)?;
    // Shown without `./` in front.
    let folder = match into == Path::new(".") {
        true => name.into(),
        false => into.join(name),
    };
    if !is_free(&folder) {
        return Err(ScaffoldError::Exists(folder));
    }
    let files = files(name, language)?;
    // Hidden and beside its place, so that the project appears whole or not at all.
    let unfinished = into.join(format!(".{name}.{}.new", std::process::id()));
    let made = write(&unfinished, &files).and_then(|()| {
        fs::rename(&unfinished, &folder).map_err(|source| ScaffoldError::Write {
            path: folder.clone(),
            source,
        })
    });
    if let Err(error) = made {
        // What can't be removed either is hidden, and named by nothing.
        let _ = fs::remove_dir_all(&unfinished);
        return Err(error);
    }
    Ok(NewReport {
        name: name.to_owned(),
        folder,
        lang: language.name(),
        sdk: env!("CARGO_PKG_VERSION"),
        language,
    })
}

/// All files of a project, by their places in it.
fn files(name: &str, language: Language) -> Result<Vec<File>, ScaffoldError> {
    let (mut files, own) = match language {
        Language::Rust => (sdk::files()?, &RUST),
        Language::Python => (kit::python(), &PYTHON),
        Language::JavaScript => (kit::javascript(), &JAVASCRIPT),
    };
    files.extend(template(own));
    for (_, text) in &mut files {
        *text = filled(text, name);
    }
    if language == Language::Rust {
        // Cargo takes out what this project doesn't need, and keeps the versions that
        // the SDK was tested with.
        files.push(("Cargo.lock".into(), sdk::LOCK.to_owned()));
    }
    Ok(files)
}

/// Whether nothing is at `folder`, or an empty folder.
fn is_free(folder: &Path) -> bool {
    match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// The files below a folder that the program carries along, by their places in it.
fn template(folder: &Dir<'static>) -> Vec<File> {
    let mut files: Vec<File> = folder.dirs().flat_map(template).collect();
    let own = folder.files().filter_map(|file| {
        // All of them are text: others would have no place in a template.
        let text = file.contents_utf8()?;
        Some((file.path().to_path_buf(), text.to_owned()))
    });
    files.extend(own);
    files
}

fn filled(text: &str, name: &str) -> String {
    text.replace("{{name}}", name)
        .replace("{{version}}", env!("CARGO_PKG_VERSION"))
}

fn write(folder: &Path, files: &[File]) -> Result<(), ScaffoldError> {
    for (place, text) in files {
        let path = folder.join(place);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text))
            .map_err(|source| ScaffoldError::Write { path, source })?;
    }
    Ok(())
}

impl fmt::Display for NewReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = self.folder.display();
        let language = self.language.title();
        writeln!(
            f,
            "made {folder}: a plugin in {language} with the tool `hello`"
        )?;
        writeln!(f, "next:")?;
        writeln!(f, "  fusebox plugin build {folder}")?;
        writeln!(f, "  fusebox plugin test {folder}")?;
        writeln!(f, "  fusebox serve --plugins {folder}/plugins")
    }
}
