//! The command line: arguments to settings.
//!
//! It owns flags, help and exit codes. It never serves.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use fusebox::bridge::Options;
use fusebox::config::{
    AdminListen, Config, ConfigErrors, Environment, FILE_VARIABLE, Listener, Origins, SourceUrl,
};
use fusebox::reconfigure::Reread;
use http::{HeaderName, HeaderValue};

use crate::admin_commands::{AdminArguments, HealthArguments, ListArguments, Reach, TopArguments};
use crate::generate_commands::{Completions, Man};
use crate::key_commands::KeyCommand;

/// A host for MCP tools that run as isolated WebAssembly components.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve a folder of plugins over HTTP, TCP and QUIC
    Serve(Serve),
    /// Serve a folder of plugins to one client over standard input and output
    Stdio(Stdio),
    /// Join a stdio client to a host behind a URL: tcp://, quic://, http:// or https://
    Bridge(Bridge),
    /// The author's tools: make, build and test a plugin, look at it, call its tools
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Say how a running host is; exits with 0 if it is healthy, 1 if it is degraded or
    /// draining, and 2 if it can't be reached
    Health(HealthArguments),
    /// Show what a running host does, live in the terminal
    Top(TopArguments),
    /// Print a link that opens the page of a running host
    Dashboard(Reach),
    /// Give a running host orders, and ask what it does
    Admin(AdminArguments),
    /// Make, list and revoke the keys of callers
    #[command(subcommand)]
    Key(KeyCommand),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a script that completes this program's command line in a shell
    Completions(Completions),
    /// Write this program's manual pages into a folder
    Man(Man),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Serve {
    /// A TOML file; the keys it leaves out keep their defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of `.wasm` files [default: ./plugins]
    #[arg(long, value_name = "DIR")]
    plugins: Option<PathBuf>,
    /// Where to listen, such as 127.0.0.1:9999, tcp://127.0.0.1:9998 or
    /// quic://127.0.0.1:9999; may be given several times [default: 127.0.0.1:9999]
    #[arg(long, value_name = "ADDR")]
    listen: Vec<Listener>,
    /// Where the operator's interface is, such as 127.0.0.1:9990; "" for none
    /// [default: auto: 127.0.0.1:9990 if that port is free]
    #[arg(long, value_name = "ADDR")]
    admin: Option<AdminListen>,
    /// Let other machines reach a listener that asks nobody for a key, or that is not
    /// encrypted: for hosts that something else protects
    #[arg(long)]
    insecure: bool,
}

#[derive(Clone, Debug, Args)]
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

#[derive(Debug, Args)]
pub(crate) struct Bridge {
    /// Where the host is, such as https://mcp.example.com/mcp or quic://127.0.0.1:9999
    url: String,
    /// Trust the certificates in this file (PEM) in place of the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Trust any certificate: for tests alone, since anybody can then pass for the host
    #[arg(long, conflicts_with = "ca")]
    insecure: bool,
    /// Show the host the key in this file, on a line of its own
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// A header for each HTTP request, such as 'Authorization: Bearer ...'; may be
    /// given several times
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("it must be `Name: value`")?;
    let name = name.trim().parse::<HeaderName>();
    let name = name.map_err(|error| error.to_string())?;
    let value = value.trim().parse::<HeaderValue>();
    let mut value = value.map_err(|error| error.to_string())?;
    // Whatever shows a request must not show what may be a secret.
    value.set_sensitive(true);
    Ok((name, value))
}

