//! Which language a project is written in: its manifest says so.
//!
//! It reads no manifest.

use std::path::Path;

use crate::error::Error;
use crate::installed::Build;
use crate::{javascript, python};

/// A language that plugins are built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// with a `Cargo.toml`
    Rust,
    /// with a `package.json`; TypeScript too
    JavaScript,
    /// with a `pyproject.toml`
    Python,
}

impl Language {
    /// All of them, in the order in which a folder is asked.
    pub const ALL: [Self; 3] = [Self::Rust, Self::Python, Self::JavaScript];

    /// As the command line has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::JavaScript => "js",
            Self::Python => "python",
        }
    }

    /// As people write it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::JavaScript => "JavaScript",
            Self::Python => "Python",
        }
    }

    /// The file that makes a folder a project of it.
    pub fn manifest(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
            Self::JavaScript => "package.json",
            Self::Python => "pyproject.toml",
        }
    }

    /// Installs what projects of it are built with, unless it is there. What Rust is
    /// built with is a [`crate::Toolchain`].
    ///
    /// # Errors
    /// If a program is missing that belongs to the system, or a package can't be had.
    pub fn install(self, build: &mut Build<'_>) -> Result<(), Error> {
        match self {
            Self::Rust => Ok(()),
            Self::JavaScript => javascript::Tools::install(build).map(drop),
            Self::Python => python::Tools::install(build).map(drop),
        }
    }

    /// That of a project.
    ///
    /// # Errors
    /// If the folder holds no manifest.
    pub fn of(folder: &Path) -> Result<Self, Error> {
        let has = |language: &Self| folder.join(language.manifest()).is_file();
        Self::ALL.into_iter().find(has).ok_or_else(|| {
            let folder = folder.to_path_buf();
            Error::NoProject { folder }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_names_the_language_and_none_is_told() {
        for language in Language::ALL {
            let folder = tempfile::tempdir().unwrap();
            let error = Language::of(folder.path()).unwrap_err().to_string();
            assert!(error.contains("there is no Cargo.toml"), "{error}");
            std::fs::write(folder.path().join(language.manifest()), "").unwrap();
            assert_eq!(Language::of(folder.path()).unwrap(), language);
        }
    }
}
