//! `fusebox plugin dev`: a host that serves a project while it is written. Each
//! save is built, and what was built takes the place of what served.
//!
//! It owns the order of these. Building is [`super::build`]'s, the change to a new
//! version the loader's, as for every host.

mod lines;
mod sources;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fusebox_toolchain::{Error, Language, Stop};
use tokio::task::JoinHandle;

pub use lines::{FILTER, Lines};

use self::sources::{Look, Sources, Watch};
use super::build::{self, Component, Project};
use crate::admin::Unasked;
use crate::config::{Config, Listener, Scheme};
use crate::inherited::Inherited;
use crate::long_tasks::IN_MEMORY;
use crate::serve::{self, StartError};

/// The target of the lines about building.
pub(crate) const TARGET: &str = "fusebox::dev";

/// What is kept of compiled functions unless the settings say otherwise: room for the
/// last builds of a plugin that brings the runtime of its language along.
const FUNCTIONS_MAX_BYTES: u64 = 256 << 20;

/// How long the end of a build is waited for that was told to stop.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Serves the project in `folder` until SIGTERM or SIGINT, and builds it whenever
/// its sources change. True if nothing had to be cut off. The host has the settings
/// of `config` but for what it serves, and where: on `listen`, or else on loopback.
///
/// # Errors
/// If the folder holds no project, or the host doesn't start. A project that can't
/// be built is told, and waited for.
pub async fn dev(config: Config, folder: PathBuf, listen: Vec<Listener>) -> Result<bool, DevError> {
    Language::of(&folder)?;
    let output = build::plugins_of(&folder);
    std::fs::create_dir_all(&output).map_err(|source| Error::Write {
        path: output.clone(),
        source,
    })?;
    let config = settings(config, &output, listen);
    // A port that is taken is told before a build that may take a minute.
    let sockets = serve::bind_all(&config, &mut Inherited::none(), Unasked::No)?;
    let mut builder = Builder::new(folder, output);
    let signal = serve::wait_for_signal(serve::Hangup::Stops);
    tokio::pin!(signal);
    tokio::select! {
        () = builder.build("the first build may take a minute") => {}
        signalled = &mut signal => {
            signalled.map_err(StartError::Io)?;
            builder.stop().await;
            return Ok(true);
        }
    }
    let host = serve::start(config, None).await?;
    let listeners = sockets.listeners.iter();
    for one in listeners.filter(|one| one.scheme == Scheme::Http) {
        let url = serve::address(one, &host.config);
        tracing::info!(target: TARGET, "{}", client_config(&builder.name, &url));
    }
    let ended = tokio::select! {
        ended = serve::run(host, sockets, signal) => ended,
        never = builder.rebuild() => match never {},
    };
    builder.stop().await;
    Ok(ended?)
}

