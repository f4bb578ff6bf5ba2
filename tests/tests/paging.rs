//! Proves that lists come in pages that are the whole list when they are put
//! together, and that the way from one page to the next outlives a reload.

use std::rc::Rc;

use fusebox_tests::{Caller, EVERYWHERE, Setup, Way, each};
use serde_json::{Value, json};

const METHODS: [(&str, &str); 4] = [
    ("tools/list", "tools"),
    ("resources/list", "resources"),
    ("resources/templates/list", "resourceTemplates"),
    ("prompts/list", "prompts"),
];

fn whole() -> Setup {
    let setup = Setup::new().plugin("everything").plugin("hello");
    setup.plugin("misbehave")
}

fn in_pages_of(size: usize) -> Setup {
    let quick = "[reload]\npoll_interval_ms = 100\nsettle_ms = 20";
    whole()
        .config(&format!("[lists]\npage_size = {size}"))
        .config(quick)
}

fn list(caller: &mut Caller, method: &str, cursor: Option<&Value>) -> Value {
    let params = cursor.map_or(json!({}), |cursor| json!({"cursor": cursor}));
    let result = caller.result(method, params);
    result.unwrap_or_else(|error| panic!("{method} after {cursor:?}: {error}"))
}

/// All pages from `cursor` on. Each is compared whole with what a page of these
/// items must be.
fn pages(caller: &mut Caller, of: (&str, &str), cursor: Option<Value>, size: usize) -> Vec<Value> {
    let (method, member) = of;
    let mut all = Vec::new();
    let mut cursor = cursor;
    loop {
        let page = list(caller, method, cursor.as_ref());
        let items = page[member].as_array().expect("items").clone();
        let mut expected = json!({member: items});
        if let Some(next) = page.get("nextCursor") {
            assert!(next.is_string(), "{next}");
            assert_eq!(items.len(), size, "a page with a next one is full");
            expected["nextCursor"] = next.clone();
        }
        // `misbehave`, while it is there, says so of its lists, and has tools only.
        let (ttl_ms, scope) = match page["cacheScope"] == "private" && method == "tools/list" {
            true => (1000, "private"),
            false => (5000, "public"),
        };
        assert_eq!(page, caller.kept(expected, ttl_ms, scope));
        assert!(items.len() <= size, "{page}");
        all.extend(items);
        cursor = page.get("nextCursor").cloned();
        if cursor.is_none() {
            return all;
        }
        assert!(all.len() < 1000, "the pages end");
    }
}

#[test]
fn pages_put_together_are_the_whole_list() {
    let unpaged = Rc::new(whole().tcp().start());
    // There are four resources: by two and by four, the last page is full.
    for size in [2, 4] {
        each(
            &EVERYWHERE,
            || in_pages_of(size),
            &json!({}),
            |caller| {
                let mut reference = Caller::open(&unpaged, Way::Tcp, caller.era, &json!({}));
                for of in METHODS {
                    let mut whole = list(&mut reference, of.0, None);
                    assert_eq!(whole.get("nextCursor"), None);
                    let whole = whole[of.1].take();
                    assert_eq!(
                        json!(pages(caller, of, None, size)),
                        whole,
                        "{of:?} by {size}"
                    );
                    let count = whole.as_array().map_or(0, Vec::len);
                    let expected = match of.1 {
                        "tools" => count.max(40),
                        "resources" => 4,
                        "resourceTemplates" => 1,
                        _ => 5,
                    };
                    assert_eq!(count, expected, "{of:?}");
                }
            },
        );
    }
}

