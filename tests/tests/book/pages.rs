//! The pages with commands, each beside a host as it describes one.

use fusebox_tests::{Host, Setup};

use crate::session::follow;

/// What the pages speak of: a good plugin, and a bad one.
fn host(config: &str) -> Host {
    let host = Setup::new()
        .admin()
        .plugin("hello")
        .plugin("misbehave")
        .config(config);
    host.start()
}

#[track_caller]
fn check(page: &str, config: &str, commands: usize) {
    let ran = follow(page, &host(config));
    assert!(ran >= commands, "{page} has {ran} commands");
}

#[test]
fn install_shows_what_is_printed() {
    check("docs/src/install.md", "", 3);
}

#[test]
fn the_first_page_shows_what_is_printed() {
    check("docs/src/operator.md", "", 7);
}

#[test]
fn tuning_shows_what_is_printed() {
    let overload = "[plugins.misbehave]\nconcurrent_calls_max = 1\nqueue_max = 0\n";
    check("docs/src/tuning.md", overload, 20);
}

#[test]
fn upgrading_shows_what_is_printed() {
    check("docs/src/upgrade.md", "", 5);
}

#[test]
fn incidents_show_what_is_printed() {
    check("docs/src/incidents.md", "", 25);
}
