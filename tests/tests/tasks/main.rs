//! Proves that a long call becomes a task for clients that know tasks: durable
//! before it is told, asked for, answered, cancelled, bounded, and there again
//! after the host has died.

mod durable;

use fusebox_tests::{Caller, MODERN_WAYS, Setup, each, server_meta, until};
use serde_json::{Value, json};

const EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// What a client declares that knows tasks and can be asked.
fn knows_tasks() -> Value {
    json!({"elicitation": {}, "extensions": {EXTENSION: {}}})
}

fn setup() -> Setup {
    Setup::new()
        .plugin("everything")
        .config("tasks.poll_interval_ms = 50")
}

fn call(tool: &str, arguments: &Value) -> Value {
    json!({"name": tool, "arguments": arguments})
}

/// Calls a tool that becomes a task, compares all that is said of it, and gives
/// its id.
fn create(caller: &mut Caller, tool: &str, arguments: &Value) -> String {
    let created = caller
        .result("tools/call", call(tool, arguments))
        .expect("a task");
    let id = created["taskId"].as_str().expect("an id").to_owned();
    let [created_at, updated_at] = ["createdAt", "lastUpdatedAt"].map(|name| created[name].clone());
    assert_eq!(id.len(), 32, "{created}");
    assert_eq!(created_at, updated_at, "{created}");
    assert_eq!(
        created,
        json!({
            "resultType": "task", "taskId": id, "status": "working", "createdAt": created_at,
            "lastUpdatedAt": updated_at, "ttlMs": 3_600_000, "pollIntervalMs": 50,
            "_meta": server_meta(),
        })
    );
    id
}

fn get(caller: &mut Caller, id: &str) -> Result<Value, Value> {
    caller.result("tasks/get", json!({"taskId": id}))
}

/// Asks for a task until it has this status, and gives it.
fn wait_for(caller: &mut Caller, id: &str, status: &str) -> Value {
    until(&format!("the task is {status}"), || {
        let task = get(caller, id).expect("the task");
        (task["status"] == status).then_some(task)
    })
}

/// Compares a task, but for its times.
#[track_caller]
fn check_task(task: &Value, id: &str, status: &str, outcome: &Value) {
    let mut expected = json!({
        "resultType": "complete", "taskId": id, "status": status,
        "createdAt": task["createdAt"], "lastUpdatedAt": task["lastUpdatedAt"],
        "ttlMs": 3_600_000, "pollIntervalMs": 50, "_meta": server_meta(),
    });
    for (name, value) in outcome.as_object().expect("members") {
        expected[name] = value.clone();
    }
    assert_eq!(*task, expected);
}

fn text(text: &str) -> Value {
    json!({"result": {
        "resultType": "complete", "content": [{"type": "text", "text": text}],
        "_meta": server_meta(),
    }})
}

fn acknowledged() -> Value {
    json!({"resultType": "complete", "_meta": server_meta()})
}

#[test]
fn a_task_is_asked_for_until_it_has_its_result() {
    each(&MODERN_WAYS, setup, &knows_tasks(), |caller| {
        let arguments = json!({"seconds": 0.2, "label": "x"});
        let id = create(caller, "slow_compute", &arguments);
        let task = wait_for(caller, &id, "completed");
        let result = text("slow_compute(x) done after 0.2s");
        check_task(&task, &id, "completed", &result);
        assert!(task["lastUpdatedAt"].as_str() > task["createdAt"].as_str());

        // A tool that fails has a result that says so.
        let id = create(caller, "failing_job", &json!({}));
        let task = wait_for(caller, &id, "completed");
        let mut result = text("failing_job: intentional tool execution error");
        result["result"]["isError"] = json!(true);
        check_task(&task, &id, "completed", &result);

        // A tool that faults has the error that a call would have had.
        let id = create(caller, "protocol_error_job", &json!({}));
        let task = wait_for(caller, &id, "failed");
        let error = json!({"error": {
            "code": -32014,
            "message": "it panicked; the host's log has its message",
            "data": {"reason": "panicked", "plugin": "everything", "tool": "protocol_error_job"},
        }});
        check_task(&task, &id, "failed", &error);
    });
}

#[test]
fn a_task_asks_its_user_and_goes_on_with_the_answers() {
    let question = |message: &str| {
        json!({"method": "elicitation/create", "params": {
            "message": message, "requestedSchema": {
                "type": "object", "properties": {"value": {"type": "string"}},
                "required": ["value"],
            },
        }})
    };
    let asked = [question("Provide value A"), question("Provide value B")];
    each(&MODERN_WAYS, setup, &knows_tasks(), |caller| {
        let id = create(caller, "multi_input", &json!({}));
        let task = wait_for(caller, &id, "input_required");
        let questions = json!({"inputRequests": {"input-a": asked[0], "input-b": asked[1]}});
        check_task(&task, &id, "input_required", &questions);

        // Answers that nobody waits for change nothing.
        let mut answer = |key: &str, value: &str| {
            let answer = json!({"action": "accept", "content": {"value": value}});
            let params = json!({"taskId": id, "inputResponses": {key: answer}});
            assert_eq!(caller.result("tasks/update", params), Ok(acknowledged()));
            get(caller, &id).expect("the task")
        };
        check_task(&answer("input-c", "c"), &id, "input_required", &questions);
        let left = json!({"inputRequests": {"input-b": asked[1]}});
        check_task(&answer("input-a", "a"), &id, "input_required", &left);
        answer("input-b", "b");
        let task = wait_for(caller, &id, "completed");
        let result = text("multi_input: a = a, b = b");
        check_task(&task, &id, "completed", &result);
    });
}

