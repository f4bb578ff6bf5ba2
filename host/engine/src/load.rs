//! From the bytes of a file to a component that may be linked: what the bytes
//! are, wrapping a core module, compiling.
//!
//! It owns every reason why a file is no plugin. It never runs anything of it.

use wasmparser::{Parser, Payload};
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;
use wit_component::ComponentEncoder;

use crate::contract::{PACKAGE, VERSION};
use crate::foreign::NotServed;
use crate::limits::Limits;

/// Functions that a message names with their reasons.
const TOLD_MAX: usize = 4;

/// Why a file is no plugin.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// It doesn't start as wasm does.
    #[error("not WebAssembly: it begins with {found}, where a component begins with `\\0asm`")]
    NotWasm {
        /// its first bytes, printable
        found: String,
    },
    /// It is a core module that nothing says how to wrap.
    #[error(
        "a core module without component metadata; build it with the Fusebox SDK, or turn it into a component ({reason})"
    )]
    NotAComponent {
        /// what the encoder said
        reason: String,
    },
    /// It is broken or truncated, or uses what the engine doesn't offer.
    #[error("not a valid component: {reason}")]
    Invalid {
        /// what the compiler said
        reason: String,
    },
    /// Its memory is larger from the start than it may be.
    #[error("its memory has {needs} bytes from the start, of {max} that it may have")]
    Memory {
        /// bytes of all of its memories together
        needs: u64,
        /// the limit
        max: u64,
    },
    /// Its tables are larger from the start than they may be.
    #[error("its tables have {needs} elements from the start, of {max} that they may have")]
    Table {
        /// elements of all of its tables together
        needs: u64,
        /// the limit
        max: u64,
    },
    /// It exports nothing that the host serves.
    #[error(
        "it exports nothing of `{PACKAGE}@{VERSION}` (tools, resources, prompts, completions), \
         and no function that could be a tool; it exports {found}{}",
        told(not_served)
    )]
    NoExports {
        /// what it exports instead
        found: String,
        /// its functions, and why each is no tool
        not_served: Vec<NotServed>,
    },
    /// It imports what the host doesn't offer, or an export has another shape.
    #[error("it doesn't fit this host: {reason}")]
    Mismatch {
        /// what the linker said
        reason: String,
    },
}

/// Compiles the bytes of a `.wasm` file. Takes from milliseconds to seconds of
/// the calling thread: never call it on a thread that serves.
pub(crate) fn compile(engine: &wasmtime::Engine, bytes: &[u8]) -> Result<Component, LoadError> {
    let wrapped;
    let component = match form(bytes)? {
        Form::Component => bytes,
        Form::CoreModule => {
            wrapped = wrap(bytes)?;
            &wrapped
        }
    };
    Component::from_binary(engine, component).map_err(|error| LoadError::Invalid {
        reason: one_line(&error),
    })
}

/// What the modules of a file have from the start, all of them together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sizes {
    memory: u64,
    table: u64,
}

impl Sizes {
    /// Of a file. What can't be read is for the compiler to refuse.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut sizes = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload {
                Ok(Payload::MemorySection(memories)) => {
                    for one in memories.into_iter().flatten() {
                        let page = 1_u64.checked_shl(one.page_size_log2.unwrap_or(16));
                        let size = one.initial.saturating_mul(page.unwrap_or(u64::MAX));
                        sizes.memory = sizes.memory.saturating_add(size);
                    }
                }
                Ok(Payload::TableSection(tables)) => {
                    for one in tables.into_iter().flatten() {
                        sizes.table = sizes.table.saturating_add(one.ty.initial);
                    }
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        sizes
    }

    /// Looks whether there is room for them: the allocator would refuse them too, in
    /// words that name no limit.
    pub(crate) fn check(self, limits: &Limits) -> Result<(), LoadError> {
        let (needs, max) = (self.memory, limits.memory_max_bytes as u64);
        if needs > max {
            return Err(LoadError::Memory { needs, max });
        }
        let (needs, max) = (self.table, limits.table_elements_max as u64);
        if needs > max {
            return Err(LoadError::Table { needs, max });
        }
        Ok(())
    }
}

