//! What a request of the modern era repeats in its headers, so that gateways can
//! route it without reading it.
//!
//! It owns their making for one request. What they are called and how they are
//! encoded is the protocol's.

use fusebox_protocol::headers::{self, METHOD};
use fusebox_protocol::params::CallToolParams;
use fusebox_protocol::{Notification, Request};
use http::{HeaderName, HeaderValue};

use super::tools::Tools;

/// Headers of one request.
pub(super) type Headers = Vec<(HeaderName, HeaderValue)>;

/// Those of a request; for a call also the arguments that its tool wants there.
pub(super) fn modern(request: &Request<'_>, tools: &Tools) -> Headers {
    let mut named = headers::of_request(request)
        .into_iter()
        .filter_map(|(name, value)| header(HeaderName::from_static(name), &value))
        .collect::<Headers>();
    if request.method == "tools/call"
        && let Ok(call) = CallToolParams::from_params(&request.params)
    {
        let wanted = tools.headers(&call.name, call.arguments);
        named.extend(
            wanted
                .into_iter()
                .filter_map(|(name, value)| header(name, &value)),
        );
    }
    named
}

/// Those of a notification.
pub(super) fn modern_notification(notification: &Notification<'_>) -> Headers {
    let method = headers::encode(&notification.method);
    header(HeaderName::from_static(METHOD), &method)
        .into_iter()
        .collect()
}

fn header(name: HeaderName, value: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((name, HeaderValue::from_str(value).ok()?))
}
