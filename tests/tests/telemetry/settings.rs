//! What is switched on and off, and what stops the start.

use fusebox_tests::{Client, Collector, Setup, Spoken, fusebox};
use serde_json::{Value, json};

use super::{SPAN, TRACE, host_at, message, post, trace_of, traceparent};

#[test]
fn it_is_off_unless_it_is_switched_on() {
    let host = Setup::new().plugin("hello").start();
    assert_eq!(host.health()["telemetry"], Value::Null);
}

#[test]
fn of_a_sample_of_nothing_only_what_others_have_sampled_is_traced() {
    let collector = Collector::start();
    let host = host_at(&collector, Spoken::Grpc, "sample_ratio = 0.0\nlogs = false");
    let mut client = Client::modern(&host);
    client.text("hello", json!({"name": "Ada"}));
    let parent = traceparent(TRACE, SPAN, "01");
    let call = message(
        1,
        "hello",
        &json!({"name": "Ada"}),
        &[("traceparent", &parent)],
    );
    post(host.address(), &call, &[]);
    trace_of(&collector, TRACE);
    let got = collector.collected();
    assert!(got.spans.iter().all(|span| span.trace == TRACE), "{got:#?}");
    let told = host.health()["telemetry"].clone();
    assert_eq!(told["lines"], Value::Null);
    assert!(told["figures"].is_object(), "{told:#}");
}

#[test]
fn the_names_of_erlmcp_switch_it_on() {
    let collector = Collector::start();
    let given = collector.config(Spoken::Grpc);
    let endpoint = given
        .lines()
        .find_map(|line| line.strip_prefix("endpoint = \"http://"));
    let endpoint = endpoint.expect("an endpoint").trim_end_matches('"');
    let host = Setup::new()
        .plugin("hello")
        .config(&format!(
            "enable_otel_traces = true\notel_exporter = \"grpc\"\notel_endpoint = \"{endpoint}\""
        ))
        .start();
    Client::modern(&host).text("hello", json!({"name": "Ada"}));
    collector.wait_for("the call", |got| {
        let named = |name| got.spans.iter().any(|span| span.name == name);
        named("tools/call hello").then_some(())
    });
}

#[test]
fn what_the_settings_name_has_to_be_there() {
    for (lines, said) in [
        (
            "headers = { env = \"NO_SUCH_VARIABLE\" }",
            "`telemetry.headers`: the host has no environment variable NO_SUCH_VARIABLE",
        ),
        ("ca = \"/no/such/file\"", "`telemetry.ca`: /no/such/file: "),
    ] {
        let setup = Setup::new().config(&format!("[telemetry]\nenabled = true\n{lines}"));
        let (arguments, folder) = setup.into_arguments();
        let mut all = vec!["serve"];
        all.extend(arguments.iter().map(String::as_str));
        let ran = fusebox(folder.path(), &all);
        assert!(ran.stderr.contains(said), "{ran:?}");
    }
}