/// Why there is nothing to be served.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// It is no project.
    #[error(transparent)]
    Project(#[from] Error),
    /// The host doesn't start.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// The host's settings with what is served, and where. Its tasks are forgotten with
/// it, so that it may run beside another host.
fn settings(config: Config, output: &Path, listen: Vec<Listener>) -> Config {
    let mut config = config.for_own_files();
    let loopback = Listener {
        scheme: Scheme::Http,
        addr: SocketAddr::from((Ipv4Addr::LOCALHOST, config.port)),
    };
    let listen = match listen.is_empty() {
        true => vec![loopback],
        false => listen,
    };
    config.reload.enabled = true;
    // A compiler takes what there is; calls are answered beside it.
    config.backpressure.enabled = false;
    if config.engine.functions_max_bytes == 0 {
        config.engine.functions_max_bytes = FUNCTIONS_MAX_BYTES;
    }
    if config.tasks.store.as_os_str().is_empty() {
        config.tasks.store = IN_MEMORY.into();
    }
    config.with_listeners(listen).with_plugins_dir(output)
}

fn client_config(name: &str, url: &str) -> String {
    let settings = serde_json::json!({"mcpServers": {name: {"type": "http", "url": url}}});
    format!("for the configuration of a client:\n{settings}")
}

/// Builds one project, one build after another.
struct Builder {
    folder: PathBuf,
    output: PathBuf,
    name: String,
    watch: Watch,
    sources: Sources,
    /// how the sources looked when the last build began
    look: Look,
    is_first: bool,
    stop: Stop,
    running: Option<JoinHandle<Built>>,
}

/// What a build came to.
struct Built {
    sources: Sources,
    look: Look,
    result: Result<Vec<Component>, Error>,
}

impl Builder {
    fn new(folder: PathBuf, output: PathBuf) -> Self {
        let whole = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        let name = whole.file_name().unwrap_or_default().to_string_lossy();
        Self {
            name: name.into_owned(),
            watch: Watch::new(),
            sources: Sources::new([whole.as_path()], &output),
            look: Look::default(),
            is_first: true,
            stop: Stop::default(),
            running: None,
            folder: whole,
            output,
        }
    }

    /// Builds at each change.
    async fn rebuild(&mut self) -> Infallible {
        loop {
            let look = self.watch.next(&self.sources, &self.look).await;
            let why = self.change(&look);
            self.build(&why).await;
        }
    }

    fn change(&self, look: &Look) -> String {
        let changed = look.changed(&self.look);
        let first = changed.first().map_or_else(String::new, |first| {
            let shown = first.strip_prefix(&self.folder).unwrap_or(first);
            shown.display().to_string()
        });
        match changed.len() {
            0 | 1 => format!("{first} has changed"),
            more => format!("{first} and {} more have changed", more - 1),
        }
    }

    /// Builds once, and tells what came of it. It may be dropped at any time: the
    /// build goes on then, until [`Self::stop`].
    async fn build(&mut self, why: &str) {
        tracing::info!(target: TARGET, "building: {why}");
        let began = Instant::now();
        let sources = self.sources.clone();
        let (folder, output) = (self.folder.clone(), self.output.clone());
        let (is_first, stop) = (self.is_first, self.stop.clone());
        let building = move || one_build(sources, &folder, &output, is_first, &stop);
        let running = tokio::task::spawn_blocking(building);
        let built = self.running.insert(running).await;
        self.running = None;
        self.is_first = false;
        match built {
            Ok(built) => {
                tell(built.result, began.elapsed());
                (self.sources, self.look) = (built.sources, built.look);
            }
            Err(panic) => tracing::error!(target: TARGET, "the build failed: {panic}"),
        }
    }

    /// Ends what is being built.
    async fn stop(&mut self) {
        self.stop.set();
        if let Some(running) = self.running.take() {
            // Asking rustup for a library may take longer, and nobody waits for it.
            let _ = tokio::time::timeout(STOP_GRACE, running).await;
        }
    }
}

/// Builds what the sources are now. The look at them is older than the build, so
/// that a save in the meantime is seen later.
fn one_build(
    mut sources: Sources,
    folder: &Path,
    output: &Path,
    is_first: bool,
    stop: &Stop,
) -> Built {
    let mut look = sources.look();
    let project = Project::read(folder);
    if let Ok(project) = &project {
        let now = Sources::new(project.sources().chain([folder]), output);
        if now != sources {
            look = now.look();
            sources = now;
        }
    }
    // Which Rust builds it doesn't change from save to save.
    let mut say = |line: &str| match is_first {
        true => tracing::info!(target: TARGET, "{line}"),
        false => tracing::debug!(target: TARGET, "{line}"),
    };
    let result = project.and_then(|project| project.build(output, &mut say, Some(stop)));
    Built {
        sources,
        look,
        result,
    }
}

fn tell(result: Result<Vec<Component>, Error>, took: Duration) {
    const KEPT: &str = "what was built before it is still served";
    match result {
        Ok(components) => {
            let took = took.as_secs_f64();
            for component in components {
                tracing::info!(target: TARGET, "{component}, after {took:.1} s");
            }
        }
        Err(Error::Stopped) => {}
        // The compiler has said why.
        Err(Error::Failed { stderr, .. }) if stderr.is_empty() => {
            tracing::error!(target: TARGET, "the build failed; {KEPT}");
        }
        Err(error) => tracing::error!(target: TARGET, "the build failed; {KEPT}: {error}"),
    }
}
