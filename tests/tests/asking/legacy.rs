//! Legacy clients are asked by requests of the host's own, on the stream of the
//! call that has to know.

use std::rc::Rc;

use fusebox_tests::{Caller, Era, LEGACY_WAYS, Setup, Way, each, until};
use serde_json::{Value, json};

use crate::cases::{
    Question, able, cases, error, failed, impatient, person, setup, text_result, user_name,
};

const NAME_TOOL: &str = "test_input_required_result_elicitation";

/// The next message on the stream of a call, which must be this question.
#[track_caller]
fn check_asked(caller: &mut Caller, call: u64, question: &Question) -> Value {
    let mut message = caller.next(call).expect("a question");
    assert!(
        message["id"].is_u64() || message["id"].is_string(),
        "{message}"
    );
    let params = match &question.params {
        Value::Null => json!({}),
        params => params.clone(),
    };
    // 2025-11-25 has an id for each visit to an address, and the host makes one up.
    if params["mode"] == "url" {
        let members = message["params"].as_object_mut().expect("an object");
        let id = members.remove("elicitationId").expect("an id");
        assert_eq!(id.as_str().map(str::len), Some(32), "{id}");
    }
    let (id, method) = (&message["id"], question.method);
    let expected = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    assert_eq!(message, expected);
    message
}

fn call_tool(caller: &mut Caller, name: &str) -> u64 {
    caller.begin("tools/call", json!({"name": name, "arguments": {}}))
}

/// Waits for the result of a call, which nothing may precede.
#[track_caller]
fn check_result(caller: &mut Caller, call: u64, result: &Value) {
    let answer = caller.answer(call);
    let expected = json!({"jsonrpc": "2.0", "id": call, "result": result});
    assert_eq!(answer.message, expected);
    assert_eq!((answer.before, answer.status), (Vec::<Value>::new(), 200));
}

/// Calls the tool that asks for a name, answers, and gets its greeting: all is
/// well.
#[track_caller]
fn check_well(caller: &mut Caller) {
    let call = call_tool(caller, NAME_TOOL);
    let question = check_asked(caller, call, &user_name());
    caller.reply(&question, &json!({"result": user_name().answer}));
    check_result(caller, call, &text_result("Hello, Ada!"));
}

#[test]
fn a_legacy_client_is_asked_on_the_stream_of_its_call() {
    each(&LEGACY_WAYS, setup, &able(), |caller| {
        for case in cases() {
            let call = caller.begin(case.method, case.params);
            for (questions, _) in &case.rounds {
                let mut asked = Vec::new();
                for question in questions {
                    asked.push(check_asked(caller, call, question));
                }
                // In any order.
                for (message, question) in asked.iter().zip(questions).rev() {
                    caller.reply(message, &json!({"result": question.answer}));
                }
            }
            check_result(caller, call, &case.result);
        }
    });
}

#[test]
fn a_question_does_not_go_to_the_stream_of_changes() {
    each(&LEGACY_WAYS[..1], setup, &able(), |caller| {
        let stream = caller.listen(json!({}));
        check_well(caller);
        let call = call_tool(caller, "test_trigger_prompt_change");
        check_result(caller, call, &text_result("Prompt list change triggered"));
        let method = "notifications/prompts/list_changed";
        let expected = json!({"jsonrpc": "2.0", "method": method, "params": {}});
        assert_eq!(caller.next(stream), Some(expected));
    });
}

#[test]
fn a_user_may_decline_or_dismiss_a_question() {
    each(&LEGACY_WAYS, setup, &able(), |caller| {
        for (action, plain, with_form) in [
            (
                "decline",
                "the user declined to answer",
                "User response: action=decline, content=null",
            ),
            (
                "cancel",
                "the user dismissed the question",
                "User response: action=cancel, content=null",
            ),
        ] {
            let outcome = json!({"result": {"action": action}});
            let call = call_tool(caller, NAME_TOOL);
            let question = check_asked(caller, call, &user_name());
            caller.reply(&question, &outcome);
            check_result(caller, call, &failed(plain));

            let arguments = json!({"message": "Who?"});
            let params = json!({"name": "test_elicitation", "arguments": arguments});
            let call = caller.begin("tools/call", params);
            let question = check_asked(caller, call, &person("Who?", ""));
            caller.reply(&question, &outcome);
            check_result(caller, call, &text_result(with_form));
        }
    });
}

