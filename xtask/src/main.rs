//! `cargo xtask`: the jobs of this repository that need more than one cargo
//! command. This file only reads the command line; each job has a module.
//! Nothing here is part of the host or of a plugin.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod apt;
mod bench;
mod dist;
mod host;
mod instructions;
mod peers;
mod plugins;
mod process;
mod project;
mod provision;
mod run;
mod scripts;
mod stamp;
mod test;
mod wasmtime_serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::project::Project;

/// The jobs of this repository that need more than one cargo command.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    job: Job,
}

#[derive(Subcommand)]
enum Job {
    /// Builds the plugins as WebAssembly components into <target>/plugins.
    Plugins {
        /// Those in Python and JavaScript too. What builds them is installed once, for all
        /// projects of this user (90 MB to download).
        #[arg(long)]
        all: bool,
    },
    /// Builds the plugins and the host, then serves the plugins.
    Run {
        /// What follows `--` goes to `fusebox serve`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Makes what is given to operators: archive, Debian package, image, SBOM.
    Dist(dist::Options),
    /// Measures the host beside other servers and writes what came of it.
    Bench(bench::Options),
    /// Counts what a message costs in instructions.
    Instructions(instructions::Options),
    /// Installs what the tests need, builds everything, and runs every test.
    Test {
        /// Only this step; may be given several times.
        #[arg(long, value_name = "STEP")]
        only: Vec<String>,
        /// What follows `--` goes to `cargo test`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = Project::locate().and_then(|project| match arguments.job {
        Job::Plugins { all } => plugins::build(&project).and_then(|()| match all {
            true => scripts::build(&project, None),
            false => Ok(()),
        }),
        Job::Bench(options) => bench::run(&project, &options),
        Job::Dist(options) => dist::run(&project, &options),
        Job::Instructions(options) => instructions::run(&project, &options),
        Job::Run { arguments } => run::run(&project, &arguments),
        Job::Test { only, arguments } => test::run(&project, &only, &arguments),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
