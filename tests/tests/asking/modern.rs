//! Modern clients are sent for answers and bring them back, with a state that
//! nobody can change.

use std::time::{Duration, Instant};

use fusebox_tests::{Caller, MODERN_WAYS, Way, each, server_meta, until};
use serde_json::{Value, json};

use crate::cases::{Question, able, cases, confirm, error, impatient, setup, text_result};

/// What sends a modern client for answers to these, but for the state.
fn required(questions: &[Question]) -> Value {
    let mut requests = json!({});
    for question in questions {
        requests[question.key] = json!({"method": question.method});
        if question.params.is_object() {
            requests[question.key]["params"] = question.params.clone();
        }
    }
    json!({"resultType": "input_required", "inputRequests": requests, "_meta": server_meta()})
}

/// Makes a request that must be answered by these questions, and gives the
/// state that comes with them.
fn asked(
    caller: &mut Caller,
    method: &str,
    params: &Value,
    questions: &[Question],
) -> Option<String> {
    let result = caller.result(method, params.clone());
    let mut result = result.unwrap_or_else(|error| panic!("{params}: {error}"));
    let members = result.as_object_mut().expect("an object");
    let state = members.remove("requestState").map(|state| match state {
        Value::String(state) => state,
        other => panic!("a state is text: {other}"),
    });
    assert_eq!(result, required(questions), "{params}");
    state
}

