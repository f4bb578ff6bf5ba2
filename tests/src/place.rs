//! Where the tests find what they need. `cargo xtask test` says so in the
//! environment; without it, the places are those that it uses by default.

use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this package lies in a folder of the repository")
        .to_path_buf()
}

/// The host's binary.
pub fn host_binary() -> PathBuf {
    present(given("FUSEBOX_BIN", "release/fusebox"))
}

/// The load generator, which is built with the tests.
pub fn load_generator() -> PathBuf {
    present(target().join("release/loadgen"))
}

/// The bytes of the built plugin `name`.
///
/// # Panics
/// If it is not built.
pub fn plugin(name: &str) -> Vec<u8> {
    let path = present(given("FUSEBOX_PLUGINS", "plugins").join(format!("{name}.wasm")));
    std::fs::read(&path)
        .unwrap_or_else(|error| panic!("failed to read {}: {error}", path.display()))
}

/// Another build of the plugin `name`: one that has other bytes wherever it had
/// these.
///
/// # Panics
/// If it isn't built, or has none of them.
pub fn changed(name: &str, changes: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut bytes = plugin(name);
    for (had, has) in changes {
        assert_eq!(had.len(), has.len(), "they lie where the others lay");
        let places: Vec<usize> = (0..bytes.len())
            .filter(|&place| bytes[place..].starts_with(had))
            .collect();
        assert!(!places.is_empty(), "{name} has them");
        for place in places {
            bytes[place..][..has.len()].copy_from_slice(has);
        }
    }
    bytes
}

/// The folder with Node, Python and their packages.
pub fn test_environment() -> PathBuf {
    present(given("FUSEBOX_TEST_ENV", "test-env"))
}

/// The program `name` of those that are written with rmcp.
pub fn peer(name: &str) -> PathBuf {
    present(given("FUSEBOX_TEST_PEERS", "test-peers/release").join(name))
}

/// A folder for compiled plugins that all tests share, so that each is compiled
/// once. It may be removed at any time.
pub(crate) fn cache() -> PathBuf {
    target().join("test-cache")
}

/// A folder for what hosts keep that have none of their own.
pub(crate) fn state() -> PathBuf {
    target().join("test-state")
}

/// Cargo's target folder for projects that tests make.
pub(crate) fn authors_target() -> PathBuf {
    target().join("test-authors")
}

/// What plugins in Python and JavaScript are built with.
pub(crate) fn toolchains() -> PathBuf {
    test_environment().join("toolchains")
}

fn given(variable: &str, default: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| target().join(default), PathBuf::from)
}

/// Cargo's target folder: tests lie in `<target>/<profile>/deps`.
fn target() -> PathBuf {
    std::env::current_exe()
        .ok()
        .and_then(|test| test.ancestors().nth(3).map(Path::to_path_buf))
        .expect("a test lies in cargo's target folder")
}

fn present(path: PathBuf) -> PathBuf {
    assert!(
        path.exists(),
        "{} is missing: run `cargo xtask test` once, which makes it",
        path.display()
    );
    path
}
