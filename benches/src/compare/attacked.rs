//! The case of callers who break things: one connection in ten calls tools that loop
//! and trap, while the plugin that the others call is swapped.
//!
//! It owns the attacks and what the others may notice of them.

use super::case::{Bound, Case, Goal, Kind, Metric, Pace, Server, Side};

/// A loop costs its caller a second and no more.
const FUSED: Server = Server::Fusebox(
    "[plugins.misbehave]\ndeadline_ms = 1000\n[reload]\nsettle_ms = 50\npoll_interval_ms = 200\n",
);

/// The same, and no fuse ever opens: the attack goes on at full strength.
const UNFUSED: Server = Server::Fusebox(
    "[plugins.misbehave]\ndeadline_ms = 1000\n[reload]\nsettle_ms = 50\npoll_interval_ms = 200\n\
     [circuit_breaker]\nfailure_threshold = 1_000_000\n",
);

const CALM: &[&str] = &["--protocol", "http", "-c", "27"];

/// As many requests from each connection, and three that are attackers.
const ATTACK: &[&str] = &["--protocol", "http", "-c", "30", "--mix", "attack"];

/// The attackers ask again as soon as they are answered, which is at once when a
/// fuse is open: they send more than all others together.
const SIEGE: &[&str] = &["--protocol", "http", "-c", "30", "--mix", "siege"];

pub(super) fn case() -> Case {
    // At half of what the core bears, a refusal here and a loop there fill the rest:
    // what is measured then is a queue, not who disturbs whom.
    let third = Pace::ShareOf("most", 1.0 / 3.0);
    let calm = |name, server| Side::new(name, server, CALM).at(third).longer(2.0);
    let attacked = |name, server, load| {
        let side = Side::new(name, server, load).at(third);
        side.longer(2.0).swapping()
    };
    let undisturbed =
        |text, attacked, calm| Goal::ratio(text, Metric::P99, attacked, calm, Bound::AtMost(1.5));
    Case {
        number: 14,
        title: "One connection in ten calls tools that loop and trap, while plugins are swapped",
        kind: Kind::Load(vec![
            Side::new("most", FUSED, CALM),
            calm("calm", FUSED),
            attacked("attacked", FUSED, ATTACK),
            calm("calm, no fuses", UNFUSED),
            attacked("attacked, no fuses", UNFUSED, ATTACK),
            attacked("besieged", FUSED, SIEGE),
        ]),
        drawn: Metric::P99,
        goals: vec![
            undisturbed("p99 of the others within 1.5 times", "attacked", "calm"),
            undisturbed(
                "the same with fuses that never open",
                "attacked, no fuses",
                "calm, no fuses",
            ),
            undisturbed(
                "the same with attackers who never pause",
                "besieged",
                "calm",
            ),
        ],
    }
}
