//! Proves, with a real collector, what it is told of a request: its spans and their
//! trace, whichever way the request and the trace came; the log, and the figures; and
//! nothing of arguments, results or secrets.

mod beyond;
mod doings;
mod outage;
mod own;
mod page;
mod settings;

use std::net::SocketAddr;

use fusebox_tests::{Client, Collector, Connection, Host, Lines, Setup, Span, Spoken, modern_meta};
use serde_json::{Value, json};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";
const OTHER_TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const OTHER_SPAN: &str = "b7ad6b7169203331";

fn traceparent(trace: &str, span: &str, flags: &str) -> String {
    format!("00-{trace}-{span}-{flags}")
}

/// A host that tells this collector.
fn setup(collector: &Collector, spoken: Spoken, further: &str) -> Setup {
    Setup::new()
        .plugin("hello")
        .plugin("everything")
        .plugin("misbehave")
        .config(&collector.config(spoken))
        .config(further)
}

/// A modern call of a tool, as a message.
fn message(id: u64, tool: &str, arguments: &Value, meta: &[(&str, &str)]) -> Value {
    let mut all = modern_meta();
    for (name, value) in meta {
        all[*name] = json!(value);
    }
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
        "params": {"name": tool, "arguments": arguments, "_meta": all}})
}

/// Calls a tool over HTTP with these headers, and gives the response.
fn post(at: SocketAddr, message: &Value, headers: &[(&str, &str)]) -> Value {
    let tool = message["params"]["name"].as_str().unwrap_or_default();
    let mut all = vec![
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", tool),
    ];
    all.extend(headers);
    let body = message.to_string();
    Connection::open(at)
        .exchange("POST", "/mcp", &all, body.as_bytes())
        .json()
}

/// The spans of a trace, once that of its request is there; what is below it was sent
/// before.
fn trace_of(collector: &Collector, trace: &str) -> (Span, Vec<Span>) {
    collector.wait_for("the trace is there", |got| {
        let spans: Vec<Span> = got.trace(trace).into_iter().cloned().collect();
        let server = spans.iter().find(|one| one.kind == "SPAN_KIND_SERVER")?;
        Some((server.clone(), spans))
    })
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| panic!("no span {name} in {spans:#?}"))
}

fn host_at(collector: &Collector, spoken: Spoken, further: &str) -> Host {
    setup(collector, spoken, further).start()
}

#[test]
fn a_call_over_http_has_its_parts_below_the_trace_of_its_headers() {
    let collector = Collector::start();
    let resource = "resource = [\"deployment.environment.name=test\"]";
    let host = host_at(&collector, Spoken::Grpc, resource);
    let call = message(7, "hello", &json!({"name": "Ada"}), &[]);
    let not_sampled = traceparent(OTHER_TRACE, OTHER_SPAN, "00");
    post(host.address(), &call, &[("traceparent", &not_sampled)]);
    let sampled = traceparent(TRACE, SPAN, "01");
    let answer = post(host.address(), &call, &[("traceparent", &sampled)]);
    assert_eq!(answer["result"]["content"][0]["text"], "Hello, Ada!");
    let (server, spans) = trace_of(&collector, TRACE);
    assert_eq!(
        (server.name.as_str(), server.parent.as_str()),
        ("tools/call hello", SPAN)
    );
    assert_eq!(server.status, "STATUS_CODE_UNSET");
    for (name, value) in [
        ("mcp.method.name", "tools/call"),
        ("mcp.protocol.version", "2026-07-28"),
        ("jsonrpc.request.id", "7"),
        ("gen_ai.tool.name", "hello"),
        ("gen_ai.operation.name", "execute_tool"),
        ("network.transport", "tcp"),
        ("network.protocol.name", "http"),
        ("network.protocol.version", "1.1"),
        ("client.address", "127.0.0.1"),
        ("fusebox.plugin", "hello"),
    ] {
        assert_eq!(server.says(name), value, "{name} in {server:#?}");
    }
    let number = |span: &Span, name: &str| span.says(name).parse::<u64>().expect("a number");
    assert!(number(&server, "client.port") > 0);
    assert!(number(&server, "fusebox.fuel") > 0);
    assert!(number(&server, "fusebox.memory_bytes") > 0);
    assert_eq!(server.resource["service.name"], "fusebox");
    assert_eq!(server.resource["deployment.environment.name"], "test");
    let mut before = server.start;
    for part in ["wait", "instantiate", "execute"] {
        let span = named(&spans, part);
        assert_eq!(span.parent, server.id, "{part}");
        assert!(span.start >= before && span.end >= span.start, "{part}");
        assert!(span.end <= server.end, "{part} in {spans:#?}");
        before = span.start;
    }
    let execute = named(&spans, "execute");
    assert_eq!(execute.says("fusebox.fuel"), server.says("fusebox.fuel"));
    assert_eq!(spans.len(), 4, "{spans:#?}");
    let got = collector.collected();
    assert!(got.trace(OTHER_TRACE).is_empty(), "it was not sampled");
    // What sends is known as parts of the host.
    let parts = host.health()["parts"].clone();
    for part in ["spans", "figures", "lines", "durations"] {
        let part = format!("telemetry.{part}");
        assert_eq!(parts[&part]["state"], "running", "{part}: {parts:#}");
    }
}

