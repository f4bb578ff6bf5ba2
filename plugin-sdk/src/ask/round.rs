//! One round of questions: which have an answer, which are open, and what the
//! next round must know. An answer that was used goes with the state to the
//! rounds that follow, since a client sends each answer once.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Capability, Question};
use crate::bindings::host::fusebox::plugin::types::{
    CallContext, ClientCapabilities, InputRequest, InputRequired,
};
use crate::content::to_json;
use crate::context::Context;
use crate::error::{self, HandlerError, Kind};

/// What this run of the handler leaves to the next.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory {
    /// the answers it used: key and JSON
    answers: Vec<(String, String)>,
    /// the state it set, as JSON
    pub(crate) state: Option<String>,
}

/// What earlier runs left, as it travels in the request's state.
#[derive(Deserialize, Serialize, Default)]
pub(crate) struct Remembered<'a> {
    #[serde(borrow, default)]
    answers: BTreeMap<Cow<'a, str>, &'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<&'a RawValue>,
}

/// Reads what earlier rounds left.
///
/// # Errors
/// If another version of the plugin wrote it.
pub(crate) fn remembering(call: &CallContext) -> Result<Remembered<'_>, HandlerError> {
    match &call.request_state {
        None => Ok(Remembered::default()),
        Some(bytes) => serde_json::from_slice(bytes).map_err(|error| {
            HandlerError::new(format_args!(
                "failed to read the state of an earlier round: {error}"
            ))
        }),
    }
}

/// A round, while its questions are gathered.
///
/// ```
/// use fusebox_sdk::prelude::*;
/// use fusebox_sdk::serde_json::json;
/// use fusebox_sdk::{Questions, Root, Round};
///
/// /// What several tools ask first: where the client works, and what it is called.
/// struct Place;
///
/// impl Questions for Place {
///     type Answers = (Vec<Root>, String);
///
///     fn put(self, round: &mut Round<'_>) -> Result<Option<Self::Answers>, HandlerError> {
///         let name = Sampling::new("A name for my project?", 10);
///         let answers = (("roots", ListRoots), ("name", name)).put(round)?;
///         Ok(answers.map(|(roots, name)| (roots, name.text())))
///     }
/// }
///
/// let ctx = Context::for_test().with_answers(&json!({
///     "roots": {"roots": [{"uri": "file:///argo"}]},
///     "name": {"model": "m", "content": {"type": "text", "text": "Argo"}},
/// }));
/// let (roots, name) = ctx.ask_all(Place)?;
/// assert_eq!((roots.len(), name.as_str()), (1, "Argo"));
/// # Ok::<(), HandlerError>(())
/// ```
pub struct Round<'a> {
    context: &'a Context,
    remembered: Remembered<'a>,
    /// what the client answered to the round before this
    fresh: BTreeMap<Cow<'a, str>, &'a RawValue>,
    open: Vec<(String, InputRequest)>,
    missing: Option<(Capability, String)>,
}

impl<'a> Round<'a> {
    pub(crate) fn new(context: &'a Context) -> Result<Self, HandlerError> {
        let call = &context.inner.call;
        let fresh = call.input_responses.as_deref().map(serde_json::from_str);
        Ok(Self {
            context,
            remembered: remembering(call)?,
            // What is no object answers nothing.
            fresh: fresh.and_then(Result::ok).unwrap_or_default(),
            open: Vec::new(),
            missing: None,
        })
    }

    /// The answer to a question; if there is none, the question is open.
    fn put<Q: Question>(
        &mut self,
        key: &str,
        question: &Q,
    ) -> Result<Option<Q::Answer>, HandlerError> {
        for given in self.given(key).into_iter().flatten() {
            if let Some(answer) = question.read(key, given)? {
                self.keep(key, given);
                return Ok(Some(answer));
            }
        }
        self.open(key, question.request()?, Q::CAPABILITY)?;
        Ok(None)
    }

