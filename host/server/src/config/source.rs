//! Plugins from elsewhere: `[plugins.NAME.source]`, which says where one comes
//! from, `[sources]`, which holds for all of them, and `[signatures]`. Owns their
//! keys and what an address of a plugin looks like. Fetches nothing.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use minisign_verify::PublicKey;
use oci_client::Reference;
use reqwest::Url;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Config;
use super::durations::{millis, optional_millis};
use super::error::Problem;
use super::grants::Source;
use super::overlay::{Key, Overlay, Place, Value, plugin_key};
use super::rules::{HOUR_MS, Rule, WEEK_MS, int};
use super::sections::xdg_folder;

/// The table in `[plugins.NAME]`.
pub(super) const SOURCE: &str = "source";

/// `[sources]`: what holds for all plugins that come from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sources {
    /// The folder as the configuration has it, perhaps empty; see
    /// [`Sources::cache_folder`].
    pub cache_dir: PathBuf,
    /// How often what a tag stands for is looked at; none: only at the start.
    #[serde(rename = "interval_ms", with = "optional_millis")]
    pub interval: Option<Duration>,
    /// How long one look may take, whatever it fetches.
    #[serde(rename = "timeout_ms", with = "millis")]
    pub timeout: Duration,
    /// How long the start waits for plugins that are not in the cache.
    #[serde(rename = "start_wait_ms", with = "millis")]
    pub start_wait: Duration,
    /// Registries that speak plain HTTP.
    pub insecure: Vec<String>,
    /// Certificates that are trusted beside the system's; empty: none.
    pub ca: PathBuf,
}

impl Sources {
    /// Where fetched files are kept; none if the user has no home. `variable` looks
    /// up an environment variable (`std::env::var_os`).
    pub fn cache_folder(&self, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        if !self.cache_dir.as_os_str().is_empty() {
            return Some(self.cache_dir.clone());
        }
        // Not within the folder of compiled plugins, whose owner sweeps it.
        let caches = xdg_folder("XDG_CACHE_HOME", ".cache", variable)?;
        Some(caches.join("fusebox-plugins"))
    }
}

/// `[plugins.NAME.source]`: where one plugin comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginSource {
    /// The address.
    pub url: SourceUrl,
    /// What has to be there, as `sha256:` and 64 hexadecimal digits: the manifest of
    /// `oci://`, the file of `https://`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// How often a tag is looked at; none: only at the start.
    #[serde(rename = "interval_ms", with = "optional_millis")]
    pub interval: Option<Duration>,
    /// What an `https://` server is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Source>,
}

impl PluginSource {
    /// The digest that must be there, from the address or from `digest`. With it,
    /// nothing that is served can change.
    pub fn pin(&self) -> Option<&str> {
        let of_url = match &self.url {
            SourceUrl::Oci(reference) => reference.digest(),
            SourceUrl::Https(_) => None,
        };
        of_url.or(self.digest.as_deref())
    }
}

/// The address of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceUrl {
    /// An artifact in a registry.
    Oci(Reference),
    /// A file.
    Https(Url),
}

/// A text that is no address of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be {URL_EXPECTED}")]
pub struct NotASource;

const URL_EXPECTED: &str = "such as \"oci://registry.example/tools/weather:1.2\" or \"https://example.org/weather.wasm\", without a user";

impl FromStr for SourceUrl {
    type Err = NotASource;

    fn from_str(text: &str) -> Result<Self, NotASource> {
        if let Some(rest) = text.strip_prefix("oci://") {
            // Else it would be a name on some registry that is nobody's choice here.
            let (registry, _) = rest.split_once('/').ok_or(NotASource)?;
            let is_host = registry == "localhost" || registry.contains(['.', ':']);
            let reference: Reference = rest.parse().map_err(|_| NotASource)?;
            let sha256 = reference.digest().is_none_or(is_digest);
            return (is_host && sha256)
                .then_some(Self::Oci(reference))
                .ok_or(NotASource);
        }
        let url: Url = text.parse().map_err(|_| NotASource)?;
        let has_user = !url.username().is_empty() || url.password().is_some();
        let fits = url.scheme() == "https" && url.has_host() && !has_user;
        (fits && url.fragment().is_none())
            .then_some(Self::Https(url))
            .ok_or(NotASource)
    }
}