#[test]
fn a_call_over_tcp_has_its_trace_from_its_meta() {
    let collector = Collector::start();
    let host = setup(&collector, Spoken::Grpc, "").tcp().start();
    let parent = traceparent(TRACE, SPAN, "01");
    let meta = [("traceparent", parent.as_str()), ("tracestate", "a=1")];
    let call = message(1, "hello", &json!({"name": "Ada"}), &meta);
    let answer = Lines::open(host.tcp_address()).exchange(&call);
    assert_eq!(answer["result"]["content"][0]["text"], "Hello, Ada!");
    let (server, spans) = trace_of(&collector, TRACE);
    assert_eq!(
        (server.name.as_str(), server.parent.as_str()),
        ("tools/call hello", SPAN)
    );
    assert_eq!(server.says("network.transport"), "tcp");
    assert_eq!(server.says("network.protocol.name"), "", "no HTTP");
    assert_eq!(named(&spans, "execute").parent, server.id);
}

#[test]
fn meta_has_the_parent_and_the_header_is_linked() {
    let collector = Collector::start();
    let host = host_at(&collector, Spoken::Grpc, "");
    let in_meta = traceparent(TRACE, SPAN, "01");
    let in_header = traceparent(OTHER_TRACE, OTHER_SPAN, "01");
    let call = message(
        1,
        "hello",
        &json!({"name": "Ada"}),
        &[("traceparent", &in_meta)],
    );
    post(host.address(), &call, &[("traceparent", &in_header)]);
    let (server, _) = trace_of(&collector, TRACE);
    assert_eq!(server.parent, SPAN);
    assert_eq!(server.links, [OTHER_SPAN]);
}

#[test]
fn a_fault_and_a_tools_own_failure_are_told() {
    let collector = Collector::start();
    let host = host_at(&collector, Spoken::Grpc, "");
    let parent = traceparent(TRACE, SPAN, "01");
    let call = message(1, "trap", &json!({}), &[("traceparent", &parent)]);
    let answer = post(host.address(), &call, &[]);
    let code = answer["error"]["code"].to_string();
    let (server, spans) = trace_of(&collector, TRACE);
    assert_eq!(server.status, "STATUS_CODE_ERROR");
    assert_eq!(server.says("error.type"), code);
    assert_eq!(server.says("rpc.response.status_code"), code);
    assert_eq!(server.says("fusebox.reason"), "trapped");
    let execute = named(&spans, "execute");
    assert_eq!(execute.says("error.type"), "trapped");
    assert_eq!(execute.status, "STATUS_CODE_ERROR");
    let parent = traceparent(OTHER_TRACE, OTHER_SPAN, "01");
    let call = message(
        2,
        "hello",
        &json!({"nobody": 1}),
        &[("traceparent", &parent)],
    );
    let answer = post(host.address(), &call, &[]);
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    let (server, spans) = trace_of(&collector, OTHER_TRACE);
    assert_eq!(server.says("error.type"), "tool_error");
    assert_eq!(
        server.says("rpc.response.status_code"),
        "",
        "the response has none"
    );
    assert_eq!(spans.len(), 1, "it came no further");
}

