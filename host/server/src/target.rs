//! Who handles a request that a plugin answers, and with what: the lookup of
//! tools, resources, prompts and completions.
//!
//! It owns the errors of things that aren't there. It never runs anything.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use fusebox_engine::contract::types;
use fusebox_protocol::params::{
    CallToolParams, CompleteParams, CompletionReference, GetPromptParams, ReadResourceParams,
};
use fusebox_protocol::reply::CompleteResult;
use fusebox_protocol::{JsonKind, ProtocolVersion, Request, RpcError};
use http::HeaderMap;
use serde_json::value::RawValue;

use crate::auth::Audience;
use crate::call::{Round, Target};
use crate::call_log;
use crate::canary::Turn;
use crate::catalogue::Catalogue;
use crate::host::Host;
use crate::plugin_entry::Handler;
use crate::render::dialect;
use crate::session::CallContext;

/// A handler, and what it is called with.
pub(crate) struct Found {
    pub(crate) handler: Arc<Handler>,
    pub(crate) target: Target,
    pub(crate) round: Round,
    pub(crate) turn: Option<Turn>,
}

/// `tools/call`
pub(crate) fn tool(
    host: &Host,
    frame: &Bytes,
    request: &Request<'_>,
    headers: Option<&HeaderMap>,
    audience: &Audience,
) -> Result<Found, RpcError> {
    let params = CallToolParams::from_params(&request.params)?;
    let catalogue = host.catalogue.load();
    let offered = catalogue.offered_to(audience);
    let entry = offered
        .tool(&params.name)
        .ok_or_else(|| unknown("tool", &params.name))?;
    if let Some(headers) = headers {
        entry.header_params.check(headers, params.arguments)?;
    }
    let round = round(params.input_responses, params.request_state)?;
    let (handler, turn) = pick(&catalogue, &entry.handler, &round);
    Ok(Found {
        handler,
        target: Target::Tool {
            arguments: slice_of(frame, params.arguments),
        },
        round,
        turn,
    })
}

fn unknown(what: &str, name: &str) -> RpcError {
    call_log::unknown(what, name);
    RpcError::invalid_params(format!("unknown {what} `{name}`"))
}

/// `resources/read`
pub(crate) fn resource(
    host: &Host,
    request: &Request<'_>,
    context: &CallContext,
) -> Result<Found, RpcError> {
    let era = context.version.era();
    let params = ReadResourceParams::from_params(&request.params)?;
    let catalogue = host.catalogue.load();
    let offered = catalogue.offered_to(&context.audience);
    let handler = offered
        .reader(&params.uri)
        .ok_or_else(|| RpcError::resource_not_found(era, &params.uri))?;
    let round = round(params.input_responses, params.request_state)?;
    let (handler, turn) = pick(&catalogue, handler, &round);
    Ok(Found {
        handler,
        target: Target::Resource {
            uri: ByteString::from(&*params.uri),
        },
        round,
        turn,
    })
}

/// `prompts/get`
pub(crate) fn prompt(
    host: &Host,
    request: &Request<'_>,
    audience: &Audience,
) -> Result<Found, RpcError> {
    let params = GetPromptParams::from_params(&request.params)?;
    let catalogue = host.catalogue.load();
    let offered = catalogue.offered_to(audience);
    let entry = offered
        .prompt(&params.name)
        .ok_or_else(|| unknown("prompt", &params.name))?;
    let given = |name: &str| params.arguments.iter().any(|(key, _)| key == name);
    let mut wanted = entry.prompt.arguments.iter();
    if let Some(missing) = wanted.find(|one| one.required && !given(&one.name)) {
        return Err(RpcError::invalid_params(format!(
            "prompt `{}` needs the argument `{}`",
            params.name, missing.name
        )));
    }
    let round = round(params.input_responses, params.request_state)?;
    let (handler, turn) = pick(&catalogue, &entry.handler, &round);
    Ok(Found {
        handler,
        target: Target::Prompt {
            arguments: owned(params.arguments),
        },
        round,
        turn,
    })
}

/// `completion/complete`; none if the plugin completes nothing.
pub(crate) fn completion(
    host: &Host,
    request: &Request<'_>,
    audience: &Audience,
) -> Result<Option<Found>, RpcError> {
    let params = CompleteParams::from_params(&request.params)?;
    let catalogue = host.catalogue.load();
    let offered = catalogue.offered_to(audience);
    let (handler, reference) = match params.reference {
        CompletionReference::Prompt(name) => {
            let entry = offered
                .prompt(&name)
                .ok_or_else(|| RpcError::invalid_params(format!("unknown prompt `{name}`")))?;
            (
                &entry.handler,
                types::CompletionReference::Prompt(entry.handler.own_name.clone()),
            )
        }
        CompletionReference::ResourceTemplate(template) => {
            let handler = offered
                .template(&template)
                .map(|entry| &entry.handler)
                .or_else(|| offered.reader(&template))
                .ok_or_else(|| {
                    RpcError::invalid_params(format!("unknown resource template `{template}`"))
                })?;
            (
                handler,
                types::CompletionReference::ResourceTemplate(template.into_owned()),
            )
        }
    };
    let completer = catalogue.completion_of(&handler.core.name);
    let picked = completer.map(|completer| catalogue.pick(completer));
    Ok(picked.map(|(handler, turn)| Found {
        handler,
        target: Target::Completion {
            reference,
            name: ByteString::from(&*params.name),
            value: ByteString::from(&*params.value),
            known: owned(params.known),
        },
        round: Round::default(),
        turn,
    }))
}

/// Which version a call goes to. One that brings something back goes on with the
/// version that asked for it, which only its seal knows.
fn pick(
    catalogue: &Catalogue,
    handler: &Arc<Handler>,
    round: &Round,
) -> (Arc<Handler>, Option<Turn>) {
    match round.is_first() {
        true => catalogue.pick(handler),
        false => (handler.clone(), None),
    }
}

/// What a plugin that completes nothing proposes.
pub(crate) fn no_completion(version: ProtocolVersion) -> CompleteResult<'static> {
    CompleteResult {
        dialect: dialect(version),
        values: &[],
        total: Some(0),
        has_more: false,
    }
}

/// What a modern client brings back.
fn round(
    responses: Option<&RawValue>,
    request_state: Option<Cow<'_, str>>,
) -> Result<Round, RpcError> {
    if responses.is_some_and(|raw| JsonKind::of(raw) != JsonKind::Object) {
        return Err(RpcError::invalid_params(
            "`inputResponses` must be an object",
        ));
    }
    Ok(Round {
        responses: responses.map(|raw| raw.get().to_owned()),
        request_state: request_state.map(Cow::into_owned),
    })
}

fn owned(pairs: Vec<(Cow<'_, str>, Cow<'_, str>)>) -> Vec<(String, String)> {
    pairs
        .into_iter()
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect()
}

/// The part of a frame that `text` points into, without a copy. Text that was
/// not cut from this frame (such as the `{}` of absent arguments) is copied.
fn slice_of(frame: &Bytes, text: &str) -> ByteString {
    let begin = frame.as_ptr() as usize;
    let at = text.as_ptr() as usize;
    let inside = at >= begin && at + text.len() <= begin + frame.len();
    if !inside {
        return ByteString::from(text);
    }
    ByteString::try_from(frame.slice_ref(text.as_bytes()))
        .unwrap_or_else(|_| ByteString::from(text))
}
