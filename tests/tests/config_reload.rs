//! Proves that a running host takes in its changed configuration whole or not at all:
//! each kind of key acts without one failed call, a file that is wrong changes nothing,
//! and the log and `/health` say what was changed and what waits for a restart.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use fusebox_tests::{Client, Connection, Era, Host, Setup, crowd, fusebox, signal, until};
use serde_json::{Value, json};

/// Where the configuration of a host is.
fn file(host: &Host) -> PathBuf {
    let plugins = host.path("any");
    let folder = plugins.parent().and_then(|plugins| plugins.parent());
    folder.expect("the plugins have a folder").join("test.toml")
}

/// Puts another configuration in the place of the one that a host was started with.
fn write(host: &Host, text: &str) {
    let (path, new) = (file(host), file(host).with_extension("new"));
    // As a host of the tests is started: no two of them want one port.
    let text = format!("{text}\n[admin]\nlisten = \"\"\n");
    fs::write(&new, text).expect("a configuration is written");
    fs::rename(new, path).expect("a configuration is put in place");
}

/// The same, and waits until it is in force.
fn configure(host: &Host, text: &str) -> Value {
    // A host that has just begun to serve looks at its file a moment later.
    let before = host.health_when("the configuration is known", |health| {
        // Who isn't known isn't told.
        health["config"].is_null() || health["config"]["sha256"].is_string()
    });
    let before = before["config"].clone();
    write(host, text);
    host.health_when("the configuration is in force", |health| {
        health["config"]["sha256"] != before["sha256"]
    })
}

#[track_caller]
fn check_logged(host: &Host, line: &str) {
    until(&format!("the log says {line:?}"), || {
        let log = host.log();
        log.lines().any(|one| one.contains(line)).then_some(())
    });
}

fn tools(client: &mut Client) -> Vec<String> {
    let list = client.request("tools/list", json!({})).outcome();
    let list = list.expect("the list");
    let tools = list["tools"].as_array().expect("an array");
    tools
        .iter()
        .map(|tool| tool["name"].as_str().expect("a name").to_owned())
        .collect()
}

/// Calls `hello` from several clients while `doing` lasts; each call must succeed.
fn under_load(host: &Host, doing: impl FnOnce()) {
    let calls = AtomicU64::new(0);
    let open = |number| Client::of(Era::in_turn(number), host);
    let call = |client: &mut Client| {
        assert_eq!(client.text("hello", json!({"name": "Ada"})), "Hello, Ada!");
        calls.fetch_add(1, Ordering::Relaxed);
    };
    crowd(4, open, call, |clients| {
        until("calls are made", || {
            (calls.load(Ordering::Relaxed) > 20).then_some(())
        });
        doing();
        clients.assert_well();
    });
}

