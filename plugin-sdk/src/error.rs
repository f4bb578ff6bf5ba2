//! How a handler says that it could not do what was asked. Neither kind is a
//! fault: a plugin that answers with an error works as it should.

use std::fmt::Display;

/// Why a tool gives no result.
///
/// Anything that can be displayed turns into one, so `?` works on the errors of
/// other libraries, and `Err("no such city".into())` on plain text. The caller
/// then gets a result with `isError: true` and the text.
///
/// It is deliberately not an [`std::error::Error`] itself: it ends in the
/// caller's hands, not in another error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolError {
    pub(crate) kind: Kind,
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The tool tried, and failed.
    Failed,
    /// The caller must call differently.
    InvalidArguments,
}

impl ToolError {
    /// The tool tried, and failed; `message` says why, for the model to read.
    pub fn new(message: impl Display) -> Self {
        Self {
            kind: Kind::Failed,
            message: message.to_string(),
        }
    }

    /// The argument `name` does not fit, for a reason that its type can't
    /// express. The caller gets `invalid-params`.
    pub fn invalid_argument(name: &str, reason: impl Display) -> Self {
        Self::invalid(format!("`{name}`: {reason}"))
    }

    /// What the caller will read.
    pub fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn invalid(message: String) -> Self {
        Self {
            kind: Kind::InvalidArguments,
            message,
        }
    }

    pub(crate) fn into_message(self) -> String {
        self.message
    }
}

impl<E: Display> From<E> for ToolError {
    fn from(error: E) -> Self {
        Self::new(error)
    }
}
