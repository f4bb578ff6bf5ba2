//! A form for the user to fill in: MCP's elicitation.

use std::borrow::Cow;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{Capability, Question, form_schema};
use crate::bindings::host::fusebox::plugin::types::InputRequest;
use crate::error::HandlerError;

/// What became of a question to the user.
///
/// ```
/// use fusebox_sdk::prelude::*;
/// use fusebox_sdk::serde_json::json;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Party {
///     people: u32,
/// }
///
/// /// Books a table.
/// #[tool]
/// fn book(ctx: &Context) -> Result<String, HandlerError> {
///     Ok(match ctx.ask("party", Form::<Party>::new("For how many?"))? {
///         Elicited::Accepted(party) => format!("a table for {}", party.people),
///         Elicited::Declined => "no table".to_owned(),
///         Elicited::Cancelled => "a table for two, since nobody said".to_owned(),
///     })
/// }
///
/// let answered = |answer| Context::for_test().with_answers(&json!({"party": answer}));
/// let four = json!({"action": "accept", "content": {"people": 4}});
/// assert_eq!(book(&answered(four))?, "a table for 4");
/// assert_eq!(book(&answered(json!({"action": "decline"})))?, "no table");
/// # Ok::<(), HandlerError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Elicited<T> {
    /// an answer
    Accepted(T),
    /// a no
    Declined,
    /// neither: the question was dismissed
    Cancelled,
}

impl<T> Elicited<T> {
    /// The answer.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// assert_eq!(Elicited::Accepted(4).accepted()?, 4);
    /// let error = Elicited::<u32>::Declined.accepted().unwrap_err();
    /// assert_eq!(error.message(), "the user declined to answer");
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// If there is none; the caller reads why.
    pub fn accepted(self) -> Result<T, HandlerError> {
        match self {
            Self::Accepted(value) => Ok(value),
            Self::Declined => Err(HandlerError::new("the user declined to answer")),
            Self::Cancelled => Err(HandlerError::new("the user dismissed the question")),
        }
    }

    /// The answer, if there is one.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// assert_eq!(Elicited::Accepted(4).ok(), Some(4));
    /// assert_eq!(Elicited::Cancelled.ok().unwrap_or(2), 2);
    /// ```
    pub fn ok(self) -> Option<T> {
        match self {
            Self::Accepted(value) => Some(value),
            Self::Declined | Self::Cancelled => None,
        }
    }

    /// The name that MCP has for it: `accept`, `decline` or `cancel`.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// assert_eq!(Elicited::Accepted("yes").action(), "accept");
    /// assert_eq!(Elicited::<()>::Cancelled.action(), "cancel");
    /// ```
    pub fn action(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accept",
            Self::Declined => "decline",
            Self::Cancelled => "cancel",
        }
    }
}

/// A form with a field for each field of `T`. Answered by an
/// [`Elicited<T>`](Elicited).
///
/// ```
/// use fusebox_sdk::prelude::*;
/// use fusebox_sdk::{InputRequest, Question};
///
/// #[derive(Deserialize, JsonSchema)]
/// enum Size {
///     Small,
///     Large,
/// }
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Order {
///     size: Size,
///     /// anything that the cook should know
///     wish: Option<String>,
/// }
///
/// let form = Form::<Order>::new("What would you like?");
/// let InputRequest::Elicit(params) = form.request()? else { panic!("it is a form") };
/// assert!(params.contains(r#""enum":["Small","Large"]"#));
/// assert!(params.contains(r#""required":["size"]"#));
/// # Ok::<(), HandlerError>(())
/// ```
pub struct Form<T> {
    message: String,
    schema: fn() -> Result<String, HandlerError>,
    answer: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned + JsonSchema> Form<T> {
    /// A form under a message; see [`Context::elicit`](crate::Context::elicit)
    /// for what `T` may be.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// # #[derive(Deserialize, JsonSchema)]
    /// # struct Name { name: String }
    /// # fn ask(ctx: &Context) -> Result<String, HandlerError> {
    /// let name = ctx.ask("name", Form::<Name>::new("What is your name?"))?;
    /// let name = name.ok().map_or("stranger".to_owned(), |it| it.name);
    /// # Ok(name)
    /// # }
    /// # let no = fusebox_sdk::serde_json::json!({"name": {"action": "decline"}});
    /// # assert_eq!(ask(&Context::for_test().with_answers(&no))?, "stranger");
    /// # Ok::<(), HandlerError>(())
    /// ```
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            schema: form_schema::of::<T>,
            answer: PhantomData,
        }
    }
}

impl<T: DeserializeOwned> Question for Form<T> {
    type Answer = Elicited<T>;

    const CAPABILITY: Capability = Capability::Form;

    fn request(&self) -> Result<InputRequest, HandlerError> {
        let message = serde_json::Value::from(self.message.as_str());
        let schema = (self.schema)()?;
        Ok(InputRequest::Elicit(format!(
            "{{\"message\":{message},\"requestedSchema\":{schema}}}"
        )))
    }

    fn read(&self, key: &str, answer: &str) -> Result<Option<Elicited<T>>, HandlerError> {
        let content = match read_action(answer) {
            None => return Ok(None),
            Some(Elicited::Declined) => return Ok(Some(Elicited::Declined)),
            Some(Elicited::Cancelled) => return Ok(Some(Elicited::Cancelled)),
            Some(Elicited::Accepted(content)) => content,
        };
        match serde_json::from_str(content) {
            Ok(value) => Ok(Some(Elicited::Accepted(value))),
            Err(error) => Err(HandlerError::invalid_argument(
                key,
                format_args!("the answer doesn't fit: {error}"),
            )),
        }
    }
}

/// What the user did, with the JSON of the content; none if this is no answer
/// to an elicitation.
pub(super) fn read_action(answer: &str) -> Option<Elicited<&str>> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        action: Cow<'a, str>,
        #[serde(borrow)]
        content: Option<&'a RawValue>,
    }

    let answer: Answer<'_> = serde_json::from_str(answer).ok()?;
    match &*answer.action {
        "accept" => Some(Elicited::Accepted(
            answer.content.map_or("{}", RawValue::get),
        )),
        "decline" => Some(Elicited::Declined),
        "cancel" => Some(Elicited::Cancelled),
        _ => None,
    }
}
