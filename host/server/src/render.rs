//! From what a plugin answers to what a client reads.
//!
//! It owns the translation of the contract's types into those of the protocol,
//! and the check that a plugin's JSON is JSON. It never decides what a bad
//! answer leads to.

use std::sync::LazyLock;

use fusebox_engine::Answer;
use fusebox_engine::contract::types::{
    self, CallResult, Failure, InputRequired, PromptOutcome, ResourceOutcome, ToolOutcome,
};
use fusebox_protocol::reply::{
    self, Annotations, CacheHint, CacheScope, CallToolResult, CompleteResult, Content, ContentKind,
    Dialect, GetPromptResult, Implementation, InputRequiredResult, PromptMessage,
    ReadResourceResult, ResourceBody, ResourceContents, ResourceLink, Role,
};
use fusebox_protocol::{JsonKind, ProtocolVersion, RawJson, RequestId, RpcError};
use serde::Serialize;

use crate::ask::Questions;
use crate::schema::Schema;

/// How this host names itself.
pub(crate) const SERVER: Implementation<'static> = Implementation {
    name: "fusebox",
    version: env!("CARGO_PKG_VERSION"),
    title: Some("Fusebox"),
    description: None,
    website_url: None,
};

/// The same, ready for the `_meta` of modern results.
static SERVER_INFO: LazyLock<Option<RawJson>> =
    LazyLock::new(|| SERVER.render(ProtocolVersion::V2026_07_28).ok());

/// For whom a result of this host is worded.
pub(crate) fn dialect(version: ProtocolVersion) -> Dialect<'static> {
    Dialect {
        version,
        server_info: SERVER_INFO.as_ref(),
    }
}

/// What an answer becomes.
pub(crate) enum Rendered {
    /// a response
    Answer(Answered),
    /// nothing yet: the handler has to know more
    Ask(Questions),
    /// an error that is nobody's fault
    Refused(RpcError),
    /// nothing: the plugin broke the contract, in these words
    Invalid(String),
}

/// A response, and what it says.
pub(crate) struct Answered {
    pub(crate) body: Vec<u8>,
    /// it is a tool's own account of its failure
    pub(crate) is_error: bool,
}

impl Answered {
    /// With a result.
    pub(crate) fn result(body: Vec<u8>) -> Self {
        Self {
            body,
            is_error: false,
        }
    }

    /// With a tool's failure.
    fn failure(body: Vec<u8>) -> Self {
        Self {
            body,
            is_error: true,
        }
    }
}

/// How long an answer may be kept if its plugin says nothing of it: not at all.
const NOT_KEPT: CacheHint = CacheHint {
    ttl_ms: 0,
    scope: CacheScope::Private,
};

/// A hint of a plugin, as clients read it.
pub(crate) fn cache_hint(hint: types::CacheHint) -> CacheHint {
    CacheHint {
        ttl_ms: hint.ttl_ms,
        scope: match hint.shared {
            true => CacheScope::Public,
            false => CacheScope::Private,
        },
    }
}

/// The response to a call. `about` is what it was called for: the address of a
/// resource that isn't there is part of the error. `promised` is what a tool
/// says of its structured results.
pub(crate) fn answer(
    id: &RequestId,
    version: ProtocolVersion,
    about: &str,
    promised: Option<&Schema>,
    answer: Answer,
) -> Rendered {
    match answer {
        Answer::Tool(outcome) => tool_answer(id, version, promised, outcome),
        Answer::Resource(Ok(ResourceOutcome::Complete((contents, cache)))) => {
            of_result(resource_result(id, version, contents, cache).map(Answered::result))
        }
        Answer::Prompt(Ok(PromptOutcome::Complete(result))) => {
            of_result(prompt_result(id, version, result).map(Answered::result))
        }
        Answer::Completion(Ok(completion)) => Rendered::Answer(Answered::result(response(
            id,
            &CompleteResult {
                dialect: dialect(version),
                values: &completion.values,
                total: completion.total,
                has_more: completion.has_more,
            },
        ))),
        Answer::Resource(Err(failure)) => Rendered::Refused(match failure {
            Failure::NotFound(_) => RpcError::resource_not_found(version.era(), about),
            other => refusal_of(other),
        }),
        Answer::Prompt(Err(failure)) | Answer::Completion(Err(failure)) => {
            Rendered::Refused(refusal_of(failure))
        }
        Answer::Resource(Ok(ResourceOutcome::InputRequired(asked)))
        | Answer::Prompt(Ok(PromptOutcome::InputRequired(asked))) => questions(asked),
        other => Rendered::Invalid(format!("{other:?} in answer to a call")),
    }
}

fn questions(asked: InputRequired) -> Rendered {
    match Questions::check(asked) {
        Ok(questions) => Rendered::Ask(questions),
        Err(what) => Rendered::Invalid(what),
    }
}

/// The answer that sends a modern client for what the handler has to know.
pub(crate) fn input_required(
    id: &RequestId,
    version: ProtocolVersion,
    questions: &Questions,
    request_state: Option<&str>,
) -> Vec<u8> {
    let result = InputRequiredResult {
        dialect: dialect(version),
        questions: &questions.views(),
        request_state,
    };
    response(id, &result)
}

