//! What a component says that it would like to be granted: the text of its custom
//! section `fusebox:asks`.
//!
//! It owns where that is looked for. It never reads what the text says, and grants
//! nothing.

use wasmparser::{Parser, Payload};

/// The section, in the component itself or in a module of it.
const SECTION: &str = "fusebox:asks";

/// Bytes of the section.
const MAX_BYTES: usize = 16 << 10;

/// What the file asks for, as it is written there; none if it asks for nothing. A
/// file that can't be read asks for nothing: to say what is wrong with it is not
/// for this.
///
/// # Errors
/// In plain words, if the section is too large, no text, or not the only one.
pub fn asks_of(file: &[u8]) -> Result<Option<String>, String> {
    let mut outermost: Option<(usize, &[u8])> = None;
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(file) {
        match payload {
            Ok(Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) => depth += 1,
            Ok(Payload::End(_)) => depth = depth.saturating_sub(1),
            Ok(Payload::CustomSection(section)) if section.name() == SECTION => {
                let found = section.data();
                match outermost {
                    Some((other, data)) if other == depth && data != found => {
                        return Err("there are several, and they differ".to_owned());
                    }
                    // Who wraps a component may say more than what is in it.
                    Some((other, _)) if other <= depth => {}
                    _ => outermost = Some((depth, found)),
                }
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    let Some((_, data)) = outermost else {
        return Ok(None);
    };
    if data.len() > MAX_BYTES {
        let len = data.len();
        return Err(format!("it has {len} bytes, and may have {MAX_BYTES}"));
    }
    match std::str::from_utf8(data) {
        Ok(text) => Ok(Some(text.to_owned())),
        Err(error) => Err(format!(
            "it is not UTF-8 (byte {})",
            error.valid_up_to() + 1
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wat: &str, expected: Result<Option<&str>, &str>) {
        let file = wat::parse_str(wat).unwrap();
        let asks = asks_of(&file);
        let asks = asks.as_ref().map(Option::as_deref).map_err(String::as_str);
        assert_eq!(asks, expected, "{wat}");
    }

    #[test]
    fn it_is_found_wherever_a_builder_left_it() {
        check("(component)", Ok(None));
        check(r#"(module (@custom "fusebox:asks" "a"))"#, Ok(Some("a")));
        check(
            r#"(component (core module (@custom "fusebox:asks" "a")))"#,
            Ok(Some("a")),
        );
        check(
            r#"(component (core module (@custom "fusebox:asks" "a")) (@custom "fusebox:asks" "b"))"#,
            Ok(Some("b")),
        );
        assert_eq!(asks_of(b"text"), Ok(None));
    }

    #[test]
    fn what_is_no_text_of_one_author_is_refused() {
        check(
            r#"(component (core module (@custom "fusebox:asks" "a")) (core module (@custom "fusebox:asks" "b")))"#,
            Err("there are several, and they differ"),
        );
        check(
            r#"(module (@custom "fusebox:asks" "a\ff"))"#,
            Err("it is not UTF-8 (byte 2)"),
        );
        let long = format!(
            r#"(module (@custom "fusebox:asks" "{}"))"#,
            "a".repeat(16385)
        );
        check(&long, Err("it has 16385 bytes, and may have 16384"));
    }
}
