//! The typed params of each method.

use fusebox_protocol::params::{
    CallToolParams, CancelledParams, ClientCapabilities, CompleteParams, CompletionReference,
    GetPromptParams, InitializeParams, ListParams, LogLevel, Meta, ReadResourceParams,
    SetLevelParams, SubscribeParams, SubscriptionFilter, SubscriptionsListenParams,
};
use fusebox_protocol::scan::Params;
use fusebox_protocol::{ProtocolVersion, RpcError};

/// The message of the -32602 that reading gives.
#[track_caller]
fn refused<T>(result: Result<T, RpcError>) -> String {
    let Err(error) = result else {
        panic!("it was accepted")
    };
    assert_eq!(error.code, -32602);
    error.message.into_owned()
}

fn params(text: &str) -> Params<'_> {
    Params::parse(text).unwrap()
}

/// `name | arguments | inputResponses | requestState | task`
fn call_tool(text: &str) -> Result<String, RpcError> {
    let call = CallToolParams::from_params(&params(text))?;
    let responses = call.input_responses.map_or("-", |raw| raw.get());
    let task = call.task.map_or("-", |raw| raw.get());
    let state = call.request_state.as_deref().unwrap_or("-");
    Ok(format!(
        "{} | {} | {responses} | {state} | {task}",
        call.name, call.arguments
    ))
}

