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
use crate::reply::Reply;

/// Who sent a request; none: nobody is asked.
///
/// # Errors
/// Why it is not let in.
pub(super) fn who(host: &Host, headers: &HeaderMap) -> Result<Option<Caller>, Denied> {
    if !host.auth.is_on() {
        return Ok(None);
    }
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return host.auth.stranger();
    };
    if values.next().is_some() {
        return Err(Denied::Malformed);
    }
    let text = value.to_str().map_err(|_| Denied::Malformed)?;
    let (scheme, key) = text.split_once(' ').ok_or(Denied::Malformed)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Denied::Malformed);
    }
    host.auth.caller(key.trim())
}

/// The response to a request that is not let in.
pub(super) fn challenge(host: &Host, denied: &Denied) -> HttpResponse {
    host.meters.error(std::time::Instant::now());
    let what_to_do = match denied {
        Denied::Missing | Denied::Malformed => ": send one header `Authorization: Bearer KEY`",
        _ => "",
    };
    let message = format!("{denied}{what_to_do}");
    // RFC 6750, 3.1: who shows nothing is told no error.
    let (status, value) = match denied {
        Denied::Missing => (StatusCode::UNAUTHORIZED, "Bearer realm=\"fusebox\"".to_owned()),
        Denied::Entry(_) => (
            StatusCode::FORBIDDEN,
            format!("Bearer realm=\"fusebox\", error=\"insufficient_scope\", error_description=\"{denied}\""),
        ),
        Denied::Malformed => (
            StatusCode::BAD_REQUEST,
            format!("Bearer realm=\"fusebox\", error=\"invalid_request\", error_description=\"{denied}\""),
        ),
        Denied::Unknown | Denied::Expired(_) | Denied::Revoked => (
            StatusCode::UNAUTHORIZED,
            format!("Bearer realm=\"fusebox\", error=\"invalid_token\", error_description=\"{denied}\""),
        ),
    };
    let error = RpcError::refusal(Reason::Unauthenticated, message, RefusalData::default());
    let mut response = response::reply(Reply::error(None, &error, Era::Legacy));
    *response.status_mut() = status;
    if let Ok(value) = HeaderValue::from_str(&value) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}