fn of_result(result: Result<Answered, String>) -> Rendered {
    match result {
        Ok(answered) => Rendered::Answer(answered),
        Err(what) => Rendered::Invalid(what),
    }
}

fn refusal_of(failure: Failure) -> RpcError {
    match failure {
        Failure::InvalidParams(why) => RpcError::invalid_params(why),
        Failure::NotFound(what) => RpcError::invalid_params(format!("not found: {what}")),
        Failure::Failed(why) => RpcError::internal(why),
    }
}

fn resource_result(
    id: &RequestId,
    version: ProtocolVersion,
    contents: Vec<types::ResourceContents>,
    cache: Option<types::CacheHint>,
) -> Result<Vec<u8>, String> {
    let metas = contents
        .iter()
        .map(|one| object("_meta", one.meta.clone()))
        .collect::<Result<Vec<_>, _>>()?;
    let views: Vec<ResourceContents<'_>> = contents
        .iter()
        .zip(&metas)
        .map(|(one, meta)| contents_view(one, meta.as_ref()))
        .collect();
    let result = ReadResourceResult {
        dialect: dialect(version),
        contents: &views,
        cache: cache.map_or(NOT_KEPT, cache_hint),
    };
    Ok(response(id, &result))
}

fn prompt_result(
    id: &RequestId,
    version: ProtocolVersion,
    result: types::PromptResult,
) -> Result<Vec<u8>, String> {
    let meta = object("_meta", result.meta)?;
    let parts = result
        .messages
        .iter()
        .map(|message| Parts::of(&message.content))
        .collect::<Result<Vec<_>, _>>()?;
    let messages: Vec<PromptMessage<'_>> = result
        .messages
        .iter()
        .zip(&parts)
        .map(|(message, parts)| PromptMessage {
            role: role(message.role),
            content: view(&message.content, parts),
        })
        .collect();
    let result = GetPromptResult {
        dialect: dialect(version),
        description: result.description.as_deref(),
        messages: &messages,
        meta: meta.as_ref(),
    };
    Ok(response(id, &result))
}

fn tool_answer(
    id: &RequestId,
    version: ProtocolVersion,
    promised: Option<&Schema>,
    outcome: Result<ToolOutcome, Failure>,
) -> Rendered {
    match outcome {
        Ok(ToolOutcome::Complete(result)) => of_result(
            keeps_promise(promised, &result).and_then(|()| call_result(id, version, result)),
        ),
        Ok(ToolOutcome::InputRequired(asked)) => questions(asked),
        Err(failure) => tool_failure(id, version, failure),
    }
}

/// Invalid arguments and failures are results for the model to read; a tool that
/// isn't there is an error for the client's program.
fn tool_failure(id: &RequestId, version: ProtocolVersion, failure: Failure) -> Rendered {
    match failure {
        Failure::InvalidParams(why) => Rendered::Answer(invalid_arguments(id, version, &why)),
        Failure::Failed(why) => Rendered::Answer(error_result(id, version, &why)),
        Failure::NotFound(what) => {
            Rendered::Refused(RpcError::invalid_params(format!("not found: {what}")))
        }
    }
}

/// The result that tells the model which of its arguments is wrong.
pub(crate) fn invalid_arguments(id: &RequestId, version: ProtocolVersion, why: &str) -> Answered {
    error_result(id, version, &format!("invalid arguments: {why}"))
}

/// Whether a result is what the tool's output schema promises. An error promises
/// nothing.
fn keeps_promise(promised: Option<&Schema>, result: &CallResult) -> Result<(), String> {
    let Some(schema) = promised.filter(|_| !result.is_error) else {
        return Ok(());
    };
    let structured = result
        .structured
        .as_deref()
        .ok_or("the tool has an output schema, and its result no structured content")?;
    schema
        .check(structured)
        .map_err(|misfit| format!("`structured` breaks the tool's output schema: {misfit}"))
}

fn error_result(id: &RequestId, version: ProtocolVersion, words: &str) -> Answered {
    let result = CallToolResult {
        dialect: dialect(version),
        content: &[Content::text(words)],
        structured: None,
        is_error: true,
        meta: None,
    };
    Answered::failure(response(id, &result))
}

fn response<R: Serialize>(id: &RequestId, result: &R) -> Vec<u8> {
    let mut body = Vec::with_capacity(256);
    reply::response(&mut body, id, result);
    body
}

fn call_result(
    id: &RequestId,
    version: ProtocolVersion,
    result: CallResult,
) -> Result<Answered, String> {
    let structured = json("structured", result.structured)?;
    let meta = object("_meta", result.meta)?;
    let parts = result
        .content
        .iter()
        .map(Parts::of)
        .collect::<Result<Vec<_>, _>>()?;
    let content: Vec<Content<'_>> = result
        .content
        .iter()
        .zip(&parts)
        .map(|(content, parts)| view(content, parts))
        .collect();
    let body = response(
        id,
        &CallToolResult {
            dialect: dialect(version),
            content: &content,
            structured: structured.as_ref(),
            is_error: result.is_error,
            meta: meta.as_ref(),
        },
    );
    Ok(Answered {
        body,
        is_error: result.is_error,
    })
}

