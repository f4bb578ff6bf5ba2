//! From what a prompt's function returns to what the contract wants: text
//! becomes one message of the user.

use std::borrow::Cow;

use crate::content::to_json;
use crate::error::HandlerError;
use crate::fits::IntoHandlerError;
use crate::{Content, PromptMessage, PromptResult, Role};

/// What a prompt may return, alone or in a `Result`: text (one message of the
/// user), [`PromptMessage`], several of these, or a [`PromptResult`].
///
/// ```
/// use fusebox_sdk::IntoPromptResult;
/// use fusebox_sdk::prelude::*;
///
/// /// Questions that the model has already answered.
/// struct Asked(Vec<(String, String)>);
///
/// impl IntoPromptResult for Asked {
///     fn into_prompt_result(self) -> Result<PromptResult, HandlerError> {
///         let mut messages = Vec::new();
///         for (question, answer) in self.0 {
///             messages.push(PromptMessage::user(question));
///             messages.push(PromptMessage::assistant(answer));
///         }
///         Ok(PromptResult::new(messages))
///     }
/// }
///
/// /// Goes on with sums.
/// #[prompt]
/// fn sums() -> Asked {
///     Asked(vec![("1 + 1?".into(), "2".into())])
/// }
///
/// assert_eq!(sums().into_prompt_result()?.messages.len(), 2);
/// # Ok::<(), HandlerError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "a prompt can't return `{Self}`",
    label = "it is neither text nor messages",
    note = "return text, `PromptMessage`, `Vec<PromptMessage>`, `PromptResult`, or a `Result` of these"
)]
pub trait IntoPromptResult {
    /// Makes the result.
    ///
    /// ```
    /// # use fusebox_sdk::{IntoPromptResult, Role};
    /// # use fusebox_sdk::prelude::*;
    /// let result = "Explain tides.".into_prompt_result()?;
    /// assert_eq!(result.messages[0].role, Role::User);
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// The handler's own.
    fn into_prompt_result(self) -> Result<PromptResult, HandlerError>;
}

/// One value each.
macro_rules! results {
    ($($type:ty => |$value:ident| $messages:expr;)*) => { $(
        #[diagnostic::do_not_recommend]
        impl IntoPromptResult for $type {
            fn into_prompt_result(self) -> Result<PromptResult, HandlerError> {
                let $value = self;
                Ok(PromptResult::new($messages))
            }
        }
    )* };
}

results! {
    String => |text| vec![PromptMessage::user(text)];
    &str => |text| vec![PromptMessage::user(text)];
    Cow<'_, str> => |text| vec![PromptMessage::user(text.into_owned())];
    PromptMessage => |message| vec![message];
    Vec<PromptMessage> => |messages| messages;
}

#[diagnostic::do_not_recommend]
impl IntoPromptResult for PromptResult {
    fn into_prompt_result(self) -> Result<Self, HandlerError> {
        Ok(self)
    }
}

impl<T: IntoPromptResult, E: IntoHandlerError> IntoPromptResult for Result<T, E> {
    fn into_prompt_result(self) -> Result<PromptResult, HandlerError> {
        self.map_err(E::into_handler_error)?.into_prompt_result()
    }
}

impl PromptMessage {
    /// What the user says: text, or any [`Content`].
    ///
    /// ```
    /// # use fusebox_sdk::{Role, prelude::*};
    /// let question = PromptMessage::user("What is in this picture?");
    /// let picture = PromptMessage::user(Content::image([0xff], "image/png"));
    /// assert_eq!((question.role, picture.role), (Role::User, Role::User));
    /// ```
    pub fn user(content: impl Into<Content>) -> Self {
        Self {
            role: Role::User,
            content: content.into(),
        }
    }

    /// What the model says: text, or any [`Content`].
    ///
    /// ```
    /// # use fusebox_sdk::{Role, prelude::*};
    /// let said = PromptMessage::assistant("It is a cat.");
    /// assert_eq!(said.role, Role::Assistant);
    /// assert!(matches!(said.content, Content::Text(text) if text.text == "It is a cat."));
    /// ```
    pub fn assistant(content: impl Into<Content>) -> Self {
        Self {
            role: Role::Assistant,
            content: content.into(),
        }
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

/// A result put together by hand, for a prompt that gives more than messages.
impl PromptResult {
    /// The messages, in the order of the conversation.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let result = PromptResult::new(vec![PromptMessage::user("Explain tides.")]);
    /// assert_eq!((result.messages.len(), result.description), (1, None));
    /// ```
    pub fn new(messages: Vec<PromptMessage>) -> Self {
        Self {
            description: None,
            messages,
            meta: None,
        }
    }

    /// Sets what the prompt is for, in place of its doc comment.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// let result = PromptResult::new(Vec::new()).description("Explains tides");
    /// assert_eq!(result.description.as_deref(), Some("Explains tides"));
    /// ```
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets MCP's `_meta`, an object.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// # use fusebox_sdk::serde_json::json;
    /// let result = PromptResult::new(Vec::new()).meta(&json!({"example.org/version": 2}))?;
    /// assert_eq!(result.meta.as_deref(), Some(r#"{"example.org/version":2}"#));
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// If the value can't be written as JSON.
    pub fn meta<T: serde::Serialize + ?Sized>(mut self, value: &T) -> Result<Self, HandlerError> {
        self.meta = Some(to_json(value)?);
        Ok(self)
    }
}
