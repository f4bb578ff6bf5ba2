//! New settings for a running host: its configuration file is read again when it
//! changes, or when SIGHUP asks for it.
//!
//! It owns when that is done, that it is done whole or not at all, and what the log and
//! `/health` say of it. It never reads a key by itself, and swaps no plugin: the loader
//! does.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::config::{Config, ConfigErrors, Difference};
use crate::control::Message;
use crate::file_watch::FileWatch;
use crate::host::Host;
use crate::refusal::millis_up;
use crate::serve;

/// The way to read the configuration again, as it was read at the start.
#[derive(Clone)]
pub struct Reread {
    file: PathBuf,
    read: Arc<Read>,
}

/// The file, the environment and the flags.
type Read = dyn Fn() -> Result<Config, ConfigErrors> + Send + Sync;

impl Reread {
    /// From `file`; `read` reads it and lays the rest over it.
    pub fn new(
        file: PathBuf,
        read: impl Fn() -> Result<Config, ConfigErrors> + Send + Sync + 'static,
    ) -> Self {
        Self {
            file,
            read: Arc::new(read),
        }
    }
}

impl fmt::Debug for Reread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reread")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

/// How the settings in force came to be, for `/health`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// milliseconds since 1970: when they were taken in
    pub loaded_at_unix_ms: u64,
    /// of the file, in hex; none: there is no file
    pub sha256: Option<String>,
    /// keys whose new values wait for the next start
    pub pending_restart: Vec<String>,
    /// why the file as it is now is not in force; none: it is
    pub error: Option<String>,
}

/// The standing of one host.
#[derive(Debug)]
pub struct Configuration(Mutex<Standing>);

impl Default for Configuration {
    fn default() -> Self {
        Self(Mutex::new(Standing {
            loaded_at_unix_ms: now_unix_ms(),
            ..Standing::default()
        }))
    }
}

impl Configuration {
    /// As `/health` shows it.
    pub fn standing(&self) -> Standing {
        self.0.lock().clone()
    }

    /// Why the file can't be used, in one line.
    pub fn trouble(&self) -> Option<String> {
        let error = self.0.lock().error.clone();
        error.map(|error| format!("the configuration file can't be used: {error}"))
    }
}

/// Why a file that was read is not put in force.
#[derive(Debug, thiserror::Error)]
enum Refused {
    /// It is not valid.
    #[error(transparent)]
    Invalid(#[from] ConfigErrors),
    /// Something that it names can't be used, or would let strangers in.
    #[error("{0}")]
    Unfit(String),
}

impl Refused {
    fn unfit(error: impl fmt::Display) -> Self {
        Self::Unfit(error.to_string())
    }
}

/// Keeps the settings in step with their file, until the host stops.
pub(crate) async fn follow(host: Arc<Host>, reread: Reread) {
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => hangup,
        Err(error) => {
            tracing::warn!(%error, "SIGHUP can't be caught, so that it can't ask for the configuration");
            return;
        }
    };
    let mut watch = FileWatch::new(vec![reread.file.clone()]).await;
    take_first(&host, &reread).await;
    loop {
        let asked = tokio::select! {
            () = host.stopping.cancelled() => return,
            () = watch.changed() => false,
            Some(()) = hangup.recv() => true,
        };
        if asked {
            tracing::info!("SIGHUP: the configuration is read again");
        }
        let sha256 = digest(&reread.file).await;
        let taken = take(&host, &reread).await;
        tell(&host, taken, sha256);
    }
}

/// Takes in what changed before the watch began. Nothing to tell, most of the time.
async fn take_first(host: &Arc<Host>, reread: &Reread) {
    let sha256 = digest(&reread.file).await;
    let taken = take(host, reread).await;
    let is_as_read = |taken: &Taken| taken.changed.is_empty() && taken.pending.is_empty();
    if taken.as_ref().is_ok_and(is_as_read) {
        host.configuration.0.lock().sha256 = sha256;
    } else {
        tell(host, taken, sha256);
    }
}

async fn digest(file: &std::path::Path) -> Option<String> {
    let bytes = tokio::fs::read(file).await.ok()?;
    let digest = Sha256::digest(&bytes);
    Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What was put in force, and what waits for the next start.
struct Taken {
    changed: Vec<Difference>,
    pending: Vec<Difference>,
}

/// Puts what the file says in force, all of it or nothing.
async fn take(host: &Arc<Host>, reread: &Reread) -> Result<Taken, Refused> {
    let wanted = (reread.read)()?;
    let before = Arc::clone(&host.live());
    let next = wanted.for_running(&host.config);
    serve::check_exposed(&next).map_err(Refused::unfit)?;
    let beliefs = host.auth.prepare(&next, &before).map_err(Refused::unfit)?;
    let taken = Taken {
        changed: before.differences(&next),
        pending: next.differences(&wanted),
    };
    if taken.changed.is_empty() {
        return Ok(taken);
    }
    let next = Arc::new(next);
    let commit = {
        let (host, next) = (host.clone(), next.clone());
        move || host.take(next, beliefs)
    };
    let (answer, answered) = oneshot::channel();
    let message = Message::Configure {
        next,
        commit: Box::new(commit),
        answer,
    };
    host.control.tell(message).map_err(Refused::unfit)?;
    match answered.await {
        Ok(Ok(())) => Ok(taken),
        Ok(Err(reasons)) => Err(Refused::Unfit(reasons.join("\n"))),
        Err(_gone) => Err(Refused::unfit("the host is stopping")),
    }
}

fn tell(host: &Host, taken: Result<Taken, Refused>, sha256: Option<String>) {
    let mut standing = host.configuration.0.lock();
    match taken {
        Ok(Taken { changed, pending }) => {
            for one in &changed {
                tracing::info!("configuration: {one}");
            }
            for one in &pending {
                tracing::warn!("configuration: {one} (waits for the next start)");
            }
            tracing::info!(
                changed = changed.len(),
                pending_restart = pending.len(),
                "the configuration file is in force"
            );
            *standing = Standing {
                loaded_at_unix_ms: now_unix_ms(),
                sha256,
                pending_restart: pending.into_iter().map(|one| one.key).collect(),
                error: None,
            };
        }
        Err(refused) => {
            let words = refused.to_string();
            for line in words.lines() {
                tracing::error!("configuration: {line}");
            }
            tracing::error!("the configuration file can't be used; what was in force stays so");
            let mut lines = words.lines();
            let first = lines.next().unwrap_or_default().to_owned();
            standing.error = Some(match lines.count() {
                0 => first,
                more => format!("{first} (and {more} more, see the log)"),
            });
        }
    }
}

fn now_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, millis_up)
}
