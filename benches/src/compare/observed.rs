//! What it costs to be observed: the same host and load without telemetry, with one
//! request of a hundred traced, and with all of them.
//!
//! It owns the case. The collector runs beside the generator, so that what is measured
//! is the host's own share.

use super::case::{Bound, Case, Goal, Kind, Metric, Server, Side};

const LOAD: &[&str] = &["--protocol", "tcp", "-c", "32"];

const OFF: Server = Server::Observed("enabled = false\n");
const FIGURES: Server = Server::Observed("enabled = true\ntraces = false\nlogs = false\n");
const SOME: Server =
    Server::Observed("enabled = true\nsample_ratio = 0.01\nmetrics = false\nlogs = false\n");
const SOME_AND_ALL_ELSE: Server = Server::Observed("enabled = true\nsample_ratio = 0.01\n");
const ALL: Server = Server::Observed("enabled = true\nsample_ratio = 1.0\n");

pub(super) fn case() -> Case {
    let beside = |text, side, bound| {
        let metric = Metric::RequestsPerSecond;
        Goal::ratio(text, metric, side, "off", Bound::AtLeast(bound))
    };
    Case {
        number: 16,
        title: "Telemetry off, with 1 % and with all requests traced, over TCP",
        kind: Kind::Load(vec![
            Side::new("off", OFF, LOAD),
            Side::new("figures alone", FIGURES, LOAD),
            Side::new("1 % traced", SOME, LOAD),
            Side::new("1 % traced, figures and log", SOME_AND_ALL_ELSE, LOAD),
            Side::new("all traced, figures and log", ALL, LOAD),
        ]),
        drawn: Metric::RequestsPerSecond,
        goals: vec![
            beside("1 % traced: 97 % of the throughput", "1 % traced", 0.97),
            beside(
                "1 % traced, with figures and log: 97 %",
                "1 % traced, figures and log",
                0.97,
            ),
        ],
    }
}
