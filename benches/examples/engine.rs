//! The cases that need no server: calls in this process, beside bare wasmtime,
//! in turns. Started by `cargo xtask bench`; writes one JSON object of the
//! rounds of each side.
//!
//! It owns cases 1, 2, 3 and 12. The figures are CPU time of the whole process,
//! so that work which other threads do for a call counts too.
#![forbid(unsafe_code)]

#[path = "../shared/bare.rs"]
#[allow(unreachable_pub, missing_docs)]
mod bare;
#[path = "../shared/ours.rs"]
#[allow(unreachable_pub, dead_code)]
mod ours;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bare::Bare;
use clap::Parser;
use fusebox_benches::process::{Places, Server, own_cpu};
use fusebox_engine::{Engine, EngineConfig, Isolation, Limits, Plugin};
use ours::{ANSWER, ARGUMENTS};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// CPU time is counted in hundredths of a second: a turn is long beside that.
const TURN_MIN_SECONDS: f64 = 0.5;

/// Instances that are alive at once in case 12.
const ALIVE: u32 = 10_000;

/// And in wasmtime's own pool: it has room for a thousand core instances, and a
/// component has four at most.
const ALIVE_STOCK: u32 = 250;

#[derive(Parser)]
struct Arguments {
    #[arg(long)]
    case: u32,
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    #[arg(long)]
    plugins: PathBuf,
    /// of case 12 this side alone: "stock", "asleep" or "callers"
    #[arg(long)]
    side: Option<String>,
}

type Rounds = BTreeMap<String, Vec<Value>>;

fn main() {
    let arguments = Arguments::parse();
    let runtime = ours::runtime();
    let rounds = match arguments.case {
        1 => warm(&runtime, &arguments),
        2 => fresh(&runtime, &arguments, "hello", "hello", ARGUMENTS, ANSWER),
        3 => fresh(&runtime, &arguments, "bench", "dirty", "{}", "clean"),
        12 => match &arguments.side {
            None => alive(&arguments),
            Some(side) => alive_alone(&runtime, side, &arguments.plugins),
        },
        other => panic!("case {other} is none of this program's"),
    };
    let text = serde_json::to_string(&rounds).expect("JSON");
    writeln!(std::io::stdout(), "{text}").expect("written");
}

