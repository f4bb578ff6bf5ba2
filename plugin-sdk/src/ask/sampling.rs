//! A question to the client's model: MCP's sampling.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Capability, Question};
use crate::bindings::host::fusebox::plugin::types::{InputRequest, Role};
use crate::error::HandlerError;

/// A conversation for the client's model to go on with. Answered by
/// [`Sampled`].
///
/// ```
/// use fusebox_sdk::prelude::*;
/// use fusebox_sdk::serde_json::json;
///
/// /// The capital of a country.
/// #[tool]
/// fn capital(country: String, ctx: &Context) -> Result<String, HandlerError> {
///     let question = Sampling::new(format!("What is the capital of {country}?"), 100)
///         .system("Answer in one word.")
///         .param("temperature", json!(0.0));
///     Ok(ctx.ask("capital", question)?.text())
/// }
///
/// let said = json!({"model": "m", "content": {"type": "text", "text": "Paris"}});
/// let ctx = Context::for_test().with_answers(&json!({"capital": said}));
/// assert_eq!(capital("France".into(), &ctx)?, "Paris");
/// # Ok::<(), HandlerError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sampling {
    messages: Vec<Value>,
    params: Map<String, Value>,
}

impl Sampling {
    /// What the user says first, and how long the answer may be.
    ///
    /// ```
    /// # use fusebox_sdk::{InputRequest, Question, prelude::*};
    /// let question = Sampling::new("What is the capital of France?", 100);
    /// let InputRequest::Sample(params) = question.request()? else { panic!("a model is asked") };
    /// assert!(params.contains(r#""maxTokens":100"#));
    /// # Ok::<(), HandlerError>(())
    /// ```
    pub fn new(prompt: impl Into<String>, tokens_max: u32) -> Self {
        let mut params = Map::new();
        params.insert("maxTokens".into(), tokens_max.into());
        let sampling = Self {
            messages: Vec::new(),
            params,
        };
        sampling.message(Role::User, text(prompt.into()))
    }

    /// Adds what the user says next.
    ///
    /// ```
    /// # use fusebox_sdk::{InputRequest, Question, prelude::*};
    /// let question = Sampling::new("A riddle, please.", 100)
    ///     .assistant("What has keys and opens no door?")
    ///     .user("A piano.");
    /// let InputRequest::Sample(params) = question.request()? else { panic!("a model is asked") };
    /// assert!(params.contains("A piano."));
    /// # Ok::<(), HandlerError>(())
    /// ```
    #[must_use]
    pub fn user(self, words: impl Into<String>) -> Self {
        self.message(Role::User, text(words.into()))
    }

    /// Adds what the model said.
    ///
    /// ```
    /// # use fusebox_sdk::{InputRequest, Question, prelude::*};
    /// // The model goes on where it seems to have stopped.
    /// let question = Sampling::new("Count to ten.", 100).assistant("1 2 3 4");
    /// let InputRequest::Sample(params) = question.request()? else { panic!("a model is asked") };
    /// assert!(params.contains(r#""role":"assistant""#));
    /// # Ok::<(), HandlerError>(())
    /// ```
    #[must_use]
    pub fn assistant(self, words: impl Into<String>) -> Self {
        self.message(Role::Assistant, text(words.into()))
    }

    /// Adds a message with any content that MCP allows here, as JSON.
    ///
    /// ```
    /// # use fusebox_sdk::{InputRequest, Question, Role, prelude::*, serde_json::json};
    /// let picture = json!({"type": "image", "data": "/9j/", "mimeType": "image/jpeg"});
    /// let question = Sampling::new("What is this?", 50).message(Role::User, picture);
    /// let InputRequest::Sample(params) = question.request()? else { panic!("a model is asked") };
    /// assert!(params.contains("image/jpeg"));
    /// # Ok::<(), HandlerError>(())
    /// ```
    #[must_use]
    pub fn message(mut self, role: Role, content: Value) -> Self {
        let role = match role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        self.messages
            .push(json!({"role": role, "content": content}));
        self
    }

