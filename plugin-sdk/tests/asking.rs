//! From a question to its answer: what a round asks for, what the next one
//! finds, and what stays of both in the rounds that follow.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

mod common;

use common::{answered, context, questions, text};
use fusebox_sdk::__private::{
    CallContext, ClientCapabilities, Failure, InputRequired, Prompt as _, PromptOutcome,
    Resource as _, ResourceOutcome, Tool, ToolOutcome, call_tool, get_prompt, read_resource,
};
use fusebox_sdk::prelude::*;
use fusebox_sdk::serde_json::{self, Value, json};

#[derive(Deserialize, JsonSchema, Debug)]
struct Name {
    name: String,
}

/// For a test.
#[tool]
fn one(context: &Context) -> Result<String, HandlerError> {
    let name: Name = context.elicit("who", "Who?")?;
    Ok(format!("Hello, {}!", name.name))
}

/// For a test.
#[tool]
fn optional(context: Context) -> Result<String, HandlerError> {
    let name = context.ask("who", Form::<Name>::new("Who?"))?;
    Ok(format!("{} {:?}", name.action(), name.ok()))
}

/// For a test.
#[tool]
fn three(context: &Context) -> Result<String, HandlerError> {
    let mut count = context.state::<u32>()?.unwrap_or_default();
    count += 1;
    context.set_state(&count)?;
    let first: Name = context.elicit("first", "First?")?;
    let second: Name = context.elicit("second", "Second?")?;
    let (third, fourth) = context.ask_all((
        ("third", Form::<Name>::new("Third?")),
        ("fourth", Form::<Name>::new("Fourth?")),
    ))?;
    let [third, fourth] = [third.accepted()?, fourth.accepted()?];
    let names = [first, second, third, fourth].map(|name| name.name);
    Ok(format!("{} in run {count}", names.join(" ")))
}

/// For a test.
#[tool]
fn all_kinds(context: &Context) -> Result<String, HandlerError> {
    context.elicit_url("visit", "Sign in", "https://example.com/?a=\"b\"")?;
    let sampling = Sampling::new("Hi", 7)
        .assistant("Hello")
        .user("Bye")
        .system("Be brief")
        .param("temperature", json!(0.5));
    let (said, roots) = context.ask_all((("said", sampling), ("roots", ListRoots)))?;
    let roots: Vec<_> = roots.iter().map(|root| root.uri.as_str()).collect();
    Ok(format!(
        "{} {:?} {}",
        said.text(),
        said.stop_reason,
        roots.join(",")
    ))
}

/// For a test.
#[tool]
fn only_if(context: &Context, names: Vec<String>) -> Result<String, HandlerError> {
    let asked = names.into_iter().map(|name| (name, Form::<Name>::new("?")));
    let list = context.ask_all(asked.collect::<Vec<_>>())?;
    let none: Option<(&str, ListRoots)> = None;
    let (none,) = context.ask_all((none,))?;
    Ok(format!("{} {:?}", list.len(), none))
}

/// For a test.
#[tool]
fn without(context: &Context) -> Result<String, HandlerError> {
    match context.sample("said", "Hi", 1) {
        Err(error) if error.missing_capability() == Some(Capability::Sample) => {
            Ok(error.message().to_owned())
        }
        other => other,
    }
}

#[resource(uri = "ask:1")]
fn asking_resource(context: &Context) -> Result<String, HandlerError> {
    Ok(context.elicit::<Name>("who", "Who?")?.name)
}

#[prompt]
fn asking_prompt(context: &Context) -> Result<String, HandlerError> {
    Ok(context.elicit::<Name>("who", "Who?")?.name)
}

fn run<T: Tool>(arguments: &str, context: CallContext) -> Result<ToolOutcome, Failure> {
    call_tool(&[T::DEFINITION], T::DEFINITION.name, arguments, context)
}

fn asks<T: Tool>(arguments: &str, context: CallContext) -> InputRequired {
    match run::<T>(arguments, context).unwrap() {
        ToolOutcome::InputRequired(asked) => asked,
        ToolOutcome::Complete(result) => panic!("it was to ask: {result:?}"),
    }
}

/// The text of the result, and whether it is an error.
fn says<T: Tool>(arguments: &str, context: CallContext) -> (String, bool) {
    match run::<T>(arguments, context).unwrap() {
        ToolOutcome::Complete(result) => (text(&result).to_owned(), result.is_error),
        ToolOutcome::InputRequired(asked) => panic!("it was to end: {asked:?}"),
    }
}

fn able() -> CallContext {
    CallContext {
        client: ClientCapabilities::all(),
        ..context()
    }
}

fn accept(name: &str) -> Value {
    json!({"action": "accept", "content": {"name": name}})
}

