//! RFC 6570 templates, as far as a URI can be read by them: the operators that
//! can be turned around without a doubt, each with one variable. Whatever else
//! the RFC has is named in an error.

use syn::{Error, LitStr, Result};

/// A piece of a template.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// text that stands in the URI as it is
    Literal(String),
    /// `{name}`
    Simple(String),
    /// `{+name}`
    Reserved(String),
}

impl Part {
    /// The name, if it is a variable.
    pub(crate) fn variable(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Simple(name) | Self::Reserved(name) => Some(name),
        }
    }
}

/// Takes a template apart.
pub(crate) fn parse(template: &LitStr) -> Result<Vec<Part>> {
    let refuse = |what: String| Err(Error::new(template.span(), what));
    let text = template.value();
    let mut parts: Vec<Part> = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let Some(open) = rest.find(['{', '}']) else {
            parts.push(Part::Literal(rest.to_owned()));
            break;
        };
        if open > 0 {
            parts.push(Part::Literal(rest[..open].to_owned()));
        }
        let expression = &rest[open..];
        let Some(close) = expression.find('}').filter(|close| *close > 0) else {
            return refuse("a brace without its other half".to_owned());
        };
        let part = match variable(&expression[1..close]) {
            Ok(part) => part,
            Err(why) => return refuse(why),
        };
        if parts.last().is_some_and(|last| last.variable().is_some()) {
            return refuse(format!(
                "nothing stands between `{{{}}}` and the variable before it, so where one ends is \
                 anyone's guess",
                &expression[1..close]
            ));
        }
        if parts.iter().any(|p| p.variable() == part.variable()) {
            return refuse(format!(
                "the variable `{}` stands here twice",
                part.variable().unwrap_or_default()
            ));
        }
        parts.push(part);
        rest = &expression[close + 1..];
    }
    match parts.iter().any(|part| part.variable().is_some()) {
        true => Ok(parts),
        false => refuse("a template has a variable, such as `{id}`; without one, say `uri`".into()),
    }
}

/// The inside of a pair of braces.
fn variable(inside: &str) -> std::result::Result<Part, String> {
    let (operator, name) = match inside.strip_prefix('+') {
        Some(name) => ("+", name),
        None => ("", inside),
    };
    if let Some(operator) = name
        .chars()
        .next()
        .filter(|first| "+#./;?&=,!@|".contains(*first))
    {
        return Err(format!(
            "the operator `{operator}` of `{{{inside}}}` is not supported; there are `{{name}}` and `{{+name}}`"
        ));
    }
    if name.contains(',') {
        return Err(format!(
            "`{{{inside}}}` has several variables: give each its braces and put something between"
        ));
    }
    if name.contains([':', '*']) {
        return Err(format!(
            "the modifier in `{{{inside}}}` is not supported: a variable is taken whole"
        ));
    }
    if syn::parse_str::<syn::Ident>(name).is_err() {
        return Err(format!(
            "`{{{inside}}}` doesn't name a parameter: a variable here is an identifier of Rust"
        ));
    }
    Ok(match operator {
        "+" => Part::Reserved(name.to_owned()),
        _ => Part::Simple(name.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::*;

    fn parsed(template: &str) -> Result<Vec<Part>> {
        parse(&LitStr::new(template, Span::call_site()))
    }

    #[test]
    fn templates_come_apart() {
        let literal = |text: &str| Part::Literal(text.to_owned());
        let simple = |name: &str| Part::Simple(name.to_owned());
        let check = |template: &str, expected: Vec<Part>| {
            assert_eq!(parsed(template).unwrap(), expected, "{template}");
        };
        check(
            "a://{id}/b",
            vec![literal("a://"), simple("id"), literal("/b")],
        );
        check("{id}", vec![simple("id")]);
        check(
            "f:///{+path}",
            vec![literal("f:///"), Part::Reserved("path".into())],
        );
        check("{a}-{b}", vec![simple("a"), literal("-"), simple("b")]);
    }

    #[test]
    fn what_can_not_be_turned_around_is_named() {
        let check = |template: &str, expected: &str| {
            let error = parsed(template).unwrap_err().to_string();
            assert!(error.contains(expected), "{template}: {error}");
        };
        check("a://{?q}", "the operator `?` of `{?q}` is not supported");
        check("a://{/q}", "the operator `/`");
        check("a://{#q}", "the operator `#`");
        check("a://{++q}", "the operator `+`");
        check("a://{a,b}", "has several variables");
        check("a://{a:3}", "the modifier in `{a:3}`");
        check("a://{a*}", "the modifier in `{a*}`");
        check("a://{a}{b}", "nothing stands between `{b}`");
        check("a://{a}/{a}", "the variable `a` stands here twice");
        check("a://{a", "a brace without its other half");
        check("a://a}", "a brace without its other half");
        check("a://{}", "doesn't name a parameter");
        check("a://{a-b}", "doesn't name a parameter");
        check("a://b", "without one, say `uri`");
    }
}
