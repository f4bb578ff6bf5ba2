//! Running a host: `fusebox serve` and `fusebox stdio`.
//!
//! It owns start, the signals and stop, and what the operator is told of them.
//! It never parses arguments.

use std::future::Future;
use std::io;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use crate::auth::Audience;
use crate::config::{Config, Exposed, Scheme};
use crate::host::{Host, HostError};
use fusebox_protocol::reply::ListKind;

use crate::loader::Loader;
use crate::long_tasks::IN_MEMORY;
use crate::origin::Origin;
use crate::plugin_entry::Offers;
use crate::reconfigure::{self, Reread};
use crate::transport::listen::{self, Bound};
use crate::transport::stream::{self, Door};
use crate::transport::tls::{Tls, TlsError};
use crate::vitals;

/// How often idle sessions are looked for.
const SWEEP_INTERVAL: std::time::Duration = std::time::Duration::from_secs(30);

/// Why a host didn't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The host itself.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A listener.
    #[error(
        "failed to listen on {listener}: {error}; stop the program that has the port, or choose another with --listen"
    )]
    Listen {
        /// which
        listener: String,
        /// the system's reason
        error: io::Error,
    },
    /// Strangers would reach what nothing protects.
    #[error("{0}")]
    Exposed(String),
    /// There is no certificate for a listener that shows one.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The plugins folder.
    #[error(
        "failed to open the plugins folder `{dir}`: {error}; create it, or name another with --plugins"
    )]
    Plugins {
        /// which
        dir: String,
        /// the system's reason
        error: io::Error,
    },
    /// `--view`
    #[error("there is no view `{name}` in the configuration; known are {known:?}")]
    View {
        /// which
        name: String,
        /// those that there are
        known: Vec<String>,
    },
    /// Signals can't be caught, or standard streams not be used.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Serves until SIGTERM or SIGINT, and then until what runs has finished. True
/// if nothing had to be cut off. `reread` is the way to read the configuration again.
///
/// # Errors
/// If the host doesn't start.
pub async fn listeners(config: Config, reread: Option<Reread>) -> Result<bool, StartError> {
    let bound = bind_all(&config)?;
    let host = start(config).await?;
    let hangup = follow(&host, reread);
    run(host, bound, wait_for_signal(hangup)).await
}

/// Keeps a host in step with its configuration, and says what SIGHUP is for then.
fn follow(host: &Arc<Host>, reread: Option<Reread>) -> Hangup {
    match reread {
        Some(reread) => {
            tokio::spawn(reconfigure::follow(host.clone(), reread));
            Hangup::AsksForSettings
        }
        None => Hangup::Stops,
    }
}

/// Refuses to be reached by strangers unprotected, unless that is meant.
pub(crate) fn check_exposed(config: &Config) -> Result<(), StartError> {
    let Some(Exposed {
        listener,
        asks_nobody,
        in_clear,
    }) = config.exposed()
    else {
        return Ok(());
    };
    let lacks = match (asks_nobody, in_clear) {
        (true, true) => "asks nobody who they are, and is not encrypted",
        (true, false) => "asks nobody who they are",
        _ => "is not encrypted: keys could be read on their way",
    };
    if config.auth.insecure {
        tracing::warn!("insecure: {listener} is reached from other machines and {lacks}");
        return Ok(());
    }
    let mut ways = Vec::new();
    if asks_nobody {
        ways.push("set `auth.keys_file` (`fusebox key new NAME` makes one) or `oauth.issuer`");
    }
    if in_clear {
        ways.push("listen on https:// or quic:// with a certificate in [tls]");
    }
    Err(StartError::Exposed(format!(
        "{listener} is reached from other machines and {lacks}: {}; or listen on 127.0.0.1; or say --insecure if something else protects it",
        ways.join(", and ")
    )))
}

/// Serves until the first `signal`, and then until what runs has finished, or the
/// next one comes. True if nothing had to be cut off.
pub(crate) async fn run(
    host: Arc<Host>,
    bound: Vec<Bound>,
    signal: impl Future<Output = io::Result<()>>,
) -> Result<bool, StartError> {
    for url in bound.iter().map(|one| address(one, &host.config)) {
        tracing::info!("listening on {url}");
    }
    welcome(&host, &bound);
    watch_certificate(&host, &bound);
    for listener in bound {
        // Tracked: QUIC says its last words after its last connection has ended.
        host.tasks.spawn(listener.accept(host.clone()));
    }
    if let Some(interval) = host.config.metrics_interval {
        tokio::spawn(vitals::figures(host.clone(), interval));
    }
    signal.await?;
    tracing::info!("stopping: no new connections; calls may finish (again: at once)");
    let clean = tokio::select! {
        clean = host.stop() => clean,
        signalled = wait_for_signal(Hangup::AsksForSettings) => {
            signalled?;
            host.stopped.cancel();
            false
        }
    };
    tracing::info!(clean, "stopped");
    Ok(clean)
}

/// Lets the listeners show what is in the files of the certificate.
fn watch_certificate(host: &Arc<Host>, bound: &[Bound]) {
    let Some(tls) = bound.iter().find_map(|one| one.tls.clone()) else {
        return;
    };
    let quic = host.config.quic;
    let renewals: Vec<_> = bound.iter().filter_map(|one| one.renewal(quic)).collect();
    let renewed = move |tls: &Tls| renewals.iter().for_each(|renew| renew(tls));
    tokio::spawn(tls.watch(host.config.tls.clone(), host.stopping.clone(), renewed));
}

