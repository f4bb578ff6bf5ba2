//! The commands that ask a running host and give it orders.

use std::path::Path;

use fusebox_tests::{Client, Ran, Setup, fusebox, host_binary, python};
use serde_json::{Value, json};

use crate::Administered;

impl Administered {
    /// Runs a command with the way to this host.
    fn run(&self, arguments: &[&str]) -> Ran {
        let (address, file) = self.host.admin();
        let (address, file) = (address.to_string(), file.display().to_string());
        let mut all = arguments.to_vec();
        all.extend(["--admin", &address, "--token-file", &file]);
        let ran = fusebox(Path::new("."), &all);
        assert!(!ran.stderr.contains(&self.token), "{ran:?}");
        ran
    }

    fn says(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
        ran.stdout
    }

    fn says_json(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.push("--json");
        serde_json::from_str(&self.says(&all)).expect("JSON")
    }

    fn break_flip(&self) {
        let mut client = Client::modern(&self.host);
        for _ in 0..5 {
            client
                .call("flip", json!({"fail": true}))
                .expect_err("a fault");
        }
    }
}

#[test]
fn health_exits_with_what_the_host_is() {
    let mut one = Administered::misbehaving("");
    let url = format!("http://{}", one.host.address());
    let by_url = |more: &[&str]| {
        let mut all = vec!["health", "--url", &url];
        all.extend(more);
        fusebox(Path::new("."), &all)
    };
    let healthy = by_url(&[]);
    assert_eq!(healthy.code, Some(0), "{healthy:?}");
    assert!(healthy.stdout.starts_with("healthy\nup "), "{healthy:?}");
    assert!(healthy.stdout.contains("plugins: 1 serving"), "{healthy:?}");
    assert_eq!(one.says_json(&["health"])["status"], "healthy");
    one.break_flip();
    let degraded = by_url(&["--json"]);
    assert_eq!(degraded.code, Some(1), "{degraded:?}");
    let report: Value = serde_json::from_str(&degraded.stdout).expect("JSON");
    assert_eq!(report["status"], "degraded");
    let degraded = one.run(&["health"]);
    assert_eq!(degraded.code, Some(1), "{degraded:?}");
    assert!(
        degraded.stdout.contains("1 breakers of plugin misbehave"),
        "{degraded:?}"
    );
    one.says(&["admin", "reset", "misbehave", "flip"]);
    assert_eq!(by_url(&[]).code, Some(0));
    one.says(&["admin", "drain"]);
    let draining = by_url(&[]);
    assert_eq!(draining.code, Some(1), "{draining:?}");
    assert!(draining.stdout.starts_with("draining\n"), "{draining:?}");
    one.host.kill();
    let gone = by_url(&[]);
    assert_eq!(gone.code, Some(2), "{gone:?}");
    assert!(gone.stderr.contains("can't be reached"), "{gone:?}");
    assert_eq!(one.run(&["health"]).code, Some(2));
}

#[test]
fn top_shows_the_host_in_a_frame() {
    let one = Administered::start(Setup::new().plugin("hello").plugin("misbehave"));
    one.break_flip();
    let frame = one.says(&["top", "--once"]);
    for words in [
        "degraded",
        "1 breakers of plugin misbehave are not closed",
        "requests a second",
        "PLUGIN",
        "hello",
        "OPEN  flip of misbehave",
        "Recent faults",
        "trapped",
    ] {
        assert!(frame.contains(words), "no {words} in\n{frame}");
    }
    let faults = frame.matches("flip of misbehave: ").count();
    assert_eq!(faults, 5, "{frame}");
}

#[test]
fn top_runs_in_a_terminal_until_q() {
    let one = Administered::misbehaving("");
    let (address, file) = one.host.admin();
    let program = host_binary().display().to_string();
    let ran = python(
        "terminal.py",
        &[
            "misbehave",
            "q",
            &program,
            "top",
            "--admin",
            &address.to_string(),
            "--token-file",
            &file.display().to_string(),
        ],
    );
    assert_eq!(
        (&ran["code"], &ran["pressed"]),
        (&json!(0), &json!(true)),
        "{ran:#}"
    );
    let shown = ran["shown"].as_str().expect("a text");
    // The terminal is given back as it was.
    assert!(shown.contains("\u{1b}[?1049h"), "another screen is taken");
    assert!(shown.contains("\u{1b}[?1049l"), "and given back");
}

#[test]
fn plugins_are_listed_with_what_is_wrong_with_them() {
    let setup = Setup::new()
        .plugin("misbehave")
        .file("broken", b"this is no component");
    let one = Administered::start(setup);
    one.break_flip();
    let list = one.says(&["plugin", "list"]);
    let lines: Vec<&str> = list.lines().collect();
    assert!(lines[0].starts_with("PLUGIN"), "{list}");
    assert!(lines[1].starts_with("broken     failed"), "{list}");
    assert!(lines[2].contains("15 closed, 1 not"), "{list}");
    assert!(lines[3].starts_with("broken: not WebAssembly"), "{list}");
    let told = one.says_json(&["plugin", "list"]);
    assert_eq!(told["misbehave"]["state"], "serving");
}

#[test]
fn orders_are_given_and_their_outcomes_told() {
    let one = Administered::misbehaving("");
    one.break_flip();
    let says = |arguments: &[&str], expected: &str| {
        assert_eq!(one.says(arguments), format!("{expected}\n"));
    };
    says(
        &["admin", "reset", "misbehave", "flip"],
        "its breaker was open, and is closed",
    );
    says(&["admin", "drain"], "the host takes nobody new");
    says(&["admin", "drain"], "the host took nobody new already");
    says(&["admin", "resume"], "the host takes everybody again");
    says(
        &["admin", "log-level", "debug"],
        "the log says it; before it said info",
    );
    says(&["admin", "sessions"], "0 sessions");
    says(&["admin", "tasks"], "0 tasks");
    let done = one.says_json(&["admin", "log-level", "info"]);
    assert_eq!(
        (&done["done"], &done["was"]),
        (&json!("log_level"), &json!("debug"))
    );
    let settings = one.says(&["admin", "config"]);
    assert!(settings.contains("max_connections = 15000"), "{settings}");
    let refused = one.run(&["admin", "reset", "misbehave", "nothing"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let words = "`misbehave` has no handler `nothing`";
    assert!(refused.stderr.contains(words), "{refused:?}");
    says(
        &["admin", "disable", "misbehave"],
        "nothing of it is served",
    );
    says(&["admin", "enable", "misbehave"], "it is served again");
    says(&["admin", "reload"], "nothing has changed");
}

#[test]
fn a_link_to_the_page_is_printed_once_it_leads_somewhere() {
    let mut one = Administered::misbehaving("");
    let link = one.says(&["dashboard"]);
    let expected = format!("http://{}/dashboard#token={}\n", one.address(), one.token);
    assert_eq!(link, expected);
    one.host.kill();
    let gone = one.run(&["dashboard"]);
    assert_eq!((gone.code, &*gone.stdout), (Some(1), ""));
}

#[test]
fn without_a_token_it_is_said_where_it_should_be() {
    let arguments = ["top", "--once", "--token-file", "nowhere/token"];
    let ran = fusebox(Path::new("."), &arguments);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("not in nowhere/token"), "{ran:?}");
    let far = ["top", "--once", "--admin", "10.0.0.1:9990"];
    let ran = fusebox(Path::new("."), &far);
    assert!(ran.stderr.contains("not encrypted"), "{ran:?}");
}
