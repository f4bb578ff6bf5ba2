//! Running a host: `fusebox serve` and `fusebox stdio`.
//!
//! It owns start, the signals and stop, and what the operator is told of them.
//! It never parses arguments.

mod sweep;
mod welcome;

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::signal::unix::{SignalKind, signal};

use crate::admin::{self, AdminError, Unasked};
use crate::auth::Audience;
use crate::config::{Config, Exposed};
use crate::figures;
use crate::host::{Host, HostError};
use crate::inherited::Inherited;
use crate::loader::Loader;
use crate::log_control::LogControl;
use crate::long_tasks::IN_MEMORY;
use crate::origin::Origin;
use crate::reconfigure::{self, Reread};
use crate::seal::KEY_BYTES;
use crate::successor::{Handle, Successor};
use crate::supervise::Pulse;
use crate::systemd;
use crate::telemetry::Telemetry;
use crate::transport::listen::{self, Bound};
use crate::transport::stream::{self, Door};
use crate::transport::tls::{Tls, TlsError};
use crate::vitals;
pub(crate) use welcome::address;
use welcome::welcome;

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
    /// The operator's interface.
    #[error(transparent)]
    Admin(#[from] AdminError),
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
/// if nothing had to be cut off. `reread` is the way to read the configuration again;
/// `telemetry` is told, and ends with it; `log` is how much the log says, for its operator.
///
/// # Errors
/// If the host doesn't start.
pub async fn listeners(
    config: Config,
    reread: Option<Reread>,
    mut inherited: Inherited,
    telemetry: Option<Arc<Telemetry>>,
    log: LogControl,
) -> Result<bool, StartError> {
    // From the beginning: without it this signal would be the end of the process.
    let mut restart = signal(SignalKind::user_defined2())?;
    let sockets = bind_all(&config, &mut inherited, Unasked::Try)?;
    inherited.close_others();
    let seal = inherited.predecessor.as_ref().map(|before| before.seal);
    let host = start_after(config, telemetry.clone(), seal).await?;
    // Nobody else sets it.
    let _ = host.log.set(log);
    let hangup = follow(&host, reread);
    let handles = open(&host, sockets);
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
    let mut stop = pin!(wait_for_signal(hangup));
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
    let clean = match successor {
        None => {
            systemd::stopping();
            stop_host(&host, host.stop()).await?
        }
        Some(successor) => {
            let process = successor.process;
            tracing::info!(
                process,
                "the next host serves: this one finishes what it has"
            );
            systemd::main_process(process);
            stop_host(&host, host.hand_over()).await?
        }
    };
    flush(telemetry).await;
    Ok(clean)
}

/// Lets the collector have what is still to be sent.
async fn flush(telemetry: Option<Arc<Telemetry>>) {
    if let Some(telemetry) = telemetry {
        telemetry.stop().await;
    }
}

/// Keeps a host in step with its configuration, and says what SIGHUP is for then.
fn follow(host: &Arc<Host>, reread: Option<Reread>) -> Hangup {
    match reread {
        Some(reread) => {
            keep(host, "configuration", move |host, _| {
                reconfigure::follow(host, reread.clone())
            });
            Hangup::AsksForSettings
        }
        None => Hangup::Stops,
    }
}

/// Lets the world in.
fn open(host: &Arc<Host>, sockets: Sockets) -> Vec<Handle> {
    let Sockets { listeners, admin } = sockets;
    for url in listeners.iter().map(|one| address(one, &host.config)) {
        tracing::info!("listening on {url}");
    }
    welcome(host, &listeners);
    watch_certificate(host, &listeners, admin.as_ref());
    let of_admin = open_admin(host, admin);
    let accepting = listeners.into_iter().map(|listener| listener.accept(host));
    let handles = accepting.chain(of_admin).collect();
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
        signalled = wait_for_signal(Hangup::AsksForSettings) => {
            signalled?;
            host.stopped.cancel();
            false
        }
    };
    tracing::info!(clean, "stopped");
    Ok(clean)
}

