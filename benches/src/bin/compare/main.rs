//! `compare`: runs the comparisons and writes what came of them. Started by
//! `cargo xtask bench`, which builds all that it needs.
//!
//! It owns the command line. All else is in the library.
#![forbid(unsafe_code)]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use fusebox_benches::compare::case::Case;
use fusebox_benches::compare::results::CaseResult;
use fusebox_benches::compare::runner::{Effort, Ran, run};
use fusebox_benches::compare::servers::Places;
use fusebox_benches::compare::{book, cases};

/// Runs the comparisons with other servers.
#[derive(Parser)]
struct Arguments {
    /// Only this case; may be given several times
    #[arg(long)]
    case: Vec<u32>,
    /// Rough figures in minutes
    #[arg(long)]
    quick: bool,
    /// Times that each side has its turn
    #[arg(long)]
    rounds: Option<usize>,
    /// Seconds of one turn
    #[arg(long)]
    seconds: Option<f64>,
    /// Built programs of this workspace
    #[arg(long)]
    programs: PathBuf,
    /// Built programs of `benches/peers`
    #[arg(long)]
    peers: PathBuf,
    /// The folder `benches/peers`
    #[arg(long)]
    peer_sources: PathBuf,
    /// The plugins that are measured
    #[arg(long)]
    plugins: PathBuf,
    /// Node, Python and their packages
    #[arg(long)]
    environment: PathBuf,
    /// Programs that were installed for the comparisons
    #[arg(long)]
    tools: PathBuf,
    /// A folder for files of this run
    #[arg(long)]
    scratch: PathBuf,
    /// The folder that the results are written to
    #[arg(long)]
    results: PathBuf,
    /// The page of the book that shows them
    #[arg(long)]
    page: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match compare(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn compare(arguments: &Arguments) -> Result<()> {
    let all = cases::all();
    let chosen = choose(&all, &arguments.case)?;
    let effort = effort(arguments);
    let places = places(arguments)?;
    let mut failed = Vec::new();
    for case in &chosen {
        let began = Instant::now();
        match run(&places, case, effort) {
            Ok(Ran::Whole(result)) => {
                result.write(&arguments.results)?;
                tell(case, &result, began);
            }
            Ok(Ran::Not(why)) => eprintln!("case {}: not run: {why}", case.number),
            Err(error) => {
                eprintln!("case {}: FAILED: {error:#}", case.number);
                failed.push(case.number.to_string());
            }
        }
    }
    let results = CaseResult::read_all(&arguments.results)?;
    if let Some(page) = &arguments.page {
        book::write(page, &all, &results)?;
    }
    let table = book::table(&all, &results, None);
    std::fs::write(arguments.results.join("table.md"), &table)?;
    write!(std::io::stdout(), "{table}").context("failed to print the table")?;
    if !failed.is_empty() {
        bail!("these cases failed: {}", failed.join(", "));
    }
    Ok(())
}

fn choose(all: &[Case], numbers: &[u32]) -> Result<Vec<Case>> {
    let known = |number: &u32| all.iter().any(|case| case.number == *number);
    if let Some(unknown) = numbers.iter().find(|number| !known(number)) {
        bail!("there is no case {unknown}; there are 1 to {}", all.len());
    }
    let is_chosen = |case: &&Case| numbers.is_empty() || numbers.contains(&case.number);
    Ok(all.iter().filter(is_chosen).cloned().collect())
}

fn effort(arguments: &Arguments) -> Effort {
    let effort = if arguments.quick {
        Effort::QUICK
    } else {
        Effort::FULL
    };
    Effort {
        rounds: arguments.rounds.unwrap_or(effort.rounds).max(1),
        seconds: arguments.seconds.unwrap_or(effort.seconds),
        ..effort
    }
}

fn places(arguments: &Arguments) -> Result<Places> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    if processors < 2 {
        bail!("two processors are needed: one for the server, one for the generator");
    }
    let absolute =
        |path: &PathBuf| std::path::absolute(path).with_context(|| path.display().to_string());
    let scratch = absolute(&arguments.scratch)?;
    std::fs::create_dir_all(&scratch)?;
    Ok(Places {
        programs: absolute(&arguments.programs)?,
        peers: absolute(&arguments.peers)?,
        peer_sources: absolute(&arguments.peer_sources)?,
        plugins: absolute(&arguments.plugins)?,
        environment: absolute(&arguments.environment)?,
        tools: absolute(&arguments.tools)?,
        scratch,
        server_core: 0,
        generator_core: 1,
    })
}

fn tell(case: &Case, result: &CaseResult, began: Instant) {
    eprintln!(
        "case {} ({:.0} s): {}",
        case.number,
        began.elapsed().as_secs_f64(),
        case.title
    );
    for outcome in &result.outcomes {
        eprintln!(
            "  {} {:.3} (wanted {}): {}",
            if outcome.met { "met    " } else { "NOT MET" },
            outcome.value,
            outcome.wanted,
            outcome.goal
        );
    }
    for note in &result.notes {
        eprintln!("  {note}");
    }
}
