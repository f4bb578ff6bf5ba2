//! Runs a case: servers up, load on one after another in turns, and the rounds
//! kept as they were.
//!
//! It owns the order of things. It never looks into a report further than it
//! must to set a pace.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::case::{Case, Kind, Metric, Pace, Server, Side};
use super::cases::SHOP_CALLS;
use super::overload::WAITING_CALLS;
use super::results::{CaseResult, figure, median};
use super::servers::{Places, Running, check_open_files};
use super::swap::Swapper;

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// rough figures in minutes
    pub quick: bool,
    /// times that each side has its turn
    pub rounds: usize,
    /// seconds of one turn
    pub seconds: f64,
    /// seconds before them
    pub warmup: f64,
}

impl Effort {
    /// Minutes for all cases.
    pub const QUICK: Self = Self {
        quick: true,
        rounds: 2,
        seconds: 1.0,
        warmup: 0.3,
    };

    /// Five rounds, as the page on measuring says.
    pub const FULL: Self = Self {
        quick: false,
        rounds: 5,
        seconds: 5.0,
        warmup: 1.0,
    };
}

/// What came of a case.
pub enum Ran {
    /// its figures
    Whole(Box<CaseResult>),
    /// it could not be run here: why
    Not(String),
}

/// Runs a case.
///
/// # Errors
/// If a server doesn't start, or an answer was wrong or missing.
pub fn run(places: &Places, case: &Case, effort: Effort) -> Result<Ran> {
    let mut notes = Vec::new();
    let rounds = match &case.kind {
        Kind::InProcess => in_process(places, case, effort)?,
        Kind::Load(sides) => {
            let lacks = |side: &Side| Some((side.name, places.lacks(&side.server)?));
            let missing: Vec<_> = sides.iter().filter_map(lacks).collect();
            for (side, lack) in &missing {
                let without = format!("without `{side}`: {lack}");
                // What is compared with nothing says nothing.
                if case.goals.iter().any(|goal| goal.is_about(side)) {
                    return Ok(Ran::Not(without));
                }
                notes.push(without);
            }
            notes.extend(sides.iter().find_map(|side| places.about(&side.server)));
            let is_there = |side: &&Side| missing.iter().all(|(name, _)| *name != side.name);
            load(
                places,
                &sides.iter().filter(is_there).collect::<Vec<_>>(),
                effort,
            )?
        }
    };
    let result = CaseResult::new(case, effort.quick, rounds, notes)?;
    Ok(Ran::Whole(Box::new(result)))
}

type Rounds = BTreeMap<String, Vec<Value>>;

fn in_process(places: &Places, case: &Case, effort: Effort) -> Result<Rounds> {
    let mut command = Command::new("taskset");
    command
        .args(["-c", &places.server_core.to_string()])
        .arg(places.programs.join("examples/engine"))
        .args(["--case", &case.number.to_string()])
        .args(["--rounds", &effort.rounds.max(3).to_string()])
        .args(["--seconds", &(effort.seconds / 5.0).to_string()])
        .arg("--plugins")
        .arg(&places.plugins);
    let output = output(&mut command)?;
    serde_json::from_str(&output).with_context(|| format!("{command:?} wrote {output}"))
}

fn load(places: &Places, sides: &[&Side], effort: Effort) -> Result<Rounds> {
    for side in sides {
        check_open_files(connections(side) + 500)?;
    }
    let mut servers: Vec<(Server, Running)> = Vec::new();
    let mut rounds = Rounds::new();
    for _ in 0..effort.rounds {
        for &side in sides {
            let fresh = if side.fresh {
                Some(places.start(&side.server, side.name)?)
            } else {
                None
            };
            let running = match &fresh {
                Some(running) => running,
                None => shared(places, &mut servers, side)?,
            };
            let report = turn(places, side, running, effort, &rounds)
                .with_context(|| format!("`{}`", side.name))?;
            let reports = rounds.entry(side.name.to_owned()).or_default();
            reports.push(report);
        }
    }
    for (server, running) in &mut servers {
        if !running.is_alive() {
            bail!("a server did not survive: {server:?}");
        }
    }
    Ok(rounds)
}

/// The server of a side, which sides with an equal one share.
fn shared<'s>(
    places: &Places,
    servers: &'s mut Vec<(Server, Running)>,
    side: &Side,
) -> Result<&'s Running> {
    let known = servers
        .iter()
        .position(|(server, _)| *server == side.server);
    let at = match known {
        Some(at) => at,
        None => {
            let running = places.start(&side.server, side.name)?;
            servers.push((side.server.clone(), running));
            servers.len() - 1
        }
    };
    Ok(&servers[at].1)
}

/// Connections that the generator and the server hold.
fn connections(side: &Side) -> u64 {
    let values = side.load.windows(2);
    values
        .filter(|pair| matches!(pair[0], "-c" | "--idle"))
        .filter_map(|pair| pair[1].parse::<u64>().ok())
        .sum()
}

/// What a side's generator speaks.
fn protocol(side: &Side) -> &'static str {
    let mut pairs = side.load.windows(2);
    let pair = pairs.find(|pair| pair[0] == "--protocol");
    pair.map_or("http", |pair| pair[1])
}

/// One side's turn.
fn turn(
    places: &Places,
    side: &Side,
    running: &Running,
    effort: Effort,
    so_far: &Rounds,
) -> Result<Value> {
    let mut command = Command::new(places.programs.join("loadgen"));
    match (protocol(side), running.lines, &running.quic) {
        ("quic" | "h3" | "quic-echo", _, Some((address, certificate))) => {
            command.arg(address.to_string());
            command.arg("--certificate").arg(certificate)
        }
        ("tcp", Some(address), _) => command.arg(address.to_string()),
        _ => command.arg(running.address.to_string()),
    };
    command
        .args(["--core", &places.generator_core.to_string()])
        .args(["--server-pid", &running.pid().to_string()])
        .args(["--duration", &(effort.seconds * side.longer).to_string()])
        .args(["--json", "-", "--quiet"]);
    if !side.load.contains(&"--warmup") {
        command.args(["--warmup", &effort.warmup.to_string()]);
    }
    for argument in side.load {
        match *argument {
            "@shop" => command.arg(calls(places, "shop.json", SHOP_CALLS)?),
            "@waiting" => command.arg(calls(places, "waiting.json", WAITING_CALLS)?),
            argument => command.arg(argument),
        };
    }
    match side.pace {
        Pace::Closed => {}
        Pace::Rate(rate) => {
            command.args(["--rate", &rate.to_string()]);
        }
        Pace::ShareOf(other, share) => {
            let reports = so_far.get(other).into_iter().flatten();
            let rates = reports.filter_map(|one| figure(Metric::RequestsPerSecond, one));
            let rate = median(rates.collect()).with_context(|| format!("no rate of `{other}`"))?;
            command.args(["--rate", &format!("{:.0}", (rate * share).max(1.0))]);
        }
    }
    let _swapper = match (&running.plugins, side.swaps) {
        (Some(folder), true) => Some(Swapper::start(folder.clone())?),
        _ => None,
    };
    let output = output(&mut command)?;
    serde_json::from_str(&output).with_context(|| format!("{command:?} wrote {output}"))
}

fn calls(places: &Places, name: &str, calls: &str) -> Result<PathBuf> {
    let path = places.scratch.join(name);
    fs::write(&path, calls)?;
    Ok(path)
}

/// What a command writes to its standard output, if all is well.
fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("failed to start {command:?}"))?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).context("not UTF-8")
}
