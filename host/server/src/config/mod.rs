//! The configuration: one TOML file, laid over the documented default that is
//! built into the binary. Owns the keys, their ranges and the messages about
//! them. Reads no other file, opens nothing, and does nothing that a key asks for.
//!
//! A file goes through `overlay` (unknown keys, types and ranges, by the table in
//! `rules`), then becomes a [`Config`] of plain types, then `validate` checks
//! what keys must agree on. All that is wrong is reported at once.

mod access;
mod admin;
mod audit;
mod canary;
mod comments;
mod destination;
mod diff;
mod document;
mod durations;
mod effect;
mod encrypted;
mod environment;
mod error;
mod fits;
mod flat;
mod grants;
mod listener;
mod metrics;
mod overlay;
mod peer;
mod plugin;
mod references;
mod rules;
mod running;
mod schema;
mod sections;
mod source;
mod telemetry;
#[cfg(test)]
mod tests;
mod tools;
mod unknown;
mod validate;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use access::{Auth, EVERYTHING, Exposed, OAuth, RateLimits, Role};
pub use admin::{ADMIN_PORT, Admin, AdminListen, AdminListenError, default_token_file};
pub(crate) use audit::METHODS as AUDIT_METHODS;
pub use audit::{Arguments, Audit, Overflow};
pub use canary::{Canary, CanaryChoice};
pub use destination::{AddressRange, Destination, NotADestination, is_name, normal_host};
pub use diff::Difference;
pub use effect::{Effect, effect};
pub use encrypted::{Quic, Tls};
pub use environment::{Environment, FILE_VARIABLE};
pub use error::{ConfigError, ConfigErrors, Location, Problem};
pub(crate) use fits::is_safe;
pub use grants::{
    Folder, Grants, HttpGrant, KeyValue, KeyValueGrant, OwnedKeyValueGrant, SocketsGrant, Source,
    Variable,
};
pub use listener::{Listener, ListenerError, Scheme};
pub use metrics::Metrics;
pub use peer::{NotAPeer, Peer, Transport};
pub use plugin::{Limit, PluginSettings};
pub use sections::{
    Backpressure, Buffers, CircuitBreaker, Engine, Http, Isolation, Limits, Lists, Log, LogFormat,
    LogLevel, MessageQueue, Reload, ResultCache, Session, Socket, Stream, Tasks, View,
};
pub use source::{
    NotASource, PluginSource, SignaturePolicy, Signatures, SourceUrl, Sources, source_key,
};
pub use telemetry::{OtlpProtocol, Ratio, Telemetry};
pub use tools::ToolSettings;

use document::Document;
use overlay::Overlay;
pub(crate) use overlay::named_table;

/// The documented default file, which holds every key.
pub const DEFAULT_TOML: &str = include_str!("../../../../config/fusebox.toml");

/// What [`DEFAULT_TOML`] is called in messages.
const DEFAULT_NAME: &str = "the built-in fusebox.toml";

/// The environment of what is built in.
static NOTHING: Environment = Environment::nothing();

/// The largest configuration file.
const FILE_MAX_BYTES: u64 = 256 << 10;

/// Every setting of the host. The fields are the keys of `fusebox.toml`, which
/// says what they do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The address of the first listener; none: `listen` alone counts.
    #[serde(with = "sections::host")]
    pub host: Option<IpAddr>,
    /// The port of the first listener.
    pub port: u16,
    /// Further listeners.
    pub listen: Vec<Listener>,
    /// The folder with the plugins.
    pub plugins_dir: PathBuf,
    /// Connections open at once.
    pub max_connections: usize,
    /// Parts of each table.
    pub registry_shards: usize,
    /// How long a rendered list is kept.
    #[serde(rename = "capability_cache_ttl_ms", with = "durations::millis")]
    pub capability_cache_ttl: Duration,
    /// How often the host looks whether it is well.
    #[serde(rename = "health_check_interval_ms", with = "durations::millis")]
    pub health_check_interval: Duration,
    /// How often figures go to the log; none: never.
    #[serde(rename = "metrics_interval_ms", with = "durations::optional_millis")]
    pub metrics_interval: Option<Duration>,
    /// How long a stop waits for calls.
    #[serde(rename = "shutdown_timeout_ms", with = "durations::millis")]
    pub shutdown_timeout: Duration,
    /// `[http]`
    pub http: Http,
    /// `[buffers]`
    pub buffers: Buffers,
    /// `[stream]`
    pub stream: Stream,
    /// `[session]`
    pub session: Session,
    /// `[socket]`
    pub socket: Socket,
    /// `[tls]`
    pub tls: Tls,
    /// `[auth]`
    pub auth: Auth,
    /// `[oauth]`
    pub oauth: OAuth,
    /// `[rate_limits]`
    pub rate_limits: RateLimits,
    /// `[admin]`
    pub admin: Admin,
    /// `[quic]`
    pub quic: Quic,
    /// `[lists]`
    pub lists: Lists,
    /// `[message_queue]`
    pub message_queue: MessageQueue,
    /// `[backpressure]`
    pub backpressure: Backpressure,
    /// `[circuit_breaker]`
    pub circuit_breaker: CircuitBreaker,
    /// `[limits]`; ask [`Config::plugin`] for those of one plugin.
    pub limits: Limits,
    /// `[result_cache]`
    pub result_cache: ResultCache,
    /// `[engine]`
    pub engine: Engine,
    /// `[tasks]`
    pub tasks: Tasks,
    /// `[keyvalue]`
    pub keyvalue: KeyValue,
    /// `[reload]`
    pub reload: Reload,
    /// `[canary]`
    pub canary: Canary,
    /// `[sources]`
    pub sources: Sources,
    /// `[signatures]`
    pub signatures: Signatures,
    /// `[audit]`
    pub audit: Audit,
    /// `[log]`
    pub log: Log,
    /// `[telemetry]`
    pub telemetry: Telemetry,
    /// `[metrics]`
    pub metrics: Metrics,
    /// `[plugins.NAME]`, with all the limits in force for that plugin.
    plugins: BTreeMap<String, PluginSettings>,
    /// `[views.NAME]`
    pub views: BTreeMap<String, View>,
    /// `[roles.NAME]`
    pub roles: BTreeMap<String, Role>,
}