impl fmt::Display for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oci(reference) => write!(f, "oci://{reference}"),
            Self::Https(url) => url.fmt(f),
        }
    }
}

impl Serialize for SourceUrl {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SourceUrl {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// `[signatures]`: whose plugins are loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signatures {
    /// What becomes of a plugin without a good signature.
    pub policy: SignaturePolicy,
    /// Public keys of minisign, any of which will do.
    pub keys: Vec<String>,
}

/// What becomes of a plugin without a good signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignaturePolicy {
    /// Nobody looks.
    Off,
    /// It is loaded, and told.
    Warn,
    /// It is not loaded.
    Require,
}

/// The whole key `name` of `[plugins.NAME.source]`.
pub fn source_key(plugin: &str, name: &str) -> String {
    format!("{}.{name}", plugin_key(plugin, SOURCE))
}

/// `sha256:` and 64 digits.
fn is_digest(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(good))
}

/// A key of `[signatures]`.
pub(super) const PUBLIC_KEY: Rule = Rule::Texts {
    fits: |text| PublicKey::from_base64(text).is_ok(),
    expected: "such as \"RWQ...\", the second line of a minisign.pub",
};

/// A registry in `[sources]`.
pub(super) fn is_registry(text: &str) -> bool {
    format!("{text}/name")
        .parse::<Reference>()
        .is_ok_and(|one| one.registry() == text)
}

/// The keys of `[plugins.NAME.source]`.
pub(super) const SOURCE_RULES: &[(&str, Rule)] = &[
    (
        "url",
        Rule::Text {
            fits: |text| text.parse::<SourceUrl>().is_ok(),
            expected: URL_EXPECTED,
        },
    ),
    (
        "digest",
        Rule::Text {
            fits: is_digest,
            expected: "\"sha256:\" and 64 of `0-9 a-f`",
        },
    ),
    ("interval_ms", int(0, WEEK_MS)),
    ("token", Rule::Secret),
];

/// Of `[sources]`.
pub(super) const INTERVAL: Rule = int(0, WEEK_MS);
/// Of `[sources]`.
pub(super) const TIMEOUT: Rule = int(100, HOUR_MS);

impl Overlay<'_> {
    /// Takes over where a plugin comes from, or notes what is wrong with it.
    pub(super) fn source(
        &mut self,
        plugin: &str,
        key: &Key<'_>,
        value: &Value<'_>,
        into: &mut toml::Table,
    ) {
        let table = plugin_key(plugin, SOURCE);
        let Some(entries) = self.entries(&table, key, value) else {
            return;
        };
        let mut base = toml::Table::new();
        let common = self.values.get("sources").and_then(toml::Value::as_table);
        if let Some(interval) = common.and_then(|common| common.get("interval_ms")) {
            base.insert("interval_ms".to_owned(), interval.clone());
        }
        let source = self.table(&Place::Source(plugin), entries, base);
        if source.contains_key("url") {
            into.insert(SOURCE.to_owned(), source.into());
        } else if !self.is_rejected(&format!("{table}.url")) {
            let expected = URL_EXPECTED.to_owned();
            let problem = Problem::Invalid {
                key: format!("{table}.url"),
                value: "missing".to_owned(),
                expected,
            };
            self.error(Some(self.place_of(key)), problem);
        }
    }
}

