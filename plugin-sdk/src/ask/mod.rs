//! Asking the user, from the side of a handler: it says what it wants to know
//! and leaves; the host asks, and runs it again with the answers. Nothing waits
//! and no instance is kept.
//!
//! What a question is made of, and how its answer is read, is in the modules;
//! here is what they have in common.

mod form;
mod form_schema;
mod roots;
mod round;
mod sampling;
mod visit;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use form::{Elicited, Form};
pub use roots::{ListRoots, Root};
pub use round::{Entry, Questions, Round};
pub(crate) use round::{Memory, client_with, has, remembering};
pub use sampling::{Sampled, Sampling};
pub use visit::Visit;

use crate::bindings::host::fusebox::plugin::types::InputRequest;
use crate::content::to_json;
use crate::context::Context;
use crate::error::HandlerError;

/// Something a client can do for a handler, if it says so.
///
/// ```
/// use fusebox_sdk::prelude::*;
///
/// let asks = Context::for_test().list_roots("roots").unwrap_err();
/// assert_eq!(asks.missing_capability(), Some(Capability::ListRoots));
///
/// let ctx = Context::for_test().with_client(&[Capability::ListRoots]);
/// let asks = ctx.list_roots("roots").unwrap_err();
/// assert_eq!(asks.missing_capability(), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// show the user a form
    Form,
    /// send the user to an address
    Visit,
    /// ask its model
    Sample,
    /// list its roots
    ListRoots,
}

impl Capability {
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Form => "show a form",
            Self::Visit => "open an address",
            Self::Sample => "ask its model",
            Self::ListRoots => "list its roots",
        }
    }
}

