//! Async handlers in a host: requests of one call that are on their way at once, shown
//! by a server that answers none of them before all are there.

use fusebox_tests::Client;
use serde_json::{Value, json};

use super::http::granted;
use super::server::Server;
use super::{EACH_ISOLATION, call, host, refused};

fn bodies(fetched: &Value) -> Vec<(&str, u64)> {
    let all = fetched.as_array().expect("a list").iter();
    all.map(|one| {
        let body = one["body"].as_str().expect("a body");
        (body, one["bytes"].as_u64().expect("a number"))
    })
    .collect()
}

#[test]
fn requests_of_one_call_are_on_their_way_at_once() {
    for isolation in EACH_ISOLATION {
        let server = Server::start();
        let limits = format!("[plugins.reach]\nisolation = \"{isolation}\"\n");
        let host = host(&(limits + &granted(&server)));
        let mut client = Client::modern(&host);
        // An instance that serves again has nothing left of the call before.
        for guests in [2, 3, 8] {
            let url = server.url(&format!("/meet/{guests}"));
            let urls = vec![url; guests];
            let fetched = call(&mut client, "fetch_all", json!({"urls": urls}));
            let fetched = fetched.expect("answers");
            assert_eq!(bodies(&fetched), vec![("hello", 5); guests], "{isolation}");
        }
        assert_eq!(server.requests().len(), 2 + 3 + 8);
        assert_eq!(host.plugin_health("reach")["faults"], 0);
    }
}

#[test]
fn pauses_and_large_bodies_are_awaited_too() {
    for isolation in EACH_ISOLATION {
        let server = Server::start();
        let limits = format!("[plugins.reach]\nisolation = \"{isolation}\"\n");
        let host = host(&(limits + &granted(&server)));
        let mut client = Client::modern(&host);
        let urls = [server.url("/bytes/300000"), server.url("/bytes/100")];
        let arguments = json!({"urls": urls, "send_bytes": 300_000, "pause_ms": 5});
        let fetched = call(&mut client, "fetch_all", arguments).expect("answers");
        let bytes: Vec<_> = bodies(&fetched).iter().map(|(_, bytes)| *bytes).collect();
        assert_eq!(bytes, [300_000, 100]);
        for head in server.requests() {
            assert!(head.contains("content-length: 300000\r\n"), "{head}");
        }
        // Nothing to await is done at once.
        assert!(call(&mut client, "fetch_all", json!({"urls": []})).is_ok());
    }
}

#[test]
fn the_first_error_ends_the_others() {
    for isolation in EACH_ISOLATION {
        let server = Server::start();
        let limits = format!("[plugins.reach]\nisolation = \"{isolation}\"\n");
        let host = host(&(limits + &granted(&server)));
        let mut client = Client::modern(&host);
        let denied = "http://denied.example:81";
        let expected = format!(
            "not granted: GET {denied}; \"{denied}\" in `allow` of [plugins.reach.grants.http] would allow it"
        );
        // A server that never answers, nor ends what it began to say.
        for held in ["/silent", "/trickle"] {
            let urls = [server.url(held), format!("{denied}/"), server.url(held)];
            let said = refused(&mut client, "fetch_all", json!({"urls": urls}));
            assert_eq!(said, expected, "{isolation}");
        }
        assert_eq!(host.plugin_health("reach")["faults"], 0);
        server.release();
    }
}