#[test]
fn each_kind_of_key_acts_and_no_call_fails() {
    let host = Setup::new().plugin("hello").plugin("misbehave").start();
    under_load(&host, || {
        let mut client = Client::modern(&host);
        let mut names = || tools(&mut client);
        assert!(names().contains(&"trap".to_owned()));

        // What a plugin offers, and whether it is there.
        configure(
            &host,
            "[plugins.misbehave]\nprefix = \"m_\"\nexclude = [\"s*\"]",
        );
        let now = names();
        assert!(now.contains(&"m_trap".to_owned()), "{now:?}");
        assert!(!now.contains(&"m_sleep".to_owned()), "{now:?}");
        check_logged(&host, "plugins.misbehave.prefix: \"\" -> \"m_\"");
        configure(&host, "[plugins.misbehave]\nenabled = false");
        until("it is gone", || (names() == ["add", "hello"]).then_some(()));
        configure(&host, "");
        until("it is back", || {
            names().contains(&"trap".to_owned()).then_some(())
        });

        // Limits of its calls, and its breakers.
        configure(
            &host,
            "[plugins.misbehave]\ndeadline_ms = 100\n[circuit_breaker]\nfailure_threshold = 1\ntimeout_ms = 600_000",
        );
        let mut caller = Client::modern(&host);
        let error = caller.call("sleep", json!({"ms": 600_000}));
        let error = error.expect_err("a fault");
        assert_eq!(error["data"]["reason"], "deadline_exceeded", "{error}");
        let error = caller.call("sleep", json!({"ms": 1}));
        let error = error.expect_err("its breaker is open");
        assert_eq!(error["data"]["reason"], "breaker_open", "{error}");

        // What a breaker has seen outlives new settings of its plugin.
        configure(&host, "[plugins.misbehave]\nfuel = 100_000_000");
        let error = caller.call("sleep", json!({"ms": 1}));
        let error = error.expect_err("its breaker is still open");
        assert_eq!(error["data"]["reason"], "breaker_open", "{error}");
        let error = caller.call("spin", json!({})).expect_err("a fault");
        assert_eq!(error["data"]["reason"], "out_of_fuel", "{error}");

        // Lists and views.
        configure(
            &host,
            "[lists]\npage_size = 1\n[views.some]\npath = \"/some\"\nplugins = [\"hello\"]",
        );
        let page = caller.request("tools/list", json!({})).outcome();
        let page = page.expect("a page");
        assert!(page["nextCursor"].is_string(), "{page}");
        let view = Connection::open(host.address()).exchange("GET", "/some", &[], b"");
        assert_ne!(view.head.status, 404, "{view:?}");
        let health = configure(&host, "");
        assert_eq!(health["views"], json!({}));
        let view = Connection::open(host.address()).exchange("GET", "/some", &[], b"");
        assert_eq!(view.head.status, 404, "{view:?}");
    });
    assert_eq!(host.plugin_health("hello")["faults"], 0);
}

#[test]
fn bounds_on_requests_hold_at_once() {
    let host = Setup::new().plugin("hello").start();
    let status = |bytes: usize| {
        let mut connection = Connection::open(host.address());
        let headers = [("Content-Type", "application/json")];
        let body = " ".repeat(bytes);
        let answer = connection.exchange("POST", "/mcp", &headers, body.as_bytes());
        answer.head.status
    };
    assert_ne!(status(5000), 413);
    configure(&host, "[http]\nbody_max_bytes = 4096");
    assert_eq!(status(5000), 413);

    let mut client = Client::modern(&host);
    let hello = |client: &mut Client| {
        let params = json!({"name": "hello", "arguments": {"name": "Ada"}});
        client.request("tools/call", params)
    };
    configure(&host, "[rate_limits]\ntool_per_second = 1\ntool_burst = 1");
    let answers: Vec<u16> = (0..20).map(|_| hello(&mut client).head.status).collect();
    assert!(answers.contains(&429), "{answers:?}");
    configure(
        &host,
        "[backpressure]\nmemory_threshold = 1\nsample_interval_ms = 10",
    );
    until("calls are refused for the memory", || {
        (hello(&mut client).head.status == 503).then_some(())
    });
    configure(
        &host,
        "[message_queue]\nwarn_threshold = 7\n[backpressure]\nenabled = false",
    );
    until("calls are taken again", || {
        (hello(&mut client).head.status == 200).then_some(())
    });
}

#[test]
fn who_may_call_changes_with_the_file() {
    let keys = tempfile::tempdir().expect("a temporary folder");
    let ran = fusebox(keys.path(), &["key", "new", "ada"]);
    let key = format!("Bearer {}", ran.stdout.trim_end());
    let host = Setup::new().plugin("hello").start();
    let status = |more: &[(&str, &str)]| {
        let mut connection = Connection::open(host.address());
        connection.exchange("GET", "/mcp", more, b"").head.status
    };
    let open = status(&[]);
    assert_ne!(open, 401);
    let file = keys.path().join("keys.toml");
    configure(&host, &format!("[auth]\nkeys_file = {file:?}"));
    assert_eq!(status(&[]), 401);
    assert_eq!(status(&[("Authorization", &key)]), open);
    configure(&host, "");
    assert_eq!(status(&[]), open);
}

