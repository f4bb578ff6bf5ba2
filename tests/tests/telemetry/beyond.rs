//! What is no request with an answer: notifications, and the runs of tasks, which outlive
//! the request that began them.

use fusebox_tests::{
    Client, Collector, Connection, Lines, Span, Spoken, initialize_line, modern_meta,
};
use serde_json::{Value, json};

use super::{
    OTHER_SPAN, OTHER_TRACE, SPAN, TRACE, host_at, named, post, setup, trace_of, traceparent,
};

const EXTENSION: &str = "io.modelcontextprotocol/tasks";

#[test]
fn a_notification_over_http_has_a_span_in_its_session() {
    let collector = Collector::start();
    let host = host_at(&collector, Spoken::Grpc, "metrics_interval_ms = 100");
    let mut client = Client::legacy(&host);
    let text = json!({"requestId": 99, "reason": "not for the collector"});
    assert_eq!(client.notify("notifications/cancelled", text), 202);
    client.text("hello", json!({"name": "Ada"}));
    let spans = collector.wait_for("all messages", |got| {
        let names = [
            "notifications/initialized",
            "notifications/cancelled",
            "tools/call hello",
        ];
        let there = |name: &&str| got.spans.iter().any(|span| span.name == *name);
        names.iter().all(there).then(|| got.spans.clone())
    });
    let called = named(&spans, "tools/call hello");
    for name in ["notifications/initialized", "notifications/cancelled"] {
        let span = named(&spans, name);
        assert_eq!(span.kind, "SPAN_KIND_SERVER");
        assert_eq!(span.says("mcp.method.name"), name);
        assert_eq!(span.says("jsonrpc.request.id"), "", "it has none");
        assert_eq!(span.says("network.transport"), "tcp");
        let session = "mcp.session.id";
        assert_eq!(span.says(session), called.says(session));
        assert!(!span.says(session).is_empty());
        assert_eq!(span.says("mcp.protocol.version"), "2025-11-25");
    }
    assert!(!collector.printed().contains("not for the collector"));
    collector.wait_for("how long it took", |got| {
        let mut series = got.series.iter();
        let of_it = |one: &fusebox_tests::Series| {
            one.name == "mcp.server.operation.duration"
                && one.attributes.get("mcp.method.name").map(String::as_str)
                    == Some("notifications/cancelled")
        };
        series.any(of_it).then_some(())
    });
}

#[test]
fn a_notification_on_a_line_is_in_its_clients_trace_and_an_unknown_one_has_no_name() {
    let collector = Collector::start();
    let host = setup(&collector, Spoken::Grpc, "").tcp().start();
    let mut lines = Lines::open(host.tcp_address());
    lines.exchange(&initialize_line(1));
    for (method, trace, span) in [
        ("notifications/progress", TRACE, SPAN),
        ("notifications/of-my-own", OTHER_TRACE, OTHER_SPAN),
    ] {
        let meta = json!({"traceparent": traceparent(trace, span, "01")});
        let told = json!({"jsonrpc": "2.0", "method": method,
            "params": {"progressToken": "none", "progress": 1, "_meta": meta}});
        assert!(lines.send(&told));
    }
    let (known, _) = trace_of(&collector, TRACE);
    assert_eq!(
        (known.name.as_str(), known.parent.as_str()),
        ("notifications/progress", SPAN)
    );
    assert_eq!(known.says("mcp.protocol.version"), "2025-11-25");
    let (unknown, _) = trace_of(&collector, OTHER_TRACE);
    assert_eq!(unknown.name, "_OTHER");
    assert!(!collector.printed().contains("of-my-own"));
}

#[test]
fn a_session_tells_how_long_it_was_when_it_has_ended() {
    let collector = Collector::start();
    let further =
        "metrics_interval_ms = 100\n[session]\nidle_timeout_ms = 1000\nmax_sessions = 1\n";
    let host = setup(&collector, Spoken::Grpc, further).tcp().start();
    // One says that it ends, one says nothing any more, and two are connections.
    let mut ended = Client::legacy(&host);
    ended.text("hello", json!({"name": "Ada"}));
    ended.delete();
    Client::legacy_version(&host, "2025-06-18").text("hello", json!({"name": "Ada"}));
    fusebox_tests::until("another takes its place", || {
        let headers = [
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
        ];
        let begin = initialize_line(1).to_string();
        let mut connection = Connection::open(host.address());
        let begun = connection.exchange("POST", "/mcp", &headers, begin.as_bytes());
        (begun.head.status == 200).then_some(())
    });
    let mut lines = Lines::open(host.tcp_address());
    lines.exchange(&initialize_line(1));
    drop(lines);
    let mut modern = Lines::open(host.tcp_address());
    let unsampled = traceparent(OTHER_TRACE, OTHER_SPAN, "00");
    modern.exchange(&message(1, "tools/list", json!({}), &unsampled));
    drop(modern);
    collector.wait_for("all four", |got| {
        let has = |wanted: &[(&str, &str)]| {
            let mut series = got.series.iter();
            series.any(|one| {
                let says = |(name, value): &(&str, &str)| {
                    one.attributes.get(*name).map_or("", String::as_str) == *value
                };
                one.name == "mcp.server.session.duration" && wanted.iter().all(says)
            })
        };
        let version = "mcp.protocol.version";
        let (transport, protocol) = ("network.transport", "network.protocol.name");
        let error = "error.type";
        let all = has(&[(version, "2025-11-25"), (protocol, "http"), (error, "")])
            && has(&[
                (version, "2025-06-18"),
                (protocol, "http"),
                (error, "timeout"),
            ])
            && has(&[(version, "2025-11-25"), (transport, "tcp"), (protocol, "")])
            && has(&[(version, "2026-07-28"), (transport, "tcp"), (protocol, "")]);
        all.then_some(())
    });
    let counted = fusebox_tests::Scrape::of(&host);
    for (transport, count) in [("http", 2.0), ("tcp", 2.0), ("quic", 0.0)] {
        let name = "fusebox_session_duration_seconds_count";
        assert_eq!(counted.value(name, &[("transport", transport)]), count);
    }
}

