//! What a completion's function takes besides what is typed, and what it may
//! return.

use crate::Completion;
use crate::error::HandlerError;
use crate::fits::IntoHandlerError;

/// As many values as MCP lets a server propose.
const VALUES_MAX: usize = 100;

/// The arguments that were chosen before the one that is being completed.
#[derive(Debug, Clone, Default)]
pub struct Known(Vec<(String, String)>);

impl Known {
    /// Names and values, as for a test of a completion.
    pub fn new(arguments: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(arguments.into_iter().collect())
    }

    /// The value of an argument, if it was chosen.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What a completion may return, alone or in a `Result`: a list of text, best
/// first, or a [`Completion`].
#[diagnostic::on_unimplemented(
    message = "a completion can't return `{Self}`",
    label = "it is no list of text",
    note = "return `Vec<String>`, `Vec<&str>`, `Completion`, or a `Result` of these"
)]
pub trait IntoCompletion {
    /// Makes the proposals.
    ///
    /// # Errors
    /// The handler's own.
    fn into_completion(self) -> Result<Completion, HandlerError>;
}

#[diagnostic::do_not_recommend]
impl IntoCompletion for Completion {
    fn into_completion(self) -> Result<Self, HandlerError> {
        Ok(self)
    }
}

#[diagnostic::do_not_recommend]
impl IntoCompletion for Vec<String> {
    fn into_completion(self) -> Result<Completion, HandlerError> {
        Ok(Completion::of_all(self))
    }
}

#[diagnostic::do_not_recommend]
impl IntoCompletion for Vec<&str> {
    fn into_completion(self) -> Result<Completion, HandlerError> {
        Ok(Completion::of_all(self))
    }
}

impl<T: IntoCompletion, E: IntoHandlerError> IntoCompletion for Result<T, E> {
    fn into_completion(self) -> Result<Completion, HandlerError> {
        self.map_err(E::into_handler_error)?.into_completion()
    }
}

impl Completion {
    /// All that there are, best first. The first hundred are proposed, and it
    /// is said how many there are.
    pub fn of_all<T: Into<String>>(values: impl IntoIterator<Item = T>) -> Self {
        let mut values: Vec<String> = values.into_iter().map(Into::into).collect();
        let total = values.len();
        values.truncate(VALUES_MAX);
        Self {
            values,
            total: u32::try_from(total).ok(),
            has_more: total > VALUES_MAX,
        }
    }
}
