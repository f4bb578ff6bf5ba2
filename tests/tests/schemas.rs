//! Proves that what checks every message of the host in all these tests does
//! refuse: for each version, messages that it has are taken, and the same with one
//! thing wrong are not.

use std::panic::{AssertUnwindSafe, catch_unwind};

use fusebox_tests::{Ledger, check};
use serde_json::{Value, json};

const VERSIONS: [&str; 5] = [
    "2024-11-05",
    "2025-03-26",
    "2025-06-18",
    "2025-11-25",
    "2026-07-28",
];

/// From this version to this one.
type Span = (&'static str, &'static str);

const ALL: Span = ("2024-11-05", "2026-07-28");
const LEGACY: Span = ("2024-11-05", "2025-11-25");
const MODERN: Span = ("2026-07-28", "2026-07-28");

/// Checks that exactly the versions of `span` take `message`.
#[track_caller]
fn taken_by(span: Option<Span>, message: &Value, method: Option<&str>) {
    for version in VERSIONS {
        let expected = span.is_some_and(|(from, to)| (from..=to).contains(&version));
        let checked = check(message, version, method);
        assert_eq!(
            checked.is_ok(),
            expected,
            "{version}: {checked:?}: {message}"
        );
    }
}

fn response(result: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "result": result})
}

/// A result as each era has it: `result`, and with what modern ones must have.
fn in_both_eras(method: &str, legacy: Span, result: Value) {
    let mut modern = result.clone();
    modern["resultType"] = json!("complete");
    if method.ends_with("/list") || method == "resources/read" {
        modern["ttlMs"] = json!(0);
        modern["cacheScope"] = json!("private");
    }
    taken_by(Some(legacy), &response(result), Some(method));
    taken_by(Some(MODERN), &response(modern), Some(method));
}

#[test]
fn results_are_those_of_their_request_and_version() {
    let tool = json!({"name": "t", "inputSchema": {"type": "object", "x-anything": 1}});
    let tools = |further: Value| {
        let mut tool = tool.clone();
        for (name, value) in further.as_object().into_iter().flatten() {
            tool[name] = value.clone();
        }
        json!({"tools": [tool]})
    };
    in_both_eras("tools/list", LEGACY, tools(json!({})));
    let hints = json!({"annotations": {"readOnlyHint": true}});
    in_both_eras("tools/list", ("2025-03-26", "2025-11-25"), tools(hints));
    let title = json!({"title": "T", "_meta": {"a": 1}});
    in_both_eras("tools/list", ("2025-06-18", "2025-11-25"), tools(title));
    let icons = json!({"icons": [{"src": "https://example.org/i.png"}]});
    in_both_eras("tools/list", ("2025-11-25", "2025-11-25"), tools(icons));
    let long = json!({"execution": {"taskSupport": "optional"}});
    let only = Some(("2025-11-25", "2025-11-25"));
    taken_by(only, &response(tools(long)), Some("tools/list"));
    for wrong in [
        json!({"titel": "T"}),
        json!({"name": 1}),
        json!({"icons": {}}),
    ] {
        taken_by(None, &response(tools(wrong)), Some("tools/list"));
    }
    let text = json!({"type": "text", "text": "a"});
    in_both_eras("tools/call", LEGACY, json!({"content": [text]}));
    let audio = json!({"content": [{"type": "audio", "data": "", "mimeType": "audio/wav"}]});
    in_both_eras("tools/call", ("2025-03-26", "2025-11-25"), audio);
    let structured = json!({"content": [text], "structuredContent": {}});
    in_both_eras("tools/call", ("2025-06-18", "2025-11-25"), structured);
    in_both_eras(
        "resources/templates/list",
        LEGACY,
        json!({"resourceTemplates": []}),
    );
    let nothing = response(json!({}));
    for method in ["ping", "logging/setLevel", "resources/subscribe"] {
        taken_by(Some(LEGACY), &nothing, Some(method));
        taken_by(None, &response(json!({"a": 1})), Some(method));
    }
    for method in ["tools/list", "tools/call", "prompts/get", "server/discover"] {
        taken_by(None, &nothing, Some(method));
    }
    let cached = json!({"content": [text], "resultType": "complete", "ttlMs": 1});
    taken_by(None, &response(cached), Some("tools/call"));
}

