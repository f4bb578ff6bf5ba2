//! Which capabilities a plugin asks for, as a custom section of its component. Runtimes of
//! languages import files and the environment for every program, so that imports alone
//! say nothing of the plugin.
//!
//! Bytes in, bytes or names out. It asks for nothing that the host would give by itself.

use std::borrow::Cow;

use wasm_encoder::{ComponentSection as _, CustomSection};
use wasmparser::Payload;

use crate::docs::each_section;

/// Its name; its contents are a list of names in JSON.
const SECTION: &str = "fusebox:uses";

/// A component that says what it asks for.
pub(crate) fn put(mut component: Vec<u8>, capabilities: &[String]) -> Vec<u8> {
    let names = serde_json::json!(capabilities).to_string();
    let section = CustomSection {
        name: SECTION.into(),
        data: Cow::Owned(names.into_bytes()),
    };
    section.append_to_component(&mut component);
    component
}

/// What a component asks for; none if it doesn't say.
pub fn asks(component: &[u8]) -> Option<Vec<String>> {
    let mut found = None;
    let read = each_section(component, |payload, _| {
        if let Payload::CustomSection(section) = payload
            && section.name() == SECTION
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
