//! Proves what clients of both eras are shown of resources, and that they hear
//! when one of them, or a list, has changed.

use fusebox_tests::{
    Caller, EVERYWHERE, Era, LEGACY_WAYS, MODERN_WAYS, Setup, each, plugin, server_meta,
};
use serde_json::{Value, json};

const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC";

fn setup() -> Setup {
    Setup::new().plugin("everything")
}

/// Files are looked at soon after they change.
fn quick() -> Setup {
    let quick = "[reload]\npoll_interval_ms = 100\nsettle_ms = 20";
    Setup::new().plugin("hello").config(quick)
}

fn resource(uri: &str, name: &str, description: &str, mime_type: &str) -> Value {
    json!({"uri": uri, "name": name, "description": description, "mimeType": mime_type})
}

/// Requests `method` everywhere, and compares the whole result: `fields`, and
/// for modern clients how long, and by whom, it may be kept.
fn check(method: &str, params: &Value, fields: &Value, keep: (u64, &str)) {
    each(&EVERYWHERE, setup, &json!({}), |caller| {
        let expected = caller.kept(fields.clone(), keep.0, keep.1);
        assert_eq!(caller.result(method, params.clone()), Ok(expected));
    });
}

/// Compares the whole error, as each era has it.
fn check_error(method: &str, params: &Value, legacy: &Value, modern: &Value) {
    each(&EVERYWHERE, setup, &json!({}), |caller| {
        let expected = match caller.era {
            Era::Legacy => legacy.clone(),
            Era::Modern => modern.clone(),
        };
        let answer = caller.request(method, params.clone());
        assert_eq!(answer.message["error"], expected, "{}", answer.message);
        // The message itself is in order, and so is the transport.
        assert_eq!(answer.status, 200);
    });
}

#[test]
fn the_resources_are_listed() {
    let listed = json!({"resources": [
        resource(
            "test://static-text",
            "Static Text Resource",
            "A static text resource for testing",
            "text/plain",
        ),
        resource(
            "test://static-binary",
            "Static Binary Resource",
            "A static binary/blob resource for testing",
            "image/png",
        ),
        resource(
            "test://watched-resource",
            "Watched Resource",
            "A resource to subscribe to: `test_trigger_resource_update` says that it\nchanged",
            "text/plain",
        ),
        resource(
            "test://input-required",
            "Asking Resource",
            "A resource that requires elicitation input via InputRequiredResult (SEP-2322)",
            "text/plain",
        ),
    ]});
    check("resources/list", &json!({}), &listed, (5000, "public"));
}

#[test]
fn the_templates_are_listed() {
    let listed = json!({"resourceTemplates": [{
        "uriTemplate": "test://template/{id}/data",
        "name": "Dynamic Resource",
        "description": "A dynamic resource with parameter substitution",
        "mimeType": "application/json",
    }]});
    check(
        "resources/templates/list",
        &json!({}),
        &listed,
        (5000, "public"),
    );
}

/// Reads a resource everywhere; `body` is its `text` or `blob`.
fn check_read(uri: &str, mime_type: &str, body: (&str, &str), keep: (u64, &str)) {
    let contents = json!([{"uri": uri, "mimeType": mime_type, body.0: body.1}]);
    let fields = json!({"contents": contents});
    check("resources/read", &json!({"uri": uri}), &fields, keep);
}

#[test]
fn text_is_read() {
    let text = "This is the content of the static text resource.";
    let body = ("text", text);
    check_read("test://static-text", "text/plain", body, (60_000, "public"));
}

#[test]
fn what_its_plugin_gives_no_leave_to_keep_is_not_kept() {
    let body = ("text", "This is the content of the watched resource.");
    check_read(
        "test://watched-resource",
        "text/plain",
        body,
        (0, "private"),
    );
}

#[test]
fn bytes_are_read_as_base64() {
    let body = ("blob", PIXEL);
    check_read(
        "test://static-binary",
        "image/png",
        body,
        (60_000, "public"),
    );
}

