//! What something was made of, remembered beside it: it is made again only when that
//! has changed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Remembers, in a file, what was made of which texts. It is written last, so what has
/// one is complete.
pub(crate) struct Stamp {
    path: PathBuf,
    text: String,
}

impl Stamp {
    /// Of a folder that is filled as these files of the folder `pins` say.
    ///
    /// # Errors
    /// If one can't be read.
    pub(crate) fn new(filled: &Path, pins: &Path, files: &[&str]) -> Result<Self> {
        let mut text = String::new();
        for name in files {
            text += &read(&pins.join(name))?;
        }
        Ok(Self {
            path: filled.join(".installed"),
            text,
        })
    }

    /// At `path`, of all texts in these folders and below, but for what tools put there:
    /// what is hidden, and what Node and Python leave.
    ///
    /// # Errors
    /// If one can't be read.
    pub(crate) fn of_folders(path: PathBuf, folders: &[PathBuf]) -> Result<Self> {
        let mut text = String::new();
        for folder in folders {
            gather(folder, &mut text)?;
        }
        Ok(Self { path, text })
    }

    pub(crate) fn is_current(&self) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|text| text == self.text)
    }

    pub(crate) fn clear(&self) -> Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("failed to remove {}", self.path.display()))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn set(&self) -> Result<()> {
        fs::write(&self.path, &self.text)
            .with_context(|| format!("failed to write {}", self.path.display()))
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))
}

fn gather(folder: &Path, text: &mut String) -> Result<()> {
    const MADE: [&str; 3] = ["node_modules", "__pycache__", "plugins"];
    let entries = fs::read_dir(folder);
    let entries = entries.with_context(|| format!("failed to read {}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || MADE.contains(&&*name) {
            continue;
        }
        if path.is_dir() {
            gather(&path, text)?;
            continue;
        }
        *text += &format!("--- {}\n{}", path.display(), read(&path)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let name = format!("fusebox-stamp-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_stamp_is_current_until_a_pin_changes() {
        let folder = folder("pins");
        fs::write(folder.join("pins"), "a==1").unwrap();
        let stamp = || Stamp::new(&folder, &folder, &["pins"]).unwrap();
        assert!(!stamp().is_current());
        stamp().set().unwrap();
        assert!(stamp().is_current());
        fs::write(folder.join("pins"), "a==2").unwrap();
        assert!(!stamp().is_current());
        stamp().set().unwrap();
        stamp().clear().unwrap();
        stamp().clear().unwrap();
        assert!(!stamp().is_current());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn sources_count_at_any_depth_and_what_tools_leave_does_not() {
        let folder = folder("sources");
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("plugin.py", "a");
        write("fusebox/wit/plugin.wit", "b");
        let path = folder.join(".built");
        let stamp = || Stamp::of_folders(path.clone(), std::slice::from_ref(&folder)).unwrap();
        stamp().set().unwrap();
        for name in ["__pycache__/a.pyc", ".fusebox/a", "node_modules/a/a.js"] {
            write(name, "c");
        }
        assert!(stamp().is_current());
        write("fusebox/wit/plugin.wit", "c");
        assert!(!stamp().is_current());
        fs::remove_dir_all(&folder).unwrap();
    }
}
