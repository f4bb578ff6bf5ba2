//! The plugin of the behaviour suite in Rust. `plugin.py` and `plugin.js` are the same one
//! in other languages: `tests/languages` demands the same answers of all three.

use std::cell::Cell;

use fusebox_sdk::prelude::*;
use fusebox_sdk::serde_json::json;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

/// Greets someone.
#[tool(read_only)]
fn greet(
    /// whom to greet
    name: String,
) -> String {
    format!("Hello, {name}!")
}

/// Adds two numbers.
#[tool]
fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Circle,
    Square,
}

#[derive(Deserialize, JsonSchema)]
struct Shape {
    kind: Kind,
    size: f64,
}

#[derive(Serialize, JsonSchema)]
struct Measured {
    area: f64,
    unit: String,
}

/// Measures shapes.
#[tool]
fn measure(shapes: Vec<Shape>, unit: Option<String>) -> Measured {
    let areas = shapes.iter().map(|shape| match shape.kind {
        Kind::Circle => 3.0 * shape.size * shape.size,
        Kind::Square => shape.size * shape.size,
    });
    Measured {
        area: areas.sum(),
        unit: unit.unwrap_or("m2".to_owned()),
    }
}

/// Fails.
#[tool]
fn fail(message: String) -> Result<String, HandlerError> {
    Err(HandlerError::new(message))
}

/// Finds the argument wrong.
#[tool]
fn refuse(value: String) -> Result<String, HandlerError> {
    Err(HandlerError::invalid_argument("value", format!("{value} is not good")))
}

/// Says how far it is.
#[tool]
fn count(to: u32, ctx: &Context) -> String {
    for done in 1..=to {
        ctx.log_info(&json!({"done": done}));
        ctx.progress_message(f64::from(done), f64::from(to), format!("step {done}"));
    }
    format!("counted to {to}")
}

/// Gives each kind of content.
#[tool]
fn content() -> Vec<Content> {
    vec![
        Content::text("words"),
        Content::image(vec![1, 2, 3], "image/png"),
        Content::audio(vec![4, 5], "audio/wav"),
        Content::embedded_text("data://a", "text/plain", "inside"),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Name {
    /// as on your passport
    name: String,
}

/// Asks for a name, then for a poem.
#[tool]
fn ask(ctx: &Context) -> Result<String, HandlerError> {
    let Name { name } = ctx.elicit("who", "What is your name?")?;
    ctx.set_state(&name.to_uppercase())?;
    let poem = ctx.sample("poem", &format!("A poem for {name}."), 100)?;
    let state: Option<String> = ctx.state()?;
    Ok(format!("{}: {poem}", state.unwrap_or_default()))
}

/// Keeps a value.
#[tool]
fn keep(key: String, value: String, ctx: &Context) -> Result<(), HandlerError> {
    ctx.store()?.set(&key, value)
}

/// A value that was kept.
#[tool]
fn kept(key: String, ctx: &Context) -> Result<String, HandlerError> {
    let value = ctx.store()?.get(&key)?;
    Ok(value.map_or("nothing".to_owned(), |value| {
        String::from_utf8_lossy(&value).into_owned()
    }))
}

/// Counts up.
#[tool]
fn increment(key: String, ctx: &Context) -> Result<u64, HandlerError> {
    ctx.store()?.increment(&key, 2)
}

/// What the operator wrote.
#[tool]
fn setting(key: String, ctx: &Context) -> Result<String, HandlerError> {
    Ok(ctx.config(&key)?.unwrap_or("nothing".to_owned()))
}

/// Uses a secret.
#[tool]
fn secret(key: String, ctx: &Context) -> Result<u64, HandlerError> {
    Ok(ctx.secret(&key)?.expose().len() as u64)
}

/// Gets a page.
#[tool]
fn fetch(url: String, ctx: &Context) -> Result<String, HandlerError> {
    Ok(ctx.http().get(&url).send()?.success()?.text()?)
}

/// Counts what this instance has answered.
#[tool]
fn remembered() -> u64 {
    CALLS.set(CALLS.get() + 1);
    CALLS.get()
}

/// Says much.
#[tool]
fn long(length: usize) -> String {
    "é".repeat(length)
}

/// Never ends.
#[tool]
fn spin() -> String {
    let mut number = 0_u64;
    loop {
        number = std::hint::black_box(number.wrapping_add(1));
    }
}

/// Works in two spans.
#[tool]
fn traced(ctx: &Context) -> bool {
    let outer = ctx.span("outer");
    outer.set("step", 1);
    let inner = ctx.span("inner");
    inner.set("what", "words");
    ctx.log_info("within");
    let here = ctx.traceparent();
    inner.fail("Nothing");
    here.is_some()
}

/// What this is.
#[resource(uri = "data://about", name = "about", mime_type = "text/plain")]
fn about() -> &'static str {
    "A plugin like two others."
}

/// Some bytes.
#[resource(uri = "data://bytes", name = "bytes", mime_type = "image/png")]
fn bytes() -> Vec<u8> {
    vec![1, 2, 3]
}

/// One of many.
#[resource(uri_template = "data://items/{id}", name = "item", mime_type = "application/json")]
fn item(id: String) -> Option<String> {
    (id != "none").then(|| json!({"id": id}).to_string())
}

/// Reviews code.
#[prompt]
fn review(
    /// what to review
    code: String,
    style: Option<String>,
) -> Vec<PromptMessage> {
    let style = style.unwrap_or("short".to_owned());
    vec![
        PromptMessage::user(format!("Review ({style}): {code}")),
        PromptMessage::assistant("It is good."),
    ]
}

#[completion(prompt = "review", argument = "style")]
fn styles(value: &str) -> Vec<&'static str> {
    let all = ["short", "shouting", "long"].into_iter();
    all.filter(|style| style.starts_with(value)).collect()
}

#[completion(resource = "data://items/{id}", argument = "id")]
fn ids(value: &str) -> Vec<String> {
    vec![format!("{value}1"), format!("{value}2")]
}

fusebox_sdk::plugin! {
    tools: [
        greet, add, measure, fail, refuse, count, content, ask, keep, kept, increment, setting,
        secret, fetch, remembered, long, spin, traced,
    ],
    resources: [about, bytes, item],
    prompts: [review],
    completions: [styles, ids],
}
