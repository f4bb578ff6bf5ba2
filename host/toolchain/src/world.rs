//! The world of a plugin that is written in a scripting language: what it exports,
//! and which capabilities it asks for, as WIT in a folder of its build.
//!
//! It owns that folder. What a plugin exports is found out by whoever builds it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::language::Language;

/// The world's name.
pub(crate) const NAME: &str = "fusebox-made";

/// What a manifest may ask for, and what it imports then. For variables and files that
/// is nothing more: the runtime of the language imports them anyhow, and that of Python
/// sockets too.
const CAPABILITIES: [(&str, &[&str]); 7] = [
    ("config", &["wasi:config/store@0.2.0-rc.1"]),
    (
        "keyvalue",
        &[
            "wasi:keyvalue/store@0.2.0-draft",
            "wasi:keyvalue/atomics@0.2.0-draft",
        ],
    ),
    ("http", &["wasi:http/outgoing-handler@0.2.12"]),
    ("sockets", &[]),
    ("env", &[]),
    ("files", &[]),
    // The host grants it to everybody; who doesn't use it shouldn't import it.
    ("trace", &["trace"]),
];

/// What JavaScript imports for sockets: its runtime has no words for them.
const SOCKETS: [&str; 3] = [
    "wasi:sockets/instance-network@0.2.12",
    "wasi:sockets/ip-name-lookup@0.2.12",
    "wasi:sockets/tcp-create-socket@0.2.12",
];

/// The file of the contract that has sockets, and the mark of what is in there for those
/// who ask for it by name. The world of JavaScript's runtime has it without the mark, and
/// one component can't have both.
const SOCKETS_FILE: &str = "deps/sockets/sockets.wit";
const SOCKETS_MARK: &str = "@unstable(feature = network-error-code)";

/// What a plugin can export.
const EXPORTS: [&str; 4] = ["tools", "resources", "prompts", "completions"];

/// The names of capabilities, for messages.
pub(crate) fn known() -> Vec<&'static str> {
    CAPABILITIES.iter().map(|(name, _)| *name).collect()
}

/// Copies the contract from `kit` and writes the world beside it; gives that folder.
///
/// # Errors
/// If it can't be written, or the contract isn't there.
pub(crate) fn write(
    kit: &Path,
    folder: &Path,
    exports: &[String],
    capabilities: &[String],
    language: Language,
) -> Result<PathBuf, Error> {
    let place = folder.join("wit");
    copy(kit, &place)?;
    let binds_sockets = language == Language::JavaScript
        && capabilities
            .iter()
            .any(|capability| capability == "sockets");
    let own: &[&str] = if binds_sockets { &SOCKETS } else { &[] };
    if binds_sockets {
        unmark(&place.join(SOCKETS_FILE))?;
    }
    put(&place.join("made.wit"), &text(exports, capabilities, own))?;
    Ok(place)
}

fn unmark(path: &Path) -> Result<(), Error> {
    let marked = fs::read_to_string(path).map_err(|source| Error::Read {
        path: path.to_path_buf(),
        source,
    })?;
    put(path, &marked.replace(SOCKETS_MARK, ""))
}

fn put(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|source| Error::Write {
        path: path.to_path_buf(),
        source,
    })
}

fn text(exports: &[String], capabilities: &[String], own: &[&str]) -> String {
    let asked = CAPABILITIES.iter().filter(|(name, _)| {
        let mut asked = capabilities.iter();
        asked.any(|one| one == name)
    });
    let imports = asked.flat_map(|(_, imports)| imports.iter()).chain(own);
    let imports: String = imports
        .map(|import| format!("    import {import};\n"))
        .collect();
    let exported = EXPORTS.iter().filter(|name| {
        let mut exports = exports.iter();
        exports.any(|one| one == *name)
    });
    let exports: String = exported
        .map(|export| format!("    export {export};\n"))
        .collect();
    format!(
        "package fusebox:plugin@0.1.0;\n\nworld {NAME} {{\n    include imports;\n{imports}{exports}}}\n"
    )
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let unreadable = |source| Error::Read {
        path: from.to_path_buf(),
        source,
    };
    fs::create_dir_all(to).map_err(|source| Error::Write {
        path: to.to_path_buf(),
        source,
    })?;
    for entry in fs::read_dir(from).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target)?;
            continue;
        }
        fs::copy(&path, &target).map_err(|source| Error::Write {
            path: target.clone(),
            source,
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_has_what_is_exported_and_asked_for_and_nothing_else() {
        let kit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
        let folder = tempfile::tempdir().unwrap();
        let all = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        for (exports, capabilities, language) in [
            (all(&["tools"]), all(&[]), Language::Python),
            (
                all(&["prompts", "tools"]),
                all(&["keyvalue", "http"]),
                Language::JavaScript,
            ),
            (all(&EXPORTS), all(&known()), Language::Python),
            (all(&EXPORTS), all(&known()), Language::JavaScript),
        ] {
            let place = write(&kit, folder.path(), &exports, &capabilities, language).unwrap();
            let made = fs::read_to_string(place.join("made.wit")).unwrap();
            assert_eq!(made.matches("export ").count(), exports.len(), "{made}");
            assert_eq!(made.contains("wasi:http"), capabilities.len() > 1, "{made}");
            let binds = language == Language::JavaScript && capabilities.len() > 2;
            assert_eq!(made.contains("wasi:sockets"), binds, "{made}");
            let sockets = fs::read_to_string(place.join(SOCKETS_FILE)).unwrap();
            assert_eq!(sockets.contains(SOCKETS_MARK), !binds);
            // It is WIT that the contract's package takes.
            let mut resolve = wit_parser::Resolve::default();
            resolve.push_dir(&place).unwrap();
            let mut worlds = resolve.worlds.iter().map(|(_, world)| &world.name);
            assert!(worlds.any(|name| name == NAME));
        }
    }
}
