//! The table of cases: what is measured against what, and the goal of each.
//!
//! It owns the loads and the goals. Case numbers are those of the book.

use super::case::{Bound, Case, Goal, Kind, Metric, Pace, Server, Side};
use super::{attacked, in_process, observed, overload, served};

/// The host as it comes: a fresh instance for each call.
pub(super) const CALL: Server = Server::Fusebox("[log]\nlevel = \"info\"\n");

/// Warm instances that serve many calls.
pub(super) const POOLED: Server =
    Server::Fusebox("[limits]\nisolation = \"pooled\"\nmax_calls_per_instance = 1_000_000\n");

/// Room for 15,000 connections and the generator's own.
const MANY: Server = Server::Fusebox("max_connections = 16000\n");

const RMCP: Server = Server::Peer("peer-rmcp");
const LEAN: Server = Server::Peer("peer-rmcp-lean");
const ECHO: Server = Server::Peer("peer-echo");

pub(super) const HTTP: &[&str] = &["--protocol", "http", "-c", "32"];
const LEGACY: &[&str] = &["--protocol", "http", "--era", "legacy", "-c", "32"];
const SHOP: &[&str] = &["--protocol", "http", "-c", "50", "--calls", "@shop"];

/// The calls of case 5.
pub const SHOP_CALLS: &str = r#"[
  {"tool": "search_products", "arguments": {"query": "{}"}, "weight": 5},
  {"tool": "get_user_cart", "arguments": {"user": "{}"}, "weight": 3},
  {"tool": "checkout", "arguments": {"user": "{}"}, "weight": 2}
]
"#;

/// Every case, in the order of the table.
pub fn all() -> Vec<Case> {
    vec![
        in_process::warm(),
        in_process::fresh(),
        in_process::dirty(),
        http(),
        shop(),
        served::case(),
        nginx(),
        echo(),
        headline(),
        many(),
        idle(),
        in_process::alive(),
        quic(),
        attacked::case(),
        overload::case(),
        observed::case(),
    ]
}

fn http() -> Case {
    let half = Pace::ShareOf("rmcp, modern", 0.5);
    Case {
        number: 4,
        title: "tools/call over HTTP in a sandbox, beside native rmcp",
        kind: Kind::Load(vec![
            Side::new("fusebox, modern", CALL, HTTP),
            Side::new("rmcp, modern", RMCP, HTTP),
            Side::new("rmcp stripped, modern", LEAN, HTTP),
            Side::new("fusebox, legacy", CALL, LEGACY),
            Side::new("rmcp, legacy", RMCP, LEGACY),
            Side::new("fusebox pooled, modern", POOLED, HTTP),
            Side::new("fusebox, open loop", CALL, HTTP).at(half),
            Side::new("rmcp, open loop", RMCP, HTTP).at(half),
            Side::new("python, legacy", Server::Python, LEGACY),
            Side::new("typescript, legacy", Server::TypeScript, LEGACY),
        ]),
        drawn: Metric::RequestsPerCpuSecond,
        goals: vec![
            Goal::ratio(
                "modern: 3 times rmcp's requests for a CPU second",
                Metric::RequestsPerCpuSecond,
                "fusebox, modern",
                "rmcp, modern",
                Bound::AtLeast(3.0),
            ),
            Goal::ratio(
                "legacy: 3 times rmcp's requests for a CPU second",
                Metric::RequestsPerCpuSecond,
                "fusebox, legacy",
                "rmcp, legacy",
                Bound::AtLeast(3.0),
            ),
            Goal::ratio(
                "p99 at half of rmcp's rate: a third of rmcp's",
                Metric::P99,
                "fusebox, open loop",
                "rmcp, open loop",
                Bound::AtMost(1.0 / 3.0),
            ),
            Goal::figure(
                "at most 25 us of CPU for a call",
                Metric::CpuPerRequest,
                "fusebox, modern",
                Bound::AtMost(25.0),
            ),
        ],
    }
}

fn shop() -> Case {
    Case {
        number: 5,
        title: "A shop with made-up backends, 50 users",
        kind: Kind::Load(vec![
            Side::new("fusebox", CALL, SHOP),
            Side::new("fusebox pooled", POOLED, SHOP),
            Side::new("rmcp", RMCP, SHOP),
        ]),
        drawn: Metric::RequestsPerSecond,
        goals: vec![
            Goal::ratio(
                "1.5 times rmcp's requests",
                Metric::RequestsPerSecond,
                "fusebox",
                "rmcp",
                Bound::AtLeast(1.5),
            ),
            Goal::ratio(
                "pooled: 1.5 times rmcp's requests",
                Metric::RequestsPerSecond,
                "fusebox pooled",
                "rmcp",
                Bound::AtLeast(1.5),
            ),
            Goal::ratio(
                "no more memory",
                Metric::Memory,
                "fusebox",
                "rmcp",
                Bound::AtMost(1.0),
            ),
        ],
    }
}

