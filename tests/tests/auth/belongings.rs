//! What belongs to a caller is nobody else's: sessions, their streams, tasks, and the
//! state of a question.

use super::*;

const FOREIGN: &str = "`requestState` was not given out by this server for this request";

fn two() -> (Keys, Host, String, String) {
    let keys = Keys::new();
    let (ada, bob) = (keys.make("ada", &[]), keys.make("bob", &[]));
    let host = setup(&keys, "[http]\nsse_path = '/sse'").start();
    (keys, host, bearer(&ada), bearer(&bob))
}

fn legacy(
    host: &Host,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Response {
    let mut all = vec![
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
    ];
    all.extend(headers);
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    Connection::open(host.address()).exchange(method, path, &all, body.as_bytes())
}

#[test]
fn a_session_id_is_worth_nothing_to_another_caller() {
    let (_keys, host, ada, bob) = two();
    let initialize = fusebox_tests::initialize_line(1);
    let begun = legacy(
        &host,
        "POST",
        "/mcp",
        &[("Authorization", &ada)],
        &initialize,
    );
    let session = begun
        .head
        .header("mcp-session-id")
        .expect("a session")
        .to_owned();
    let with = |key: &'static str, who: &str, method: &str| {
        let ping = json!({"jsonrpc": "2.0", "id": key, "method": "ping"});
        let body = if method == "POST" { ping } else { Value::Null };
        let headers = [("Authorization", who), ("Mcp-Session-Id", &*session)];
        legacy(&host, method, "/mcp", &headers, &body)
    };
    assert_eq!(with("a", &ada, "POST").head.status, 200);
    for method in ["POST", "GET", "DELETE"] {
        let stolen = with("b", &bob, method);
        assert_eq!(stolen.head.status, 404, "{method}: {stolen:?}");
        let message = "no such session, or it has ended; send `initialize` again";
        assert_eq!(stolen.json()["error"]["message"], message);
    }
    assert_eq!(
        with("a", &ada, "POST").head.status,
        200,
        "it is still its owner's"
    );
}

#[test]
fn nor_is_the_address_that_an_event_stream_gave() {
    let (_keys, host, ada, bob) = two();
    let mut stream = Connection::open(host.address());
    stream.send("GET", "/sse", &[("Authorization", &ada)], b"");
    let head = stream.read_head().expect("a response");
    assert!(head.is_stream(), "{head:?}");
    // Kept: the session ends with its stream.
    let mut events = stream.into_events();
    let first = events.next_event().expect("an event");
    let path = first
        .split("data: ")
        .nth(1)
        .expect("an address")
        .trim()
        .to_owned();
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let sent = |who: &str| {
        legacy(&host, "POST", &path, &[("Authorization", who)], &ping)
            .head
            .status
    };
    assert_eq!((sent(&bob), sent(&ada)), (404, 202));
    let nobody = legacy(&host, "POST", &path, &[], &ping);
    check_refused(&nobody, 401, REALM, MISSING);
}

#[test]
fn a_task_is_known_to_its_caller_alone() {
    let (_keys, host, ada, bob) = two();
    let ask = |who: &str, method: &str, name: &str, params: Value| {
        let mut params = params;
        params["_meta"] = modern_meta();
        params["_meta"]["io.modelcontextprotocol/clientCapabilities"] =
            json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let headers = [
            ("Content-Type", "application/json"),
            ("MCP-Protocol-Version", "2026-07-28"),
            ("Mcp-Method", method),
            ("Mcp-Name", name),
            ("Authorization", who),
        ];
        let mut connection = Connection::open(host.address());
        connection
            .exchange("POST", "/mcp", &headers, body.to_string().as_bytes())
            .json()
    };
    let arguments = json!({"name": "slow_compute", "arguments": {"seconds": 30, "label": "x"}});
    let created = ask(&ada, "tools/call", "slow_compute", arguments);
    let id = created["result"]["taskId"]
        .as_str()
        .expect("a task")
        .to_owned();
    let unknown = format!("no task `{id}`: it never was, or its time is over");
    for method in ["tasks/get", "tasks/cancel", "tasks/update"] {
        let params = json!({"taskId": id, "inputResponses": {}});
        let stolen = ask(&bob, method, &id, params);
        assert_eq!(stolen["error"]["message"], unknown, "{method}: {stolen}");
    }
    let own = ask(&ada, "tasks/get", &id, json!({"taskId": id}));
    assert_eq!(own["result"]["status"], "working", "{own}");
    assert!(ask(&ada, "tasks/cancel", &id, json!({"taskId": id}))["error"].is_null());
}

