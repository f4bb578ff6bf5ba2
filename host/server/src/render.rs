//! From what a plugin answers to what a client reads.
//!
//! It owns the translation of the contract's types into those of the protocol,
//! and the check that a plugin's JSON is JSON. It never decides what a bad
//! answer leads to.

use std::sync::{Arc, LazyLock};

use fusebox_engine::Answer;
use fusebox_engine::contract::types::{self, CallResult, Failure, ToolOutcome};
use fusebox_protocol::reply::{
    self, Annotations, CallToolResult, Content, ContentKind, Dialect, Implementation, ResourceBody,
    ResourceContents, ResourceLink, Role, TaskSupport, Tool,
};
use fusebox_protocol::{JsonKind, ProtocolVersion, RawJson, RequestId, RpcError};

use crate::plugin_entry::{Handler, ToolInfo};

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
    Answer(Vec<u8>),
    /// an error that is nobody's fault
    Refused(RpcError),
    /// nothing: the plugin broke the contract, in these words
    Invalid(String),
}

/// The members of `tools` in `tools/list`.
pub(crate) fn tool_list(handlers: &[Arc<Handler>], version: ProtocolVersion) -> Vec<RawJson> {
    handlers
        .iter()
        .filter_map(|handler| tool(&handler.tool).render(version).ok())
        .collect()
}

fn tool(info: &ToolInfo) -> Tool<'_> {
    Tool {
        name: &info.name,
        title: info.title.as_deref(),
        description: info.description.as_deref(),
        input_schema: &info.input_schema,
        output_schema: info.output_schema.as_ref(),
        annotations: info.annotations.as_ref(),
        icons: info.icons.as_ref(),
        task_support: match info.task_support {
            types::TaskSupport::Forbidden => TaskSupport::Forbidden,
            types::TaskSupport::Optional => TaskSupport::Optional,
            types::TaskSupport::Required => TaskSupport::Required,
        },
        meta: info.meta.as_ref(),
    }
}

/// The response to `tools/call`.
pub(crate) fn tool_answer(id: &RequestId, version: ProtocolVersion, answer: Answer) -> Rendered {
    let outcome = match answer {
        Answer::Tool(Ok(outcome)) => outcome,
        Answer::Tool(Err(failure)) => return tool_failure(id, version, failure),
        other => return Rendered::Invalid(format!("{other:?} in answer to a call")),
    };
    match outcome {
        ToolOutcome::Complete(result) => match call_result(id, version, result) {
            Ok(body) => Rendered::Answer(body),
            Err(what) => Rendered::Invalid(what),
        },
        ToolOutcome::InputRequired(_) => {
            let words = "this tool has to ask the user, which this host doesn't pass on";
            Rendered::Answer(error_result(id, version, words))
        }
    }
}

/// Invalid arguments and failures are results for the model to read; a tool that
/// isn't there is an error for the client's program.
fn tool_failure(id: &RequestId, version: ProtocolVersion, failure: Failure) -> Rendered {
    match failure {
        Failure::InvalidParams(why) => Rendered::Answer(error_result(
            id,
            version,
            &format!("invalid arguments: {why}"),
        )),
        Failure::Failed(why) => Rendered::Answer(error_result(id, version, &why)),
        Failure::NotFound(what) => {
            Rendered::Refused(RpcError::invalid_params(format!("not found: {what}")))
        }
    }
}

fn error_result(id: &RequestId, version: ProtocolVersion, words: &str) -> Vec<u8> {
    let result = CallToolResult {
        dialect: dialect(version),
        content: &[Content::text(words)],
        structured: None,
        is_error: true,
        meta: None,
    };
    response(id, &result)
}

fn response(id: &RequestId, result: &CallToolResult<'_>) -> Vec<u8> {
    let mut body = Vec::with_capacity(256);
    reply::response(&mut body, id, result);
    body
}

fn call_result(
    id: &RequestId,
    version: ProtocolVersion,
    result: CallResult,
) -> Result<Vec<u8>, String> {
    let structured = json("structured", result.structured)?;
    let meta = object("_meta", result.meta)?;
    let mut metas = Vec::with_capacity(result.content.len());
    for content in &result.content {
        metas.push(ContentJson::check(content)?);
    }
    let audiences: Vec<Vec<Role>> = result.content.iter().map(audience).collect();
    let content: Vec<Content<'_>> = result
        .content
        .iter()
        .zip(&metas)
        .zip(&audiences)
        .map(|((content, json), audience)| view(content, json, audience))
        .collect();
    Ok(response(
        id,
        &CallToolResult {
            dialect: dialect(version),
            content: &content,
            structured: structured.as_ref(),
            is_error: result.is_error,
            meta: meta.as_ref(),
        },
    ))
}

/// The JSON that one piece of content carries, checked.
struct ContentJson {
    meta: Option<RawJson>,
    resource_meta: Option<RawJson>,
    icons: Option<RawJson>,
}

impl ContentJson {
    fn check(content: &types::Content) -> Result<Self, String> {
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

fn audience(content: &types::Content) -> Vec<Role> {
    let annotations = annotations_of(content);
    let roles = annotations.map_or(&[][..], |annotations| &annotations.audience);
    roles
        .iter()
        .map(|role| match role {
            types::Role::User => Role::User,
            types::Role::Assistant => Role::Assistant,
        })
        .collect()
}

fn annotations_of(content: &types::Content) -> Option<&types::Annotations> {
    match content {
        types::Content::Text(text) => text.annotations.as_ref(),
        types::Content::Image(media) | types::Content::Audio(media) => media.annotations.as_ref(),
        types::Content::ResourceLink(link) => link.annotations.as_ref(),
        types::Content::EmbeddedResource(embedded) => embedded.annotations.as_ref(),
    }
}

fn view<'a>(
    content: &'a types::Content,
    json: &'a ContentJson,
    audience: &'a [Role],
) -> Content<'a> {
    Content {
        kind: kind(content, json),
        annotations: annotations_of(content).map(|annotations| Annotations {
            audience,
            priority: annotations.priority,
            last_modified: annotations.last_modified.as_deref(),
        }),
        meta: json.meta.as_ref(),
    }
}

fn kind<'a>(content: &'a types::Content, json: &'a ContentJson) -> ContentKind<'a> {
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
        types::Content::ResourceLink(link) => ContentKind::ResourceLink(ResourceLink {
            uri: &link.uri,
            name: &link.name,
            title: link.title.as_deref(),
            description: link.description.as_deref(),
            mime_type: link.mime_type.as_deref(),
            size: link.size,
            icons: json.icons.as_ref(),
        }),
        types::Content::EmbeddedResource(embedded) => ContentKind::Resource(ResourceContents {
            uri: &embedded.contents.uri,
            mime_type: embedded.contents.mime_type.as_deref(),
            body: match &embedded.contents.body {
                types::ResourceBody::Text(text) => ResourceBody::Text(text),
                types::ResourceBody::Blob(bytes) => ResourceBody::Blob(bytes),
            },
            meta: json.resource_meta.as_ref(),
        }),
    }
}
