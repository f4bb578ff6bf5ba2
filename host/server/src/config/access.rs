//! `[auth]` and `[roles.NAME]`: who may call, and what they are shown.
//!
//! It owns the plain types, and what they must agree on with the listeners. It never
//! judges a caller.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::durations::millis;
use super::sections::View;
use super::{Config, Listener};

/// The role that may see and call everything. No table defines it.
pub const EVERYTHING: &str = "all";

/// `[auth]`: whether callers are asked who they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// The file of keys; empty: nobody is asked.
    pub keys_file: PathBuf,
    /// The role of those who show no key; empty: they are refused.
    pub anonymous: String,
    /// Whether others may reach listeners that ask nobody, or that are not encrypted.
    pub insecure: bool,
}

/// `[oauth]`: whose access tokens are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth {
    /// The issuer, as its tokens have it; empty: no tokens are taken.
    pub issuer: String,
    /// This host, as tokens for it have it: the address of its endpoint.
    pub audience: String,
    /// Where the issuer's keys are; empty: its metadata says.
    pub jwks_url: String,
    /// Certificates that are trusted in place of the system's; empty: the system's.
    pub ca: PathBuf,
    /// Scopes that every token needs.
    pub scopes: Vec<String>,
    /// The role of tokens that have no role's scope; empty: they are refused.
    pub role: String,
    /// How often the issuer's keys are fetched.
    #[serde(rename = "jwks_refresh_ms", with = "millis")]
    pub jwks_refresh: Duration,
}

/// `[rate_limits]`: how many requests of a second are let in; 0: all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimits {
    /// From one address.
    pub address_per_second: u32,
    /// At once, after a pause; 0: as many as in a second.
    pub address_burst: u32,
    /// Of one caller that is known.
    pub caller_per_second: u32,
    /// At once, after a pause; 0: as many as in a second.
    pub caller_burst: u32,
    /// To one tool, of all callers.
    pub tool_per_second: u32,
    /// At once, after a pause; 0: as many as in a second.
    pub tool_burst: u32,
}

/// `[roles.NAME]`: what callers may see and call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// The plugins; none: all.
    pub plugins: Vec<String>,
    /// Patterns of tools; none: all of those plugins.
    pub tools: Vec<String>,
    /// The same for resources and templates.
    pub resources: Vec<String>,
    /// The same for prompts.
    pub prompts: Vec<String>,
    /// Patterns of what is not for them, of any of these kinds, whatever they say.
    pub exclude: Vec<String>,
    /// The views that they may enter; none: all, and the endpoint of everything.
    pub views: Vec<String>,
    /// Whether all of `/health` is told.
    pub health: bool,
    /// The scope that gives a token this role; empty: none does.
    pub scope: String,
    /// Patterns of the names in certificates that give their clients this role.
    pub certificates: Vec<String>,
}

impl Role {
    /// What the role is shown of everything, as a view.
    pub fn as_view(&self) -> View {
        View {
            path: String::new(),
            plugins: self.plugins.clone(),
            tools: self.tools.clone(),
            resources: self.resources.clone(),
            prompts: self.prompts.clone(),
            exclude: self.exclude.clone(),
        }
    }

    /// Whether it may enter a view; none: the endpoint of everything.
    pub fn enters(&self, view: Option<&str>) -> bool {
        self.views.is_empty() || view.is_some_and(|view| self.views.iter().any(|one| one == view))
    }
}

/// What a listener lacks that other machines reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exposed {
    /// the listener
    pub listener: Listener,
    /// nobody is asked who they are
    pub asks_nobody: bool,
    /// what is said there can be read and changed on its way
    pub in_clear: bool,
}

impl Config {
    /// The flag `--insecure`.
    #[must_use]
    pub fn with_insecure(mut self, insecure: bool) -> Self {
        self.auth.insecure |= insecure;
        self
    }

    /// The first listener that other machines reach and that should not be reached
    /// so: one that asks nobody who they are, or that is not encrypted.
    pub fn exposed(&self) -> Option<Exposed> {
        let asks_nobody =
            self.auth.keys_file.as_os_str().is_empty() && self.oauth.issuer.is_empty();
        let by_certificate = !self.tls.client_ca.as_os_str().is_empty();
        let public = self.listeners().into_iter();
        public
            .filter(|one| !one.addr.ip().is_loopback())
            .map(|listener| Exposed {
                listener,
                asks_nobody: asks_nobody && !(by_certificate && listener.scheme.is_encrypted()),
                in_clear: !listener.scheme.is_encrypted(),
            })
            .find(|one| one.asks_nobody || one.in_clear)
    }
}
