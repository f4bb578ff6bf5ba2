//! Proves that a component which knows nothing of this host is served: its
//! functions are tools, each type goes there and back without a loss, what doesn't
//! fit never enters, and its faults are told as those of any plugin.

mod again;

use std::time::Duration;

use fusebox_engine::contract::types::{CallContext, CallResult, ClientCapabilities, Content};
use fusebox_engine::contract::types::{Failure, Tool, ToolOutcome};
use fusebox_engine::{Answer, CallError, Discard, Engine, EngineConfig, FaultKind, Habit};
use fusebox_engine::{Invocation, Isolation, Limits, LoadError, Plugin};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

fn component(wit: &str, module: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("test.wit", wit).expect("WIT");
    let world = resolve.select_world(&[package], None).expect("a world");
    let mut module = wat::parse_str(module).expect("a module");
    let encoding = StringEncoding::UTF8;
    embed_component_metadata(&mut module, &resolve, world, encoding, false).expect("metadata");
    let encoded = ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| encoder.validate(true).encode());
    encoded.expect("a component")
}

fn shapes() -> Vec<u8> {
    component(include_str!("shapes.wit"), include_str!("guest.wat"))
}

fn load(bytes: &[u8], limits: Limits) -> Result<Plugin, LoadError> {
    let config = EngineConfig {
        max_instances: 2,
        long_call_threads: 1,
        ..EngineConfig::default()
    };
    let engine = Engine::new(&config).expect("an engine");
    Plugin::load(&engine, bytes, limits, Isolation::Call)
}

/// A plugin with what is known of how it behaves.
struct Guest {
    plugin: Plugin,
    habit: Habit,
    runtime: tokio::runtime::Runtime,
}

type Called = Result<Result<CallResult, Failure>, CallError>;

impl Guest {
    fn new(bytes: &[u8], limits: Limits) -> Self {
        Self::of(load(bytes, limits).expect("a plugin"))
    }

    fn of(plugin: Plugin) -> Self {
        Self {
            plugin,
            habit: Habit::default(),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime"),
        }
    }

    fn invoke(&self, invocation: Invocation) -> Result<Answer, CallError> {
        let sink = std::sync::Arc::new(Discard);
        let call = self.plugin.call(invocation, sink, None, &self.habit);
        self.runtime.block_on(call).answer
    }

    fn tools(&self) -> Vec<Tool> {
        match self.invoke(Invocation::ListTools) {
            Ok(Answer::Tools(Ok(tools))) => tools,
            other => panic!("{other:?}"),
        }
    }

    fn call(&self, tool: &str, arguments: &str) -> Called {
        let context = CallContext {
            caller: None,
            deadline_ms: 1000,
            client: ClientCapabilities::empty(),
            input_responses: None,
            request_state: None,
        };
        let invocation = Invocation::CallTool {
            name: tool.into(),
            arguments: arguments.into(),
            context,
        };
        match self.invoke(invocation)? {
            Answer::Tool(Ok(ToolOutcome::Complete(result))) => Ok(Ok(result)),
            Answer::Tool(Err(failure)) => Ok(Err(failure)),
            other => panic!("{other:?}"),
        }
    }

    /// Text and structured content of a result, and whether it is an error.
    fn result(&self, tool: &str, arguments: &str) -> (String, Option<String>, bool) {
        let result = self.call(tool, arguments).expect("no fault");
        let result = result.unwrap_or_else(|failure| panic!("{tool} {arguments}: {failure:?}"));
        let [Content::Text(text)] = result.content.as_slice() else {
            panic!("{result:?}");
        };
        (text.text.clone(), result.structured, result.is_error)
    }

    fn invalid(&self, tool: &str, arguments: &str) -> String {
        match self.call(tool, arguments) {
            Ok(Err(Failure::InvalidParams(words))) => words,
            other => panic!("{arguments}: {other:?}"),
        }
    }

    fn fault(&self, tool: &str, arguments: &str) -> FaultKind {
        match self.call(tool, arguments) {
            Err(CallError::Fault(fault)) => fault.kind,
            other => panic!("{other:?}"),
        }
    }
}

