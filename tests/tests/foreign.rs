//! Proves that a component which was made for any host, and knows nothing of this
//! one, is served like a plugin: listed with schemas of its types, called in both
//! eras and both kinds of isolation, checked, limited, granted and looked at.

use std::fs;

use fusebox_tests::{Client, Era, Setup, fusebox, plugin, repository, typed};
use serde_json::{Value, json};

/// The component; it is written with `wit-bindgen` alone, in a world of its own.
const NAME: &str = "calculator";

fn setup(config: &str) -> Setup {
    Setup::new().plugin(NAME).config(config)
}

/// The structured content of a good result; of a function that gives no record,
/// what is in it.
#[track_caller]
fn result(client: &mut Client, tool: &str, arguments: &Value) -> Value {
    let result = client.call(tool, arguments.clone());
    let result = result.unwrap_or_else(|error| panic!("{tool} {arguments}: {error}"));
    assert_ne!(result["isError"], true, "{tool} {arguments}: {result}");
    let structured = &result["structuredContent"];
    structured.get("result").unwrap_or(structured).clone()
}

/// The text of a result that says `isError`.
#[track_caller]
fn error(client: &mut Client, tool: &str, arguments: Value) -> String {
    let result = client.call(tool, arguments).expect("no JSON-RPC error");
    assert_eq!(result["isError"], true, "{result}");
    assert!(result.get("structuredContent").is_none(), "{result}");
    let text = result["content"][0]["text"].as_str();
    text.expect("a text").to_owned()
}

/// Calls of each tool, and what they give.
fn calls() -> Vec<(&'static str, Value, Value)> {
    let point = |x: f64, y: f64| json!({"x": x, "y": y});
    vec![
        (
            "calculate",
            json!({"operation": "add", "left": i64::MAX - 1, "right": 1}),
            json!(i64::MAX),
        ),
        (
            "calculate",
            json!({"operation": "divide", "left": i64::MIN, "right": 1}),
            json!(i64::MIN),
        ),
        (
            "summarise",
            json!({"numbers": [0.1, 3, -4.5]}),
            json!({"count": 3, "mean": (0.1 + 3.0 - 4.5) / 3.0, "range": [-4.5, 3.0]}),
        ),
        (
            "summarise",
            json!({"numbers": []}),
            json!({"count": 0, "mean": "NaN", "range": null}),
        ),
        (
            "summarise",
            json!({"numbers": ["-Infinity"]}),
            json!({"count": 1, "mean": "-Infinity", "range": ["-Infinity", "-Infinity"]}),
        ),
        (
            "write",
            json!({"number": u64::MAX, "style": []}),
            json!(u64::MAX.to_string()),
        ),
        (
            "write",
            json!({"number": 1_234_567, "base": null, "style": ["signed", "grouped"]}),
            json!("+1_234_567"),
        ),
        (
            "write",
            json!({"number": 255, "base": 16, "style": ["signed"]}),
            json!("+ff"),
        ),
        ("area", json!({"figure": "nothing"}), json!(0.0)),
        (
            "area",
            json!({"figure": {"polygon": [point(0.0, 0.0), point(2.0, 0.0), point(2.0, 3.0)]}}),
            json!(3.0),
        ),
        (
            "move",
            json!({"figure": {"circle": [point(0.5, -1.0), 0.1]}, "by": point(1.0, 1.0)}),
            json!([{"circle": [point(1.5, 0.0), 0.1]}, null]),
        ),
        (
            "move",
            json!({"figure": "nothing", "by": point(0.0, 0.0), "name": {"some": null}}),
            json!(["nothing", {"some": null}]),
        ),
        (
            "move",
            json!({"figure": "nothing", "by": point(0.0, 0.0), "name": {"some": "𝄞"}}),
            json!(["nothing", {"some": "𝄞"}]),
        ),
        (
            "checksum",
            json!({"bytes": "AAECgP8="}),
            json!([0x80 + 0xff + 3, "/4ACAQA="]),
        ),
        ("about", json!({}), json!("calculator 0.1.0")),
    ]
}

#[test]
fn every_type_goes_there_and_back_in_both_eras_and_both_kinds_of_isolation() {
    for isolation in ["call", "pooled"] {
        let host = setup(&format!("[limits]\nisolation = \"{isolation}\"")).start();
        for era in [Era::Legacy, Era::Modern] {
            let mut client = Client::of(era, &host);
            for (tool, arguments, expected) in calls() {
                assert_eq!(
                    result(&mut client, tool, &arguments),
                    expected,
                    "{isolation}: {tool} {arguments}"
                );
            }
        }
        let health = host.plugin_health(NAME);
        assert_eq!(health["calls"], calls().len() * 2, "{health}");
        assert_eq!(health["faults"], 0, "{health}");
    }
}

