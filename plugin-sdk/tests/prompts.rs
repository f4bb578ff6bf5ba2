//! From a function with `#[prompt]` or `#[completion]` to what is listed and
//! answered.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

mod common;

use std::net::Ipv4Addr;

use common::context;
use fusebox_sdk::__private::{
    Completer, CompletionReference, Failure, Prompt, PromptDefinition, PromptOutcome, complete,
    get_prompt, list_prompts,
};
use fusebox_sdk::Role;
use fusebox_sdk::prelude::*;
use fusebox_sdk::serde_json::json;

/// Reviews code.
#[prompt(title = "Review", icons = "[]", meta = r#"{"k":1}"#)]
fn review(
    /// what to review
    #[arg(title = "Code")]
    code: String,
    /// in which language
    language: Option<String>,
    #[arg(name = "maxLines", default = 7)] max_lines: u32,
    #[arg(default)] strict: bool,
    context: &Context,
) -> String {
    format!(
        "{code} {language:?} {max_lines} {strict} {:?}",
        context.caller()
    )
}

#[prompt(name = "ping.host")]
fn ping(address: Ipv4Addr) -> Result<Vec<PromptMessage>, HandlerError> {
    match address.is_loopback() {
        true => Err(HandlerError::invalid_argument("address", "is this machine")),
        false => Ok(vec![
            PromptMessage::user(address.to_string()),
            PromptMessage::assistant(Content::image([1], "image/png")),
        ]),
    }
}

#[prompt]
fn broken() -> Result<&'static str, String> {
    Err("it broke".into())
}

#[prompt]
fn by_hand() -> Result<PromptResult, HandlerError> {
    let messages = vec![PromptMessage::user("hi")];
    PromptResult::new(messages)
        .description("D")
        .meta(&json!({"m": 1}))
}

const ALL: &[PromptDefinition] = &[
    review::DEFINITION,
    ping::DEFINITION,
    broken::DEFINITION,
    by_hand::DEFINITION,
];

#[completion(prompt = "review", argument = "language")]
fn languages(value: &str) -> Vec<&'static str> {
    let all = ["c", "cobol", "rust"].into_iter();
    all.filter(|language| language.starts_with(value)).collect()
}

#[completion(prompt = "review", argument = "code")]
fn codes(value: String, known: &Known) -> Vec<String> {
    vec![format!("{value} in {:?}", known.get("language"))]
}

#[completion(resource = "book://{title}/{page}", argument = "page")]
fn pages(value: &str) -> Result<Vec<String>, HandlerError> {
    let pages: u32 = value.parse()?;
    Ok((1..=pages).map(|page| page.to_string()).collect())
}

#[completion(resource = "book://{title}/{page}", argument = "title")]
fn titles(_: &str) -> Completion {
    Completion {
        values: vec!["Emma".into()],
        total: Some(9),
        has_more: true,
    }
}

mod exported {
    fusebox_sdk::plugin! {
        prompts: [super::review, super::ping],
        completions: [super::languages, super::codes, super::pages, super::titles],
    }
}

fn get(name: &str, arguments: &[(&str, &str)]) -> Result<PromptResult, Failure> {
    let owned = |(name, value): &(&str, &str)| (String::from(*name), String::from(*value));
    let arguments: Vec<_> = arguments.iter().map(owned).collect();
    match get_prompt(ALL, name, &arguments, context())? {
        PromptOutcome::Complete(result) => Ok(result),
        PromptOutcome::InputRequired(asked) => panic!("nothing was to be asked: {asked:?}"),
    }
}

