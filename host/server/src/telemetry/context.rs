//! The trace that a request belongs to: W3C trace context, from `_meta` and from the
//! headers of HTTP, and as plugins' own requests carry it on.
//!
//! It owns the form of `traceparent`, and which of two is the parent. It never
//! decides what is sampled.

use std::borrow::Cow;

use fusebox_protocol::params::TraceMeta;
use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// The length of what every version begins with.
const LENGTH: usize = 55;

/// What is carried on of a `tracestate`: as much as the specification asks for.
const STATE_MAX_BYTES: usize = 512;

/// A place in a trace: a span, ours or another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    pub(crate) flags: TraceFlags,
}

impl Place {
    /// What a `traceparent` says; none if it is not in order.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let bytes = text.as_bytes();
        let dashes = [2, 35, 52].iter().all(|at| bytes.get(*at) == Some(&b'-'));
        if bytes.len() < LENGTH || !dashes {
            return None;
        }
        let version = hex(bytes.get(..2)?)?;
        let is_whole = match version {
            0 => bytes.len() == LENGTH,
            // "ff" stands for no version; later ones may have more behind a dash.
            0xff => false,
            _ => bytes.len() == LENGTH || bytes[LENGTH] == b'-',
        };
        let trace = hex(&bytes[3..35])?;
        let span = hex(&bytes[36..52])?;
        let flags = hex(&bytes[53..55])?;
        (is_whole && trace != 0 && span != 0).then(|| Self {
            trace: TraceId::from_bytes(trace.to_be_bytes()),
            span: SpanId::from_bytes((span as u64).to_be_bytes()),
            flags: TraceFlags::new(flags as u8),
        })
    }

    /// The same for the libraries; `state` goes along.
    pub(crate) fn context(self, state: TraceState, is_remote: bool) -> SpanContext {
        SpanContext::new(self.trace, self.span, self.flags, is_remote, state)
    }

    /// The header that lets others join.
    pub(crate) fn header(self) -> Option<(HeaderName, HeaderValue)> {
        Some((
            HeaderName::from_static(TRACEPARENT),
            HeaderValue::from_str(&self.traceparent()).ok()?,
        ))
    }

    /// The value of that header.
    pub(crate) fn traceparent(self) -> String {
        let sampled = u8::from(self.flags.is_sampled());
        format!("00-{}-{}-{sampled:02x}", self.trace, self.span)
    }
}

/// The header with what other systems have to say of the trace; none: nothing.
pub(crate) fn state_header(state: &TraceState) -> Option<(HeaderName, HeaderValue)> {
    let text = state.header();
    let value = (!text.is_empty()).then(|| HeaderValue::from_str(&text).ok());
    Some((HeaderName::from_static(TRACESTATE), value??))
}

/// Lower-case digits alone: the specification knows no others.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |value: u128, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u128::from(digit))
    })
}

/// What a request says of the trace that it belongs to.
#[derive(Debug)]
pub(crate) struct Arriving<'a> {
    meta: TraceMeta<'a>,
    headers: Option<&'a HeaderMap>,
    of_meta: Option<Place>,
    of_headers: Option<Place>,
}

impl<'a> Arriving<'a> {
    /// Of a request; `headers` are those of HTTP.
    pub(crate) fn new(meta: TraceMeta<'a>, headers: Option<&'a HeaderMap>) -> Self {
        let of_meta = meta.traceparent.as_deref().and_then(Place::parse);
        let of_headers = headers
            .and_then(|headers| single(headers, TRACEPARENT))
            .and_then(Place::parse);
        Self {
            meta,
            headers,
            of_meta,
            of_headers,
        }
    }

    /// The parent. `_meta` is the client's own word on this request; a header can be of
    /// a proxy's making, and one request of HTTP can have brought several messages.
    pub(crate) fn parent(&self) -> Option<Place> {
        self.of_meta.or(self.of_headers)
    }

