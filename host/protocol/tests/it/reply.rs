//! Envelopes, content, results and notices, byte for byte, in each version.

use fusebox_protocol::ProtocolVersion::{
    self, V2024_11_05, V2025_03_26, V2025_06_18, V2025_11_25, V2026_07_28,
};
use fusebox_protocol::params::{LogLevel, SubscriptionFilter};
use fusebox_protocol::reply::{
    self, Annotations, CallToolResult, Cancelled, Content, ContentKind, Dialect, EmptyResult,
    ListChanged, LogMessage, Progress, ResourceBody, ResourceContents, ResourceLink, Role,
    SubscriptionsAcknowledged,
};
use fusebox_protocol::{RawJson, RequestId, RpcError};
use serde::Serialize;

pub(crate) fn json(text: &str) -> RawJson {
    RawJson::parse(text.to_owned()).unwrap()
}

fn id(text: &str) -> RequestId {
    RequestId::from_raw(json(text).as_raw()).unwrap()
}

pub(crate) fn dialect(version: ProtocolVersion) -> Dialect<'static> {
    Dialect {
        version,
        server_info: None,
    }
}

#[track_caller]
pub(crate) fn check<T: Serialize>(value: T, expected: &str) {
    assert_eq!(serde_json::to_string(&value).unwrap(), expected);
}

#[track_caller]
fn check_written(write: impl FnOnce(&mut Vec<u8>), expected: &str) {
    let mut out = b"before".to_vec();
    write(&mut out);
    assert_eq!(String::from_utf8(out).unwrap(), format!("before{expected}"));
}

#[test]
fn envelopes() {
    let result = EmptyResult {
        dialect: dialect(V2025_11_25),
        subscription: None,
    };
    check_written(
        |out| reply::response(out, &id("1.0"), &result),
        r#"{"jsonrpc":"2.0","id":1.0,"result":{}}"#,
    );
    let long = format!("\"{}\"", "x".repeat(100));
    let expected = format!(r#"{{"jsonrpc":"2.0","id":{long},"result":{{}}}}"#);
    check_written(|out| reply::response(out, &id(&long), &result), &expected);
    let error = RpcError::invalid_params("no\n");
    let expected = r#"{"jsonrpc":"2.0","id":"\u0061","error":{"code":-32602,"message":"no\n"}}"#;
    check_written(
        |out| reply::error(out, Some(&id(r#""\u0061""#)), &error),
        expected,
    );
    let without = r#"{"jsonrpc":"2.0","error":{"code":-32602,"message":"no\n"}}"#;
    check_written(|out| reply::error(out, None, &error), without);
    let null = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32602,"message":"no\n"}}"#;
    for version in ProtocolVersion::LEGACY.map(Some).into_iter().chain([None]) {
        let old = version.is_some_and(|version| version < V2025_11_25);
        check_written(
            |out| reply::error_without_id(out, version, &error),
            if old { null } else { without },
        );
    }
    let params = json(r#"{"a":1}"#);
    check_written(
        |out| assert!(reply::notification(out, "n", &params)),
        r#"{"jsonrpc":"2.0","method":"n","params":{"a":1}}"#,
    );
    let expected = r#"{"jsonrpc":"2.0","id":7,"method":"roots/list","params":{"a":1}}"#;
    check_written(
        |out| {
            assert!(reply::request(
                out,
                &RequestId::from(7),
                "roots/list",
                &params
            ))
        },
        expected,
    );
    check_written(|out| reply::batch(out, []), "");
    check_written(
        |out| reply::batch(out, [b"{}".as_slice(), b"[]"]),
        "[{},[]]",
    );
}

#[test]
fn what_refuses_to_be_serialised_leaves_no_broken_text() {
    let unfit = std::collections::BTreeMap::from([((1, 2), 3)]);
    let expected = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"the result can't be written: key must be a string"}}"#;
    check_written(|out| reply::response(out, &id("1"), &unfit), expected);
    check_written(|out| assert!(!reply::notification(out, "n", &unfit)), "");
}

const TEXT: Content<'static> = Content {
    kind: ContentKind::Text("hi"),
    annotations: None,
    meta: None,
};