/// One of everything, in the order of its fields.
const ALL: &str = concat!(
    r#"{"yes":true,"s8":-128,"u8":255,"s16":-32768,"u16":65535,"s32":-2147483648,"#,
    r#""u32":4294967295,"s64":-9223372036854775808,"u64":18446744073709551615,"#,
    r#""f32":3.4028235e+38,"f64":5e-324,"letter":"𝄞","text":"\"\u0000 é 𝄞","bytes":"AP8Q","#,
    r#""points":[{"x":1,"label":null},{"x":-1,"label":"here"}],"pair":[7,"seven"],"#,
    r#""figure":"dot","figures":[{"circle":0.1},{"line":[{"x":0,"label":null},{"x":9,"label":""}]}],"#,
    r#""colour":"dark-green","toppings":["salt","olive-oil"],"maybe":{"some":null},"#,
    r#""outcome":{"err":"why"},"bare":"ok"}"#
);

fn changed(from: &str, to: &str) -> String {
    assert_eq!(ALL.matches(from).count(), 1, "{from}");
    ALL.replace(from, to)
}

#[test]
fn every_type_goes_there_and_back_without_a_loss() {
    let guest = Guest::new(&shapes(), Limits::default());
    let back = |all: &str| {
        let (text, structured, is_error) = guest.result("echo", &format!(r#"{{"all":{all}}}"#));
        assert_eq!(Some(&text), structured.as_ref());
        assert!(!is_error);
        text
    };
    for (from, to) in [
        ("5e-324", "1.7976931348623157e+308"),
        ("5e-324", "-0.0"),
        ("5e-324", "9007199254740993.0"),
        ("5e-324", r#""NaN""#),
        ("5e-324", r#""-Infinity""#),
        ("3.4028235e+38", "0.1"),
        ("3.4028235e+38", "1e-45"),
        ("3.4028235e+38", r#""Infinity""#),
        ("𝄞\",\"text", "\\u0000\",\"text"),
        (r#"{"some":null}"#, "null"),
        (r#"{"some":null}"#, r#"{"some":true}"#),
        (r#"{"err":"why"}"#, r#"{"ok":0}"#),
        (r#""bare":"ok""#, r#""bare":"err""#),
        (r#"["salt","olive-oil"]"#, "[]"),
        ("AP8Q", ""),
        (r#""figure":"dot""#, r#""figure":{"circle":"NaN"}"#),
    ] {
        let sent = changed(from, to);
        // No float of 64 bits is this integer; the nearest is one less.
        let expected = sent.replace("9007199254740993.0", "9007199254740992.0");
        assert_eq!(back(&sent), expected);
    }
    assert_eq!(back(ALL), ALL);
    // What is the same to a schema is the same here.
    assert_eq!(back(&changed(r#""u8":255"#, r#""u8":2.55e2"#)), ALL);
    assert_eq!(
        back(&changed(r#","label":null},{"x":-1"#, r#"},{"x":-1"#)),
        ALL
    );
    assert_eq!(
        back(&changed(r#""yes":true"#, r#""yes":false,"yes":true"#)),
        ALL
    );
}

#[test]
fn what_does_not_fit_is_refused_before_it_enters() {
    let guest = Guest::new(&shapes(), Limits::default());
    let refused = |from: &str, to: &str, place: &str| {
        let words = guest.invalid("echo", &format!(r#"{{"all":{}}}"#, changed(from, to)));
        assert!(
            words.starts_with(&format!("`all`: {place}: ")),
            "{to}: {words}"
        );
    };
    for (from, to, place) in [
        (r#""u8":255"#, r#""u8":256"#, "`u8`"),
        (r#""u8":255"#, r#""u8":2.5"#, "`u8`"),
        (r#""u8":255"#, r#""u8":"1""#, "`u8`"),
        ("18446744073709551615", "18446744073709551616", "`u64`"),
        ("18446744073709551615", "1e20", "`u64`"),
        ("-9223372036854775808", "-9223372036854775809", "`s64`"),
        ("5e-324", "1e400", "`f64`"),
        ("5e-324", r#""nan""#, "`f64`"),
        ("3.4028235e+38", "1e39", "`f32`"),
        (r#""𝄞","text""#, r#""ab","text""#, "`letter`"),
        (r#""𝄞","text""#, r#""","text""#, "`letter`"),
        ("AP8Q", "AP8*", "`bytes`"),
        (r#"[7,"seven"]"#, "[7]", "`pair`"),
        (r#"[7,"seven"]"#, r#"[7,"seven",1]"#, "`pair`"),
        (r#""figure":"dot""#, r#""figure":"circle""#, "`figure`"),
        (r#""figure":"dot""#, r#""figure":{"dot":null}"#, "`figure`"),
        (
            r#""figure":"dot""#,
            r#""figure":{"circle":1,"line":2}"#,
            "`figure`",
        ),
        (r#""figure":"dot""#, r#""figure":7"#, "`figure`"),
        ("dark-green", "green", "`colour`"),
        (
            r#"["salt","olive-oil"]"#,
            r#"["salt","salt"]"#,
            "`toppings`",
        ),
        (
            r#""outcome":{"err":"why"}"#,
            r#""outcome":"err""#,
            "`outcome`",
        ),
        (r#"{"x":-1"#, r#"{"y":-1"#, "`points`"),
    ] {
        refused(from, to, place);
    }
    assert!(guest.invalid("echo", "{}").starts_with("`all` is missing"));
    assert!(guest.invalid("echo", "[]").starts_with("invalid type"));
    assert!(!guest.invalid("echo", r#"{"x":1}"#).is_empty());
    let long = format!(r#"{{"all":"{}"}}"#, "x".repeat(10_000));
    assert!(guest.invalid("echo", &long).len() < 1_000);
}

#[test]
fn what_a_function_gives_is_its_result() {
    let guest = Guest::new(&shapes(), Limits::default());
    let text = |text: &str| text.to_owned();
    let wrapped = |json: &str| Some(format!(r#"{{"result":{json}}}"#));
    for (tool, arguments, expected) in [
        (
            "fallible",
            r#"{"good":true}"#,
            (text("42"), wrapped("42"), false),
        ),
        (
            "fallible",
            r#"{"good":false}"#,
            (text("no such thing"), None, true),
        ),
        ("bare", r#"{"good":1}"#, (text("ok"), None, false)),
        ("bare", r#"{"good":0}"#, (text("error"), None, true)),
        ("nothing", "{}", (text("ok"), None, false)),
        (
            "greet",
            r#"{"name":"Ada"}"#,
            (text("Ada"), wrapped(r#""Ada""#), false),
        ),
        (
            "blank",
            r#"{"bytes":3}"#,
            (text(r#""AAAA""#), wrapped(r#""AAAA""#), false),
        ),
    ] {
        assert_eq!(
            guest.result(tool, arguments),
            expected,
            "{tool} {arguments}"
        );
    }
}

#[test]
fn names_that_two_functions_share_get_their_interface_in_front() {
    let guest = Guest::new(&shapes(), Limits::default());
    let names: Vec<String> = guest.tools().into_iter().map(|tool| tool.name).collect();
    for name in ["greet", "echo_greet", "more_greet", "echo", "spin"] {
        assert!(names.iter().any(|known| known == name), "{names:?}");
    }
    let foreign = guest.plugin.foreign().expect("it is of another host");
    let greets = foreign
        .functions()
        .filter(|(name, _)| name.ends_with("greet"));
    let mut greets: Vec<String> = greets.map(|(_, function)| function).collect();
    greets.sort();
    assert_eq!(
        greets,
        [
            "greet",
            "test:shapes/echo@1.2.0#greet",
            "test:shapes/more@1.2.0#greet"
        ]
    );
    assert_eq!(guest.result("more_greet", r#"{"name":"x"}"#).0, "x");
}

#[test]
fn resources_are_refused_with_a_reason_and_the_rest_is_served() {
    let guest = Guest::new(&shapes(), Limits::default());
    let foreign = guest.plugin.foreign().expect("it is of another host");
    let mut refused: Vec<&str> = foreign
        .not_served()
        .iter()
        .map(|one| {
            assert!(one.reason.starts_with("a resource is part"), "{one:?}");
            one.function.as_str()
        })
        .collect();
    refused.sort_unstable();
    assert_eq!(
        refused,
        ["test:shapes/echo@1.2.0#make", "test:shapes/echo@1.2.0#take"]
    );
}

#[test]
fn a_component_without_a_function_that_could_be_a_tool_is_refused_with_all_reasons() {
    let wit = "package t:t; interface i { resource r; take: func(r: borrow<r>); }
        world w { export i; }";
    let module = r#"(module (memory (export "memory") 1)
        (func (export "t:t/i#take") (param i32)))"#;
    let error = load(&component(wit, module), Limits::default()).expect_err("no tool");
    let words = error.to_string();
    for part in ["it exports `t:t/i`", "`t:t/i#take`: a resource is part"] {
        assert!(words.contains(part), "{words}");
    }
}

#[test]
fn doc_comments_describe_tools_and_types() {
    let mut bytes = shapes();
    let plain = Guest::new(&bytes, Limits::default());
    let of = |guest: &Guest, name: &str| {
        let mut tools = guest.tools().into_iter();
        tools.find(|tool| tool.name == name).expect("a tool")
    };
    assert_eq!(
        of(&plain, "echo").description.as_deref(),
        Some("Calls the function `echo` of `test:shapes/echo@1.2.0`.")
    );
    let docs = concat!(
        r#"{"worlds":{"shapes":{"func_exports":{"greet":"Greets."}}},"#,
        r#""interfaces":{"echo":{"funcs":{"echo":"Gives it back."},"types":"#,
        r#"{"point":{"docs":"A place.","items":{"x":"to the right"}},"#,
        r#""colour":{"items":{"red":"like a rose"}}}}}}"#
    );
    custom_section(
        &mut bytes,
        "package-docs",
        &[b"\x01", docs.as_bytes()].concat(),
    );
    let guest = Guest::new(&bytes, Limits::default());
    let echo = of(&guest, "echo");
    assert_eq!(echo.description.as_deref(), Some("Gives it back."));
    assert_eq!(of(&guest, "greet").description.as_deref(), Some("Greets."));
    for words in [
        r#"{"description":"A place.","type":"object""#,
        r#""x":{"description":"to the right","type":"integer""#,
        r#"{"description":"`red`: like a rose","type":"string","enum""#,
    ] {
        assert!(echo.input_schema.contains(words), "{}", echo.input_schema);
    }
}

/// Sections go at the end of a component; this one is short enough for two bytes
/// of length.
fn custom_section(component: &mut Vec<u8>, name: &str, data: &[u8]) {
    let length = 1 + name.len() + data.len();
    assert!((128..16_384).contains(&length));
    component.extend([0, (length % 128) as u8 | 128, (length / 128) as u8]);
    component.push(name.len() as u8);
    component.extend(name.bytes());
    component.extend(data);
}

#[test]
fn limits_hold_and_a_call_that_takes_long_runs_in_slices() {
    let limits = Limits {
        fuel: 100_000_000,
        memory_max_bytes: 4 << 20,
        output_max_bytes: 64 << 10,
        deadline: Duration::from_secs(60),
        ..Limits::default()
    };
    let guest = Guest::new(&shapes(), limits);
    assert_eq!(guest.fault("spin", "{}"), FaultKind::OutOfFuel);
    // After that miss, the same handler takes the way in slices.
    assert_eq!(guest.result("fallible", r#"{"good":true}"#).0, "42");
    assert!(matches!(guest.fault("trap", "{}"), FaultKind::Trapped(_)));
    let blank = |bytes: usize| format!(r#"{{"bytes":{bytes}}}"#);
    assert_eq!(guest.result("blank", &blank(40_000)).0.len(), 53_338);
    assert_eq!(guest.fault("blank", &blank(60_000)), FaultKind::Output);
    assert_eq!(guest.fault("blank", &blank(2 << 20)), FaultKind::Output);
    assert_eq!(guest.fault("blank", &blank(64 << 20)), FaultKind::Memory);
    // Values of many bytes each, in JSON of few.
    let many = format!("[{}]", vec![r#"{"x":1}"#; 100_000].join(","));
    let all = changed(r#"[{"x":1,"label":null},{"x":-1,"label":"here"}]"#, &many);
    let words = guest.invalid("echo", &format!(r#"{{"all":{all}}}"#));
    assert!(
        words.contains("more memory than the plugin itself"),
        "{words}"
    );
}
