//! The case of another host for components: the tool of `hello` over HTTP, beside
//! `wasmtime serve` with a component of `wasi:http` that does the same work.
//!
//! It owns the flags of that host. What they are for is said here, since the
//! figures are only worth something if it is at its best.

use super::case::{Bound, Case, Goal, Kind, Metric, Server, Side};
use super::cases::{CALL, HTTP, POOLED};

/// Instances from a pool that is reset page by page, as ours is, with as much left in
/// memory as a call touches.
const TUNED: &str = "-Opooling-allocator=y,pooling-pagemap-scan=auto,\
    pooling-memory-keep-resident=1048576,pooling-table-keep-resident=65536,\
    pooling-async-stack-keep-resident=65536";

/// A fresh instance for each request, which is its default.
const FRESH: Server = Server::Wasmtime(&[TUNED]);

/// Instances that serve many requests, one after another.
const REUSED: Server = Server::Wasmtime(&[TUNED, "--max-instance-reuse-count=1000000"]);

/// Without any flag.
const STOCK: Server = Server::Wasmtime(&[]);

pub(super) fn case() -> Case {
    let twice = |text, side, over| {
        let metric = Metric::RequestsPerCpuSecond;
        Goal::ratio(text, metric, side, over, Bound::AtLeast(2.0))
    };
    Case {
        number: 6,
        title: "The same hello component over HTTP, beside `wasmtime serve`",
        kind: Kind::Load(vec![
            Side::new("fusebox", CALL, HTTP),
            Side::new("wasmtime serve", FRESH, HTTP),
            Side::new("wasmtime serve, no flags", STOCK, HTTP),
            Side::new("fusebox pooled", POOLED, HTTP),
            Side::new("wasmtime serve, reused", REUSED, HTTP),
        ]),
        drawn: Metric::RequestsPerCpuSecond,
        goals: vec![
            twice(
                "a fresh instance for each: 2 times its requests for a CPU second",
                "fusebox",
                "wasmtime serve",
            ),
            twice(
                "instances that are used again: 2 times its requests for a CPU second",
                "fusebox pooled",
                "wasmtime serve, reused",
            ),
        ],
    }
}