#[test]
fn what_fits_a_template_is_read_with_its_variables() {
    for (variable, id) in [
        ("7", "7"),
        ("a%20b", "a b"),
        ("x-y_z.~", "x-y_z.~"),
        ("%C3%A9", "\u{e9}"),
        ("%2F", "/"),
    ] {
        let text = format!(r#"{{"id":"{id}","templateTest":true,"data":"Data for ID: {id}"}}"#);
        check_read(
            &format!("test://template/{variable}/data"),
            "application/json",
            ("text", &text),
            (60_000, "public"),
        );
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    for uri in [
        "test://nothing",
        "test://static-text/",
        "TEST://static-text",
        "test://template/1/2/data",
        "test://template/1/data/",
        "test://template/1",
        "",
    ] {
        let error = |code: i64| json!({"code": code, "message": "resource not found", "data": {"uri": uri}});
        check_error(
            "resources/read",
            &json!({"uri": uri}),
            &error(-32002),
            &error(-32602),
        );
    }
}

#[test]
fn a_read_names_what_to_read() {
    let check = |params: Value, message: &str| {
        let error = json!({"code": -32602, "message": message});
        check_error("resources/read", &params, &error, &error);
    };
    check(json!({}), "`uri` is missing");
    check(json!({"uri": 7}), "`uri` must be a string, not a number");
}

fn trigger(caller: &mut Caller, tool: &str, arguments: Value) -> Vec<Value> {
    let answer = caller.request("tools/call", json!({"name": tool, "arguments": arguments}));
    let content = &answer.message["result"]["content"][0]["text"];
    let told = content.as_str().unwrap_or_default();
    assert!(told.ends_with(" triggered"), "{}", answer.message);
    answer.before
}

/// Changes a resource (of this address), or the list if there is none, and
/// gives the next message on the stream of changes. Over lines it may come
/// before the answer of the tool that made it.
fn after_change(caller: &mut Caller, stream: u64, uri: Option<&str>) -> Value {
    let mut before = match uri {
        Some(uri) => trigger(caller, "test_trigger_resource_update", json!({"uri": uri})),
        None => trigger(caller, "test_trigger_resource_change", json!({})),
    };
    match before.pop() {
        Some(message) => {
            assert_eq!(before, Vec::<Value>::new(), "one change, one message");
            message
        }
        None => caller.next(stream).expect("a message"),
    }
}

fn notification(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "params": params})
}

fn updated(uri: &str) -> Value {
    notification("notifications/resources/updated", json!({"uri": uri}))
}

const WATCHED: &str = "test://watched-resource";

#[test]
fn a_legacy_client_hears_of_what_it_subscribed_to_until_it_unsubscribes() {
    each(&LEGACY_WAYS, setup, &json!({}), |caller| {
        let stream = caller.listen(json!({}));
        let subscribe = |caller: &mut Caller, method: &str, uri: &str| {
            assert_eq!(caller.result(method, json!({"uri": uri})), Ok(json!({})));
        };
        let of_template = "test://template/1/data";
        let list = notification("notifications/resources/list_changed", json!({}));
        // Twice is once.
        subscribe(caller, "resources/subscribe", WATCHED);
        subscribe(caller, "resources/subscribe", WATCHED);
        subscribe(caller, "resources/subscribe", of_template);
        assert_eq!(
            after_change(caller, stream, Some(WATCHED)),
            updated(WATCHED)
        );
        assert_eq!(
            after_change(caller, stream, Some(of_template)),
            updated(of_template)
        );
        // Nobody subscribed to this one: the next message is of another change.
        let text = json!({"uri": "test://static-text"});
        let before = trigger(caller, "test_trigger_resource_update", text);
        assert_eq!(before, Vec::<Value>::new());
        assert_eq!(after_change(caller, stream, None), list);

        subscribe(caller, "resources/unsubscribe", WATCHED);
        // What nobody subscribed to can be given up as well.
        subscribe(caller, "resources/unsubscribe", WATCHED);
        let watched = json!({"uri": WATCHED});
        let before = trigger(caller, "test_trigger_resource_update", watched);
        assert_eq!(before, Vec::<Value>::new());
        assert_eq!(
            after_change(caller, stream, Some(of_template)),
            updated(of_template)
        );
    });
}