/// What may be asked: [`Form`], [`Visit`], [`Sampling`], [`ListRoots`].
///
/// ```
/// use fusebox_sdk::prelude::*;
/// use fusebox_sdk::serde_json::json;
/// use fusebox_sdk::{InputRequest, Question};
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Sure {
///     sure: bool,
/// }
///
/// /// Whether the user is sure: a form whose answer is a yes or a no.
/// struct Confirm(Form<Sure>);
///
/// impl Question for Confirm {
///     type Answer = bool;
///
///     const CAPABILITY: Capability = Capability::Form;
///
///     fn request(&self) -> Result<InputRequest, HandlerError> {
///         self.0.request()
///     }
///
///     fn read(&self, key: &str, answer: &str) -> Result<Option<bool>, HandlerError> {
///         let answer = self.0.read(key, answer)?;
///         Ok(answer.map(|answer| matches!(answer, Elicited::Accepted(Sure { sure: true }))))
///     }
/// }
///
/// let yes = json!({"delete": {"action": "accept", "content": {"sure": true}}});
/// let ctx = Context::for_test().with_answers(&yes);
/// assert!(ctx.ask("delete", Confirm(Form::new("Delete all of it?")))?);
/// # Ok::<(), HandlerError>(())
/// ```
pub trait Question {
    /// What the answer is read into.
    type Answer;

    /// What the client must be able to do.
    const CAPABILITY: Capability;

    /// The question, as the contract has it.
    ///
    /// ```
    /// # use fusebox_sdk::{InputRequest, Question, prelude::*};
    /// let visit = Visit::new("Sign in, please", "https://example.org/sign-in");
    /// assert!(matches!(visit.request()?, InputRequest::Elicit(params) if params.contains("sign-in")));
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// If the question can't be put.
    fn request(&self) -> Result<InputRequest, HandlerError>;

    /// Reads the answer, a JSON text; `None` if it is none, so that the
    /// question is asked again.
    ///
    /// ```
    /// # use fusebox_sdk::{Question, prelude::*};
    /// let roots = ListRoots.read("roots", r#"{"roots": [{"uri": "file:///a"}]}"#)?;
    /// assert_eq!(roots.map(|roots| roots.len()), Some(1));
    /// assert_eq!(ListRoots.read("roots", "{}")?, None);
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// If it is an answer to something else.
    fn read(&self, key: &str, answer: &str) -> Result<Option<Self::Answer>, HandlerError>;
}

impl Context {
    /// Asks the user for a `T`: a struct of text, numbers, booleans and
    /// choices, which derives `serde::Deserialize` and `schemars::JsonSchema`.
    /// Doc comments and `#[schemars(title = "...")]` are what the user reads,
    /// `#[serde(default)]` gives a field that may be left out.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Name {
    ///     /// as on your passport
    ///     name: String,
    /// }
    ///
    /// /// Greets you.
    /// #[tool]
    /// fn greet(context: &Context) -> Result<String, HandlerError> {
    ///     let name: Name = context.elicit("user_name", "What is your name?")?;
    ///     Ok(format!("Hello, {}!", name.name))
    /// }
    ///
    /// // The first round only asks.
    /// let asks = greet(&Context::for_test()).unwrap_err();
    /// assert_eq!(asks.questions()[0].0, "user_name");
    /// ```
    ///
    /// The handler runs again from its beginning once there is an answer, so
    /// what must happen once belongs after the last question. `key` tells the
    /// questions of one handler apart.
    ///
    /// # Errors
    /// Until there is an answer, and if the user declines or dismisses the
    /// question: the caller then reads that. To go on without an answer, use
    /// [`Context::ask`] with a [`Form`].
    pub fn elicit<T>(&self, key: &str, message: &str) -> Result<T, HandlerError>
    where
        T: DeserializeOwned + JsonSchema,
    {
        self.ask(key, Form::new(message))?.accepted()
    }

    /// Sends the user to an address, and goes on once they agreed to go there.
    /// What they do there, the handler learns elsewhere.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    /// use fusebox_sdk::serde_json::json;
    ///
    /// /// Connects the user's account.
    /// #[tool]
    /// fn connect(ctx: &Context) -> Result<&'static str, HandlerError> {
    ///     ctx.elicit_url("sign_in", "Sign in, please", "https://example.org/sign-in")?;
    ///     Ok("The user is signing in.")
    /// }
    ///
    /// let yes = json!({"sign_in": {"action": "accept"}});
    /// assert_eq!(connect(&Context::for_test().with_answers(&yes))?, "The user is signing in.");
    /// let no = json!({"sign_in": {"action": "decline"}});
    /// assert!(connect(&Context::for_test().with_answers(&no)).is_err());
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// As for [`Context::elicit`].
    pub fn elicit_url(&self, key: &str, message: &str, url: &str) -> Result<(), HandlerError> {
        self.ask(key, Visit::new(message, url))?.accepted()
    }

    /// Asks the client's model, and gives the text of its answer.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    /// use fusebox_sdk::serde_json::json;
    ///
    /// /// A title for a text.
    /// #[tool]
    /// fn title(text: String, ctx: &Context) -> Result<String, HandlerError> {
    ///     let title = ctx.sample("title", &format!("A title for this, please: {text}"), 20)?;
    ///     Ok(title.trim().to_owned())
    /// }
    ///
    /// let content = json!({"type": "text", "text": "On Tea\n"});
    /// let said = json!({"role": "assistant", "model": "m", "content": content});
    /// let ctx = Context::for_test().with_answers(&json!({"title": said}));
    /// assert_eq!(title("Tea is hot.".into(), &ctx)?, "On Tea");
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// Until there is an answer.
    pub fn sample(&self, key: &str, prompt: &str, tokens_max: u32) -> Result<String, HandlerError> {
        Ok(self.ask(key, Sampling::new(prompt, tokens_max))?.text())
    }

    /// Asks which folders the client works in.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    /// use fusebox_sdk::serde_json::json;
    ///
    /// /// Where the client works.
    /// #[tool]
    /// fn places(ctx: &Context) -> Result<Vec<String>, HandlerError> {
    ///     Ok(ctx.list_roots("roots")?.into_iter().map(|root| root.uri).collect())
    /// }
    ///
    /// let roots = json!({"roots": {"roots": [{"uri": "file:///home/ada", "name": "home"}]}});
    /// let ctx = Context::for_test().with_answers(&roots);
    /// assert_eq!(places(&ctx)?, ["file:///home/ada"]);
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// Until there is an answer.
    pub fn list_roots(&self, key: &str) -> Result<Vec<Root>, HandlerError> {
        self.ask(key, ListRoots)
    }

    /// Asks one question of any kind.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    /// use fusebox_sdk::serde_json::json;
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Milk {
    ///     milk: bool,
    /// }
    ///
    /// /// Makes tea; who doesn't say has it black.
    /// #[tool]
    /// fn tea(ctx: &Context) -> Result<&'static str, HandlerError> {
    ///     let milk = ctx.ask("milk", Form::<Milk>::new("With milk?"))?;
    ///     Ok(if milk.ok().is_some_and(|it| it.milk) { "white" } else { "black" })
    /// }
    ///
    /// let ctx = Context::for_test().with_answers(&json!({"milk": {"action": "cancel"}}));
    /// assert_eq!(tea(&ctx)?, "black");
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// Until there is an answer. [`HandlerError::missing_capability`] tells
    /// whether there can be one.
    pub fn ask<Q: Question>(&self, key: &str, question: Q) -> Result<Q::Answer, HandlerError> {
        self.ask_all(((key, question),)).map(|(answer,)| answer)
    }

    /// Asks several questions at once: a tuple, or a list, of pairs of key and
    /// question, and gives the answers in the same order. A pair may be in an
    /// `Option`: nothing is asked where there is `None`.
    ///
    /// ```
    /// # use fusebox_sdk::prelude::*;
    /// # use fusebox_sdk::serde_json::json;
    /// # let context = Context::for_test()
    /// #     .with_client(&[Capability::Sample, Capability::ListRoots])
    /// #     .with_answers(&json!({
    /// #         "poem": {"role": "assistant", "model": "m", "content": {"type": "text", "text": "O!"}},
    /// #         "roots": {"roots": [{"uri": "file:///home"}]},
    /// #     }));
    /// # fn handler(context: &Context) -> Result<(), HandlerError> {
    /// let (poem, roots) = context.ask_all((
    ///     ("poem", Sampling::new("Write a poem.", 100)),
    ///     ("roots", ListRoots),
    /// ))?;
    /// # assert_eq!((poem.text().as_str(), roots[0].uri.as_str()), ("O!", "file:///home"));
    /// # Ok(())
    /// # }
    /// # handler(&context)?;
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// Until all have an answer.
    pub fn ask_all<Q: Questions>(&self, questions: Q) -> Result<Q::Answers, HandlerError> {
        let mut round = Round::new(self)?;
        let answers = questions.put(&mut round)?;
        round.end(answers)
    }

    /// What [`Context::set_state`] left in an earlier round of this call.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Guess {
    ///     number: u32,
    /// }
    ///
    /// /// Has the user guess a number, which stays the same through all rounds.
    /// #[tool]
    /// fn guess(ctx: &Context) -> Result<String, HandlerError> {
    ///     let drawn = ctx.state()?.unwrap_or(draw());
    ///     ctx.set_state(&drawn)?;
    ///     let guess: Guess = ctx.elicit("guess", "Which number is it?")?;
    ///     Ok(if guess.number == drawn { "yes".to_owned() } else { format!("no: {drawn}") })
    /// }
    /// # fn draw() -> u32 { 7 }
    ///
    /// // A test is in the first round, where there is none.
    /// assert_eq!(Context::for_test().state::<u32>()?, None);
    /// # let answer = fusebox_sdk::serde_json::json!({"guess": {"action": "accept", "content": {"number": 8}}});
    /// # assert_eq!(guess(&Context::for_test().with_answers(&answer))?, "no: 7");
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// If it was of another type.
    pub fn state<T: DeserializeOwned>(&self) -> Result<Option<T>, HandlerError> {
        let Some(json) = remembering(&self.inner.call)?.state else {
            return Ok(None);
        };
        match serde_json::from_str(json.get()) {
            Ok(state) => Ok(Some(state)),
            Err(error) => Err(HandlerError::new(format_args!(
                "failed to read the state of an earlier round: {error}"
            ))),
        }
    }

    /// Leaves a value for the rounds of this call that follow the next
    /// question; it stays until another one replaces it. Answers needn't be
    /// kept like this: they are there in every later round. The host seals
    /// what is kept, so the client can neither read nor change it.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// Reserves a seat, and asks whether it pleases.
    /// #[tool]
    /// fn seat(ctx: &Context) -> Result<String, HandlerError> {
    ///     let seat: u64 = match ctx.state()? {
    ///         Some(seat) => seat,
    ///         None => ctx.store()?.increment("seats", 1)?,
    ///     };
    ///     // Asked again, it is the same seat and not the next one.
    ///     ctx.set_state(&seat)?;
    ///     ctx.elicit_url("look", "Have a look at it", "https://example.org/seats")?;
    ///     Ok(format!("seat {seat}"))
    /// }
    ///
    /// let yes = fusebox_sdk::serde_json::json!({"look": {"action": "accept"}});
    /// assert_eq!(seat(&Context::for_test().with_answers(&yes))?, "seat 1");
    /// # Ok::<(), HandlerError>(())
    /// ```
    ///
    /// # Errors
    /// If the value can't be written as JSON.
    pub fn set_state<T: Serialize + ?Sized>(&self, state: &T) -> Result<(), HandlerError> {
        self.inner.memory.borrow_mut().state = Some(to_json(state)?);
        Ok(())
    }
}
