//! What a handler asks of the user, and how a legacy client is asked.
//!
//! It owns the check of questions, the requests that wait for a client's
//! answers, and the shape in which a handler gets them. It never keeps an
//! instance waiting: the handler is called again.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fusebox_engine::contract::types::{InputRequest, InputRequired};
use fusebox_protocol::json::member_of;
use fusebox_protocol::params::ClientCapabilities;
use fusebox_protocol::reply::{self, Cancelled, InputQuestion};
use fusebox_protocol::{JsonKind, RawJson, RequestId, RpcError};
use futures_util::future::try_join_all;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::outbound::Outbound;
use crate::random_id::random_id;

/// Questions of one round.
const QUESTIONS_MAX: usize = 32;

/// Requests that wait for one client.
const WAITING_MAX: usize = 1000;

/// What one round asks.
#[derive(Debug)]
pub(crate) struct Questions {
    list: Vec<Question>,
    /// what the handler wants to find again
    pub(crate) state: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Question {
    key: String,
    method: &'static str,
    params: Option<RawJson>,
    needs: ClientCapabilities,
}

/// What the handler knows in a round: nothing in the first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// a JSON object: the answers, by key
    pub(crate) responses: Option<String>,
    /// what the round before left
    pub(crate) state: Option<Vec<u8>>,
}

impl Questions {
    /// Checks what a handler asks.
    ///
    /// # Errors
    /// In plain words, if it breaks the contract.
    pub(crate) fn check(asked: InputRequired) -> Result<Self, String> {
        if asked.requests.is_empty() && asked.state.is_none() {
            return Err("it needs input, and neither asks anything nor leaves a state".to_owned());
        }
        if asked.requests.len() > QUESTIONS_MAX {
            return Err(format!(
                "it asks more than {QUESTIONS_MAX} questions at once"
            ));
        }
        let list = asked
            .requests
            .into_iter()
            .map(|(key, request)| question(key, request))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            list,
            state: asked.state,
        })
    }

    /// What is asked that the client can't do.
    pub(crate) fn beyond(&self, client: ClientCapabilities) -> Option<ClientCapabilities> {
        let needs = self.list.iter().map(|one| one.needs);
        needs
            .filter(|needs| !client.cover(*needs))
            .reduce(ClientCapabilities::or)
    }

    /// The questions as a modern result carries them.
    pub(crate) fn views(&self) -> Vec<InputQuestion<'_>> {
        self.list
            .iter()
            .map(|one| InputQuestion {
                key: &one.key,
                method: one.method,
                params: one.params.as_ref(),
            })
            .collect()
    }
}

fn question(key: String, request: InputRequest) -> Result<Question, String> {
    let none = ClientCapabilities::default();
    let (method, params, needs) = match request {
        InputRequest::Elicit(text) => {
            let params = object(&key, text)?;
            let url = mode_of(&params).is_some_and(|mode| mode == "url");
            let needs = ClientCapabilities {
                elicitation_form: !url,
                elicitation_url: url,
                ..none
            };
            ("elicitation/create", Some(params), needs)
        }
        InputRequest::Sample(text) => {
            let needs = ClientCapabilities {
                sampling: true,
                ..none
            };
            ("sampling/createMessage", Some(object(&key, text)?), needs)
        }
        InputRequest::ListRoots => {
            let needs = ClientCapabilities {
                roots: true,
                ..none
            };
            ("roots/list", None, needs)
        }
    };
    Ok(Question {
        key,
        method,
        params,
        needs,
    })
}

fn object(key: &str, text: String) -> Result<RawJson, String> {
    match RawJson::parse(text) {
        Ok(json) if json.kind() == JsonKind::Object => Ok(json),
        Ok(json) => Err(format!(
            "question `{key}` is {}, not an object",
            json.kind().described()
        )),
        Err(error) => Err(format!("question `{key}` is not JSON: {error}")),
    }
}

fn mode_of(params: &RawJson) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Mode {
        mode: Option<String>,
    }
    serde_json::from_str::<Mode>(params.as_str()).ok()?.mode
}

/// What a client answered: its result, or its error.
type Outcome = Result<RawJson, RawJson>;

/// The host's requests that wait for one legacy client.
#[derive(Debug, Default)]
pub struct Pending {
    next: AtomicU64,
    waiting: Mutex<HashMap<RequestId, oneshot::Sender<Outcome>>>,
}

impl Pending {
    /// Gives up what waits: the client has gone, or can say nothing more.
    pub fn close(&self) {
        self.waiting.lock().clear();
    }

    /// Takes a client's answer; one that nobody waits for is no error.
    pub fn resolve(&self, id: &RequestId, outcome: Outcome) {
        if let Some(waiting) = self.waiting.lock().remove(id) {
            // Whoever asked may have gone meanwhile.
            let _ = waiting.send(outcome);
        }
    }

    fn open<'a>(&'a self, outbound: &'a Outbound) -> Option<Waiting<'a>> {
        let id = RequestId::from(self.next.fetch_add(1, Ordering::Relaxed));
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        if waiting.len() >= WAITING_MAX {
            return None;
        }
        waiting.insert(id.clone(), sender);
        drop(waiting);
        Some(Waiting {
            pending: self,
            outbound,
            id,
            receiver,
        })
    }
}

/// A request that waits. Dropped before its answer came, it is taken back.
struct Waiting<'a> {
    pending: &'a Pending,
    outbound: &'a Outbound,
    id: RequestId,
    receiver: oneshot::Receiver<Outcome>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.pending.waiting.lock().remove(&self.id).is_none() {
            return;
        }
        let mut message = Vec::new();
        let params = Cancelled {
            request_id: &self.id,
            reason: Some("nobody waits for the answer any more"),
        };
        reply::notification(&mut message, "notifications/cancelled", &params);
        // A queue that is full belongs to a client that reads nothing.
        let _ = self.outbound.try_send(message.into());
    }
}

