//! What the store promises: tasks outlive their host, are bounded in number and
//! age, and a file that can't be used is named.

use fusebox_tests::{Caller, EVERYWHERE, Host, Setup, each};
use serde_json::{Value, json};
use std::rc::Rc;

use crate::{call, check_task, create, get, knows_tasks, setup, text, wait_for};

fn client(host: &Rc<Host>) -> Caller {
    let (way, era) = EVERYWHERE[1];
    Caller::open(host, way, era, &knows_tasks())
}

/// A host that keeps its tasks in this file.
fn on_file(file: &std::path::Path) -> Rc<Host> {
    Rc::new(setup().config(&format!("tasks.store = {file:?}")).start())
}

#[test]
fn tasks_outlive_a_host_that_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tasks.redb");
    let host = on_file(&file);
    let mut caller = client(&host);
    let done = create(
        &mut caller,
        "slow_compute",
        &json!({"seconds": 0, "label": "x"}),
    );
    let asking = create(&mut caller, "confirm_delete", &json!({"filename": "a"}));
    let running = create(
        &mut caller,
        "slow_compute",
        &json!({"seconds": 500, "label": "y"}),
    );
    let before = wait_for(&mut caller, &done, "completed");
    let asked = wait_for(&mut caller, &asking, "input_required");
    // It is dropped by a kill: nothing is left to chance of a graceful stop.
    drop((caller, host));

    let host = on_file(&file);
    let mut caller = client(&host);
    assert_eq!(get(&mut caller, &done), Ok(before));
    let interrupted = get(&mut caller, &running).expect("the task");
    let error = json!({"error": {
        "code": -32017,
        "message": "the host stopped while this ran; call the tool again",
        "data": {"reason": "interrupted"},
    }});
    check_task(&interrupted, &running, "failed", &error);
    // What waits for its user goes on waiting, and goes on with the answer.
    assert_eq!(get(&mut caller, &asking), Ok(asked));
    let answers = json!({"confirm": {"action": "accept", "content": {"confirm": true}}});
    let params = json!({"taskId": asking, "inputResponses": answers});
    caller
        .result("tasks/update", params)
        .expect("an acknowledgement");
    let task = wait_for(&mut caller, &asking, "completed");
    let result = text("confirm_delete(a): confirmed = true");
    check_task(&task, &asking, "completed", &result);
}

/// Calls a tool that would become a task, and gives the refusal.
fn refusal(caller: &mut Caller) -> Value {
    caller
        .result("tools/call", call("confirm_delete", &json!({})))
        .expect_err("a refusal")
}

#[test]
fn one_task_too_many_is_refused() {
    let one = || setup().config("tasks.max_tasks = 1");
    each(&EVERYWHERE[1..2], one, &knows_tasks(), |caller| {
        create(caller, "confirm_delete", &json!({}));
        assert_eq!(
            refusal(caller),
            json!({
                "code": -32000,
                "message": "the host is overloaded: as many tasks are kept as may be (raise \
                    `tasks.max_tasks`)",
                "data": {"reason": "overloaded", "limit": 1, "key": "tasks.max_tasks",
                    "retryAfterMs": 50},
            })
        );
    });
}

#[test]
fn a_task_is_gone_when_its_time_is_over() {
    let short = || setup().config("tasks.ttl_ms = 1000");
    each(&EVERYWHERE[1..2], short, &knows_tasks(), |caller| {
        let params = call("confirm_delete", &json!({}));
        let task = caller.result("tools/call", params).expect("a task");
        assert_eq!(task["ttlMs"], 1000);
        let id = task["taskId"].as_str().expect("an id").to_owned();
        let error = fusebox_tests::until("the task is gone", || get(caller, &id).err());
        assert_eq!(error["code"], -32602, "{error}");
    });
}

#[test]
fn a_store_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tasks.redb");
    let first = on_file(&file);
    let mut owner = client(&first);
    create(&mut owner, "confirm_delete", &json!({}));
    let second = on_file(&file);
    let mut caller = client(&second);
    let error = json!({
        "code": -32016,
        "message": "the task can't be kept: another process has it open (see `tasks.store`)",
        "data": {"reason": "task_store_unavailable", "key": "tasks.store", "retryAfterMs": 50},
    });
    assert_eq!(refusal(&mut caller), error);
    // When the file is free again, it is used.
    drop((owner, first));
    create(&mut caller, "confirm_delete", &json!({}));
}

#[test]
fn without_tasks_every_tool_answers_at_once() {
    let none = || {
        Setup::new()
            .plugin("everything")
            .config("tasks.enabled = false")
    };
    each(&EVERYWHERE[1..2], none, &knows_tasks(), |caller| {
        let arguments = json!({"seconds": 0, "label": "x"});
        let result = caller.result("tools/call", call("slow_compute", &arguments));
        let expected = text("slow_compute(x) done after 0s");
        assert_eq!(result.as_ref(), Ok(&expected["result"]));
        let error = get(caller, "x").expect_err("no such method");
        assert_eq!(error["code"], -32601);
        let offered = caller
            .result("server/discover", json!({}))
            .expect("an answer");
        assert_eq!(offered["capabilities"].get("extensions"), None);
    });
}
