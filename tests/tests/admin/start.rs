//! Where the interface is, and what keeps a host from starting.

use std::net::TcpListener;
use std::path::Path;

use fusebox_tests::{Setup, fusebox};

/// What a host that doesn't start says.
fn refused(config: &str, more: &[&str]) -> String {
    let (arguments, folder) = Setup::new().config(config).into_arguments();
    let mut all = vec!["serve"];
    all.extend(arguments.iter().map(String::as_str));
    all.extend(["--listen", "127.0.0.1:0"]);
    all.extend(more);
    let ran = fusebox(folder.path(), &all);
    assert_ne!(ran.code, Some(0), "{ran:?}");
    ran.stderr
}

#[track_caller]
fn check_refused(config: &str, more: &[&str], words: &str) {
    let said = refused(config, more);
    assert!(said.contains(words), "{said}");
}

#[test]
fn a_port_that_is_named_and_taken_stops_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let words = format!("failed to open the admin interface on http://{address}");
    check_refused(&format!("[admin]\nlisten = {address:?}"), &[], &words);
    check_refused("", &["--admin", &address], &words);
}

#[test]
fn what_others_could_read_on_its_way_is_refused() {
    check_refused(
        "[admin]\nlisten = '0.0.0.0:0'",
        &[],
        "http://0.0.0.0:0 is reached from other machines and is not encrypted",
    );
    check_refused(
        "[admin]\nlisten = 'https://0.0.0.0:0'",
        &[],
        "because https://0.0.0.0:0 is reached from other machines",
    );
    check_refused(
        "[admin]\nlisten = 'tcp://127.0.0.1:0'",
        &[],
        "it must be \"auto\", an address such as",
    );
}

#[test]
fn a_file_that_can_not_be_written_stops_the_start() {
    check_refused(
        "[admin]\nlisten = '127.0.0.1:0'\ntoken_file = '/dev/null/token'",
        &[],
        "failed to write the token of the admin interface to \"/dev/null/token\"",
    );
}

#[test]
fn the_token_is_where_the_configuration_says() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("deep").join("token");
    let config = format!("[admin]\nlisten = '127.0.0.1:0'\ntoken_file = {file:?}");
    let host = Setup::new().config(&config).admin().start();
    assert_eq!(host.admin().1, Path::new(&file));
    assert!(file.exists());
}

#[test]
fn it_is_nowhere_unless_it_is_asked_for() {
    let host = Setup::new().plugin("hello").start();
    assert!(!host.log().contains("admin interface"), "{}", host.log());
}