/// Asks a legacy client everything at once, and waits for all its answers.
///
/// # Errors
/// If it can't be asked, doesn't answer in time, or answers with an error.
pub(crate) async fn legacy(
    pending: &Pending,
    outbound: Option<&Outbound>,
    questions: Questions,
    patience: Duration,
) -> Result<Known, RpcError> {
    let outbound = outbound.ok_or_else(|| {
        RpcError::invalid_request(
            "this has to ask the user: accept `text/event-stream`, so that it can",
        )
    })?;
    let asking = questions
        .list
        .iter()
        .map(|question| one(pending, outbound, question));
    let answers = timeout(patience, try_join_all(asking))
        .await
        .map_err(|_elapsed| {
            RpcError::internal(format!(
                "the client gave no answer within {} ms (raise `session.ask_timeout_ms`)",
                patience.as_millis()
            ))
        })??;
    let keys = questions.list.iter().map(|question| question.key.as_str());
    let responses: BTreeMap<&str, &RawJson> = keys.zip(&answers).collect();
    let responses =
        RawJson::of(&responses).map_err(|error| RpcError::internal(error.to_string()))?;
    Ok(Known {
        responses: Some(responses.as_str().to_owned()),
        state: questions.state,
    })
}

/// The params for a legacy client: 2025-11-25 demands that each visit to an
/// address has an id, which later versions don't know.
fn with_id(question: &Question) -> Result<Option<RawJson>, RpcError> {
    const ID: &str = "elicitationId";
    let Some(params) = &question.params else {
        return Ok(None);
    };
    if !question.needs.elicitation_url || member_of(params.as_raw(), ID).is_some() {
        return Ok(Some(params.clone()));
    }
    let id = random_id()
        .map_err(|error| RpcError::internal(format!("the system gave no random bytes: {error}")))?;
    // It has a member already: its mode.
    let members = params.as_str().trim_end();
    let members = members.strip_suffix('}').unwrap_or(members);
    RawJson::parse(format!(r#"{members},"{ID}":"{id}"}}"#))
        .map(Some)
        .map_err(|error| RpcError::internal(error.to_string()))
}

async fn one(
    pending: &Pending,
    outbound: &Outbound,
    question: &Question,
) -> Result<RawJson, RpcError> {
    let mut waiting = pending.open(outbound).ok_or_else(|| {
        RpcError::internal(format!(
            "{WAITING_MAX} questions wait for this client already"
        ))
    })?;
    let mut message = Vec::new();
    match &with_id(question)? {
        Some(params) => reply::request(&mut message, &waiting.id, question.method, params),
        None => reply::request(
            &mut message,
            &waiting.id,
            question.method,
            &BTreeMap::<&str, &str>::new(),
        ),
    };
    let gone = || RpcError::internal("the client went away before it answered");
    outbound.send(message.into()).await.map_err(|_| gone())?;
    match (&mut waiting.receiver).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(RpcError::internal(format!(
            "the client answered `{}` with an error: {}",
            question.key,
            error.as_str()
        ))),
        Err(_closed) => Err(gone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elicit(params: &str) -> (String, InputRequest) {
        ("k".to_owned(), InputRequest::Elicit(params.to_owned()))
    }

    fn check(requests: Vec<(String, InputRequest)>) -> Result<Questions, String> {
        Questions::check(InputRequired {
            requests,
            state: None,
        })
    }

    #[test]
    fn questions_are_checked() {
        assert!(check(vec![elicit("{}")]).is_ok());
        assert_eq!(
            check(vec![elicit("[]")]).unwrap_err(),
            "question `k` is an array, not an object"
        );
        assert!(check(vec![elicit("{")]).is_err());
        assert!(check(vec![]).is_err());
    }

    #[test]
    fn each_question_needs_its_own_capability() {
        let form = ClientCapabilities {
            elicitation_form: true,
            ..ClientCapabilities::default()
        };
        assert_eq!(check(vec![elicit("{}")]).unwrap().beyond(form), None);
        let url = check(vec![elicit(r#"{"mode":"url"}"#)]).unwrap();
        assert!(
            url.beyond(form)
                .is_some_and(|lacking| lacking.elicitation_url)
        );
        let roots = check(vec![("k".to_owned(), InputRequest::ListRoots)]).unwrap();
        assert!(roots.beyond(form).is_some_and(|lacking| lacking.roots));
    }

    #[tokio::test]
    async fn a_client_is_asked_and_its_answer_comes_back_under_its_key() {
        let pending = Pending::default();
        let (outbound, mut sent) = tokio::sync::mpsc::channel(8);
        let questions = check(vec![elicit(r#"{"message":"?"}"#)]).unwrap();
        let asking = legacy(
            &pending,
            Some(&outbound),
            questions,
            Duration::from_secs(60),
        );
        let answering = async {
            let message = sent.recv().await.unwrap();
            assert_eq!(
                message,
                r#"{"jsonrpc":"2.0","id":0,"method":"elicitation/create","params":{"message":"?"}}"#
            );
            let answer = RawJson::parse(r#"{"action":"accept"}"#.to_owned()).unwrap();
            pending.resolve(&RequestId::from(0), Ok(answer));
        };
        let (known, ()) = tokio::join!(asking, answering);
        assert_eq!(
            known.unwrap().responses.unwrap(),
            r#"{"k":{"action":"accept"}}"#
        );
        assert!(pending.waiting.lock().is_empty());
    }
}
