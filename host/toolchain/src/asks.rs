//! What a plugin asks for, as custom sections of its component: which capabilities, since
//! runtimes of languages import files and the environment for every program, so that
//! imports alone say nothing of the plugin; and which grants and limits its author would
//! like it to have, for the operator to read.
//!
//! Bytes in, bytes or names out. It asks for nothing that the host would give by itself.

use std::borrow::Cow;

use wasm_encoder::{ComponentSection as _, CustomSection};
use wasmparser::Payload;

use crate::docs::each_section;

/// The section with the capabilities: a list of their names in JSON.
const USES: &str = "fusebox:uses";

/// The section with what its author would like it to be granted, in TOML. Who runs it
/// says what is good in it.
const ASKS: &str = "fusebox:asks";

/// A component that says which capabilities it asks for.
pub(crate) fn put(component: Vec<u8>, capabilities: &[String]) -> Vec<u8> {
    let names = serde_json::json!(capabilities).to_string();
    with_section(component, USES, names)
}

/// A component that says what it would like to be granted; as it was, if that is
/// nothing.
pub(crate) fn put_request(component: Vec<u8>, request: String) -> Vec<u8> {
    match request.is_empty() {
        true => component,
        false => with_section(component, ASKS, request),
    }
}

fn with_section(mut component: Vec<u8>, name: &str, text: String) -> Vec<u8> {
    let section = CustomSection {
        name: name.into(),
        data: Cow::Owned(text.into_bytes()),
    };
    section.append_to_component(&mut component);
    component
}

/// The capabilities that a component asks for; none if it doesn't say.
pub fn asks(component: &[u8]) -> Option<Vec<String>> {
    let mut found = None;
    let read = each_section(component, |payload, _| {
        if let Payload::CustomSection(section) = payload
            && section.name() == USES
        {
            found = serde_json::from_slice(section.data()).ok();
        }
    });
    read.ok().and(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_read_again_and_nothing_is_made_up() {
        let plain = wasm_encoder::Component::new().finish();
        assert_eq!(asks(&plain), None);
        assert_eq!(asks(b"no component"), None);
        for names in [vec![], vec!["http".to_owned(), "keyvalue".to_owned()]] {
            assert_eq!(asks(&put(plain.clone(), &names)), Some(names));
        }
    }
}