#[test]
fn a_question_is_asked_and_answered() {
    let asked = asks::<one>("{}", able());
    let schema =
        json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]});
    let form = json!({"message": "Who?", "requestedSchema": schema});
    assert_eq!(questions(&asked.requests), [("who".to_owned(), form)]);
    assert_eq!(asked.state, None);
    let answers = json!({"who": accept("Ada"), "other": 1});
    let expected = ("Hello, Ada!".to_owned(), false);
    assert_eq!(says::<one>("{}", answered(&asked, &answers)), expected);
}

#[test]
fn what_is_no_answer_is_asked_again() {
    let asked = asks::<one>("{}", able());
    for answers in [
        json!({}),
        json!({"other": accept("Ada")}),
        json!({"who": 12345}),
        json!({"who": null}),
        json!({"who": {}}),
        json!({"who": {"action": "maybe"}}),
        json!([]),
        json!(null),
    ] {
        let again = asks::<one>("{}", answered(&asked, &answers));
        assert_eq!(
            questions(&again.requests),
            questions(&asked.requests),
            "{answers}"
        );
    }
}

#[test]
fn an_answer_to_something_else_is_invalid() {
    let asked = asks::<one>("{}", able());
    for (content, expected) in [
        (
            json!({"nam": "x"}),
            "`who`: the answer doesn't fit: missing field `name`",
        ),
        (
            json!({"name": 1}),
            "`who`: the answer doesn't fit: invalid type: integer `1`, expected a string",
        ),
    ] {
        let answers = json!({"who": {"action": "accept", "content": content}});
        match run::<one>("{}", answered(&asked, &answers)) {
            Err(Failure::InvalidParams(message)) => {
                assert!(message.starts_with(expected), "{message}");
            }
            other => panic!("not refused: {other:?}"),
        }
    }
}

#[test]
fn a_no_is_an_answer() {
    let check = |answer: Value, short: (&str, bool), long: &str| {
        let answers = json!({"who": answer});
        let asked = asks::<one>("{}", able());
        let found = says::<one>("{}", answered(&asked, &answers));
        assert_eq!((found.0.as_str(), found.1), short);
        assert_eq!(says::<optional>("{}", answered(&asked, &answers)).0, long);
    };
    check(
        accept("Ada"),
        ("Hello, Ada!", false),
        "accept Some(Name { name: \"Ada\" })",
    );
    let declined = ("the user declined to answer", true);
    check(json!({"action": "decline"}), declined, "decline None");
    let dismissed = ("the user dismissed the question", true);
    check(
        json!({"action": "cancel", "content": null}),
        dismissed,
        "cancel None",
    );
}

#[test]
fn answers_and_state_last_through_the_rounds() {
    let keys = |asked: &InputRequired| -> Vec<String> {
        asked.requests.iter().map(|(key, _)| key.clone()).collect()
    };
    let state = |asked: &InputRequired| -> Value {
        serde_json::from_slice(asked.state.as_deref().unwrap()).unwrap()
    };
    let asked = asks::<three>("{}", able());
    assert_eq!(keys(&asked), ["first"]);
    assert_eq!(state(&asked), json!({"answers": {}, "state": 1}));
    let asked = asks::<three>("{}", answered(&asked, &json!({"first": accept("a")})));
    assert_eq!(keys(&asked), ["second"]);
    assert_eq!(
        state(&asked),
        json!({"answers": {"first": accept("a")}, "state": 2})
    );
    // An answer that was given can't be taken back; one that wasn't asked for
    // isn't kept.
    let answers = json!({"first": accept("x"), "second": accept("b"), "other": 1});
    let asked = asks::<three>("{}", answered(&asked, &answers));
    assert_eq!(keys(&asked), ["third", "fourth"]);
    let kept = json!({"first": accept("a"), "second": accept("b")});
    assert_eq!(state(&asked), json!({"answers": kept, "state": 3}));
    let asked = asks::<three>("{}", answered(&asked, &json!({"fourth": accept("d")})));
    assert_eq!(keys(&asked), ["third"]);
    let end = says::<three>("{}", answered(&asked, &json!({"third": accept("c")})));
    assert_eq!(end, ("a b c d in run 5".to_owned(), false));
}

#[test]
fn a_state_of_another_shape_is_an_error() {
    let check = |state: &str, expected: &str| {
        let context = CallContext {
            request_state: Some(state.into()),
            ..able()
        };
        let (found, is_error) = says::<three>("{}", context);
        assert!(is_error && found.starts_with(expected), "{found}");
    };
    check(
        "{\"answers\":{},\"state\":\"x\"}",
        "failed to read the state of an earlier round: invalid type",
    );
    check(
        "\u{1}",
        "failed to read the state of an earlier round: expected value",
    );
}

