//! Orders about plugins.

use fusebox_tests::{Client, Setup, changed, until};
use serde_json::{Value, json};

use crate::{Administered, check_refused};

fn hello() -> Administered {
    Administered::start(Setup::new().plugin("hello"))
}

impl Administered {
    fn state(&self) -> Value {
        self.get("status")["plugins"]["hello"].clone()
    }

    fn plugin_order(&self, action: &str, body: &Value) -> Value {
        self.done(&format!("plugins/hello/{action}"), body)
    }
}

#[test]
fn a_plugin_is_disabled_and_enabled() {
    let one = hello();
    let mut client = Client::modern(&one.host);
    let done = one.plugin_order("disable", &Value::Null);
    assert_eq!(done["done"], "disabled", "{done}");
    assert_eq!(one.state()["state"], "disabled");
    let refused = client.call("hello", json!({"name": "Ada"}));
    refused.expect_err("nothing of it is served");
    let done = one.plugin_order("enable", &Value::Null);
    assert_eq!(done["done"], "enabled", "{done}");
    client.text("hello", json!({"name": "Ada"}));
    let snapshot = one.get("snapshot");
    let history: Vec<&str> = snapshot["history"]
        .as_array()
        .expect("the history")
        .iter()
        .filter_map(|event| event["event"].as_str())
        .collect();
    assert_eq!(history[..2], ["enabled", "disabled"], "{snapshot:#}");
}

#[test]
fn a_version_is_rolled_back_pinned_and_let_go() {
    let one = hello();
    let first = one.state()["sha256"].clone();
    one.host
        .put("hello", &changed("hello", &[(b"Hello, ", b"Howdy, ")]));
    let second = until("the new version serves", || {
        let now = one.state()["sha256"].clone();
        (now != first).then_some(now)
    });
    let done = one.plugin_order("rollback", &Value::Null);
    assert_eq!((&done["from"], &done["to"]), (&second, &first), "{done}");
    assert_eq!(one.state()["sha256"], first);
    let told = done["told"].as_str().expect("words");
    assert!(told.contains("serves instead of"), "{told}");

    let begin = |sha256: &Value| sha256.as_str().expect("a digest")[..10].to_owned();
    let done = one.plugin_order("rollback", &json!({"to": begin(&second)}));
    assert_eq!(done["to"], second, "{done}");
    let done = one.plugin_order("pin", &json!({"version": begin(&first)}));
    assert_eq!(done["sha256"], first, "{done}");
    assert_eq!(one.state()["pinned"], first);
    let refused = one.order("plugins/hello/rollback", &Value::Null);
    check_refused(&refused, 409, "pinned");
    let done = one.plugin_order("unpin", &Value::Null);
    assert_eq!(done["done"], "unpinned", "{done}");
    let done = one.plugin_order("reload", &Value::Null);
    assert_eq!(done["done"], "reloaded", "{done}");
    let done = one.done("plugins/reload", &Value::Null);
    assert_eq!(done["told"], "nothing has changed", "{done}");
}

#[test]
fn what_can_not_be_done_is_refused_in_words_for_programs() {
    let one = hello();
    let order = |path: &str, body: &Value| one.order(path, body);
    let refused = order("plugins/nobody/reload", &Value::Null);
    check_refused(&refused, 404, "no_such_plugin");
    let refused = order("plugins/hello/explode", &Value::Null);
    check_refused(&refused, 404, "not_found");
    let refused = order("plugins/hello/promote", &Value::Null);
    check_refused(&refused, 404, "no_canary");
    let refused = order("plugins/hello/rollback", &Value::Null);
    check_refused(&refused, 409, "nothing_to_roll_back_to");
    let refused = order("plugins/hello/pin", &json!({"version": "ffff"}));
    check_refused(&refused, 404, "no_such_version");
    let refused = order("plugins/hello/pin", &json!({"ver": "ffff"}));
    check_refused(&refused, 400, "bad_body");
}
