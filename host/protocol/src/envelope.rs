//! The JSON-RPC envelope: what a frame is, and whom an answer goes to.
//!
//! Owns the distinction of requests, notifications, responses and batches, and
//! what is wrong with a frame that is none of them. It builds no tree: all that
//! it gives are slices of the input. What `params` mean is not its concern.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::RpcError;
use crate::json::{JsonKind, string_of};
use crate::request_id::RequestId;
use crate::scan::{Params, ScanParams};

/// A message that asks for an answer.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// to be repeated in the answer
    pub id: RequestId,
    /// escapes resolved
    pub method: Cow<'a, str>,
    /// its members
    pub params: Params<'a>,
}

/// A message that must never be answered.
#[derive(Debug, Clone)]
pub struct Notification<'a> {
    /// escapes resolved
    pub method: Cow<'a, str>,
    /// its members
    pub params: Params<'a>,
}

/// The answer to a request that this host sent.
#[derive(Debug, Clone)]
pub struct Response<'a> {
    /// The request it answers. `None` only for an error whose sender could not
    /// read the id of what it refuses; such a response must not be answered.
    pub id: Option<RequestId>,
    /// the text of `result` or of `error`, of whatever kind
    pub outcome: Result<&'a RawValue, &'a RawValue>,
}

/// A JSON-RPC 2.0 message.
#[derive(Debug, Clone)]
pub enum Message<'a> {
    /// asks for an answer
    Request(Request<'a>),
    /// must not be answered
    Notification(Notification<'a>),
    /// answers a request of this host
    Response(Response<'a>),
}

impl<'a> Message<'a> {
    /// The members of `params`; a response has none.
    pub fn params(&self) -> Option<&Params<'a>> {
        match self {
            Self::Request(request) => Some(&request.params),
            Self::Notification(notification) => Some(&notification.params),
            Self::Response(_) => None,
        }
    }
}

/// What one frame holds.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "short-lived, and a box would cost an allocation for each message"
)]
pub enum Incoming<'a> {
    /// One message.
    Single(Message<'a>),
    /// An array of messages, in order; never empty. Whether the version that
    /// is spoken allows it is for the caller to decide.
    Batch(Vec<Result<Message<'a>, MalformedMessage>>),
}

/// A frame, or an element of a batch, that is no message. It is answered with
/// `error` under `id`, or without one if it is unknown.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{error}")]
pub struct MalformedMessage {
    /// The id of the request it was meant to be, if that could be read. Never
    /// that of a malformed response: under it the peer would find an answer to
    /// a request of its own.
    pub id: Option<RequestId>,
    /// -32700, -32600, or -32602 for `params` that can't be an object of MCP.
    pub error: RpcError,
}

/// Reads one frame or HTTP body. `batch_max` bounds the messages of a batch; 0
/// refuses all of them.
///
/// Nesting is bounded by the length of the frame alone, and costs no stack.
///
/// # Errors
/// - -32700: not UTF-8, empty, or not JSON
/// - -32600: JSON, but no JSON-RPC 2.0 message; an empty or too long batch
/// - -32602: `params` an array, a member of it twice, `_meta` no object
pub fn parse(bytes: &[u8], batch_max: usize) -> Result<Incoming<'_>, MalformedMessage> {
    let text = std::str::from_utf8(bytes).map_err(|e| {
        parse_error(format!(
            "the message is not UTF-8 from byte {} on",
            e.valid_up_to()
        ))
    })?;
    match text
        .bytes()
        .find(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
    {
        Some(b'{') => parse_message(text).map(Incoming::Single),
        Some(b'[') => parse_batch(text, batch_max).map(Incoming::Batch),
        Some(_) => Err(match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => invalid_request("a message must be an object"),
            Err(e) => parse_error(e.to_string()),
        }),
        None => Err(parse_error("the message is empty")),
    }
}

fn parse_message(text: &str) -> Result<Message<'_>, MalformedMessage> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let envelope = reader
        .deserialize_map(EnvelopeVisitor)
        .and_then(|envelope| reader.end().map(|()| envelope));
    envelope
        .map_err(|e| parse_error(e.to_string()))?
        .into_message()
}

fn parse_batch(
    text: &str,
    batch_max: usize,
) -> Result<Vec<Result<Message<'_>, MalformedMessage>>, MalformedMessage> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let batch = reader
        .deserialize_seq(BatchVisitor { batch_max })
        .and_then(|batch| reader.end().map(|()| batch));
    let batch = batch.map_err(|e| parse_error(e.to_string()))?;
    if batch.length == 0 {
        return Err(invalid_request("a batch must not be empty"));
    }
    if batch.length > batch_max {
        return Err(invalid_request(format!(
            "a batch of {} messages is too long; send {batch_max} at most",
            batch.length
        )));
    }
    let messages = batch
        .elements
        .into_iter()
        .map(|raw| match JsonKind::of(raw) {
            JsonKind::Object => parse_message(raw.get()),
            _ => Err(invalid_request("a message must be an object")),
        });
    Ok(messages.collect())
}

fn parse_error(detail: impl Into<Cow<'static, str>>) -> MalformedMessage {
    MalformedMessage {
        id: None,
        error: RpcError::parse_error(detail),
    }
}

fn invalid_request(detail: impl Into<Cow<'static, str>>) -> MalformedMessage {
    MalformedMessage {
        id: None,
        error: RpcError::invalid_request(detail),
    }
}

