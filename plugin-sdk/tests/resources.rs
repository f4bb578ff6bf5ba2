//! From a function with `#[resource]` to what is listed and read.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

mod common;

use std::borrow::Cow;

use common::context;
use fusebox_sdk::__private::{
    Failure, Resource as _, ResourceDefinition, ResourceOutcome, list_resource_templates,
    list_resources, read_resource,
};
use fusebox_sdk::prelude::*;
use fusebox_sdk::serde_json::json;
use fusebox_sdk::{ResourceBody, Role};

const ICONS: &str = r#"[{"src":"https://example.com/i.png"}]"#;

/// Today's notes.
#[resource(
    uri = "notes://today",
    name = "Today",
    title = "Notes of today",
    mime_type = "text/plain",
    size = 5,
    audience(user, assistant),
    priority = 0.5,
    last_modified = "2026-07-28T12:00:00Z",
    icons = ICONS,
    meta = r#"{"k":1}"#,
    cache(ttl_ms = 1_000, shared)
)]
fn today() -> &'static str {
    "sunny"
}

#[resource(uri = "notes://bytes")]
fn bytes() -> Vec<u8> {
    vec![0, 255]
}

#[resource(uri = "notes://static")]
fn fixed() -> &'static [u8] {
    &[1]
}

#[resource(uri = "notes://several")]
fn several(context: &Context) -> Result<Vec<ResourceContents>, HandlerError> {
    context.log_info("reading");
    Ok(vec![
        ResourceContents::text("notes://several/1", "a").mime_type("text/css"),
        ResourceContents::blob("notes://several/2", [7]).meta(&json!({"k": 1}))?,
    ])
}

/// A page of a book.
#[resource(
    uri_template = "book://{title}/{page}",
    mime_type = "text/markdown",
    cache(ttl_ms = 5)
)]
fn page(page: u32, title: String, context: Context) -> Result<Option<String>, HandlerError> {
    match page {
        0 => Err(HandlerError::invalid_argument("page", "there is no page 0")),
        1..=9 => Ok(Some(format!(
            "{title}, page {page}, {:?}",
            context.caller()
        ))),
        13 => Err("the press broke".into()),
        _ => Ok(None),
    }
}

#[resource(uri_template = "file:///{+path}", name = "files")]
fn file(path: String) -> Result<Cow<'static, str>, String> {
    Ok(path.into())
}

#[resource(uri = "book://exact/7")]
fn exact() -> String {
    "exact".into()
}

const ALL: &[ResourceDefinition] = &[
    today::DEFINITION,
    bytes::DEFINITION,
    fixed::DEFINITION,
    several::DEFINITION,
    page::DEFINITION,
    file::DEFINITION,
    exact::DEFINITION,
];

mod exported {
    fusebox_sdk::plugin! { resources: [super::today, super::page] }
}

fn read(uri: &str) -> Vec<ResourceContents> {
    match read_resource(ALL, uri, context()).unwrap() {
        ResourceOutcome::Complete((contents, _)) => contents,
        ResourceOutcome::InputRequired(asked) => panic!("nothing was to be asked: {asked:?}"),
    }
}

/// Address, media type and text of the only contents.
fn read_text(uri: &str) -> (String, Option<String>, String) {
    let mut contents = read(uri);
    assert_eq!(contents.len(), 1);
    let contents = contents.remove(0);
    match contents.body {
        ResourceBody::Text(text) => (contents.uri, contents.mime_type, text),
        ResourceBody::Blob(blob) => panic!("no text: {blob:?}"),
    }
}