impl Default for Config {
    /// What [`DEFAULT_TOML`] says.
    fn default() -> Self {
        let document = Document::new(DEFAULT_NAME, DEFAULT_TOML, &NOTHING);
        let read = Self::over(toml::Table::new(), &document);
        read.expect("a test parses the built-in file").0
    }
}

impl Config {
    /// The file at `path` over the defaults, or nothing without a path, and
    /// `environment` over both.
    ///
    /// # Errors
    /// If the file can't be read, and whatever [`Config::from_toml`] finds.
    pub fn load(path: Option<&Path>, environment: &Environment) -> Result<Self, ConfigErrors> {
        Self::load_with_origins(path, environment).map(|(config, _)| config)
    }

    /// The same, and where each key that is given is given.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_with_origins(
        path: Option<&Path>,
        environment: &Environment,
    ) -> Result<(Self, Origins), ConfigErrors> {
        let name = path.map_or(String::new(), |path| path.display().to_string());
        match path.map_or(Ok(String::new()), read_text) {
            Ok(text) => Self::read(&name, &text, environment),
            Err(problem) => Err(ConfigErrors::new(vec![ConfigError {
                file: name,
                location: None,
                problem,
            }])),
        }
    }

    /// The TOML in `text` over the defaults. `name` is what messages call it.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its line.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, ConfigErrors> {
        Self::read(name, text, &NOTHING).map(|(config, _)| config)
    }

    fn read(
        name: &str,
        text: &str,
        environment: &Environment,
    ) -> Result<(Self, Origins), ConfigErrors> {
        let built_in = Document::new(DEFAULT_NAME, DEFAULT_TOML, &NOTHING);
        let defaults = Overlay::read(&built_in, toml::Table::new()).map_err(ConfigErrors::new)?;
        let document = Document::new(name, text, environment);
        Self::over(defaults.values, &document)
    }

    fn over(
        defaults: toml::Table,
        document: &Document<'_>,
    ) -> Result<(Self, Origins), ConfigErrors> {
        let mut overlay = Overlay::read(document, defaults).map_err(ConfigErrors::new)?;
        let mut config: Self = overlay
            .values
            .clone()
            .try_into()
            .expect("tests compare the fields with the rules and the built-in file");
        config.fill_in();
        validate::validate(&config, &mut overlay);
        match overlay.errors.is_empty() {
            true => Ok((config, Origins(overlay.origins()))),
            false => Err(ConfigErrors::new(overlay.errors)),
        }
    }

    /// What follows from names.
    fn fill_in(&mut self) {
        for (plugin, settings) in &mut self.plugins {
            settings.name.clone_from(plugin);
        }
        for (name, view) in &mut self.views {
            if view.path.is_empty() {
                view.path = format!("{}/{name}", self.http.path.trim_end_matches('/'));
            }
        }
    }

    /// Every listener: that of `host` and `port` first, then those in `listen`.
    pub fn listeners(&self) -> Vec<Listener> {
        let first = self.host.map(|host| Listener {
            scheme: Scheme::Http,
            addr: SocketAddr::new(host, self.port),
        });
        first
            .into_iter()
            .chain(self.listen.iter().copied())
            .collect()
    }

    /// The first listener that needs a certificate which only its operator can
    /// give: one that is encrypted, and reached from other machines.
    pub fn lacks_certificate(&self) -> Option<Listener> {
        let public = |one: &Listener| !one.addr.ip().is_loopback();
        let lacks = self.tls.cert.as_os_str().is_empty();
        self.encrypted()
            .into_iter()
            .find(|one| lacks && public(one))
    }

    /// Every listener that shows a certificate, that of the operator included.
    pub fn encrypted(&self) -> Vec<Listener> {
        let all = self.listeners().into_iter();
        all.chain(self.admin.listen.listener())
            .filter(|one| one.scheme.is_encrypted())
            .collect()
    }

    /// What holds for the plugin `name` (a file without its suffix), whether or
    /// not the file mentions it.
    pub fn plugin(&self, name: &str) -> PluginSettings {
        self.plugins.get(name).cloned().unwrap_or(PluginSettings {
            name: name.to_owned(),
            enabled: true,
            prefix: String::new(),
            include: Vec::new(),
            exclude: Vec::new(),
            tools: BTreeMap::new(),
            limits: self.limits,
            grants: Grants::default(),
            source: None,
            canary: CanaryChoice::Default,
        })
    }

    /// The folder for kept versions and orders; none if the user has no home. Without one in the file it is that of `plugins_dir`, since
    /// plugins of one name in two folders are two plugins. `variable` looks up an
    /// environment variable (`std::env::var_os`).
    pub fn state_folder(&self, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        if !self.reload.state_dir.as_os_str().is_empty() {
            return Some(self.reload.state_dir.clone());
        }
        let states = sections::xdg_folder("XDG_STATE_HOME", ".local/state", variable)?;
        let plugins = std::path::absolute(&self.plugins_dir).ok()?;
        let digest = Sha256::digest(plugins.as_os_str().as_encoded_bytes());
        let name: String = digest[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Some(states.join("fusebox").join("plugins").join(name))
    }

    /// The plugins that have a table.
    pub fn plugin_names(&self) -> impl Iterator<Item = &str> {
        self.plugins.keys().map(String::as_str)
    }

    /// The plugins that come from elsewhere and are not switched off, with where
    /// from, by name.
    pub fn plugin_sources(&self) -> impl Iterator<Item = (&str, &PluginSource)> {
        let enabled = self.plugins.iter().filter(|(_, settings)| settings.enabled);
        enabled.filter_map(|(name, settings)| Some((name.as_str(), settings.source.as_ref()?)))
    }

    /// The same settings for files of the operator's own alone: nothing is fetched,
    /// nothing has to be signed, nothing is tried or kept.
    #[must_use]
    pub fn for_own_files(mut self) -> Self {
        for settings in self.plugins.values_mut() {
            settings.source = None;
            settings.canary = CanaryChoice::Off;
        }
        self.signatures.policy = SignaturePolicy::Off;
        self.reload.keep_versions = 0;
        self.canary.enabled = false;
        self
    }

    /// The flag `--listen`: these listeners instead of `host`, `port` and
    /// `listen`. Without any, nothing changes.
    #[must_use]
    pub fn with_listeners(mut self, listeners: Vec<Listener>) -> Self {
        if !listeners.is_empty() {
            self.host = None;
            self.listen = listeners;
        }
        self
    }

    /// The limits of every plugin that has its own, after those of all others.
    pub fn all_limits(&self) -> Vec<Limits> {
        let own = self.plugins.values().map(|settings| settings.limits);
        std::iter::once(self.limits).chain(own).collect()
    }

    /// The flag `--plugins`.
    #[must_use]
    pub fn with_plugins_dir(mut self, plugins_dir: impl Into<PathBuf>) -> Self {
        self.plugins_dir = plugins_dir.into();
        self
    }

    /// All settings in force, as a file that gives this same configuration. For a
    /// plugin that has a table it shows all limits, the common ones too.
    pub fn effective_toml(&self) -> String {
        let mut config = self.clone();
        // A path that is not Unicode can come from a flag only; TOML can't hold it.
        config.plugins_dir = config.plugins_dir.to_string_lossy().into_owned().into();
        let text = toml::to_string(&config);
        let text = text.expect("every field is a TOML value, and every path is text");
        references::escaped(&text)
    }
}

