//! Proves what clients of both eras are shown of prompts, and what is proposed
//! to them while they type an argument.

use fusebox_tests::{EVERYWHERE, Setup, each, plugin};
use serde_json::{Value, json};

const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC";

const TEMPLATE: &str = "test://template/{id}/data";

fn setup() -> Setup {
    Setup::new().plugin("everything").plugin("hello")
}

/// Requests `method` everywhere, and compares the whole result.
fn check(method: &str, params: &Value, fields: &Value) {
    each(&EVERYWHERE, setup, &json!({}), |caller| {
        let expected = caller.complete(fields.clone());
        assert_eq!(
            caller.result(method, params.clone()),
            Ok(expected),
            "{params}"
        );
    });
}

/// Requests `method` everywhere with each of `cases`, and compares the whole
/// errors, which are those of invalid params.
fn check_errors(method: &str, cases: &[(Value, &str)]) {
    each(&EVERYWHERE, setup, &json!({}), |caller| {
        for (params, message) in cases {
            let answer = caller.request(method, params.clone());
            let error = json!({"code": -32602, "message": message});
            assert_eq!(answer.message["error"], error, "{}", answer.message);
            assert_eq!(answer.status, 200, "{params}");
        }
    });
}

fn argument(name: &str, description: &str) -> Value {
    json!({"name": name, "description": description, "required": true})
}

#[test]
fn the_prompts_are_listed() {
    let listed = json!({"prompts": [
        {
            "name": "test_simple_prompt",
            "description": "A simple test prompt with no arguments",
        },
        {
            "name": "test_prompt_with_arguments",
            "description": "A test prompt that accepts arguments",
            "arguments": [
                argument("arg1", "First test argument"),
                argument("arg2", "Second test argument"),
            ],
        },
        {
            "name": "test_prompt_with_embedded_resource",
            "description": "A test prompt that includes an embedded resource",
            "arguments": [argument("resourceUri", "URI of the resource to embed")],
        },
        {
            "name": "test_prompt_with_image",
            "description": "A test prompt that includes an image",
        },
        {
            "name": "test_input_required_result_prompt",
            "description": "A prompt that requires elicitation input via InputRequiredResult (SEP-2322)",
        },
    ]});
    each(&EVERYWHERE, setup, &json!({}), |caller| {
        let expected = caller.kept(listed.clone(), 5000, "public");
        assert_eq!(caller.result("prompts/list", json!({})), Ok(expected));
    });
}