#[test]
fn a_subscription_is_its_own_clients_alone() {
    each(&LEGACY_WAYS[..2], setup, &json!({}), |caller| {
        let mut other = Caller::open(caller.host(), caller.way, Era::Legacy, &json!({}));
        let (stream, others) = (caller.listen(json!({})), other.listen(json!({})));
        let subscribed = caller.result("resources/subscribe", json!({"uri": WATCHED}));
        assert_eq!(subscribed, Ok(json!({})));
        assert_eq!(
            after_change(caller, stream, Some(WATCHED)),
            updated(WATCHED)
        );
        let list = notification("notifications/resources/list_changed", json!({}));
        assert_eq!(after_change(caller, stream, None), list);
        assert_eq!(other.next(others), Some(list));
    });
}

#[test]
fn what_is_not_there_cannot_be_subscribed_to() {
    each(&LEGACY_WAYS, setup, &json!({}), |caller| {
        let uri = "test://nothing";
        let error = json!({"code": -32002, "message": "resource not found", "data": {"uri": uri}});
        assert_eq!(
            caller.result("resources/subscribe", json!({"uri": uri})),
            Err(error)
        );
        let missing = json!({"code": -32602, "message": "`uri` is missing"});
        for method in ["resources/subscribe", "resources/unsubscribe"] {
            assert_eq!(caller.result(method, json!({})), Err(missing.clone()));
        }
    });
}

#[test]
fn a_modern_client_hears_of_what_it_listens_to_alone() {
    each(&MODERN_WAYS, setup, &json!({}), |caller| {
        let wanted = json!({"resourceSubscriptions": [WATCHED], "resourcesListChanged": true});
        let stream = caller.listen(wanted.clone());
        let meta = json!({"io.modelcontextprotocol/subscriptionId": stream});
        assert_eq!(
            caller.next(stream),
            Some(notification(
                "notifications/subscriptions/acknowledged",
                json!({"_meta": meta, "notifications": wanted}),
            ))
        );
        assert_eq!(
            after_change(caller, stream, Some(WATCHED)),
            notification(
                "notifications/resources/updated",
                json!({"_meta": meta, "uri": WATCHED}),
            )
        );
        for (tool, arguments) in [
            (
                "test_trigger_resource_update",
                json!({"uri": "test://static-text"}),
            ),
            ("test_trigger_tool_change", json!({})),
            ("test_trigger_prompt_change", json!({})),
        ] {
            let before = trigger(caller, tool, arguments);
            assert_eq!(before, Vec::<Value>::new(), "{tool}");
        }
        assert_eq!(
            after_change(caller, stream, None),
            notification(
                "notifications/resources/list_changed",
                json!({"_meta": meta}),
            )
        );
    });
}

#[test]
fn what_was_not_asked_for_is_not_acknowledged() {
    each(&MODERN_WAYS, setup, &json!({}), |caller| {
        for (wanted, accepted) in [
            (json!({}), json!({})),
            (
                json!({"resourcesListChanged": false, "promptsListChanged": true}),
                json!({"promptsListChanged": true}),
            ),
            (json!({"resourceSubscriptions": []}), json!({})),
            (
                json!({"toolsListChanged": true, "nobodyKnows": true}),
                json!({"toolsListChanged": true}),
            ),
        ] {
            let stream = caller.listen(wanted);
            let meta = json!({"io.modelcontextprotocol/subscriptionId": stream});
            assert_eq!(
                caller.next(stream).expect("an acknowledgement")["params"],
                json!({"_meta": meta, "notifications": accepted})
            );
        }
    });
}

