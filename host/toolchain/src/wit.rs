//! What a component says of itself: its world in WIT, and who made it.
//!
//! Bytes in, words out.

use std::collections::BTreeMap;
use std::path::Path;

use wasmparser::{KnownCustom, Parser, Payload};
use wit_component::{DecodedWasm, WitPrinter};

use crate::component::componentize;
use crate::docs;
use crate::error::Error;

/// Bytes that a component begins with, and a core module doesn't: the layer.
const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";

/// For each field, such as `language`: names and their versions.
pub type Producers = BTreeMap<String, BTreeMap<String, String>>;

/// What was found in a file.
#[derive(Debug)]
pub struct Described {
    /// its imports and exports, with the packages that they are from
    pub wit: String,
    /// languages and programs it was made with, and their versions
    pub producers: Producers,
}

/// Describes a component, or a core module that carries component-type metadata.
/// `bytes` are those of `file`.
///
/// # Errors
/// If it is neither.
pub fn describe(file: &Path, bytes: &[u8]) -> Result<Described, Error> {
    let unfit = |reason: String| Error::Component {
        module: file.to_path_buf(),
        reason,
    };
    let wrapped;
    let component = match bytes.starts_with(&COMPONENT) {
        true => bytes,
        false => {
            wrapped = componentize(file)?;
            &wrapped
        }
    };
    let plain = docs::without(component).map_err(|error| unfit(error.to_string()))?;
    let wit = wit(&plain).map_err(unfit)?;
    let producers = producers(component);
    let producers = producers.map_err(|error| unfit(error.to_string()))?;
    Ok(Described { wit, producers })
}

fn wit(component: &[u8]) -> Result<String, String> {
    let decoded = wit_component::decode(component).map_err(|error| format!("{error:#}"))?;
    let (resolve, main) = (decoded.resolve(), decoded.package());
    if matches!(decoded, DecodedWasm::WitPackage(..)) {
        return Err("it is a package of WIT and has no code".to_owned());
    }
    let others = resolve.packages.iter().map(|(id, _)| id);
    let others: Vec<_> = others.filter(|id| *id != main).collect();
    let mut printer = WitPrinter::default();
    let printed = printer.print(resolve, main, &others);
    printed.map_err(|error| format!("{error:#}"))?;
    Ok(printer.output.to_string())
}

/// A component and the modules in it each name those who worked on them.
fn producers(component: &[u8]) -> Result<Producers, wasmparser::BinaryReaderError> {
    let mut found = Producers::new();
    for payload in Parser::new(0).parse_all(component) {
        let Payload::CustomSection(section) = payload? else {
            continue;
        };
        let KnownCustom::Producers(fields) = section.as_known() else {
            continue;
        };
        for field in fields {
            let field = field?;
            let known = found.entry(field.name.to_owned()).or_default();
            for value in field.values {
                let value = value?;
                known.insert(value.name.to_owned(), value.version.to_owned());
            }
        }
    }
    Ok(found)
}