#[test]
fn call_tool_params() {
    let check =
        |text: &str, expected: &str| assert_eq!(call_tool(text).unwrap(), expected, "{text}");
    check(r#"{"name":"t"}"#, "t | {} | - | - | -");
    check(r#"{"name":"t","arguments":null}"#, "t | {} | - | - | -");
    check(
        r#"{"name":"t","arguments":{ "a" : 1.0 }}"#,
        r#"t | { "a" : 1.0 } | - | - | -"#,
    );
    check(
        r#"{"name":"\u00e9\ud83d\ude00"}"#,
        "\u{e9}\u{1f600} | {} | - | - | -",
    );
    check(
        r#"{"name":"t","inputResponses":{"k":1},"requestState":"s\n","task":{"ttl":1}}"#,
        "t | {} | {\"k\":1} | s\n | {\"ttl\":1}",
    );
}

#[test]
fn call_tool_params_refused() {
    let check =
        |text: &str, expected: &str| assert_eq!(refused(call_tool(text)), expected, "{text}");
    check("{}", "`name` is missing");
    check(r#"{"name":null}"#, "`name` is missing");
    check(r#"{"name":1}"#, "`name` must be a string, not a number");
    check(
        r#"{"name":"\ud800"}"#,
        "`name` must be a string, not one whose escapes are not valid Unicode",
    );
    check(
        r#"{"name":"t","arguments":[]}"#,
        "`arguments` must be an object, not an array",
    );
    check(
        r#"{"name":"t","arguments":"{}"}"#,
        "`arguments` must be an object, not a string",
    );
    check(
        r#"{"name":"t","inputResponses":[]}"#,
        "`inputResponses` must be an object, not an array",
    );
    check(
        r#"{"name":"t","requestState":{}}"#,
        "`requestState` must be a string, not an object",
    );
    check(
        r#"{"name":"t","task":true}"#,
        "`task` must be an object, not a boolean",
    );
    check(
        r#"{"name":"t","_meta":{"progressToken":{}}}"#,
        "`progressToken` must be a string or an integer, not an object",
    );
    check(
        r#"{"name":"t","_meta":{"progressToken":1.5}}"#,
        "`progressToken` must be a string or an integer, not a fraction",
    );
    check(
        r#"{"name":"t","_meta":{"progressToken":"\ud800"}}"#,
        "`progressToken` must be a string or an integer, not one whose escapes are not valid Unicode",
    );
}

#[test]
fn params_are_scanned_by_themselves_too() {
    assert_eq!(Params::parse("{").unwrap_err().code, -32700);
    assert_eq!(Params::parse("{} 1").unwrap_err().code, -32700);
    assert_eq!(Params::parse("[]").unwrap_err().code, -32602);
    assert_eq!(Params::parse("3").unwrap_err().code, -32600);
    assert!(!Params::parse("null").unwrap().is_present());
    assert!(Params::parse("{}").unwrap().is_present());
}

#[test]
fn list_params() {
    assert_eq!(
        ListParams::from_params(&Params::default()).unwrap().cursor,
        None
    );
    assert_eq!(
        ListParams::from_params(&params(r#"{"cursor":"a"}"#))
            .unwrap()
            .cursor
            .as_deref(),
        Some("a")
    );
    assert_eq!(
        ListParams::from_params(&params(r#"{"cursor":null}"#))
            .unwrap()
            .cursor,
        None
    );
    let message = refused(ListParams::from_params(&params(r#"{"cursor":3}"#)));
    assert_eq!(message, "`cursor` must be a string, not a number");
}

#[test]
fn initialize_params() {
    let text = r#"{"protocolVersion":"2025-06-18","capabilities":{"roots":{"listChanged":true}},"clientInfo":{"name":"c"}}"#;
    let parsed = params(text);
    let initialize = InitializeParams::from_params(&parsed).unwrap();
    assert_eq!(initialize.protocol_version, "2025-06-18");
    assert_eq!(
        initialize.capabilities,
        ClientCapabilities {
            roots: true,
            ..Default::default()
        }
    );
    assert_eq!(initialize.client_info.unwrap().get(), r#"{"name":"c"}"#);
    let bare = params(r#"{"protocolVersion":"x"}"#);
    assert_eq!(
        InitializeParams::from_params(&bare).unwrap().capabilities,
        ClientCapabilities::default()
    );
    assert_eq!(
        refused(InitializeParams::from_params(&params("{}"))),
        "`protocolVersion` is missing"
    );
}

#[test]
fn a_version_limits_what_its_clients_are_asked_for() {
    let all = ClientCapabilities {
        elicitation_form: true,
        elicitation_url: true,
        sampling: true,
        sampling_tools: true,
        roots: true,
        tasks: true,
    };
    for version in ProtocolVersion::LEGACY
        .into_iter()
        .chain(ProtocolVersion::MODERN)
    {
        let expected = ClientCapabilities {
            elicitation_form: version.as_str() >= "2025-06-18",
            elicitation_url: version.as_str() >= "2025-11-25",
            sampling_tools: version.as_str() >= "2025-11-25",
            tasks: version.as_str() >= "2026-07-28",
            ..all
        };
        assert_eq!(all.known_to(version), expected, "{version}");
        let none = ClientCapabilities::default();
        assert_eq!(none.known_to(version), none, "{version}");
    }
}

#[test]
fn client_capabilities() {
    let check = |text: &str, expected: ClientCapabilities| {
        let text = format!(r#"{{"protocolVersion":"x","capabilities":{text}}}"#);
        assert_eq!(
            InitializeParams::from_params(&params(&text))
                .unwrap()
                .capabilities,
            expected,
            "{text}"
        );
    };
    let none = ClientCapabilities::default();
    check("{}", none);
    check("{ }", none);
    check(
        r#"{"elicitation":{}}"#,
        ClientCapabilities {
            elicitation_form: true,
            ..none
        },
    );
    check(
        r#"{"elicitation":{"form":{}}}"#,
        ClientCapabilities {
            elicitation_form: true,
            ..none
        },
    );
    check(
        r#"{"elicitation":{"url":{}}}"#,
        ClientCapabilities {
            elicitation_url: true,
            ..none
        },
    );
    let both = ClientCapabilities {
        elicitation_form: true,
        elicitation_url: true,
        ..none
    };
    check(r#"{"elicitation":{"form":{},"url":{}}}"#, both);
    check(r#"{"elicitation":null,"sampling":false,"roots":[]}"#, none);
    check(
        r#"{"sampling":{}}"#,
        ClientCapabilities {
            sampling: true,
            ..none
        },
    );
    check(
        r#"{"sampling":{"tools":{}}}"#,
        ClientCapabilities {
            sampling: true,
            sampling_tools: true,
            ..none
        },
    );
    check(r#"{"tasks":{"list":{}},"experimental":{"x":{}}}"#, none);
    check(
        r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#,
        ClientCapabilities {
            tasks: true,
            ..none
        },
    );
}

#[test]
fn capabilities_cover_what_is_wanted() {
    let none = ClientCapabilities::default();
    let form = ClientCapabilities {
        elicitation_form: true,
        ..none
    };
    let both = ClientCapabilities {
        roots: true,
        ..form
    };
    assert!(none.cover(none) && both.cover(form) && both.cover(both));
    assert!(!none.cover(form) && !form.cover(both));
}

#[test]
fn cancelled_params() {
    let check = |text: &str, id: &str, reason: Option<&str>| {
        let parsed = params(text);
        let cancelled = CancelledParams::from_params(&parsed).unwrap();
        assert_eq!(
            (cancelled.request_id.as_str(), cancelled.reason.as_deref()),
            (id, reason)
        );
    };
    check(r#"{"requestId":1.0}"#, "1.0", None);
    check(r#"{"requestId":"1","reason":"bye"}"#, "\"1\"", Some("bye"));
    assert_eq!(
        refused(CancelledParams::from_params(&params("{}"))),
        "`requestId` is missing"
    );
    let message = refused(CancelledParams::from_params(&params(r#"{"requestId":{}}"#)));
    assert_eq!(
        message,
        "`requestId` must be a string or an integer, not an object"
    );
}

#[test]
fn set_level_params() {
    for level in LogLevel::ALL {
        let text = format!(r#"{{"level":"{level}"}}"#);
        assert_eq!(
            SetLevelParams::from_params(&params(&text)).unwrap().level,
            level
        );
    }
    assert!(LogLevel::ALL.is_sorted());
    let message = refused(SetLevelParams::from_params(&params(r#"{"level":"WARN"}"#)));
    assert!(
        message.ends_with(r#"alert or emergency, not "WARN""#),
        "{message}"
    );
}

#[test]
fn subscriptions_listen_params() {
    let text = r#"{"notifications":{"toolsListChanged":true,"promptsListChanged":false,"resourcesListChanged":null,
        "resourceSubscriptions":["file:///a","b\u0041"],"taskIds":["t"],"unknown":7}}"#;
    let expected = SubscriptionFilter {
        tools_list_changed: true,
        resource_subscriptions: vec!["file:///a".into(), "bA".into()],
        task_ids: vec!["t".into()],
        ..Default::default()
    };
    assert_eq!(
        SubscriptionsListenParams::from_params(&params(text))
            .unwrap()
            .notifications,
        expected
    );
    let check = |text: &str, expected: &str| {
        assert_eq!(
            refused(SubscriptionsListenParams::from_params(&params(text))),
            expected
        );
    };
    check("{}", "`notifications` is missing");
    check(
        r#"{"notifications":{"toolsListChanged":1}}"#,
        "`toolsListChanged` must be true or false, not a number",
    );
    check(
        r#"{"notifications":{"taskIds":[1]}}"#,
        "`taskIds` must be an array of strings",
    );
}

#[test]
fn resource_and_prompt_params() {
    let read = params(r#"{"uri":"a:b"}"#);
    assert_eq!(ReadResourceParams::from_params(&read).unwrap().uri, "a:b");
    assert_eq!(SubscribeParams::from_params(&read).unwrap().uri, "a:b");
    assert_eq!(
        refused(ReadResourceParams::from_params(&params("{}"))),
        "`uri` is missing"
    );
    let get = params(r#"{"name":"p","arguments":{"b":"1","a":"\u0032"}}"#);
    let get = GetPromptParams::from_params(&get).unwrap();
    assert_eq!(
        get.arguments,
        [("b".into(), "1".into()), ("a".into(), "2".into())]
    );
    let check = |text: &str, expected: &str| {
        assert_eq!(
            refused(GetPromptParams::from_params(&params(text))),
            expected
        )
    };
    check(
        r#"{"name":"p","arguments":{"a":1}}"#,
        r#"the value of argument "a" must be a string"#,
    );
    check(
        r#"{"name":"p","arguments":{"a":"1","\u0061":"2"}}"#,
        r#"argument "a" stands there twice"#,
    );
}

#[test]
fn complete_params() {
    let text = r#"{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":"v"},"context":{"arguments":{"k":"w"}}}"#;
    let parsed = params(text);
    let complete = CompleteParams::from_params(&parsed).unwrap();
    assert_eq!(complete.reference, CompletionReference::Prompt("p".into()));
    assert_eq!((&*complete.name, &*complete.value), ("a", "v"));
    assert_eq!(complete.known, [("k".into(), "w".into())]);
    let text = r#"{"ref":{"type":"ref/resource","uri":"f:{x}"},"argument":{"name":"x","value":""},"context":{}}"#;
    let parsed = params(text);
    let complete = CompleteParams::from_params(&parsed).unwrap();
    assert_eq!(
        complete.reference,
        CompletionReference::ResourceTemplate("f:{x}".into())
    );
    assert_eq!(complete.known, []);
    let check = |text: &str, expected: &str| {
        assert_eq!(
            refused(CompleteParams::from_params(&params(text))),
            expected
        )
    };
    check(
        r#"{"ref":{"type":"x"}}"#,
        r#"`ref.type` must be "ref/prompt" or "ref/resource", not "x""#,
    );
    check(
        r#"{"ref":{"type":"ref/prompt"}}"#,
        "`ref.name` must be a string",
    );
    check(
        r#"{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a"}}"#,
        "`argument.value` must be a string",
    );
}

#[test]
fn meta() {
    let text = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",
        "io.modelcontextprotocol/clientCapabilities":{"sampling":{}},
        "io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},
        "io.modelcontextprotocol/logLevel":"warning",
        "progressToken":12345678901234567890123,"traceparent":"00-1","tracestate":7,"other":{}}}"#;
    let parsed = params(text);
    assert!(parsed.claims_version());
    let meta = Meta::from_params(&parsed).unwrap();
    assert_eq!(meta.protocol_version.as_deref(), Some("2026-07-28"));
    assert!(meta.client_capabilities.unwrap().sampling);
    assert_eq!(
        meta.client_info.unwrap().get(),
        r#"{"name":"c","version":"1"}"#
    );
    assert_eq!(meta.log_level, Some(LogLevel::Warning));
    assert_eq!(
        meta.progress_token.unwrap().get(),
        "12345678901234567890123"
    );
    assert_eq!(meta.traceparent.as_deref(), Some("00-1"));
    assert_eq!((meta.tracestate, meta.baggage), (None, None));
    assert!(!params(r#"{"progressToken":1,"_meta":{}}"#).claims_version());
}