/// The members of a message before anything is known of their kinds.
#[derive(Default)]
struct Envelope<'a> {
    jsonrpc: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    method: Option<&'a RawValue>,
    params: Option<Result<Params<'a>, RpcError>>,
    result: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
    duplicate: Option<&'static str>,
}

impl<'a> Envelope<'a> {
    fn into_message(self) -> Result<Message<'a>, MalformedMessage> {
        let id = self
            .id
            .map(|raw| (JsonKind::of(raw), RequestId::from_raw(raw)));
        let readable_id = id.as_ref().and_then(|(_, id)| id.clone());
        let answers = self.result.is_some() || self.error.is_some();
        let answer_to = readable_id
            .clone()
            .filter(|_| self.method.is_some() || !answers);
        let refuse = |error: RpcError| {
            Err(MalformedMessage {
                id: answer_to.clone(),
                error,
            })
        };
        if let Some(name) = self.duplicate {
            return refuse(RpcError::invalid_request(format!(
                "`{name}` stands there twice"
            )));
        }
        if self.jsonrpc.and_then(string_of).as_deref() != Some("2.0") {
            return refuse(RpcError::invalid_request("`jsonrpc` must be \"2.0\""));
        }
        let Some(method) = self.method else {
            return self.into_response(readable_id);
        };
        if answers {
            return refuse(RpcError::invalid_request(
                "a message has either `method` or `result` or `error`",
            ));
        }
        let Some(method) = string_of(method) else {
            return refuse(RpcError::invalid_request("`method` must be a string"));
        };
        if let Some((kind, None)) = id {
            let found = match kind {
                JsonKind::String => "one whose escapes are not valid Unicode",
                JsonKind::Number => "a fraction",
                kind => kind.described(),
            };
            let message = format!("`id` must be a string or an integer, not {found}");
            return refuse(RpcError::invalid_request(message));
        }
        let params = match self.params {
            Some(Err(error)) => return refuse(error),
            Some(Ok(params)) => params,
            None => Params::default(),
        };
        Ok(match answer_to {
            Some(id) => Message::Request(Request { id, method, params }),
            None => Message::Notification(Notification { method, params }),
        })
    }

    fn into_response(self, id: Option<RequestId>) -> Result<Message<'a>, MalformedMessage> {
        let outcome = match (self.result, self.error) {
            (Some(result), None) => Ok(result),
            (None, Some(error)) => Err(error),
            (None, None) => {
                let error = RpcError::invalid_request("`method` is missing");
                return Err(MalformedMessage { id, error });
            }
            (Some(_), Some(_)) => {
                return Err(invalid_request("a response has either `result` or `error`"));
            }
        };
        let id_is_wrong = id.is_none()
            && self
                .id
                .is_some_and(|raw| JsonKind::of(raw) != JsonKind::Null);
        if id_is_wrong || (id.is_none() && outcome.is_ok()) {
            return Err(invalid_request(
                "the `id` of a response must be the string or number of its request",
            ));
        }
        Ok(Message::Response(Response { id, outcome }))
    }

    fn slot(&mut self, name: Field) -> (&mut Option<&'a RawValue>, &'static str) {
        match name {
            Field::Jsonrpc => (&mut self.jsonrpc, "jsonrpc"),
            Field::Id => (&mut self.id, "id"),
            Field::Method => (&mut self.method, "method"),
            Field::Result => (&mut self.result, "result"),
            Field::Error => (&mut self.error, "error"),
        }
    }
}

/// Fails on broken syntax only: what is wrong beyond that is found afterwards,
/// when the id is known.
struct EnvelopeVisitor;

impl<'de> Visitor<'de> for EnvelopeVisitor {
    type Value = Envelope<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON-RPC message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope<'de>, A::Error> {
        let mut envelope = Envelope::default();
        while let Some(key) = map.next_key_seed(KeySeed)? {
            match key {
                Key::Field(field) => {
                    let value = map.next_value()?;
                    let (slot, name) = envelope.slot(field);
                    if slot.replace(value).is_some() {
                        envelope.duplicate = Some(name);
                    }
                }
                Key::Params => {
                    if envelope
                        .params
                        .replace(map.next_value_seed(ScanParams)?)
                        .is_some()
                    {
                        envelope.duplicate = Some("params");
                    }
                }
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(envelope)
    }
}

#[derive(Clone, Copy)]
enum Field {
    Jsonrpc,
    Id,
    Method,
    Result,
    Error,
}

enum Key {
    Field(Field),
    Params,
    Other,
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Key;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<Key, E> {
        Ok(match name {
            "jsonrpc" => Key::Field(Field::Jsonrpc),
            "id" => Key::Field(Field::Id),
            "method" => Key::Field(Field::Method),
            "params" => Key::Params,
            "result" => Key::Field(Field::Result),
            "error" => Key::Field(Field::Error),
            _ => Key::Other,
        })
    }
}

struct Batch<'a> {
    /// the first `batch_max` elements
    elements: Vec<&'a RawValue>,
    /// how many there are in all
    length: usize,
}

struct BatchVisitor {
    batch_max: usize,
}

impl<'de> Visitor<'de> for BatchVisitor {
    type Value = Batch<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array of messages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Batch<'de>, A::Error> {
        let mut batch = Batch {
            elements: Vec::new(),
            length: 0,
        };
        while batch.elements.len() < self.batch_max {
            let Some(element) = seq.next_element()? else {
                return Ok(batch);
            };
            batch.elements.push(element);
            batch.length += 1;
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {
            batch.length += 1;
        }
        Ok(batch)
    }
}