#[test]
fn a_bad_cursor_is_refused() {
    let bad = json!({
        "code": -32602,
        "message": "`cursor` is none that this server gave out",
    });
    let kind = json!({"code": -32602, "message": "`cursor` must be a string, not a number"});
    each(
        &EVERYWHERE,
        || in_pages_of(2),
        &json!({}),
        |caller| {
            for (method, _) in METHODS {
                for cursor in ["", "2", "!!", "bm9ib2R5", "\u{e9}", &"A".repeat(10_000)] {
                    let result = caller.result(method, json!({"cursor": cursor}));
                    assert_eq!(result, Err(bad.clone()), "{method} {cursor}");
                }
                let result = caller.result(method, json!({"cursor": 2}));
                assert_eq!(result, Err(kind.clone()), "{method}");
            }
            let good = list(caller, "tools/list", None)["nextCursor"].take();
            let good = good.as_str().expect("a cursor");
            // The wrong way round, with something before it, cut short.
            let turned: String = good.chars().rev().collect();
            for cursor in [&turned, &format!("x{good}"), &good[..3]] {
                let result = caller.result("tools/list", json!({"cursor": cursor}));
                assert_eq!(result, Err(bad.clone()), "{cursor}");
            }
        },
    );
}

fn names(tools: &[Value]) -> Vec<String> {
    let names = tools.iter().map(|tool| tool["name"].as_str());
    names.map(|name| name.expect("a name").to_owned()).collect()
}

/// The names of the tools of `everything`, `hello` and `misbehave`.
type Plugins = [Vec<String>; 3];

/// Reads `before` pages of two tools, takes `removed` out of the folder, and
/// reads on. `expected` says what comes then, of the tools of each plugin and
/// the place where the reading stopped.
fn check_reload(
    before: impl Fn(&Plugins) -> usize,
    removed: &str,
    expected: impl Fn(&Plugins, usize) -> Vec<String>,
) {
    for pair in &EVERYWHERE[..4] {
        each(
            &[*pair],
            || in_pages_of(2),
            &json!({}),
            |caller| {
                let host = caller.host().clone();
                let all = names(&pages(caller, METHODS[0], None, 2));
                let health = host.health();
                let of = |plugin: &str| {
                    let tools = health["plugins"][plugin]["tools"].as_array();
                    let count = tools.expect("its tools").len();
                    let first = match plugin {
                        "everything" => 0,
                        "hello" => all.iter().position(|name| name == "add").expect("a tool"),
                        _ => all.len() - count,
                    };
                    all[first..first + count].to_vec()
                };
                let plugins = [of("everything"), of("hello"), of("misbehave")];
                assert_eq!(plugins.concat(), all, "plugins come by their names");

                let mut cursor = None;
                let before = before(&plugins);
                for _ in 0..before {
                    let next = list(caller, "tools/list", cursor.as_ref())["nextCursor"].take();
                    cursor = Some(next);
                }
                host.remove(removed);
                host.health_when("the plugin is gone", |health| {
                    health["plugins"].get(removed).is_none()
                });
                let rest = names(&pages(caller, METHODS[0], cursor, 2));
                assert_eq!(rest, expected(&plugins, before * 2));
            },
        );
    }
}

#[test]
fn a_cursor_survives_the_end_of_the_plugin_that_it_stopped_in() {
    // What is left begins with the plugin that comes next.
    check_reload(
        |_| 1,
        "everything",
        |[_, hello, misbehave], _| [hello.clone(), misbehave.clone()].concat(),
    );
}

#[test]
fn a_cursor_survives_the_end_of_a_plugin_before_it() {
    let before = |[everything, ..]: &Plugins| everything.len() / 2 + 1;
    check_reload(
        before,
        "everything",
        |[everything, hello, misbehave], read| {
            let read = read - everything.len();
            [hello.clone(), misbehave.clone()].concat()[read..].to_vec()
        },
    );
}

#[test]
fn a_cursor_survives_the_end_of_a_plugin_after_it() {
    check_reload(
        |_| 1,
        "misbehave",
        |[everything, hello, _], read| {
            [everything.clone(), hello.clone()].concat()[read..].to_vec()
        },
    );
}

#[test]
fn a_cursor_survives_the_end_of_all_that_was_to_come() {
    // The reading stopped in the last plugin, which goes.
    let before = |[everything, hello, _]: &Plugins| (everything.len() + hello.len()) / 2 + 1;
    check_reload(before, "misbehave", |[everything, hello, _], read| {
        assert!(everything.len() + hello.len() < read, "it stopped there");
        Vec::new()
    });
}