/// What a host listens on.
pub(crate) struct Sockets {
    /// for clients
    pub(crate) listeners: Vec<Bound>,
    /// for the operator
    pub(crate) admin: Option<admin::Bound>,
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
    sockets: Sockets,
    signal: impl Future<Output = io::Result<()>>,
) -> Result<bool, StartError> {
    drop(open(&host, sockets));
    signal.await?;
    stop_host(&host, host.stop()).await
}

/// Opens the operator's interface, and says where it is.
fn open_admin(host: &Arc<Host>, admin: Option<admin::Bound>) -> Option<Handle> {
    let admin = admin?;
    let (url, file) = (admin.url(), admin.token_file().display().to_string());
    tracing::info!(
        "admin interface on {url}, with the token in {file}; `fusebox dashboard` gives a link to its page"
    );
    Some(admin.accept(host))
}

/// Lets the listeners show what is in the files of the certificate.
fn watch_certificate(host: &Arc<Host>, bound: &[Bound], admin: Option<&admin::Bound>) {
    let shown = bound.iter().find_map(|one| one.tls.as_ref());
    let Some(tls) = shown.or_else(|| admin.and_then(admin::Bound::tls)).cloned() else {
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
pub async fn stdio(
    mut config: Config,
    view: Option<String>,
    reread: Option<Reread>,
    telemetry: Option<Arc<Telemetry>>,
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
    // Its listeners are nobody's here; the operator's interface may be asked for.
    let admin = config.admin.listen.listener();
    let tls = match admin.is_some_and(|one| one.scheme.is_encrypted()) {
        true => Tls::load(&config)?,
        false => None,
    };
    let admin = admin::bind(&config, tls.as_ref(), &mut Inherited::none(), Unasked::No)?;
    let host = start(config, telemetry.clone()).await?;
    let hangup = follow(&host, reread);
    open_admin(&host, admin);
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
    flush(telemetry).await;
    Ok(())
}

pub(crate) fn bind_all(
    config: &Config,
    inherited: &mut Inherited,
    unasked: Unasked,
) -> Result<Sockets, StartError> {
    let tls = Tls::load(config)?;
    check_exposed(config)?;
    let listeners = config
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
        .collect::<Result<_, _>>()?;
    let admin = admin::bind(config, tls.as_ref(), inherited, unasked)?;
    Ok(Sockets { listeners, admin })
}

pub(crate) async fn start(
    config: Config,
    telemetry: Option<Arc<Telemetry>>,
) -> Result<Arc<Host>, StartError> {
    start_after(config, telemetry, None).await
}

/// Starts a host; one that takes the place of another knows with what that one seals.
async fn start_after(
    config: Config,
    telemetry: Option<Arc<Telemetry>>,
    seal: Option<[u8; KEY_BYTES]>,
) -> Result<Arc<Host>, StartError> {
    if let Err(error) = std::fs::read_dir(&config.plugins_dir) {
        return Err(StartError::Plugins {
            dir: config.plugins_dir.display().to_string(),
            error,
        });
    }
    let host = match seal {
        Some(seal) => Host::succeeding(config, telemetry, seal)?,
        None => Host::new(config, telemetry)?,
    };
    if let Some(audit) = &host.audit {
        audit.start(&host.parts);
    }
    if let Some(telemetry) = &host.telemetry {
        telemetry.keep(&host.parts);
    }
    let mut loader = Loader::new(host.clone());
    loader.load_all().await;
    watch_plugins(&host, loader);
    host.auth.start(&host.parts, &host.stopping);
    figures::observe(&host);
    let sample_every = host.live().backpressure.sample_interval;
    let part = host
        .parts
        .part("samples")
        .beats_within(sample_every * BEATS_MISSED_MAX);
    let sampled = host.clone();
    part.keep(move |pulse| vitals::sample(sampled.clone(), pulse));
    keep(&host, "health", |host, _| vitals::watch(host));
    keep(&host, "sweeping", sweep::sweep);
    keep(&host, "instances", sweep::instances);
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

#[cfg(test)]
mod tests;