    /// The `tracestate` that goes with the parent.
    pub(crate) fn state(&self) -> TraceState {
        let text = match (self.of_meta, self.of_headers) {
            (Some(_), _) => self.meta.tracestate.clone(),
            (None, Some(_)) => self.headers.and_then(state_of),
            (None, None) => None,
        };
        text.filter(|text| text.len() <= STATE_MAX_BYTES)
            .and_then(|text| text.parse().ok())
            .unwrap_or_default()
    }

    /// The other one, if both are there and differ.
    pub(crate) fn other(&self) -> Option<SpanContext> {
        let other = self.of_headers.filter(|_| self.of_meta.is_some())?;
        (Some(other) != self.of_meta).then(|| other.context(TraceState::default(), true))
    }
}

/// The value of a header that is there once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.to_str().ok())?
}

/// It may come in several headers.
fn state_of(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let values = headers.get_all(TRACESTATE).iter();
    let texts: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
    (!texts.is_empty()).then(|| texts.join(",").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

    #[test]
    fn a_parent_is_read_as_the_specification_has_it() {
        let place = Place::parse(PARENT).unwrap();
        assert_eq!(place.trace.to_string(), &PARENT[3..35]);
        assert_eq!(place.span.to_string(), &PARENT[36..52]);
        assert!(place.flags.is_sampled());
        let (name, value) = place.header().unwrap();
        assert_eq!(
            (name.as_str(), value.to_str().unwrap()),
            ("traceparent", PARENT)
        );
        assert!(!Place::parse(OTHER).unwrap().flags.is_sampled());
        let later = PARENT.replacen("00", "cc", 1);
        for good in [&later, &format!("{later}-more"), &format!(" {PARENT} ")] {
            assert_eq!(Place::parse(good).unwrap(), place, "{good}");
        }
        for bad in [
            "",
            &PARENT[..54],
            &format!("{PARENT}-more"),
            &format!("{later}x"),
            &PARENT.replacen("00", "ff", 1),
            &PARENT.to_uppercase(),
            &PARENT.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &PARENT.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &PARENT.replace('-', "_"),
            &"\u{e4}".repeat(40),
        ] {
            assert_eq!(Place::parse(bad), None, "{bad}");
        }
    }

    fn arriving<'a>(meta: Option<&'a str>, headers: &'a HeaderMap) -> Arriving<'a> {
        let meta = TraceMeta {
            traceparent: meta.map(Into::into),
            tracestate: meta.map(|_| "of=meta".into()),
        };
        Arriving::new(meta, Some(headers))
    }

    fn headers(traceparents: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in traceparents {
            headers.append(TRACEPARENT, HeaderValue::from_static(value));
        }
        headers.append(TRACESTATE, HeaderValue::from_static("a=1"));
        headers.append(TRACESTATE, HeaderValue::from_static("b=2"));
        headers
    }

    #[test]
    fn meta_goes_before_headers_and_the_other_is_linked() {
        let (meta, header) = (Place::parse(PARENT), Place::parse(OTHER));
        let both = headers(&[OTHER]);
        let both = arriving(Some(PARENT), &both);
        assert_eq!(both.parent(), meta);
        assert_eq!(both.state().header(), "of=meta");
        assert_eq!(
            both.other().unwrap().span_id(),
            header.unwrap().span,
            "linked"
        );
        let alone = headers(&[OTHER]);
        let alone = arriving(None, &alone);
        assert_eq!(alone.parent(), header);
        assert_eq!(alone.state().header(), "a=1,b=2");
        assert!(alone.other().is_none());
        let same = headers(&[PARENT]);
        assert!(arriving(Some(PARENT), &same).other().is_none());
        let broken = headers(&[OTHER]);
        assert_eq!(arriving(Some("nonsense"), &broken).parent(), header);
    }

    #[test]
    fn two_parents_are_none() {
        let twice = headers(&[PARENT, OTHER]);
        assert_eq!(arriving(None, &twice).parent(), None);
        assert!(arriving(None, &twice).state().header().is_empty());
    }
}