#[test]
fn the_state_of_a_question_opens_for_whom_it_was_sealed() {
    let (_keys, host, ada, bob) = two();
    const TOOL: &str = "test_input_required_result_request_state";
    let ask = |who: &str, more: Value| {
        let mut params = json!({"name": TOOL, "arguments": {}});
        for (name, value) in more.as_object().expect("members") {
            params[name] = value.clone();
        }
        params["_meta"] = modern_meta();
        params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({"elicitation": {}});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let headers = [
            ("Content-Type", "application/json"),
            ("MCP-Protocol-Version", "2026-07-28"),
            ("Mcp-Method", "tools/call"),
            ("Mcp-Name", TOOL),
            ("Authorization", who),
        ];
        let mut connection = Connection::open(host.address());
        connection
            .exchange("POST", "/mcp", &headers, body.to_string().as_bytes())
            .json()
    };
    let asked = ask(&ada, json!({}));
    let state = asked["result"]["requestState"].clone();
    let questions = asked["result"]["inputRequests"]
        .as_object()
        .expect("questions");
    let key = questions.keys().next().expect("a question");
    let answers = json!({key: {"action": "accept", "content": {"ok": true}}});
    let brought = json!({"inputResponses": answers, "requestState": state});
    let stolen = ask(&bob, brought.clone());
    assert_eq!(stolen["error"]["message"], FOREIGN, "{stolen}");
    let own = ask(&ada, brought);
    assert_eq!(
        own["result"]["content"][0]["text"], "Confirmed: state-ok",
        "{own}"
    );
}

#[test]
fn what_a_plugin_keeps_for_a_caller_is_found_by_no_other() {
    let keys = Keys::new();
    let (ada, bob) = (keys.make("ada", &[]), keys.make("bob", &[]));
    let host = Setup::new()
        .plugin("reach")
        .config(&format!(
            "{}\n[plugins.reach.grants]\nkeyvalue_caller = {{}}",
            keys.config("")
        ))
        .start();
    let call = |key: &str, tool: &str, arguments: Value| {
        let params = json!({"name": tool, "arguments": arguments});
        let more = [("Authorization", &*bearer(key))];
        post(&host, "/mcp", &more, "tools/call", tool, params).json()["result"].clone()
    };
    let place = json!({"whose": "caller", "key": "k"});
    let mut value = place.clone();
    value["value"] = json!("of ada");
    let kept = call(&ada, "keep", value);
    assert_ne!(kept["isError"], true, "{kept}");
    assert_eq!(
        call(&ada, "kept", place.clone())["content"][0]["text"],
        "of ada"
    );
    assert_eq!(call(&bob, "kept", place)["content"][0]["text"], "nothing");
}

#[test]
fn what_one_caller_left_in_an_instance_is_not_seen_by_another() {
    let keys = Keys::new();
    let (ada, bob) = (keys.make("ada", &[]), keys.make("bob", &[]));
    let limits = "[limits]\nisolation = 'caller'\nconcurrent_calls_max = 2";
    let host = Setup::new()
        .plugin("misbehave")
        .config(&keys.config(limits))
        .start();
    let remember = |key: &str, value: &str| {
        let params = json!({"name": "remember", "arguments": {"value": value}});
        let key = bearer(key);
        let headers = [("Authorization", &*key)];
        let answer = post(&host, "/mcp", &headers, "tools/call", "remember", params);
        answer.json()["result"]["content"][0]["text"].clone()
    };
    assert_eq!(remember(&ada, "a"), "nothing");
    assert_eq!(remember(&bob, "b"), "nothing");
    // In no session, and yet the same caller.
    assert_eq!(remember(&ada, "c"), "a");
    assert_eq!(remember(&bob, "d"), "b");
}