fn nginx() -> Case {
    const FIXED: &[&str] = &["--protocol", "fixed", "-c", "32"];
    Case {
        number: 7,
        title: "HTTP/1.1 one at a time, a wasm tool, beside nginx returning fixed JSON",
        kind: Kind::Load(vec![
            Side::new("fusebox", CALL, HTTP),
            Side::new("fusebox pooled", POOLED, HTTP),
            Side::new("nginx", Server::Nginx, FIXED),
        ]),
        drawn: Metric::RequestsPerCpuSecond,
        goals: vec![
            Goal::ratio(
                "level with nginx (call isolation)",
                Metric::RequestsPerCpuSecond,
                "fusebox",
                "nginx",
                Bound::AtLeast(1.0),
            ),
            Goal::ratio(
                "level with nginx (pooled)",
                Metric::RequestsPerCpuSecond,
                "fusebox pooled",
                "nginx",
                Bound::AtLeast(1.0),
            ),
        ],
    }
}

fn echo() -> Case {
    const LINES: &[&str] = &["--protocol", "tcp", "-c", "50", "-d", "16"];
    const BARE: &[&str] = &["--protocol", "echo", "-c", "50", "-d", "16"];
    Case {
        number: 8,
        title: "TCP, 16 in flight, parsed and through wasm, beside a bare tokio echo",
        kind: Kind::Load(vec![
            Side::new("fusebox pooled", POOLED, LINES),
            Side::new("fusebox", CALL, LINES),
            Side::new("tokio echo", ECHO, BARE),
        ]),
        drawn: Metric::CpuPerRequest,
        goals: vec![Goal::ratio(
            "within 3 times its CPU (pooled)",
            Metric::CpuPerRequest,
            "fusebox pooled",
            "tokio echo",
            Bound::AtMost(3.0),
        )],
    }
}

fn headline() -> Case {
    const LINES: &[&str] = &["--protocol", "tcp", "-c", "50", "-d", "64"];
    const GET: &[&str] = &["--protocol", "redis", "-c", "50", "-d", "64"];
    Case {
        number: 9,
        title: "TCP, 64 in flight, every message through wasm, beside Redis GET",
        kind: Kind::Load(vec![
            Side::new("fusebox pooled", POOLED, LINES),
            Side::new("fusebox", CALL, LINES),
            Side::new("redis", Server::Redis, GET),
        ]),
        drawn: Metric::MessagesPerSecond,
        goals: vec![
            Goal::figure(
                "pooled: 500,000 messages a second",
                Metric::MessagesPerSecond,
                "fusebox pooled",
                Bound::AtLeast(500_000.0),
            ),
            Goal::figure(
                "call isolation: 200,000 messages a second",
                Metric::MessagesPerSecond,
                "fusebox",
                Bound::AtLeast(200_000.0),
            ),
            Goal::ratio(
                "pooled: level with Redis",
                Metric::RequestsPerCpuSecond,
                "fusebox pooled",
                "redis",
                Bound::AtLeast(1.0),
            ),
        ],
    }
}

fn many() -> Case {
    // The seed's target for each of its 32 cores.
    const RATE: Pace = Pace::Rate(7_800.0);
    const HTTP: &[&str] = &["--protocol", "http", "-c", "15000"];
    const LINES: &[&str] = &["--protocol", "tcp", "-c", "15000", "-d", "4"];
    Case {
        number: 10,
        title: "15,000 connections, 7,800 requests a second over all of them",
        kind: Kind::Load(vec![
            Side::new("fusebox, HTTP", MANY, HTTP).at(RATE).longer(2.0),
            Side::new("fusebox, TCP", MANY, LINES).at(RATE).longer(2.0),
        ]),
        drawn: Metric::P99,
        goals: vec![
            Goal::figure(
                "HTTP: p99 below 10 ms",
                Metric::P99,
                "fusebox, HTTP",
                Bound::AtMost(10_000.0),
            ),
            Goal::figure(
                "TCP: p99 below 10 ms",
                Metric::P99,
                "fusebox, TCP",
                Bound::AtMost(10_000.0),
            ),
        ],
    }
}

