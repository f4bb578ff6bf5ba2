//! What a client takes of the forms that an answer can have.
//!
//! It owns how `Accept` is read. It never chooses a form.

use http::HeaderMap;
use http::header::ACCEPT;

/// What a client takes of what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    pub(super) json: bool,
    pub(super) events: bool,
}

impl Accepted {
    /// By its headers; a client that says nothing takes JSON.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(ACCEPT).iter().peekable();
        let mut accepted = Self {
            json: values.peek().is_none(),
            events: false,
        };
        for range in values.flat_map(|value| value.as_bytes().split(|&byte| byte == b',')) {
            let kind = range.split(|&byte| byte == b';').next().unwrap_or(range);
            let kind = kind.trim_ascii();
            let is = |one: &str| kind.eq_ignore_ascii_case(one.as_bytes());
            let all = is("*/*");
            accepted.json |= all || is("application/json") || is("application/*");
            accepted.events |= all || is("text/event-stream") || is("text/*");
        }
        accepted
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_a_client_takes_is_read_from_all_its_headers() {
        let check = |values: &[&'static str], json: bool, events: bool| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(ACCEPT, HeaderValue::from_static(value));
            }
            assert_eq!(
                Accepted::of(&headers),
                Accepted { json, events },
                "{values:?}"
            );
        };
        check(&[], true, false);
        check(&["application/json, text/event-stream"], true, true);
        check(&["application/json", "text/event-stream"], true, true);
        check(&["Application/JSON;q=0.5 ,\ttext/*; q=1"], true, true);
        check(&["*/*"], true, true);
        check(&["application/*"], true, false);
        check(&["text/event-stream"], false, true);
        check(&["text/html, image/png"], false, false);
        check(&["text/event-streams", ""], false, false);
    }
}