impl From<Bridge> for Options {
    fn from(bridge: Bridge) -> Self {
        Self {
            url: bridge.url,
            ca: bridge.ca,
            insecure: bridge.insecure,
            key_file: bridge.key_file,
            headers: bridge.headers,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// Make a project of a plugin that builds as it is
    New(New),
    /// Build the component of a project in Rust, JavaScript or Python, or of a module in
    /// any other language; says what to install if a program for that is missing
    Build(Build),
    /// Serve a project on loopback while it is written: build it at each save, swap
    /// in what was built, and show its calls, what it logs and what doesn't compile
    Dev(Dev),
    /// Call the tools of a plugin as a file of cases says, and compare the answers;
    /// exits with 1 if a case fails
    Test(Test),
    /// Load a file as a host would, and say what it is and offers; exits with 1 and
    /// the reason if a host would not serve it
    Check {
        #[command(flatten)]
        file: PluginFile,
    },
    /// Print all that a file says of itself: the schemas of its tools, its world in
    /// WIT, its size, and what it was made with
    Inspect {
        #[command(flatten)]
        file: PluginFile,
    },
    /// List the plugins of a running host: their states, versions and fuses
    List(ListArguments),
    /// Fetch a plugin from a registry (oci://) or a server (https://) into a file, and
    /// print the lines with which a host fetches it by itself
    Pull(Pull),
    /// Put a file into a registry, in the standard layout, with the signature that lies
    /// beside it
    Push(Push),
    /// Call one tool of a file under the host's limits, and say what it answered and
    /// used; exits with 1 if the call failed
    Call {
        #[command(flatten)]
        file: PluginFile,
        /// The tool's name
        tool: String,
        /// Its arguments, a JSON object
        #[arg(default_value = "{}")]
        arguments: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// The plugin's name, which becomes that of the folder and of the file
    pub(crate) name: String,
    /// The language it is written in
    #[arg(long, value_name = "LANG", value_parser = ["rust", "js", "python"], default_value = "rust")]
    pub(crate) lang: String,
    /// The folder to make the project in
    #[arg(
        long,
        value_name = "DIR",
        default_value = ".",
        hide_default_value = true
    )]
    pub(crate) into: PathBuf,
    /// Print JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The project's folder; or a module that another compiler made, with its WIT in
    /// the folder `wit` beside it
    #[arg(value_name = "DIR", default_value = ".", hide_default_value = true)]
    pub(crate) folder: PathBuf,
    /// The folder for the component [default: plugins in the project's folder]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    /// Print JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Dev {
    /// The project's folder
    #[arg(value_name = "DIR", default_value = ".", hide_default_value = true)]
    pub(crate) folder: PathBuf,
    /// The host's TOML file, for the plugin's limits and grants
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where to listen; may be given several times [default: 127.0.0.1:9999]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Vec<Listener>,
}

#[derive(Debug, Args)]
pub(crate) struct Test {
    /// A project's folder, which is built first, or a `.wasm` file
    #[arg(
        value_name = "DIR or FILE",
        default_value = ".",
        hide_default_value = true
    )]
    pub(crate) path: PathBuf,
    /// The file of cases [default: cases.toml in the project's folder, or here]
    #[arg(long, value_name = "FILE")]
    pub(crate) cases: Option<PathBuf>,
    /// The host's TOML file, for the plugin's limits
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Pull {
    /// Such as oci://registry.example/tools/weather:1.2
    #[arg(value_name = "URL")]
    pub(crate) url: SourceUrl,
    /// The digest that it has to have, `sha256:` and 64 digits: of the manifest in a
    /// registry, of the file on a server
    #[arg(long, value_name = "DIGEST")]
    pub(crate) digest: Option<String>,
    /// The file to write, which must not be there yet [default: named after the URL]
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The host's TOML file, for [sources] and [signatures]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Push {
    /// A `.wasm` file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Such as oci://registry.example/tools/weather:1.2
    #[arg(value_name = "URL")]
    pub(crate) url: SourceUrl,
    /// The host's TOML file, for [sources] and the plugin's limits
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PluginFile {
    /// A `.wasm` file
    #[arg(value_name = "FILE")]
    pub(crate) path: PathBuf,
    /// The host's TOML file, for the plugin's limits
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
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
        /// Say of each where its value is from: a line of the file, or a variable
        #[arg(long)]
        origin: bool,
    },
    /// Print the JSON Schema of the file, for editors
    Schema,
    /// Say what another file would change, and when it would hold in a running host
    Diff {
        /// The file that is in force
        #[arg(value_name = "OLD")]
        old: PathBuf,
        /// The file that is to be
        #[arg(value_name = "NEW")]
        new: PathBuf,
    },
}

impl Serve {
    pub(crate) fn settings(&self) -> anyhow::Result<Config> {
        self.read().context(INVALID)
    }

    /// The way to read them again, if they are from a file.
    pub(crate) fn reread(self) -> Option<Reread> {
        let file = file(self.config.clone())?;
        Some(Reread::new(file, move || self.read()))
    }

    fn read(&self) -> Result<Config, ConfigErrors> {
        let config = read(self.config.clone())?
            .with_listeners(self.listen.clone())
            .with_admin(self.admin)
            .with_insecure(self.insecure);
        Ok(with_plugins(config, self.plugins.clone()))
    }
}

impl Stdio {
    pub(crate) fn settings(&self) -> anyhow::Result<Config> {
        self.read().context(INVALID)
    }

    /// The way to read them again, if they are from a file.
    pub(crate) fn reread(self) -> Option<Reread> {
        let file = file(self.config.clone())?;
        Some(Reread::new(file, move || self.read()))
    }

    fn read(&self) -> Result<Config, ConfigErrors> {
        let config = read(self.config.clone())?;
        Ok(with_plugins(config, self.plugins.clone()))
    }
}

const INVALID: &str = "the configuration is not valid";

/// The file that is named by a flag, or by the environment.
fn file(given: Option<PathBuf>) -> Option<PathBuf> {
    given.or_else(|| std::env::var_os(FILE_VARIABLE).map(PathBuf::from))
}

fn read(given: Option<PathBuf>) -> Result<Config, ConfigErrors> {
    Config::load(file(given).as_deref(), &Environment::of_process())
}

pub(crate) fn load(file: Option<PathBuf>) -> anyhow::Result<Config> {
    load_with_origins(file).map(|(config, _)| config)
}

pub(crate) fn load_with_origins(file: Option<PathBuf>) -> anyhow::Result<(Config, Origins)> {
    let file = self::file(file);
    Config::load_with_origins(file.as_deref(), &Environment::of_process()).context(INVALID)
}

fn with_plugins(config: Config, plugins: Option<PathBuf>) -> Config {
    match plugins {
        Some(dir) => config.with_plugins_dir(dir),
        None => config,
    }
}
