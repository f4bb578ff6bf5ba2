//! Proves what `isolation` promises: a fresh instance never remembers, a pooled
//! one may, and none that has faulted ever serves again.

use fusebox_tests::{Client, Host, Setup};
use serde_json::{Value, json};

/// A host of one plugin, so that every instance is one of that plugin.
fn host(plugin: &str, config: &str) -> Host {
    Setup::new().plugin(plugin).config(config).start()
}

/// One instance at a time, so that the next call can only get the one before.
const POOLED: &str = "
    [limits]
    isolation = \"pooled\"
    concurrent_calls_max = 1
";

#[track_caller]
fn check_fault(client: &mut Client, tool: &str, reason: &str) {
    let error = client.call(tool, json!({})).expect_err(tool);
    assert_eq!(error["data"]["reason"], reason, "{tool}: {error}");
}

#[test]
fn pooled_instances_answer_as_fresh_ones_do() {
    let host = host("hello", POOLED);
    let mut client = Client::modern(&host);
    for number in 0..1_000 {
        let name = format!("Ada {number}");
        assert_eq!(
            client.text("hello", json!({"name": name})),
            format!("Hello, {name}!")
        );
        let sum = client
            .call("add", json!({"a": number, "b": 0.5}))
            .expect("the sum");
        assert_eq!(
            sum["structuredContent"]["result"].as_f64(),
            Some(f64::from(number) + 0.5),
            "{sum}"
        );
    }
    let plugin = host.plugin_health("hello");
    assert_eq!(
        (&plugin["calls"], &plugin["faults"]),
        (&json!(2_000), &json!(0)),
        "{plugin:#}"
    );
    // Warm, and no more of them than calls ran at once: one for calls in one go,
    // and one for calls in slices, if any took longer than a slice.
    let alive = host.health()["instances_alive"].as_u64();
    assert!(matches!(alive, Some(1 | 2)), "{alive:?}");
}

#[test]
fn a_pooled_instance_that_has_faulted_serves_no_more() {
    let limits = "
        memory_max_bytes = 100663296
        output_max_bytes = 1048576
        log_max_bytes = 4096
    ";
    let mut host = host("misbehave", &format!("{POOLED}{limits}"));
    let mut client = Client::modern(&host);
    for (tool, reason) in [
        ("trap", "trapped"),
        ("panic", "panicked"),
        ("recurse", "stack_overflow"),
        ("huge", "output_limit"),
        ("allocate", "memory_limit"),
        ("chatter", "log_limit"),
    ] {
        assert_eq!(client.text("ok", json!({})), "ok");
        assert_eq!(host.health()["instances_alive"], 1, "before {tool}");
        check_fault(&mut client, tool, reason);
        assert_eq!(host.health()["instances_alive"], 0, "after {tool}");
        assert_eq!(client.text("ok", json!({})), "ok");
    }
    host.assert_alive();
}

#[test]
fn a_fresh_instance_is_gone_after_its_call() {
    let host = host("misbehave", "");
    let mut client = Client::modern(&host);
    for _ in 0..3 {
        assert_eq!(client.text("ok", json!({})), "ok");
        assert_eq!(host.health()["instances_alive"], Value::from(0));
    }
}

/// What the instance that serves this call was told by the call before.
#[track_caller]
fn remember(client: &mut Client, value: &str) -> String {
    client.text("remember", json!({"value": value}))
}

#[test]
fn a_fresh_instance_never_remembers() {
    let host = host("misbehave", "");
    let mut client = Client::modern(&host);
    for value in ["a", "b", "c"] {
        assert_eq!(remember(&mut client, value), "nothing");
    }
}

#[test]
fn a_pooled_instance_remembers_until_it_faults() {
    let host = host("misbehave", POOLED);
    let mut client = Client::modern(&host);
    assert_eq!(remember(&mut client, "a"), "nothing");
    assert_eq!(remember(&mut client, "b"), "a");
    // Instances know no callers: this is what an operator trusts a plugin with.
    assert_eq!(remember(&mut Client::legacy(&host), "c"), "b");
    check_fault(&mut client, "trap", "trapped");
    assert_eq!(remember(&mut client, "d"), "nothing");
    assert_eq!(remember(&mut client, "e"), "d");
}

/// One instance at a time, that may serve its caller again.
const OF_CALLERS: &str = "
    [limits]
    isolation = \"caller\"
    concurrent_calls_max = 1
";

#[test]
fn an_instance_of_one_session_serves_no_other() {
    let host = host("misbehave", OF_CALLERS);
    let (mut one, mut other) = (Client::legacy(&host), Client::legacy(&host));
    assert_eq!(remember(&mut one, "a"), "nothing");
    assert_eq!(remember(&mut one, "b"), "a");
    // There is room for one idle instance: who called last has it.
    assert_eq!(remember(&mut other, "c"), "nothing");
    assert_eq!(remember(&mut other, "d"), "c");
    assert_eq!(remember(&mut one, "e"), "nothing");
    // Nobody knows who sends a modern request without a key.
    let mut stranger = Client::modern(&host);
    assert_eq!(remember(&mut stranger, "f"), "nothing");
    assert_eq!(remember(&mut stranger, "g"), "nothing");
    assert_eq!(remember(&mut one, "h"), "e");
    check_fault(&mut one, "trap", "trapped");
    assert_eq!(remember(&mut one, "i"), "nothing");
    assert_eq!(one.delete(), 204);
    assert_eq!(remember(&mut other, "j"), "nothing");
}

#[test]
fn what_a_session_leaves_goes_with_it_whether_its_plugin_is_called_or_not() {
    let config = "[limits]\nisolation = \"caller\"\n";
    let host = host("misbehave", config);
    let mut clients: Vec<Client> = (0..3).map(|_| Client::legacy(&host)).collect();
    for client in &mut clients {
        assert_eq!(remember(client, "a"), "nothing");
    }
    let alive = |host: &Host| host.health()["instances_alive"].as_u64();
    let before = alive(&host).expect("a number");
    assert!(before >= 3, "{before}");
    let mut stays = clients.pop().expect("a client");
    for mut client in clients {
        assert_eq!(client.delete(), 204);
    }
    // Nobody calls it meanwhile.
    host.health_when("they are given back", |health| {
        health["instances_alive"].as_u64() <= Some(before - 2)
    });
    assert_eq!(remember(&mut stays, "b"), "a", "whose session goes on");
}

/// What six calls in a row remember.
fn six_calls(config: &str) -> [String; 6] {
    let host = host("misbehave", config);
    let mut client = Client::modern(&host);
    ["a", "b", "c", "d", "e", "f"].map(|value| remember(&mut client, value))
}

#[test]
fn a_pooled_instance_is_replaced_after_its_last_call() {
    let calls = |max: usize| six_calls(&format!("{POOLED}\nmax_calls_per_instance = {max}"));
    assert_eq!(calls(1), ["nothing"; 6]);
    // The first instance may have served the listing of the tools before.
    let of_two = calls(2);
    for pair in of_two[1..].windows(2) {
        let forgot = pair.iter().filter(|value| *value == "nothing").count();
        assert_eq!(forgot, 1, "every other call: {of_two:?}");
    }
    assert_eq!(six_calls(POOLED), ["nothing", "a", "b", "c", "d", "e"]);
}
