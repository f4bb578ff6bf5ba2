//! Spans that a plugin makes itself: where they stand, what is said in them, and what
//! becomes of them when their call fails, is run again or leaves them behind.

use std::fs;
use std::thread;

use fusebox_tests::{Client, Collector, Setup, Span, Spoken, fusebox, plugin};
use serde_json::{Value, json};

use super::{
    OTHER_SPAN, OTHER_TRACE, SPAN, TRACE, host_at, message, named, post, setup, trace_of,
    traceparent,
};

/// Calls `trace` of `misbehave` in this trace; gives the answer.
fn traced(at: std::net::SocketAddr, parent: &str, arguments: &Value) -> Value {
    let meta = [("traceparent", parent)];
    post(at, &message(1, "trace", arguments, &meta), &[])
}

fn text(answer: &Value) -> &str {
    let text = answer["result"]["content"][0]["text"].as_str();
    text.unwrap_or_else(|| panic!("no text in {answer}"))
}

fn count(spans: &[Span], name: &str) -> usize {
    spans.iter().filter(|span| span.name == name).count()
}

#[test]
fn spans_of_a_plugin_stand_below_its_call_once_and_have_what_is_said_in_them() {
    // One of them logs: its try in one go is given up in the middle of both spans.
    for how in ["log", "nothing"] {
        let collector = Collector::start();
        let host = host_at(&collector, Spoken::Grpc, "");
        let sampled = traceparent(TRACE, SPAN, "01");
        let answer = traced(host.address(), &sampled, &json!({"how": how, "value": "v"}));
        let (_, spans) = trace_of(&collector, TRACE);
        assert_eq!((count(&spans, "outer"), count(&spans, "inner")), (1, 1));
        let (execute, outer) = (named(&spans, "execute"), named(&spans, "outer"));
        let inner = named(&spans, "inner");
        assert_eq!(outer.parent, execute.id);
        assert_eq!(inner.parent, outer.id);
        for (above, below) in [(execute, outer), (outer, inner)] {
            assert!(
                above.start <= below.start && below.end <= above.end,
                "{spans:#?}"
            );
            assert_eq!(below.kind, "SPAN_KIND_INTERNAL");
            assert_eq!(below.status, "STATUS_CODE_UNSET");
            assert_eq!(below.says("fusebox.plugin"), "misbehave");
            assert_eq!(below.says("fusebox.span.left_open"), "");
        }
        let said = ["step", "ratio", "good"].map(|key| outer.says(key));
        assert_eq!(said, ["1", "0.5", "true"]);
        assert_eq!(inner.says("value"), "v");
        // The plugin knew where it was.
        assert_eq!(text(&answer), traceparent(TRACE, &inner.id, "01"));
        if how == "log" {
            collector.wait_for("the line said within", |got| {
                let mut lines = got.lines.iter();
                lines
                    .any(|line| line.words.contains("said within") && line.span == inner.id)
                    .then_some(())
            });
        }
    }
}

#[test]
fn a_trap_ends_what_is_open_and_says_so() {
    let collector = Collector::start();
    let host = host_at(&collector, Spoken::Grpc, "");
    let sampled = traceparent(TRACE, SPAN, "01");
    let answer = traced(host.address(), &sampled, &json!({"how": "trap"}));
    assert_eq!(answer["error"]["data"]["reason"], "trapped", "{answer}");
    let (_, spans) = trace_of(&collector, TRACE);
    for name in ["outer", "inner"] {
        let span = named(&spans, name);
        assert_eq!(span.status, "STATUS_CODE_ERROR");
        assert_eq!(span.says("error.type"), "cut_off");
        assert_eq!(span.says("fusebox.span.left_open"), "true");
    }
    assert_eq!(named(&spans, "inner").parent, named(&spans, "outer").id);
    let parent = traceparent(OTHER_TRACE, OTHER_SPAN, "01");
    traced(host.address(), &parent, &json!({"how": "fail"}));
    let (_, spans) = trace_of(&collector, OTHER_TRACE);
    let inner = named(&spans, "inner");
    assert_eq!(inner.status, "STATUS_CODE_ERROR");
    assert_eq!(inner.says("error.type"), "failed");
    assert!(collector.printed().contains("it found nothing"));
    assert_eq!(named(&spans, "outer").status, "STATUS_CODE_UNSET");
}

