//! The world of a plugin that is written in a scripting language: what it exports,
//! and which capabilities it asks for, as WIT in a folder of its build.
//!
//! It owns that folder. What a plugin exports is found out by whoever builds it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// The world's name.
pub(crate) const NAME: &str = "fusebox-made";

/// What a manifest may ask for, and what it imports then. For sockets, variables and
/// files that is nothing more: the runtime of the language imports them anyhow.
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
) -> Result<PathBuf, Error> {
    let place = folder.join("wit");
    copy(kit, &place)?;
    let path = place.join("made.wit");
    fs::write(&path, text(exports, capabilities)).map_err(|source| Error::Write {
        path: path.clone(),
        source,
    })?;
    Ok(place)
}

fn text(exports: &[String], capabilities: &[String]) -> String {
    let asked = CAPABILITIES.iter().filter(|(name, _)| {
        let mut asked = capabilities.iter();
        asked.any(|one| one == name)
    });
    let imports = asked.flat_map(|(_, imports)| imports.iter());
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
        for (exports, capabilities) in [
            (all(&["tools"]), all(&[])),
            (all(&["prompts", "tools"]), all(&["keyvalue", "http"])),
            (all(&EXPORTS), all(&known())),
        ] {
            let place = write(&kit, folder.path(), &exports, &capabilities).unwrap();
            let made = fs::read_to_string(place.join("made.wit")).unwrap();
            assert_eq!(made.matches("export ").count(), exports.len(), "{made}");
            assert_eq!(made.contains("wasi:http"), capabilities.len() > 1, "{made}");
            // It is WIT that the contract's package takes.
            let mut resolve = wit_parser::Resolve::default();
            resolve.push_dir(&place).unwrap();
            let mut worlds = resolve.worlds.iter().map(|(_, world)| &world.name);
            assert!(worlds.any(|name| name == NAME));
        }
    }
}
