//! What one call costs: in the engine (warm and fresh), as a whole message in
//! process, and in bare wasmtime with the same bytes, so that the host's own
//! share is seen. Every reply is read and checked.
//!
//! It owns no server: `cargo bench -p fusebox-benches` is the whole command,
//! after `cargo xtask plugins`.

#[path = "../shared/bare.rs"]
#[allow(unreachable_pub, missing_docs)]
mod bare;
#[path = "../shared/ours.rs"]
#[allow(unreachable_pub)]
mod ours;

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use fusebox::backpressure::{Figures, Sample};
use fusebox::metrics::VersionMeter;
use fusebox_engine::{Engine, EngineConfig, Isolation, Limits, Plugin, Usage};
use ours::{ANSWER, ARGUMENTS, MESSAGE, plugin, plugins_dir, runtime};

fn engine(c: &mut Criterion) {
    let runtime = runtime();
    let engine = Engine::new(&EngineConfig::default()).expect("an engine");
    let bytes = plugin(&plugins_dir(), "hello");
    let load =
        |isolation| Plugin::load(&engine, &bytes, Limits::default(), isolation).expect("hello");
    let fresh = load(Isolation::Call);
    let warm = load(Isolation::Pooled {
        max_calls_per_instance: u32::MAX,
        idle_max: 8,
    });
    c.bench_function("engine, fresh instance", |b| {
        b.iter(|| runtime.block_on(ours::call(&fresh, "hello", ARGUMENTS, ANSWER)));
    });
    c.bench_function("engine, warm instance", |b| {
        b.iter(|| runtime.block_on(ours::call(&warm, "hello", ARGUMENTS, ANSWER)));
    });
}

fn wasmtime_alone(c: &mut Criterion) {
    let runtime = runtime();
    let bytes = plugin(&plugins_dir(), "hello");
    let bare = bare::Bare::new(&bytes, true).expect("hello");
    c.bench_function("bare wasmtime, fresh instance", |b| {
        b.iter(|| {
            runtime.block_on(async {
                let mut instance = bare.instance().await.expect("an instance");
                let called = bare.call(&mut instance, "hello", ARGUMENTS, ANSWER).await;
                called.expect("an answer");
            });
        });
    });
    let mut instance = runtime.block_on(bare.instance()).expect("an instance");
    c.bench_function("bare wasmtime, warm instance", |b| {
        b.iter(|| {
            runtime
                .block_on(bare.call(&mut instance, "hello", ARGUMENTS, ANSWER))
                .expect("an answer");
        });
    });
}

fn in_process(c: &mut Criterion) {
    let runtime = runtime();
    for (name, isolation) in [("fresh", "call"), ("warm", "pooled")] {
        let toml = format!("[engine]\ncache = false\n[limits]\nisolation = \"{isolation}\"\n");
        let host = ours::host(&runtime, &toml, &plugins_dir());
        let frame = Bytes::from_static(MESSAGE.as_bytes());
        c.bench_function(&format!("whole message, {name} instance"), |b| {
            b.iter(|| {
                let body = runtime.block_on(ours::message(&host, &frame));
                let text = std::str::from_utf8(&body).expect("UTF-8");
                assert!(text.contains(ANSWER) && text.contains("\"id\":7"), "{text}");
            });
        });
    }
}

/// What it costs to say no: a host under pressure has no time for more.
fn refused(c: &mut Criterion) {
    let runtime = runtime();
    let host = ours::host(&runtime, "[engine]\ncache = false\n", &plugins_dir());
    host.admission.pressure.take(Sample {
        figures: Figures {
            memory_percent: 99,
            ..Figures::default()
        },
        ..Sample::default()
    });
    let frame = Bytes::from_static(MESSAGE.as_bytes());
    c.bench_function("whole message, refused", |b| {
        b.iter(|| {
            let body = runtime.block_on(ours::message(&host, &frame));
            let text = std::str::from_utf8(&body).expect("UTF-8");
            assert!(text.contains("\"reason\":\"overloaded\""), "{text}");
        });
    });
}

/// What it costs to count a call for `/metrics`: two histograms, of its handler and of
/// the request, and a few counters. A share of the whole message above.
fn counted(c: &mut Criterion) {
    let meter = VersionMeter::default();
    let usage = Usage {
        fuel: 1000,
        memory_bytes: 1 << 20,
        elapsed: Duration::from_micros(20),
    };
    c.bench_function("figures of a call", |b| {
        b.iter(|| {
            meter.admitted(Duration::ZERO);
            meter.ran(black_box(&usage));
            meter.ran(black_box(&usage));
        });
    });
}

criterion_group!(
    benches,
    wasmtime_alone,
    engine,
    in_process,
    refused,
    counted
);
criterion_main!(benches);
