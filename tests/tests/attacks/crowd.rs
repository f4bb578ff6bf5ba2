//! Twenty thousand connections that say nothing.

use std::net::TcpStream;

use fusebox_tests::{Client, Setup};
use serde_json::json;

use super::Neighbour;

const CONNECTIONS: usize = 20_000;

/// What a test needs besides them.
const SPARE_FILES: u64 = 500;

/// What a connection may cost that says nothing: its task, its place, its socket.
const EACH_KIB: u64 = 6;

#[test]
fn twenty_thousand_connections_that_say_nothing_are_let_go_of() {
    // As many at once as this process may have; the rest when the first are gone.
    let limit = rlimit::increase_nofile_limit(u64::MAX).expect("the limit is read");
    let at_once = CONNECTIONS.min(usize::try_from(limit - SPARE_FILES).expect("a number"));
    assert!(at_once >= 5_000, "`ulimit -n` allows only {limit} files");
    let host = Setup::new()
        .plugin("hello")
        .config("[http]\nheader_timeout_ms = 15000")
        .encrypted("handshake_timeout_ms = 15000")
        .start();
    let neighbour = Neighbour::of(&host);
    let mut silent = Vec::new();
    let mut begun = 0;
    while begun < CONNECTIONS {
        // Over TLS the handshake is what doesn't come.
        let address = match begun % 4 {
            0 => host.https_address(),
            _ => host.address(),
        };
        // The queue of the socket may be full for a moment.
        if let Ok(stream) = TcpStream::connect(address) {
            silent.push(stream);
            begun += 1;
        }
        if silent.len() == at_once {
            silent.truncate(at_once / 2);
        }
    }
    let health = host.health_when("the crowd is there", |health| {
        health["connections"].as_u64() > Some(1_000)
    });
    let max = health["connections_max"].as_u64().expect("a number");
    eprintln!(
        "{begun} connections, {} at once: {}",
        silent.len(),
        health["connections"]
    );
    assert!(health["connections"].as_u64() <= Some(max), "{health:#}");
    neighbour.check(&host, (96 << 10) + EACH_KIB * max);
    // They had their time. Nobody has hung up, and still they are gone.
    host.health_when("they are let go of", |health| {
        health["connections"].as_u64() <= Some(2)
    });
    let mut newcomer = Client::modern(&host);
    assert_eq!(
        newcomer.text("hello", json!({"name": "Eve"})),
        "Hello, Eve!"
    );
    drop(silent);
}