/// What one piece of content carries besides its data: JSON that was checked,
/// and roles in the protocol's words.
struct Parts {
    meta: Option<RawJson>,
    resource_meta: Option<RawJson>,
    icons: Option<RawJson>,
    audience: Vec<Role>,
}

impl Parts {
    fn of(content: &types::Content) -> Result<Self, String> {
        let (meta, resource_meta, icons) = match content {
            types::Content::Text(text) => (&text.meta, &None, &None),
            types::Content::Image(media) | types::Content::Audio(media) => {
                (&media.meta, &None, &None)
            }
            types::Content::ResourceLink(link) => (&link.meta, &None, &link.icons),
            types::Content::EmbeddedResource(embedded) => {
                (&embedded.meta, &embedded.contents.meta, &None)
            }
        };
        Ok(Self {
            meta: object("_meta", meta.clone())?,
            resource_meta: object("_meta", resource_meta.clone())?,
            icons: json("icons", icons.clone())?,
            audience: audience(annotations_of(content)),
        })
    }
}

fn json(what: &str, text: Option<String>) -> Result<Option<RawJson>, String> {
    text.map(|text| RawJson::parse(text).map_err(|error| format!("`{what}` is not JSON: {error}")))
        .transpose()
}

fn object(what: &str, text: Option<String>) -> Result<Option<RawJson>, String> {
    match json(what, text)? {
        Some(json) if json.kind() != JsonKind::Object => Err(format!(
            "`{what}` is {}, not an object",
            json.kind().described()
        )),
        json => Ok(json),
    }
}

fn role(role: types::Role) -> Role {
    match role {
        types::Role::User => Role::User,
        types::Role::Assistant => Role::Assistant,
    }
}

/// Whom something is meant for, in the protocol's words.
pub(crate) fn audience(annotations: Option<&types::Annotations>) -> Vec<Role> {
    let roles = annotations.map_or(&[][..], |annotations| &annotations.audience);
    roles.iter().copied().map(role).collect()
}

/// Hints for the client, with the roles that [`audience`] gave.
pub(crate) fn annotations<'a>(
    annotations: Option<&'a types::Annotations>,
    audience: &'a [Role],
) -> Option<Annotations<'a>> {
    annotations.map(|annotations| Annotations {
        audience,
        priority: annotations.priority,
        last_modified: annotations.last_modified.as_deref(),
    })
}

fn annotations_of(content: &types::Content) -> Option<&types::Annotations> {
    match content {
        types::Content::Text(text) => text.annotations.as_ref(),
        types::Content::Image(media) | types::Content::Audio(media) => media.annotations.as_ref(),
        types::Content::ResourceLink(link) => link.annotations.as_ref(),
        types::Content::EmbeddedResource(embedded) => embedded.annotations.as_ref(),
    }
}

fn view<'a>(content: &'a types::Content, parts: &'a Parts) -> Content<'a> {
    Content {
        kind: kind(content, parts),
        annotations: annotations(annotations_of(content), &parts.audience),
        meta: parts.meta.as_ref(),
    }
}

fn kind<'a>(content: &'a types::Content, parts: &'a Parts) -> ContentKind<'a> {
    match content {
        types::Content::Text(text) => ContentKind::Text(&text.text),
        types::Content::Image(media) => ContentKind::Image {
            data: &media.data,
            mime_type: &media.mime_type,
        },
        types::Content::Audio(media) => ContentKind::Audio {
            data: &media.data,
            mime_type: &media.mime_type,
        },
        types::Content::ResourceLink(resource) => {
            ContentKind::ResourceLink(link(resource, parts.icons.as_ref()))
        }
        types::Content::EmbeddedResource(embedded) => ContentKind::Resource(contents_view(
            &embedded.contents,
            parts.resource_meta.as_ref(),
        )),
    }
}

/// A resource, as lists and links show it.
pub(crate) fn link<'a>(
    resource: &'a types::Resource,
    icons: Option<&'a RawJson>,
) -> ResourceLink<'a> {
    ResourceLink {
        uri: &resource.uri,
        name: &resource.name,
        title: resource.title.as_deref(),
        description: resource.description.as_deref(),
        mime_type: resource.mime_type.as_deref(),
        size: resource.size,
        icons,
    }
}

fn contents_view<'a>(
    contents: &'a types::ResourceContents,
    meta: Option<&'a RawJson>,
) -> ResourceContents<'a> {
    ResourceContents {
        uri: &contents.uri,
        mime_type: contents.mime_type.as_deref(),
        body: match &contents.body {
            types::ResourceBody::Text(text) => ResourceBody::Text(text),
            types::ResourceBody::Blob(bytes) => ResourceBody::Blob(bytes),
        },
        meta,
    }
}