/// A modern message of a client that knows tasks, in this trace.
fn message(id: u64, method: &str, mut params: Value, parent: &str) -> Value {
    let mut meta = modern_meta();
    meta["io.modelcontextprotocol/clientCapabilities"] =
        json!({"elicitation": {}, "extensions": {EXTENSION: {}}});
    meta["traceparent"] = json!(parent);
    params["_meta"] = meta;
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

/// The spans of runs of tasks of this tool, once there are so many.
fn runs(collector: &Collector, tool: &str, count: usize) -> Vec<Span> {
    let name = format!("task {tool}");
    collector.wait_for("the runs", |got| {
        let runs = got.spans.iter().filter(|span| span.name == name);
        let runs: Vec<Span> = runs.cloned().collect();
        (runs.len() >= count).then_some(runs)
    })
}

#[test]
fn each_run_of_a_task_has_a_trace_that_is_linked_to_the_request_that_began_it() {
    let collector = Collector::start();
    let host = setup(&collector, Spoken::Grpc, "").tcp().start();
    let mut lines = Lines::open(host.tcp_address());
    let sampled = traceparent(TRACE, SPAN, "01");
    let arguments = json!({"name": "confirm_delete", "arguments": {}});
    let created = lines.exchange(&message(1, "tools/call", arguments, &sampled));
    let task = created["result"]["taskId"].clone();
    assert!(task.is_string(), "{created}");
    let (request, parts) = trace_of(&collector, TRACE);
    assert_eq!(request.name, "tools/call confirm_delete");
    assert_eq!(parts.len(), 1, "it was answered before it ran: {parts:#?}");
    let asked = runs(&collector, "confirm_delete", 1).remove(0);
    // Whoever answers may do so in a trace of their own.
    let unsampled = traceparent(OTHER_TRACE, OTHER_SPAN, "00");
    let answers = json!({"confirm": {"action": "accept", "content": {"confirm": true}}});
    let update = json!({"taskId": task, "inputResponses": answers});
    let mut id = 2;
    fusebox_tests::until("the task takes the answers", || {
        let given = message(id, "tasks/update", update.clone(), &unsampled);
        id += 1;
        let updated = lines.exchange(&given);
        assert!(updated["result"].is_object(), "{updated}");
        let get = message(id, "tasks/get", json!({"taskId": task}), &unsampled);
        id += 1;
        let got = lines.exchange(&get);
        (got["result"]["status"] == "completed").then_some(())
    });
    let both = runs(&collector, "confirm_delete", 2);
    assert_eq!(both.len(), 2);
    assert_ne!(both[0].trace, both[1].trace);
    assert_eq!(both[0].id, asked.id);
    for run in &both {
        assert_eq!(run.links, [request.id.as_str()]);
        assert_eq!(run.kind, "SPAN_KIND_INTERNAL");
        assert_eq!(run.status, "STATUS_CODE_UNSET");
        assert!(run.parent.is_empty() && run.trace != TRACE);
        assert_eq!(run.says("gen_ai.tool.name"), "confirm_delete");
        assert_eq!(run.says("fusebox.plugin"), "everything");
        assert_eq!(run.says("mcp.method.name"), "", "it is no request");
        let parts = collector.collected();
        let parts: Vec<Span> = parts.trace(&run.trace).into_iter().cloned().collect();
        for part in ["wait", "execute"] {
            assert_eq!(named(&parts, part).parent, run.id);
        }
    }
    let printed = collector.printed();
    assert!(
        !printed.contains(task.as_str().expect("an id")),
        "it is a secret"
    );
}

#[test]
fn a_task_that_fails_is_cancelled_or_is_not_recorded_says_so() {
    let collector = Collector::start();
    let host = setup(&collector, Spoken::Grpc, "").tcp().start();
    let mut lines = Lines::open(host.tcp_address());
    let sampled = traceparent(TRACE, SPAN, "01");
    let call = |id, tool: &str, arguments: Value, parent: &str| {
        let params = json!({"name": tool, "arguments": arguments});
        message(id, "tools/call", params, parent)
    };
    let unsampled = traceparent(OTHER_TRACE, OTHER_SPAN, "00");
    lines.exchange(&call(1, "protocol_error_job", json!({}), &unsampled));
    lines.exchange(&call(2, "protocol_error_job", json!({}), &sampled));
    let created = lines.exchange(&call(3, "slow_compute", json!({"seconds": 600}), &sampled));
    let task = json!({"taskId": created["result"]["taskId"]});
    lines.exchange(&message(4, "tasks/cancel", task, &sampled));
    let cancelled = runs(&collector, "slow_compute", 1).remove(0);
    assert_eq!(cancelled.says("error.type"), "cancelled");
    let failed = runs(&collector, "protocol_error_job", 1);
    assert_eq!(failed[0].says("fusebox.reason"), "panicked");
    assert_eq!(failed.len(), 1);
    // Over HTTP it is the same, and what its client doesn't record isn't.
    let answer = post(
        host.address(),
        &call(5, "greet", json!({"name": "Ada"}), &unsampled),
        &[],
    );
    assert_eq!(answer["result"]["content"][0]["text"], "Hello, Ada!");
    assert!(collector.collected().trace(OTHER_TRACE).is_empty());
}
