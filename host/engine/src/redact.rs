//! Takes secrets out of what leaves the host beside a result: errors, faults,
//! logs and progress of a plugin that was given them.
//!
//! It owns the forms in which a secret is looked for: as it is, and as a string
//! of JSON holds it. It never looks for one that a plugin has turned into
//! something else.

use crate::call::{Answer, RequestEvent};
use crate::contract::types::{CallResult, Content, Failure, ResourceBody, ToolOutcome};
use crate::fault::{CallError, FaultKind};

/// What stands in the place of a secret.
const MASK: &str = "***";

/// Takes out the secrets of one plugin.
#[derive(Default)]
pub(crate) struct Redactor {
    /// longest first, so that one which holds another is taken out whole
    needles: Vec<String>,
}

impl Redactor {
    /// For these secrets.
    pub(crate) fn of<'a>(secrets: impl Iterator<Item = &'a str>) -> Self {
        let mut needles = Vec::new();
        for secret in secrets.filter(|secret| !secret.is_empty()) {
            needles.push(secret.to_owned());
            needles.push(escaped(secret, false));
            needles.push(escaped(secret, true));
        }
        needles.sort_by(|one, other| other.len().cmp(&one.len()).then(one.cmp(other)));
        needles.dedup();
        Self { needles }
    }

    /// Whether there is nothing to take out.
    pub(crate) fn is_idle(&self) -> bool {
        self.needles.is_empty()
    }

    /// Takes the secrets out of one text.
    pub(crate) fn text(&self, text: &mut String) {
        for needle in &self.needles {
            if text.contains(needle.as_str()) {
                *text = text.replace(needle.as_str(), MASK);
            }
        }
    }

    fn option(&self, text: &mut Option<String>) {
        if let Some(text) = text {
            self.text(text);
        }
    }

    /// Out of what a plugin says while it works.
    pub(crate) fn event(&self, event: &mut RequestEvent) {
        match event {
            RequestEvent::Log { data, logger, .. } => {
                self.text(data);
                self.option(logger);
            }
            RequestEvent::Progress { message, .. } => self.option(message),
        }
    }

    /// Out of what it answers, if that is an error: a result is the plugin's own.
    pub(crate) fn answer(&self, answer: &mut Answer) {
        let failure = match answer {
            Answer::Tool(Ok(ToolOutcome::Complete(result))) if result.is_error => {
                return self.result(result);
            }
            Answer::Tools(Err(failure))
            | Answer::Tool(Err(failure))
            | Answer::Resources(Err(failure))
            | Answer::ResourceTemplates(Err(failure))
            | Answer::Resource(Err(failure))
            | Answer::Prompts(Err(failure))
            | Answer::Prompt(Err(failure))
            | Answer::Completion(Err(failure)) => failure,
            _ => return,
        };
        match failure {
            Failure::InvalidParams(text) | Failure::NotFound(text) | Failure::Failed(text) => {
                self.text(text);
            }
        }
    }

    fn result(&self, result: &mut CallResult) {
        for content in &mut result.content {
            match content {
                Content::Text(text) => {
                    self.text(&mut text.text);
                    self.option(&mut text.meta);
                }
                Content::EmbeddedResource(embedded) => {
                    if let ResourceBody::Text(text) = &mut embedded.contents.body {
                        self.text(text);
                    }
                }
                Content::ResourceLink(link) => {
                    self.text(&mut link.uri);
                    self.option(&mut link.description);
                }
                Content::Image(_) | Content::Audio(_) => {}
            }
        }
        self.option(&mut result.structured);
        self.option(&mut result.meta);
    }

    /// Out of why it gave no answer.
    pub(crate) fn error(&self, error: &mut CallError) {
        if let CallError::Fault(fault) = error {
            self.text(&mut fault.detail);
            match &mut fault.kind {
                FaultKind::Trapped(text) | FaultKind::InvalidOutput(text) => self.text(text),
                _ => {}
            }
        }
    }
}

/// A text as a string of JSON holds it, without the quotes; `ascii` as those
/// write it who escape all else too, such as Python.
fn escaped(text: &str, ascii: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            char if char < ' ' || (ascii && !char.is_ascii()) => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            char => out.push(char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::types::TextContent;

    fn check(secrets: &[&str], text: &str, expected: &str) {
        let mut text = text.to_owned();
        Redactor::of(secrets.iter().copied()).text(&mut text);
        assert_eq!(text, expected);
    }

    #[test]
    fn a_secret_is_taken_out_in_each_form_of_json() {
        check(
            &["hunter22"],
            "it is hunter22, hunter22!",
            "it is ***, ***!",
        );
        check(&["a\"b\\c\n"], r#"{"key":"a\"b\\c\n"}"#, r#"{"key":"***"}"#);
        check(&["grün"], r#"["gr\u00fcn","grün"]"#, r#"["***","***"]"#);
        check(&["abc", "abcdef"], "abcdef abc", "*** ***");
        check(&[], "hunter22", "hunter22");
        assert!(Redactor::default().is_idle());
    }

    #[test]
    fn errors_lose_it_and_results_keep_it() {
        let redactor = Redactor::of(["hunter22"].into_iter());
        let answer = |is_error| {
            let text = Content::Text(TextContent {
                text: "hunter22".to_owned(),
                annotations: None,
                meta: None,
            });
            Answer::Tool(Ok(ToolOutcome::Complete(CallResult {
                content: vec![text],
                structured: Some(r#"{"key":"hunter22"}"#.to_owned()),
                is_error,
                meta: None,
            })))
        };
        let shown = |mut answer: Answer| {
            redactor.answer(&mut answer);
            format!("{answer:?}").matches("hunter22").count()
        };
        assert_eq!(shown(answer(true)), 0);
        assert_eq!(shown(answer(false)), 2);
        let failed = Failure::Failed("hunter22".to_owned());
        assert_eq!(shown(Answer::Prompts(Err(failed))), 0);
    }
}
