//! Proves what goes wrong elsewhere: ids, nulls, escapes, depth, empty objects, and
//! messages that nobody answers. Each over every way in both eras, to the byte.

mod cancelling;
mod headers;
mod wire;

use fusebox_tests::{Era, Setup, Way, server_meta};
use serde_json::{Value, json};
use wire::{Wire, everywhere};

fn setup() -> Setup {
    Setup::new().plugin("hello").plugin("everything")
}

/// Ids as they may be written, and as they must come back.
const IDS: [&str; 13] = [
    "0",
    "-7",
    "-0",
    "1e3",
    "1.0",
    "9007199254740993",
    "18446744073709551615",
    "123456789012345678901234567890",
    r#""text""#,
    r#""""#,
    r#""18""#,
    r#""\u00e9 \" \\ 🔌""#,
    r#""a string that is longer than what is kept without an allocation""#,
];

#[test]
fn ids_come_back_as_they_were() {
    everywhere(setup, |wire| {
        for id in IDS {
            let list = wire.message(id, "resources/templates/list", "");
            let answer = wire.exchange(("resources/templates/list", None), &list);
            let begin = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"#);
            assert!(answer.starts_with(&begin), "{id}: {answer}");
            let hello = r#""name":"hello","arguments":{"name":"Ada"}"#;
            let call = wire.message(id, "tools/call", hello);
            let answer = wire.exchange(("tools/call", Some("hello")), &call);
            assert!(answer.starts_with(&begin), "{id}: {answer}");
            let unknown = wire.message(id, "no/such/method", "");
            let answer = wire.exchange(("no/such/method", None), &unknown);
            let begin = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32601,"#);
            assert!(answer.starts_with(&begin), "{id}: {answer}");
        }
    });
}

