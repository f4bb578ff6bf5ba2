//! Running a host: `fusebox serve` and `fusebox stdio`.
//!
//! It owns start, the signals and stop, and what the operator is told of them.
//! It never parses arguments.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::signal::unix::{SignalKind, signal};

use crate::auth::Audience;
use crate::config::{Config, Exposed, Scheme};
use crate::host::{Host, HostError};
use crate::inherited::Inherited;
use fusebox_protocol::reply::ListKind;

use crate::loader::Loader;
use crate::long_tasks::IN_MEMORY;
use crate::origin::Origin;
use crate::plugin_entry::Offers;
use crate::seal::KEY_BYTES;
use crate::successor::{Handle, Successor};
use crate::supervise::Pulse;
use crate::systemd;
use crate::transport::listen::{self, Bound};
use crate::transport::stream::{self, Door};
use crate::transport::tls::{Tls, TlsError};
use crate::vitals;

/// How often idle sessions are looked for.
const SWEEP_INTERVAL: std::time::Duration = std::time::Duration::from_secs(30);

/// So many signs of life a part may owe before it is started anew.
const BEATS_MISSED_MAX: u32 = 10;

/// What systemd shows of a host that serves.
const SERVING: &str = "serving";

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
/// if nothing had to be cut off.
///
/// # Errors
/// If the host doesn't start.
pub async fn listeners(config: Config, mut inherited: Inherited) -> Result<bool, StartError> {
    // From the beginning: without it this signal would be the end of the process.
    let mut restart = signal(SignalKind::user_defined2())?;
    let bound = bind_all(&config, &mut inherited)?;
    inherited.close_others();
    let seal = inherited.predecessor.as_ref().map(|before| before.seal);
    let host = start_after(config, seal).await?;
    let handles = open(&host, bound);
    match inherited.predecessor {
        None => systemd::ready(SERVING),
        Some(before) => {
            let host = host.clone();
            tokio::spawn(async move {
                before.take_over().await;
                host.stand_alone().await;
                tracing::info!("the host before has ended: its sockets and files are this one's");
                // Who is not the service's main process yet is not listened to.
                systemd::ready(SERVING);
            });
        }
    }
    let mut stop = pin!(wait_for_signal());
    let successor = loop {
        tokio::select! {
            signalled = &mut stop => {
                signalled?;
                break None;
            }
            _ = restart.recv() => {}
        }
        tracing::info!("restart: the next host is started, and takes over when it is ready");
        systemd::status("restarting: waiting for the next host");
        let starting = Successor::start(&inherited.program, &handles, host.sealer.key());
        tokio::select! {
            signalled = &mut stop => {
                signalled?;
                break None;
            }
            started = starting => match started {
                Ok(successor) => break Some(successor),
                Err(error) => {
                    tracing::error!(%error, "no restart: this host goes on as before");
                    systemd::status(&format!("serving; the last restart failed: {error}"));
                }
            },
        }
    };
    drop(handles);
    match successor {
        None => {
            systemd::stopping();
            stop_host(&host, host.stop()).await
        }
        Some(successor) => {
            let process = successor.process;
            tracing::info!(
                process,
                "the next host serves: this one finishes what it has"
            );
            systemd::main_process(process);
            stop_host(&host, host.hand_over()).await
        }
    }
}

/// Lets the world in.
fn open(host: &Arc<Host>, bound: Vec<Bound>) -> Vec<Handle> {
    for url in bound.iter().map(|one| address(one, &host.config)) {
        tracing::info!("listening on {url}");
    }
    welcome(host, &bound);
    watch_certificate(host, &bound);
    let handles = bound.into_iter().map(|listener| listener.accept(host));
    let handles = handles.collect();
    if let Some(interval) = host.config.metrics_interval {
        keep(host, "figures", move |host, _| {
            vitals::figures(host, interval)
        });
    }
    host.watch(systemd::watchdog_interval(), systemd::alive);
    handles
}

/// Waits for the end of what runs, or for the next signal.
async fn stop_host(host: &Host, stopping: impl Future<Output = bool>) -> Result<bool, StartError> {
    tracing::info!("stopping: no new connections; calls may finish (again: at once)");
    let clean = tokio::select! {
        clean = stopping => clean,
        signalled = wait_for_signal() => {
            signalled?;
            host.stopped.cancel();
            false
        }
    };
    tracing::info!(clean, "stopped");
    Ok(clean)
}

