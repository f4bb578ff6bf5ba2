//! Proves that clients may keep a list as long as all plugins allow that have
//! something in it, and the operator for those that say nothing.

use fusebox_tests::{Client, Setup};
use serde_json::json;

#[test]
fn a_list_may_be_kept_as_long_as_all_of_its_plugins_allow() {
    let check = |setup: Setup, expected: [(&str, u64, &str); 3]| {
        let host = setup.start();
        let mut client = Client::modern(&host);
        for (method, ttl_ms, scope) in expected {
            let list = client.request(method, json!({})).outcome();
            let list = list.expect("the list");
            let seen = (list["ttlMs"].as_u64(), list["cacheScope"].as_str());
            assert_eq!(seen, (Some(ttl_ms), Some(scope)), "{method}");
            // The plugin's word was for the host.
            assert!(!list.to_string().contains("listCache"), "{list}");
        }
    };
    let ttl_of = |ms: u64| format!("[lists]\ncache_ttl_ms = {ms}");
    // `misbehave` says a second, for one caller; the others say nothing.
    let setup = || Setup::new().plugin("misbehave");
    check(
        setup().config(&ttl_of(500)),
        [
            ("tools/list", 1_000, "private"),
            ("prompts/list", 500, "public"),
            ("server/discover", 500, "public"),
        ],
    );
    check(
        setup().plugin("hello").config(&ttl_of(500)),
        [
            ("tools/list", 500, "private"),
            ("resources/list", 500, "public"),
            ("resources/templates/list", 500, "public"),
        ],
    );
    check(
        setup().plugin("everything"),
        [
            ("tools/list", 1_000, "private"),
            ("prompts/list", 5_000, "public"),
            ("resources/list", 5_000, "public"),
        ],
    );
}
