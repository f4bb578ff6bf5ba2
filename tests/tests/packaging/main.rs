//! Proves that what an operator takes to run the host fits the host: units, images,
//! manifests, the Debian package, completions and manual pages. Each is read by the
//! tool that reads it in the end, where that tool can be had; and each command, flag,
//! key, port and path in it is one of the program's.

mod cluster;
mod container;
mod debian;
mod dist;
mod said;
mod unit;

use std::path::{Path, PathBuf};

use fusebox_tests::{fusebox, python_of, repository, test_environment, typed};
use serde_json::Value;

fn read(path: &str) -> String {
    std::fs::read_to_string(repository().join(path))
        .unwrap_or_else(|error| panic!("failed to read {path}: {error}"))
}

/// The files of a folder of the repository that end so, in order.
fn files(folder: &str, ending: &str) -> Vec<String> {
    let entries = std::fs::read_dir(repository().join(folder)).expect("a folder");
    let names = entries.map(|entry| entry.expect("a file").file_name());
    let mut names: Vec<String> = names
        .map(|name| format!("{folder}/{}", name.to_string_lossy()))
        .filter(|name| name.ends_with(ending))
        .collect();
    names.sort();
    assert!(!names.is_empty(), "no {ending} in {folder}");
    names
}

/// The documents of a file of YAML.
fn documents(path: &str) -> Vec<Value> {
    yaml(&[path], &[]).remove(0)
}

/// The documents of each of these files.
fn yaml(paths: &[&str], flags: &[&str]) -> Vec<Vec<Value>> {
    let paths = paths.iter().map(|path| repository().join(path));
    let paths: Vec<String> = paths.map(|path| path.display().to_string()).collect();
    let mut arguments = flags.to_vec();
    arguments.extend(paths.iter().map(String::as_str));
    let read = python_of("python-packaging", "manifests.py", &arguments);
    serde_json::from_value(read).expect("a list of documents for each file")
}

/// A program that the tests installed to read what is packaged.
fn tool(name: &str) -> PathBuf {
    test_environment().join("python-packaging/bin").join(name)
}

/// Runs a line of a shell, which must find nothing to complain of.
#[track_caller]
fn check_line(folder: &Path, line: &str) -> String {
    let ran = typed(folder, line);
    assert_eq!(ran.code, Some(0), "{line}: {ran:?}");
    assert_eq!(ran.stderr, "", "{line}");
    ran.stdout
}

/// Has the program check a configuration.
#[track_caller]
fn check_config(text: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("host.toml"), text).expect("a file");
    let ran = fusebox(folder.path(), &["config", "check", "host.toml"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (Some(0), "host.toml: valid\n"),
        "{ran:?}"
    );
}
