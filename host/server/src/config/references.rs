//! References to the environment in the strings of a file: `${NAME}`, and
//! `${NAME:default}`. Owns where they begin and end; what is between is the crate
//! `subst`'s. A `$` without a brace is nothing special, and `$${` is `${` itself.

use std::borrow::Cow;
use std::collections::BTreeMap;

use subst::Error;
use toml::de::{DeTable, DeValue};

use super::error::Problem;

/// What begins a reference.
const BEGIN: &str = "${";

/// Puts what they stand for in the place of all references in the values of `table`.
/// Gives the place of each string that has a bad one, and what is wrong with it.
pub(super) fn resolve(
    table: &mut DeTable<'_>,
    variables: &BTreeMap<String, String>,
    wrong: &mut Vec<(usize, Problem)>,
) {
    for (_, value) in table.iter_mut() {
        let at = value.span().start;
        in_value(value.get_mut(), at, variables, wrong);
    }
}

fn in_value(
    value: &mut DeValue<'_>,
    at: usize,
    variables: &BTreeMap<String, String>,
    wrong: &mut Vec<(usize, Problem)>,
) {
    match value {
        DeValue::String(text) if text.contains(BEGIN) => match expand(text, variables) {
            Ok(expanded) => *text = Cow::Owned(expanded),
            Err(problem) => wrong.push((at, problem)),
        },
        DeValue::Array(entries) => {
            for entry in entries.iter_mut() {
                let at = entry.span().start;
                in_value(entry.get_mut(), at, variables, wrong);
            }
        }
        DeValue::Table(table) => resolve(table, variables, wrong),
        _ => {}
    }
}

/// Whether a text of the file has a reference, so that its value is another.
pub(super) fn has_reference(written: &str) -> bool {
    written.contains(BEGIN)
}

/// A text of TOML whose values are what they stand for, as a file that gives them.
pub(super) fn escaped(text: &str) -> String {
    text.replace(BEGIN, "$${")
}

fn expand(text: &str, variables: &BTreeMap<String, String>) -> Result<String, Problem> {
    let (mut expanded, mut rest) = (String::new(), text);
    while let Some(begin) = rest.find(BEGIN) {
        let before = &rest[..begin];
        if let Some(before) = before.strip_suffix('$') {
            expanded.push_str(before);
            expanded.push_str(BEGIN);
            rest = &rest[begin + BEGIN.len()..];
            continue;
        }
        expanded.push_str(before);
        let end = begin + end_of(&rest[begin..]);
        let reference = &rest[begin..end];
        let value = subst::substitute(reference, variables);
        expanded.push_str(&value.map_err(|error| problem(reference, &error))?);
        rest = &rest[end..];
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// The length of the reference that `text` begins with; defaults may have references
/// of their own.
fn end_of(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return at + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

fn problem(reference: &str, error: &Error) -> Problem {
    match error {
        Error::NoSuchVariable(missing) => Problem::UnsetVariable {
            name: missing.name.clone(),
        },
        // The default may be a secret: no more than the name is shown.
        _ => Problem::Reference {
            begin: reference.split(':').next().unwrap_or_default().to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let variables = [("A", "one"), ("EMPTY", "")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let said = match expand(text, &BTreeMap::from(variables)) {
            Ok(expanded) => expanded,
            Err(problem) => format!("! {problem}"),
        };
        assert_eq!(said, expected, "for {text:?}");
    }

    #[test]
    fn references_stand_for_variables_and_defaults() {
        check("${A}", "one");
        check("x${A}y${A}", "xoneyone");
        check("${EMPTY}", "");
        check("${B:two}", "two");
        check("${B:${A}/x}", "one/x");
        check("${A:two}", "one");
        check("${B:}", "");
        check("ä${A}ö", "äoneö");
    }

    #[test]
    fn nothing_else_is_special() {
        check("$A $$ $1 {A} a$", "$A $$ $1 {A} a$");
        check("$${A}", "${A}");
        check("\\d", "\\d");
        check("$${A}${A}", "${A}one");
    }

    #[test]
    fn what_stands_for_nothing_is_a_mistake() {
        check(
            "${B}",
            "! the environment has no variable `B`; set it, or write ${B:default}",
        );
        let bad = "is no reference to a variable: write ${NAME} or ${NAME:default}, and $${ for the characters themselves";
        check("${A", &format!("! `${{A` {bad}"));
        check("${}", &format!("! `${{}}` {bad}"));
        check("${A b}", &format!("! `${{A b}}` {bad}"));
    }
}
