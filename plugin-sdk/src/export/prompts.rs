//! The export `prompts`: what is listed of each, and the way of a get.

use super::{marked, report_panics};
use crate::bindings::host::fusebox::plugin::types::{
    CacheHint, CallContext, Failure, Prompt as PromptEntry, PromptArgument, PromptOutcome,
    PromptResult,
};
use crate::context::Context;
use crate::error::HandlerError;
use crate::text::{self, TextArgument};

/// A function with `#[prompt]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no prompt",
    label = "`prompts: [...]` takes functions with `#[prompt]`"
)]
pub trait Prompt {
    /// All that is known about it.
    const DEFINITION: PromptDefinition;
}

/// What `#[prompt]` finds out about a function.
pub struct PromptDefinition {
    /// the name it is got by
    pub name: &'static str,
    /// a name for people
    pub title: Option<&'static str>,
    /// what it is for
    pub description: Option<&'static str>,
    /// MCP icons, a JSON array
    pub icons: Option<&'static str>,
    /// MCP `_meta`, a JSON object
    pub meta: Option<&'static str>,
    /// what it takes
    pub arguments: &'static [TextArgument],
    /// decodes the arguments, each in its place, calls the function, encodes
    /// the result
    pub get: fn(&[Option<&str>], &Context) -> Result<PromptResult, HandlerError>,
}

impl PromptDefinition {
    /// That of a function which the macro refuses, so that its error is the only one.
    pub const fn refused(name: &'static str) -> Self {
        Self {
            name,
            title: None,
            description: None,
            icons: None,
            meta: None,
            arguments: &[],
            get: |_, _| Ok(PromptResult::new(Vec::new())),
        }
    }

    /// What no other prompt of the plugin may have.
    pub const fn identity(&self) -> [&'static str; 2] {
        [self.name, ""]
    }
}

/// Answers `list-prompts`.
///
/// # Errors
/// None.
pub fn list_prompts(
    prompts: &[PromptDefinition],
    lists: Option<CacheHint>,
) -> Result<Vec<PromptEntry>, Failure> {
    report_panics();
    let argument = |argument: &TextArgument| PromptArgument {
        name: argument.name.into(),
        title: argument.title.map(Into::into),
        description: argument.description.map(Into::into),
        required: argument.required,
    };
    let entry = |prompt: &PromptDefinition| PromptEntry {
        name: prompt.name.into(),
        title: prompt.title.map(Into::into),
        description: prompt.description.map(Into::into),
        arguments: prompt.arguments.iter().map(argument).collect(),
        icons: prompt.icons.map(Into::into),
        meta: marked(prompt.meta, lists),
    };
    Ok(prompts.iter().map(entry).collect())
}

/// Answers `get-prompt`. The doc comment of a prompt describes its result too,
/// unless the result says otherwise.
///
/// # Errors
/// If there is no such prompt, or the arguments don't fit.
pub fn get_prompt(
    prompts: &[PromptDefinition],
    name: &str,
    arguments: &[(String, String)],
    context: CallContext,
) -> Result<PromptOutcome, Failure> {
    report_panics();
    let Some(prompt) = prompts.iter().find(|prompt| prompt.name == name) else {
        return Err(Failure::NotFound(format!("no prompt is called `{name}`")));
    };
    let result = text::place(arguments, prompt.arguments)
        .and_then(|given| (prompt.get)(&given, &Context::new(context)));
    match result {
        Ok(mut result) => {
            if result.description.is_none() {
                result.description = prompt.description.map(Into::into);
            }
            Ok(PromptOutcome::Complete(result))
        }
        Err(error) => error.into_questions().map(PromptOutcome::InputRequired),
    }
}
