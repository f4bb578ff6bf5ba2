//! A computing call that its client gives up ends at once, over every way: what
//! waits for its place is served, long before the call's own end.

use fusebox_tests::{Caller, EVERYWHERE, Era, Setup, Way, each};
use serde_json::json;

/// One call at a time, and one that would take longer than any test.
const CONFIG: &str = r#"
    [plugins.misbehave]
    fuel = 1000000000000000
    deadline_ms = 600000
    concurrent_calls_max = 1
"#;

fn setup() -> Setup {
    Setup::new().plugin("misbehave").config(CONFIG)
}

#[test]
fn a_cancelled_computation_burns_no_more_fuel() {
    each(&EVERYWHERE, setup, &json!({}), |caller: &mut Caller| {
        let call = |name: &str| json!({"name": name, "arguments": {}});
        let spinning = caller.begin("tools/call", call("spin"));
        if let Some(host) = caller.reachable() {
            host.health_when("it computes", |health| health["calls_in_flight"] == 1);
        }
        match (caller.way, caller.era) {
            (Way::Http, Era::Modern) => caller.hang_up(spinning),
            _ => caller.notify("notifications/cancelled", json!({"requestId": spinning})),
        }
        // There is one place only, and it is free.
        let answer = caller.request("tools/call", call("ok"));
        assert!(answer.message["result"]["isError"].is_null(), "{answer:?}");
        // Nothing was said of the cancelled call.
        assert!(answer.before.is_empty(), "{answer:?}");
        if let Some(host) = caller.reachable() {
            let health = host.health_when("nothing runs", |health| health["calls_in_flight"] == 0);
            assert_eq!(
                health["plugins"]["misbehave"]["state"], "serving",
                "{health:#}"
            );
        }
    });
}
