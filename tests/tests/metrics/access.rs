//! Who is told the figures: whoever sees all of `/health`.

use fusebox_tests::{Connection, Response, Scrape, fusebox};
use tempfile::TempDir;

use super::*;

fn ask(host: &Host, method: &str, key: &str) -> Response {
    let bearer = format!("Bearer {key}");
    let headers = [("Authorization", bearer.as_str())];
    let headers = if key.is_empty() { &[][..] } else { &headers };
    Connection::open(host.address()).exchange(method, "/metrics", headers, b"")
}

#[test]
fn a_role_that_sees_the_health_sees_them_and_nobody_else() {
    let folder: TempDir = tempfile::tempdir().expect("a temporary folder");
    let make = |name: &str, more: &[&str]| {
        let ran = fusebox(folder.path(), &[&["key", "new", name], more].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stdout.trim_end().to_owned()
    };
    let operator = make("operator", &[]);
    let watcher = make("watcher", &["--role", "watcher"]);
    let caller = make("caller", &["--role", "caller"]);
    let host = Setup::new()
        .plugin("hello")
        .config(&format!(
            "[auth]\nkeys_file = {:?}\n[roles.watcher]\nhealth = true\n[roles.caller]",
            folder.path().join("keys.toml")
        ))
        .start();
    let answer = ask(&host, "GET", "");
    assert_eq!(answer.head.status, 401, "{answer:?}");
    let challenge = answer.head.header("www-authenticate");
    assert_eq!(challenge, Some("Bearer realm=\"fusebox\""));
    assert_eq!(ask(&host, "GET", "fbx_none").head.status, 401);
    let answer = ask(&host, "GET", &caller);
    assert_eq!(answer.head.status, 403, "{answer:?}");
    for key in [&operator, &watcher] {
        let answer = ask(&host, "GET", key);
        assert_eq!(answer.head.status, 200, "{answer:?}");
        let scrape = Scrape::read(&String::from_utf8_lossy(&answer.body));
        let refused = |reason| scrape.value("fusebox_auth_failures_total", &[("reason", reason)]);
        let seen = (refused("missing"), refused("unknown"), refused("entry"));
        assert_eq!(seen, (1.0, 1.0, 1.0));
    }
}

#[test]
fn a_stranger_on_another_machine_is_told_nothing() {
    let any = std::net::SocketAddr::from(([0, 0, 0, 0], 0));
    let host = Setup::new()
        .plugin("hello")
        .config("auth.insecure = true")
        .start_at(any);
    let answer = ask(&host, "GET", "");
    assert_eq!(answer.head.status, 403, "{answer:?}");
    let text = String::from_utf8_lossy(&answer.body);
    assert!(!text.contains("fusebox_"), "{text}");
}

#[test]
fn only_a_look_is_answered_and_a_full_host_answers_it_still() {
    let host = Setup::new()
        .plugin("hello")
        .config("max_connections = 1")
        .start();
    let answer = ask(&host, "POST", "");
    assert_eq!(answer.head.status, 405, "{answer:?}");
    assert_eq!(answer.head.header("allow"), Some("GET, HEAD"));
    // Whoever is beyond the limit is answered, too, but once.
    let held = fusebox_tests::until("the only place is taken", || {
        let mut connection = Connection::open(host.address());
        let answer = connection.exchange("GET", "/live", &[], b"");
        let is_in = answer.head.header("connection") != Some("close");
        is_in.then_some(connection)
    });
    let scrape = Scrape::of(&host);
    assert!(scrape.value("fusebox_connections_refused_total", &[]) >= 1.0);
    assert_eq!(scrape.value("fusebox_connections", &[]), 1.0);
    assert_eq!(scrape.value("fusebox_connections_limit", &[]), 1.0);
    drop(held);
}