    /// Sets the system prompt.
    ///
    /// ```
    /// # use fusebox_sdk::{InputRequest, Question, prelude::*};
    /// let question = Sampling::new("Who are you?", 50).system("You are a pirate.");
    /// let InputRequest::Sample(params) = question.request()? else { panic!("a model is asked") };
    /// assert!(params.contains(r#""systemPrompt":"You are a pirate.""#));
    /// # Ok::<(), HandlerError>(())
    /// ```
    #[must_use]
    pub fn system(self, prompt: impl Into<String>) -> Self {
        self.param("systemPrompt", Value::String(prompt.into()))
    }

    /// Sets any other member of the params of `sampling/createMessage`, such
    /// as `temperature` or `modelPreferences`.
    ///
    /// ```
    /// # use fusebox_sdk::{InputRequest, Question, prelude::*, serde_json::json};
    /// let question = Sampling::new("A number?", 5).param("stopSequences", json!(["."]));
    /// let InputRequest::Sample(params) = question.request()? else { panic!("a model is asked") };
    /// assert!(params.contains(r#""stopSequences":["."]"#));
    /// # Ok::<(), HandlerError>(())
    /// ```
    #[must_use]
    pub fn param(mut self, name: &str, value: Value) -> Self {
        self.params.insert(name.into(), value);
        self
    }
}

fn text(words: String) -> Value {
    json!({"type": "text", "text": words})
}

/// What the client's model said.
///
/// ```
/// use fusebox_sdk::prelude::*;
/// use fusebox_sdk::serde_json::json;
///
/// /// A poem, if it comes to its end.
/// #[tool]
/// fn poem(ctx: &Context) -> Result<String, HandlerError> {
///     let said = ctx.ask("poem", Sampling::new("Write a poem.", 100))?;
///     match said.stop_reason.as_deref() {
///         Some("maxTokens") => Err("the poem has no end".into()),
///         _ => Ok(said.text()),
///     }
/// }
///
/// let content = json!({"type": "text", "text": "O!"});
/// let said = json!({"role": "assistant", "model": "m", "content": content});
/// let ctx = Context::for_test().with_answers(&json!({"poem": said}));
/// assert_eq!(poem(&ctx)?, "O!");
/// # Ok::<(), HandlerError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sampled {
    /// which model it was
    pub model: Option<String>,
    /// why it stopped, such as `endTurn` or `maxTokens`
    pub stop_reason: Option<String>,
    /// the pieces of what it said, as MCP has them
    pub content: Vec<Value>,
}

impl Sampled {
    /// The text of all pieces that are text.
    ///
    /// ```
    /// # use fusebox_sdk::{Sampled, serde_json::json};
    /// let said = Sampled {
    ///     model: None,
    ///     stop_reason: None,
    ///     content: vec![
    ///         json!({"type": "text", "text": "Roses "}),
    ///         json!({"type": "image", "data": "/9j/", "mimeType": "image/jpeg"}),
    ///         json!({"type": "text", "text": "are red"}),
    ///     ],
    /// };
    /// assert_eq!(said.text(), "Roses are red");
    /// ```
    pub fn text(&self) -> String {
        let texts = self
            .content
            .iter()
            .filter_map(|piece| piece.get("text")?.as_str());
        texts.collect()
    }
}

impl Question for Sampling {
    type Answer = Sampled;

    const CAPABILITY: Capability = Capability::Sample;

    fn request(&self) -> Result<InputRequest, HandlerError> {
        let mut params = self.params.clone();
        params.insert("messages".into(), Value::Array(self.messages.clone()));
        Ok(InputRequest::Sample(Value::Object(params).to_string()))
    }

    fn read(&self, _: &str, answer: &str) -> Result<Option<Sampled>, HandlerError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            model: Option<String>,
            stop_reason: Option<String>,
            content: Value,
        }

        let Ok(answer) = serde_json::from_str::<Answer>(answer) else {
            return Ok(None);
        };
        let content = match answer.content {
            Value::Array(content) => content,
            piece @ Value::Object(_) => vec![piece],
            _ => return Ok(None),
        };
        Ok(Some(Sampled {
            model: answer.model,
            stop_reason: answer.stop_reason,
            content,
        }))
    }
}
