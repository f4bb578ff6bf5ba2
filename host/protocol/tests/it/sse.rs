//! The text of event streams.

use fusebox_protocol::sse;

#[track_caller]
fn check(write: impl FnOnce(&mut Vec<u8>), expected: &str) {
    let mut out = Vec::new();
    write(&mut out);
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn events() {
    check(|out| sse::event(out, b"{}", None), "data: {}\n\n");
    check(
        |out| sse::event(out, b"{}", Some("7")),
        "id: 7\ndata: {}\n\n",
    );
    check(
        |out| sse::event(out, b"", Some("s-1")),
        "id: s-1\ndata: \n\n",
    );
}

#[test]
fn events_with_a_name() {
    check(
        |out| sse::named_event(out, "endpoint", b"/messages?sessionId=1"),
        "event: endpoint\ndata: /messages?sessionId=1\n\n",
    );
}

#[test]
fn line_breaks_can_not_forge_a_field() {
    check(
        |out| sse::event(out, b"{\n\"a\":1}", None),
        "data: {\ndata: \"a\":1}\n\n",
    );
    check(
        |out| sse::event(out, b"{}", Some("1\ndata: x")),
        "data: {}\n\n",
    );
}

#[test]
fn comments_and_retry() {
    check(sse::keep_alive, ":\n\n");
    check(|out| sse::retry(out, 500), "retry: 500\n\n");
}