/// Gives each side its turns, and the microseconds of CPU for a call in each.
fn in_turns(arguments: &Arguments, sides: &mut [(&'static str, &mut dyn FnMut())]) -> Rounds {
    let turn = Duration::from_secs_f64(arguments.seconds.max(TURN_MIN_SECONDS));
    let mut rounds = Rounds::new();
    for (_, call) in sides.iter_mut() {
        (0..100).for_each(|_| call());
    }
    for _ in 0..arguments.rounds {
        for (name, call) in sides.iter_mut() {
            let (began, cpu) = (Instant::now(), own_cpu().expect("CPU time"));
            let mut calls = 0_u64;
            while began.elapsed() < turn {
                (0..50).for_each(|_| call());
                calls += 50;
            }
            let used = own_cpu().expect("CPU time") - cpu;
            let us = used.as_secs_f64() * 1e6 / calls as f64;
            rounds
                .entry((*name).to_owned())
                .or_default()
                .push(json!({ "value": us }));
        }
    }
    rounds
}

fn load(engine: &Engine, folder: &Path, name: &str, isolation: Isolation) -> Plugin {
    let bytes = ours::plugin(folder, name);
    Plugin::load(engine, &bytes, Limits::default(), isolation).expect("a plugin")
}

fn warm(runtime: &Runtime, arguments: &Arguments) -> Rounds {
    let engine = Engine::new(&EngineConfig::default()).expect("an engine");
    let pooled = Isolation::Pooled {
        max_calls_per_instance: u32::MAX,
        idle_max: 8,
    };
    let plugin = load(&engine, &arguments.plugins, "hello", pooled);
    let bare = Bare::new(&ours::plugin(&arguments.plugins, "hello"), true).expect("hello");
    let mut instance = runtime.block_on(bare.instance()).expect("an instance");
    in_turns(
        arguments,
        &mut [
            ("fusebox", &mut || {
                runtime.block_on(ours::call(&plugin, "hello", ARGUMENTS, ANSWER));
            }),
            ("stock", &mut || {
                let call = bare.call(&mut instance, "hello", ARGUMENTS, ANSWER);
                runtime.block_on(call).expect("an answer");
            }),
        ],
    )
}

fn fresh(
    runtime: &Runtime,
    arguments: &Arguments,
    plugin: &str,
    tool: &'static str,
    tool_arguments: &'static str,
    answer: &str,
) -> Rounds {
    let engine = Engine::new(&EngineConfig::default()).expect("an engine");
    let ours = load(&engine, &arguments.plugins, plugin, Isolation::Call);
    let bytes = ours::plugin(&arguments.plugins, plugin);
    let pooling = Bare::new(&bytes, true).expect("a component");
    let on_demand = Bare::new(&bytes, false).expect("a component");
    let stock = |bare: &Bare| {
        runtime.block_on(async {
            let mut instance = bare.instance().await.expect("an instance");
            let called = bare.call(&mut instance, tool, tool_arguments, answer).await;
            called.expect("an answer");
        });
    };
    in_turns(
        arguments,
        &mut [
            ("fusebox", &mut || {
                runtime.block_on(ours::call(&ours, tool, tool_arguments, answer));
            }),
            ("stock pooling", &mut || stock(&pooling)),
            ("on-demand", &mut || stock(&on_demand)),
        ],
    )
}

/// Memory of this process, and what the kernel needs to map it.
type Memory = (Places, u64);

/// Memory of instances that are alive: asleep in a call, waiting for one, and made for
/// one caller each; and where it is. Each in a process of its own, for what others
/// have freed would be used again, and counted for nobody.
fn alive(arguments: &Arguments) -> Rounds {
    let mut rounds = Rounds::new();
    for side in ["stock", "asleep", "callers"] {
        let program = std::env::current_exe().expect("this program");
        let output = std::process::Command::new(program)
            .args(["--case", "12", "--side", side, "--plugins"])
            .arg(&arguments.plugins)
            .stderr(std::process::Stdio::inherit())
            .output()
            .expect("a process of its own");
        assert!(output.status.success(), "{side}: {}", output.status);
        let sides: BTreeMap<String, Vec<Value>> =
            serde_json::from_slice(&output.stdout).expect("rounds");
        rounds.extend(sides);
    }
    rounds
}

fn alive_alone(runtime: &Runtime, side: &str, plugins: &Path) -> Rounds {
    let round = |(places, kernel): Memory, count: u32| {
        let each = |kib: u64| kib as f64 / f64::from(count);
        vec![json!({
            "value": each(places.kib()),
            "linear_memory": each(places.linear_kib),
            "tables": each(places.tables_kib),
            "stacks": each(places.stacks_kib),
            "allocated": each(places.others_kib),
            // Not in the value: it is the kernel's.
            "page_tables": each(kernel),
        })]
    };
    if side == "stock" {
        let memory = kept_by_stock(runtime, plugins);
        return [("stock pooling".to_owned(), round(memory, ALIVE_STOCK))].into();
    }
    let config = EngineConfig {
        max_instances: ALIVE + 8,
        ..EngineConfig::default()
    };
    let engine = Engine::new(&config).expect("an engine");
    if side == "callers" {
        let memory = of_callers(runtime, &engine, plugins);
        return [(
            "fusebox, one for each caller".to_owned(),
            round(memory, ALIVE),
        )]
        .into();
    }
    let (asleep, idle) = asleep(runtime, &engine, plugins);
    let asleep = ("fusebox, asleep in a call".to_owned(), round(asleep, ALIVE));
    [asleep, ("fusebox".to_owned(), round(idle, ALIVE))].into()
}

fn seen() -> Memory {
    let own = Server::new(std::process::id());
    let kernel = own.page_tables_kib().expect("memory");
    (own.places().expect("memory"), kernel)
}

fn since(before: Memory) -> Memory {
    let (places, kernel) = seen();
    (places - before.0, kernel.saturating_sub(before.1))
}

fn kept_by_stock(runtime: &Runtime, plugins: &Path) -> Memory {
    let bare = Bare::new(&ours::plugin(plugins, "misbehave"), true).expect("a component");
    let before = seen();
    let _kept: Vec<_> = (0..ALIVE_STOCK)
        .map(|_| {
            runtime.block_on(async {
                let mut instance = bare.instance().await.expect("an instance");
                let called = bare.call(&mut instance, "ok", "{}", "ok").await;
                called.expect("an answer");
                instance
            })
        })
        .collect();
    since(before)
}

/// Of a plugin that waits: in its calls, and after them.
fn asleep(runtime: &Runtime, engine: &Engine, plugins: &Path) -> (Memory, Memory) {
    const SLEEP: &str = r#"{"ms":20000}"#;
    let pooled = Isolation::Pooled {
        max_calls_per_instance: u32::MAX,
        idle_max: ALIVE as usize,
    };
    let plugin = load(engine, plugins, "misbehave", pooled);
    runtime.block_on(ours::call(&plugin, "ok", "{}", "ok"));
    let before = seen();
    let mut calls = JoinSet::new();
    runtime.block_on(async {
        for _ in 0..ALIVE {
            let plugin = plugin.clone();
            calls.spawn(async move { ours::call(&plugin, "sleep", SLEEP, "ok").await });
        }
        while engine.instances_alive() < u64::from(ALIVE) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let asleep = since(before);
        while let Some(ended) = calls.join_next().await {
            ended.expect("an answer");
        }
        assert!(
            engine.instances_alive() >= u64::from(ALIVE),
            "they are kept"
        );
        (asleep, since(before))
    })
}

/// Of a plugin that only computes, after a call of each caller.
fn of_callers(runtime: &Runtime, engine: &Engine, plugins: &Path) -> Memory {
    let isolation = Isolation::Caller {
        max_calls_per_instance: u32::MAX,
        // The first one beside the others.
        idle_max: ALIVE as usize + 1,
    };
    let plugin = load(engine, plugins, "hello", isolation);
    let call = |caller: String| {
        let called = ours::call_as(&plugin, Some(caller), "hello", ARGUMENTS, ANSWER);
        runtime.block_on(called);
    };
    call("first".to_owned());
    let before = seen();
    (0..ALIVE).for_each(|caller| call(format!("caller {caller}")));
    assert!(engine.instances_alive() > u64::from(ALIVE), "each has one");
    since(before)
}
