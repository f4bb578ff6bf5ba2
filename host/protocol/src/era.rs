//! Which rules a message falls under, and the rules of the modern era.
//!
//! Owns the choice between the eras and the checks that come before a modern
//! request is served. It knows no sessions: what an older client agreed on by
//! `initialize` is for the caller to remember.

use http::HeaderMap;

use crate::envelope::{Message, Notification, Request};
use crate::error::RpcError;
use crate::headers;
use crate::params::{ClientCapabilities, Meta};
use crate::version::ProtocolVersion;

pub use crate::version::Era;

/// The era of a message. `header_version` is what
/// [`headers::protocol_version`] finds; `None` on stdio and TCP.
///
/// Modern is what claims a version in `_meta`, or comes with a version header
/// that no handshake can have agreed on. All else is legacy, and so is
/// `initialize`, whichever version its params ask for.
pub fn of_message(header_version: Option<&str>, message: &Message<'_>) -> Era {
    let claims = message
        .params()
        .is_some_and(crate::scan::Params::claims_version);
    let no_handshake =
        |name: &str| ProtocolVersion::parse(name).is_none_or(ProtocolVersion::is_modern);
    if claims || header_version.is_some_and(no_handshake) {
        Era::Modern
    } else {
        Era::Legacy
    }
}

/// A modern request that may be served.
#[derive(Debug, Clone)]
pub struct ModernRequest<'a> {
    /// what it speaks
    pub version: ProtocolVersion,
    /// what its client can do
    pub capabilities: ClientCapabilities,
    /// the rest of `_meta`
    pub meta: Meta<'a>,
}

/// Checks what each modern request must have, in the order of the
/// specification: `_meta`, headers, version. Whether the method exists comes
/// after that. `headers` is `None` on stdio and TCP, which have none.
///
/// # Errors
/// -32602 if `_meta` lacks the version or the capabilities, -32020 if a header
/// is missing or contradicts the body, -32022 if the version is not served;
/// each with HTTP 400.
pub fn check_modern<'a>(
    request: &Request<'a>,
    headers: Option<&HeaderMap>,
) -> Result<ModernRequest<'a>, RpcError> {
    // What is wrong with `_meta` makes the whole request malformed.
    let meta = Meta::from_params(&request.params).map_err(|e| RpcError::missing_meta(e.message))?;
    let missing = |key: &str| {
        RpcError::missing_meta(format!("`_meta` must have `io.modelcontextprotocol/{key}`"))
    };
    let claimed = meta
        .protocol_version
        .as_deref()
        .ok_or_else(|| missing("protocolVersion"))?;
    let capabilities = meta
        .client_capabilities
        .ok_or_else(|| missing("clientCapabilities"))?;
    if let Some(headers) = headers {
        headers::check_request(headers, request, claimed)?;
    }
    let version = ProtocolVersion::parse(claimed)
        .filter(|version| version.is_modern())
        .ok_or_else(|| RpcError::unsupported_version(claimed))?;
    Ok(ModernRequest {
        version,
        capabilities,
        meta,
    })
}

/// Checks a modern notification that came over HTTP. The specification demands
/// no headers of it, so only those that are there are held against the body.
///
/// # Errors
/// -32020 if a header is there twice or contradicts the body.
pub fn check_modern_notification(
    notification: &Notification<'_>,
    headers: &HeaderMap,
) -> Result<(), RpcError> {
    headers::check_notification(headers, &notification.method)
}