/// Serves one client over standard input and output, until its end of input.
///
/// # Errors
/// If the host doesn't start, or the streams break.
pub async fn stdio(
    mut config: Config,
    view: Option<String>,
    reread: Option<Reread>,
) -> Result<(), StartError> {
    if let Some(unknown) = view
        .as_ref()
        .filter(|name| !config.views.contains_key(*name))
    {
        return Err(StartError::View {
            name: unknown.clone(),
            known: config.views.into_keys().collect(),
        });
    }
    // Every client starts a host of its own, and one file belongs to one of them.
    if config.tasks.store.as_os_str().is_empty() {
        config.tasks.store = IN_MEMORY.into();
    }
    let host = start(config).await?;
    let hangup = follow(&host, reread);
    let serving = stream::serve(
        host.clone(),
        tokio::io::stdin(),
        tokio::io::stdout(),
        None,
        Door::Open(Audience::new(view.map(Arc::from), None)),
        Origin::default(),
    );
    tokio::select! {
        ended = serving => {
            ended?;
        }
        signalled = wait_for_signal(hangup) => signalled?,
    }
    host.stop().await;
    Ok(())
}

pub(crate) fn bind_all(config: &Config) -> Result<Vec<Bound>, StartError> {
    let tls = Tls::load(config)?;
    check_exposed(config)?;
    config
        .listeners()
        .iter()
        .map(|listener| {
            listen::bind(listener, config, tls.as_ref()).map_err(|error| StartError::Listen {
                listener: listener.to_string(),
                error,
            })
        })
        .collect()
}

pub(crate) async fn start(config: Config) -> Result<Arc<Host>, StartError> {
    if let Err(error) = std::fs::read_dir(&config.plugins_dir) {
        return Err(StartError::Plugins {
            dir: config.plugins_dir.display().to_string(),
            error,
        });
    }
    let host = Host::new(config)?;
    let mut loader = Loader::new(host.clone());
    loader.load_all().await;
    tokio::spawn(loader.watch(host.stopping.clone()));
    host.auth.start(&host.stopping);
    tokio::spawn(vitals::sample(host.clone()));
    tokio::spawn(vitals::watch(host.clone()));
    let sweeping = host.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(SWEEP_INTERVAL).await;
            sweeping.sessions.sweep(std::time::Instant::now());
            sweeping.rates.sweep();
            sweeping.long_tasks.sweep().await;
        }
    });
    Ok(host)
}

pub(crate) fn address(listener: &Bound, config: &Config) -> String {
    match listener.scheme {
        Scheme::Http | Scheme::Https => {
            let scheme = listener.scheme.as_str();
            format!("{scheme}://{}{}", listener.addr, config.http.path)
        }
        Scheme::Tcp => format!("tcp://{}", listener.addr),
        Scheme::Quic => format!("quic://{}", listener.addr),
    }
}

/// Tells a newcomer what is served, and one line to try it with.
fn welcome(host: &Host, bound: &[Bound]) {
    let catalogue = host.catalogue.load();
    if catalogue.tools().is_empty() {
        tracing::info!(
            dir = %host.config.plugins_dir.display(),
            "no tools yet: drop a .wasm file into the plugins folder"
        );
        return;
    }
    for (name, slot) in catalogue.slots() {
        if let Some(plugin) = &slot.serving {
            tracing::info!("{name}: {}", summary(&plugin.offers));
        }
    }
    let http = bound.iter().find(|one| one.scheme == Scheme::Http);
    for (name, view) in &host.config.views {
        let offered = catalogue.view(&Some(Arc::from(name.as_str())));
        let tools = offered.count(ListKind::Tools);
        let others = offered.count(ListKind::Resources) + offered.count(ListKind::Prompts);
        tracing::info!(path = view.path, tools, "view {name}");
        if tools + others == 0 {
            tracing::warn!("view {name} shows nothing: no plugin here fits its names");
        }
    }
    if let Some(http) = http {
        let url = address(http, &host.config);
        tracing::info!(
            "try it:\n{}",
            example(&url, catalogue.tool("hello").is_some())
        );
    }
}

/// Names of tools that are told of each plugin at the start.
const NAMES_TOLD_MAX: usize = 8;

fn summary(offers: &Offers) -> String {
    let shown = offers.tools.iter().take(NAMES_TOLD_MAX);
    let mut parts: Vec<String> = shown.map(|one| one.handler.name.clone()).collect();
    let rest = offers.tools.len() - parts.len();
    let counts = [
        (rest, "more tools"),
        (offers.resources.len(), "resources"),
        (offers.templates.len(), "resource templates"),
        (offers.prompts.len(), "prompts"),
    ];
    let counted = counts.into_iter().filter(|(count, _)| *count > 0);
    parts.extend(counted.map(|(count, what)| format!("{count} {what}")));
    parts.join(", ")
}

/// A command that calls `hello` if it is there, and lists the tools if not.
fn example(url: &str, has_hello: bool) -> String {
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let (method, name, params) = if has_hello {
        (
            "tools/call",
            " -H 'Mcp-Name: hello'",
            format!(r#"{{"name":"hello","arguments":{{"name":"Ada"}},{meta}}}"#),
        )
    } else {
        ("tools/list", "", format!("{{{meta}}}"))
    };
    format!(
        "  curl -s {url} -H 'Content-Type: application/json' -H 'MCP-Protocol-Version: 2026-07-28' -H 'Mcp-Method: {method}'{name} -d '{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{method}\",\"params\":{params}}}'"
    )
}

/// What SIGHUP is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hangup {
    /// as SIGTERM
    Stops,
    /// whoever follows the configuration hears of it
    AsksForSettings,
}

pub(crate) async fn wait_for_signal(hangup: Hangup) -> io::Result<()> {
    let hangup_stops = hangup == Hangup::Stops;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // A terminal that is closed is no reason to drop calls.
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hangup.recv(), if hangup_stops => {}
    }
    Ok(())
}
