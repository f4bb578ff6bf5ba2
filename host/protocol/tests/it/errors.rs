//! Errors: their JSON, their HTTP status, and the table of reasons.

use fusebox_protocol::error::ErrorData;
use fusebox_protocol::params::ClientCapabilities;
use fusebox_protocol::reason::Blame;
use fusebox_protocol::{Era, RawJson, Reason, RefusalData, RpcError};

/// JSON, then the status for legacy and for modern clients.
#[track_caller]
fn check(error: RpcError, json: &str, statuses: (u16, u16)) {
    assert_eq!(serde_json::to_string(&error).unwrap(), json);
    assert_eq!(
        (
            error.http_status(Era::Legacy),
            error.http_status(Era::Modern)
        ),
        statuses,
        "{json}"
    );
}

#[test]
fn errors_of_the_protocols() {
    check(
        RpcError::parse_error("x"),
        r#"{"code":-32700,"message":"x"}"#,
        (400, 400),
    );
    check(
        RpcError::invalid_request("x"),
        r#"{"code":-32600,"message":"x"}"#,
        (400, 400),
    );
    check(
        RpcError::method_not_found("a\"b"),
        r#"{"code":-32601,"message":"there is no method \"a\\\"b\""}"#,
        (200, 404),
    );
    check(
        RpcError::invalid_params("x"),
        r#"{"code":-32602,"message":"x"}"#,
        (200, 200),
    );
    check(
        RpcError::missing_meta("x"),
        r#"{"code":-32602,"message":"x"}"#,
        (400, 400),
    );
    check(
        RpcError::internal("x"),
        r#"{"code":-32603,"message":"x"}"#,
        (200, 200),
    );
    check(
        RpcError::header_mismatch("x"),
        r#"{"code":-32020,"message":"x"}"#,
        (400, 400),
    );
    check(
        RpcError::unsupported_version("1900-01-01"),
        r#"{"code":-32022,"message":"unsupported protocol version","data":{"supported":["2026-07-28"],"requested":"1900-01-01"}}"#,
        (400, 400),
    );
    check(
        RpcError::internal("x").with_data(ErrorData::Json(RawJson::parse("[1.0]".into()).unwrap())),
        r#"{"code":-32603,"message":"x","data":[1.0]}"#,
        (200, 200),
    );
}

#[test]
fn missing_capabilities_are_objects() {
    let check_wanted = |wanted: ClientCapabilities, json: &str| {
        let json =
            format!(r#"{{"code":-32021,"message":"x","data":{{"requiredCapabilities":{json}}}}}"#);
        check(RpcError::missing_capability("x", wanted), &json, (200, 400));
    };
    let none = ClientCapabilities::default();
    check_wanted(
        ClientCapabilities {
            elicitation_form: true,
            ..none
        },
        r#"{"elicitation":{"form":{}}}"#,
    );
    check_wanted(
        ClientCapabilities {
            elicitation_url: true,
            ..none
        },
        r#"{"elicitation":{"url":{}}}"#,
    );
    check_wanted(
        ClientCapabilities {
            sampling: true,
            roots: true,
            ..none
        },
        r#"{"sampling":{},"roots":{}}"#,
    );
    check_wanted(
        ClientCapabilities {
            sampling_tools: true,
            ..none
        },
        r#"{"sampling":{"tools":{}}}"#,
    );
    let tasks = r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#;
    check_wanted(
        ClientCapabilities {
            tasks: true,
            ..none
        },
        tasks,
    );
}

#[test]
fn unknown_resources() {
    let modern = r#"{"code":-32602,"message":"resource not found","data":{"uri":"a:b"}}"#;
    check(
        RpcError::resource_not_found(Era::Modern, "a:b"),
        modern,
        (200, 200),
    );
    let legacy = r#"{"code":-32002,"message":"resource not found","data":{"uri":"a:b"}}"#;
    check(
        RpcError::resource_not_found(Era::Legacy, "a:b"),
        legacy,
        (200, 200),
    );
}

#[test]
fn refusals() {
    let bare = RpcError::refusal(Reason::Trapped, "x", RefusalData::default());
    check(
        bare,
        r#"{"code":-32007,"message":"x","data":{"reason":"trapped"}}"#,
        (200, 200),
    );
    let data = RefusalData {
        plugin: Some("p".into()),
        tool: Some("t".into()),
        retry_after_ms: Some(10),
        limit: Some(5),
        key: Some("limits.fuel".into()),
    };
    let full = RpcError::refusal(Reason::Overloaded, "x", data);
    assert_eq!(
        (full.reason(), full.retry_after_ms()),
        (Some(Reason::Overloaded), Some(10))
    );
    let json = r#"{"code":-32000,"message":"x","data":{"reason":"overloaded","plugin":"p","tool":"t","retryAfterMs":10,"limit":5,"key":"limits.fuel"}}"#;
    check(full, json, (503, 503));
    let status =
        |reason| RpcError::refusal(reason, "x", RefusalData::default()).http_status(Era::Modern);
    assert_eq!(status(Reason::RateLimited), 429);
    assert_eq!(status(Reason::ShuttingDown), 503);
    assert_eq!(status(Reason::BreakerOpen), 200);
}

#[test]
fn table_of_reasons() {
    use Blame::{Caller, Host, Operator, Plugin};
    let expected = [
        (-32000, "overloaded", Host, true, false),
        (-32001, "rate_limited", Caller, true, false),
        (-32003, "breaker_open", Plugin, true, false),
        (-32004, "out_of_fuel", Plugin, false, true),
        (-32005, "deadline_exceeded", Plugin, false, true),
        (-32006, "memory_limit", Plugin, false, true),
        (-32007, "trapped", Plugin, false, true),
        (-32008, "invalid_plugin_output", Plugin, false, true),
        (-32009, "plugin_unavailable", Operator, true, false),
        (-32010, "shutting_down", Host, true, false),
        (-32011, "output_limit", Plugin, false, true),
        (-32012, "log_limit", Plugin, false, true),
        (-32013, "stack_overflow", Plugin, false, true),
        (-32014, "panicked", Plugin, false, true),
        (-32015, "denied_capability", Operator, false, true),
        (-32016, "task_store_unavailable", Operator, true, false),
        (-32017, "interrupted", Host, true, false),
        (-32018, "connection_lost", Operator, true, false),
        (-32019, "unauthenticated", Caller, false, false),
    ];
    let row = |r: Reason| {
        (
            r.code(),
            r.name(),
            r.blame(),
            r.retryable(),
            r.counts_as_fault(),
        )
    };
    assert_eq!(Reason::ALL.map(row), expected);
    for reason in Reason::ALL {
        assert!(
            (-32019..=-32000).contains(&reason.code()) && reason.code() != -32002,
            "{reason}"
        );
        assert!(
            reason.what_it_means().ends_with('.') && !reason.what_it_means().contains("  "),
            "{reason}"
        );
    }
}

#[test]
fn a_clients_text_is_repeated_in_part() {
    let error = RpcError::method_not_found(&"\u{e9}".repeat(10_000));
    assert_eq!(
        error.message,
        format!("there is no method \"{}...\"", "\u{e9}".repeat(80))
    );
}