#[track_caller]
fn check_content(version: ProtocolVersion, content: Content<'_>, expected: &str) {
    let result = CallToolResult {
        dialect: dialect(version),
        content: &[content],
        structured: None,
        is_error: false,
        meta: None,
    };
    let kind = if version.is_modern() {
        r#""resultType":"complete","#
    } else {
        ""
    };
    check(result, &format!(r#"{{{kind}"content":[{expected}]}}"#));
}

#[test]
fn text_and_media() {
    check_content(V2024_11_05, TEXT, r#"{"type":"text","text":"hi"}"#);
    check_content(V2026_07_28, TEXT, r#"{"type":"text","text":"hi"}"#);
    let image = Content {
        kind: ContentKind::Image {
            data: &[0, 255, 7],
            mime_type: "image/png",
        },
        ..TEXT
    };
    check_content(
        V2024_11_05,
        image,
        r#"{"type":"image","data":"AP8H","mimeType":"image/png"}"#,
    );
    let audio = Content {
        kind: ContentKind::Audio {
            data: b"a",
            mime_type: "audio/wav",
        },
        ..TEXT
    };
    check_content(
        V2025_03_26,
        audio,
        r#"{"type":"audio","data":"YQ==","mimeType":"audio/wav"}"#,
    );
    let note = r#"{"type":"text","text":"[audio, audio/wav, 1 bytes: protocol version 2024-11-05 can't carry it]"}"#;
    check_content(V2024_11_05, audio, note);
}

#[test]
fn resources_in_content() {
    let icons = json("[{}]");
    let link = ResourceLink {
        uri: "file:///a",
        name: "a",
        title: Some("A"),
        description: Some("d"),
        mime_type: Some("text/plain"),
        size: Some(3),
        icons: Some(&icons),
    };
    let link = Content {
        kind: ContentKind::ResourceLink(link),
        ..TEXT
    };
    check_content(
        V2025_03_26,
        link,
        r#"{"type":"text","text":"[A](file:///a)"}"#,
    );
    let shown = r#"{"type":"resource_link","uri":"file:///a","name":"a","title":"A","description":"d","mimeType":"text/plain","size":3"#;
    check_content(V2025_06_18, link, &format!("{shown}}}"));
    check_content(V2025_11_25, link, &format!("{shown},\"icons\":[{{}}]}}"));
    let meta = json(r#"{"k":1}"#);
    let contents = |body| ResourceContents {
        uri: "u",
        mime_type: Some("t/x"),
        body,
        meta: Some(&meta),
    };
    let text = Content {
        kind: ContentKind::Resource(contents(ResourceBody::Text("x"))),
        ..TEXT
    };
    check_content(
        V2024_11_05,
        text,
        r#"{"type":"resource","resource":{"uri":"u","mimeType":"t/x","text":"x"}}"#,
    );
    let blob = Content {
        kind: ContentKind::Resource(contents(ResourceBody::Blob(b"x"))),
        ..TEXT
    };
    let shown = r#"{"type":"resource","resource":{"uri":"u","mimeType":"t/x","blob":"eA==","_meta":{"k":1}}}"#;
    check_content(V2026_07_28, blob, shown);
}

#[test]
fn hints_on_content() {
    let meta = json(r#"{"k":1}"#);
    let annotations = Annotations {
        audience: &[Role::User, Role::Assistant],
        priority: Some(0.5),
        last_modified: Some("2025"),
    };
    let hinted = Content {
        annotations: Some(annotations),
        meta: Some(&meta),
        ..TEXT
    };
    let old = r#"{"type":"text","text":"hi","annotations":{"audience":["user","assistant"],"priority":0.5}}"#;
    check_content(V2025_03_26, hinted, old);
    let new = r#"{"type":"text","text":"hi","annotations":{"audience":["user","assistant"],"priority":0.5,"lastModified":"2025"},"_meta":{"k":1}}"#;
    check_content(V2025_06_18, hinted, new);
    for priority in [f64::NAN, f64::INFINITY, 1.5, -0.1] {
        let annotations = Annotations {
            priority: Some(priority),
            ..Annotations::default()
        };
        check_content(
            V2026_07_28,
            Content {
                annotations: Some(annotations),
                ..TEXT
            },
            r#"{"type":"text","text":"hi"}"#,
        );
    }
}

#[test]
fn results_of_tools() {
    let structured = json(r#"{"sum":3.0}"#);
    let list = json("[1]");
    let result = |version, structured| CallToolResult {
        dialect: dialect(version),
        content: &[],
        structured: Some(structured),
        is_error: true,
        meta: None,
    };
    check(
        result(V2025_03_26, &structured),
        r#"{"content":[],"isError":true}"#,
    );
    check(
        result(V2025_06_18, &structured),
        r#"{"content":[],"structuredContent":{"sum":3.0},"isError":true}"#,
    );
    check(
        result(V2025_11_25, &list),
        r#"{"content":[],"isError":true}"#,
    );
    let modern = r#"{"resultType":"complete","content":[],"structuredContent":[1],"isError":true}"#;
    check(result(V2026_07_28, &list), modern);
}

#[test]
fn meta_of_results() {
    let info = json(r#"{"name":"h","version":"1"}"#);
    let meta = json(r#"{"k":{"a":1.0},"io.modelcontextprotocol/serverInfo":"forged"}"#);
    let result = |version, meta| CallToolResult {
        dialect: Dialect {
            version,
            server_info: Some(&info),
        },
        content: &[],
        structured: None,
        is_error: false,
        meta,
    };
    check(result(V2025_11_25, None), r#"{"content":[]}"#);
    check(
        result(V2025_11_25, Some(&meta)),
        r#"{"content":[],"_meta":{"k":{"a":1.0}}}"#,
    );
    let info_only = r#""io.modelcontextprotocol/serverInfo":{"name":"h","version":"1"}"#;
    check(
        result(V2026_07_28, None),
        &format!(r#"{{"resultType":"complete","content":[],"_meta":{{{info_only}}}}}"#),
    );
    let both = format!(
        r#"{{"resultType":"complete","content":[],"_meta":{{{info_only},"k":{{"a":1.0}}}}}}"#
    );
    check(result(V2026_07_28, Some(&meta)), &both);
    let no_object = json("[]");
    check(result(V2025_11_25, Some(&no_object)), r#"{"content":[]}"#);
}

#[test]
fn empty_results() {
    let listen = id(r#""l""#);
    let empty = |version, subscription| EmptyResult {
        dialect: dialect(version),
        subscription,
    };
    check(empty(V2024_11_05, None), "{}");
    check(empty(V2026_07_28, None), r#"{"resultType":"complete"}"#);
    let end = r#"{"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":"l"}}"#;
    check(empty(V2026_07_28, Some(&listen)), end);
}

#[test]
fn notices() {
    let data = json(r#"{"a":[1]}"#);
    check(
        LogMessage {
            level: LogLevel::Info,
            logger: None,
            data: &data,
        },
        r#"{"level":"info","data":{"a":[1]}}"#,
    );
    let logger = LogMessage {
        level: LogLevel::Error,
        logger: Some("p"),
        data: &data,
    };
    check(logger, r#"{"level":"error","logger":"p","data":{"a":[1]}}"#);
    let seven = id("7");
    check(
        Cancelled {
            request_id: &seven,
            reason: Some("late"),
        },
        r#"{"requestId":7,"reason":"late"}"#,
    );
    check(ListChanged::default(), "{}");
    let listed = ListChanged {
        subscription: Some(&seven),
    };
    check(
        listed,
        r#"{"_meta":{"io.modelcontextprotocol/subscriptionId":7}}"#,
    );
    let filter = SubscriptionFilter {
        tools_list_changed: true,
        task_ids: vec!["t".into()],
        ..Default::default()
    };
    let acknowledged = SubscriptionsAcknowledged {
        subscription: &seven,
        notifications: &filter,
    };
    check(
        acknowledged,
        r#"{"_meta":{"io.modelcontextprotocol/subscriptionId":7},"notifications":{"toolsListChanged":true,"taskIds":["t"]}}"#,
    );
}

#[test]
fn progress() {
    let token = json("12345678901234567890123");
    let new = |version, progress, total| {
        Progress::new(version, token.as_raw(), progress, total, Some("m"))
    };
    let shown =
        r#"{"progressToken":12345678901234567890123,"progress":50.0,"total":100.0,"message":"m"}"#;
    check(new(V2025_03_26, 50.0, Some(100.0)).unwrap(), shown);
    check(
        new(V2024_11_05, 1.0, Some(f64::NAN)).unwrap(),
        r#"{"progressToken":12345678901234567890123,"progress":1.0}"#,
    );
    assert!(new(V2026_07_28, f64::NAN, None).is_none());
    assert!(Progress::new(V2026_07_28, json("[]").as_raw(), 1.0, None, None).is_none());
}

#[test]
fn everything_stays_on_one_line() {
    let meta = json("{\n\"k\":\r\n1}");
    let content = [Content {
        meta: Some(&meta),
        ..Content::text("a\nb\r\u{2028}")
    }];
    let result = CallToolResult {
        dialect: dialect(V2026_07_28),
        content: &content,
        structured: Some(&meta),
        is_error: false,
        meta: Some(&meta),
    };
    let mut out = Vec::new();
    reply::response(&mut out, &id("1"), &result);
    assert!(!out.iter().any(|byte| matches!(byte, b'\n' | b'\r')));
}
