//! Proves that a plugin is the same in each language: one suite of behaviour over the
//! versions of `tests/behaviour` in Rust, Python and JavaScript, in both isolation modes,
//! through a real host; that the kits' own tests pass; and that what ships in Python and
//! JavaScript does.

mod behaviour;
mod kits;
mod missing;
mod shipped;
mod spans;

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use fusebox_tests::{Ran, repository, typed};

/// A language, with where its version of the plugin goes.
#[derive(Clone, Copy, Debug)]
struct Language {
    /// as the command line has it
    name: &'static str,
    /// of the version in `tests/behaviour`
    source: &'static str,
    /// its place in a project
    place: &'static str,
}

const RUST: Language = Language {
    name: "rust",
    source: "plugin.rs",
    place: "src/lib.rs",
};

const PYTHON: Language = Language {
    name: "python",
    source: "plugin.py",
    place: "plugin.py",
};

const JAVASCRIPT: Language = Language {
    name: "js",
    source: "plugin.js",
    place: "plugin.js",
};

/// Runs a line that must succeed.
#[track_caller]
fn good(folder: &Path, line: &str) -> Ran {
    let ran = typed(folder, line);
    assert_eq!(ran.code, Some(0), "{line}: {}{}", ran.stdout, ran.stderr);
    ran
}

impl Language {
    /// The component of its version, as an author builds it: once for all tests.
    fn component(self) -> &'static [u8] {
        static BUILT: [OnceLock<Vec<u8>>; 3] = [const { OnceLock::new() }; 3];
        let index = match self.name {
            "rust" => 0,
            "python" => 1,
            _ => 2,
        };
        BUILT[index].get_or_init(|| self.build())
    }

    fn build(self) -> Vec<u8> {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        good(
            folder,
            &format!("fusebox plugin new behaviour --lang {}", self.name),
        );
        let project = folder.join("behaviour");
        let source = repository().join("tests/behaviour").join(self.source);
        fs::copy(source, project.join(self.place)).expect("its source");
        // Rust's SDK asks for what is used.
        for manifest in ["pyproject.toml", "package.json"] {
            let path = project.join(manifest);
            if let Ok(text) = fs::read_to_string(&path) {
                let asks = ["capabilities = []", "\"capabilities\": []"];
                let all = "[\"config\", \"keyvalue\", \"http\", \"trace\"]";
                let asking = asks.iter().fold(text.clone(), |text, ask| {
                    text.replace(ask, &ask.replace("[]", all))
                });
                assert_ne!(asking, text, "{manifest} asks for nothing");
                fs::write(&path, asking).expect("its manifest");
            }
        }
        good(&project, "fusebox plugin build");
        // Compiled once, for the hosts of all tests: a runtime of a language takes
        // longer than a host may to start.
        good(&project, "fusebox plugin check plugins/behaviour.wasm");
        fs::read(project.join("plugins/behaviour.wasm")).expect("the component")
    }
}
