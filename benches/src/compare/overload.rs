//! The case of ten times the load that the host can bear: while it lasts, and two
//! seconds after it.
//!
//! It owns the floods and what must hold of them.

use super::case::{Bound, Case, Goal, Kind, Metric, Pace, Server, Side};
use super::cases::CALL;

/// The calls of the flood that waits: each has a place in its plugin for 200 ms, so
/// that no more than 256 / 200 ms of them can be served, however fast the machine.
pub(super) const WAITING_CALLS: &str = r#"[
  {"tool": "sleep", "arguments": {"ms": 200}, "expect": "ok"}
]
"#;

/// How long a call may take that was let in.
const DEADLINE_US: f64 = 5_000_000.0;

pub(super) fn case() -> Case {
    const WAITS: Server = Server::Fusebox("[limits]\ndeadline_ms = 5000\n");
    const BEST: &[&str] = &["--protocol", "http", "-c", "32", "-d", "8"];
    // What follows a flood begins two seconds after it: its warm-up is that long.
    const AFTER: &[&str] = &["--protocol", "http", "-c", "32", "-d", "8", "--warmup", "2"];
    const BEST_WAIT: &[&str] = &["--protocol", "http", "-c", "300", "--calls", "@waiting"];
    const AFTER_WAIT: &[&str] = &[
        "--protocol",
        "http",
        "-c",
        "300",
        "--calls",
        "@waiting",
        "--warmup",
        "2",
    ];
    const FLOOD: &[&str] = &[
        "--protocol",
        "http",
        "-c",
        "2000",
        "-d",
        "8",
        "--expect-refusals",
        "--patience",
        "1",
    ];
    // One call at a time on each connection: none waits there for the answer to another,
    // so the time of an answer is the host's alone.
    const FLOOD_WAIT: &[&str] = &[
        "--protocol",
        "http",
        "-c",
        "4000",
        "-d",
        "1",
        "--expect-refusals",
        "--patience",
        "1",
        "--calls",
        "@waiting",
    ];
    Case {
        number: 15,
        title: "Ten times the load that it can bear, for a minute",
        kind: Kind::Load(vec![
            Side::new("best", CALL, BEST),
            Side::new("flood", CALL, FLOOD)
                .at(Pace::ShareOf("best", 10.0))
                .longer(2.0),
            Side::new("after", CALL, AFTER),
            Side::new("best, waiting", WAITS, BEST_WAIT),
            Side::new("flood, waiting", WAITS, FLOOD_WAIT)
                .at(Pace::ShareOf("best, waiting", 10.0))
                .longer(12.0),
            Side::new("after, waiting", WAITS, AFTER_WAIT),
        ]),
        drawn: Metric::RequestsPerSecond,
        goals: goals(),
    }
}

/// Calls that compute and calls that wait; only the latter are refused, since the
/// others are served as they are read.
fn goals() -> Vec<Goal> {
    let goodput = |text, side, over| {
        Goal::ratio(
            text,
            Metric::RequestsPerSecond,
            side,
            over,
            Bound::AtLeast(0.8),
        )
    };
    let again = |text, side, over| {
        Goal::ratio(
            text,
            Metric::RequestsPerSecond,
            side,
            over,
            Bound::AtLeast(0.9),
        )
    };
    let memory = |text, side| Goal::figure(text, Metric::Memory, side, Bound::AtMost(512.0));
    vec![
        goodput("computing: 80 % of the best goodput", "flood", "best"),
        goodput(
            "waiting: 80 % of the best goodput",
            "flood, waiting",
            "best, waiting",
        ),
        memory("computing: at most 512 MiB of memory", "flood"),
        memory("waiting: at most 512 MiB of memory", "flood, waiting"),
        Goal::figure(
            "waiting: every call that is let in keeps its deadline of 5 s",
            Metric::Slowest,
            "flood, waiting",
            Bound::AtMost(DEADLINE_US),
        ),
        again(
            "computing: 2 s later as many requests as before",
            "after",
            "best",
        ),
        again(
            "waiting: 2 s later as many requests as before",
            "after, waiting",
            "best, waiting",
        ),
        Goal::ratio(
            "waiting: 2 s later the same p99",
            Metric::P99,
            "after, waiting",
            "best, waiting",
            Bound::AtMost(1.25),
        ),
    ]
}
