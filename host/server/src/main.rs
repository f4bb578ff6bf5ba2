//! The `fusebox` program: settings in, exit code out.
//!
//! It owns the process: allocator, runtime, log. Everything else is the library's.

#![forbid(unsafe_code)]

mod cli;
mod generate_commands;
mod key_commands;
mod plugin_commands;

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Command, ConfigCommand, PluginCommand, PluginFile};
use fusebox::author::{self, CasesError, ScaffoldError};
use fusebox::config::{Config, Log, LogFormat, LogLevel};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Something is wrong with what was asked for: arguments or configuration.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            let (words, code) = told(&error);
            let _ = writeln!(std::io::stderr(), "fusebox: {words}");
            ExitCode::from(code)
        }
    }
}

/// What is said of an error, and the exit code. Mistakes in a configuration
/// stand on lines of their own, so that an editor can follow them.
fn told(error: &anyhow::Error) -> (String, u8) {
    match error.downcast_ref::<fusebox::config::ConfigErrors>() {
        Some(mistakes) => (format!("the configuration is not valid\n{mistakes}"), USAGE),
        None => (format!("{error:#}"), code_of(error)),
    }
}

fn code_of(error: &anyhow::Error) -> u8 {
    let is_bad_name = matches!(error.downcast_ref(), Some(ScaffoldError::Name { .. }));
    match is_bad_name || error.is::<CasesError>() {
        true => USAGE,
        false => 1,
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(serve) => {
            let config = serve.settings()?;
            start_log(&config.log);
            let clean = runtime()?.block_on(fusebox::serve::listeners(config, serve.reread()))?;
            tracing::debug!(clean, "exit");
        }
        Command::Stdio(stdio) => {
            let view = stdio.view.clone();
            let config = stdio.settings()?;
            start_log(&config.log);
            let runtime = runtime()?;
            runtime.block_on(fusebox::serve::stdio(config, view, stdio.reread()))?;
            // A read of standard input can't be called back: don't wait for it.
            runtime.shutdown_background();
        }
        Command::Bridge(bridge) => {
            start_log(&Log {
                level: LogLevel::Warn,
                format: LogFormat::Text,
            });
            let runtime = runtime()?;
            let ended = runtime.block_on(fusebox::bridge::run(bridge.into()));
            // A read of standard input can't be called back: don't wait for it.
            runtime.shutdown_background();
            ended?;
        }
        Command::Plugin(PluginCommand::New(new)) => return plugin_commands::new(&new),
        Command::Plugin(PluginCommand::Build(build)) => return plugin_commands::build(&build),
        Command::Plugin(PluginCommand::Dev(dev)) => return plugin_commands::dev(dev),
        Command::Plugin(PluginCommand::Test(test)) => return plugin_commands::test(&test),
        Command::Plugin(PluginCommand::Pull(pull)) => return plugin_commands::pull(&pull),
        Command::Plugin(PluginCommand::Push(push)) => return plugin_commands::push(&push),
        Command::Plugin(PluginCommand::Check { file }) => {
            let loaded = runtime()?.block_on(async {
                start_author_log();
                let config = cli::load(file.config.clone())?;
                anyhow::Ok(author::load_signed(&config, &file.path).await?)
            })?;
            let report = loaded.report();
            print(&report, file.json)?;
        }
        Command::Plugin(PluginCommand::Inspect { file }) => {
            let report = runtime()?.block_on(load(&file))?.inspect(&file.path)?;
            print(&report, file.json)?;
        }
        Command::Plugin(PluginCommand::Call {
            file,
            tool,
            arguments,
        }) => {
            let report = runtime()?.block_on(async {
                let loaded = load(&file).await?;
                anyhow::Ok(loaded.call(&tool, &arguments).await?)
            })?;
            print(&report, file.json)?;
            if !report.is_success() {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Key(command) => return key_commands::run(command),
        Command::Completions(wanted) => generate_commands::completions(&wanted)?,
        Command::Man(wanted) => generate_commands::man(&wanted)?,
        Command::Config(ConfigCommand::Check { file }) => {
            cli::load(Some(file.clone()))?;
            writeln!(std::io::stdout(), "{}: valid", file.display())?;
        }
        Command::Config(ConfigCommand::Print { config, origin }) => {
            let (config, origins) = cli::load_with_origins(config)?;
            let text = match origin {
                true => config.effective_lines(&origins),
                false => config.effective_toml(),
            };
            write!(std::io::stdout(), "{text}")?;
        }
        Command::Config(ConfigCommand::Diff { old, new }) => {
            let (old, new) = (cli::load(Some(old))?, cli::load(Some(new))?);
            for one in old.differences(&new) {
                writeln!(std::io::stdout(), "{one} ({})", one.effect().words())?;
            }
        }
        Command::Config(ConfigCommand::Schema) => {
            write!(std::io::stdout(), "{}", Config::schema_text())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Loads an author's file; only what is grave goes to the log.
async fn load(file: &PluginFile) -> anyhow::Result<author::Loaded> {
    start_author_log();
    let config = cli::load(file.config.clone())?;
    Ok(author::load(&config, &file.path).await?)
}

fn start_author_log() {
    start_log(&Log {
        level: LogLevel::Error,
        format: LogFormat::Text,
    });
}

/// Prints a report for people, or for programs.
fn print<R: Display + Serialize>(report: &R, json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    match json {
        true => writeln!(out, "{}", serde_json::to_string(report)?)?,
        false => write!(out, "{report}")?,
    }
    Ok(())
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("fusebox-worker")
        .build()
}

/// What an author wants to see of the log, in lines of its own.
fn start_dev_log() {
    let filter = EnvFilter::try_from_env("FUSEBOX_LOG");
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| EnvFilter::new(author::FILTER)))
        .event_format(author::Lines)
        .with_writer(std::io::stderr)
        .init();
}

/// The log goes to standard error: standard output belongs to MCP over stdio.
fn start_log(log: &Log) {
    let default = format!(
        "{},wasmtime=warn,cranelift=warn,hyper=warn",
        log.level.as_str()
    );
    let filter = EnvFilter::try_from_env("FUSEBOX_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match log.format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}