enum Form {
    Component,
    CoreModule,
}

/// The magic and the layer field of the binary format's preamble.
fn form(bytes: &[u8]) -> Result<Form, LoadError> {
    if bytes.is_empty() {
        return Err(LoadError::Empty);
    }
    if !bytes.starts_with(b"\0asm") {
        let head = &bytes[..bytes.len().min(8)];
        return Err(LoadError::NotWasm {
            found: format!("`{}`", head.escape_ascii()),
        });
    }
    match bytes.get(4..8) {
        Some([_, _, 1, 0]) => Ok(Form::Component),
        Some([_, _, 0, 0]) => Ok(Form::CoreModule),
        _ => Err(LoadError::Invalid {
            reason: "the file ends within its preamble".to_owned(),
        }),
    }
}

fn wrap(module: &[u8]) -> Result<Vec<u8>, LoadError> {
    ComponentEncoder::default()
        .module(module)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| LoadError::NotAComponent {
            reason: format!("{error:#}").replace('\n', " "),
        })
}

/// What a component exports, for the message that says it was nothing of ours.
pub(crate) fn export_names(engine: &wasmtime::Engine, component: &Component) -> String {
    let names: Vec<String> = component
        .component_type()
        .exports(engine)
        .map(|(name, item)| match item.ty {
            ComponentItem::ComponentFunc(_) => format!("the function `{name}`"),
            _ => format!("`{name}`"),
        })
        .take(8)
        .collect();
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}

/// The first few functions that are not served, with their reasons.
fn told(not_served: &[NotServed]) -> String {
    let reasons = not_served.iter().take(TOLD_MAX);
    reasons
        .map(|one| format!("; `{}`: {}", one.function, one.reason))
        .collect()
}

pub(crate) fn one_line(error: &wasmtime::Error) -> String {
    format!("{error:#}").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &str) {
        let error = match compile(&wasmtime::Engine::default(), bytes) {
            Err(error) => error.to_string(),
            Ok(_) => "compiled".to_owned(),
        };
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn each_kind_of_bad_bytes_is_named() {
        check(b"", "the file is empty");
        check(
            b"hello, world",
            "not WebAssembly: it begins with `hello, w`",
        );
        check(b"\0as", "not WebAssembly: it begins with `\\x00as`");
        check(b"\0asm\x01", "not a valid component: the file ends within");
        let bare = wat::parse_str(r#"(module (import "a" "b" (func)))"#).unwrap();
        check(&bare, "a core module without component metadata");
        let component = wat::parse_str("(component (core module))").unwrap();
        check(&component, "compiled");
        check(&component[..component.len() - 1], "not a valid component: ");
    }

    #[test]
    fn what_is_too_large_from_the_start_is_refused_with_both_numbers() {
        let check = |wat: &str, expected: &str| {
            let limits = Limits {
                memory_max_bytes: 3 << 16,
                table_elements_max: 5,
                ..Limits::default()
            };
            let checked = Sizes::of(&wat::parse_str(wat).unwrap()).check(&limits);
            let told = checked.map_or_else(|error| error.to_string(), |()| "fits".to_owned());
            assert_eq!(told, expected, "{wat}");
        };
        check("(module (memory 3) (table 5 funcref))", "fits");
        check(
            "(component (core module (memory 2)) (core module (memory 2)))",
            "its memory has 262144 bytes from the start, of 196608 that it may have",
        );
        check(
            "(module (table 6 funcref))",
            "its tables have 6 elements from the start, of 5 that they may have",
        );
    }

    #[test]
    fn exports_are_named() {
        let engine = wasmtime::Engine::default();
        let empty = compile(&engine, &wat::parse_str("(component)").unwrap()).unwrap();
        assert_eq!(export_names(&engine, &empty), "nothing");
    }
}
