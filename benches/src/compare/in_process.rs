//! The cases that need no server: one process, the engine beside bare wasmtime.
//!
//! It owns their goals. It never runs anything.

use super::case::{Bound, Case, Goal, Kind, Metric};

fn in_process(number: u32, title: &'static str, goals: Vec<Goal>) -> Case {
    Case {
        number,
        title,
        kind: Kind::InProcess,
        drawn: Metric::CpuPerCall,
        goals,
    }
}

fn faster(text: &'static str, than: &'static str, times: f64) -> Goal {
    Goal::ratio(
        text,
        Metric::CpuPerCall,
        than,
        "fusebox",
        Bound::AtLeast(times),
    )
}

pub(super) fn warm() -> Case {
    in_process(
        1,
        "A warm call of a component",
        vec![faster(
            "stock `call_async` takes 6 times as long",
            "stock",
            6.0,
        )],
    )
}

pub(super) fn fresh() -> Case {
    in_process(
        2,
        "A fresh instance for each call",
        vec![
            faster("stock pooling takes 2 times as long", "stock pooling", 2.0),
            faster("on-demand takes 6 times as long", "on-demand", 6.0),
        ],
    )
}

pub(super) fn dirty() -> Case {
    in_process(
        3,
        "A fresh instance that dirties 64 pages, found clean each time",
        vec![faster(
            "stock pooling takes 10 times as long",
            "stock pooling",
            10.0,
        )],
    )
}

pub(super) fn alive() -> Case {
    Case {
        number: 12,
        title: "Ten thousand instances alive at once",
        kind: Kind::InProcess,
        drawn: Metric::MemoryEach,
        goals: vec![Goal::figure(
            "20 KiB each",
            Metric::MemoryEach,
            "fusebox",
            Bound::AtMost(20.0),
        )],
    }
}
