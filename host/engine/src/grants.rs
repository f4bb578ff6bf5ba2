//! What the operator grants to one plugin, and the interfaces by which the host
//! does what was granted.
//!
//! It owns the vocabulary between the configuration and the host functions. It
//! never reads a file, opens no socket, and grants nothing by itself: a plugin of
//! which nothing else is said has [`Grants::nothing`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::keyvalue::Stores;
use crate::outbound::Outbound;
use crate::redact::Redactor;
use crate::sockets::Network;

/// A value that nobody but its plugin may see. It has no `Display`, and its
/// `Debug` says nothing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret(String);

impl Secret {
    /// Takes a value in.
    pub fn new(value: String) -> Self {
        Self(value)
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The value of an environment variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variable {
    /// for everybody
    Plain(String),
    /// for the plugin alone
    Secret(Secret),
}

/// A folder that a plugin may open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// where it is
    pub host: PathBuf,
    /// what the plugin calls it
    pub guest: String,
    /// whether the plugin may change what is in it
    pub write: bool,
}

/// What one plugin may do beside computing.
#[derive(Clone, Debug)]
pub struct Grants {
    /// the table of the configuration that would grant more, for messages
    pub table: String,
    /// what `wasi:config` shows
    pub config: BTreeMap<String, String>,
    /// what `wasi:config` gives to whoever knows the key
    pub secrets: BTreeMap<String, Secret>,
    /// the environment
    pub env: BTreeMap<String, Variable>,
    /// who sends its requests; none: denied
    pub http: Option<Arc<dyn Outbound>>,
    /// who keeps its state; none: denied
    pub keyvalue: Option<Arc<dyn Stores>>,
    /// who judges its sockets; none: denied
    pub network: Option<Arc<dyn Network>>,
    /// folders that it may open
    pub folders: Vec<Folder>,
}

impl Grants {
    /// Nothing at all; `table` is where the configuration could grant something.
    pub fn nothing(table: impl Into<String>) -> Self {
        Self {
            table: table.into(),
            config: BTreeMap::new(),
            secrets: BTreeMap::new(),
            env: BTreeMap::new(),
            http: None,
            keyvalue: None,
            network: None,
            folders: Vec::new(),
        }
    }

    /// Whether its plugin can act on anything outside of its instance.
    pub(crate) fn can_act(&self) -> bool {
        let files = self.folders.iter().any(|folder| folder.write);
        files || self.http.is_some() || self.keyvalue.is_some() || self.network.is_some()
    }

    /// What takes every secret out of a text.
    pub(crate) fn redactor(&self) -> Redactor {
        let env = self.env.values().filter_map(|value| match value {
            Variable::Plain(_) => None,
            Variable::Secret(secret) => Some(secret),
        });
        Redactor::of(self.secrets.values().chain(env).map(Secret::reveal))
    }
}

/// What a plugin may be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// configuration and secrets
    Config,
    /// environment variables
    Environment,
    /// outbound HTTP
    Http,
    /// state that outlives a call
    KeyValue,
    /// sockets, and the lookup of names
    Sockets,
    /// folders
    Files,
}

impl Capability {
    /// What an import reaches for, if that has to be granted.
    pub fn of_import(name: &str) -> Option<Self> {
        const FAMILIES: [(&str, Capability); 8] = [
            ("wasi:config/", Capability::Config),
            ("wasi:cli/environment@", Capability::Environment),
            ("wasi:http/outgoing-handler@", Capability::Http),
            ("wasi:keyvalue/", Capability::KeyValue),
            ("wasi:sockets/ip-name-lookup@", Capability::Sockets),
            ("wasi:sockets/tcp-create-socket@", Capability::Sockets),
            ("wasi:sockets/udp-create-socket@", Capability::Sockets),
            ("wasi:filesystem/", Capability::Files),
        ];
        let found = FAMILIES.iter().find(|(family, _)| name.starts_with(family));
        found.map(|(_, capability)| *capability)
    }

    /// Everything that has to be granted among these imports.
    pub fn of_imports<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<Self> {
        names.into_iter().filter_map(Self::of_import).collect()
    }
}
