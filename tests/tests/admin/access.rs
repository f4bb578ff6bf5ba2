//! Who is let in.

use std::os::unix::fs::PermissionsExt as _;

use fusebox_tests::{Connection, Setup};
use serde_json::json;

use crate::{Administered, check_refused};

/// Every path of the API, with its method.
const PATHS: [(&str, &str); 14] = [
    ("GET", "status"),
    ("GET", "snapshot"),
    ("GET", "events"),
    ("GET", "sessions"),
    ("GET", "tasks"),
    ("GET", "config"),
    ("POST", "breakers/hello/hello/reset"),
    ("POST", "log-level"),
    ("POST", "drain"),
    ("POST", "resume"),
    ("POST", "logout"),
    ("GET", "nothing"),
    ("DELETE", "status"),
    ("POST", ""),
];

fn hello() -> Administered {
    Administered::start(Setup::new().plugin("hello"))
}

#[test]
fn without_the_token_nothing_is_told_or_done() {
    let one = hello();
    let another = hello();
    let foreign = another.bearer();
    let shorter = one.bearer();
    let shorter = &shorter[..shorter.len() - 1];
    for (method, path) in PATHS {
        check_refused(&one.ask(method, path, &[], ""), 401, "unauthenticated");
        for shown in ["Bearer", "Bearer x", "Basic eDp4", &foreign, shorter] {
            let refused = one.ask(method, path, &[("Authorization", shown)], "");
            check_refused(&refused, 401, "unauthenticated");
            let challenge = refused.head.header("www-authenticate");
            assert_eq!(challenge, Some("Bearer"));
        }
    }
    assert_eq!(one.get("status")["status"], "healthy", "nothing was done");
    let log = one.host.log();
    assert!(log.contains("a wrong token was shown"), "{log}");
    assert!(!log.contains(&one.token), "the log has the token");
    assert!(!log.contains(&another.token), "the log has what was shown");
}

#[test]
fn other_names_and_other_pages_are_refused_whoever_asks() {
    let one = hello();
    let bearer = one.bearer();
    let bearer = ("Authorization", &*bearer);
    let port = one.address().port();
    for foreign in ["evil.example", &format!("evil.example:{port}"), "10.0.0.1"] {
        let refused = one.ask("GET", "status", &[bearer, ("Host", foreign)], "");
        check_refused(&refused, 403, "host_not_allowed");
    }
    let near = format!("http://localhost:{port}");
    for foreign in ["https://evil.example", "http://127.0.0.1:1", "null", &near] {
        let refused = one.ask("GET", "status", &[bearer, ("Origin", foreign)], "");
        check_refused(&refused, 403, "origin_not_allowed");
    }
    let name = format!("localhost:{port}");
    let told = one.ask("GET", "status", &[bearer, ("Host", &name)], "");
    assert_eq!(told.head.status, 200);
    let own = format!("http://127.0.0.1:{port}");
    let told = one.ask("GET", "status", &[bearer, ("Origin", &own)], "");
    assert_eq!(told.head.status, 200);
}

