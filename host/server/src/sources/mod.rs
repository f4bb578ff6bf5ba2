//! Plugins from elsewhere: each is looked at when it is time, what is new is put
//! into the cache, and the loader is told.
//!
//! It owns when to look, and what is known of each source. It never loads a plugin
//! and never swaps one: the loader does.

mod board;
mod cache;
mod credentials;
mod error;
mod https;
mod oci;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use oci_client::Reference;
use rustls::pki_types::CertificateDer;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

pub use board::SourceReport;
use board::{Board, Looked};
pub(crate) use cache::Record;
use cache::{Cache, hex};
pub use error::FetchError;

use crate::config::{self, Config, PluginSource, SignaturePolicy, SourceUrl};
use crate::folder;
use crate::supervise::Parts;
use crate::transport::tls::{provider, read_certificates};

/// How long a connection may take to be there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What servers are told of who asks.
const USER_AGENT: &str = concat!("fusebox/", env!("CARGO_PKG_VERSION"));

/// Looks that are taken at once.
const LOOKS_MAX: usize = 8;

/// The wait after the first look in a row that failed; each doubles it.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);

/// The longest such wait.
const BACKOFF_MAX: Duration = Duration::from_secs(300);

/// What the loader is told.
#[derive(Debug)]
pub(crate) struct News {
    /// the plugin's name
    pub(crate) name: String,
    /// what stands in the cache now, or why there is nothing new
    pub(crate) outcome: Result<Record, String>,
}

/// What a look at a source came to.
enum Look {
    /// it is what was known
    Same,
    /// it is something else, which is in the cache
    New(Record),
}

/// What every look needs.
#[derive(Debug)]
struct Fetcher {
    settings: config::Sources,
    cache: Option<Cache>,
    certificates: Vec<CertificateDer<'static>>,
    max_bytes: u64,
    asks_for_signatures: bool,
}

/// All sources of one host.
#[derive(Debug)]
pub struct Sources {
    fetcher: Fetcher,
    board: Board,
    places: Semaphore,
    of: Vec<(String, PluginSource)>,
}

impl Sources {
    /// Nothing is looked at yet.
    ///
    /// # Errors
    /// If `sources.ca` can't be read.
    pub fn new(config: &Config) -> Result<Self, FetchError> {
        let of = config.plugin_sources();
        let of: Vec<_> = of
            .map(|(name, source)| (name.to_owned(), source.clone()))
            .collect();
        Ok(Self {
            board: Board::new(&of),
            fetcher: match of.is_empty() {
                true => Fetcher::new(config, Vec::new()),
                false => Fetcher::of(config)?,
            },
            places: Semaphore::new(LOOKS_MAX),
            of,
        })
    }

