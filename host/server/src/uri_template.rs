//! Which addresses belong to a URI template (RFC 6570).
//!
//! It owns recognition alone, so that a read reaches the plugin whose template
//! it fits. It never extracts variables: the plugin does.

use regex::Regex;

/// Bytes that the compiled form of one template may take.
const COMPILED_MAX_BYTES: usize = 256 << 10;

/// A template that addresses can be held against.
#[derive(Debug)]
pub struct UriTemplate(Regex);

impl UriTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// In plain words, if it is no template of RFC 6570.
    pub fn parse(template: &str) -> Result<Self, String> {
        let mut pattern = String::from("^");
        let mut rest = template;
        while let Some(open) = rest.find('{') {
            literal(&mut pattern, &rest[..open])?;
            let Some(length) = rest[open..].find('}') else {
                return Err("a `{` without its `}`".to_owned());
            };
            pattern.push_str(expression(&rest[open + 1..open + length])?);
            rest = &rest[open + length + 1..];
        }
        literal(&mut pattern, rest)?;
        pattern.push('$');
        regex::RegexBuilder::new(&pattern)
            .size_limit(COMPILED_MAX_BYTES)
            .build()
            .map(Self)
            .map_err(|error| format!("the template is too complex: {error}"))
    }

    /// Whether an address is one of this family.
    pub fn fits(&self, uri: &str) -> bool {
        self.0.is_match(uri)
    }
}

fn literal(pattern: &mut String, text: &str) -> Result<(), String> {
    if text.contains('}') {
        return Err("a `}` without its `{`".to_owned());
    }
    pattern.push_str(&regex::escape(text));
    Ok(())
}

/// What an expression may expand to.
fn expression(expression: &str) -> Result<&'static str, String> {
    let (operator, names) = match expression.chars().next() {
        Some(operator @ ('+' | '#' | '.' | '/' | ';' | '?' | '&')) => {
            (Some(operator), &expression[1..])
        }
        _ => (None, expression),
    };
    for name in names.split(',') {
        let bare = name.trim_end_matches('*');
        let bare = bare.split_once(':').map_or(bare, |(name, _)| name);
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '%');
        if bare.is_empty() || !bare.chars().all(good) {
            return Err(format!("`{{{expression}}}` is no expression of RFC 6570"));
        }
    }
    Ok(match operator {
        None => "[^/?#]*",
        Some('+') => ".*",
        Some('#') => "(?:#.*)?",
        Some('.') => r"(?:\.[^/?#]*)?",
        Some('/') => "(?:/[^?#]*)?",
        Some(';') => "(?:;[^/?#]*)?",
        Some('?') => r"(?:\?[^#]*)?",
        Some(_) => "(?:&[^#]*)?",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &str, uri: &str, expected: bool) {
        let fits = UriTemplate::parse(template).unwrap().fits(uri);
        assert_eq!(fits, expected, "{template} {uri}");
    }

    #[test]
    fn addresses_fit_by_the_operators_of_the_rfc() {
        check("test://t/{id}/data", "test://t/1/data", true);
        check("test://t/{id}/data", "test://t/1/2/data", false);
        check("test://t/{id}/data", "test://t/1/data/", false);
        check("test://t.x/{id}", "test://tax/1", false);
        check("file:///{+path}", "file:///a/b/c.txt", true);
        check("test://s{?q,page}", "test://s?q=1&page=2", true);
        check("test://s{?q,page}", "test://s", true);
        check("test://s{?q,page}", "test://s/1", false);
        check("test://a{/x,y}", "test://a/1/2", true);
        check("test://a{.ext}", "test://a.txt", true);
        check("test://a{#frag}", "test://a#b", true);
        check("test://a{;p}", "test://a;p=1", true);
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for bad in [
            "test://{",
            "test://}",
            "test://{}",
            "test://{a b}",
            "test://{a,}",
        ] {
            assert!(UriTemplate::parse(bad).is_err(), "{bad}");
        }
    }
}
