//! An address for the user to visit: MCP's elicitation in URL mode, for what
//! must not pass through the client, such as a password.

use serde_json::json;

use super::form::read_action;
use super::{Capability, Elicited, Question};
use crate::bindings::host::fusebox::plugin::types::InputRequest;
use crate::error::HandlerError;

/// An address for the user to visit. Answered by [`Elicited`]: accepted means
/// that the user agreed to go there, not that they were done.
///
/// ```
/// use fusebox_sdk::prelude::*;
/// use fusebox_sdk::serde_json::json;
///
/// /// Has the user pay.
/// #[tool]
/// fn pay(ctx: &Context) -> Result<&'static str, HandlerError> {
///     let visit = Visit::new("Please pay for the table", "https://pay.example.org/7");
///     Ok(match ctx.ask("pay", visit)? {
///         Elicited::Accepted(()) => "on their way",
///         Elicited::Declined | Elicited::Cancelled => "not paid",
///     })
/// }
///
/// let no = json!({"pay": {"action": "decline"}});
/// assert_eq!(pay(&Context::for_test().with_answers(&no))?, "not paid");
/// # Ok::<(), HandlerError>(())
/// ```
pub struct Visit {
    message: String,
    url: String,
}

impl Visit {
    /// An address, and why the user is sent there.
    ///
    /// ```
    /// # use fusebox_sdk::{InputRequest, Question, prelude::*};
    /// let visit = Visit::new("Sign in, please", "https://example.org/sign-in");
    /// let InputRequest::Elicit(params) = visit.request()? else { panic!("it is asked of the user") };
    /// assert!(params.contains(r#""url":"https://example.org/sign-in""#));
    /// # Ok::<(), HandlerError>(())
    /// ```
    pub fn new(message: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            url: url.into(),
        }
    }
}

impl Question for Visit {
    type Answer = Elicited<()>;

    const CAPABILITY: Capability = Capability::Visit;

    fn request(&self) -> Result<InputRequest, HandlerError> {
        let params = json!({"mode": "url", "message": self.message, "url": self.url});
        Ok(InputRequest::Elicit(params.to_string()))
    }

    fn read(&self, _: &str, answer: &str) -> Result<Option<Elicited<()>>, HandlerError> {
        Ok(read_action(answer).map(|action| match action {
            Elicited::Accepted(_) => Elicited::Accepted(()),
            Elicited::Declined => Elicited::Declined,
            Elicited::Cancelled => Elicited::Cancelled,
        }))
    }
}
