//! Compares the host, field by field, with a server written with rmcp that offers
//! the same: the same requests go to both, in both eras. Each difference that stays
//! is listed with what justifies it; one that is not listed fails, and so does one
//! that is listed and doesn't occur. Keeps the book's page of them.

mod differences;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use differences::{DIFFERENCES, Difference};
use fusebox_tests::{Era, Setup, Stdio, initialize_line, peer, repository, with_plain_numbers};
use serde_json::{Value, json};

/// What is asked: a name for the tables, the method and its params.
fn requests() -> Vec<(&'static str, &'static str, Value)> {
    let prompt = json!({"type": "ref/prompt", "name": "test_prompt_with_arguments"});
    let template = json!({"type": "ref/resource", "uri": "test://template/{id}/data"});
    let complete = |of: &Value, argument: &str, value: &str| json!({"ref": of, "argument": {"name": argument, "value": value}});
    let call = |name: &str, arguments: Value| json!({"name": name, "arguments": arguments});
    let uri = |uri: &str| json!({"uri": uri});
    vec![
        ("discover", "server/discover", json!({})),
        ("ping", "ping", json!({})),
        ("unknown method", "no/such/method", json!({})),
        ("set level", "logging/setLevel", json!({"level": "info"})),
        (
            "set wrong level",
            "logging/setLevel",
            json!({"level": "loud"}),
        ),
        ("list tools", "tools/list", json!({})),
        (
            "list with bad cursor",
            "tools/list",
            json!({"cursor": "none of yours"}),
        ),
        ("list with wrong cursor", "tools/list", json!({"cursor": 1})),
        ("text", "tools/call", call("test_simple_text", json!({}))),
        (
            "no arguments",
            "tools/call",
            json!({"name": "test_simple_text"}),
        ),
        ("image", "tools/call", call("test_image_content", json!({}))),
        ("audio", "tools/call", call("test_audio_content", json!({}))),
        (
            "embedded",
            "tools/call",
            call("test_embedded_resource", json!({})),
        ),
        (
            "several",
            "tools/call",
            call("test_multiple_content_types", json!({})),
        ),
        (
            "failure",
            "tools/call",
            call("test_error_handling", json!({})),
        ),
        (
            "structured",
            "tools/call",
            call("add", json!({"a": 1, "b": 2})),
        ),
        (
            "argument",
            "tools/call",
            call("hello", json!({"name": "Ada"})),
        ),
        (
            "wrong argument",
            "tools/call",
            call("add", json!({"a": "x", "b": 2})),
        ),
        ("missing argument", "tools/call", call("hello", json!({}))),
        (
            "further argument",
            "tools/call",
            call("hello", json!({"name": "a", "b": 1})),
        ),
        (
            "unknown tool",
            "tools/call",
            call("no_such_tool", json!({})),
        ),
        ("unnamed tool", "tools/call", json!({})),
        (
            "arguments as list",
            "tools/call",
            call("hello", json!(["Ada"])),
        ),
        ("list resources", "resources/list", json!({})),
        ("list templates", "resources/templates/list", json!({})),
        ("read text", "resources/read", uri("test://static-text")),
        ("read bytes", "resources/read", uri("test://static-binary")),
        (
            "read template",
            "resources/read",
            uri("test://template/7/data"),
        ),
        ("unknown resource", "resources/read", uri("test://none")),
        ("no resource", "resources/read", json!({})),
        (
            "subscribe",
            "resources/subscribe",
            uri("test://static-text"),
        ),
        (
            "unsubscribe",
            "resources/unsubscribe",
            uri("test://static-text"),
        ),
        ("list prompts", "prompts/list", json!({})),
        (
            "simple prompt",
            "prompts/get",
            call("test_simple_prompt", json!({})),
        ),
        (
            "prompt",
            "prompts/get",
            call(
                "test_prompt_with_arguments",
                json!({"arg1": "a", "arg2": "b"}),
            ),
        ),
        (
            "prompt with resource",
            "prompts/get",
            call(
                "test_prompt_with_embedded_resource",
                json!({"resourceUri": "a://b"}),
            ),
        ),
        (
            "prompt with image",
            "prompts/get",
            call("test_prompt_with_image", json!({})),
        ),
        (
            "prompt without argument",
            "prompts/get",
            call("test_prompt_with_arguments", json!({"arg1": "a"})),
        ),
        (
            "unknown prompt",
            "prompts/get",
            call("no_such_prompt", json!({})),
        ),
        (
            "complete",
            "completion/complete",
            complete(&prompt, "arg1", "par"),
        ),
        (
            "complete variable",
            "completion/complete",
            complete(&template, "id", ""),
        ),
        (
            "complete to nothing",
            "completion/complete",
            complete(&prompt, "arg1", "x"),
        ),
        (
            "complete without reference",
            "completion/complete",
            json!({}),
        ),
    ]
}

/// A server, in one era: its answers by the name of the request.
fn answers(mut server: Stdio, era: Era) -> BTreeMap<&'static str, Value> {
    let mut answers = BTreeMap::new();
    if era == Era::Legacy {
        answers.insert("initialize", server.exchange(&initialize_line(0)));
        server.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    }
    for (id, (name, method, mut params)) in (1u64..).zip(requests()) {
        if era == Era::Modern {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": {"name": "fusebox-tests", "version": "1"},
            });
        }
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        answers.insert(name, with_plain_numbers(server.exchange(&request)));
    }
    answers
}

