//! The shapes of what the operator's interface answers, and the headers that keep a
//! browser from doing anything else with it.
//!
//! It owns headers of responses. It never decides what is answered.

use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, SET_COOKIE,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

use super::problem::Problem;
use crate::transport::http::response::{self, HttpResponse};

/// Nothing but what this interface serves itself, no script or style within a page, and
/// no page around it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// A value as JSON.
pub(super) fn json<T: Serialize>(value: &T) -> Result<HttpResponse, Problem> {
    let body = serde_json::to_vec(value).map_err(|error| Problem::Failed(error.to_string()))?;
    Ok(response::json(StatusCode::OK, body))
}

/// A refusal.
pub(super) fn refused(problem: &Problem) -> HttpResponse {
    let body = serde_json::to_vec(&problem.body()).unwrap_or_default();
    let mut response = response::json(problem.status(), body);
    let headers = response.headers_mut();
    match problem {
        Problem::Missing | Problem::Wrong => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Problem::Method(methods) => {
            headers.insert(ALLOW, HeaderValue::from_static(methods));
        }
        _ => {}
    }
    response
}

/// Done, and nothing more to say than a cookie.
pub(super) fn with_cookie(cookie: &str) -> Result<HttpResponse, Problem> {
    let mut response = response::empty(StatusCode::NO_CONTENT);
    let value =
        HeaderValue::from_str(cookie).map_err(|error| Problem::Failed(error.to_string()))?;
    response.headers_mut().insert(SET_COOKIE, value);
    Ok(response)
}

/// It is somewhere else.
pub(super) fn elsewhere(path: &'static str) -> HttpResponse {
    let mut response = response::empty(StatusCode::SEE_OTHER);
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::from_static(path));
    response
}

/// The same with what every answer tells a browser.
pub(super) fn guarded(mut response: HttpResponse) -> HttpResponse {
    let fixed = |value: &'static str| HeaderValue::from_static(value);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, fixed("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    headers.insert(X_FRAME_OPTIONS, fixed("DENY"));
    headers.insert(REFERRER_POLICY, fixed("no-referrer"));
    headers.insert(OPENER_POLICY, fixed("same-origin"));
    headers.insert(RESOURCE_POLICY, fixed("same-origin"));
    response
}