#[test]
fn what_is_not_there_is_told_without_its_name() {
    let collector = Collector::start();
    let host = host_at(&collector, Spoken::Grpc, "");
    let parent = traceparent(TRACE, SPAN, "01");
    let call = message(1, "no_such_tool", &json!({}), &[("traceparent", &parent)]);
    post(host.address(), &call, &[]);
    let (server, _) = trace_of(&collector, TRACE);
    assert_eq!(server.name, "tools/call", "a client's own text is no name");
    assert_eq!(server.says("error.type"), "-32602");
}

#[test]
fn an_older_client_has_a_session_that_nobody_can_take_over() {
    let collector = Collector::start();
    let host = host_at(&collector, Spoken::Grpc, "");
    let mut client = Client::legacy(&host);
    client.text("hello", json!({"name": "Ada"}));
    let session = client.session().expect("a session").to_owned();
    let spans = collector.wait_for("the call, the last of them", |got| {
        let servers = got
            .spans
            .iter()
            .filter(|one| one.kind == "SPAN_KIND_SERVER");
        let servers: Vec<Span> = servers.cloned().collect();
        let called = servers.iter().any(|one| one.name == "tools/call hello");
        called.then_some(servers)
    });
    let (begun, called) = (
        named(&spans, "initialize"),
        named(&spans, "tools/call hello"),
    );
    assert_eq!(called.says("mcp.protocol.version"), "2025-11-25");
    assert!(!called.says("mcp.session.id").is_empty());
    assert_eq!(begun.says("mcp.session.id"), called.says("mcp.session.id"));
    assert!(begun.parent.is_empty(), "it came without a trace");
    assert!(
        !collector.printed().contains(&session),
        "its id is a secret"
    );
}

#[test]
fn http_carries_spans_figures_and_lines_as_grpc_does() {
    for spoken in [Spoken::Http, Spoken::Grpc] {
        let collector = Collector::start();
        let host = host_at(&collector, spoken, "metrics_interval_ms = 100");
        let mut client = Client::modern(&host);
        client.text("hello", json!({"name": "Ada"}));
        client.call("trap", json!({})).expect_err("a fault");
        collector.wait_for("the spans", |got| {
            let named = |name| got.spans.iter().any(|span| span.name == name);
            (named("tools/call hello") && named("tools/call trap")).then_some(())
        });
        collector.wait_for("the figures", |got| {
            let told = [
                "mcp.server.operation.duration",
                "fusebox.connections",
                "fusebox.requests",
                "fusebox.refusals",
                "fusebox.plugin.faults",
            ];
            told.iter().all(|name| got.has_figure(name)).then_some(())
        });
        collector.wait_for("the log, with the trace of the fault", |got| {
            let faulted = got
                .spans
                .iter()
                .find(|span| span.name == "tools/call trap")?;
            let mut lines = got.lines.iter();
            lines
                .find(|line| line.words.starts_with("fault: ") && line.trace == faulted.trace)
                .map(|line| assert_eq!(line.level, "WARN"))
        });
    }
}

#[test]
fn nothing_of_arguments_results_or_secrets_is_told() {
    let collector = Collector::start();
    let host = setup(&collector, Spoken::Grpc, "headers = { env = \"SHOWN\" }")
        .variable("SHOWN", "authorization=Bearer shown-to-the-collector")
        .start();
    let mut client = Client::modern(&host);
    let text = client.text("hello", json!({"name": "not-for-the-collector"}));
    assert!(text.contains("not-for-the-collector"));
    client
        .call("hello", json!({"not-for-the-collector": 1}))
        .expect("a result that says isError");
    collector.wait_for("both calls", |got| {
        let calls = got
            .spans
            .iter()
            .filter(|span| span.name == "tools/call hello");
        (calls.count() == 2).then_some(())
    });
    collector.wait_for("the log", |got| (!got.lines.is_empty()).then_some(()));
    let printed = collector.printed();
    assert!(!printed.contains("not-for-the-collector"));
    assert!(!printed.contains("shown-to-the-collector"));
    assert!(!host.log().contains("shown-to-the-collector"));
}