    /// What may answer a question. What was answered before comes first: a
    /// later round can't change it.
    fn given(&self, key: &str) -> [Option<&'a str>; 2] {
        let json = |answers: &BTreeMap<Cow<'a, str>, &'a RawValue>| {
            answers.get(key).map(|answer| answer.get())
        };
        [json(&self.remembered.answers), json(&self.fresh)]
    }

    /// Keeps an answer that was used for the rounds that follow.
    fn keep(&self, key: &str, answer: &str) {
        let mut memory = self.context.inner.memory.borrow_mut();
        if !memory.answers.iter().any(|(known, _)| known == key) {
            memory.answers.push((key.into(), answer.into()));
        }
    }

    fn open(
        &mut self,
        key: &str,
        request: InputRequest,
        needed: Capability,
    ) -> Result<(), HandlerError> {
        if self.open.iter().any(|(known, _)| known == key) {
            return Err(HandlerError::new(format_args!(
                "two questions of one round have the key `{key}`"
            )));
        }
        self.open.push((key.into(), request));
        if self.missing.is_none() && !self.context.client_can(needed) {
            self.missing = Some((needed, key.into()));
        }
        Ok(())
    }

    /// The answers, or the way out of the handler with what is open.
    pub(crate) fn end<T>(self, answers: Option<T>) -> Result<T, HandlerError> {
        if let Some(answers) = answers
            && self.open.is_empty()
        {
            return Ok(answers);
        }
        let state = self.state()?;
        let message = match &self.missing {
            None => "the user has to be asked first".to_owned(),
            Some((capability, key)) => format!(
                "the client can't {}, and so can't be asked for `{key}`",
                capability.in_words()
            ),
        };
        let questions = error::Questions {
            required: InputRequired {
                requests: self.open,
                state,
            },
            missing: self.missing.map(|(capability, _)| capability),
        };
        Err(HandlerError::of(Kind::Asks(Box::new(questions)), message))
    }

    /// What the next round must know, if there is anything.
    fn state(&self) -> Result<Option<Vec<u8>>, HandlerError> {
        let memory = self.context.inner.memory.borrow();
        let raw = |json: &str| RawValue::from_string(json.to_owned());
        let answers: Result<Vec<_>, _> = memory.answers.iter().map(|(_, json)| raw(json)).collect();
        let answers = answers?;
        let keys = memory
            .answers
            .iter()
            .map(|(key, _)| Cow::Borrowed(key.as_str()));
        let set = memory.state.as_deref().map(raw).transpose()?;
        let remembered = Remembered {
            answers: keys.zip(answers.iter().map(|answer| &**answer)).collect(),
            state: set.as_deref().or(self.remembered.state),
        };
        match remembered.answers.is_empty() && remembered.state.is_none() {
            true => Ok(None),
            false => Ok(Some(to_json(&remembered)?.into_bytes())),
        }
    }
}

/// What [`Context::ask_all`] takes: a tuple or a list of [`Entry`]s.
///
/// ```
/// use fusebox_sdk::prelude::*;
/// use fusebox_sdk::serde_json::json;
///
/// /// Asks the model for a word about each thing, all at once.
/// #[tool]
/// fn words(things: Vec<String>, ctx: &Context) -> Result<Vec<String>, HandlerError> {
///     let question = |thing: &String| {
///         (thing.clone(), Sampling::new(format!("One word about {thing}?"), 10))
///     };
///     let said = ctx.ask_all(things.iter().map(question).collect::<Vec<_>>())?;
///     Ok(said.iter().map(|one| one.text()).collect())
/// }
///
/// let said = |text| json!({"model": "m", "content": {"type": "text", "text": text}});
/// let ctx = Context::for_test().with_answers(&json!({"tea": said("hot"), "ice": said("cold")}));
/// assert_eq!(words(vec!["ice".into(), "tea".into()], &ctx)?, ["cold", "hot"]);
/// # Ok::<(), HandlerError>(())
/// ```
pub trait Questions {
    /// The answers, in the same order.
    type Answers;

