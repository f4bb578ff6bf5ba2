//! Programs that build plugins in scripting languages, in a folder of the user's that
//! all projects share. Each is installed once, in a pinned version.
//!
//! It owns where they are, and that one is there whole or not at all. It never installs
//! what belongs to the system: Python and Node.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::Error;
use crate::process::{self, Stop};

/// Names the folder, for those who install it themselves.
pub const VARIABLE: &str = "FUSEBOX_TOOLCHAINS";

/// How a build says what it does, and when it has to end.
pub struct Build<'a> {
    /// told what happens now, a line each
    pub say: &'a mut dyn FnMut(&str),
    /// ends it
    pub stop: Option<&'a Stop>,
    /// where programs are installed, instead of the user's folder for them
    pub installed: Option<&'a Path>,
}

impl Build<'_> {
    /// Runs a program; what it writes to standard output is dropped, since that is for
    /// the report of whoever builds.
    ///
    /// # Errors
    /// If it fails, or is ended.
    pub(crate) fn run(&self, command: &mut Command) -> Result<(), Error> {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        match self.stop {
            Some(stop) => process::run_until(command, stop),
            None => process::run(command),
        }
    }
}

/// The folder for what is installed.
///
/// # Errors
/// If the environment has no place for it.
fn root(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, Error> {
    let folder = |name: &str| {
        let value = variable(name).filter(|value| !value.is_empty());
        value.map(PathBuf::from).filter(|path| path.is_absolute())
    };
    if let Some(named) = variable(VARIABLE).filter(|value| !value.is_empty()) {
        return Ok(named.into());
    }
    let caches = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
    let caches = caches.ok_or(Error::NoPlace)?;
    Ok(caches.join("fusebox").join("toolchains"))
}

/// The folder `name`, which `fill` fills if it isn't there. It is filled beside its
/// place, so that it appears whole.
///
/// # Errors
/// If there is no place for it, or it can't be filled.
pub(crate) fn folder(
    name: &str,
    build: &mut Build<'_>,
    fill: impl FnOnce(&Path, &mut Build<'_>) -> Result<(), Error>,
) -> Result<PathBuf, Error> {
    let root = match build.installed {
        Some(named) => named.to_path_buf(),
        None => root(|name| std::env::var_os(name))?,
    };
    folder_in(&root, name, build, fill)
}

fn folder_in(
    root: &Path,
    name: &str,
    build: &mut Build<'_>,
    fill: impl FnOnce(&Path, &mut Build<'_>) -> Result<(), Error>,
) -> Result<PathBuf, Error> {
    let whole = std::path::absolute(root).unwrap_or_else(|_| root.to_path_buf());
    let place = whole.join(name);
    if place.is_dir() {
        return Ok(place);
    }
    let unfinished = whole.join(format!(".{name}.{}.new", std::process::id()));
    let unwritable = |path: &Path, source| Error::Write {
        path: path.to_path_buf(),
        source,
    };
    fs::create_dir_all(&unfinished).map_err(|source| unwritable(&unfinished, source))?;
    let filled = fill(&unfinished, build).and_then(|()| {
        let moved = fs::rename(&unfinished, &place);
        // Another build may have been faster: what it made is as good.
        match moved {
            Err(source) if !place.is_dir() => Err(unwritable(&place, source)),
            _ => Ok(()),
        }
    });
    // Gone already if it was moved; what can't be removed is hidden, and never used.
    let _ = fs::remove_dir_all(&unfinished);
    filled.map(|()| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_the_users_unless_another_is_named() {
        let find = |known: &[(&str, &str)]| {
            root(|name| {
                let found = known.iter().find(|(one, _)| *one == name);
                found.map(|(_, value)| (*value).into())
            })
        };
        let named = [(VARIABLE, "/tools"), ("HOME", "/home/u")];
        assert_eq!(find(&named).unwrap(), Path::new("/tools"));
        let below_home = Path::new("/home/u/.cache/fusebox/toolchains");
        assert_eq!(find(&named[1..]).unwrap(), below_home);
        let caches = [("XDG_CACHE_HOME", "/caches"), ("HOME", "/home/u")];
        assert_eq!(
            find(&caches).unwrap(),
            Path::new("/caches/fusebox/toolchains")
        );
        let error = find(&[]).unwrap_err().to_string();
        assert!(error.contains(VARIABLE), "{error}");
    }

    #[test]
    fn a_folder_is_filled_once_and_a_failure_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let mut build = Build {
            say: &mut |_| {},
            stop: None,
            installed: None,
        };
        let failed = folder_in(root.path(), "one", &mut build, |_, _| Err(Error::Stopped));
        assert!(failed.is_err());
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
        let fill = |path: &Path, _: &mut Build<'_>| {
            fs::write(path.join("tool"), "tool").unwrap();
            Ok(())
        };
        let place = folder_in(root.path(), "one", &mut build, fill).unwrap();
        assert!(place.join("tool").is_file());
        let again = folder_in(root.path(), "one", &mut build, |_, _| Err(Error::Stopped));
        assert_eq!(again.unwrap(), place);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