/// What the keys of a source must agree on, and those of `[signatures]`.
pub(super) fn validate(config: &Config, overlay: &mut Overlay<'_>) {
    for (name, settings) in &config.plugins {
        let Some(source) = &settings.source else {
            continue;
        };
        let table = plugin_key(name, SOURCE);
        if crate::folder::check_name(name).is_err() {
            let expected = "of one with a name of 1 to 64 of `A-Z a-z 0-9 _ - .`".to_owned();
            let value = format!("of a plugin called '{name}'");
            let problem = Problem::Invalid {
                key: table.clone(),
                value,
                expected,
            };
            let location = overlay.location(&format!("{table}.url"));
            overlay.error(location, problem);
        }
        let url = overlay.location(&format!("{table}.url"));
        let mut wrong = |key: &str, value: &str, expected: String| {
            let key = format!("{table}.{key}");
            if overlay.is_rejected(&key) {
                return;
            }
            let location = overlay.location(&key).or(url);
            let value = value.to_owned();
            let problem = Problem::Invalid {
                key,
                value,
                expected,
            };
            overlay.error(location, problem);
        };
        match (&source.url, &source.digest) {
            (SourceUrl::Https(_), None) => {
                let expected = "the digest of the file, \"sha256:\" and what `sha256sum` says of it, because `url` is https://";
                wrong("digest", "missing", expected.to_owned());
            }
            (SourceUrl::Oci(reference), Some(digest)) => {
                if let Some(own) = reference.digest().filter(|own| own != digest) {
                    wrong(
                        "digest",
                        &format!("{digest:?}"),
                        format!("{own:?}, as in `url`"),
                    );
                }
            }
            _ => {}
        }
        if matches!(source.url, SourceUrl::Oci(_)) && source.token.is_some() {
            let expected = "left out: the credentials for a registry are those of `docker login`";
            wrong("token", "given", expected.to_owned());
        }
    }
    let signatures = &config.signatures;
    let key = "signatures.keys";
    if signatures.policy != SignaturePolicy::Off
        && signatures.keys.is_empty()
        && !overlay.is_rejected(key)
    {
        let problem = Problem::Invalid {
            key: key.to_owned(),
            value: "[]".to_owned(),
            expected: "an array with a key in it, because `signatures.policy` asks for signatures"
                .to_owned(),
        };
        let location = overlay
            .location(key)
            .or(overlay.location("signatures.policy"));
        overlay.error(location, problem);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_its_registry_or_its_server() {
        let digest = "a".repeat(64);
        for good in [
            "oci://ghcr.io/owner/weather:1.2",
            "oci://localhost/x:1",
            "oci://127.0.0.1:5000/tools/hello:1",
            &format!("oci://r.example/x@sha256:{digest}"),
            "https://example.org/a/weather.wasm?x=1",
        ] {
            let parsed: SourceUrl = good.parse().unwrap();
            assert_eq!(parsed.to_string(), good);
        }
        assert_eq!(
            "oci://r.example/x"
                .parse::<SourceUrl>()
                .unwrap()
                .to_string(),
            "oci://r.example/x:latest"
        );
        for bad in [
            "",
            "oci://",
            "oci://weather:1",
            "oci://library/weather:1",
            "oci://r.example/Weather:1",
            "oci://user:pw@r.example/x:1",
            &format!("oci://r.example/x@sha512:{digest}{digest}"),
            "http://example.org/weather.wasm",
            "https://user:pw@example.org/weather.wasm",
            "https://example.org/weather.wasm#x",
            "file:///weather.wasm",
            "weather.wasm",
        ] {
            assert_eq!(bad.parse::<SourceUrl>(), Err(NotASource), "{bad}");
        }
    }

    #[test]
    fn a_registry_is_a_host_with_or_without_a_port() {
        for good in ["registry.example", "registry.example:5000", "10.0.0.1:80"] {
            assert!(is_registry(good), "{good}");
        }
        for bad in ["", "registry", "http://registry.example", "a.b/c", "a.b:x"] {
            assert!(!is_registry(bad), "{bad}");
        }
    }
}
