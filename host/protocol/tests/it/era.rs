//! The choice of the era, and the checks of a modern request.

use fusebox_protocol::envelope::parse;
use fusebox_protocol::era::{self, Era};
use fusebox_protocol::headers;
use fusebox_protocol::{Incoming, Message, RpcError};
use http::{HeaderMap, HeaderName, HeaderValue};

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

fn message(text: &str) -> Message<'_> {
    match parse(text.as_bytes(), 0) {
        Ok(Incoming::Single(message)) => message,
        other => panic!("{text}: {other:?}"),
    }
}

/// `Name: value` pairs; a name may come twice.
fn header_map(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

#[test]
fn eras() {
    let check = |header: Option<&str>, text: &str, expected: Era| {
        assert_eq!(
            era::of_message(header, &message(text)),
            expected,
            "{header:?} {text}"
        );
    };
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let modern_list =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{{META}}}}}"#);
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2026-07-28"}}"#;
    let modern_initialize =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{{{META}}}}}"#);
    let claim_of_old = r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2025-06-18"}}}"#;
    let response = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    check(None, list, Era::Legacy);
    check(None, &modern_list, Era::Modern);
    check(None, initialize, Era::Legacy);
    check(None, &modern_initialize, Era::Modern);
    check(None, claim_of_old, Era::Modern);
    check(None, response, Era::Legacy);
    check(
        None,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#,
        Era::Legacy,
    );
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        check(Some(version), list, Era::Legacy);
        check(Some(version), initialize, Era::Legacy);
        check(Some(version), &modern_list, Era::Modern);
    }
    check(Some("2026-07-28"), list, Era::Modern);
    check(Some("1900-01-01"), list, Era::Modern);
    check(Some("2026-07-28"), response, Era::Modern);
}

#[test]
fn version_header_that_is_no_text() {
    let mut map = HeaderMap::new();
    assert_eq!(headers::protocol_version(&map), None);
    map.insert(
        headers::PROTOCOL_VERSION,
        HeaderValue::from_bytes(b"2025-\xff").unwrap(),
    );
    let found = headers::protocol_version(&map);
    let list = message(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
    assert_eq!(era::of_message(found.as_deref(), &list), Era::Modern);
}

fn check_modern(text: &str, headers: Option<&HeaderMap>) -> Result<String, RpcError> {
    let Message::Request(request) = message(text) else {
        panic!("no request: {text}")
    };
    era::check_modern(&request, headers).map(|modern| modern.version.to_string())
}

#[track_caller]
fn refused(text: &str, headers: Option<&HeaderMap>, code: i64, part: &str) {
    let error = check_modern(text, headers).unwrap_err();
    assert_eq!(
        (error.code, error.http_status(Era::Modern)),
        (code, 400),
        "{text}: {error}"
    );
    assert!(error.message.contains(part), "{error}");
}

#[test]
fn meta_of_a_modern_request() {
    let request = |meta: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{"_meta":{meta}}}}}"#)
    };
    let version = r#""io.modelcontextprotocol/protocolVersion""#;
    let capabilities = r#""io.modelcontextprotocol/clientCapabilities""#;
    assert_eq!(
        check_modern(
            &request(&format!(
                r#"{{{version}:"2026-07-28",{capabilities}:{{}}}}"#
            )),
            None
        )
        .unwrap(),
        "2026-07-28"
    );
    refused(
        r#"{"jsonrpc":"2.0","id":1,"method":"m"}"#,
        None,
        -32602,
        "io.modelcontextprotocol/protocolVersion",
    );
    refused(
        &request("{}"),
        None,
        -32602,
        "io.modelcontextprotocol/protocolVersion",
    );
    refused(
        &request(&format!(r#"{{{version}:"2026-07-28"}}"#)),
        None,
        -32602,
        "io.modelcontextprotocol/clientCapabilities",
    );
    refused(
        &request(&format!(r#"{{{capabilities}:{{}}}}"#)),
        None,
        -32602,
        "io.modelcontextprotocol/protocolVersion",
    );
    refused(
        &request(&format!("{{{version}:1,{capabilities}:{{}}}}")),
        None,
        -32602,
        "must be a string",
    );
    refused(
        &request(&format!(r#"{{{version}:"2026-07-28",{capabilities}:[]}}"#)),
        None,
        -32602,
        "must be an object",
    );
    for other in ["1900-01-01", "2025-11-25", ""] {
        let meta = format!(r#"{{{version}:"{other}",{capabilities}:{{}}}}"#);
        refused(
            &request(&meta),
            None,
            -32022,
            "unsupported protocol version",
        );
    }
}

#[test]
fn meta_comes_before_headers_and_headers_before_version() {
    let old = r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"1900-01-01","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
    let none = HeaderMap::new();
    refused(
        r#"{"jsonrpc":"2.0","id":1,"method":"m"}"#,
        Some(&none),
        -32602,
        "protocolVersion",
    );
    refused(old, Some(&none), -32020, "mcp-protocol-version is missing");
    let right = header_map(&[("MCP-Protocol-Version", "1900-01-01"), ("Mcp-Method", "m")]);
    refused(old, Some(&right), -32022, "unsupported");
}

/// A request with these members of params, sent with these headers beside the
/// right version.
#[track_caller]
fn check_headers(
    method: &str,
    members: &str,
    headers: &[(&str, &str)],
    expected: Result<(), &str>,
) {
    let text =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{members}{META}}}}}"#);
    let mut all = vec![("MCP-Protocol-Version", "2026-07-28")];
    all.extend_from_slice(headers);
    match expected {
        Ok(()) => assert_eq!(
            check_modern(&text, Some(&header_map(&all))).unwrap(),
            "2026-07-28"
        ),
        Err(part) => refused(&text, Some(&header_map(&all)), -32020, part),
    }
}

#[test]
fn method_header() {
    let method = ("mcp-method", "tools/list");
    check_headers("tools/list", "", &[method], Ok(()));
    check_headers("tools\\/list", "", &[method], Ok(()));
    check_headers("tools/list", "", &[], Err("mcp-method is missing"));
    check_headers(
        "tools/list",
        "",
        &[("Mcp-Method", "Tools/List")],
        Err(r#"mcp-method is "Tools/List", but the body says "tools/list""#),
    );
    check_headers(
        "tools/list",
        "",
        &[method, method],
        Err("mcp-method is given twice"),
    );
    check_headers(
        "tools/list",
        "",
        &[("Mcp-Method", "\u{e9}")],
        Err("visible ASCII"),
    );
    check_headers(
        "tools/list",
        "",
        &[method, ("Mcp-Protocol-Version", "2026-07-28")],
        Err("mcp-protocol-version is given twice"),
    );
    check_headers(
        "tools/list",
        "",
        &[method, ("Mcp-Name", "a"), ("Mcp-Name", "a")],
        Err("mcp-name is given twice"),
    );
    check_headers("tools/list", "", &[method, ("Mcp-Name", "a")], Ok(()));
}

#[test]
fn version_header() {
    let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{{META}}}}}"#);
    let headers = header_map(&[("MCP-Protocol-Version", "2025-11-25"), ("Mcp-Method", "m")]);
    refused(
        &text,
        Some(&headers),
        -32020,
        r#"mcp-protocol-version is "2025-11-25", but the body says "2026-07-28""#,
    );
}