#[test]
fn a_cancelled_task_ends_its_wasm_and_stays_cancelled() {
    each(&MODERN_WAYS, setup, &knows_tasks(), |caller| {
        let arguments = json!({"seconds": 500, "label": "x"});
        let id = create(caller, "slow_compute", &arguments);
        if let Some(host) = caller.reachable() {
            host.health_when("the task runs", |health| health["calls_in_flight"] == 1);
        }
        for _ in 0..2 {
            let cancelled = caller.result("tasks/cancel", json!({"taskId": id}));
            assert_eq!(cancelled, Ok(acknowledged()));
            let task = get(caller, &id).expect("the task");
            check_task(&task, &id, "cancelled", &json!({}));
        }
        if let Some(host) = caller.reachable() {
            let health = host.health_when("nothing runs", |health| health["calls_in_flight"] == 0);
            assert_eq!(health["plugins"]["everything"]["faults"], 0);
        }
        let late = json!({"taskId": id, "inputResponses": {}});
        assert_eq!(caller.result("tasks/update", late), Ok(acknowledged()));
    });
}

#[test]
fn a_client_without_tasks_gets_a_result_or_is_told_what_it_lacks() {
    let lacking = json!({"requiredCapabilities": {"extensions": {EXTENSION: {}}}});
    each(&MODERN_WAYS, setup, &json!({}), |caller| {
        let arguments = json!({"seconds": 0, "label": "x"});
        let result = caller.result("tools/call", call("slow_compute", &arguments));
        let expected = text("slow_compute(x) done after 0s");
        assert_eq!(result.as_ref(), Ok(&expected["result"]));
        let error = caller
            .result("tools/call", call("failing_job", &json!({})))
            .expect_err("a refusal");
        assert_eq!(
            error,
            json!({
                "code": -32021, "data": lacking,
                "message": "this tool is answered with a task, which the client doesn't take",
            })
        );
        for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
            let params = json!({"taskId": "x", "inputResponses": {}});
            let error = caller.result(method, params).expect_err("a refusal");
            assert_eq!((&error["code"], &error["data"]), (&json!(-32021), &lacking));
        }
    });
}

#[test]
fn what_is_no_task_is_an_error() {
    each(&MODERN_WAYS, setup, &knows_tasks(), |caller| {
        let unknown = json!({
            "code": -32602, "message": "no task `x`: it never was, or its time is over",
        });
        for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
            let params = json!({"taskId": "x", "inputResponses": {}});
            assert_eq!(caller.result(method, params), Err(unknown.clone()));
        }
        for method in ["tasks/list", "tasks/result"] {
            let error = caller
                .result(method, json!({"taskId": "x"}))
                .expect_err("gone");
            assert_eq!(error["code"], -32601, "{error}");
        }
        // Arguments that don't fit are told at once, and no task is made.
        let misfit = caller
            .result("tools/call", call("slow_compute", &json!({"seconds": "x"})))
            .expect("a result");
        assert_eq!(misfit["isError"], true, "{misfit}");
    });
}

#[test]
fn who_listens_hears_of_a_task_and_of_no_other() {
    each(&MODERN_WAYS, setup, &knows_tasks(), |caller| {
        let other = create(caller, "confirm_delete", &json!({}));
        let id = create(caller, "confirm_delete", &json!({"filename": "a"}));
        wait_for(caller, &other, "input_required");
        let asked = wait_for(caller, &id, "input_required");
        let stream = caller.listen(json!({"taskIds": [id]}));
        let acknowledged = caller.next(stream).expect("the acknowledgement");
        assert_eq!(
            acknowledged["params"]["notifications"],
            json!({"taskIds": [id]})
        );
        for task in [&other, &id] {
            caller.begin("tasks/cancel", json!({"taskId": task}));
        }
        let heard = until("the task is heard of", || {
            let message = caller.next(stream).expect("a message");
            (message["method"] == "notifications/tasks").then_some(message)
        });
        assert_eq!(
            heard["params"],
            json!({
                "taskId": id, "status": "cancelled", "createdAt": asked["createdAt"],
                "lastUpdatedAt": heard["params"]["lastUpdatedAt"], "ttlMs": 3_600_000,
                "pollIntervalMs": 50,
                "_meta": {"io.modelcontextprotocol/subscriptionId": stream},
            })
        );
    });
}
