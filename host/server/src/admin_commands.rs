//! The operator's commands: how a running host is, what it does now, and orders to it.
//!
//! It owns what these commands print and their exit codes. What they ask is asked by
//! the library.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use fusebox::admin_client::{Client, ClientError, Health, Options, PluginList, Told, UNREACHABLE, top};
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
    writeln!(std::io::stderr(), "whoever has this link is the operator, until the host ends")?;
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
    let word = |told: &Value, key: &str| told[key].as_str().unwrap_or("?").to_owned();
    Ok(match order {
        AdminCommand::Reset { plugin, handler } => {
            let done = client
                .order(&["breakers", &plugin, &handler, "reset"], None)
                .await?;
            let words = format!("{handler} of {plugin}: closed, was {}", word(&done, "was"));
            Told::new(done, words)
        }
        AdminCommand::Drain => {
            let done = client.order(&["drain"], None).await?;
            let words = match done["changed"] == true {
                true => "the host takes nobody new",
                false => "the host took nobody new already",
            };
            Told::new(done, words)
        }
        AdminCommand::Resume => {
            let done = client.order(&["resume"], None).await?;
            let words = match done["changed"] == true {
                true => "the host takes everybody again",
                false => "the host took everybody already",
            };
            Told::new(done, words)
        }
        AdminCommand::LogLevel { level } => {
            let body = json!({"level": level});
            let done = client.order(&["log-level"], Some(body)).await?;
            let words = format!("the log says {level}, it said {}", word(&done, "was"));
            Told::new(done, words)
        }
        AdminCommand::Sessions => rows(client.get(&["sessions"]).await?, "sessions"),
        AdminCommand::Tasks => rows(client.get(&["tasks"]).await?, "tasks"),
        AdminCommand::Config => {
            let told = client.get(&["config"]).await?;
            let words = word(&told, "toml");
            Told::new(told, words)
        }
    })
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