#[test]
fn a_file_that_is_wrong_changes_nothing_and_each_mistake_is_told() {
    let host = Setup::new()
        .plugin("hello")
        .config("[lists]\npage_size = 7")
        .start();
    write(
        &host,
        "prt = 1\n[limits]\nfuel = 1\n[lists]\npage_size = 1\n",
    );
    let cause = "the configuration file can't be used: ";
    let told = |health: &Value| {
        let causes = health["causes"].as_array().expect("causes");
        let mut causes = causes.iter().filter_map(Value::as_str);
        causes.any(|one| one.starts_with(cause))
    };
    let health = host.health_when("it is told", told);
    assert_eq!(health["status"], "degraded");
    let error = health["config"]["error"].as_str().expect("an error");
    assert!(error.contains("prt") && error.contains("1 more"), "{error}");
    check_logged(
        &host,
        "test.toml:1: unknown key `prt`; did you mean `port`?",
    );
    check_logged(
        &host,
        "test.toml:3: `limits.fuel` is 1; it must be an integer from 1000",
    );
    let mut client = Client::modern(&host);
    let page = client.request("tools/list", json!({})).outcome();
    assert!(page.expect("a page").get("nextCursor").is_none());

    // So does one that is valid, and under which a plugin could not run.
    write(
        &host,
        "[lists]\npage_size = 1\n[plugins.hello]\nmemory_max_bytes = 65536\n",
    );
    check_logged(&host, "plugins.hello.memory_max_bytes");
    let page = client.request("tools/list", json!({})).outcome();
    assert!(page.expect("a page").get("nextCursor").is_none());
    assert_eq!(client.text("hello", json!({"name": "Ada"})), "Hello, Ada!");

    write(&host, "[lists]\npage_size = 1\n");
    host.health_when("it is well again", |health| {
        health["status"] == "healthy" && health["config"]["error"].is_null()
    });
    let page = client.request("tools/list", json!({})).outcome();
    assert!(page.expect("a page")["nextCursor"].is_string());
}

#[test]
fn what_waits_for_a_restart_is_named_and_no_secret_is() {
    let host = Setup::new().plugin("hello").start();
    let health = configure(
        &host,
        "port = 7\n[engine]\nmax_instances = 9\n[plugins.hello.grants.config]\nkey = \"hunter2\"\n",
    );
    assert_eq!(
        health["config"]["pending_restart"],
        json!(["port", "engine.max_instances"])
    );
    check_logged(
        &host,
        "configuration: engine.max_instances: 1000 -> 9 (waits for the next start)",
    );
    check_logged(
        &host,
        "plugins.hello.grants.config.key: (not there) -> (not shown)",
    );
    configure(&host, "[plugins.hello.grants.config]\nkey = \"hunter3\"\n");
    check_logged(
        &host,
        "plugins.hello.grants.config.key: another value (not shown)",
    );
    assert_eq!(host.health()["config"]["pending_restart"], json!([]));
    assert!(!host.log().contains("hunter"), "{}", host.log());
}

#[test]
fn a_hangup_asks_for_the_configuration_and_ends_nothing() {
    let mut host = Setup::new().plugin("hello").start();
    let health = host.health();
    signal(host.process(), "HUP");
    check_logged(&host, "SIGHUP: the configuration is read again");
    host.health_when("it was read again", |now| {
        now["config"]["loaded_at_unix_ms"] != health["config"]["loaded_at_unix_ms"]
    });
    host.assert_alive();
    let mut client = Client::modern(&host);
    assert_eq!(client.text("hello", json!({"name": "Ada"})), "Hello, Ada!");
}

#[test]
fn the_log_says_more_when_it_is_told_to() {
    let host = Setup::new().plugin("hello").start();
    let mut client = Client::modern(&host);
    client.text("hello", json!({"name": "Ada"}));
    assert!(!host.log().contains("DEBUG"), "{}", host.log());
    configure(&host, "[log]\nlevel = \"debug\"");
    until("it says more", || {
        client.text("hello", json!({"name": "Ada"}));
        host.log().contains("DEBUG").then_some(())
    });
}
