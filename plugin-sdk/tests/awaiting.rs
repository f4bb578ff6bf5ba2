//! Async handlers of each kind: as functions, which a test runs with `block_on`, and
//! as the host calls them.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

mod common;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use common::{call, context, invalid, text};
use fusebox_sdk::__private::{
    Completer, CompletionReference, Failure, Prompt, PromptOutcome, Resource, ResourceOutcome,
    Tool, complete, get_prompt, read_resource,
};
use fusebox_sdk::http::{HttpError, Response};
use fusebox_sdk::prelude::*;
use fusebox_sdk::{ResourceBody, block_on, join, join_all, try_join};

// ANCHOR: difference
async fn warmth(town: &str, ctx: &Context) -> Result<f64, HandlerError> {
    ctx.log_info(&format!("asking for {town}"));
    let url = format!("https://api.example.org/{town}");
    let response = ctx.http().get(&url).send_async().await?;
    response.success()?.json()
}

/// How much warmer one town is than another.
#[tool]
async fn difference(one: String, other: String, ctx: &Context) -> Result<f64, HandlerError> {
    let (one, other) = try_join!(warmth(&one, ctx), warmth(&other, ctx))?;
    Ok(one - other)
}
// ANCHOR_END: difference

/// Waits for nothing.
#[tool]
async fn at_once(number: u8) -> u8 {
    number
}

/// The weather of a town.
#[resource(uri_template = "weather://{town}")]
async fn weather(town: String, ctx: &Context) -> Result<String, HandlerError> {
    ctx.sleep_async(Duration::from_secs(3600)).await;
    Ok(format!("{town}: {}", warmth(&town, ctx).await?))
}

/// Plans a journey.
#[prompt]
async fn journey(towns: String, ctx: Context) -> Vec<PromptMessage> {
    let towns: Vec<&str> = towns.split(',').collect();
    let warm = join_all(towns.iter().map(|town| warmth(town, &ctx))).await;
    let lines = towns.iter().zip(warm).map(|(town, warm)| match warm {
        Ok(warm) => PromptMessage::user(format!("{town}: {warm}")),
        Err(error) => PromptMessage::user(format!("{town}: {}", error.message())),
    });
    lines.collect()
}

#[completion(prompt = "journey", argument = "towns")]
async fn towns(
    value: &str,
    /// what was chosen before
    known: &Known,
    ctx: &Context,
) -> Result<Vec<String>, HandlerError> {
    let near = known.get("near").unwrap_or_default();
    let url = format!("https://api.example.org/towns?from={value}&near={near}");
    Ok(vec![ctx.http().get(&url).send_async().await?.text()?])
}

/// The context of a completion may come first, and by value.
#[completion(prompt = "journey", argument = "near")]
fn near(ctx: Context, value: String) -> Vec<String> {
    vec![format!("{value} {:?} {:?}", ctx.caller(), ctx.deadline())]
}

fusebox_sdk::plugin! {
    tools: [difference, at_once],
    resources: [weather],
    prompts: [journey],
    completions: [towns, near],
}

/// A context whose network knows two towns, and what was asked of it.
fn network() -> (Context, Rc<RefCell<Vec<String>>>) {
    let asked = Rc::new(RefCell::new(Vec::new()));
    let seen = asked.clone();
    let ctx = Context::for_test().with_http(move |request| {
        seen.borrow_mut().push(request.url.clone());
        match request.url.as_str() {
            "https://api.example.org/Rome" => Ok(Response::new(200, "31.5")),
            "https://api.example.org/Oslo" => Ok(Response::new(200, "-3.5")),
            _ => Err(HttpError::Timeout),
        }
    });
    (ctx, asked)
}

#[test]
fn an_async_tool_stays_a_function() {
    let (ctx, _) = network();
    let warmer = block_on(difference("Rome".into(), "Oslo".into(), &ctx));
    assert_eq!(warmer.unwrap(), 35.0);
    let error = block_on(difference("Rome".into(), "Atlantis".into(), &ctx)).unwrap_err();
    assert_eq!(error.message(), "no response in time");
}

