//! What a plugin does while it is called: what it says, whom it asks, what it keeps.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use fusebox_tests::{Client, Collector, Host, Setup, Spoken};
use serde_json::json;

use super::{OTHER_TRACE, SPAN, TRACE, host_at, message, named, post, trace_of, traceparent};

const SAYS: [&str; 3] = [
    "Tool execution started",
    "Tool processing data",
    "Tool execution completed",
];

#[test]
fn what_a_plugin_says_is_a_line_of_its_trace() {
    let collector = Collector::start();
    let host = host_at(&collector, Spoken::Grpc, "");
    let parent = traceparent(TRACE, SPAN, "01");
    let meta = [("traceparent", parent.as_str())];
    let call = message(1, "test_tool_with_logging", &json!({}), &meta);
    post(host.address(), &call, &[]);
    let (_, spans) = trace_of(&collector, TRACE);
    let execute = named(&spans, "execute").id.clone();
    collector.wait_for("its lines", |got| {
        let said = |words: &&str| {
            let mut lines = got.lines.iter();
            lines.any(|line| {
                line.words.contains(*words) && line.trace == TRACE && line.span == execute
            })
        };
        SAYS.iter().all(said).then_some(())
    });
}

#[test]
fn without_lines_what_a_plugin_says_is_kept_with_its_span() {
    let collector = Collector::start();
    let host = host_at(&collector, Spoken::Grpc, "logs = false");
    let parent = traceparent(TRACE, SPAN, "01");
    let meta = [("traceparent", parent.as_str())];
    let call = message(1, "test_tool_with_logging", &json!({}), &meta);
    post(host.address(), &call, &[]);
    let (server, _) = trace_of(&collector, TRACE);
    let said: Vec<&str> = server
        .events
        .iter()
        .filter_map(|event| event.get("fusebox.log.message").map(String::as_str))
        .collect();
    assert_eq!(said.len(), SAYS.len(), "{server:#?}");
    for (said, words) in said.iter().zip(SAYS) {
        assert!(said.contains(words), "{said}");
    }
    assert!(collector.collected().lines.is_empty());
}

/// Answers each request, and gives its head.
fn server() -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (sender, heads) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream.try_clone().expect("a socket can be shared"));
            let mut head = String::new();
            while reader.read_line(&mut head).is_ok_and(|bytes| bytes > 2) {}
            let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
            // The test has ended if nobody wants to know.
            let _ = (&stream).write_all(answer);
            let _ = sender.send(head);
        }
    });
    (address, heads)
}

#[test]
fn requests_of_a_plugin_carry_its_trace_on_if_the_operator_says_so() {
    let collector = Collector::start();
    let (address, heads) = server();
    let grant = format!(
        "[plugins.reach.grants.http]\nallow = [\"http://{address}\"]\naddresses = [\"127.0.0.1\"]\n"
    );
    let host = |further: &str| {
        Setup::new()
            .plugin("reach")
            .config(&collector.config(Spoken::Grpc))
            .config(&format!("{grant}{further}"))
            .start()
    };
    let url = format!("http://{address}/path?not-for-the-collector");
    let fetch = |host: &Host, trace: &str, flags: &str| {
        let parent = traceparent(trace, SPAN, flags);
        let meta = [("traceparent", parent.as_str()), ("tracestate", "a=1")];
        let asked = json!({"url": url, "span": "look it up"});
        let call = message(1, "fetch", &asked, &meta);
        let answer = post(host.address(), &call, &[]);
        assert_eq!(
            answer["result"]["structuredContent"]["status"], 200,
            "{answer}"
        );
        let head = heads.recv().expect("the request");
        let of_header = |name: &str| {
            let mut lines = head.lines();
            let line = lines.find_map(|line| line.strip_prefix(name).map(str::trim));
            line.map(str::to_owned)
        };
        (of_header("traceparent:"), of_header("tracestate:"))
    };
    let silent = host("");
    assert_eq!(fetch(&silent, OTHER_TRACE, "01"), (None, None));
    let (_, spans) = trace_of(&collector, OTHER_TRACE);
    assert_eq!(named(&spans, "GET").says("server.address"), "127.0.0.1");
    let host = host("propagate_trace = true\n");
    // Others are told that it isn't recorded.
    let (passed, _) = fetch(&host, TRACE, "00");
    assert_eq!(passed, Some(traceparent(TRACE, SPAN, "00")));
    let (parent, state) = fetch(&host, TRACE, "01");
    let (_, spans) = trace_of(&collector, TRACE);
    let (execute, request) = (named(&spans, "execute"), named(&spans, "GET"));
    let own = named(&spans, "look it up");
    assert_eq!(parent, Some(traceparent(TRACE, &request.id, "01")));
    assert_eq!(state.as_deref(), Some("a=1"));
    assert_eq!((&request.parent, &own.parent), (&own.id, &execute.id));
    assert_eq!(request.kind, "SPAN_KIND_CLIENT");
    assert_eq!(request.says("server.address"), "127.0.0.1");
    assert_eq!(request.says("server.port"), address.port().to_string());
    assert_eq!(request.says("http.response.status_code"), "200");
    assert!(!collector.printed().contains("not-for-the-collector"));
}

#[test]
fn what_a_plugin_keeps_is_a_part_of_its_call() {
    let collector = Collector::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = folder.path().join("values.redb");
    let host = Setup::new()
        .plugin("reach")
        .config(&collector.config(Spoken::Grpc))
        .config(&format!("[keyvalue]\nstore = {store:?}"))
        .config("[plugins.reach.grants.keyvalue]\nmax_keys = 10")
        .start();
    let parent = traceparent(TRACE, SPAN, "01");
    let meta = [("traceparent", parent.as_str())];
    let call = message(1, "count", &json!({"key": "not-for-the-collector"}), &meta);
    let answer = post(host.address(), &call, &[]);
    assert_eq!(
        answer["result"]["structuredContent"]["result"], 1,
        "{answer}"
    );
    let (_, spans) = trace_of(&collector, TRACE);
    let kept = named(&spans, "keyvalue increment");
    assert_eq!(kept.parent, named(&spans, "execute").id);
    assert_eq!(kept.says("db.operation.name"), "increment");
    assert!(!collector.printed().contains("not-for-the-collector"));
}

/// A call that is refused because it could not be written down ends as any other that
/// is refused does.
#[test]
fn a_call_without_room_in_the_audit_log_is_told_as_refused() {
    let collector = Collector::start();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("audit.jsonl");
    std::os::unix::fs::symlink("/dev/full", &file).expect("a link is made");
    let audit = format!("[audit]\nfile = {file:?}\non_overflow = \"refuse\"\n");
    let host = host_at(&collector, Spoken::Grpc, &format!("\n{audit}"));
    let mut client = Client::modern(&host);
    let refused = (0..10_000).find_map(|_| client.call("hello", json!({"name": "Ada"})).err());
    assert!(refused.is_some(), "there is no room for one more line");
    let parent = traceparent(TRACE, SPAN, "01");
    let call = message(1, "hello", &json!({"name": "Ada"}), &[]);
    let answer = post(host.address(), &call, &[("traceparent", &parent)]);
    assert_eq!(answer["error"]["data"]["reason"], "overloaded", "{answer}");
    let (server, spans) = trace_of(&collector, TRACE);
    assert_eq!(server.status, "STATUS_CODE_ERROR", "{server:#?}");
    assert_eq!(server.says("fusebox.reason"), "overloaded");
    assert_eq!(server.says("rpc.response.status_code"), "-32000");
    assert_eq!(spans.len(), 1, "nothing ran: {spans:#?}");
}
