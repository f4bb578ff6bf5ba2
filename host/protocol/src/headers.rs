//! The routing headers of a modern HTTP request, held against its body.
//!
//! Owns `MCP-Protocol-Version`, `Mcp-Method` and `Mcp-Name`, and how a value
//! is encoded in a header, for a server and for a client. Gateways route by these headers, so a request whose
//! body says something else must never be served. `Mcp-Param-*` are for
//! [`crate::header_params`].

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;

use crate::envelope::Request;
use crate::error::{RpcError, quoted};
use crate::json::string_of;
use crate::scan::{Member, Params};

/// The version that a request speaks.
pub const PROTOCOL_VERSION: &str = "mcp-protocol-version";
/// The method that the body names.
pub const METHOD: &str = "mcp-method";
/// The tool, prompt, resource or task that the body names.
pub const NAME: &str = "mcp-name";
/// The session of an older client.
pub const SESSION_ID: &str = "mcp-session-id";

/// The version header, for [`crate::era::of_message`]. A value that is no
/// text comes out as one that no version has.
pub fn protocol_version(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    headers
        .get(PROTOCOL_VERSION)
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
}

/// Holds the headers of a request against its body.
pub(crate) fn check_request(
    headers: &HeaderMap,
    request: &Request<'_>,
    claimed: &str,
) -> Result<(), RpcError> {
    expect(
        PROTOCOL_VERSION,
        single(headers, PROTOCOL_VERSION)?,
        claimed,
    )?;
    expect(METHOD, single(headers, METHOD)?, &request.method)?;
    let header = single(headers, NAME)?;
    let Some(member) = named_by(&request.method) else {
        return Ok(());
    };
    // A body that lacks the name is refused by its params' own check.
    match (name_in(&request.params, member), header) {
        (Some(name), header) => expect(NAME, header.map(decode).transpose()?.as_deref(), &name),
        (None, None) => Ok(()),
        (None, Some(_)) => Err(mismatch(format!(
            "{NAME} is given, but the body has no `{}`",
            member.name()
        ))),
    }
}

/// Holds those headers that a notification has against its body.
pub(crate) fn check_notification(headers: &HeaderMap, method: &str) -> Result<(), RpcError> {
    for name in [PROTOCOL_VERSION, NAME] {
        single(headers, name)?;
    }
    match single(headers, METHOD)? {
        Some(value) => expect(METHOD, Some(value), method),
        None => Ok(()),
    }
}

/// The one value of a header, as text.
///
/// # Errors
/// -32020 if the header is there twice, since two readers could each take
/// another one, or if it has characters that a header must not have.
pub(crate) fn single<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, RpcError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(mismatch(format!("{name} is given twice")));
    }
    let text = value
        .to_str()
        .map_err(|_| mismatch(format!("{name} has characters other than visible ASCII")))?;
    Ok(Some(text))
}

/// The characters that a header value stands for: `=?base64?..?=` is decoded,
/// anything else stands for itself.
///
/// # Errors
/// -32020 if what is encoded is not canonical base64 of UTF-8.
pub(crate) fn decode(value: &str) -> Result<Cow<'_, str>, RpcError> {
    let Some(encoded) = value
        .strip_prefix("=?base64?")
        .and_then(|rest| rest.strip_suffix("?="))
    else {
        return Ok(Cow::Borrowed(value));
    };
    let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| {
        mismatch(format!(
            "the header value {} is not valid base64",
            quoted(value)
        ))
    })?;
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| {
        mismatch(format!(
            "the header value {} does not encode UTF-8",
            quoted(value)
        ))
    })
}

/// What stands in a header for `value`: itself, or its base64 if a header can't
/// hold it as it is, or if it would be taken for such base64.
pub fn encode(value: &str) -> Cow<'_, str> {
    let printable = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if printable && value.trim() == value && !value.starts_with("=?base64?") {
        return Cow::Borrowed(value);
    }
    Cow::Owned(format!("=?base64?{}?=", BASE64_STANDARD.encode(value)))
}

/// The routing headers that a client sends with a modern request, each with its
/// value. A request without what one of them repeats goes without that one.
pub fn of_request(request: &Request<'_>) -> Vec<(&'static str, String)> {
    let params = &request.params;
    let text = |member| name_in(params, member);
    let version = text(Member::MetaProtocolVersion);
    let name = named_by(&request.method).and_then(text);
    let repeated = [
        (PROTOCOL_VERSION, version),
        (METHOD, Some(request.method.clone())),
        (NAME, name),
    ];
    let given = repeated
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    given
        .map(|(name, value)| (name, encode(&value).into_owned()))
        .collect()
}

/// What a request names, as `Mcp-Name` would repeat it; none: nothing, or no text.
pub fn name_of<'a>(request: &Request<'a>) -> Option<Cow<'a, str>> {
    name_in(&request.params, named_by(&request.method)?)
}

/// The method and the name that headers claim, of a request whose body nobody has read.
pub fn claimed(headers: &HeaderMap) -> (Option<&str>, Option<Cow<'_, str>>) {
    let text = |name| single(headers, name).ok().flatten();
    (
        text(METHOD),
        text(NAME).and_then(|value| decode(value).ok()),
    )
}

pub(crate) fn mismatch(detail: String) -> RpcError {
    RpcError::header_mismatch(format!("header mismatch: {detail}"))
}

fn expect(name: &str, header: Option<&str>, body: &str) -> Result<(), RpcError> {
    match header {
        Some(value) if value == body => Ok(()),
        Some(value) => Err(mismatch(format!(
            "{name} is {}, but the body says {}",
            quoted(value),
            quoted(body)
        ))),
        None => Err(mismatch(format!("{name} is missing"))),
    }
}

/// The member of `params` that `Mcp-Name` repeats.
fn named_by(method: &str) -> Option<Member> {
    match method {
        "tools/call" | "prompts/get" => Some(Member::Name),
        "resources/read" => Some(Member::Uri),
        "tasks/get" | "tasks/update" | "tasks/cancel" => Some(Member::TaskId),
        _ => None,
    }
}

fn name_in<'a>(params: &Params<'a>, member: Member) -> Option<Cow<'a, str>> {
    params.get(member).and_then(string_of)
}
