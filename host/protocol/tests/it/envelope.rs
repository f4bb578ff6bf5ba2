//! `envelope::parse`: what a frame is, and how one that is none is answered.

use fusebox_protocol::envelope::parse;
use fusebox_protocol::{Incoming, MalformedMessage, Message};

const BATCH_MAX: usize = 3;

/// One word for the kind, then the id, the method or the outcome, the params.
fn describe(message: &Message<'_>) -> String {
    match message {
        Message::Request(r) => format!("request {} {} {:?}", r.id, r.method, r.params),
        Message::Notification(n) => format!("notification {} {:?}", n.method, n.params),
        Message::Response(r) => {
            let id = r.id.as_ref().map_or("-", |id| id.as_str());
            match r.outcome {
                Ok(result) => format!("result {id} {}", result.get()),
                Err(error) => format!("error {id} {}", error.get()),
            }
        }
    }
}

fn describe_malformed(malformed: &MalformedMessage) -> String {
    let id = malformed.id.as_ref().map_or("-", |id| id.as_str());
    format!("malformed {id} {}", malformed.error.code)
}

fn describe_frame(bytes: &[u8]) -> String {
    match parse(bytes, BATCH_MAX) {
        Ok(Incoming::Single(message)) => describe(&message),
        Ok(Incoming::Batch(batch)) => {
            let element = |e: &Result<Message<'_>, MalformedMessage>| {
                e.as_ref().map_or_else(describe_malformed, describe)
            };
            format!(
                "batch [{}]",
                batch.iter().map(element).collect::<Vec<_>>().join(", ")
            )
        }
        Err(malformed) => describe_malformed(&malformed),
    }
}

#[track_caller]
fn check(input: &str, expected: &str) {
    assert_eq!(describe_frame(input.as_bytes()), expected, "{input}");
}

/// What a request with this id is read as.
#[track_caller]
fn check_id(id: &str, expected: &str) {
    check(
        &format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#),
        expected,
    );
}

/// What a request with these params is read as.
#[track_caller]
fn check_params(params: &str, expected: &str) {
    check(
        &format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{params}}}"#),
        expected,
    );
}

#[test]
fn kinds_of_messages() {
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
        "request 1 ping {}",
    );
    check(
        " \r\n{ \"id\" : 1 ,\n\"method\":\"ping\", \"jsonrpc\" : \"2.0\" }\n",
        "request 1 ping {}",
    );
    check(
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        "notification notifications/initialized {}",
    );
    check(
        r#"{"jsonrpc":"2.0","id":"s","result":{"a":[1]}}"#,
        r#"result "s" {"a":[1]}"#,
    );
    check(
        r#"{"jsonrpc":"2.0","id":4,"error":{"code":-1}}"#,
        r#"error 4 {"code":-1}"#,
    );
    check(r#"{"jsonrpc":"2.0","id":null,"error":{}}"#, "error - {}");
    check(r#"{"jsonrpc":"2.0","error":{}}"#, "error - {}");
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","extra":{"id":2}}"#,
        "request 1 ping {}",
    );
}