#[test]
fn what_is_no_id_is_refused_without_one() {
    let wrong = [
        ("1.5", "a fraction"),
        ("15e-1", "a fraction"),
        ("true", "a boolean"),
        ("null", "null"),
        ("{}", "an object"),
        ("[1]", "an array"),
        (r#""\ud83d""#, "one whose escapes are not valid Unicode"),
    ];
    everywhere(setup, |wire| {
        for (id, what) in wrong {
            let text = wire.message(id, "tools/list", "");
            let answer = wire.exchange(("tools/list", None), &text);
            let message = format!("`id` must be a string or an integer, not {what}");
            let error = json!({"code": -32600, "message": message});
            let expected = json!({"jsonrpc": "2.0", "error": error});
            let answer: Value = serde_json::from_str(&answer).expect("JSON");
            assert_eq!(answer, expected);
            wire.serves(id);
        }
    });
}

#[test]
fn empty_capabilities_are_objects() {
    let capabilities = json!({
        "tools": {"listChanged": true},
        "prompts": {"listChanged": true},
        "resources": {"subscribe": true, "listChanged": true},
        "logging": {},
        "completions": {},
    });
    everywhere(setup, |wire| match wire.era {
        Era::Modern => {
            let mut offered = capabilities.clone();
            offered["extensions"] = json!({"io.modelcontextprotocol/tasks": {}});
            let expected = wire.response(
                1,
                json!({
                    "supportedVersions": ["2026-07-28"],
                    "capabilities": offered,
                    "ttlMs": 5000,
                    "cacheScope": "public",
                }),
            );
            assert_eq!(wire.ask("1", "server/discover", ""), expected);
        }
        Era::Legacy => {
            let server = &server_meta()["io.modelcontextprotocol/serverInfo"];
            let expected = json!({"jsonrpc": "2.0", "id": 0, "result": {
                "protocolVersion": "2025-11-25",
                "capabilities": capabilities,
                "serverInfo": server,
            }});
            let answer: Value = serde_json::from_str(&wire.initialized).expect("JSON");
            assert_eq!(answer, expected);
            // Neither lists nor nulls, to the byte.
            let empty = r#""logging":{},"completions":{}"#;
            assert!(wire.initialized.contains(empty), "{}", wire.initialized);
        }
    });
}

#[test]
fn missing_arguments_are_none() {
    everywhere(setup, |wire| {
        for arguments in ["", r#","arguments":null"#, r#","arguments":{}"#] {
            let name = "test_simple_text";
            let params = format!(r#""name":"{name}"{arguments}"#);
            let text = wire.message("1", "tools/call", &params);
            let answer = wire.exchange(("tools/call", Some(name)), &text);
            let answer: Value = serde_json::from_str(&answer).expect("JSON");
            let said = "This is a simple text response for testing.";
            let content = json!([{"type": "text", "text": said}]);
            assert_eq!(answer, wire.response(1, json!({"content": content})));
        }
    });
}

#[test]
fn null_params_are_no_params() {
    const METHODS: [&str; 12] = [
        "ping",
        "tools/list",
        "tools/call",
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "resources/subscribe",
        "prompts/list",
        "prompts/get",
        "completion/complete",
        "logging/setLevel",
        "no/such/method",
    ];
    // A modern request can't do without.
    everywhere(setup, |wire| {
        if wire.era == Era::Modern {
            let null = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":null}"#;
            if wire.way == Way::Http {
                let answer = wire.exchange(("tools/list", None), null);
                let answer: Value = serde_json::from_str(&answer).expect("JSON");
                assert_eq!(answer["error"]["code"], -32602, "{answer}");
            }
            return;
        }
        for method in METHODS {
            let none = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}"}}"#);
            let null = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":null}}"#);
            let without = wire.exchange((method, None), &none);
            assert_eq!(wire.exchange((method, None), &null), without, "{method}");
            let answer: Value = serde_json::from_str(&without).expect("JSON");
            let lists = method.ends_with("/list") || method == "ping";
            assert_eq!(answer["result"].is_object(), lists, "{method}: {without}");
            let code = if method.starts_with("no/") {
                -32601
            } else {
                -32602
            };
            assert!(
                lists || answer["error"]["code"] == code,
                "{method}: {without}"
            );
        }
    });
}

#[test]
fn escapes_are_the_characters_that_they_stand_for() {
    everywhere(setup, |wire| {
        // "tools/call", "name" and "hello" with escapes, and a pair of surrogates.
        let params = r#""n\u0061me":"h\u0065llo","arguments":{"n\u0061me":"\ud83d\udd0c\u0000"}"#;
        let text = wire.message("1", r"tools\/c\u0061ll", params);
        let answer = wire.exchange(("tools/call", Some("hello")), &text);
        let content = json!([{"type": "text", "text": "Hello, 🔌\u{0}!"}]);
        let expected = wire.response(1, json!({"content": content}));
        assert_eq!(
            serde_json::from_str::<Value>(&answer).expect("JSON"),
            expected
        );
    });
}

#[test]
fn half_a_pair_of_surrogates_is_no_character() {
    everywhere(setup, |wire| {
        for half in [r"\ud83d", r"\udd0c", r"\ud83d\ud83d", r"\ud83dx"] {
            let answer = wire.call("hello", &format!(r#"{{"name":"{half}"}}"#));
            let words = answer["result"]["content"][0]["text"].as_str();
            let refused = words.is_some_and(|words| words.starts_with("invalid arguments: "));
            assert!(
                refused && answer["result"]["isError"] == true,
                "{half}: {answer}"
            );

            let text = wire.message("1", "tools/call", &format!(r#""name":"{half}""#));
            let answer = wire.exchange(("tools/call", Some("x")), &text);
            let answer: Value = serde_json::from_str(&answer).expect("JSON");
            let what = "not one whose escapes are not valid Unicode";
            let message = format!("`name` must be a string, {what}");
            // Over HTTP the header comes first: nothing can be the same as half a pair.
            let code = &answer["error"]["code"];
            if *code != -32020 {
                let error = json!({"code": -32602, "message": message});
                assert_eq!(answer, json!({"jsonrpc": "2.0", "id": 1, "error": error}));
            }
            wire.serves(half);
        }
    });
}

/// Arguments that fit their schema at any depth.
fn deep(depth: usize) -> String {
    let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    format!(r#"{{"name":"Ada","address":{{"street":"s","deep":{deep}}}}}"#)
}

#[test]
fn depth_is_bounded_by_an_answer() {
    const TOOL: &str = "json_schema_2020_12_tool";
    everywhere(setup, |wire| {
        // The object, the address and the lists: 127 levels are read.
        for depth in [1, 100, 125] {
            let answer = wire.call(TOOL, &deep(depth));
            let content = json!([{"type": "text", "text": "Hello, Ada!"}]);
            assert_eq!(
                answer,
                wire.response(1, json!({"content": content})),
                "{depth}"
            );
        }
        for depth in [126, 1_000, 100_000] {
            let answer = wire.call(TOOL, &deep(depth));
            // Where the first level too many begins.
            let column = deep(0).find("\"deep\":").expect("a place") + "\"deep\":".len() + 126;
            let words =
                format!("invalid arguments: recursion limit exceeded at line 1 column {column}");
            let content = json!([{"type": "text", "text": words}]);
            let expected = json!({"content": content, "isError": true});
            assert_eq!(answer, wire.response(1, expected), "{depth}");
            wire.serves("depth");
        }
    });
}

/// Unknown ones, those that would be requests, and those that name nothing.
const NOTIFICATIONS: [(&str, &str); 5] = [
    ("notifications/unknown", r#""a":1"#),
    ("no/such/method", ""),
    ("tools/call", r#""name":"hello","arguments":{"name":"Ada"}"#),
    ("notifications/cancelled", r#""requestId":5"#),
    ("notifications/initialized", ""),
];

#[test]
fn a_notification_is_never_answered() {
    everywhere(setup, |wire| {
        for (method, params) in NOTIFICATIONS {
            let text = wire.message("1", method, params).replace(r#""id":1,"#, "");
            assert!(!text.contains("\"id\""), "{text}");
            wire.silent((method, None), &text);
        }
    });
}

#[test]
fn a_response_that_nobody_asked_for_is_never_answered() {
    let unasked = [
        r#"{"jsonrpc":"2.0","id":7,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":0,"result":{"action":"accept"}}"#,
        r#"{"jsonrpc":"2.0","id":"x","error":{"code":1,"message":"m"}}"#,
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"m"}}"#,
    ];
    everywhere(setup, |wire: &mut Wire| {
        // A modern client has nothing to answer by a post of its own.
        if (wire.way, wire.era) == (Way::Http, Era::Modern) {
            return;
        }
        for message in unasked {
            wire.silent(("", None), message);
        }
    });
}