    /// The plugins that come from elsewhere.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.of.iter().map(|(name, _)| name.as_str())
    }

    /// Where the plugin of this name comes from, if it is from elsewhere.
    pub(crate) fn url_of(&self, name: &str) -> Option<&SourceUrl> {
        let found = self.of.iter().find(|(known, _)| known == name);
        found.map(|(_, source)| &source.url)
    }

    /// How long the start waits for what is not in the cache.
    pub(crate) fn start_wait(&self) -> Duration {
        self.fetcher.settings.start_wait
    }

    /// What the cache has of a plugin, if it is what the configuration wants.
    pub(crate) async fn cached(&self, name: &str) -> Option<Record> {
        let (_, source) = self.of.iter().find(|(known, _)| known == name)?;
        let cache = self.fetcher.cache.clone()?;
        let (url, max_bytes) = (source.url.to_string(), self.fetcher.max_bytes);
        let found = tokio::task::spawn_blocking(move || cache.record(&url, max_bytes)).await;
        let record = found.ok().flatten()?;
        source
            .pin()
            .is_none_or(|pin| pin == record.digest)
            .then_some(record)
    }

    /// Where the bytes of a record lie.
    pub(crate) fn file(&self, record: &Record) -> Option<PathBuf> {
        Some(self.fetcher.cache.as_ref()?.file(&record.sha256))
    }

    /// What a host that starts without the network will serve; the loader says that
    /// it is good.
    pub(crate) async fn remember(&self, name: &str, record: Record) {
        self.board.served(name, &record.digest);
        let Some(cache) = self.fetcher.cache.clone() else {
            return;
        };
        let done = tokio::task::spawn_blocking(move || cache.remember(&record)).await;
        let done = done.map_err(io::Error::other).and_then(|done| done);
        if let Err(error) = done {
            tracing::warn!(
                plugin = name,
                %error,
                "a fetched plugin is served, but can't be remembered for the next start"
            );
        }
    }

    /// Notes that there is a file with the name of a plugin from elsewhere, or that
    /// it has gone.
    pub(crate) fn note_file(&self, name: &str, is_there: bool) {
        self.board.note_file(name, is_there);
    }

    /// What `/health` says of the source of a plugin.
    pub fn report(&self, name: &str, now: Instant) -> Option<SourceReport> {
        self.board.report(name, now)
    }

    /// Looks at each source when it is time, until `stop`, and tells the loader.
    pub(crate) fn follow(
        self: &Arc<Self>,
        parts: &Arc<Parts>,
        news: &mpsc::Sender<News>,
        stop: &CancellationToken,
    ) {
        for (name, source) in self.of.clone() {
            let (sources, news, stop) = (self.clone(), news.clone(), stop.clone());
            // What is pinned is looked at until it is there.
            let part = parts.part(format!("source {name}")).may_end();
            part.keep(move |_| {
                let (sources, news, stop) = (sources.clone(), news.clone(), stop.clone());
                let (name, source) = (name.clone(), source.clone());
                async move {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = sources.follow_one(&name, &source, &news) => {}
                    }
                }
            });
        }
    }

    async fn follow_one(&self, name: &str, source: &PluginSource, news: &mpsc::Sender<News>) {
        let mut known = self.cached(name).await.filter(|one| self.is_complete(one));
        let mut failed = 0;
        while known.is_none() || source.pin().is_none() {
            let looked = self.look(name, source, known.as_ref()).await;
            let wait = match &looked {
                Ok(_) => {
                    failed = 0;
                    source.interval
                }
                Err(_) => {
                    failed += 1;
                    Some(backoff(failed, source.interval))
                }
            };
            let next = wait.map(|wait| Instant::now() + wait);
            self.tell(name, source, &looked, failed, wait);
            let outcome = match looked {
                Ok(Look::Same) => None,
                Ok(Look::New(record)) => {
                    known = Some(record.clone()).filter(|one| self.is_complete(one));
                    Some(Ok(record))
                }
                Err(error) => Some(Err(format!("{}: {error}", source.url))),
            };
            if let Some(outcome) = outcome {
                let name = name.to_owned();
                // The loader ends with the host.
                let _ = news.send(News { name, outcome }).await;
            }
            let Some(next) = next else {
                return;
            };
            tokio::time::sleep_until(next.into()).await;
        }
        self.board.settled(name);
    }

    /// Whether nothing of it is missing that could be there at the next look.
    fn is_complete(&self, record: &Record) -> bool {
        !self.fetcher.asks_for_signatures || !record.signatures.is_empty()
    }

    async fn look(
        &self,
        name: &str,
        source: &PluginSource,
        known: Option<&Record>,
    ) -> Result<Look, FetchError> {
        let _place = self.places.acquire().await;
        let looking = self.fetcher.look(name, source, known);
        self.fetcher.in_time(looking).await
    }

    /// Tells the log, but not the same again and again.
    fn tell(
        &self,
        name: &str,
        source: &PluginSource,
        looked: &Result<Look, FetchError>,
        failed: u32,
        wait: Option<Duration>,
    ) {
        let url = &source.url;
        let result = match looked {
            Ok(Look::New(record)) => {
                if self.board.fetched(name, &record.digest) {
                    tracing::info!(plugin = name, %url, digest = record.digest, "plugin fetched");
                }
                Ok(())
            }
            Ok(Look::Same) => Ok(()),
            Err(error) => Err(error.to_string()),
        };
        let next_try_ms = wait.map(|wait| wait.as_millis() as u64);
        match self.board.looked(name, result.clone(), failed, wait) {
            Looked::Worse => tracing::warn!(
                plugin = name,
                %url,
                reason = result.err(),
                next_try_ms,
                "the source of a plugin can't be used"
            ),
            Looked::Better => tracing::info!(plugin = name, %url, "the source answers again"),
            Looked::Alike => {}
        }
    }
}

/// How long to wait after so many looks in a row that failed. A source that is
/// looked at often is asked again soon.
fn backoff(failed: u32, interval: Option<Duration>) -> Duration {
    let doubled = BACKOFF_FIRST.saturating_mul(1 << failed.saturating_sub(1).min(16));
    let longest = interval.unwrap_or(BACKOFF_MAX);
    doubled.min(longest.clamp(BACKOFF_FIRST, BACKOFF_MAX))
}

impl Fetcher {
    /// With the certificates of the configuration.
    fn of(config: &Config) -> Result<Self, FetchError> {
        // The clients take what the process has; nothing else sets it, and an error
        // says that it is set.
        let _ = rustls::crypto::CryptoProvider::clone(&provider()).install_default();
        let ca = &config.sources.ca;
        let certificates = match ca.as_os_str().is_empty() {
            true => Vec::new(),
            false => read_certificates("sources.ca", ca)?,
        };
        Ok(Self::new(config, certificates))
    }