#[test]
fn ids_are_kept_exactly() {
    check_id("1", "request 1 ping {}");
    check_id("1.0", "request 1.0 ping {}");
    check_id("-0", "request -0 ping {}");
    check_id("1e2", "request 1e2 ping {}");
    check_id("15e-1", "malformed - -32600");
    check_id("1.5", "malformed - -32600");
    check_id("1e999", "malformed - -32600");
    check_id("9007199254740993", "request 9007199254740993 ping {}");
    let large = "1".repeat(400);
    check_id(&large, &format!("request {large} ping {{}}"));
    check_id(r#""""#, r#"request "" ping {}"#);
    check_id(r#""1""#, r#"request "1" ping {}"#);
    check_id(r#""\u0061\n\"""#, r#"request "\u0061\n\"" ping {}"#);
    check_id("\"\u{e9}\u{1f600}\"", "request \"\u{e9}\u{1f600}\" ping {}");
}

#[test]
fn ids_that_are_none() {
    check_id("null", "malformed - -32600");
    check_id("true", "malformed - -32600");
    check_id("{}", "malformed - -32600");
    check_id("[1]", "malformed - -32600");
    check_id(r#""x\ud800""#, "malformed - -32600");
}

#[test]
fn escapes_are_resolved_in_keys_and_methods() {
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"tools\/c\u0061ll"}"#,
        "request 1 tools/call {}",
    );
    check(
        r#"{"jsonrpc":"2\u002e0","\u0069d":1,"meth\u006fd":"m"}"#,
        "request 1 m {}",
    );
    check_params(r#"{"n\u0061me":"x"}"#, r#"request 1 m {"name": "\"x\""}"#);
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"\ud800"}"#,
        "malformed 1 -32600",
    );
}

#[test]
fn text_that_is_no_json() {
    check("", "malformed - -32700");
    check(" \n", "malformed - -32700");
    check("hello", "malformed - -32700");
    check("{", "malformed - -32700");
    check("[", "malformed - -32700");
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"ping"}}"#,
        "malformed - -32700",
    );
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"ping"} {}"#,
        "malformed - -32700",
    );
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"ping",}"#,
        "malformed - -32700",
    );
    check(
        r#"{"jsonrpc":"2.0","id":01,"method":"ping"}"#,
        "malformed - -32700",
    );
    check_params(r#"{"arguments":{"a":]}}"#, "malformed - -32700");
    assert_eq!(
        describe_frame(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}"),
        "malformed - -32700"
    );
    assert_eq!(describe_frame(b"\xef\xbb\xbf{}"), "malformed - -32700");
}

