//! Proves that arguments are checked against the tool's schema before the plugin
//! is called, over every transport in both eras, and that a plugin which breaks
//! its own output schema has a fault.

use fusebox_tests::{EVERYWHERE, Setup, each, plugin};
use serde_json::{Value, json};

fn call(name: &str, arguments: &Value) -> Value {
    json!({"name": name, "arguments": arguments})
}

fn everything() -> Setup {
    Setup::new().plugin("everything")
}

/// Calls `tool` everywhere with each of `cases`, which must be told of this
/// misfit, and shows that the plugin never ran.
fn check_misfits(tool: &str, cases: &[(Value, &str)]) {
    each(&EVERYWHERE, everything, &json!({}), |caller| {
        for (arguments, misfit) in cases {
            let expected = caller.complete(json!({
                "content": [{"type": "text", "text": format!("invalid arguments: {misfit}")}],
                "isError": true,
            }));
            assert_eq!(
                caller.result("tools/call", call(tool, arguments)),
                Ok(expected),
                "{arguments}"
            );
        }
        // Over standard streams nobody can ask for the health of the host.
        if let Some(host) = caller.reachable() {
            let counters = &host.plugin_health("everything");
            let figures = [&counters["calls"], &counters["faults"]];
            assert_eq!(figures, [&json!(0), &json!(0)], "{counters:#}");
        }
    });
}

#[test]
fn a_misfit_is_told_with_its_place_and_the_plugin_is_not_called() {
    check_misfits(
        "json_schema_2020_12_tool",
        &[
            (
                json!({"name": 3}),
                r#"/name: the value is not of type "string""#,
            ),
            (
                json!({"name": "Ada", "address": {"street": "s", "city": []}}),
                r#"/address/city: the value is not of type "string""#,
            ),
            (
                json!({"name": "Ada", "age": 3}),
                "at the top level: Additional properties are not allowed ('age' was unexpected)",
            ),
            (
                json!({"address": {"city": "c"}}),
                r#"/address: "street" is a required property"#,
            ),
        ],
    );
    check_misfits(
        "slow_compute",
        &[(
            json!({"seconds": "many", "label": "x"}),
            r#"/seconds: the value is not of types "null", "number""#,
        )],
    );
}

#[test]
fn what_fits_is_handed_on_as_it_was_written() {
    let arguments = json!({"name": "\u{1f50c} \"Ada\""});
    each(&EVERYWHERE, everything, &json!({}), |caller| {
        let expected = caller.complete(json!({
            "content": [{"type": "text", "text": "Hello, \u{1f50c} \"Ada\"!"}],
        }));
        let params = call("json_schema_2020_12_tool", &arguments);
        assert_eq!(caller.result("tools/call", params), Ok(expected));
    });
}

#[test]
fn a_plugin_can_be_left_to_check_for_itself() {
    let setup = || everything().config("plugins.everything.validate_arguments = false");
    each(&EVERYWHERE, setup, &json!({}), |caller| {
        // Its code takes any object; only its schema is stricter.
        let expected = caller.complete(json!({
            "content": [{"type": "text", "text": "Hello, world!"}],
        }));
        let params = call("json_schema_2020_12_tool", &json!({"age": 3}));
        assert_eq!(caller.result("tools/call", params), Ok(expected));
    });
}

#[test]
fn a_plugin_that_breaks_its_own_schema_has_a_fault() {
    let setup = || {
        Setup::new()
            .plugin("misbehave")
            .config("circuit_breaker.failure_threshold = 2")
    };
    let one_client = &EVERYWHERE[1..2];
    each(one_client, setup, &json!({}), |caller| {
        let good = caller.complete(json!({
            "content": [{"type": "text", "text": "{\"total\":10}"}],
            "structuredContent": {"total": 10},
        }));
        let params = call("break_schema", &json!({"total": 10}));
        assert_eq!(caller.result("tools/call", params), Ok(good));
        for _ in 0..2 {
            let params = call("break_schema", &json!({"total": 11}));
            let error = caller.result("tools/call", params).expect_err("a fault");
            let misfit = "the value is greater than the maximum of 10";
            assert_eq!(
                error,
                json!({
                    "code": -32008,
                    "message": format!("the plugin's answer is invalid: `structured` breaks the \
                        tool's output schema: /total: {misfit}"),
                    "data": {"reason": "invalid_plugin_output", "plugin": "misbehave",
                        "tool": "break_schema"},
                })
            );
        }
        let params = call("break_schema", &json!({"total": 10}));
        let error = caller.result("tools/call", params).expect_err("a refusal");
        assert_eq!(error["data"]["reason"], "breaker_open", "{error}");
    });
}

#[test]
fn an_output_can_be_left_unchecked() {
    let setup = || {
        Setup::new()
            .plugin("misbehave")
            .config("limits.validate_output = false")
    };
    each(&EVERYWHERE[1..2], setup, &json!({}), |caller| {
        let params = call("break_schema", &json!({"total": 11}));
        let result = caller.result("tools/call", params).expect("a result");
        assert_eq!(result["structuredContent"], json!({"total": 11}));
    });
}

#[test]
fn a_schema_that_lies_elsewhere_is_never_fetched() {
    const HERE: &[u8] = b"#/$defs/address";
    const ELSEWHERE: &[u8] = b"http://a.test/x";
    let mut bytes = plugin("everything");
    let place = bytes
        .windows(HERE.len())
        .position(|window| window == HERE)
        .expect("the reference is in the file");
    bytes[place..][..HERE.len()].copy_from_slice(ELSEWHERE);
    let host = Setup::new()
        .config("reload.poll_interval_ms = 100\nreload.settle_ms = 20")
        .start();
    host.put("elsewhere", &bytes);
    let health = host.health_when("the file is refused", |health| {
        health["plugins"]["elsewhere"]["state"] == "failed"
    });
    let reason = health["plugins"]["elsewhere"]["reason"].to_string();
    let words = "tool `json_schema_2020_12_tool`: input-schema:";
    assert!(reason.contains(words), "{reason}");
    assert!(reason.contains("http://a.test/x"), "{reason}");
}
