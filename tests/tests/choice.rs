//! Proves what an operator makes of a plugin's tools: which are offered, under
//! which names and with which words; and that a setting which concerns no tool is
//! told and not ignored.

use std::fs;

use fusebox_tests::{Client, Era, Host, Setup, fusebox, plugin};
use serde_json::{Value, json};

fn host(config: &str) -> Host {
    Setup::new()
        .plugin("hello")
        .plugin("calculator")
        .config(config)
        .start()
}

fn names(client: &mut Client) -> Vec<String> {
    let listed = client.request("tools/list", json!({})).outcome();
    let listed = listed.expect("a list");
    let tools = listed["tools"].as_array().expect("tools");
    let names = tools.iter().filter_map(|tool| tool["name"].as_str());
    names.map(str::to_owned).collect()
}

/// Asks in both eras.
fn each(host: &Host, check: impl Fn(&mut Client)) {
    for era in [Era::Legacy, Era::Modern] {
        check(&mut Client::of(era, host));
    }
}

#[test]
fn only_what_is_included_and_not_excluded_is_offered_and_called() {
    let host = host(
        "
        [plugins.calculator]
        include = [\"a*\", \"calculate\"]
        exclude = [\"area\"]
        [plugins.hello]
        exclude = [\"h*o\"]
    ",
    );
    each(&host, |client| {
        assert_eq!(names(client), ["about", "calculate", "add"]);
        for tool in ["area", "write", "hello"] {
            let error = client.call(tool, json!({})).expect_err("no such tool");
            assert_eq!(error["code"], -32602, "{error}");
        }
        assert_eq!(client.text("about", json!({})), "calculator 0.1.0");
    });
    let health = host.health();
    for name in ["calculator", "hello"] {
        assert_eq!(health["plugins"][name].get("unmatched"), None, "{health:#}");
    }
}

#[test]
fn a_tool_has_the_name_and_the_words_that_its_operator_gives_it() {
    let host = host(
        "
        [plugins.calculator]
        include = [\"calculate\"]
        prefix = \"calc_\"
        [plugins.calculator.tools.calculate]
        rename = \"compute\"
        description = \"Computes.\"
        [plugins.hello.tools.hello]
        description = \"Greets.\"
        [plugins.hello.tools.add]
        rename = \"calculate\"
    ",
    );
    each(&host, |client| {
        assert_eq!(names(client), ["calc_compute", "calculate", "hello"]);
        let listed = client.request("tools/list", json!({})).outcome();
        let tools = listed.expect("a list")["tools"].clone();
        assert_eq!(tools[0]["description"], "Computes.");
        assert_eq!(tools[2]["description"], "Greets.");
        let arguments = json!({"operation": "multiply", "left": 6, "right": 7});
        assert_eq!(client.text("calc_compute", arguments), "42");
        let sum = client.call("calculate", json!({"a": 1, "b": 2}));
        let sum = sum.expect("the tool `add` of the plugin `hello`");
        assert_eq!(sum["structuredContent"]["result"], 3.0, "{sum}");
        let misfit = client
            .call("calculate", json!({"a": "x"}))
            .expect("a result");
        assert_eq!(misfit["isError"], true, "{misfit}");
        client
            .call("add", json!({"a": 1, "b": 2}))
            .expect_err("its old name");
    });
    let breakers = host.plugin_health("hello")["breakers"].clone();
    assert_eq!(breakers["calculate"]["calls"], 2, "{breakers}");
}

#[test]
fn what_concerns_no_tool_is_told_in_the_log_and_in_health() {
    let host = host(
        "
        [plugins.calculator]
        include = [\"a*\", \"x_*\"]
        exclude = [\"divide\"]
        [plugins.calculator.tools.write]
        rename = \"print\"
        [plugins.calculator.tools.\"a.b\"]
        rename = \"c\"
    ",
    );
    let unmatched = [
        "plugins.calculator.include: `x_*`",
        "plugins.calculator.exclude: `divide`",
        "plugins.calculator.tools.\"a.b\"",
        "plugins.calculator.tools.write",
    ];
    let health = host.plugin_health("calculator");
    assert_eq!(health["unmatched"], json!(unmatched), "{health}");
    assert_eq!(health["tools"], json!(["about", "area"]), "{health}");
    let log = host.log();
    assert_eq!(
        log.matches("the configuration names a tool that isn't there")
            .count(),
        unmatched.len(),
        "{log}"
    );
}

#[test]
fn a_new_name_that_another_tool_of_the_plugin_has_is_refused_with_the_line_to_change() {
    let host = host("[plugins.hello.tools.add]\nrename = \"hello\"");
    let health = host.plugin_health("hello");
    assert_eq!(health["state"], "failed", "{health}");
    let reason = health["reason"].as_str().expect("a reason");
    assert_eq!(
        reason,
        "tool `hello`: both `add` and `hello` have this name; change `plugins.hello.tools.add.rename`"
    );
    each(&host, |client| {
        let names = names(client);
        assert!(names.contains(&"about".to_owned()), "{names:?}");
        assert!(!names.contains(&"hello".to_owned()), "{names:?}");
    });
}

#[test]
fn a_new_name_that_a_tool_of_another_plugin_has_is_a_collision() {
    let host = host("[plugins.hello.tools.add]\nrename = \"calculate\"");
    let collision = json!({
        "what": "tool", "name": "calculate", "kept_by": "calculator", "refused_to": "hello",
    });
    assert_eq!(host.health()["collisions"], json!([collision]));
    each(&host, |client| {
        let arguments = json!({"operation": "add", "left": 1, "right": 2});
        assert_eq!(client.text("calculate", arguments), "3");
        client.text("hello", json!({"name": "Ada"}));
    });
}

/// Another build of `hello`: one that greets with other words, as long.
fn other_build() -> Vec<u8> {
    let mut bytes = plugin("hello");
    let built: &[u8] = b"Hello, ";
    let place = bytes.windows(built.len()).position(|part| part == built);
    bytes[place.expect("the greeting")..][..built.len()].copy_from_slice(b"Howdy, ");
    bytes
}

#[test]
fn a_new_version_of_the_file_is_chosen_from_in_the_same_way() {
    let host = host(
        "
        [reload]
        poll_interval_ms = 100
        settle_ms = 20
        [plugins.hello]
        exclude = [\"add\"]
        [plugins.hello.tools.hello]
        rename = \"greet\"
        description = \"Greets.\"
    ",
    );
    let before = host.plugin_health("hello")["sha256"].clone();
    host.put("hello", &other_build());
    host.health_when("the other build serves", |health| {
        health["plugins"]["hello"]["sha256"] != before
    });
    each(&host, |client| {
        assert_eq!(client.text("greet", json!({"name": "Ada"})), "Howdy, Ada!");
        for gone in ["hello", "add"] {
            let error = client.call(gone, json!({})).expect_err("no such tool");
            assert_eq!(error["message"], format!("unknown tool `{gone}`"));
        }
        let listed = client.request("tools/list", json!({})).outcome();
        let tools = listed.expect("a list")["tools"].clone();
        let greet = tools.as_array().and_then(|tools| tools.last());
        assert_eq!(greet.expect("a tool")["description"], "Greets.", "{tools}");
    });
}

#[test]
fn the_authors_commands_see_what_the_host_would_offer() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes);
    write("hello.wasm", &plugin("hello")).expect("a file");
    let config = "[plugins.hello]\ninclude = [\"add\", \"sub\"]\ntools.add.rename = \"sum\"\n";
    write("fusebox.toml", config.as_bytes()).expect("a file");
    let command = [
        "plugin",
        "check",
        "--json",
        "--config",
        "fusebox.toml",
        "hello.wasm",
    ];
    let ran = fusebox(folder.path(), &command);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    assert_eq!(report["tools"], json!(["sum"]));
    assert_eq!(report["unmatched"], json!(["plugins.hello.include: `sub`"]));
}