impl Config {
    /// All settings in force, each on one line that says where its value is from. It
    /// gives this same configuration too.
    pub fn effective_lines(&self, origins: &Origins) -> String {
        let mut text = String::new();
        for (key, value) in flat::flatten(self) {
            let value = references::escaped(&flat::on_one_line(&value));
            let origin = origins.of(&key).unwrap_or("default");
            text += &format!("{key} = {value} # {origin}\n");
        }
        text
    }
}

/// Where the keys that are given are given: a line of the file, or a variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(BTreeMap<String, String>);

impl Origins {
    /// Where a key's value is from, if it isn't the default's.
    fn of(&self, key: &str) -> Option<&str> {
        let limit = || {
            let (plugin, name) = key.rsplit_once('.')?;
            plugin.strip_prefix("plugins.")?;
            self.0.get(&format!("limits.{name}"))
        };
        self.0.get(key).or_else(limit).map(String::as_str)
    }
}

fn read_text(path: &Path) -> Result<String, Problem> {
    let unreadable = |error: std::io::Error| Problem::Unreadable {
        reason: error.to_string(),
    };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if bytes.len() as u64 > FILE_MAX_BYTES {
        return Err(Problem::TooLarge {
            max_bytes: FILE_MAX_BYTES,
        });
    }
    String::from_utf8(bytes).map_err(|error| Problem::Unreadable {
        reason: format!(
            "it is not UTF-8 text (byte {})",
            error.utf8_error().valid_up_to() + 1
        ),
    })
}