fn idle() -> Case {
    const LINES: &[&str] = &["--protocol", "tcp", "-c", "1", "--idle", "15000"];
    const HTTP: &[&str] = &["--protocol", "http", "-c", "1", "--idle", "15000"];
    const BARE: &[&str] = &["--protocol", "echo", "-c", "1", "--idle", "15000"];
    Case {
        number: 11,
        title: "Memory of an idle connection, with 15,000 of them",
        kind: Kind::Load(vec![
            Side::new("fusebox, TCP", MANY, LINES).fresh(),
            Side::new("fusebox, HTTP", MANY, HTTP).fresh(),
            Side::new("tokio echo", ECHO, BARE).fresh(),
        ]),
        drawn: Metric::MemoryPerConnection,
        goals: vec![
            Goal::ratio(
                "TCP: within 2 times bare tokio",
                Metric::MemoryPerConnection,
                "fusebox, TCP",
                "tokio echo",
                Bound::AtMost(2.0),
            ),
            Goal::ratio(
                "HTTP: within 2 times bare tokio",
                Metric::MemoryPerConnection,
                "fusebox, HTTP",
                "tokio echo",
                Bound::AtMost(2.0),
            ),
            Goal::figure(
                "TCP: a twentieth of the seed's 200 KB",
                Metric::MemoryPerConnection,
                "fusebox, TCP",
                Bound::AtMost(10.0),
            ),
            Goal::figure(
                "HTTP: a twentieth of the seed's 200 KB",
                Metric::MemoryPerConnection,
                "fusebox, HTTP",
                Bound::AtMost(10.0),
            ),
        ],
    }
}

fn quic() -> Case {
    const POOLED: Server = Server::FuseboxQuic(
        "[limits]\nisolation = \"pooled\"\nmax_calls_per_instance = 1_000_000\n",
    );
    const CALL: Server = Server::FuseboxQuic("[log]\nlevel = \"info\"\n");
    const ECHO: Server = Server::QuicPeer("peer-quic-echo");
    // Fifty sessions of one connection; the same fifty, with one connection each.
    const ONE: &[&str] = &["--protocol", "quic", "-c", "50", "--streams", "50"];
    const FIFTY: &[&str] = &["--protocol", "quic", "-c", "50"];
    const BARE: &[&str] = &["--protocol", "quic-echo", "-c", "50", "--streams", "50"];
    const HTTP: &[&str] = &["--protocol", "h3", "-c", "1", "-d", "50"];
    const BARE_FIFTY: &[&str] = &["--protocol", "quic-echo", "-c", "50"];
    let within =
        |text, side, over| Goal::ratio(text, Metric::CpuPerRequest, side, over, Bound::AtMost(1.5));
    Case {
        number: 13,
        title: "QUIC, 50 in flight, through wasm, beside a bare quinn echo",
        kind: Kind::Load(vec![
            Side::new("fusebox pooled, 1 connection", POOLED, ONE),
            Side::new("fusebox, 1 connection", CALL, ONE),
            Side::new("quinn echo, 1 connection", ECHO, BARE),
            Side::new("fusebox pooled, HTTP/3", POOLED, HTTP),
            Side::new("fusebox pooled, 50 connections", POOLED, FIFTY),
            Side::new("quinn echo, 50 connections", ECHO, BARE_FIFTY),
        ]),
        drawn: Metric::CpuPerRequest,
        goals: vec![
            within(
                "one connection: within 1.5 times its CPU (pooled)",
                "fusebox pooled, 1 connection",
                "quinn echo, 1 connection",
            ),
            within(
                "50 connections: within 1.5 times its CPU (pooled)",
                "fusebox pooled, 50 connections",
                "quinn echo, 50 connections",
            ),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_goal_and_pace_is_about_a_side_that_is_there() {
        for case in all() {
            let Kind::Load(sides) = &case.kind else {
                continue;
            };
            let names: Vec<_> = sides.iter().map(|side| side.name).collect();
            let known = |name: &str| assert!(names.contains(&name), "{}: {name}", case.number);
            for goal in &case.goals {
                known(goal.side);
                goal.over.iter().for_each(|over| known(over));
            }
            for (at, side) in sides.iter().enumerate() {
                if let Pace::ShareOf(other, _) = side.pace {
                    let earlier = names.iter().position(|name| *name == other);
                    assert!(earlier.is_some_and(|earlier| earlier < at), "{other}");
                }
            }
        }
    }

    #[test]
    fn the_cases_are_numbered_in_order() {
        let numbers: Vec<_> = all().iter().map(|case| case.number).collect();
        assert_eq!(numbers, (1..=16).collect::<Vec<_>>());
    }
}