#[test]
fn what_is_listed_is_described_and_its_schemas_say_what_is_taken() {
    let host = setup("").start();
    for era in [Era::Legacy, Era::Modern] {
        let mut client = Client::of(era, &host);
        let listed = client.request("tools/list", json!({})).outcome();
        let listed = listed.expect("a list");
        let tools = listed["tools"].as_array().expect("tools");
        assert_eq!(tools.len(), 7, "{listed}");
        let of = |name: &str| {
            let mut tools = tools.iter();
            tools.find(|tool| tool["name"] == name).expect("a tool")
        };
        assert_eq!(of("area")["description"], "The area of a figure.");
        let base = &of("write")["inputSchema"]["properties"]["base"];
        assert_eq!(base["anyOf"][0]["maximum"], 255);
        assert_eq!(base["anyOf"][1]["type"], "null");
        let required = &of("write")["inputSchema"]["required"];
        assert_eq!(*required, json!(["number", "style"]));
        for (tool, arguments, expected) in calls() {
            let schema = |name: &str| {
                let schema = &of(tool)[name];
                jsonschema::validator_for(schema).unwrap_or_else(|error| panic!("{error}"))
            };
            assert!(schema("inputSchema").is_valid(&arguments), "{arguments}");
            let output = match expected {
                Value::Object(record) => Value::Object(record),
                other => json!({"result": other}),
            };
            assert!(schema("outputSchema").is_valid(&output), "{output}");
        }
    }
}

#[test]
fn an_error_of_a_function_is_an_error_of_its_tool_and_opens_no_breaker() {
    let host = setup("[circuit_breaker]\nfailure_threshold = 1").start();
    let mut client = Client::modern(&host);
    let calculate = |operation: &str, right: i64| json!({"operation": operation, "left": i64::MAX, "right": right});
    for _ in 0..2 {
        assert_eq!(
            error(&mut client, "calculate", calculate("divide", 0)),
            "\"division-by-zero\""
        );
    }
    assert_eq!(
        error(&mut client, "calculate", calculate("multiply", 2)),
        r#"{"overflow":"18446744073709551614"}"#
    );
    let write = json!({"number": 1, "base": 37, "style": []});
    assert_eq!(error(&mut client, "write", write), "there is no base 37");
    assert_eq!(host.plugin_health(NAME)["faults"], 0);
}

/// Arguments that don't fit, and the place where they don't.
fn misfits() -> Vec<(&'static str, Value, &'static str)> {
    let calculate = |operation: Value, left: Value| {
        let arguments = json!({"operation": operation, "left": left, "right": 1});
        ("calculate", arguments)
    };
    let with = |(tool, arguments), place| (tool, arguments, place);
    vec![
        with(calculate(json!("power"), json!(1)), "/operation"),
        with(calculate(json!("add"), json!(1.5)), "/left"),
        with(calculate(json!("add"), json!("1")), "/left"),
        with(calculate(json!("add"), json!(u64::MAX)), "/left"),
        ("calculate", json!({"operation": "add", "left": 1}), "right"),
        ("write", json!({"number": -1, "style": []}), "/number"),
        (
            "write",
            json!({"number": 1, "style": ["signed", "signed"]}),
            "/style",
        ),
        ("write", json!({"number": 1, "style": ["bold"]}), "/style/0"),
        (
            "write",
            json!({"number": 1, "base": 256, "style": []}),
            "/base",
        ),
        ("area", json!({"figure": {"square": 1}}), "/figure"),
        ("area", json!({"figure": "circle"}), "/figure"),
        ("summarise", json!({"numbers": ["many"]}), "/numbers/0"),
        ("about", json!({"extra": 1}), "extra"),
    ]
}

