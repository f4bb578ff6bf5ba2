//! How spans nest, end and are bounded, without an instance around them.

use std::future::{Future, ready};
use std::pin::Pin;

use parking_lot::Mutex;

use super::*;
use crate::call::{Change, RequestEvent};

/// Keeps what it is told.
#[derive(Default)]
struct Watching {
    begun: Mutex<u64>,
    within: Mutex<Option<SpanNumber>>,
    ended: Mutex<Vec<OwnSpan>>,
}

impl RequestSink for Watching {
    fn emit(&self, _: RequestEvent) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(ready(()))
    }
    fn changed(&self, _: Change) {}
    fn panicked(&self, _: &str) {}
    fn is_cancelled(&self) -> bool {
        false
    }
    fn close_stream(&self) {}
    fn span_begins(&self) -> Option<SpanNumber> {
        let mut begun = self.begun.lock();
        *begun += 1;
        SpanNumber::new(*begun)
    }
    fn within(&self, span: Option<SpanNumber>) {
        *self.within.lock() = span;
    }
    fn span_ended(&self, span: OwnSpan) {
        self.ended.lock().push(span);
    }
}

impl Watching {
    fn told(&self) -> Vec<(String, Option<u64>, Ending)> {
        let ended = self.ended.lock();
        let told = ended.iter().map(|span| {
            let parent = span.parent.map(SpanNumber::get);
            (span.name.clone(), parent, span.ending)
        });
        told.collect()
    }
}

fn begin(spans: &mut Spans, sink: &Watching, name: &str) -> SpanHandle {
    SpanHandle(spans.begin(sink, name.to_owned()))
}

#[test]
fn each_stands_below_the_innermost_one_that_is_open() {
    let (sink, mut spans) = (Watching::default(), Spans::default());
    let outer = begin(&mut spans, &sink, "outer");
    let inner = begin(&mut spans, &sink, "inner");
    assert_eq!(*sink.within.lock(), inner.0);
    // Its parent ends first: it stays where it was begun.
    spans.end(&sink, outer);
    assert_eq!(*sink.within.lock(), inner.0);
    begin(&mut spans, &sink, "innermost");
    spans.end(&sink, outer);
    spans.end(&sink, inner);
    spans.settle(&sink, Ending::LeftOpen);
    let expected = [
        ("outer".to_owned(), None, Ending::Ended),
        ("inner".to_owned(), Some(1), Ending::Ended),
        ("innermost".to_owned(), Some(2), Ending::LeftOpen),
    ];
    assert_eq!(sink.told(), expected);
}

#[test]
fn a_try_that_is_given_up_tells_nothing_and_one_that_counts_tells_all() {
    let (sink, mut spans) = (Watching::default(), Spans::held());
    let ended = begin(&mut spans, &sink, "ended");
    spans.end(&sink, ended);
    begin(&mut spans, &sink, "open");
    spans.abandon(&sink);
    assert!(sink.told().is_empty());
    spans.settle(&sink, Ending::CutOff);
    let names: Vec<_> = sink.told().into_iter().map(|told| told.2).collect();
    assert_eq!(names, [Ending::Ended, Ending::CutOff]);
    // Elsewhere, what is dropped was cut off.
    let (sink, mut spans) = (Watching::default(), Spans::default());
    begin(&mut spans, &sink, "open");
    spans.abandon(&sink);
    assert_eq!(sink.told().len(), 1);
}

#[test]
fn a_handle_that_another_call_left_reaches_nothing() {
    let (sink, mut before) = (Watching::default(), Spans::default());
    let left = begin(&mut before, &sink, "left");
    before.settle(&sink, Ending::LeftOpen);
    let mut spans = Spans::default();
    begin(&mut spans, &sink, "another caller's");
    assert!(spans.find(left).is_none());
    spans.end(&sink, left);
    assert_eq!((sink.told().len(), spans.open.len()), (1, 1));
    assert!(spans.find(SpanHandle(None)).is_none());
}

#[test]
fn attributes_are_bounded_and_the_hosts_own_stay_its_own() {
    let (sink, mut spans) = (Watching::default(), Spans::default());
    let handle = begin(&mut spans, &sink, "full");
    let span = spans.find(handle).unwrap();
    for key in ["", "fusebox.plugin", &"k".repeat(KEY_MAX_BYTES + 1)] {
        span.put(key.to_owned(), SpanValue::Flag(true));
    }
    assert_eq!((span.attributes.len(), span.attributes_dropped), (0, 3));
    for number in 0..ATTRIBUTES_MAX + 1 {
        span.put(format!("key{number}"), SpanValue::Integer(1));
    }
    span.put("key0".to_owned(), SpanValue::Integer(2));
    assert_eq!(span.attributes.len(), ATTRIBUTES_MAX);
    assert_eq!(span.attributes_dropped, 4);
    assert_eq!(span.attributes[0].1, SpanValue::Integer(2));
}

#[test]
fn a_secret_is_taken_out_before_a_text_is_cut() {
    let redactor = Redactor::of(["hunter22"].into_iter());
    let text = format!("{}hunter22", "ä".repeat(62));
    let cut = fit(Some(&redactor), text, NAME_MAX_BYTES);
    assert_eq!(cut, format!("{}***", "ä".repeat(62)));
    assert_eq!(fit(None, "ä".repeat(99), 3), "ä");
    let key = "hunter22".to_owned();
    let value = SpanValue::Text("hunter22".to_owned());
    let (key, value) = attribute(Some(&redactor), (key, value));
    assert_eq!(
        (key.as_str(), value),
        ("***", SpanValue::Text("***".to_owned()))
    );
}
