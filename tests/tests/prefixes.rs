//! Proves that of two plugins which claim one name the operator decides: the
//! first by name keeps it, and a prefix gives the other one a name of its own.

use fusebox_tests::{EVERYWHERE, Era, Setup, each, plugin};
use serde_json::{Value, json};

/// Two copies of `hello`, and one of `everything` for its prompts.
fn setup(config: &'static str) -> impl Fn() -> Setup {
    move || {
        let setup = Setup::new().plugin("everything").config(config);
        setup
            .file("alpha", &plugin("hello"))
            .file("beta", &plugin("hello"))
    }
}

fn names(listed: &Value, kind: &str) -> Vec<String> {
    let items = listed[kind].as_array().expect("a list");
    let name = |item: &Value| item["name"].as_str().expect("a name").to_owned();
    items.iter().map(name).collect()
}

fn hello(name: &str) -> Value {
    json!({"name": name, "arguments": {"name": "Ada"}})
}

#[test]
fn without_a_prefix_the_first_by_name_keeps_the_name() {
    each(&EVERYWHERE, setup(""), &json!({}), |caller| {
        let listed = caller.result("tools/list", json!({})).expect("a list");
        let hellos = names(&listed, "tools");
        let hellos = hellos.iter().filter(|name| name.ends_with("hello"));
        assert_eq!(hellos.collect::<Vec<_>>(), ["hello"]);
        if let Some(host) = caller.reachable() {
            let collision = |name: &str| json!({"what": "tool", "name": name, "kept_by": "alpha", "refused_to": "beta"});
            let expected = json!([collision("add"), collision("hello")]);
            assert_eq!(host.health()["collisions"], expected);
            assert!(host.log().contains("two plugins claim one name"));
        }
    });
}

#[test]
fn a_prefix_stands_before_tools_and_prompts_and_the_plugin_never_sees_it() {
    let config = "
        [plugins.beta]
        prefix = \"b/\"
        [plugins.everything]
        prefix = \"e_\"
    ";
    each(&EVERYWHERE, setup(config), &json!({}), |caller| {
        let listed = caller.result("tools/list", json!({})).expect("a list");
        let tools = names(&listed, "tools");
        let (hellos, others) = tools.split_at(4);
        assert_eq!(hellos, ["add", "hello", "b/add", "b/hello"], "{tools:?}");
        assert!(
            others.iter().all(|name| name.starts_with("e_")),
            "{tools:?}"
        );

        let text = json!({"content": [{"type": "text", "text": "Hello, Ada!"}]});
        let greeting = caller.complete(text);
        for name in ["hello", "b/hello"] {
            assert_eq!(
                caller.result("tools/call", hello(name)),
                Ok(greeting.clone())
            );
        }
        let error = caller
            .result("tools/call", hello("b_hello"))
            .expect_err("none");
        assert_eq!(error["message"], "unknown tool `b_hello`");

        let listed = caller.result("prompts/list", json!({})).expect("a list");
        let prompts = names(&listed, "prompts");
        assert!(
            prompts.iter().all(|name| name.starts_with("e_")),
            "{prompts:?}"
        );
        let params = json!({"name": "e_test_simple_prompt"});
        caller.result("prompts/get", params).expect("a prompt");
        let params = json!({
            "ref": {"type": "ref/prompt", "name": "e_test_prompt_with_arguments"},
            "argument": {"name": "arg1", "value": "par"},
        });
        let completed = caller
            .result("completion/complete", params)
            .expect("values");
        assert_eq!(
            completed["completion"]["values"],
            json!(["paris", "park", "party"]),
            "{completed}"
        );
        if let Some(host) = caller.reachable().filter(|_| caller.era == Era::Modern) {
            let health = host.health();
            assert_eq!(health["collisions"], json!([]));
            assert_eq!(
                health["plugins"]["beta"]["tools"],
                json!(["b/add", "b/hello"])
            );
        }
    });
}