#[test]
fn wrong_arguments_are_refused_by_the_schema_before_any_wasm_runs() {
    let host = setup("").start();
    for era in [Era::Legacy, Era::Modern] {
        let mut client = Client::of(era, &host);
        for (tool, arguments, place) in misfits() {
            let words = error(&mut client, tool, arguments);
            assert!(words.starts_with("invalid arguments: "), "{words}");
            assert!(words.contains(place), "{words}");
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("calculator.wasm"), plugin(NAME)).expect("a file");
    for (tool, arguments, _) in misfits().into_iter().take(3) {
        let arguments = arguments.to_string();
        let command = [
            "plugin",
            "call",
            "--json",
            "calculator.wasm",
            tool,
            &arguments,
        ];
        let ran = fusebox(folder.path(), &command);
        let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        assert_eq!(report["fuel"], 0, "{report}");
    }
}

#[test]
fn what_the_schema_would_refuse_is_refused_without_it_too() {
    let host = setup("[limits]\nvalidate_arguments = false").start();
    let mut client = Client::modern(&host);
    for (tool, arguments, _) in misfits() {
        // The words are the engine's then.
        let words = match client.call(tool, arguments.clone()) {
            Ok(result) => {
                assert_eq!(result["isError"], true, "{arguments}: {result}");
                result["content"][0]["text"].to_string()
            }
            Err(error) => error["message"].to_string(),
        };
        assert!(
            words.contains("expected") || words.contains('`') || words.contains("member"),
            "{words}"
        );
    }
    let health = host.plugin_health(NAME);
    assert_eq!(health["faults"], 0, "{health}");
}

#[test]
fn limits_and_the_breaker_hold_as_for_any_plugin() {
    let host = setup(
        "
        [plugins.calculator]
        fuel = 1000
        [circuit_breaker]
        failure_threshold = 2
    ",
    )
    .start();
    let mut client = Client::modern(&host);
    let numbers = json!({"numbers": vec![1; 1000]});
    let mut reason = || {
        let refused = client.call("summarise", numbers.clone());
        refused.expect_err("no fuel")["data"]["reason"].clone()
    };
    assert_eq!(reason(), "out_of_fuel");
    assert_eq!(reason(), "out_of_fuel");
    assert_eq!(reason(), "breaker_open");
}

#[test]
fn it_has_what_it_is_granted_and_a_prefix_if_it_is_given_one() {
    let host = setup(
        "
        [plugins.calculator]
        prefix = \"calc_\"
        [plugins.calculator.grants.config]
        owner = \"Ada\"
    ",
    )
    .start();
    let mut client = Client::modern(&host);
    let about = result(&mut client, "calc_about", &json!({}));
    assert_eq!(about, "calculator 0.1.0 of Ada");
}

#[test]
fn the_authors_commands_tell_what_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("calculator.wasm"), plugin(NAME)).expect("a file");
    let run = |arguments: &[&str]| {
        let ran = fusebox(folder.path(), &[&["plugin"], arguments].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stdout
    };
    let json =
        |arguments: &[&str]| -> Value { serde_json::from_str(&run(arguments)).expect("JSON") };
    let report = json(&["check", "--json", "calculator.wasm"]);
    assert_eq!(report["exports"], json!([]));
    assert_eq!(
        report["functions"]["write"],
        "example:calculator/arithmetic@0.3.0#write"
    );
    assert_eq!(report["functions"]["about"], "about");
    assert_eq!(report["denied"], json!(["config"]));
    let pushed = &report["notServed"]["example:calculator/digest@0.3.0#[method]running.push"];
    let reason = pushed.as_str().expect("a reason");
    assert!(reason.contains("resource"), "{reason}");
    let shown = run(&["check", "calculator.wasm"]);
    assert!(shown.contains("made for other hosts"), "{shown}");

    let report = json(&["inspect", "--json", "calculator.wasm"]);
    let wit = report["wit"].as_str().expect("WIT");
    assert!(
        wit.contains("export example:calculator/geometry@0.3.0;"),
        "{wit}"
    );
    assert_eq!(report["tools"].as_array().map(Vec::len), Some(7));

    let arguments = r#"{"operation":"multiply","left":6,"right":7}"#;
    let report = json(&["call", "--json", "calculator.wasm", "calculate", arguments]);
    let structured = &report["outcome"]["result"]["structuredContent"];
    assert_eq!(*structured, json!({"result": 42}));
    assert!(report["fuel"].as_u64().expect("fuel") > 0, "{report}");
}

#[test]
fn the_commands_of_the_page_do_what_it_says() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("calculator.wasm"), plugin(NAME)).expect("a file");
    let page = fs::read_to_string(repository().join("docs/src/foreign.md")).expect("the page");
    let commands: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("fusebox "))
        .collect();
    // How a module becomes a component is shown by the example in C.
    let [check, call, "fusebox plugin build words.wasm"] = commands.as_slice() else {
        panic!("{commands:?}");
    };
    let ran = typed(folder.path(), check);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = typed(folder.path(), call);
    assert!(ran.stdout.contains("\"result\": 42"), "{ran:?}");
}

#[test]
fn a_component_without_a_function_that_could_be_a_tool_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let component = wat::parse_str("(component (core module $m) (export \"m\" (core module $m)))");
    fs::write(folder.path().join("none.wasm"), component.expect("WAT")).expect("a file");
    let ran = fusebox(folder.path(), &["plugin", "check", "none.wasm"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stderr
            .contains("no function that could be a tool; it exports `m`"),
        "{ran:?}"
    );
}