#[test]
fn a_result_whose_request_is_unknown_is_one_of_its_version() {
    taken_by(Some(LEGACY), &response(json!({"prompts": []})), None);
    taken_by(Some(LEGACY), &response(json!({})), None);
    taken_by(
        Some(MODERN),
        &response(json!({"resultType": "complete", "content": []})),
        None,
    );
    taken_by(None, &response(json!({"prompts": [], "tools": []})), None);
    taken_by(
        None,
        &response(json!({"resultType": "other", "content": []})),
        None,
    );
}

#[test]
fn what_asks_or_is_a_task_is_modern() {
    let question = json!({"method": "elicitation/create", "params": {
        "mode": "form", "message": "m", "requestedSchema": {"type": "object", "properties": {}},
    }});
    let asks = json!({"resultType": "input_required", "inputRequests": {"k": question}});
    taken_by(Some(MODERN), &response(asks.clone()), Some("tools/call"));
    taken_by(None, &response(asks), Some("tools/list"));
    let nothing = json!({"resultType": "input_required"});
    taken_by(None, &response(nothing), Some("tools/call"));
    let task = json!({
        "taskId": "t", "status": "working", "ttlMs": 1000, "pollIntervalMs": 10,
        "createdAt": "2026-07-28T00:00:00Z", "lastUpdatedAt": "2026-07-28T00:00:00Z",
    });
    let with = |kind: &str, name: &str, value: Value| {
        let mut task = task.clone();
        task["resultType"] = json!(kind);
        task[name] = value;
        response(task)
    };
    let created = with("task", "statusMessage", json!("m"));
    taken_by(Some(MODERN), &created, Some("tools/call"));
    taken_by(None, &created, Some("prompts/get"));
    taken_by(None, &with("task", "ttl", json!(1)), Some("tools/call"));
    taken_by(
        None,
        &with("task", "createdAt", json!("now")),
        Some("tools/call"),
    );
    taken_by(
        Some(MODERN),
        &with("complete", "statusMessage", json!("m")),
        Some("tasks/get"),
    );
    let result = json!({"content": [], "resultType": "complete"});
    taken_by(
        None,
        &with("complete", "result", result.clone()),
        Some("tasks/get"),
    );
    let mut done = with("complete", "result", result);
    done["result"]["status"] = json!("completed");
    taken_by(Some(MODERN), &done, Some("tasks/get"));
    done["result"]["result"]["contents"] = json!([]);
    taken_by(None, &done, Some("tasks/get"));
}

#[test]
fn calls_of_the_host_are_those_of_the_version() {
    let call =
        |method: &str, params: Value| json!({"jsonrpc": "2.0", "method": method, "params": params});
    let progress = json!({"progressToken": 1, "progress": 0.5});
    taken_by(
        Some(ALL),
        &call("notifications/progress", progress.clone()),
        None,
    );
    let mut told = progress.clone();
    told["message"] = json!("m");
    let since = Some(("2025-03-26", "2026-07-28"));
    taken_by(since, &call("notifications/progress", told), None);
    let mut wrong = progress;
    wrong["progress"] = json!("half");
    taken_by(None, &call("notifications/progress", wrong), None);
    taken_by(None, &call("notifications/unknown", json!({})), None);
    let acknowledged = json!({
        "notifications": {"toolsListChanged": true},
        "_meta": {"io.modelcontextprotocol/subscriptionId": 1},
    });
    let name = "notifications/subscriptions/acknowledged";
    taken_by(Some(MODERN), &call(name, acknowledged), None);

    let mut ask = call("roots/list", json!({}));
    ask["id"] = json!(1);
    taken_by(Some(LEGACY), &ask, None);
    ask["id"] = json!(1.5);
    taken_by(None, &ask, None);
    let mut elicit = call(
        "elicitation/create",
        json!({
            "message": "m", "requestedSchema": {"type": "object", "properties": {}},
        }),
    );
    elicit["id"] = json!("a");
    taken_by(Some(("2025-06-18", "2025-11-25")), &elicit, None);
}

