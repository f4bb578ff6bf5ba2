//! From what a prompt's function returns to what the contract wants: text
//! becomes one message of the user.

use std::borrow::Cow;

use crate::content::to_json;
use crate::error::HandlerError;
use crate::fits::IntoHandlerError;
use crate::{Content, PromptMessage, PromptResult, Role};

/// What a prompt may return, alone or in a `Result`: text (one message of the
/// user), [`PromptMessage`], several of these, or a [`PromptResult`].
#[diagnostic::on_unimplemented(
    message = "a prompt can't return `{Self}`",
    label = "it is neither text nor messages",
    note = "return text, `PromptMessage`, `Vec<PromptMessage>`, `PromptResult`, or a `Result` of these"
)]
pub trait IntoPromptResult {
    /// Makes the result.
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
    pub fn user(content: impl Into<Content>) -> Self {
        Self {
            role: Role::User,
            content: content.into(),
        }
    }

    /// What the model says: text, or any [`Content`].
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
    pub fn new(messages: Vec<PromptMessage>) -> Self {
        Self {
            description: None,
            messages,
            meta: None,
        }
    }

    /// Sets what the prompt is for, in place of its doc comment.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets MCP's `_meta`, an object.
    ///
    /// # Errors
    /// If the value can't be written as JSON.
    pub fn meta<T: serde::Serialize + ?Sized>(mut self, value: &T) -> Result<Self, HandlerError> {
        self.meta = Some(to_json(value)?);
        Ok(self)
    }
}