fn user(content: &Value) -> Value {
    json!({"role": "user", "content": content})
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

#[test]
fn a_prompt_without_arguments_is_filled_in() {
    let fields = json!({
        "description": "A simple test prompt with no arguments",
        "messages": [user(&text("This is a simple prompt for testing."))],
    });
    for params in [
        json!({"name": "test_simple_prompt"}),
        json!({"name": "test_simple_prompt", "arguments": {}}),
        json!({"name": "test_simple_prompt", "arguments": null}),
    ] {
        check("prompts/get", &params, &fields);
    }
}

#[test]
fn a_prompt_with_arguments_is_filled_in() {
    for (arg1, arg2) in [("hello", "world"), ("", "it's"), ("\u{1f600}", "a\n\"b\"")] {
        let message = format!("Prompt with arguments: arg1='{arg1}', arg2='{arg2}'");
        let fields = json!({
            "description": "A test prompt that accepts arguments",
            "messages": [user(&text(&message))],
        });
        let arguments = json!({"arg1": arg1, "arg2": arg2});
        let params = json!({"name": "test_prompt_with_arguments", "arguments": arguments});
        check("prompts/get", &params, &fields);
    }
}

#[test]
fn a_prompt_embeds_a_resource() {
    let embedded = json!({"type": "resource", "resource": {
        "uri": "test://of-my-own",
        "mimeType": "text/plain",
        "text": "Embedded resource content for testing.",
    }});
    let fields = json!({
        "description": "A test prompt that includes an embedded resource",
        "messages": [
            user(&embedded),
            user(&text("Please process the embedded resource above.")),
        ],
    });
    let arguments = json!({"resourceUri": "test://of-my-own"});
    let params = json!({"name": "test_prompt_with_embedded_resource", "arguments": arguments});
    check("prompts/get", &params, &fields);
}

#[test]
fn a_prompt_shows_an_image() {
    let image = json!({"type": "image", "data": PIXEL, "mimeType": "image/png"});
    let fields = json!({
        "description": "A test prompt that includes an image",
        "messages": [user(&image), user(&text("Please analyze the image above."))],
    });
    let params = json!({"name": "test_prompt_with_image"});
    check("prompts/get", &params, &fields);
}

#[test]
fn a_prompt_that_cannot_be_filled_in_says_why() {
    let with =
        |arguments: Value| json!({"name": "test_prompt_with_arguments", "arguments": arguments});
    check_errors(
        "prompts/get",
        &[
            (
                json!({"name": "test_prompt_with_arguments"}),
                "prompt `test_prompt_with_arguments` needs the argument `arg1`",
            ),
            (
                with(json!({"arg2": "b"})),
                "prompt `test_prompt_with_arguments` needs the argument `arg1`",
            ),
            (
                with(json!({"arg1": "a"})),
                "prompt `test_prompt_with_arguments` needs the argument `arg2`",
            ),
            (
                with(json!({"arg1": "a", "arg2": 1})),
                "the value of argument \"arg2\" must be a string",
            ),
            (
                with(json!([])),
                "`arguments` must be an object, not an array",
            ),
            (json!({"name": "nobody"}), "unknown prompt `nobody`"),
            // A tool is no prompt.
            (json!({"name": "hello"}), "unknown prompt `hello`"),
            (json!({}), "`name` is missing"),
        ],
    );
}

fn of_prompt(name: &str) -> Value {
    json!({"type": "ref/prompt", "name": name})
}

fn of_template(uri: &str) -> Value {
    json!({"type": "ref/resource", "uri": uri})
}

fn params(reference: &Value, argument: &str, value: &str, known: Option<Value>) -> Value {
    let mut params = json!({"ref": reference, "argument": {"name": argument, "value": value}});
    if let Some(known) = known {
        params["context"] = json!({"arguments": known});
    }
    params
}

fn proposals(values: &[&str]) -> Value {
    let completion = json!({"values": values, "total": values.len(), "hasMore": false});
    json!({"completion": completion})
}

#[test]
fn arguments_are_completed() {
    let prompt = of_prompt("test_prompt_with_arguments");
    let template = of_template(TEMPLATE);
    let paris = || Some(json!({"arg1": "paris"}));
    let cases = [
        (
            params(&prompt, "arg1", "pa", None),
            &["paris", "park", "party"][..],
        ),
        (
            params(&prompt, "arg1", "par", None),
            &["paris", "park", "party"],
        ),
        (params(&prompt, "arg1", "park", None), &["park"]),
        (params(&prompt, "arg1", "PA", None), &[]),
        // What was chosen before counts.
        (params(&prompt, "arg2", "", None), &["bench", "river"]),
        (params(&prompt, "arg2", "", paris()), &["berlin", "rome"]),
        (params(&prompt, "arg2", "b", paris()), &["berlin"]),
        (
            params(&prompt, "arg2", "", Some(json!({"arg1": "park"}))),
            &["bench", "river"],
        ),
        (
            params(&prompt, "arg2", "", Some(json!({"other": "paris"}))),
            &["bench", "river"],
        ),
        (
            params(&prompt, "arg2", "", Some(json!({}))),
            &["bench", "river"],
        ),
        (params(&template, "id", "", None), &["1", "2", "3"]),
        (params(&template, "id", "2", None), &["2"]),
        // Nothing is proposed for these, which is no error.
        (params(&prompt, "nobody", "", None), &[]),
        (
            params(&of_prompt("test_simple_prompt"), "arg1", "pa", None),
            &[],
        ),
        (
            params(&of_template("test://static-text"), "id", "", None),
            &[],
        ),
    ];
    each(&EVERYWHERE, setup, &json!({}), |caller| {
        for (params, values) in &cases {
            let expected = caller.complete(proposals(values));
            let result = caller.result("completion/complete", params.clone());
            assert_eq!(result, Ok(expected), "{params}");
        }
    });
}

#[test]
fn what_cannot_be_completed_says_why() {
    let prompt = of_prompt("test_prompt_with_arguments");
    let no_argument = json!({"ref": prompt});
    let no_ref = json!({"argument": {"name": "arg1", "value": ""}});
    let number = json!({"ref": prompt, "argument": {"name": "arg1", "value": 1}});
    let kind = params(
        &json!({"type": "ref/tool", "name": "hello"}),
        "name",
        "",
        None,
    );
    check_errors(
        "completion/complete",
        &[
            (
                params(&of_prompt("nobody"), "arg1", "", None),
                "unknown prompt `nobody`",
            ),
            (
                params(&of_template("test://nobody/{id}"), "id", "", None),
                "unknown resource template `test://nobody/{id}`",
            ),
            (
                params(&prompt, "arg2", "", Some(json!({"arg1": 1}))),
                "the value of argument \"arg1\" must be a string",
            ),
            (no_argument, "`argument` is missing"),
            (no_ref, "`ref` is missing"),
            (number, "`argument.value` must be a string"),
            (
                kind,
                "`ref.type` must be \"ref/prompt\" or \"ref/resource\", not \"ref/tool\"",
            ),
        ],
    );
}

/// The fixture, but for its completions: their export is named otherwise.
fn without_completions() -> Vec<u8> {
    const NAME: &[u8] = b"fusebox:plugin/completions@";
    const OTHER: &[u8] = b"fusebox:plugin/forgotten-s@";
    assert_eq!(NAME.len(), OTHER.len());
    let mut bytes = plugin("everything");
    let places: Vec<usize> = (0..bytes.len())
        .filter(|&place| bytes[place..].starts_with(NAME))
        .collect();
    assert!(!places.is_empty(), "the fixture exports completions");
    for place in places {
        bytes[place..][..OTHER.len()].copy_from_slice(OTHER);
    }
    bytes
}

#[test]
fn a_plugin_without_completions_proposes_nothing() {
    let empty = || Setup::new().config("[reload]\npoll_interval_ms = 100\nsettle_ms = 20");
    each(&EVERYWHERE[..4], empty, &json!({}), |caller| {
        let host = caller.host().clone();
        host.put("forgetful", &without_completions());
        host.health_when("the plugin serves", |health| {
            health["plugins"]["forgetful"]["state"] == "serving"
        });
        for reference in [
            of_prompt("test_prompt_with_arguments"),
            of_template(TEMPLATE),
        ] {
            let expected = caller.complete(proposals(&[]));
            let params = params(&reference, "arg1", "pa", None);
            assert_eq!(caller.result("completion/complete", params), Ok(expected));
        }
        // An unknown prompt is one still.
        let error = json!({"code": -32602, "message": "unknown prompt `nobody`"});
        let params = params(&of_prompt("nobody"), "arg1", "", None);
        assert_eq!(caller.result("completion/complete", params), Err(error));
    });
}

#[test]
fn a_client_is_told_of_a_hundred_completions_and_that_there_are_more() {
    let request = params(
        &of_prompt("test_prompt_with_arguments"),
        "arg1",
        "many",
        None,
    );
    each(&EVERYWHERE, setup, &json!({}), |caller| {
        let result = caller.result("completion/complete", request.clone());
        let values: Vec<_> = (0..100).map(|number| format!("many-{number}")).collect();
        let completion = json!({"values": values, "total": 150, "hasMore": true});
        assert_eq!(
            result,
            Ok(caller.complete(json!({"completion": completion})))
        );
    });
}