#[test]
fn the_listing_follows_from_the_function() {
    let listed = list_prompts(ALL, None).unwrap();
    let review = &listed[0];
    assert_eq!(review.name, "review");
    assert_eq!(review.title.as_deref(), Some("Review"));
    assert_eq!(review.description.as_deref(), Some("Reviews code."));
    assert_eq!(review.icons.as_deref(), Some("[]"));
    assert_eq!(review.meta.as_deref(), Some(r#"{"k":1}"#));
    let arguments: Vec<_> = review
        .arguments
        .iter()
        .map(|a| {
            (
                a.name.as_str(),
                a.title.as_deref(),
                a.description.as_deref(),
                a.required,
            )
        })
        .collect();
    assert_eq!(
        arguments,
        [
            ("code", Some("Code"), Some("what to review"), true),
            ("language", None, Some("in which language"), false),
            ("maxLines", None, None, false),
            ("strict", None, None, false),
        ]
    );
    assert_eq!(listed[1].name, "ping.host");
    assert!(listed[2].arguments.is_empty());
}

#[test]
fn arguments_that_fit() {
    let check = |arguments: &[(&str, &str)], expected: &str| {
        let result = get("review", arguments).unwrap();
        assert_eq!(result.description.as_deref(), Some("Reviews code."));
        match &result.messages[..] {
            [message] => match &message.content {
                Content::Text(text) => {
                    assert_eq!((message.role, text.text.as_str()), (Role::User, expected));
                }
                other => panic!("no text: {other:?}"),
            },
            other => panic!("not one message: {other:?}"),
        }
    };
    check(&[("code", "x")], "x None 7 false None");
    check(
        &[
            ("strict", "true"),
            ("maxLines", "9"),
            ("language", "c"),
            ("code", ""),
        ],
        " Some(\"c\") 9 true None",
    );
}

#[test]
fn arguments_that_do_not_fit() {
    let check = |name: &str, arguments: &[(&str, &str)], expected: &str| match get(name, arguments)
    {
        Err(Failure::InvalidParams(why)) => assert_eq!(why, expected),
        other => panic!("not refused: {other:?}"),
    };
    check("review", &[], "`code`: missing required argument");
    check(
        "review",
        &[("code", "x"), ("maxLines", "many")],
        "`maxLines`: \"many\" doesn't fit: invalid digit found in string",
    );
    check(
        "review",
        &[("cod", "x")],
        "`cod`: unknown argument; did you mean `code`?",
    );
    check(
        "broken",
        &[("a", "x")],
        "`a`: unknown argument; this prompt takes none",
    );
    check(
        "review",
        &[("something", "x")],
        "`something`: unknown argument; this prompt takes `code`, `language`, `maxLines`, `strict`",
    );
    check(
        "review",
        &[("code", "x"), ("code", "y")],
        "`code`: given twice",
    );
    check(
        "ping.host",
        &[("address", "::1")],
        "`address`: \"::1\" doesn't fit: invalid IPv4 address syntax",
    );
    check(
        "ping.host",
        &[("address", "127.0.0.1")],
        "`address`: is this machine",
    );
    let long = "x".repeat(99);
    check(
        "ping.host",
        &[("address", &long)],
        "`address`: the text doesn't fit: invalid IPv4 address syntax",
    );
}

#[test]
fn results_of_other_kinds() {
    let result = get("ping.host", &[("address", "10.0.0.1")]).unwrap();
    assert_eq!(result.description, None);
    assert_eq!(result.messages[0].role, Role::User);
    assert_eq!(result.messages[1].role, Role::Assistant);
    assert!(matches!(&result.messages[1].content, Content::Image(image) if image.data == [1]));
    let result = get("by_hand", &[]).unwrap();
    assert_eq!(result.description.as_deref(), Some("D"));
    assert_eq!(result.meta.as_deref(), Some(r#"{"m":1}"#));
    assert!(matches!(get("broken", &[]), Err(Failure::Failed(why)) if why == "it broke"));
    assert!(
        matches!(get("x", &[]), Err(Failure::NotFound(why)) if why == "no prompt is called `x`")
    );
}

#[test]
fn completions() {
    let all = [
        languages::DEFINITION,
        codes::DEFINITION,
        pages::DEFINITION,
        titles::DEFINITION,
    ];
    let prompt = || CompletionReference::Prompt("review".into());
    let book = || CompletionReference::ResourceTemplate("book://{title}/{page}".into());
    let ask = |reference: CompletionReference, name: &str, value: &str, known: &[(&str, &str)]| {
        let known = known
            .iter()
            .map(|(name, value)| (String::from(*name), String::from(*value)));
        complete(&all, &reference, name, value, known.collect())
    };
    let check =
        |found: Result<Completion, Failure>, values: &[&str], total: Option<u32>, more: bool| {
            let found = found.unwrap();
            assert_eq!(found.values, values);
            assert_eq!((found.total, found.has_more), (total, more));
        };
    check(
        ask(prompt(), "language", "c", &[]),
        &["c", "cobol"],
        Some(2),
        false,
    );
    check(
        ask(prompt(), "code", "a", &[("language", "c")]),
        &["a in Some(\"c\")"],
        Some(1),
        false,
    );
    check(ask(book(), "title", "", &[]), &["Emma"], Some(9), true);
    check(ask(book(), "other", "", &[]), &[], Some(0), false);
    check(ask(prompt(), "page", "1", &[]), &[], Some(0), false);
    let many = ask(book(), "page", "250", &[]).unwrap();
    assert_eq!(
        (many.values.len(), many.total, many.has_more),
        (100, Some(250), true)
    );
    let failed = ask(book(), "page", "x", &[]);
    assert!(matches!(failed, Err(Failure::Failed(why)) if why == "invalid digit found in string"));
    assert_eq!(languages("r"), ["rust"]);
}
