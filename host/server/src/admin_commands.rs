//! The operator's commands: how a running host is, what it does now, and orders to it.
//!
//! It owns what these commands print and their exit codes. What they ask is asked by
//! the library.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use fusebox::admin_client::{
    Client, ClientError, Health, Options, PluginList, Told, UNREACHABLE, top,
};
use serde_json::{Value, json};

use crate::{print, runtime};

/// Where a host serves, unless something else is said.
const URL: &str = "http://127.0.0.1:9999";

/// The way to a host's admin interface.
#[derive(Debug, Args)]
pub(crate) struct Reach {
    /// Where the host's admin interface is [default: 127.0.0.1:9990]
    #[arg(long, global = true, value_name = "ADDR")]
    admin: Option<String>,
    /// The file with its token [default: where a host of this user puts it]
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Trust the certificates in this file (PEM) in place of the system's
    #[arg(long, global = true, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Trust any certificate, and send the token even where it could be read on its way
    #[arg(long, global = true, conflicts_with = "ca")]
    insecure: bool,
}

#[derive(Debug, Args)]
pub(crate) struct HealthArguments {
    /// Ask the `/health` of this host, which needs no token [default: http://127.0.0.1:9999]
    #[arg(long, value_name = "URL", conflicts_with_all = ["admin", "token_file"])]
    url: Option<String>,
    #[command(flatten)]
    reach: Reach,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TopArguments {
    #[command(flatten)]
    reach: Reach,
    /// Print one frame as text, and end
    #[arg(long)]
    once: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    reach: Reach,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AdminArguments {
    #[command(subcommand)]
    order: AdminCommand,
    #[command(flatten)]
    reach: Reach,
    /// Print JSON, for programs
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Close the breaker of a tool, or of whatever else can be called
    Reset {
        /// The plugin
        plugin: String,
        /// Its handler, as `/health` and `fusebox top` name it
        handler: String,
    },
    /// Take what stands in the folder or was fetched, even if it was rolled back
    Reload {
        /// The plugin; without it all, but for what was rolled back
        plugin: Option<String>,
    },
    /// Serve nothing of a plugin
    Disable {
        /// The plugin
        plugin: String,
    },
    /// Serve a plugin again
    Enable {
        /// The plugin
        plugin: String,
    },
    /// Serve an earlier version of a plugin, and don't take the one that serves again
    Rollback {
        /// The plugin
        plugin: String,
        /// How its SHA-256 begins; without it the last good one before this one
        #[arg(long, value_name = "SHA256")]
        to: Option<String>,
    },
    /// Serve one version of a plugin, whatever comes
    Pin {
        /// The plugin
        plugin: String,
        /// How its SHA-256 begins; without it the one that serves
        #[arg(long, value_name = "SHA256")]
        version: Option<String>,
    },
    /// Follow the folder again
    Unpin {
        /// The plugin
        plugin: String,
    },
    /// Give the canary of a plugin all calls now
    Promote {
        /// The plugin
        plugin: String,
    },
    /// Take the canary of a plugin back
    Abort {
        /// The plugin
        plugin: String,
    },
    /// Take no new connections and sessions: `/ready` says 503, and what runs goes on
    Drain,
    /// Take everybody again
    Resume,
    /// Let the log say more or less, until the host ends
    LogLevel {
        /// off, error, warn, info, debug or trace, or levels of parts as in info,hyper=debug
        level: String,
    },
    /// List the sessions of older clients
    Sessions,
    /// List the tasks
    Tasks,
    /// Print the configuration in force, without secrets
    Config,
}

impl From<Reach> for Options {
    fn from(reach: Reach) -> Self {
        Self {
            admin: reach.admin,
            token_file: reach.token_file,
            ca: reach.ca,
            insecure: reach.insecure,
        }
    }
}

pub(crate) fn health(arguments: HealthArguments) -> anyhow::Result<ExitCode> {
    let over_admin = arguments.reach.admin.is_some() || arguments.reach.token_file.is_some();
    let options = Options::from(arguments.reach);
    let asked = runtime()?.block_on(async {
        match over_admin {
            true => Health::of(&Client::new(&options)?).await,
            false => Health::of_url(arguments.url.as_deref().unwrap_or(URL), &options).await,
        }
    });
    match asked {
        Ok(health) => {
            print(&health, arguments.json)?;
            Ok(ExitCode::from(health.exit_code()))
        }
        Err(error) if error.is_unreachable() => {
            writeln!(std::io::stderr(), "fusebox: {error}")?;
            Ok(ExitCode::from(UNREACHABLE))
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn top(arguments: TopArguments) -> anyhow::Result<ExitCode> {
    let client = Client::new(&arguments.reach.into())?;
    let runtime = runtime()?;
    if arguments.once {
        let frame = runtime.block_on(top::once(&client))?;
        write!(std::io::stdout(), "{frame}")?;
    } else {
        top::run(&runtime, &client)?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn dashboard(reach: Reach) -> anyhow::Result<ExitCode> {
    let client = Client::new(&reach.into())?;
    // A link to a host that isn't there helps nobody.
    runtime()?.block_on(client.get(&["status"]))?;
    writeln!(std::io::stdout(), "{}", client.dashboard())?;
    writeln!(
        std::io::stderr(),
        "whoever has this link is the operator, until the host ends"
    )?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn list(arguments: ListArguments) -> anyhow::Result<ExitCode> {
    let client = Client::new(&arguments.reach.into())?;
    let list = runtime()?.block_on(PluginList::of(&client))?;
    print(&list, arguments.json)?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn admin(arguments: AdminArguments) -> anyhow::Result<ExitCode> {
    let client = Client::new(&arguments.reach.into())?;
    let told = runtime()?.block_on(give(&client, arguments.order))?;
    print(&told, arguments.json)?;
    Ok(ExitCode::SUCCESS)
}

async fn give(client: &Client, order: AdminCommand) -> Result<Told, ClientError> {
    let about = |plugin: String, action: &'static str| (plugin, action, None);
    let (plugin, action, body) = match order {
        AdminCommand::Sessions => return Ok(rows(client.get(&["sessions"]).await?, "sessions")),
        AdminCommand::Tasks => return Ok(rows(client.get(&["tasks"]).await?, "tasks")),
        AdminCommand::Config => return Ok(told(client.get(&["config"]).await?, "toml")),
        AdminCommand::Reset { plugin, handler } => {
            let path = ["breakers", &plugin, &handler, "reset"];
            return Ok(told(client.order(&path, None).await?, "told"));
        }
        AdminCommand::Drain => return host(client, "drain", None).await,
        AdminCommand::Resume => return host(client, "resume", None).await,
        AdminCommand::LogLevel { level } => {
            return host(client, "log-level", Some(json!({"level": level}))).await;
        }
        AdminCommand::Reload { plugin: None } => {
            return Ok(told(
                client.order(&["plugins", "reload"], None).await?,
                "told",
            ));
        }
        AdminCommand::Reload {
            plugin: Some(plugin),
        } => about(plugin, "reload"),
        AdminCommand::Disable { plugin } => about(plugin, "disable"),
        AdminCommand::Enable { plugin } => about(plugin, "enable"),
        AdminCommand::Unpin { plugin } => about(plugin, "unpin"),
        AdminCommand::Promote { plugin } => about(plugin, "promote"),
        AdminCommand::Abort { plugin } => about(plugin, "abort"),
        AdminCommand::Rollback { plugin, to } => {
            (plugin, "rollback", to.map(|to| json!({"to": to})))
        }
        AdminCommand::Pin { plugin, version } => {
            let body = version.map(|version| json!({"version": version}));
            (plugin, "pin", body)
        }
    };
    let done = client.order(&["plugins", &plugin, action], body).await?;
    Ok(told(done, "told"))
}

/// An order to the host as a whole.
async fn host(client: &Client, order: &str, body: Option<Value>) -> Result<Told, ClientError> {
    Ok(told(client.order(&[order], body).await?, "told"))
}

/// An answer, and its part that is for people.
fn told(answer: Value, key: &str) -> Told {
    let words = answer[key].as_str().unwrap_or("done").to_owned();
    Told::new(answer, words)
}

/// A line for each item, with what is told of it.
fn rows(told: Value, key: &str) -> Told {
    let mut words = format!("{} {key}\n", told["total"]);
    for item in told[key].as_array().into_iter().flatten() {
        let parts = item.as_object().into_iter().flatten();
        let parts = parts.map(|(name, value)| match value.as_str() {
            Some(text) => format!("{name} {text}"),
            None => format!("{name} {value}"),
        });
        words += &parts.collect::<Vec<_>>().join("  ");
        words.push('\n');
    }
    Told::new(told, words)
}