fn answers(questions: &[Question]) -> Value {
    let answers = questions.iter();
    answers
        .map(|one| (one.key.to_owned(), one.answer.clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// `params` with what a client brings back.
fn retry(params: &Value, responses: Value, state: Option<&str>) -> Value {
    let mut params = params.clone();
    params["inputResponses"] = responses;
    if let Some(state) = state {
        params["requestState"] = json!(state);
    }
    params
}

#[test]
fn a_modern_client_is_sent_for_answers_and_brings_them_back() {
    each(&MODERN_WAYS, setup, &able(), |caller| {
        for case in cases() {
            let mut params = case.params.clone();
            for (questions, has_state) in &case.rounds {
                let state = asked(caller, case.method, &params, questions);
                assert_eq!(state.is_some(), *has_state, "{params}");
                params = retry(&case.params, answers(questions), state.as_deref());
            }
            let expected = match case.method {
                "resources/read" => caller.kept(case.result, 0, "private"),
                _ => caller.complete(case.result),
            };
            assert_eq!(caller.result(case.method, params), Ok(expected));
        }
    });
}

#[test]
fn a_modern_client_that_answers_something_else_is_asked_again() {
    each(&MODERN_WAYS, setup, &able(), |caller| {
        for case in cases() {
            let questions = &case.rounds[0].0;
            let state = asked(caller, case.method, &case.params, questions);
            let mut wrong_kind = answers(questions);
            for (_, answer) in wrong_kind.as_object_mut().expect("an object") {
                *answer = json!({"nobody": "knows"});
            }
            for wrong in [
                json!({}),
                json!({"nobody": {"action": "accept"}}),
                wrong_kind,
            ] {
                let params = retry(&case.params, wrong, state.as_deref());
                let again = asked(caller, case.method, &params, questions);
                assert_eq!(again.is_some(), state.is_some());
            }
        }
    });
}

#[test]
fn a_modern_client_is_asked_for_what_it_left_out() {
    each(&MODERN_WAYS, setup, &able(), |caller| {
        let case = cases().swap_remove(4);
        let questions = &case.rounds[0].0;
        let state = asked(caller, case.method, &case.params, questions);
        let some = retry(&case.params, answers(&questions[1..]), state.as_deref());
        let state = asked(caller, case.method, &some, &questions[..1]);
        let rest = retry(&case.params, answers(&questions[..1]), state.as_deref());
        let expected = caller.complete(case.result);
        assert_eq!(caller.result(case.method, rest), Ok(expected));
    });
}

#[test]
fn answers_that_nobody_asked_for_are_ignored() {
    each(&MODERN_WAYS, setup, &able(), |caller| {
        let case = cases().swap_remove(0);
        let mut responses = answers(&case.rounds[0].0);
        responses["extra"] = json!({"action": "decline"});
        responses["another"] = json!(7);
        let expected = caller.complete(case.result);
        let params = retry(&case.params, responses, None);
        assert_eq!(caller.result(case.method, params), Ok(expected));
    });
}

/// The text with another character at `place`.
fn changed(text: &str, place: usize) -> String {
    let other = if &text[place..=place] == "A" {
        "B"
    } else {
        "A"
    };
    format!("{}{other}{}", &text[..place], &text[place + 1..])
}

#[test]
fn a_state_that_was_tampered_with_is_refused_and_the_tool_is_not_run() {
    const TOOL: &str = "test_input_required_result_request_state";
    const OTHER: &str = "test_input_required_result_tampered_state";
    each(&MODERN_WAYS, setup, &able(), |caller| {
        let call = |name: &str, arguments: Value| json!({"name": name, "arguments": arguments});
        let plain = call(TOOL, json!({}));
        let mut state_of =
            |params: &Value| asked(caller, "tools/call", params, &[confirm()]).expect("a state");
        let state = state_of(&plain);
        let length = state.len();
        let mut bad = vec![
            state_of(&call(OTHER, json!({}))),
            String::new(),
            "x".to_owned(),
            format!("{state}A"),
            format!("{state}="),
            state[1..].to_owned(),
        ];
        bad.extend([1, length / 2, length - 1].map(|length| state[..length].to_owned()));
        let places = [0, 20, 32, 40, length / 2, length - 2, length - 1];
        bad.extend(places.map(|place| changed(&state, place)));

        let runs = |caller: &Caller| match caller.way {
            Way::Stdio => Value::Null,
            _ => caller.host().plugin_health("everything")["calls"].clone(),
        };
        let before = runs(caller);
        let foreign = "`requestState` was not given out by this server for this request";
        for bad in bad {
            let params = retry(&plain, answers(&[confirm()]), Some(&bad));
            let result = caller.result("tools/call", params);
            assert_eq!(result, Err(error(-32602, foreign)), "{bad:?}");
        }
        let other_arguments = retry(&call(TOOL, json!({"other": 1})), json!({}), Some(&state));
        let result = caller.result("tools/call", other_arguments);
        assert_eq!(result, Err(error(-32602, foreign)));
        assert_eq!(runs(caller), before, "the tool is not run");

        // The right one is good still; arguments that are left out are empty ones.
        let params = retry(&json!({"name": TOOL}), answers(&[confirm()]), Some(&state));
        let expected = caller.complete(text_result("Confirmed: state-ok"));
        assert_eq!(caller.result("tools/call", params), Ok(expected));
    });
}

#[test]
fn what_a_client_brings_back_has_a_form() {
    each(&MODERN_WAYS, setup, &able(), |caller| {
        let name = "test_input_required_result_request_state";
        for (member, value, message) in [
            (
                "requestState",
                json!(7),
                "`requestState` must be a string, not a number",
            ),
            (
                "inputResponses",
                json!([]),
                "`inputResponses` must be an object, not an array",
            ),
        ] {
            let params = json!({"name": name, member: value});
            let result = caller.result("tools/call", params);
            assert_eq!(result, Err(error(-32602, message)));
        }
    });
}

#[test]
fn a_state_is_good_for_as_long_as_an_answer_may_take_and_not_longer() {
    each(&MODERN_WAYS[1..2], impatient, &able(), |caller| {
        for _ in 0..3 {
            let case = cases().swap_remove(3);
            let questions = &case.rounds[0].0;
            let begin = Instant::now();
            let state = asked(caller, case.method, &case.params, questions);
            let params = retry(&case.params, answers(questions), state.as_deref());
            let expired = until("the state has expired", || {
                caller.result(case.method, params.clone()).err()
            });
            let message = "`requestState` has expired; begin again";
            assert_eq!(expired, error(-32602, message));
            let lived = begin.elapsed();
            assert!(lived >= Duration::from_millis(1000), "only {lived:?}");
        }
    });
}
