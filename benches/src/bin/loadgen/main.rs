//! `loadgen`: makes load on a server of this machine and checks every answer.
//!
//! It owns the command line's output and exit code. All else is in the library.
#![forbid(unsafe_code)]

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use fusebox_benches::load::{self, Report, Settings};
use fusebox_benches::process;

fn main() -> ExitCode {
    let settings = Settings::parse();
    match measure(&settings) {
        Ok(report) if report.ok => ExitCode::SUCCESS,
        Ok(report) => {
            eprintln!("loadgen: {}", report.problems.join("; "));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("loadgen: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(settings: &Settings) -> Result<Report> {
    if let Some(core) = settings.core {
        process::pin(core)?;
    }
    let report = load::run(settings)?;
    let mut out = std::io::stdout().lock();
    let text = || serde_json::to_string_pretty(&report);
    match &settings.json {
        Some(path) if path.as_os_str() == "-" => writeln!(out, "{}", text()?)?,
        Some(path) => std::fs::write(path, text()? + "\n")
            .with_context(|| format!("failed to write {}", path.display()))?,
        None => {}
    }
    let printed_json = settings
        .json
        .as_ref()
        .is_some_and(|path| path.as_os_str() == "-");
    if !settings.quiet && !printed_json {
        write!(out, "{report}")?;
    }
    Ok(report)
}