#[test]
fn what_one_call_leaves_open_is_not_in_anothers_trace() {
    let collector = Collector::start();
    let further = "[plugins.misbehave]\nisolation = \"pooled\"\n";
    let host = host_at(&collector, Spoken::Grpc, further);
    let address = host.address();
    let left = traceparent(TRACE, SPAN, "01");
    traced(address, &left, &json!({"how": "leave"}));
    let (_, spans) = trace_of(&collector, TRACE);
    for name in ["outer", "inner"] {
        let span = named(&spans, name);
        assert_eq!(span.status, "STATUS_CODE_UNSET");
        assert_eq!(span.says("fusebox.span.left_open"), "true");
    }
    // The same instance, then several at once.
    let traces: Vec<String> = (1..=8_u8).map(|one| format!("{one:032x}")).collect();
    thread::scope(|scope| {
        for trace in &traces {
            let parent = traceparent(trace, SPAN, "01");
            scope.spawn(move || {
                for how in ["log", "leave", "nothing"] {
                    traced(address, &parent, &json!({"how": how}));
                }
            });
        }
    });
    for trace in &traces {
        let spans = collector.wait_for("three calls", |got| {
            let spans: Vec<Span> = got.trace(trace).into_iter().cloned().collect();
            (count(&spans, "tools/call trace") == 3).then_some(spans)
        });
        assert_eq!((count(&spans, "outer"), count(&spans, "inner")), (3, 3));
        for (name, above) in [("inner", "outer"), ("outer", "execute")] {
            for span in spans.iter().filter(|span| span.name == name) {
                let mut parents = spans.iter().filter(|one| one.id == span.parent);
                assert_eq!(parents.next().map(|one| one.name.as_str()), Some(above));
            }
        }
    }
}

#[test]
fn as_many_as_may_be_are_kept_and_the_call_says_how_many_were_not() {
    let collector = Collector::start();
    let host = host_at(&collector, Spoken::Grpc, "plugin_spans_max = 10");
    let sampled = traceparent(TRACE, SPAN, "01");
    traced(host.address(), &sampled, &json!({"how": "many"}));
    let (_, spans) = trace_of(&collector, TRACE);
    assert_eq!(count(&spans, "one of many"), 8);
    let execute = named(&spans, "execute");
    assert_eq!(execute.says("fusebox.spans.dropped"), "192");
}

#[test]
fn where_nothing_is_recorded_a_span_is_nothing() {
    let collector = Collector::start();
    let host = host_at(&collector, Spoken::Grpc, "");
    let passed = traceparent(TRACE, SPAN, "00");
    let answer = traced(host.address(), &passed, &json!({"how": "log"}));
    assert_eq!(text(&answer), passed, "the trace is told all the same");
    let none = host_at(&collector, Spoken::Grpc, "plugin_spans_max = 0");
    let sampled = traceparent(OTHER_TRACE, OTHER_SPAN, "01");
    traced(none.address(), &sampled, &json!({"how": "log"}));
    let (_, spans) = trace_of(&collector, OTHER_TRACE);
    assert_eq!(count(&spans, "outer"), 0);
    assert!(collector.collected().trace(TRACE).is_empty());
    let silent = Setup::new().plugin("misbehave").start();
    let mut client = Client::modern(&silent);
    assert_eq!(client.text("trace", json!({"how": "log"})), "nowhere");
}

#[test]
fn a_secret_in_an_attribute_stays_here() {
    let collector = Collector::start();
    let secrets = "[plugins.misbehave.grants.secrets]\ntoken = { env = \"SPAN_SECRET\" }\n";
    let host = setup(&collector, Spoken::Grpc, secrets)
        .variable("SPAN_SECRET", "not-for-the-collector")
        .start();
    let sampled = traceparent(TRACE, SPAN, "01");
    let given = json!({"how": "nothing", "value": "it is not-for-the-collector"});
    traced(host.address(), &sampled, &given);
    let (_, spans) = trace_of(&collector, TRACE);
    assert_eq!(named(&spans, "inner").says("value"), "it is ***");
    assert!(!collector.printed().contains("not-for-the-collector"));
}

#[test]
fn who_makes_no_spans_imports_nothing_for_them() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, imports) in [("hello", false), ("misbehave", true)] {
        let file = format!("{name}.wasm");
        fs::write(folder.path().join(&file), plugin(name)).expect("a file");
        let ran = fusebox(folder.path(), &["plugin", "check", "--json", &file]);
        let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let listed = report["imports"].to_string();
        assert_eq!(
            listed.contains("fusebox:plugin/trace@"),
            imports,
            "{listed}"
        );
        assert_eq!(report["denied"], json!([]), "{report:#}");
    }
}
