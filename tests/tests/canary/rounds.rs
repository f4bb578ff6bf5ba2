//! Calls of several rounds while two versions of a plugin serve: each goes on with the
//! version that it began with.

use fusebox_tests::{Client, Host, QUICK, Setup, changed, modern_meta, until};
use serde_json::{Value, json};

use crate::HOUR;

/// Asks for a confirmation, and looks for the state that it left.
const TOOL: &str = "test_input_required_result_request_state";

/// Puts a changed `everything` beside the built one, for half of the calls.
fn tried(changes: &[(&[u8], &[u8])]) -> Host {
    let config = format!("{QUICK}[canary]\nenabled = true\n{HOUR}steps = [50, 100]");
    let host = Setup::new().plugin("everything").config(&config).start();
    host.put("everything", &changed("everything", changes));
    host.health_when("it is tried", |health| {
        health["plugins"]["everything"]["canary"].is_object()
    });
    host
}

/// A call of a client that can be shown a form, with what it brings back.
fn call(client: &mut Client, name: &str, more: &Value) -> Result<Value, Value> {
    let mut meta = modern_meta();
    meta["io.modelcontextprotocol/clientCapabilities"] = json!({"elicitation": {"form": {}}});
    let mut params = json!({"name": name, "arguments": {}, "_meta": meta});
    for (key, value) in more.as_object().expect("an object") {
        params[key] = value.clone();
    }
    client.request("tools/call", params).outcome()
}

/// Whether it was the new version that asked.
fn is_new(asked: &Value) -> bool {
    asked["inputRequests"]["confirm"]["params"]["message"] == "Kindly confirm"
}

/// What a version asked for comes back to the same version, in every round.
#[test]
fn a_call_of_several_rounds_stays_with_its_version() {
    let host = tried(&[
        (b"Please confirm", b"Kindly confirm"),
        (b"Confirmed: state-ok", b"Confirmed: state-OK"),
    ]);
    let mut client = Client::modern(&host);
    // Half of the first rounds are the new version's; the second rounds come in
    // another order, so that turns alone would send them elsewhere.
    let asked: Vec<Value> = (0..8)
        .map(|_| call(&mut client, TOOL, &json!({})).expect("a question"))
        .collect();
    assert_eq!(asked.iter().filter(|one| is_new(one)).count(), 4);
    for one in asked.iter().rev() {
        let answer = json!({"action": "accept", "content": {"ok": true}});
        let state = &one["requestState"];
        let more = json!({"inputResponses": {"confirm": answer}, "requestState": state});
        let result = call(&mut client, TOOL, &more).expect("an answer");
        let expected = match is_new(one) {
            true => "Confirmed: state-OK",
            false => "Confirmed: state-ok",
        };
        assert_eq!(result["content"][0]["text"], expected, "{result}");
    }
}

/// What a version that was rolled back asked for is not for the one before it.
#[test]
fn a_round_of_a_version_that_was_rolled_back_begins_again() {
    const FAULTY: &str = "test_input_required_result_elicitation";
    let host = tried(&[
        (b"Please confirm", b"Kindly confirm"),
        (b"Hello, ", &[0xff; 7]),
    ]);
    let mut client = Client::modern(&host);
    let state = until("the new version asks", || {
        let asked = call(&mut client, TOOL, &json!({})).expect("a question");
        is_new(&asked).then(|| asked["requestState"].clone())
    });
    let named = json!({"user_name": {"action": "accept", "content": {"name": "Ada"}}});
    until("it is rolled back", || {
        let asked = call(&mut client, FAULTY, &json!({})).expect("a question");
        // It has no state of its own, and comes back to the version that asked still: a
        // fault, if that is the new one.
        let more = json!({"inputResponses": named, "requestState": asked["requestState"]});
        let _ = call(&mut client, FAULTY, &more);
        host.plugin_health("everything")["canary"]
            .is_null()
            .then_some(())
    });
    let answer = json!({"confirm": {"action": "accept", "content": {"ok": true}}});
    let more = json!({"inputResponses": answer, "requestState": state});
    let error = call(&mut client, TOOL, &more).expect_err("the version that asked has gone");
    assert_eq!(error["code"], -32602, "{error}");
    let words = error["message"].as_str().expect("words");
    assert!(words.contains("was rolled back; begin again"), "{words}");
}
