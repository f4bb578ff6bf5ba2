//! Reads a URI by a template: the inverse of an RFC 6570 expansion, for the
//! operators that the macro lets through. In time that grows with the length of
//! the URI, whatever the URI is, since a caller chooses it.

/// A piece of a template. Two variables are never neighbours.
pub enum Part {
    /// text that stands in the URI as it is
    Literal(&'static str),
    /// `{name}`: a piece without `/`, `?` and `#`
    Simple,
    /// `{+name}`: any text
    Reserved,
}

impl Part {
    fn takes(&self, byte: u8) -> bool {
        match self {
            Self::Literal(_) => false,
            Self::Simple => !b"/?#".contains(&byte),
            Self::Reserved => true,
        }
    }
}

/// The values of the variables, in the order of the template and
/// percent-decoded; none if the URI isn't of this family. If more than one
/// reading fits, earlier variables are short.
pub(crate) fn variables(parts: &[Part], uri: &str) -> Option<Vec<String>> {
    let uri = uri.as_bytes();
    // ends[i][p]: the first i parts can stand for the first p bytes.
    let mut ends = vec![vec![false; uri.len() + 1]];
    ends[0][0] = true;
    for (i, part) in parts.iter().enumerate() {
        let next = after(part, &ends[i], uri);
        ends.push(next);
    }
    if !ends[parts.len()][uri.len()] {
        return None;
    }
    let mut values = Vec::new();
    let mut end = uri.len();
    for (i, part) in parts.iter().enumerate().rev() {
        if let Part::Literal(text) = part {
            end -= text.len();
            continue;
        }
        let taken = uri[..end]
            .iter()
            .rev()
            .take_while(|byte| part.takes(**byte));
        let from = end - taken.count();
        let start = (from..end).find(|start| ends[i][*start])?;
        values.push(decode(&uri[start..end])?);
        end = start;
    }
    values.reverse();
    Some(values)
}

/// Where a part can end that begins where the one before it can end.
fn after(part: &Part, starts: &[bool], uri: &[u8]) -> Vec<bool> {
    let mut ends = vec![false; starts.len()];
    if let Part::Literal(text) = part {
        for start in (0..starts.len()).filter(|start| starts[*start]) {
            if uri[start..].starts_with(text.as_bytes()) {
                ends[start + text.len()] = true;
            }
        }
        return ends;
    }
    let mut inside = false;
    for (i, byte) in uri.iter().enumerate() {
        inside = (inside || starts[i]) && part.takes(*byte);
        ends[i + 1] = inside;
    }
    ends
}

/// Undoes percent-encoding; none if it is broken, or hides what is no text.
fn decode(text: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(*rest.next()?)? << 4 | hex(*rest.next()?)?,
            byte => *byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::Part::{Literal, Reserved, Simple};
    use super::*;

    #[track_caller]
    fn check(parts: &[Part], uri: &str, expected: Option<&[&str]>) {
        let found = variables(parts, uri);
        let expected = expected.map(|values| values.iter().map(ToString::to_string).collect());
        assert_eq!(found, expected, "{uri}");
    }

    #[test]
    fn a_simple_variable_is_one_piece() {
        let data = [Literal("test://t/"), Simple, Literal("/data")];
        check(&data, "test://t/123/data", Some(&["123"]));
        check(&data, "test://t/a%2Fb%20c/data", Some(&["a/b c"]));
        check(&data, "test://t/%C3%A9/data", Some(&["é"]));
        check(&data, "test://t/é/data", Some(&["é"]));
        check(&data, "test://t/a:b@c/data", Some(&["a:b@c"]));
        for none in [
            "test://t//data",
            "test://t/a/b/data",
            "test://t/a?b/data",
            "test://t/123/data/",
            "test://t/123",
            "xtest://t/123/data",
            "test://t/%/data",
            "test://t/%4/data",
            "test://t/%4g/data",
            "test://t/%FF/data",
            "",
        ] {
            check(&data, none, None);
        }
    }

    #[test]
    fn a_reserved_variable_is_any_text() {
        let file = [Literal("f:///"), Reserved];
        check(&file, "f:///a/b.txt?c#d", Some(&["a/b.txt?c#d"]));
        check(&file, "f:///a%2fb", Some(&["a/b"]));
        check(&file, "f:///", None);
    }

    #[test]
    fn earlier_variables_are_short() {
        check(
            &[Simple, Literal("-"), Simple],
            "1-2-3",
            Some(&["1", "2-3"]),
        );
        let parts = [Reserved, Literal("-"), Simple];
        check(&parts, "p/q-r/s-t", Some(&["p/q-r/s", "t"]));
        check(&parts, "a-b-c", Some(&["a", "b-c"]));
        let parts = [Reserved, Literal("/"), Simple, Literal(".x")];
        check(&parts, "a/b/c.x.x", Some(&["a/b", "c.x"]));
    }

    #[test]
    fn a_hostile_uri_costs_no_more_than_its_length() {
        let parts = [
            Reserved,
            Literal("-"),
            Reserved,
            Literal("-"),
            Reserved,
            Literal("-"),
            Simple,
            Literal("/z"),
        ];
        check(&parts, &"-".repeat(100_000), None);
    }
}