#[test]
fn an_error_in_place_of_an_answer_ends_the_call() {
    each(&LEGACY_WAYS, setup, &able(), |caller| {
        let call = call_tool(caller, NAME_TOOL);
        let question = check_asked(caller, call, &user_name());
        let refusal = json!({"code": -1, "message": "the user is asleep"});
        caller.reply(&question, &json!({"error": refusal}));
        let message = format!("the client answered `user_name` with an error: {refusal}");
        let answer = caller.answer(call);
        assert_eq!(answer.message["error"], error(-32603, &message));
        assert_eq!(answer.before, Vec::<Value>::new());
        check_well(caller);
    });
}

#[test]
fn a_legacy_client_that_answers_something_else_is_asked_again() {
    each(&LEGACY_WAYS, setup, &able(), |caller| {
        let call = call_tool(caller, NAME_TOOL);
        for wrong in [
            json!({}),
            json!({"nobody": "knows"}),
            json!({"action": "later"}),
        ] {
            let question = check_asked(caller, call, &user_name());
            caller.reply(&question, &json!({"result": wrong}));
        }
        let question = check_asked(caller, call, &user_name());
        caller.reply(&question, &json!({"result": user_name().answer}));
        check_result(caller, call, &text_result("Hello, Ada!"));
    });
}

#[test]
fn a_client_is_not_asked_without_end() {
    each(&LEGACY_WAYS, setup, &able(), |caller| {
        let call = call_tool(caller, NAME_TOOL);
        for _ in 0..16 {
            let question = check_asked(caller, call, &user_name());
            caller.reply(&question, &json!({"result": {}}));
        }
        let answer = caller.answer(call);
        let message = "it asked 16 times and wants to ask again";
        assert_eq!(answer.message["error"], error(-32603, message));
        assert_eq!(answer.before, Vec::<Value>::new());
        check_well(caller);
    });
}

#[test]
fn a_question_that_nobody_answers_ends_the_call_in_time() {
    each(&LEGACY_WAYS, impatient, &able(), |caller| {
        let call = call_tool(caller, NAME_TOOL);
        let question = check_asked(caller, call, &user_name());
        let answer = caller.answer(call);
        let message = "the client gave no answer within 1000 ms (raise `session.ask_timeout_ms`)";
        assert_eq!(answer.message["error"], error(-32603, message));
        // Too late; nobody minds.
        caller.reply(&question, &json!({"result": user_name().answer}));
        check_well(caller);
    });
}

#[test]
fn a_question_that_is_given_up_is_taken_back() {
    // "When the request has not received a response within the timeout period,
    // the sender SHOULD issue a cancellation notification for that request."
    each(&LEGACY_WAYS, impatient, &able(), |caller| {
        let call = call_tool(caller, NAME_TOOL);
        let question = check_asked(caller, call, &user_name());
        let before = caller.answer(call).before;
        assert_eq!(before.len(), 1, "{before:?}");
        assert_eq!(before[0]["method"], "notifications/cancelled");
        assert_eq!(before[0]["params"]["requestId"], question["id"]);
    });
}

#[test]
fn a_call_that_waits_for_an_answer_can_be_cancelled() {
    each(&LEGACY_WAYS, setup, &able(), |caller| {
        let call = call_tool(caller, NAME_TOOL);
        let question = check_asked(caller, call, &user_name());
        caller.notify(
            "notifications/cancelled",
            json!({"requestId": call, "reason": "enough"}),
        );
        let mut seen = Vec::new();
        if caller.way == Way::Http {
            // Its stream ends.
            seen.extend(std::iter::from_fn(|| caller.next(call)));
        }
        // The question is taken back; on lines that comes when it comes.
        let taken_back = |message: &Value| {
            message["method"] == "notifications/cancelled"
                && message["params"]["requestId"] == question["id"]
        };
        until("the question is taken back", || {
            let ping = caller.request("ping", json!({}));
            assert_eq!(ping.message["result"], json!({}));
            seen.extend(ping.before);
            seen.iter().any(taken_back).then_some(())
        });
        let answered = seen.iter().any(|message| message["id"] == call);
        assert!(!answered, "a cancelled call has no answer: {seen:?}");
        caller.reply(&question, &json!({"result": user_name().answer}));
        check_well(caller);
    });
}