#[test]
fn every_kind_of_question() {
    let asked = asks::<all_kinds>("{}", able());
    let visit = json!({"mode": "url", "message": "Sign in", "url": "https://example.com/?a=\"b\""});
    assert_eq!(questions(&asked.requests), [("visit".to_owned(), visit)]);
    let asked = asks::<all_kinds>(
        "{}",
        answered(&asked, &json!({"visit": {"action": "accept"}})),
    );
    let message =
        |role: &str, text: &str| json!({"role": role, "content": {"type": "text", "text": text}});
    let sampling = json!({
        "messages": [message("user", "Hi"), message("assistant", "Hello"), message("user", "Bye")],
        "maxTokens": 7, "systemPrompt": "Be brief", "temperature": 0.5,
    });
    let expected = [
        ("said".to_owned(), sampling),
        ("roots".to_owned(), json!("roots")),
    ];
    assert_eq!(questions(&asked.requests), expected);
    let piece = |text: &str| json!({"type": "text", "text": text});
    let roots = json!({"roots": [{"uri": "file:///a", "name": "A"}, {"uri": "file:///b"}]});
    let check = |content: Value, expected: &str| {
        let said =
            json!({"role": "assistant", "model": "m", "stopReason": "endTurn", "content": content});
        let answers = json!({"said": said, "roots": roots});
        assert_eq!(
            says::<all_kinds>("{}", answered(&asked, &answers)).0,
            expected
        );
    };
    check(
        piece("Tschüss"),
        "Tschüss Some(\"endTurn\") file:///a,file:///b",
    );
    check(
        json!([piece("a"), {"type": "image"}, piece("b")]),
        "ab Some(\"endTurn\") file:///a,file:///b",
    );
}

#[test]
fn only_what_is_wanted_is_asked() {
    assert_eq!(says::<only_if>(r#"{"names":[]}"#, able()).0, "0 None");
    let asked = asks::<only_if>(r#"{"names":["a","b"]}"#, able());
    assert_eq!(asked.requests.len(), 2);
    let answers = json!({"a": accept("x"), "b": accept("y")});
    let end = says::<only_if>(r#"{"names":["a","b"]}"#, answered(&asked, &answers));
    assert_eq!(end.0, "2 None");
    let (twice, is_error) = says::<only_if>(r#"{"names":["a","a"]}"#, able());
    assert_eq!(
        (twice.as_str(), is_error),
        ("two questions of one round have the key `a`", true)
    );
}

#[test]
fn a_missing_capability_is_known_and_left_to_the_host() {
    let words = "the client can't ask its model, and so can't be asked for `said`";
    assert_eq!(says::<without>("{}", context()), (words.to_owned(), false));
    // Who doesn't look leaves with the question: the host refuses it by name.
    let asked = asks::<one>("{}", context());
    assert_eq!(questions(&asked.requests)[0].0, "who");
    let error = one(&Context::for_test()).unwrap_err();
    assert_eq!(error.missing_capability(), Some(Capability::Form));
    let context = Context::for_test().with_client(&[Capability::Form]);
    let error = one(&context).unwrap_err();
    assert_eq!(error.missing_capability(), None);
    assert_eq!(error.message(), "the user has to be asked first");
}

#[test]
fn resources_and_prompts_ask_too() {
    let resources = [asking_resource::DEFINITION];
    let ResourceOutcome::InputRequired(asked) = read_resource(&resources, "ask:1", able()).unwrap()
    else {
        panic!("it was to ask")
    };
    let next = answered(&asked, &json!({"who": accept("Ada")}));
    match read_resource(&resources, "ask:1", next).unwrap() {
        ResourceOutcome::Complete((contents, None)) => assert_eq!(contents.len(), 1),
        other => panic!("it was to end: {other:?}"),
    }
    let prompts = [asking_prompt::DEFINITION];
    let get = |context| get_prompt(&prompts, "asking_prompt", &[], context).unwrap();
    let PromptOutcome::InputRequired(asked) = get(able()) else {
        panic!("it was to ask")
    };
    match get(answered(&asked, &json!({"who": accept("Ada")}))) {
        PromptOutcome::Complete(result) => assert_eq!(result.messages.len(), 1),
        other => panic!("it was to end: {other:?}"),
    }
}

#[test]
fn a_handler_that_asks_is_tested_as_a_function() {
    let context = Context::for_test().with_answers(&json!({"who": accept("Ada")}));
    assert_eq!(one(&context).unwrap(), "Hello, Ada!");
    assert_eq!(
        optional(context.clone()).unwrap(),
        "accept Some(Name { name: \"Ada\" })"
    );
    assert_eq!(context.with_caller("c").caller(), Some("c"));
}