/// Lists as objects by the items' names: the order is each server's own.
fn by_name(answer: &mut Value) {
    for list in ["tools", "resources", "resourceTemplates", "prompts"] {
        let Some(list) = answer
            .get_mut("result")
            .and_then(|result| result.get_mut(list))
        else {
            continue;
        };
        let items = list.as_array().cloned().unwrap_or_default();
        let named = items.into_iter().map(|item| {
            let name = item["name"].as_str().unwrap_or_default().to_owned();
            (name, item)
        });
        *list = named.collect();
    }
}

/// Takes out of the host's lists what the oracle doesn't offer.
fn keep_shared(ours: &mut Value, theirs: &Value) {
    for list in ["tools", "resources", "resourceTemplates", "prompts"] {
        let shared = theirs["result"][list].as_object();
        let items = ours
            .get_mut("result")
            .and_then(|result| result.get_mut(list));
        let Some(items) = items.and_then(Value::as_object_mut) else {
            continue;
        };
        items.retain(|name, _| shared.is_some_and(|shared| shared.contains_key(name)));
    }
}

/// Where two values differ: the place, and what each has there.
fn compare(at: &str, ours: Option<&Value>, theirs: Option<&Value>, found: &mut Vec<Found>) {
    match (ours, theirs) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let names: BTreeSet<_> = a.keys().chain(b.keys()).collect();
            for name in names {
                let step = name.replace('~', "~0").replace('/', "~1");
                compare(&format!("{at}/{step}"), a.get(name), b.get(name), found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for index in 0..a.len().max(b.len()) {
                compare(&format!("{at}/{index}"), a.get(index), b.get(index), found);
            }
        }
        (ours, theirs) if ours == theirs => {}
        (ours, theirs) => found.push(Found {
            at: at.to_owned(),
            ours: ours.cloned(),
            theirs: theirs.cloned(),
        }),
    }
}

#[derive(Debug)]
struct Found {
    at: String,
    ours: Option<Value>,
    theirs: Option<Value>,
}

fn all_found(era: Era) -> Vec<(&'static str, Found)> {
    let setup = Setup::new().plugin("everything").plugin("hello");
    let host = answers(Stdio::start(setup), era);
    let oracle = answers(Stdio::program(&peer("rmcp-server")), era);
    let mut all = Vec::new();
    for (name, mut theirs) in oracle {
        let mut ours = host[name].clone();
        by_name(&mut ours);
        by_name(&mut theirs);
        keep_shared(&mut ours, &theirs);
        let mut found = Vec::new();
        compare("", Some(&ours), Some(&theirs), &mut found);
        all.extend(found.into_iter().map(|found| (name, found)));
    }
    all
}

impl Difference {
    fn is(&self, era: Era, request: &str, found: &Found) -> bool {
        self.eras.contains(&era)
            && (self.requests.is_empty() || self.requests.contains(&request))
            && matches(self.at, &found.at)
            && self.ours.is(found.ours.as_ref())
            && self.theirs.is(found.theirs.as_ref())
    }
}

/// Whether a place is the one of a pattern, in which `*` stands for one step.
fn matches(pattern: &str, at: &str) -> bool {
    let (pattern, at): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), at.split('/').collect());
    let mut steps = pattern.iter().zip(&at);
    pattern.len() == at.len() && steps.all(|(one, other)| *one == "*" || one == other)
}

#[test]
fn the_host_and_rmcp_differ_only_where_that_is_justified() {
    let mut used = vec![false; DIFFERENCES.len()];
    let mut unlisted = Vec::new();
    for era in [Era::Legacy, Era::Modern] {
        for (request, found) in all_found(era) {
            let listed = DIFFERENCES
                .iter()
                .position(|one| one.is(era, request, &found));
            match listed {
                Some(index) => used[index] = true,
                None => unlisted.push(format!("{era:?}, {request}: {found:?}")),
            }
        }
    }
    assert!(unlisted.is_empty(), "not listed:\n{}", unlisted.join("\n"));
    let gone = DIFFERENCES.iter().zip(used).filter(|(_, used)| !used);
    let gone: Vec<_> = gone.map(|(one, _)| (one.at, one.requests)).collect();
    assert!(gone.is_empty(), "listed, but not there: {gone:#?}");
}

/// The page, from the same table that the test above goes by.
fn page() -> String {
    let asked = requests().len() + 1;
    let mut out = format!(
        "# Compared with rmcp\n\nA server written with `rmcp` 3.11.0 offers a part of what the plugins \
         `everything` and `hello` offer. At each build the same {asked} requests go to both, in \
         2025-11-25 and in 2026-07-28, and the answers are compared field by field. They are the \
         same but for what this page lists; a difference that is not listed fails the build, and \
         so does a listed one that is gone. This page is made by that test.\n\n\
         | field | Fusebox | rmcp | in answer to | why, and where the specification says so |\n\
         |---|---|---|---|---|",
    );
    for one in DIFFERENCES {
        let requests = match one.requests {
            [] => "all".to_owned(),
            some => some.join(", "),
        };
        let era = match one.eras {
            [Era::Legacy] => " (2025-11-25)",
            [Era::Modern] => " (2026-07-28)",
            _ => "",
        };
        out += &format!(
            "\n| `{}` | {} | {} | {requests}{era} | {} |",
            one.at,
            one.ours.words(),
            one.theirs.words(),
            one.why
        );
    }
    out.push('\n');
    out
}

#[test]
fn the_book_shows_these_differences() {
    let path = repository().join("docs/src/oracle.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, page()).expect("the page is written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, page(), "run this test with UPDATE_DOCS=1");
}
