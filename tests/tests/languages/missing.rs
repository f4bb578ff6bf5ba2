//! What is missing is named with how to install it, and what is wrong in a project with
//! its place.

use std::fs;
use std::path::Path;

use fusebox_tests::{Ran, host_binary, shell};
use tempfile::TempDir;

use crate::good;

fn project(language: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    good(
        folder.path(),
        &format!("fusebox plugin new one --lang {language}"),
    );
    folder
}

/// What a build says where no program is found, and nothing is installed.
fn build_alone(folder: &Path) -> Ran {
    let mut command = shell(folder, "exec \"$PROGRAM\" plugin build one");
    let output = command
        .env("PROGRAM", host_binary())
        .env("PATH", folder.join("none"))
        .env("FUSEBOX_TOOLCHAINS", folder.join("tools"))
        .output()
        .expect("a shell");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn a_missing_program_is_told_with_how_to_install_it() {
    for (language, words) in [
        ("python", "`apt-get install python3 python3-venv`"),
        ("js", "Node 20 or later with npm, from https://nodejs.org"),
    ] {
        let folder = project(language);
        let ran = build_alone(folder.path());
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(
            ran.stderr.contains("is missing; to build plugins in"),
            "{ran:?}"
        );
        assert!(ran.stderr.contains(words), "{ran:?}");
        // Nothing half-installed is left.
        let left = fs::read_dir(folder.path().join("tools")).map_or(0, Iterator::count);
        assert_eq!(left, 0);
    }
}

#[test]
fn a_mistake_is_told_in_the_words_of_its_language() {
    for (language, file, text, words) in [
        (
            "python",
            "plugin.py",
            "import nothing",
            "No module named 'nothing'",
        ),
        (
            "python",
            "plugin.py",
            "from fusebox import tool\n@tool\ndef f(a): ...\n",
            "f: the parameter `a` needs a type, such as `str`",
        ),
        ("python", "plugin.py", "", "plugin offers no tool"),
        (
            "js",
            "plugin.js",
            "import 'nothing'",
            "Could not resolve \"nothing\"",
        ),
        (
            "js",
            "plugin.js",
            "",
            "No matching export in \"plugin.js\" for import \"default\"",
        ),
        (
            "js",
            "plugin.js",
            "export default 1",
            "must `export default plugin({...})`",
        ),
        (
            "js",
            "plugin.js",
            "import { plugin, tool } from '#fusebox';\nexport default plugin({ tools: [tool({})] })",
            "a tool needs a `name`",
        ),
    ] {
        let folder = project(language);
        fs::write(folder.path().join("one").join(file), text).expect("the source");
        let ran = fusebox_tests::typed(folder.path(), "fusebox plugin build one");
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
}