#[test]
fn a_modern_client_on_lines_ends_a_subscription_by_cancelling_it() {
    each(&MODERN_WAYS[1..], setup, &json!({}), |caller| {
        let listen = |caller: &mut Caller| {
            let stream = caller.listen(json!({"resourceSubscriptions": [WATCHED]}));
            caller.next(stream).expect("an acknowledgement");
            stream
        };
        let first = listen(caller);
        let second = listen(caller);
        caller.notify("notifications/cancelled", json!({"requestId": first}));
        // Only the second one is left to tell.
        let meta = json!({"io.modelcontextprotocol/subscriptionId": second});
        assert_eq!(
            after_change(caller, second, Some(WATCHED))["params"],
            json!({"_meta": meta, "uri": WATCHED})
        );
        let discovered = caller.request("server/discover", json!({}));
        assert_eq!(discovered.before, Vec::<Value>::new());
        assert_eq!(discovered.message["result"]["_meta"], server_meta());
    });
}

/// The next messages of a stream, which come in any order.
fn next_sorted(caller: &mut Caller, stream: u64, count: usize) -> Vec<String> {
    let messages = (0..count).map(|_| caller.next(stream).expect("a message"));
    let mut texts: Vec<String> = messages.map(|message| message.to_string()).collect();
    texts.sort();
    texts
}

fn list_changed(kinds: &[&str], params: &Value) -> Vec<String> {
    let messages = kinds.iter().map(|kind| {
        let method = format!("notifications/{kind}/list_changed");
        notification(&method, params.clone()).to_string()
    });
    let mut texts: Vec<String> = messages.collect();
    texts.sort();
    texts
}

#[test]
fn each_list_that_a_file_changes_is_told_of_once() {
    each(&EVERYWHERE[..4], quick, &json!({}), |caller| {
        let wanted = json!({"promptsListChanged": true, "resourcesListChanged": true});
        let stream = caller.listen(wanted);
        let (all, params): (&[&str], _) = match caller.era {
            // It hears of every list, since it can't choose.
            Era::Legacy => (&["tools", "prompts", "resources"], json!({})),
            Era::Modern => {
                caller.next(stream).expect("an acknowledgement");
                let id = json!({"io.modelcontextprotocol/subscriptionId": stream});
                (&["prompts", "resources"], json!({"_meta": id}))
            }
        };
        let host = caller.host().clone();
        let wait = |name: &str, there: bool| {
            host.health_when("the file was looked at", |health| {
                (health["plugins"][name]["state"] == "serving") == there
            });
        };
        for _ in 0..2 {
            host.put("everything", &plugin("everything"));
            wait("everything", true);
            let expected = list_changed(all, &params);
            assert_eq!(next_sorted(caller, stream, all.len()), expected);
            let listed = caller.result("resources/templates/list", json!({}));
            let templates = listed.expect("a list")["resourceTemplates"].clone();
            assert_eq!(templates.as_array().map(Vec::len), Some(1));

            // A plugin with nothing but tools changes no other list.
            host.put("misbehave", &plugin("misbehave"));
            wait("misbehave", true);
            host.remove("misbehave");
            wait("misbehave", false);
            if caller.era == Era::Legacy {
                let expected = list_changed(&["tools", "tools"], &params);
                assert_eq!(next_sorted(caller, stream, 2), expected);
            }

            host.remove("everything");
            wait("everything", false);
            let expected = list_changed(all, &params);
            assert_eq!(next_sorted(caller, stream, all.len()), expected);
            for (method, list) in [
                ("resources/list", "resources"),
                ("resources/templates/list", "resourceTemplates"),
                ("prompts/list", "prompts"),
            ] {
                let empty = caller.kept(json!({list: []}), 5000, "public");
                assert_eq!(caller.result(method, json!({})), Ok(empty), "{method}");
            }
        }
    });
}
