//! What the author of a component wrote above its functions and types: the custom
//! section `package-docs`, which tools that keep doc comments add to a component.
//!
//! It owns the reading of that section, in its versions 0 and 1. It never fails:
//! what can't be read is as if it weren't there.

use std::collections::BTreeMap;

use serde::Deserialize;
use wasmparser::{Parser, Payload};

/// Bytes of the section; a larger one is nothing that anybody wrote by hand.
const SECTION_MAX_BYTES: usize = 1 << 20;

const SECTION: &str = "package-docs";

/// Every version that is known: their JSON differs only in what is added.
const VERSIONS: [u8; 2] = [0, 1];

/// The doc comments of one package of WIT.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Docs {
    worlds: BTreeMap<String, World>,
    interfaces: BTreeMap<String, Interface>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct World {
    /// those that are written into the world itself
    interfaces: BTreeMap<String, Interface>,
    interface_exports: BTreeMap<String, Interface>,
    funcs: BTreeMap<String, Item>,
    func_exports: BTreeMap<String, Item>,
    types: BTreeMap<String, TypeDocs>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Interface {
    funcs: BTreeMap<String, Item>,
    types: BTreeMap<String, TypeDocs>,
}

/// What is said of a named type and of its parts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TypeDocs {
    #[serde(rename = "docs")]
    pub(crate) about: Option<String>,
    items: BTreeMap<String, Item>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Item {
    Alone(Option<String>),
    With {
        #[serde(default)]
        docs: Option<String>,
    },
}

impl Item {
    fn text(&self) -> Option<&str> {
        let (Self::Alone(docs) | Self::With { docs }) = self;
        let text = docs.as_deref()?.trim();
        (!text.is_empty()).then_some(text)
    }
}

impl TypeDocs {
    /// What is said of a field or case.
    pub(crate) fn item(&self, name: &str) -> Option<String> {
        self.items.get(name)?.text().map(str::to_owned)
    }
}

impl Docs {
    /// Those in a file; none if it has none that can be read.
    pub(crate) fn of(file: &[u8]) -> Self {
        section(file).and_then(read).unwrap_or_default()
    }

    /// What is said of a function; `interface` is none for one of the component
    /// itself.
    pub(crate) fn function(&self, interface: Option<&str>, name: &str) -> Option<String> {
        let item = match interface {
            None => self.worlds.values().find_map(|world| {
                let exported = world.func_exports.get(name);
                exported.or_else(|| world.funcs.get(name))
            }),
            Some(interface) => self
                .interfaces_of(interface)
                .find_map(|interface| interface.funcs.get(name)),
        };
        item?.text().map(str::to_owned)
    }

    /// What is said of a named type. One that an interface takes over from another
    /// has its docs there.
    pub(crate) fn named_type(&self, interface: Option<&str>, name: &str) -> Option<TypeDocs> {
        let own = match interface {
            None => self.worlds.values().find_map(|world| world.types.get(name)),
            Some(interface) => self
                .interfaces_of(interface)
                .find_map(|interface| interface.types.get(name)),
        };
        let elsewhere = || {
            let mut all = self.interfaces.values();
            all.find_map(|interface| interface.types.get(name))
        };
        own.or_else(elsewhere).cloned()
    }

    fn interfaces_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Interface> {
        let worlds = self.worlds.values().flat_map(move |world| {
            let exported = world.interface_exports.get(name);
            exported.into_iter().chain(world.interfaces.get(name))
        });
        self.interfaces.get(name).into_iter().chain(worlds)
    }
}

fn section(file: &[u8]) -> Option<&[u8]> {
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(file) {
        match payload.ok()? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.checked_sub(1)?,
            Payload::CustomSection(section) if depth == 0 && section.name() == SECTION => {
                return (section.data().len() <= SECTION_MAX_BYTES).then(|| section.data());
            }
            _ => {}
        }
    }
    None
}

fn read(section: &[u8]) -> Option<Docs> {
    let (version, json) = section.split_first()?;
    VERSIONS
        .contains(version)
        .then(|| serde_json::from_slice(json).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn docs(json: &str) -> Docs {
        read(&[b"\x01", json.as_bytes()].concat()).unwrap()
    }

    #[test]
    fn what_is_said_is_found_where_it_was_written() {
        let docs = docs(
            r#"{"docs": "a package", "worlds": {"w": {"docs": "a world",
                "func_exports": {"run": "  runs  ", "quiet": null},
                "interfaces": {"inline": {"funcs": {"go": "goes"}}}}},
                "interfaces": {"ops": {"docs": "of it all",
                    "funcs": {"add": {"docs": "adds", "stability": "unknown"}},
                    "types": {"point": {"docs": "a place", "items": {"x": "to the right"}}}}}}"#,
        );
        let function = |interface, name| docs.function(interface, name);
        assert_eq!(function(Some("ops"), "add").as_deref(), Some("adds"));
        assert_eq!(function(None, "run").as_deref(), Some("runs"));
        assert_eq!(function(Some("inline"), "go").as_deref(), Some("goes"));
        assert_eq!(function(None, "quiet"), None);
        assert_eq!(function(None, "add"), None);
        assert_eq!(function(Some("other"), "add"), None);
        let point = docs.named_type(Some("other"), "point").unwrap();
        assert_eq!(point.about.as_deref(), Some("a place"));
        assert_eq!(point.item("x").as_deref(), Some("to the right"));
        assert_eq!(point.item("y"), None);
    }

    #[test]
    fn what_cannot_be_read_is_as_if_it_were_not_there() {
        assert!(read(b"\x02{}").is_none());
        assert!(read(b"\x01{").is_none());
        assert!(read(b"").is_none());
        assert!(section(b"\0asm\x0d\0\x01\0\x01").is_none());
    }
}
