//! `cargo xtask bench`: installs and builds what the comparisons need, and runs
//! them. What is compared, and how, is the business of `benches`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::process::{self, find, say, search_path};
use crate::project::Project;
use crate::{apt, host, plugins, provision, wasmtime_serve};

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Rough figures in minutes; they go to <target>/bench and not into the book.
    #[arg(long)]
    quick: bool,
    /// Only this case of the book's table; may be given several times.
    #[arg(long, value_name = "N")]
    case: Vec<u32>,
    /// Install `wasmtime` to compare with, once: its build takes a quarter of an hour
    /// of CPU time or more.
    #[arg(long)]
    with_wasmtime: bool,
    /// What follows `--` goes to the program that runs the comparisons.
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Servers of the system that are compared with, and the cases that do so.
const SYSTEM: [(&str, &str, u32); 2] = [
    ("nginx", "nginx-light", 7),
    ("redis-server", "redis-server", 9),
];

/// The case that compares with servers in Python and TypeScript.
const SCRIPTED: u32 = 4;

/// Plugins that ship and are measured too.
const SHIPPED: [&str; 2] = ["hello.wasm", "misbehave.wasm"];

/// Runs the comparisons.
///
/// # Errors
/// If something can't be built, a server fails, or an answer is wrong.
pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    let wanted = |case: u32| options.case.is_empty() || options.case.contains(&case);
    for (program, package, case) in SYSTEM {
        let mut folders = search_path();
        folders.extend(["/usr/sbin", "/usr/bin"].map(PathBuf::from));
        if wanted(case) && find(program, folders).is_none() {
            // A case goes on without a side that can't be had, and says so.
            if let Err(error) = apt::install(program, &[package]) {
                say(&format!("{error:#}"));
            }
        }
    }
    if wanted(SCRIPTED) {
        provision::provision(project)?;
    }
    if options.with_wasmtime {
        wasmtime_serve::install(project)?;
    }
    let measured = bench_plugins(project)?;
    host::build(project)?;
    process::run(project.cargo().args([
        "build",
        "--release",
        "--workspace",
        "--example",
        "engine",
    ]))?;
    let peers = project.target.join("peers");
    say("building the servers to compare with");
    process::run(
        project
            .cargo()
            .current_dir(project.root.join("benches/peers"))
            .args(["build", "--release", "--target-dir"])
            .arg(&peers),
    )?;

    let programs = project.target.join("release");
    let scratch = project.target.join("bench");
    let mut command = std::process::Command::new(programs.join("compare"));
    command.arg("--programs").arg(&programs);
    command.arg("--peers").arg(peers.join("release"));
    command
        .arg("--peer-sources")
        .arg(project.root.join("benches/peers"));
    command.arg("--plugins").arg(measured);
    command.arg("--tools").arg(wasmtime_serve::folder(project));
    command.arg("--environment").arg(provision::folder(project));
    command.arg("--scratch").arg(&scratch);
    for case in &options.case {
        command.args(["--case", &case.to_string()]);
    }
    if options.quick {
        command
            .arg("--quick")
            .arg("--results")
            .arg(scratch.join("results"));
    } else {
        command
            .arg("--results")
            .arg(project.root.join("benches/results"));
        command
            .arg("--page")
            .arg(project.root.join("docs/src/performance.md"));
    }
    process::run(command.args(&options.arguments))
}

/// The folder of the plugins that are measured: those of the benchmarks, and
/// some that ship.
pub(crate) fn bench_plugins(project: &Project) -> Result<PathBuf> {
    let folder = project.target.join("bench-plugins");
    plugins::build(project)?;
    plugins::build_into(project, &project.root.join("benches/plugins"), &folder)?;
    for name in SHIPPED {
        fs::copy(project.plugins().join(name), folder.join(name))
            .with_context(|| format!("failed to copy {name}"))?;
    }
    Ok(folder)
}