/// Refuses to be reached by strangers unprotected, unless that is meant.
fn check_exposed(config: &Config) -> Result<(), StartError> {
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
    drop(open(&host, bound));
    signal.await?;
    stop_host(&host, host.stop()).await
}

/// Lets the listeners show what is in the files of the certificate.
fn watch_certificate(host: &Arc<Host>, bound: &[Bound]) {
    let Some(tls) = bound.iter().find_map(|one| one.tls.clone()) else {
        return;
    };
    let renewals: Vec<_> = bound.iter().filter_map(Bound::renewal).collect();
    let renewals = Arc::new(renewals);
    // One that was made at the start is not watched.
    let part = host.parts.part("certificate").may_end();
    let host = host.clone();
    part.keep(move |_| {
        let (settings, stop) = (host.config.tls.clone(), host.stopping.clone());
        let renewals = renewals.clone();
        let renewed = move |tls: &Tls| renewals.iter().for_each(|renew| renew(tls));
        tls.clone().watch(settings, stop, renewed)
    });
}

/// Serves one client over standard input and output, until its end of input.
///
/// # Errors
/// If the host doesn't start, or the streams break.
pub async fn stdio(mut config: Config, view: Option<String>) -> Result<(), StartError> {
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
        signalled = wait_for_signal() => signalled?,
    }
    host.stop().await;
    Ok(())
}

pub(crate) fn bind_all(
    config: &Config,
    inherited: &mut Inherited,
) -> Result<Vec<Bound>, StartError> {
    let tls = Tls::load(config)?;
    check_exposed(config)?;
    config
        .listeners()
        .iter()
        .map(|listener| {
            listen::bind(listener, config, tls.as_ref(), inherited).map_err(|error| {
                StartError::Listen {
                    listener: listener.to_string(),
                    error,
                }
            })
        })
        .collect()
}

pub(crate) async fn start(config: Config) -> Result<Arc<Host>, StartError> {
    start_after(config, None).await
}

/// Starts a host; one that takes the place of another knows with what that one seals.
async fn start_after(
    config: Config,
    seal: Option<[u8; KEY_BYTES]>,
) -> Result<Arc<Host>, StartError> {
    if let Err(error) = std::fs::read_dir(&config.plugins_dir) {
        return Err(StartError::Plugins {
            dir: config.plugins_dir.display().to_string(),
            error,
        });
    }
    let host = match seal {
        Some(seal) => Host::succeeding(config, seal)?,
        None => Host::new(config)?,
    };
    let mut loader = Loader::new(host.clone());
    loader.load_all().await;
    watch_plugins(&host, loader);
    host.auth.start(&host.parts, &host.stopping);
    let sample_every = host.config.backpressure.sample_interval;
    let part = host
        .parts
        .part("samples")
        .beats_within(sample_every * BEATS_MISSED_MAX);
    let sampled = host.clone();
    part.keep(move |pulse| vitals::sample(sampled.clone(), pulse));
    keep(&host, "health", |host, _| vitals::watch(host));
    keep(&host, "sweeping", sweep);
    Ok(host)
}

/// Keeps a part of the host that works on the host.
fn keep<Fut>(
    host: &Arc<Host>,
    name: &str,
    work: impl Fn(Arc<Host>, Pulse) -> Fut + Send + Sync + 'static,
) where
    Fut: Future<Output = ()> + Send + 'static,
{
    let part = host.parts.part(name);
    let host = host.clone();
    part.keep(move |pulse| work(host.clone(), pulse));
}

/// Keeps the catalogue in step with the plugins' folder. `loader` has loaded all that
/// there is; one that follows it looks at all of it again.
fn watch_plugins(host: &Arc<Host>, loader: Loader) {
    let first = Mutex::new(Some(loader));
    keep(host, "plugins", move |host, _| {
        let first = first.lock().take();
        async move {
            let loader = match first {
                Some(loader) => loader,
                None => {
                    let mut next = Loader::new(host.clone());
                    next.load_all().await;
                    next
                }
            };
            loader.watch(host.stopping.clone()).await;
        }
    });
}

/// Forgets what has ended, from time to time.
async fn sweep(host: Arc<Host>, _pulse: Pulse) {
    loop {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        host.sessions.sweep(std::time::Instant::now());
        host.rates.sweep();
        host.long_tasks.sweep().await;
    }
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

pub(crate) async fn wait_for_signal() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // A terminal that is closed is no reason to drop calls.
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
