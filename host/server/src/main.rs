//! The `fusebox` program: settings in, exit code out.
//!
//! It owns the process: allocator, runtime, log. Everything else is the library's.

#![forbid(unsafe_code)]

mod admin_commands;
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
use fusebox::inherited::Inherited;
use fusebox::log_control::LogControl;
use fusebox::telemetry::Telemetry;
use serde::Serialize;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, reload};

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
            // Before there is another thread, and another file is opened.
            let inherited = Inherited::take()?;
            let config = serve.settings()?;
            let runtime = runtime()?;
            let telemetry = runtime.block_on(Telemetry::start(&config.telemetry))?;
            let log = start_log(&config.log, telemetry.as_deref());
            let reread = serve.reread();
            let serving = fusebox::serve::listeners(config, reread, inherited, telemetry, log);
            let clean = runtime.block_on(serving)?;
            tracing::debug!(clean, "exit");
        }
        Command::Stdio(stdio) => {
            let view = stdio.view.clone();
            let config = stdio.settings()?;
            let runtime = runtime()?;
            let telemetry = runtime.block_on(Telemetry::start(&config.telemetry))?;
            start_log(&config.log, telemetry.as_deref());
            let serving = fusebox::serve::stdio(config, view, stdio.reread(), telemetry);
            runtime.block_on(serving)?;
            // A read of standard input can't be called back: don't wait for it.
            runtime.shutdown_background();
        }
        Command::Bridge(bridge) => {
            let log = Log {
                level: LogLevel::Warn,
                format: LogFormat::Text,
            };
            start_log(&log, None);
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
        Command::Plugin(PluginCommand::List(list)) => return admin_commands::list(list),
        Command::Health(health) => return admin_commands::health(health),
        Command::Top(top) => return admin_commands::top(top),
        Command::Dashboard(reach) => return admin_commands::dashboard(reach),
        Command::Admin(admin) => return admin_commands::admin(admin),
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
    let log = Log {
        level: LogLevel::Error,
        format: LogFormat::Text,
    };
    start_log(&log, None);
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
        // How many tasks have a turn before sockets and clocks are looked at again. A
        // turn may be long where a client has sent many requests at once.
        .event_interval(16)
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

/// The log goes to standard error, for standard output belongs to MCP over stdio; and
/// to the collector, where there is one.
fn start_log(log: &Log, telemetry: Option<&Telemetry>) -> LogControl {
    const OTHERS: &str = "wasmtime=warn,cranelift=warn,hyper=warn";
    let default = format!("{},{OTHERS}", log.level.as_str());
    let (filter, shown) = match EnvFilter::try_from_env("FUSEBOX_LOG") {
        Ok(filter) => {
            let shown = filter.to_string();
            (filter, shown)
        }
        Err(_) => (EnvFilter::new(default), log.level.as_str().to_owned()),
    };
    // A level of the log changes what this program says, not what its libraries do.
    let parse = |text: &str| {
        let whole = match text.contains(['=', ',']) {
            true => text.to_owned(),
            false => format!("{text},{OTHERS}"),
        };
        EnvFilter::builder().parse(whole)
    };
    let (filter, handle) = reload::Layer::new(filter);
    let lines = tracing_subscriber::fmt::layer()
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let lines = match log.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .with(telemetry.and_then(Telemetry::layer))
        .init();
    fusebox::supervise::log_panics();
    LogControl::new(shown, move |text| {
        let filter = parse(text).map_err(|error| error.to_string())?;
        handle.reload(filter).map_err(|error| error.to_string())
    })
}
