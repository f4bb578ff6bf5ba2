//! How a handler ends without a result: it could not do what was asked, or it
//! has to ask first. Neither is a fault: such a plugin works as it should.

use std::fmt::Display;

use crate::ask::Capability;
use crate::bindings::host::fusebox::plugin::types::{Failure, InputRequest, InputRequired};

/// Why a tool, a resource or a prompt gives no result.
///
/// Anything that can be displayed turns into one, so `?` works on the errors of
/// other libraries, and `Err("no such city".into())` on plain text. The caller
/// of a tool then gets a result with `isError: true` and the text.
///
/// A question to the user that has no answer yet is one too: `?` leaves the
/// handler, and the host runs it again when there is one; see
/// [`Context::ask`](crate::Context::ask).
///
/// It is deliberately not an [`std::error::Error`] itself: it ends in the
/// caller's hands, not in another error.
#[derive(Debug, Clone)]
pub struct HandlerError {
    pub(crate) kind: Kind,
    pub(crate) message: String,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// It was tried, and it failed.
    Failed,
    /// The caller must call differently.
    InvalidArguments,
    /// There is nothing there.
    NotFound,
    /// The user has to be asked first.
    Asks(Box<Questions>),
}

#[derive(Debug, Clone)]
pub(crate) struct Questions {
    pub(crate) required: InputRequired,
    /// what the client would have to be able to do, and can't
    pub(crate) missing: Option<Capability>,
}

impl HandlerError {
    /// It was tried, and it failed; `message` says why, for the model to read.
    pub fn new(message: impl Display) -> Self {
        Self::of(Kind::Failed, message.to_string())
    }

    /// The argument `name` does not fit, for a reason that its type can't
    /// express. The caller gets `invalid-params`.
    pub fn invalid_argument(name: &str, reason: impl Display) -> Self {
        Self::invalid(format!("`{name}`: {reason}"))
    }

    /// There is nothing at that address; `message` says what was looked for.
    /// The reader of a resource gets MCP's own error for that, anyone else a
    /// plain failure.
    pub fn not_found(message: impl Display) -> Self {
        Self::of(Kind::NotFound, message.to_string())
    }

    /// What the caller will read.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The questions that must be answered before the handler can go on, each
    /// under its key; empty if this is a failure. For tests of a handler.
    pub fn questions(&self) -> &[(String, InputRequest)] {
        match &self.kind {
            Kind::Asks(questions) => &questions.required.requests,
            _ => &[],
        }
    }

    /// What the client would have to be able to do for the user to be asked, if
    /// it can't. A handler that can do without an answer catches this; of one
    /// that returns it, the host tells the caller what its client lacks.
    pub fn missing_capability(&self) -> Option<Capability> {
        match &self.kind {
            Kind::Asks(questions) => questions.missing,
            _ => None,
        }
    }

    pub(crate) fn invalid(message: String) -> Self {
        Self::of(Kind::InvalidArguments, message)
    }

    pub(crate) fn of(kind: Kind, message: String) -> Self {
        Self { kind, message }
    }

    /// How a resource or a prompt ends, which have no results that are errors.
    ///
    /// # Errors
    /// The failure, if there is nothing to ask.
    pub(crate) fn into_questions(self) -> Result<InputRequired, Failure> {
        match self.kind {
            Kind::Asks(questions) => Ok(questions.required),
            Kind::Failed => Err(Failure::Failed(self.message)),
            Kind::InvalidArguments => Err(Failure::InvalidParams(self.message)),
            Kind::NotFound => Err(Failure::NotFound(self.message)),
        }
    }
}

impl<E: Display> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self::new(error)
    }
}