#[test]
fn two_calls_that_ask_at_once_get_their_own_answers() {
    each(&LEGACY_WAYS, setup, &able(), |caller| {
        let names = ["Ada", "Grace"];
        let calls = names.map(|name| {
            let params = json!({"name": "test_elicitation", "arguments": {"message": name}});
            caller.begin("tools/call", params)
        });
        let mut asked = calls.map(|call| caller.next(call).expect("a question"));
        let message = |asked: &Value| asked["params"]["message"].as_str().map(str::to_owned);
        if caller.way != Way::Http {
            // Lines have one stream for both.
            asked.sort_by_key(message);
        }
        assert_eq!(
            asked.each_ref().map(message),
            names.map(|name| Some(name.to_owned()))
        );
        assert_ne!(asked[0]["id"], asked[1]["id"]);
        for place in [1, 0] {
            let question = person(names[place], names[place]);
            caller.reply(&asked[place], &json!({"result": question.answer}));
            let text = format!(
                r#"User response: action=accept, content={{"username":"{}","email":"@"}}"#,
                names[place]
            );
            check_result(caller, calls[place], &text_result(&text));
        }
    });
}

#[test]
fn a_stranger_cannot_answer() {
    each(&LEGACY_WAYS[..2], setup, &able(), |caller| {
        let call = call_tool(caller, NAME_TOOL);
        let question = check_asked(caller, call, &user_name());
        let mut stranger = Caller::open(caller.host(), caller.way, Era::Legacy, &able());
        let forged = json!({"action": "accept", "content": {"name": "Mallory"}});
        stranger.reply(&question, &json!({"result": forged}));
        assert_eq!(stranger.result("ping", json!({})), Ok(json!({})));
        caller.reply(&question, &json!({"result": user_name().answer}));
        check_result(caller, call, &text_result("Hello, Ada!"));
    });
}

#[test]
fn an_answer_to_no_question_is_ignored() {
    each(&LEGACY_WAYS, setup, &able(), |caller| {
        for id in [json!(0), json!(7), json!("x")] {
            let outcome = json!({"result": user_name().answer});
            caller.reply(&json!({"id": id}), &outcome);
        }
        // So a client says that it couldn't read something.
        let unread = json!({"error": {"code": -32700, "message": "not JSON"}});
        caller.reply(&json!({"id": null}), &unread);
        check_well(caller);
        let call = call_tool(caller, NAME_TOOL);
        let question = check_asked(caller, call, &user_name());
        // The id is the very one that was sent, not its like.
        let like = json!(question["id"].to_string());
        let forged = json!({"action": "accept", "content": {"name": "Mallory"}});
        caller.reply(&json!({"id": like}), &json!({"result": forged}));
        caller.reply(&question, &json!({"result": user_name().answer}));
        caller.reply(&question, &json!({"result": forged}));
        check_result(caller, call, &text_result("Hello, Ada!"));
    });
}

#[test]
fn the_end_of_a_clients_input_ends_what_waits_for_its_answer() {
    // It can't answer any more, whatever time it has left.
    let patient = || -> Setup { setup().config("[session]\nask_timeout_ms = 3600000") };
    for (way, era) in &LEGACY_WAYS[1..] {
        eprintln!("over {way:?}:");
        let mut caller = match way {
            Way::Stdio => Caller::over_stdio(patient(), *era, &able()),
            _ => Caller::open(&Rc::new(patient().tcp().start()), *way, *era, &able()),
        };
        let call = call_tool(&mut caller, NAME_TOOL);
        check_asked(&mut caller, call, &user_name());
        // At most its error is left to be said.
        for message in caller.finish() {
            assert_eq!(
                (&message["id"], message.get("result")),
                (&json!(call), None)
            );
        }
    }
}
