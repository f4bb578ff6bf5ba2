//! Who a request over HTTP comes from: `Authorization: Bearer`.
//!
//! It owns that header and the challenge that asks for it (RFC 6750). It never
//! passes anything of it on.

use fusebox_protocol::{Era, Reason, RefusalData, RpcError};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::response::{self, HttpResponse};
use crate::auth::{Caller, Denied};
use crate::host::Host;
use crate::origin::Origin;
use crate::reply::Reply;

/// Who sent a request; none: nobody is asked.
///
/// # Errors
/// Why it is not let in.
pub(super) fn who(
    host: &Host,
    headers: &HeaderMap,
    origin: &Origin,
) -> Result<Option<Caller>, Denied> {
    if !host.auth.is_on() {
        return Ok(None);
    }
    match shown(headers)? {
        Some(shown) => host.auth.caller(shown),
        None => match origin.certified() {
            Some(certified) if certified.holds() => Ok(Some(certified.clone())),
            Some(_) => Err(Denied::Revoked),
            None => host.auth.stranger(),
        },
    }
}

/// What a request shows; none: nothing.
///
/// # Errors
/// [`Denied::Malformed`] if that is no bearer's.
pub(super) fn shown(headers: &HeaderMap) -> Result<Option<&str>, Denied> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Denied::Malformed);
    }
    let text = value.to_str().map_err(|_| Denied::Malformed)?;
    let (scheme, shown) = text.split_once(' ').ok_or(Denied::Malformed)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Denied::Malformed);
    }
    Ok(Some(shown.trim()))
}

/// The response to a request that is not let in.
pub(super) fn challenge(host: &Host, denied: &Denied) -> HttpResponse {
    host.meters.error(std::time::Instant::now());
    host.metrics.denials.add(denied);
    let what_to_do = match denied {
        Denied::Missing | Denied::Malformed => ": send one header `Authorization: Bearer KEY`",
        _ => "",
    };
    // RFC 6750, 3.1: who shows nothing is told no error.
    let (status, error) = match denied {
        Denied::Missing => (StatusCode::UNAUTHORIZED, None),
        Denied::Entry(_) | Denied::NoRole(_) | Denied::Scope(_) => {
            (StatusCode::FORBIDDEN, Some("insufficient_scope"))
        }
        Denied::Malformed => (StatusCode::BAD_REQUEST, Some("invalid_request")),
        Denied::Unverified(_) => (StatusCode::SERVICE_UNAVAILABLE, None),
        _ => (StatusCode::UNAUTHORIZED, Some("invalid_token")),
    };
    let refusal = RpcError::refusal(
        Reason::Unauthenticated,
        format!("{denied}{what_to_do}"),
        RefusalData::default(),
    );
    let mut reply = Reply::error(None, &refusal, Era::Legacy);
    reply.status = status.as_u16();
    let mut response = response::reply(reply);
    let value = HeaderValue::from_str(&authenticate(host, denied, error));
    if let Ok(value) = value {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}

/// The value of `WWW-Authenticate`: RFC 6750, and RFC 9728 for the metadata.
fn authenticate(host: &Host, denied: &Denied, error: Option<&str>) -> String {
    let mut value = "Bearer realm=\"fusebox\"".to_owned();
    let mut add = |name: &str, text: &str| {
        // What can't stand in a quoted string isn't needed there.
        let text: String = text
            .chars()
            .filter(|one| !matches!(one, '"' | '\\'))
            .collect();
        value.push_str(&format!(", {name}=\"{text}\""));
    };
    if let Some(error) = error {
        add("error", error);
        add("error_description", &denied.to_string());
    }
    let scopes = match denied {
        Denied::Scope(scopes) => scopes.clone(),
        _ => host.auth.scopes().join(" "),
    };
    if !scopes.is_empty() {
        add("scope", &scopes);
    }
    if let Some((url, _)) = host.auth.metadata() {
        add("resource_metadata", &url);
    }
    value
}