    fn new(config: &Config, certificates: Vec<CertificateDer<'static>>) -> Self {
        let settings = config.sources.clone();
        let cache = settings.cache_folder(|name| std::env::var_os(name));
        Self {
            cache: cache.map(Cache::new),
            settings,
            certificates,
            max_bytes: config.reload.file_max_bytes,
            asks_for_signatures: config.signatures.policy != SignaturePolicy::Off,
        }
    }

    /// Within the time that one look may take.
    async fn in_time<T>(
        &self,
        doing: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        let limit = self.settings.timeout;
        match tokio::time::timeout(limit, doing).await {
            Ok(done) => done,
            Err(_) => Err(FetchError::Timeout {
                millis: limit.as_millis(),
            }),
        }
    }

    async fn look(
        &self,
        name: &str,
        source: &PluginSource,
        known: Option<&Record>,
    ) -> Result<Look, FetchError> {
        self.cache()?;
        match &source.url {
            SourceUrl::Oci(reference) => oci::look(self, reference, source, known).await,
            SourceUrl::Https(url) => {
                let key = config::source_key(name, "token");
                // A configuration is not taken without one.
                let record = https::fetch(self, url, source, source.pin(), &key).await?;
                Ok(Look::New(record))
            }
        }
    }

    fn cache(&self) -> Result<&Cache, FetchError> {
        self.cache.as_ref().ok_or(FetchError::NoCache)
    }

    /// Whether the cache has the file with this digest.
    async fn holds(&self, sha256: &str) -> Result<bool, FetchError> {
        let (cache, sha256) = (self.cache()?.clone(), sha256.to_owned());
        let max_bytes = self.max_bytes;
        let asked = tokio::task::spawn_blocking(move || cache.holds(&sha256, max_bytes)).await;
        Ok(asked.unwrap_or(false))
    }

    /// Puts bytes into the cache, if they have this digest.
    async fn keep(&self, bytes: Vec<u8>, expected: Option<&str>) -> Result<String, FetchError> {
        let cache = self.cache()?.clone();
        let dir = self.settings.cache_folder(|name| std::env::var_os(name));
        let expected = expected.map(str::to_owned);
        let kept = tokio::task::spawn_blocking(move || {
            let found = format!("sha256:{}", hex(&bytes));
            if let Some(expected) = expected.filter(|expected| *expected != found) {
                return Err(FetchError::Digest { found, expected });
            }
            cache.keep(&bytes).map_err(|error| FetchError::Cache {
                dir: dir.unwrap_or_default().display().to_string(),
                error,
            })
        });
        let failed = |panic: tokio::task::JoinError| FetchError::Cache {
            dir: "the cache".to_owned(),
            error: io::Error::other(panic),
        };
        kept.await.map_err(failed)?
    }
}

/// Fetches once what stands at an address, for whoever asks on the command line:
/// its bytes, and what is known of them.
///
/// # Errors
/// Why there is nothing.
pub(crate) async fn fetch(
    config: &Config,
    source: &PluginSource,
) -> Result<(Record, Vec<u8>), FetchError> {
    let fetcher = Fetcher::of(config)?;
    let record = match fetcher.in_time(fetcher.look("NAME", source, None)).await? {
        Look::New(record) => record,
        Look::Same => return Err(FetchError::NoCache),
    };
    let file = fetcher.cache()?.file(&record.sha256);
    let bytes = read(&file, &record, fetcher.max_bytes);
    let bytes = bytes.map_err(|reason| FetchError::Artifact { reason })?;
    Ok((record, bytes))
}

/// Puts a component into a registry; gives the digest of its manifest.
///
/// # Errors
/// Why it is not there.
pub(crate) async fn push(
    config: &Config,
    reference: &Reference,
    bytes: Vec<u8>,
    signature: Option<String>,
) -> Result<String, FetchError> {
    let fetcher = Fetcher::of(config)?;
    fetcher
        .in_time(oci::push(&fetcher, reference, bytes, signature))
        .await
}

/// The bytes of a record, whose digest is looked at once more.
///
/// # Errors
/// In plain words.
pub(crate) fn read(file: &std::path::Path, record: &Record, max: u64) -> Result<Vec<u8>, String> {
    let (bytes, sha256) = folder::read(file, max)?;
    match sha256 == record.sha256 {
        true => Ok(bytes),
        false => Err(
            "the file in the cache was changed; it is fetched again at the next start".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_the_interval() {
        let seconds = |failed, interval: Option<u64>| {
            backoff(failed, interval.map(Duration::from_secs)).as_secs()
        };
        let waits: Vec<u64> = (1..=5).map(|failed| seconds(failed, Some(5))).collect();
        assert_eq!(waits, [1, 2, 4, 5, 5]);
        assert_eq!(seconds(1000, Some(86_400)), 300);
        assert_eq!(seconds(1000, None), 300);
        let often = Duration::from_millis(100);
        assert_eq!(backoff(7, Some(often)), BACKOFF_FIRST);
    }
}