#[test]
fn what_is_joined_is_sent_before_anything_is_answered() {
    let (ctx, asked) = network();
    let order = RefCell::new(Vec::new());
    let ask = async |town: &str| {
        let warm = warmth(town, &ctx).await;
        order
            .borrow_mut()
            .push((town.to_owned(), asked.borrow().len()));
        warm.unwrap()
    };
    assert_eq!(
        block_on(async { join!(ask("Rome"), ask("Oslo")) }),
        (31.5, -3.5)
    );
    let both = [("Rome".to_owned(), 2), ("Oslo".to_owned(), 2)];
    assert_eq!(order.take(), both);
    // Nothing is sent that nobody awaits.
    drop(ctx.http().get("https://api.example.org/Rome").send_async());
    assert_eq!(asked.borrow().len(), 2);
}

#[test]
fn a_host_calls_an_async_tool_as_any_other() {
    assert_eq!(
        text(&call(at_once::DEFINITION, r#"{"number":7}"#).unwrap()),
        r#"{"result":7}"#
    );
    assert!(
        (at_once::DEFINITION.output_schema)()
            .unwrap()
            .contains("integer")
    );
    assert_eq!(
        invalid::<at_once>(r#"{"number":"x"}"#),
        "`number`: expected an integer from 0 to 255, found the string \"x\""
    );
    // Here is no host, and so no network.
    let result = call(difference::DEFINITION, r#"{"one":"a","other":"b"}"#).unwrap();
    assert!(result.is_error);
    assert!(text(&result).starts_with("not granted: "), "{result:?}");
}

#[test]
fn an_async_resource_is_read() {
    let (ctx, _) = network();
    assert_eq!(
        block_on(weather("Oslo".into(), &ctx)).unwrap(),
        "Oslo: -3.5"
    );
    let read = read_resource(&[weather::DEFINITION], "weather://Oslo", context());
    assert!(matches!(read, Err(Failure::Failed(text)) if text.starts_with("not granted: ")));
    /// The rules.
    #[resource(uri = "house://rules")]
    async fn rules() -> &'static str {
        "no smoking"
    }
    match read_resource(&[rules::DEFINITION], "house://rules", context()).unwrap() {
        ResourceOutcome::Complete((contents, None)) => {
            assert!(matches!(&contents[0].body, ResourceBody::Text(text) if text == "no smoking"));
        }
        other => panic!("no contents: {other:?}"),
    }
}

#[test]
fn an_async_prompt_is_got() {
    let (ctx, asked) = network();
    let messages = block_on(journey("Rome,Atlantis".into(), ctx));
    let texts: Vec<_> = messages
        .iter()
        .map(|message| match &message.content {
            Content::Text(content) => content.text.as_str(),
            other => panic!("no text: {other:?}"),
        })
        .collect();
    assert_eq!(texts, ["Rome: 31.5", "Atlantis: no response in time"]);
    assert_eq!(asked.borrow().len(), 2);
    let arguments = [("towns".to_owned(), "a".to_owned())];
    match get_prompt(&[journey::DEFINITION], "journey", &arguments, context()).unwrap() {
        PromptOutcome::Complete(result) => assert_eq!(result.messages.len(), 1),
        PromptOutcome::InputRequired(_) => panic!("nothing was to be asked"),
    }
}

#[test]
fn a_completion_has_a_context_too() {
    let ctx = Context::for_test().with_http(|request| Ok(Response::new(200, request.url.as_str())));
    let known = Known::new([("near".to_owned(), "Pisa".to_owned())]);
    let proposed = block_on(towns("Ro", &known, &ctx)).unwrap();
    assert_eq!(
        proposed,
        ["https://api.example.org/towns?from=Ro&near=Pisa"]
    );
    let all = [towns::DEFINITION, near::DEFINITION];
    let journey = CompletionReference::Prompt("journey".to_owned());
    let refused = complete(&all, &journey, "towns", "Ro", Vec::new());
    assert!(matches!(refused, Err(Failure::Failed(text)) if text.starts_with("not granted: ")));
    let proposed = complete(&all, &journey, "near", "Pi", Vec::new()).unwrap();
    assert_eq!(proposed.values, ["Pi None 0ns"]);
}