#[test]
fn a_page_logs_in_once_and_orders_only_from_its_own_origin() {
    let one = hello();
    let json = ("Content-Type", "application/json");
    let login = |token: &str, headers: &[(&str, &str)]| {
        let body = json!({"token": token}).to_string();
        one.ask("POST", "login", headers, &body)
    };
    check_refused(&login("x", &[json]), 401, "unauthenticated");
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    check_refused(&login(&one.token, &[form]), 400, "bad_body");
    let foreign = ("Origin", "https://evil.example");
    let refused = login(&one.token, &[json, foreign]);
    check_refused(&refused, 403, "origin_not_allowed");

    let own = format!("http://{}", one.address());
    let own = ("Origin", &*own);
    let answer = login(&format!(" {}\n", one.token), &[json, own]);
    assert_eq!(answer.head.status, 204, "{}", answer.text());
    let kept = answer.head.header("set-cookie").expect("a cookie");
    let (pair, attributes) = kept.split_once(';').expect("attributes");
    assert_eq!(attributes, " Path=/; HttpOnly; SameSite=Strict");
    assert!(!kept.contains(&one.token), "the cookie is not the token");
    let cookie = ("Cookie", pair);
    let status = |headers: &[(&str, &str)]| one.ask("GET", "status", headers, "");
    assert_eq!(status(&[cookie]).head.status, 200);
    for site in ["cross-site", "same-site"] {
        let refused = status(&[cookie, ("Sec-Fetch-Site", site)]);
        check_refused(&refused, 403, "origin_not_allowed");
    }
    // Not as a token, and not for another host.
    let (_, value) = pair.split_once('=').expect("a value");
    let as_token = status(&[("Authorization", &format!("Bearer {value}"))]);
    check_refused(&as_token, 401, "unauthenticated");
    let refused = hello().ask("GET", "status", &[cookie], "");
    check_refused(&refused, 401, "unauthenticated");

    let drain = |headers: &[(&str, &str)]| one.ask("POST", "drain", headers, "");
    check_refused(&drain(&[cookie]), 403, "origin_not_allowed");
    assert_eq!(drain(&[cookie, own]).head.status, 200);
    let out = one.ask("POST", "logout", &[cookie, own], "");
    let gone = out.head.header("set-cookie").expect("a cookie");
    assert!(gone.contains("Max-Age=0"), "{gone}");
}

#[test]
fn what_does_not_fit_is_refused_in_words_for_programs() {
    let one = hello();
    let bearer = one.bearer();
    let bearer = ("Authorization", &*bearer);
    let wrong = one.ask("POST", "status", &[bearer], "");
    check_refused(&wrong, 405, "method_not_allowed");
    assert_eq!(wrong.head.header("allow"), Some("GET, HEAD"));
    check_refused(
        &one.ask("GET", "drain", &[bearer], ""),
        405,
        "method_not_allowed",
    );
    check_refused(&one.ask("GET", "x", &[bearer], ""), 404, "not_found");
    let json = ("Content-Type", "application/json");
    for body in [
        "",
        "{",
        "{}",
        "{\"level\":7}",
        "{\"level\":\"info\",\"more\":1}",
    ] {
        let refused = one.ask("POST", "log-level", &[bearer, json], body);
        check_refused(&refused, 400, "bad_body");
    }
    let large = "x".repeat(17 << 10);
    let refused = one.ask("POST", "log-level", &[bearer, json], &large);
    check_refused(&refused, 413, "body_too_large");
    let head = one.ask("HEAD", "status", &[bearer], "");
    assert_eq!(head.head.status, 200);
}

#[test]
fn every_answer_tells_a_browser_what_it_may_not_do() {
    let one = hello();
    let bearer = one.bearer();
    let refused = one.ask("GET", "status", &[], "");
    let told = one.ask("GET", "status", &[("Authorization", &bearer)], "");
    for response in [refused, told] {
        let header = |name: &str| response.head.header(name).unwrap_or_default().to_owned();
        let policy = header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("access-control-allow-origin"), "");
    }
}

#[test]
fn clients_never_reach_it_and_the_file_is_its_owners_alone() {
    let mut one = hello();
    for path in ["/admin/v1/status", "/dashboard"] {
        let mut connection = Connection::open(one.host.address());
        let bearer = one.bearer();
        let response = connection.exchange("GET", path, &[("Authorization", &bearer)], b"");
        assert_eq!(response.head.status, 404, "{path}");
    }
    let (_, file) = one.host.admin();
    let file = file.to_owned();
    let mode = std::fs::metadata(&file)
        .expect("the file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    one.host.terminate();
    assert_eq!(one.host.wait().code(), Some(0));
    assert!(!file.exists(), "it goes with its host");
}