#[test]
fn the_listing_follows_from_the_function() {
    let listed = list_resources(ALL, None).unwrap();
    let uris: Vec<_> = listed
        .iter()
        .map(|resource| resource.uri.as_str())
        .collect();
    let expected = [
        "notes://today",
        "notes://bytes",
        "notes://static",
        "notes://several",
        "book://exact/7",
    ];
    assert_eq!(uris, expected);
    let today = &listed[0];
    assert_eq!(today.name, "Today");
    assert_eq!(today.title.as_deref(), Some("Notes of today"));
    assert_eq!(today.description.as_deref(), Some("Today's notes."));
    assert_eq!(today.mime_type.as_deref(), Some("text/plain"));
    assert_eq!(today.size, Some(5));
    assert_eq!(today.icons.as_deref(), Some(ICONS));
    assert_eq!(today.meta.as_deref(), Some(r#"{"k":1}"#));
    let annotations = today.annotations.as_ref().unwrap();
    assert_eq!(annotations.audience, [Role::User, Role::Assistant]);
    assert_eq!(annotations.priority, Some(0.5));
    assert_eq!(
        annotations.last_modified.as_deref(),
        Some("2026-07-28T12:00:00Z")
    );
    let bytes = &listed[1];
    assert_eq!(bytes.name, "bytes");
    assert!(bytes.title.is_none() && bytes.description.is_none() && bytes.annotations.is_none());

    let templates = list_resource_templates(ALL, None).unwrap();
    let [page, file] = &templates[..] else {
        panic!("two templates")
    };
    assert_eq!(page.uri_template, "book://{title}/{page}");
    assert_eq!(page.name, "page");
    assert_eq!(page.description.as_deref(), Some("A page of a book."));
    assert_eq!(page.mime_type.as_deref(), Some("text/markdown"));
    assert_eq!(
        (file.uri_template.as_str(), file.name.as_str()),
        ("file:///{+path}", "files")
    );
}

#[test]
fn bodies_of_every_kind() {
    let (uri, mime_type, text) = read_text("notes://today");
    assert_eq!(
        (uri.as_str(), mime_type.as_deref(), text.as_str()),
        ("notes://today", Some("text/plain"), "sunny")
    );
    let blob = |uri: &str| match &read(uri)[..] {
        [contents] => match &contents.body {
            ResourceBody::Blob(blob) => blob.clone(),
            ResourceBody::Text(text) => panic!("no bytes: {text}"),
        },
        other => panic!("not one: {other:?}"),
    };
    assert_eq!(blob("notes://bytes"), [0, 255]);
    assert_eq!(blob("notes://static"), [1]);
    let several = read("notes://several");
    assert_eq!(several[0].uri, "notes://several/1");
    assert_eq!(several[0].mime_type.as_deref(), Some("text/css"));
    assert_eq!(several[1].meta.as_deref(), Some(r#"{"k":1}"#));
}

#[test]
fn the_cache_hint_comes_with_the_contents() {
    let check = |uri: &str, expected: Option<(u64, bool)>| match read_resource(ALL, uri, context())
        .unwrap()
    {
        ResourceOutcome::Complete((_, hint)) => {
            assert_eq!(hint.map(|hint| (hint.ttl_ms, hint.shared)), expected);
        }
        ResourceOutcome::InputRequired(asked) => panic!("{asked:?}"),
    };
    check("notes://today", Some((1_000, true)));
    check("book://a/1", Some((5, false)));
    check("notes://bytes", None);
}

#[test]
fn a_uri_is_taken_apart() {
    let (uri, mime_type, text) = read_text("book://War%20%26%20Peace/7");
    assert_eq!(uri, "book://War%20%26%20Peace/7");
    assert_eq!(mime_type.as_deref(), Some("text/markdown"));
    assert_eq!(text, "War & Peace, page 7, None");
    assert_eq!(read_text("file:///etc/a%20b?c").2, "etc/a b?c");
    // An exact address comes before a family that is listed earlier.
    assert_eq!(read_text("book://exact/7").2, "exact");
}

#[test]
fn failures_of_a_read() {
    let check = |uri: &str, expected: &str| {
        let found = match read_resource(ALL, uri, context()) {
            Err(Failure::NotFound(why)) => format!("not found: {why}"),
            Err(Failure::InvalidParams(why)) => format!("invalid: {why}"),
            Err(Failure::Failed(why)) => format!("failed: {why}"),
            Ok(outcome) => panic!("it was read: {outcome:?}"),
        };
        assert_eq!(found, expected);
    };
    check(
        "notes://tomorrow",
        "not found: no resource is at `notes://tomorrow`",
    );
    check(
        "book://a/b/c",
        "not found: no resource is at `book://a/b/c`",
    );
    check(
        "book://a/%zz",
        "not found: no resource is at `book://a/%zz`",
    );
    check("", "not found: no resource is at ``");
    check("book://a/10", "not found: nothing is at `book://a/10`");
    check(
        "book://a/b",
        "invalid: `page`: \"b\" doesn't fit: invalid digit found in string",
    );
    check("book://a/0", "invalid: `page`: there is no page 0");
    check("book://a/13", "failed: the press broke");
}

#[test]
fn a_resource_stays_a_function() {
    assert_eq!(
        page(1, "T".into(), Context::for_test()).unwrap().unwrap(),
        "T, page 1, None"
    );
}
