//! What of a call's arguments is written, and what never is.
//!
//! It owns the rules for members of JSON and for addresses. It never sees who calls.

use serde_json::Value;
use wildmatch::WildMatch;

use crate::config::{Arguments, Audit};

/// What stands in the place of a value that is not written.
const REDACTED: &str = "[redacted]";

/// What the operator wants left out.
#[derive(Debug)]
pub(super) struct Redaction {
    arguments: Arguments,
    max_bytes: usize,
    /// patterns of names, in lower case
    names: Vec<WildMatch>,
    /// pointers, in their parts
    pointers: Vec<Vec<String>>,
}

impl Redaction {
    pub(super) fn new(settings: &Audit) -> Self {
        let (pointers, names): (Vec<&String>, Vec<&String>) = settings
            .redact
            .iter()
            .partition(|rule| rule.starts_with('/'));
        let parts = |pointer: &&String| {
            let parts = pointer.split('/').skip(1);
            // RFC 6901, 4.
            parts
                .map(|part| part.replace("~1", "/").replace("~0", "~"))
                .collect()
        };
        Self {
            arguments: settings.arguments,
            max_bytes: settings.arguments_max_bytes,
            names: names
                .iter()
                .map(|name| WildMatch::new(&name.to_lowercase()))
                .collect(),
            pointers: pointers.iter().map(parts).collect(),
        }
    }

    /// What is written of arguments, a JSON object; none: nothing.
    pub(super) fn arguments(&self, json: &str) -> Option<Value> {
        match self.arguments {
            Arguments::None => None,
            _ if json.len() > self.max_bytes => Some(left_out(json.len())),
            arguments => {
                let mut value: Value = serde_json::from_str(json).ok()?;
                if arguments == Arguments::Redacted {
                    self.within(&mut value, &mut Vec::new());
                }
                Some(value)
            }
        }
    }

    /// What is written of the address of a resource: its query may have a secret.
    pub(super) fn address(&self, uri: &str) -> String {
        let (before, query) = match uri.split_once('?') {
            Some(parts) if self.arguments != Arguments::Full => parts,
            _ => return uri.to_owned(),
        };
        let pairs: Vec<String> = query
            .split('&')
            .map(|pair| match pair.split_once('=') {
                Some((name, _)) if self.is_secret(name) => format!("{name}={REDACTED}"),
                _ => pair.to_owned(),
            })
            .collect();
        format!("{before}?{}", pairs.join("&"))
    }

    fn within(&self, value: &mut Value, path: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    path.push(name.clone());
                    if self.is_secret(name) || self.points_at(path) {
                        *member = REDACTED.into();
                    } else {
                        self.within(member, path);
                    }
                    path.pop();
                }
            }
            Value::Array(items) => {
                for (place, item) in items.iter_mut().enumerate() {
                    path.push(place.to_string());
                    match self.points_at(path) {
                        true => *item = REDACTED.into(),
                        false => self.within(item, path),
                    }
                    path.pop();
                }
            }
            _ => {}
        }
    }

    fn is_secret(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.names.iter().any(|pattern| pattern.matches(&name))
    }

    /// `*` in a pointer stands for any one part.
    fn points_at(&self, path: &[String]) -> bool {
        let fits = |(part, name): (&String, &String)| part == "*" || part == name;
        self.pointers
            .iter()
            .any(|parts| parts.len() == path.len() && parts.iter().zip(path).all(fits))
    }
}

/// What stands in the place of arguments that are too long.
pub(super) fn left_out(bytes: usize) -> Value {
    format!("[left out: {bytes} bytes, more than `audit.arguments_max_bytes`]").into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Config;

    fn redaction(lines: &str) -> Redaction {
        let config = Config::from_toml("a", &format!("[audit]\n{lines}")).unwrap();
        Redaction::new(&config.audit)
    }

    #[track_caller]
    fn check(lines: &str, arguments: &Value, expected: &Value) {
        let written = redaction(lines).arguments(&arguments.to_string());
        assert_eq!(written.unwrap_or_default(), *expected, "{lines}");
    }

    #[test]
    fn what_is_called_a_secret_is_left_out_wherever_it_is() {
        check(
            "",
            &json!({"user": "ada", "Password": "x", "deep": [{"accessToken": 7, "a": 1}], "client_secret": {"b": 2}}),
            &json!({"user": "ada", "Password": REDACTED, "deep": [{"accessToken": REDACTED, "a": 1}], "client_secret": REDACTED}),
        );
    }

    #[test]
    fn rules_are_names_patterns_and_pointers() {
        check(
            "redact = ['pin', 'x_*', '/card/number', '/list/*/key', '/a~1b']",
            &json!({"pin": 1, "pins": 2, "X_1": 3, "card": {"number": 4, "name": 5}, "number": 6,
                "list": [{"key": 7, "other": 8}], "a/b": 9}),
            &json!({"pin": REDACTED, "pins": 2, "X_1": REDACTED,
                "card": {"number": REDACTED, "name": 5}, "number": 6,
                "list": [{"key": REDACTED, "other": 8}], "a/b": REDACTED}),
        );
    }

    #[test]
    fn all_or_nothing_can_be_written() {
        let arguments = json!({"password": "x"});
        check("arguments = 'none'", &arguments, &Value::Null);
        check("arguments = 'full'", &arguments, &arguments);
    }

    #[test]
    fn long_arguments_are_left_out() {
        let long = json!({"a": "x".repeat(100)});
        let told = "[left out: 108 bytes, more than `audit.arguments_max_bytes`]";
        check("arguments_max_bytes = 107", &long, &json!(told));
        check("arguments_max_bytes = 108", &long, &long);
        let written = redaction("arguments_max_bytes = 10").arguments(&"x".repeat(1 << 20));
        assert!(written.unwrap().as_str().unwrap().starts_with("[left out"));
    }

    #[test]
    fn the_query_of_an_address_is_redacted_too() {
        let address = "https://a.example/b?x=1&api_key=hunter2&c";
        let written = "https://a.example/b?x=1&api_key=[redacted]&c";
        assert_eq!(redaction("").address(address), written);
        assert_eq!(redaction("arguments = 'full'").address(address), address);
        assert_eq!(redaction("").address("a://b"), "a://b");
    }
}
