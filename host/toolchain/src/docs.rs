//! The doc comments of a component's WIT, which compilers drop: put into the
//! custom section `package-docs`, where hosts look for them.
//!
//! Bytes and a folder in, bytes out.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

use wasm_encoder::{ComponentSection as _, CustomSection};
use wasmparser::{BinaryReaderError, Parser, Payload};
use wit_parser::{PackageMetadata, Resolve};

/// Bytes before the first section of a component.
const PREAMBLE: usize = 8;

/// What a plugin of this project exports. The host asks such a one what its tools
/// are, and looks for no docs.
const OWN: &str = "fusebox:plugin/";

/// A component with the doc comments of the package in the folder `wit`, unless
/// it describes its tools itself.
pub(crate) fn keep(mut component: Vec<u8>, wit: &Path) -> Result<Vec<u8>, String> {
    if describes_itself(&component).map_err(|error| error.to_string())? {
        return Ok(component);
    }
    let mut resolve = Resolve::default();
    let docs = resolve
        .push_dir(wit)
        .and_then(|(package, _)| PackageMetadata::extract(&resolve, package).encode());
    let docs = docs.map_err(|error| format!("{}: {error:#}", wit.display()))?;
    let section = CustomSection {
        name: PackageMetadata::SECTION_NAME.into(),
        data: docs.into(),
    };
    section.append_to_component(&mut component);
    Ok(component)
}

/// A component without that section: readers of WIT look for its packages in the
/// component itself, and give up because they don't find them.
pub(crate) fn without(component: &[u8]) -> Result<Cow<'_, [u8]>, BinaryReaderError> {
    let mut end = PREAMBLE;
    let mut found: Option<Range<usize>> = None;
    each_section(component, |payload, range| {
        if let Payload::CustomSection(section) = payload
            && section.name() == PackageMetadata::SECTION_NAME
        {
            found = Some(end..range.end);
        }
        end = range.end;
    })?;
    Ok(match found {
        None => Cow::Borrowed(component),
        Some(range) => Cow::Owned([&component[..range.start], &component[range.end..]].concat()),
    })
}

fn describes_itself(component: &[u8]) -> Result<bool, BinaryReaderError> {
    let mut found = false;
    let mut broken = None;
    each_section(component, |payload, _| {
        let Payload::ComponentExportSection(exports) = payload else {
            return;
        };
        for export in exports.clone() {
            match export {
                Ok(export) => found |= export.name.name.starts_with(OWN),
                Err(error) => broken = Some(error),
            }
        }
    })?;
    broken.map_or(Ok(found), Err)
}

/// Shows each section of the component itself, not of what is in it, with the
/// range of its contents.
pub(crate) fn each_section(
    component: &[u8],
    mut show: impl FnMut(&Payload<'_>, Range<usize>),
) -> Result<(), BinaryReaderError> {
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        if depth == 0
            && let Some((_, range)) = payload.as_section()
        {
            // Offsets into bytes that are here.
            show(&payload, range.start as usize..range.end as usize);
        }
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component with a module in it, a section of another name, and exports.
    fn component(export: &str) -> Vec<u8> {
        let mut component = wasm_encoder::Component::new();
        let module = wasm_encoder::Module::new();
        component.section(&wasm_encoder::ModuleSection(&module));
        component.section(&CustomSection {
            name: "other".into(),
            data: (&[1_u8, 2, 3][..]).into(),
        });
        let mut exports = wasm_encoder::ComponentExportSection::new();
        exports.export(export, wasm_encoder::ComponentExportKind::Module, 0, None);
        component.section(&exports);
        component.finish()
    }

    #[test]
    fn docs_are_put_in_and_taken_out_again() {
        let folder = tempfile::tempdir().unwrap();
        let wit = "package a:b; interface i { /// adds\n add: func(); }";
        std::fs::write(folder.path().join("a.wit"), wit).unwrap();
        let plain = component("m");
        let kept = keep(plain.clone(), folder.path()).unwrap();
        assert!(kept.starts_with(&plain));
        let text = String::from_utf8_lossy(&kept[plain.len()..]).into_owned();
        assert!(text.contains(r#""add":{"docs":"adds"#), "{text}");
        assert_eq!(without(&kept).unwrap(), plain);
        assert!(matches!(without(&plain).unwrap(), Cow::Borrowed(_)));
    }

    #[test]
    fn a_plugin_that_describes_itself_is_left_alone() {
        let own = component("fusebox:plugin/tools@0.1.0");
        let nowhere = Path::new("nowhere");
        assert_eq!(keep(own.clone(), nowhere).unwrap(), own);
        assert!(
            keep(component("m"), nowhere)
                .unwrap_err()
                .contains("nowhere")
        );
    }
}
