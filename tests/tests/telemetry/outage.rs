//! A collector that isn't there: nobody waits for it, the log says so once, /health
//! shows what is lost, and all is told again when it is back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use fusebox_tests::{Client, Collector, Spoken, until};
use serde_json::json;

use super::host_at;

/// Clients that call without a pause.
const CLIENTS: usize = 4;

/// A short queue, so that it fills.
const SETTINGS: &str = "queue_max = 20\nbatch_max = 10\ntimeout_ms = 1000";

/// Tells the clients to end, also if the test fails meanwhile.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_collector_that_ends_and_comes_back_under_load_fails_no_call() {
    for spoken in [Spoken::Grpc, Spoken::Http] {
        let mut collector = Collector::start();
        let host = host_at(&collector, spoken, SETTINGS);
        let done = AtomicBool::new(false);
        let calls = thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|_| {
                    scope.spawn(|| {
                        let mut client = Client::modern(&host);
                        let mut calls = 0_u64;
                        while !done.load(Ordering::Relaxed) {
                            let text = client.text("hello", json!({"name": "Ada"}));
                            assert_eq!(text, "Hello, Ada!");
                            calls += 1;
                        }
                        calls
                    })
                })
                .collect();
            let ends = Done(&done);
            until("spans come", || {
                (!collector.collected_lately().spans.is_empty()).then_some(())
            });
            collector.kill();
            let failing = host.health_when("spans are lost and there is no room", |health| {
                let spans = &health["telemetry"]["spans"];
                spans["failing"] == true && spans["lost"] != 0 && spans["dropped"] != 0
            });
            assert_eq!(failing["status"], "degraded");
            let causes = failing["causes"].to_string();
            assert!(causes.contains("takes no telemetry"), "{causes}");
            let spans = &failing["telemetry"]["spans"];
            assert!(spans["last_error"].is_string(), "{failing:#}");
            assert!(spans["waiting"].as_u64() <= Some(20), "{failing:#}");
            collector.start_again();
            until("spans come again", || {
                (!collector.collected_lately().spans.is_empty()).then_some(())
            });
            host.health_when("all is well", |health| {
                health["telemetry"]["spans"]["failing"] == false
                    && !health["causes"].to_string().contains("telemetry")
            });
            drop(ends);
            let calls = clients
                .into_iter()
                .map(|one| one.join().expect("no call failed"));
            calls.sum::<u64>()
        });
        assert!(calls > 0);
        let log = host.log();
        let told = |words: &str| log.matches(words).count();
        assert_eq!(told("telemetry is lost"), 1, "{log}");
        assert_eq!(told("takes telemetry again"), 1, "{log}");
    }
}

#[test]
fn a_collector_that_never_was_there_holds_up_neither_start_nor_stop() {
    let collector = Collector::not_started();
    let settings = "flush_timeout_ms = 200\ntimeout_ms = 60000";
    let mut host = host_at(&collector, Spoken::Grpc, settings);
    let mut client = Client::modern(&host);
    client.text("hello", json!({"name": "Ada"}));
    host.terminate();
    assert!(host.wait().success(), "{}", host.log());
}

#[test]
fn what_waits_is_sent_before_the_end() {
    let collector = Collector::start();
    let settings = "flush_timeout_ms = 60000";
    let config = collector
        .config(Spoken::Grpc)
        .replace("batch_interval_ms = 50", "batch_interval_ms = 3600000");
    let mut host = fusebox_tests::Setup::new()
        .plugin("hello")
        .config(&config)
        .config(settings)
        .start();
    Client::modern(&host).text("hello", json!({"name": "Ada"}));
    host.terminate();
    assert!(host.wait().success(), "{}", host.log());
    let got = collector.wait_for("all of it", |got| {
        let named = |name| got.spans.iter().any(|span| span.name == name);
        let all = named("tools/call hello") && got.has_figure("fusebox.requests");
        all.then(|| got.clone())
    });
    assert!(
        got.lines
            .iter()
            .any(|line| line.words.contains("listening on"))
    );
}
