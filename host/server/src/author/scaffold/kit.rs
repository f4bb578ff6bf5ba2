//! The kits for scripting languages as a project carries them along: the sources that
//! this program was built with, and the contract.

use std::path::Path;

use include_dir::{Dir, include_dir};

use super::{File, template};

static PYTHON: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../plugin-sdk/python/fusebox");
static JAVASCRIPT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../plugin-sdk/js/fusebox");
static WIT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../wit");
static NOTE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/kit");

/// The folder of a project that all of it goes to: Python's package of that name, too.
const FOLDER: &str = "fusebox";

/// Of the kit for Python, by their places in a project.
pub(super) fn python() -> Vec<File> {
    files(&PYTHON)
}

/// Of the kit for JavaScript, by their places in a project.
pub(super) fn javascript() -> Vec<File> {
    files(&JAVASCRIPT)
}

fn files(kit: &Dir<'static>) -> Vec<File> {
    let mut files = Vec::new();
    for (folder, sources) in [("", kit), ("", &NOTE), ("wit", &WIT)] {
        let place = Path::new(FOLDER).join(folder);
        // Python leaves its cache beside what it has loaded.
        let sources = template(sources).into_iter();
        let sources = sources.filter(|(path, _)| !path.starts_with("__pycache__"));
        files.extend(sources.map(|(path, text)| (place.join(path), text)));
    }
    files
}