#[test]
fn errors_have_the_members_of_their_code() {
    let error = |error: Value| json!({"jsonrpc": "2.0", "id": 1, "error": error});
    let plain = json!({"code": -32602, "message": "m", "data": [1]});
    taken_by(Some(ALL), &error(plain.clone()), None);
    taken_by(None, &error(json!({"code": "1", "message": "m"})), None);
    taken_by(None, &error(json!({"code": 1})), None);
    taken_by(
        None,
        &error(json!({"code": 1, "message": "m", "more": 1})),
        None,
    );
    let version = |data: Value| error(json!({"code": -32022, "message": "m", "data": data}));
    taken_by(Some(LEGACY), &version(json!({})), None);
    let data = json!({"supported": ["2026-07-28"], "requested": "1"});
    taken_by(Some(ALL), &version(data), None);
    taken_by(
        Some(LEGACY),
        &error(json!({"code": -32002, "message": "m"})),
        None,
    );
    let mut unread = error(plain);
    unread["id"] = Value::Null;
    taken_by(Some(("2024-11-05", "2025-06-18")), &unread, None);
    unread.as_object_mut().expect("an object").remove("id");
    taken_by(Some(("2025-11-25", "2026-07-28")), &unread, None);
    unread["jsonrpc"] = json!("1.0");
    taken_by(None, &unread, None);
}

/// Whether a connection on which `sent` was said takes `received`.
fn takes(sent: &[Value], received: &[Value]) -> bool {
    let mut ledger = Ledger::default();
    for message in sent {
        ledger.sent_lines(format!("{message}\n").as_bytes());
    }
    let received = || {
        for message in received {
            ledger.received(message.to_string().as_bytes());
        }
    };
    catch_unwind(AssertUnwindSafe(received)).is_ok()
}

#[test]
fn a_connection_remembers_what_was_asked_in_which_version() {
    let ask = |id: u64, method: &str| json!({"jsonrpc": "2.0", "id": id, "method": method});
    let answer = |id: u64, result: Value| json!({"jsonrpc": "2.0", "id": id, "result": result});
    let agreed = |version: &str| {
        answer(
            0,
            json!({
                "protocolVersion": version, "capabilities": {},
                "serverInfo": {"name": "n", "version": "1"},
            }),
        )
    };
    let opening = [ask(0, "initialize"), ask(1, "tools/list"), ask(2, "ping")];
    let tools = answer(1, json!({"tools": []}));
    let check = |expected: bool, version: &str, received: Value| {
        let told = [agreed(version), received];
        assert_eq!(takes(&opening, &told), expected, "{told:?}");
    };
    check(true, "2025-06-18", tools.clone());
    check(false, "2025-06-18", answer(2, json!({"tools": []})));
    check(false, "2026-07-28", tools.clone());
    check(false, "2025-06-18", json!([tools]));
    check(true, "2025-03-26", json!([tools]));
    let titled = json!({"tools": [{"name": "t", "title": "T", "inputSchema": {"type": "object"}}]});
    check(true, "2025-06-18", answer(1, titled.clone()));
    check(false, "2025-03-26", answer(1, titled.clone()));
    // The version is that of the request, if it says so.
    let mut modern = ask(3, "tools/list");
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28"});
    modern["params"] = json!({"_meta": meta});
    assert!(!takes(&[modern.clone()], &[answer(3, titled.clone())]));
    let mut complete = titled;
    complete["resultType"] = json!("complete");
    complete["ttlMs"] = json!(1);
    complete["cacheScope"] = json!("public");
    assert!(takes(&[modern], &[answer(3, complete)]));
}
