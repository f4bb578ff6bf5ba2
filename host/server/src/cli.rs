//! The command line: arguments to settings.
//!
//! It owns flags, help and exit codes. It never serves.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use fusebox::config::{Config, Listener};

/// A host for MCP tools that run as isolated WebAssembly components.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve a folder of plugins over HTTP and TCP
    Serve(Serve),
    /// Serve a folder of plugins to one client over standard input and output
    Stdio(Stdio),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// A TOML file; the keys it leaves out keep their defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of `.wasm` files [default: ./plugins]
    #[arg(long, value_name = "DIR")]
    plugins: Option<PathBuf>,
    /// Where to listen, such as 127.0.0.1:9999 or tcp://127.0.0.1:9998; may be
    /// given several times [default: 127.0.0.1:9999]
    #[arg(long, value_name = "ADDR")]
    listen: Vec<Listener>,
}

#[derive(Debug, Args)]
pub(crate) struct Stdio {
    /// A TOML file; the keys it leaves out keep their defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of `.wasm` files [default: ./plugins]
    #[arg(long, value_name = "DIR")]
    plugins: Option<PathBuf>,
    /// Serve this view of the configuration instead of everything
    #[arg(long, value_name = "NAME")]
    pub(crate) view: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Validate a file; exits with 2 and names every mistake if it has any
    Check {
        /// The file
        file: PathBuf,
    },
    /// Print every setting in force
    Print {
        /// A TOML file; without it the defaults are printed
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

impl Serve {
    pub(crate) fn settings(self) -> anyhow::Result<Config> {
        let config = load(self.config)?.with_listeners(self.listen);
        Ok(with_plugins(config, self.plugins))
    }
}

impl Stdio {
    pub(crate) fn settings(self) -> anyhow::Result<Config> {
        Ok(with_plugins(load(self.config)?, self.plugins))
    }
}

pub(crate) fn load(file: Option<PathBuf>) -> anyhow::Result<Config> {
    Config::load(file.as_deref()).context("the configuration is not valid")
}

fn with_plugins(config: Config, plugins: Option<PathBuf>) -> Config {
    match plugins {
        Some(dir) => config.with_plugins_dir(dir),
        None => config,
    }
}
