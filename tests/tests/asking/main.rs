//! Proves that a handler can ask the user in both eras: by sending a modern
//! client for answers, and by asking a legacy one on the stream of its call.

mod cases;
mod legacy;
mod modern;

use fusebox_tests::{EVERYWHERE, Era, Way, each};
use serde_json::{Value, json};

use crate::cases::{error, setup, text_result};

/// Makes a request everywhere as a client that declares `client`, and that must
/// not be asked, since it lacks `lacking`.
fn check_lacking(client: &Value, (method, params): &(&str, Value), lacking: &Value) {
    each(&EVERYWHERE, setup, client, |caller| {
        let answer = caller.request(method, params.clone());
        let mut expected = error(
            -32021,
            "this has to ask for something that the client can't do",
        );
        expected["data"] = json!({"requiredCapabilities": lacking});
        assert_eq!(answer.message["error"], expected, "{params} {client}");
        assert_eq!(answer.before, Vec::<Value>::new(), "{params} {client}");
        let status = match (caller.way, caller.era) {
            (Way::Http, Era::Modern) => 400,
            // A legacy client takes any other one for a broken transport.
            _ => 200,
        };
        assert_eq!(answer.status, status, "{params} {client}");
    });
}

fn tool(name: &str) -> (&'static str, Value) {
    ("tools/call", json!({"name": format!("test_{name}")}))
}

#[test]
fn a_client_is_not_asked_for_what_it_cannot_do() {
    let form = json!({"elicitation": {"form": {}}});
    let url = json!({"elicitation": {"url": {}}});
    let prompt = (
        "prompts/get",
        json!({"name": "test_input_required_result_prompt"}),
    );
    let resource = ("resources/read", json!({"uri": "test://input-required"}));
    let name = tool("input_required_result_elicitation");
    check_lacking(&json!({}), &name, &form);
    check_lacking(&url, &name, &form);
    check_lacking(&form, &tool("elicitation_url"), &url);
    // Without a mode, it is a form that the client can show.
    check_lacking(&json!({"elicitation": {}}), &tool("elicitation_url"), &url);
    let sampling = json!({"sampling": {}});
    check_lacking(&form, &tool("input_required_result_sampling"), &sampling);
    check_lacking(&json!({}), &tool("missing_capability"), &sampling);
    let roots = tool("input_required_result_list_roots");
    check_lacking(&form, &roots, &json!({"roots": {}}));
    check_lacking(&json!({}), &prompt, &form);
    check_lacking(&json!({}), &resource, &form);
}

#[test]
fn a_client_is_told_of_all_that_it_lacks() {
    // So that it needn't find out one by one.
    let several = tool("input_required_result_multiple_inputs");
    let all = json!({"elicitation": {"form": {}}, "sampling": {}, "roots": {}});
    check_lacking(&json!({}), &several, &all);
    let form = json!({"elicitation": {"form": {}}});
    let others = json!({"sampling": {}, "roots": {}});
    check_lacking(&form, &several, &others);
}

#[test]
fn a_handler_knows_what_its_client_can_do() {
    for (client, name, text) in [
        (
            json!({}),
            "input_required_result_capabilities",
            "Client declared no MRTR-capable capabilities",
        ),
        (
            json!({"sampling": {}}),
            "missing_capability",
            "Required capability declared",
        ),
        (
            json!({"sampling": {"tools": {}}}),
            "missing_capability",
            "Required capability declared",
        ),
    ] {
        each(&EVERYWHERE, setup, &client, |caller| {
            let (method, params) = tool(name);
            let expected = caller.complete(text_result(text));
            assert_eq!(caller.result(method, params), Ok(expected));
        });
    }
}