#[test]
fn name_header() {
    let check = |members: &str, header: &[&str], expected: Result<(), &str>| {
        let mut headers = vec![("Mcp-Method", "tools/call")];
        headers.extend(header.iter().map(|value| ("Mcp-Name", *value)));
        check_headers("tools/call", members, &headers, expected);
    };
    check(r#""name":"add","#, &["add"], Ok(()));
    check(r#""name":"\u0061dd","#, &["add"], Ok(()));
    check(r#""name":"add","#, &[], Err("mcp-name is missing"));
    check(
        r#""name":"add","#,
        &["sub"],
        Err(r#"mcp-name is "sub", but the body says "add""#),
    );
    check(
        r#""name":"add","#,
        &["add", "add"],
        Err("mcp-name is given twice"),
    );
    // Without a name the call itself is refused later, as -32602.
    check("", &[], Ok(()));
    check("", &["add"], Err("the body has no `name`"));
}

#[test]
fn name_header_in_base64() {
    let check = |name: &str, header: &str, expected: Result<(), &str>| {
        let members = format!(r#""name":{},"#, serde_json::to_string(name).unwrap());
        check_headers(
            "tools/call",
            &members,
            &[("Mcp-Method", "tools/call"), ("Mcp-Name", header)],
            expected,
        );
    };
    check(
        "Hello, \u{4e16}\u{754c}",
        "=?base64?SGVsbG8sIOS4lueVjA==?=",
        Ok(()),
    );
    check(" padded ", "=?base64?IHBhZGRlZCA=?=", Ok(()));
    check("line1\nline2", "=?base64?bGluZTEKbGluZTI=?=", Ok(()));
    check(
        "=?base64?literal?=",
        "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=",
        Ok(()),
    );
    check("add", "=?base64?YWRk?=", Ok(()));
    check("", "=?base64??=", Ok(()));
    check("sub", "=?base64?YWRk?=", Err(r#"but the body says "sub""#));
    check(
        "=?base64?YWRk?=",
        "=?base64?YWRk?=",
        Err("but the body says"),
    );
    check("=?BASE64?YWRk?=", "=?BASE64?YWRk?=", Ok(()));
    check("=?base64?YWRk", "=?base64?YWRk", Ok(()));
    check("=?base64?=", "=?base64?=", Ok(()));
    check("ad", "=?base64?YWQ?=", Err("not valid base64"));
    check("ad", "=?base64?YWR=?=", Err("not valid base64"));
    check("add", "=?base64?YW Rk?=", Err("not valid base64"));
    check("add", "=?base64?YW_-?=", Err("not valid base64"));
    check("add", "=?base64?/w==?=", Err("does not encode UTF-8"));
}

#[test]
fn what_the_name_header_repeats() {
    let check = |method: &str, members: &str, name: &str| {
        check_headers(
            method,
            members,
            &[("Mcp-Method", method), ("Mcp-Name", name)],
            Ok(()),
        );
        check_headers(
            method,
            members,
            &[("Mcp-Method", method)],
            Err("mcp-name is missing"),
        );
    };
    check("tools/call", r#""name":"x","uri":"u","#, "x");
    check("prompts/get", r#""name":"x","#, "x");
    check(
        "resources/read",
        r#""name":"x","uri":"file:///a","#,
        "file:///a",
    );
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        check(method, r#""taskId":"7","#, "7");
    }
}

#[test]
fn headers_of_a_notification() {
    let text = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    let Message::Notification(notification) = message(text) else {
        panic!("no notification")
    };
    let check = |headers: &[(&str, &str)]| {
        era::check_modern_notification(&notification, &header_map(headers)).map_err(|e| e.code)
    };
    assert_eq!(check(&[]), Ok(()));
    assert_eq!(check(&[("Mcp-Method", "notifications/cancelled")]), Ok(()));
    assert_eq!(check(&[("Mcp-Method", "tools/call")]), Err(-32020));
    assert_eq!(check(&[("Mcp-Name", "a"), ("Mcp-Name", "b")]), Err(-32020));
}
