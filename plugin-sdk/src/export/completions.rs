//! The export `completions`: which function completes what.

use super::report_panics;
use crate::bindings::host::fusebox::plugin::types::{Completion, CompletionReference, Failure};
use crate::completion::Known;
use crate::context::Context;
use crate::error::HandlerError;

/// A function with `#[completion]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no completion",
    label = "`completions: [...]` takes functions with `#[completion]`"
)]
pub trait Completer {
    /// All that is known about it.
    const DEFINITION: CompleterDefinition;
}

/// What `#[completion]` finds out about a function.
pub struct CompleterDefinition {
    /// whose argument is completed
    pub reference: Reference,
    /// which argument
    pub argument: &'static str,
    /// calls the function, encodes the result
    pub complete: fn(&str, &Known, &Context) -> Result<Completion, HandlerError>,
}

impl CompleterDefinition {
    /// That of a function which the macro refuses, so that its error is the only one.
    pub const fn refused(name: &'static str) -> Self {
        Self {
            reference: Reference::Prompt(name),
            argument: "",
            complete: |_, _, _| Ok(Completion::of_all([""; 0])),
        }
    }

    /// What no other completion of the plugin may have. A template has braces,
    /// the name of a prompt has none.
    pub const fn identity(&self) -> [&'static str; 2] {
        match self.reference {
            Reference::Prompt(name) | Reference::Template(name) => [name, self.argument],
        }
    }
}

/// Whose argument is completed.
pub enum Reference {
    /// a prompt's, by its name
    Prompt(&'static str),
    /// a template's, by its text
    Template(&'static str),
}

impl Reference {
    fn is(&self, other: &CompletionReference) -> bool {
        match (self, other) {
            (Self::Prompt(name), CompletionReference::Prompt(other)) => name == other,
            (Self::Template(text), CompletionReference::ResourceTemplate(other)) => text == other,
            _ => false,
        }
    }
}

/// Answers `complete`. What no function completes has no proposals: that is no
/// error, since a client asks for every argument.
///
/// # Errors
/// Those of the function.
pub fn complete(
    completers: &[CompleterDefinition],
    reference: &CompletionReference,
    name: &str,
    value: &str,
    known: Vec<(String, String)>,
) -> Result<Completion, Failure> {
    report_panics();
    let completer = completers
        .iter()
        .find(|completer| completer.argument == name && completer.reference.is(reference));
    let Some(completer) = completer else {
        return Ok(Completion {
            values: Vec::new(),
            total: Some(0),
            has_more: false,
        });
    };
    let context = Context::of_completion();
    match (completer.complete)(value, &Known::new(known), &context) {
        Ok(completion) => Ok(completion),
        // The contract has no way for a completion to ask.
        Err(error) => Err(error
            .into_questions()
            .err()
            .unwrap_or_else(|| Failure::Failed("a completion can't ask".into()))),
    }
}