#[test]
fn json_that_is_no_message() {
    check("1", "malformed - -32600");
    check("\"ping\"", "malformed - -32600");
    check("null", "malformed - -32600");
    check("{}", "malformed - -32600");
    check(r#"{"jsonrpc":"2.0","id":7}"#, "malformed 7 -32600");
    check(r#"{"id":7}"#, "malformed 7 -32600");
    check(
        r#"{"jsonrpc":"2.0","id":7,"params":{}}"#,
        "malformed 7 -32600",
    );
    check(r#"{"id":7,"method":"ping"}"#, "malformed 7 -32600");
    check(
        r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#,
        "malformed 7 -32600",
    );
    check(
        r#"{"jsonrpc":2.0,"id":7,"method":"ping"}"#,
        "malformed 7 -32600",
    );
    check(
        r#"{"jsonrpc":"2.0","id":7,"method":1}"#,
        "malformed 7 -32600",
    );
    check(
        r#"{"jsonrpc":"2.0","id":7,"method":null}"#,
        "malformed 7 -32600",
    );
    check(
        r#"{"jsonrpc":"2.0","id":7,"method":"ping","result":{}}"#,
        "malformed 7 -32600",
    );
    check(r#"{"jsonrpc":"2.0","method":1}"#, "malformed - -32600");
}

#[test]
fn malformed_responses_are_not_answered_under_their_id() {
    check(r#"{"id":7,"result":{}}"#, "malformed - -32600");
    check(
        r#"{"jsonrpc":"2.0","id":7,"result":1,"result":2}"#,
        "malformed - -32600",
    );
    check(
        r#"{"jsonrpc":"2.0","id":7,"result":{},"error":{}}"#,
        "malformed - -32600",
    );
    check(r#"{"jsonrpc":"2.0","result":{}}"#, "malformed - -32600");
    check(
        r#"{"jsonrpc":"2.0","id":null,"result":{}}"#,
        "malformed - -32600",
    );
    check(
        r#"{"jsonrpc":"2.0","id":true,"error":{}}"#,
        "malformed - -32600",
    );
}

#[test]
fn keys_that_stand_there_twice() {
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}"#,
        "malformed 1 -32600",
    );
    check(
        r#"{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"a"}"#,
        "malformed 1 -32600",
    );
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{},"params":{}}"#,
        "malformed 1 -32600",
    );
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"a","\u0069d":2}"#,
        "malformed 2 -32600",
    );
    check_params(r#"{"name":"a","name":"b"}"#, "malformed 1 -32602");
    check_params(r#"{"name":null,"name":"b"}"#, "malformed 1 -32602");
    check_params(
        r#"{"_meta":{"progressToken":1,"progressToken":2}}"#,
        "malformed 1 -32602",
    );
    check_params(r#"{"_meta":{},"_meta":{}}"#, "malformed 1 -32602");
    check_params(
        r#"{"name":"a","_meta":{"name":"b"}}"#,
        r#"request 1 m {"name": "\"a\""}"#,
    );
    check_params(r#"{"other":1,"other":2}"#, "request 1 m {}");
}

#[test]
fn params() {
    check_params("null", "request 1 m {}");
    check_params("{}", "request 1 m {}");
    check_params("[]", "malformed 1 -32602");
    check_params("[[1]]", "malformed 1 -32602");
    check_params("\"x\"", "malformed 1 -32600");
    check_params("1.5", "malformed 1 -32600");
    check_params("true", "malformed 1 -32600");
    check_params(r#"{"_meta":[]}"#, "malformed 1 -32602");
    check_params(r#"{"_meta":null,"cursor":null}"#, "request 1 m {}");
    check_params(
        r#"{"arguments": {"b":1 ,"a":1.0} ,"name":"x","unknown":[{}],"_meta":{"progressToken":"t","x":1}}"#,
        r#"request 1 m {"arguments": "{\"b\":1 ,\"a\":1.0}", "name": "\"x\"", "progressToken": "\"t\""}"#,
    );
    check(
        r#"{"jsonrpc":"2.0","method":"m","params":[]}"#,
        "malformed - -32602",
    );
}

#[test]
fn batches() {
    check("[]", "malformed - -32600");
    check(
        r#"[{"jsonrpc":"2.0","id":1,"method":"a"}]"#,
        "batch [request 1 a {}]",
    );
    check(
        r#"[{"jsonrpc":"2.0","id":1,"method":"a"}, 5 ,{"jsonrpc":"2.0","method":"b"}]"#,
        "batch [request 1 a {}, malformed - -32600, notification b {}]",
    );
    check(
        r#"[[],{},{"id":"x","method":"c"}]"#,
        "batch [malformed - -32600, malformed - -32600, malformed \"x\" -32600]",
    );
    check("[1,2,3,4]", "malformed - -32600");
    check("[1,2,3,4", "malformed - -32700");
    check("[1,2,,]", "malformed - -32700");
    assert_eq!(
        describe_malformed(&parse(b"[{}]", 0).unwrap_err()),
        "malformed - -32600"
    );
}

#[test]
fn depth_costs_no_stack() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let nested = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    for value in [&deep, &nested] {
        let frame = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","x":{value},"params":{{"name":"t","arguments":{{"v":{value}}},"y":{value},"_meta":{{"z":{value}}}}}}}"#
        );
        let Ok(Incoming::Single(Message::Request(request))) = parse(frame.as_bytes(), 0) else {
            panic!("deep arguments were refused");
        };
        let params =
            fusebox_protocol::params::CallToolParams::from_params(&request.params).unwrap();
        assert_eq!(params.arguments, format!(r#"{{"v":{value}}}"#));
    }
    check_params(&deep, "malformed 1 -32602");
    check(&deep, "batch [malformed - -32600]");
    check(&"[".repeat(100_000), "malformed - -32700");
}

#[test]
fn nothing_is_copied_that_has_no_escape() {
    let frame = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"a":1}}}"#;
    let Ok(Incoming::Single(Message::Request(request))) = parse(frame, 0) else {
        panic!("refused")
    };
    assert!(matches!(
        request.method,
        std::borrow::Cow::Borrowed("tools/call")
    ));
    let params = fusebox_protocol::params::CallToolParams::from_params(&request.params).unwrap();
    assert!(matches!(params.name, std::borrow::Cow::Borrowed("t")));
    assert!(frame.as_ptr_range().contains(&params.arguments.as_ptr()));
}