    /// Puts every question; `None` if one has no answer yet.
    ///
    /// # Errors
    /// If a question can't be put, or an answer doesn't fit.
    fn put(self, round: &mut Round<'_>) -> Result<Option<Self::Answers>, HandlerError>;
}

/// One of several questions: a pair of key and question, or an `Option` of it.
///
/// ```
/// use fusebox_sdk::prelude::*;
///
/// /// Asks for the client's folders only if none is named.
/// #[tool]
/// fn folder(named: Option<String>, ctx: &Context) -> Result<String, HandlerError> {
///     let question = named.is_none().then_some(("roots", ListRoots));
///     let (roots,) = ctx.ask_all((question,))?;
///     let first = roots.and_then(|roots| Some(roots.into_iter().next()?.uri));
///     named.or(first).ok_or_else(|| "there is no folder".into())
/// }
///
/// assert_eq!(folder(Some("/tmp".into()), &Context::for_test())?, "/tmp");
/// assert_eq!(folder(None, &Context::for_test()).unwrap_err().questions().len(), 1);
/// # Ok::<(), HandlerError>(())
/// ```
pub trait Entry {
    /// What the answer is read into.
    type Answer;

    /// Puts the question; `None` if it has no answer yet.
    ///
    /// # Errors
    /// If it can't be put, or the answer doesn't fit.
    fn put(self, round: &mut Round<'_>) -> Result<Option<Self::Answer>, HandlerError>;
}

impl<K: AsRef<str>, Q: Question> Entry for (K, Q) {
    type Answer = Q::Answer;

    fn put(self, round: &mut Round<'_>) -> Result<Option<Q::Answer>, HandlerError> {
        round.put(self.0.as_ref(), &self.1)
    }
}

impl<E: Entry> Entry for Option<E> {
    type Answer = Option<E::Answer>;

    fn put(self, round: &mut Round<'_>) -> Result<Option<Self::Answer>, HandlerError> {
        match self {
            Some(entry) => Ok(entry.put(round)?.map(Some)),
            None => Ok(Some(None)),
        }
    }
}

impl<E: Entry> Questions for Vec<E> {
    type Answers = Vec<E::Answer>;

    fn put(self, round: &mut Round<'_>) -> Result<Option<Self::Answers>, HandlerError> {
        // All are put before the first that is open ends the round.
        let answers: Result<Vec<_>, _> = self.into_iter().map(|entry| entry.put(round)).collect();
        Ok(answers?.into_iter().collect())
    }
}

macro_rules! tuples {
    ($(($($entry:ident)+))+) => { $(
        #[allow(non_snake_case)]
        impl<$($entry: Entry),+> Questions for ($($entry,)+) {
            type Answers = ($($entry::Answer,)+);

            fn put(self, round: &mut Round<'_>) -> Result<Option<Self::Answers>, HandlerError> {
                let ($($entry,)+) = self;
                $(let $entry = $entry.put(round)?;)+
                match ($($entry,)+) {
                    ($(Some($entry),)+) => Ok(Some(($($entry,)+))),
                    _ => Ok(None),
                }
            }
        }
    )+ };
}

tuples! { (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) }

/// Whether a client says that it can do something.
pub(crate) fn has(client: ClientCapabilities, capability: Capability) -> bool {
    client.contains(flag(capability))
}

/// What a client says that can do these.
pub(crate) fn client_with(capabilities: &[Capability]) -> ClientCapabilities {
    capabilities
        .iter()
        .fold(ClientCapabilities::empty(), |all, one| all | flag(*one))
}

fn flag(capability: Capability) -> ClientCapabilities {
    match capability {
        Capability::Form => ClientCapabilities::ELICIT_FORM,
        Capability::Visit => ClientCapabilities::ELICIT_URL,
        Capability::Sample => ClientCapabilities::SAMPLE,
        Capability::ListRoots => ClientCapabilities::LIST_ROOTS,
    }
}
