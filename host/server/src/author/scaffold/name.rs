//! Which names a new plugin may have: those that a file of a plugin, a package of
//! cargo and a crate of Rust can all have.

use super::ScaffoldError;

const MAX_CHARS: usize = 64;

const RULE: &str = "a name is 1 to 64 of `a-z 0-9 - _` and begins with a letter";

const TAKEN: &str = "Rust, cargo or the SDK uses that name itself";

/// Names that would compile to nothing good: keywords, crates that every crate
/// has, folders of cargo, and what a new project depends on.
const USED: [&str; 55] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "use",
    "where",
    "while",
];

const DEPENDENCIES: [&str; 4] = ["fusebox-sdk", "fusebox-sdk-macros", "schemars", "serde"];

/// # Errors
/// What is wrong with the name, and one that would do.
pub(super) fn check(name: &str) -> Result<(), ScaffoldError> {
    let refuse = |reason, hint: String| ScaffoldError::Name {
        name: name.to_owned(),
        reason,
        hint,
    };
    if !is_well_formed(name) {
        let near = repaired(name);
        let hint = match is_well_formed(&near) {
            true => format!("; `{near}` would do"),
            false => String::new(),
        };
        return Err(refuse(RULE, hint));
    }
    let dashed = name.replace('_', "-");
    if USED.contains(&&*dashed) || DEPENDENCIES.contains(&&*dashed) {
        return Err(refuse(TAKEN, format!("; `{name}-plugin` would do")));
    }
    Ok(())
}

fn is_well_formed(name: &str) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    name.len() <= MAX_CHARS
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(good)
}

/// `My Tool` becomes `my-tool`.
fn repaired(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(name: &str) -> Option<String> {
        check(name).err().map(|error| error.to_string())
    }

    #[test]
    fn names_that_all_can_have_are_taken() {
        for name in ["a", "hello", "my-tool", "my_tool", "v2", &"a".repeat(64)] {
            assert_eq!(refusal(name), None);
        }
    }

    #[test]
    fn other_names_are_refused_with_one_that_would_do() {
        for (name, hint) in [
            ("My Tool", "`my-tool` would do"),
            ("Hello", "`hello` would do"),
            ("../up", "`up` would do"),
            ("a/b", "`a-b` would do"),
            ("fn", "`fn-plugin` would do"),
            ("proc_macro", "`proc_macro-plugin` would do"),
            ("serde", "`serde-plugin` would do"),
        ] {
            let refusal = refusal(name).unwrap_or_default();
            assert!(refusal.ends_with(hint), "{name}: {refusal}");
        }
    }

    #[test]
    fn where_no_name_is_near_the_rule_is_told_alone() {
        for name in ["", "-", "7", "..", &"a".repeat(65)] {
            let refusal = refusal(name).unwrap_or_default();
            assert!(refusal.ends_with("begins with a letter"), "{refusal}");
        }
    }
}
