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
///
/// ```
/// use fusebox_sdk::prelude::*;
///
/// /// Halves a number.
/// #[tool]
/// fn half(number: String) -> Result<u32, HandlerError> {
///     let number: u32 = number.parse()?;
///     match number % 2 {
///         0 => Ok(number / 2),
///         _ => Err("it is odd".into()),
///     }
/// }
///
/// assert_eq!(half("8".into())?, 4);
/// assert_eq!(half("7".into()).unwrap_err().message(), "it is odd");
/// assert_eq!(half("x".into()).unwrap_err().message(), "invalid digit found in string");
/// # Ok::<(), HandlerError>(())
/// ```
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
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let error = HandlerError::new(format_args!("the disk has {} bytes left", 7));
    /// assert_eq!(error.message(), "the disk has 7 bytes left");
    /// ```
    pub fn new(message: impl Display) -> Self {
        Self::of(Kind::Failed, message.to_string())
    }

    /// The argument `name` does not fit, for a reason that its type can't
    /// express. The caller gets `invalid-params`.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// How many days there are from one to another.
    /// #[tool]
    /// fn days(from: u32, to: u32) -> Result<u32, HandlerError> {
    ///     to.checked_sub(from)
    ///         .ok_or_else(|| HandlerError::invalid_argument("to", "it is before `from`"))
    /// }
    ///
    /// assert_eq!(days(9, 1).unwrap_err().message(), "`to`: it is before `from`");
    /// ```
    pub fn invalid_argument(name: &str, reason: impl Display) -> Self {
        Self::invalid(format!("`{name}`: {reason}"))
    }

    /// There is nothing at that address; `message` says what was looked for.
    /// The reader of a resource gets MCP's own error for that, anyone else a
    /// plain failure.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// A room of the house.
    /// #[resource(uri_template = "house://{room}")]
    /// fn room(room: String) -> Result<&'static str, HandlerError> {
    ///     match room.as_str() {
    ///         "kitchen" => Ok("It smells of bread."),
    ///         _ => Err(HandlerError::not_found(format_args!("there is no {room}"))),
    ///     }
    /// }
    ///
    /// assert_eq!(room("attic".into()).unwrap_err().message(), "there is no attic");
    /// ```
    pub fn not_found(message: impl Display) -> Self {
        Self::of(Kind::NotFound, message.to_string())
    }

    /// What the caller will read.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let error: HandlerError = "no such city".into();
    /// assert_eq!(error.message(), "no such city");
    /// ```
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The questions that must be answered before the handler can go on, each
    /// under its key; empty if this is a failure. For tests of a handler.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// Goes to a page.
    /// #[tool]
    /// fn go(ctx: &Context) -> Result<(), HandlerError> {
    ///     ctx.elicit_url("there", "Have a look", "https://example.org")
    /// }
    ///
    /// let asks = go(&Context::for_test()).unwrap_err();
    /// assert_eq!(asks.questions()[0].0, "there");
    /// assert!(HandlerError::new("it failed").questions().is_empty());
    /// ```
    pub fn questions(&self) -> &[(String, InputRequest)] {
        match &self.kind {
            Kind::Asks(questions) => &questions.required.requests,
            _ => &[],
        }
    }

    /// What the client would have to be able to do for the user to be asked, if
    /// it can't. A handler that can do without an answer catches this; of one
    /// that returns it, the host tells the caller what its client lacks.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// A line of a poem, with or without a model.
    /// #[tool]
    /// fn line(ctx: &Context) -> Result<String, HandlerError> {
    ///     match ctx.sample("line", "Write one line of a poem.", 50) {
    ///         Err(error) if error.missing_capability() == Some(Capability::Sample) => {
    ///             Ok("Roses are red".to_owned())
    ///         }
    ///         other => other,
    ///     }
    /// }
    ///
    /// assert_eq!(line(&Context::for_test())?, "Roses are red");
    /// # Ok::<(), HandlerError>(())
    /// ```
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
