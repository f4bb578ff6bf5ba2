//! What a collector gets of the spans that a plugin makes itself, in each language.

use fusebox_tests::{Client, Collector, Setup, Span, Spoken};
use serde_json::json;

use crate::{JAVASCRIPT, Language, PYTHON, RUST};

fn check(language: Language) {
    let collector = Collector::start();
    let host = Setup::new()
        .file("behaviour", language.component())
        .config(&collector.config(Spoken::Grpc))
        .config("[plugins.behaviour]\nfuel = 400000000\n")
        .start();
    let result = Client::modern(&host).call("traced", json!({}));
    let result = result.expect("a result");
    assert_eq!(result["structuredContent"]["result"], true, "{result}");
    let call = collector.wait_for("the call", |got| {
        let mut spans = got.spans.iter();
        spans.find(|one| one.name == "tools/call traced").cloned()
    });
    let got = collector.collected();
    let spans = got.trace(&call.trace);
    let named = |name: &str| -> &Span {
        let found = spans.iter().find(|span| span.name == name);
        found.unwrap_or_else(|| panic!("no span {name} in {spans:#?}"))
    };
    let (outer, inner) = (named("outer"), named("inner"));
    assert_eq!(outer.parent, named("execute").id);
    assert_eq!(inner.parent, outer.id);
    assert_eq!(outer.says("step"), "1");
    assert_eq!(inner.says("what"), "words");
    assert_eq!(outer.status, "STATUS_CODE_UNSET");
    assert_eq!(inner.status, "STATUS_CODE_ERROR");
    collector.wait_for("the line said within", |got| {
        let mut lines = got.lines.iter();
        let within =
            |line: &fusebox_tests::Line| line.words.contains("within") && line.span == inner.id;
        lines.any(within).then_some(())
    });
    assert!(!collector.printed().contains("not for the collector"));
    // Where nobody looks on, all of it does nothing.
    let host = Setup::new()
        .file("behaviour", language.component())
        .config("[plugins.behaviour]\nfuel = 400000000\n")
        .start();
    let result = Client::modern(&host).call("traced", json!({}));
    let result = result.expect("a result");
    assert_eq!(result["structuredContent"]["result"], false, "{result}");
}

#[test]
fn rust_makes_spans() {
    check(RUST);
}

#[test]
fn python_makes_spans() {
    check(PYTHON);
}

#[test]
fn javascript_makes_spans() {
    check(JAVASCRIPT);
}
